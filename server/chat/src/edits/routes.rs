//! `/messages/{id}/history`.

use actix_web::web::Data;
use actix_web::{HttpResponse, get};
use parlor_platform::Result;
use parlor_protocol::message::MessageEdit;
use parlor_protocol::{Capability, MessageId, Page};
use serde::Deserialize;

use super::store::{self, EditRow};
use crate::Chat;
use crate::messages::access;
use crate::permissions::require;
use crate::web::{Caller, Id, Params, decode, encode, limit, one_more};

/// Adds the routes of this file.
pub fn configure(config: &mut utoipa_actix_web::service_config::ServiceConfig<'_>) {
    config.service(list);
}

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct ListQuery {
    /// 1 to 100, 50 unless given.
    limit: Option<u32>,
    /// From `next` of the page before.
    cursor: Option<String>,
}

/// What a message said before it was edited, the newest version first. For moderators. Of a deleted message nothing is
/// shown, unless the deletion is taken back.
#[utoipa::path(tag = "messages", params(("id" = String, Path,), ListQuery), responses((status = 200, body = Page<MessageEdit>)))]
#[get("/messages/{id}/history")]
async fn list(
    chat: Data<Chat>,
    caller: Caller,
    id: Id<MessageId>,
    query: Params<ListQuery>,
) -> Result<HttpResponse> {
    let size = limit(query.0.limit)?;
    let before = decode::<i64>("edits", query.0.cursor.as_deref())?;
    let tx = chat.db.tenant(caller.app()).await?;
    let (access, message) = access::readable(&tx, &caller, id.0).await?;
    require(access.actor, Capability::ReadEdits, access.channel.kind, &access.channel.config)?;
    let rows = match message.deleted_at {
        None => store::page(&tx, id.0, before, one_more(size)).await?,
        Some(_) => Vec::new(),
    };
    tx.commit().await?;
    let page = Page::of(rows, size, |row| encode("edits", &row.seq))?;
    Ok(HttpResponse::Ok().json(page.try_map(EditRow::into_edit)?))
}
