//! `/messages/{id}/reactions`, and the older spelling of it.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse, delete, get, routes};
use parlor_platform::Result;
use parlor_protocol::reaction::AddReaction;
use parlor_protocol::{Message, MessageId, Page, Reaction, UserId};
use serde::Deserialize;

use super::store::ReactionRow;
use super::{add, remove, store};
use crate::messages::access;
use crate::web::{Caller, Id, Params, ValidJson, decode, encode, limit, one_more, segment};
use crate::{Chat, validate};

/// Adds the routes of this file.
pub fn configure(config: &mut utoipa_actix_web::service_config::ServiceConfig<'_>) {
    config.service(add_one).service(remove_one).service(list);
}

/// React to a message, beside one's other reactions or, with `enforce_unique`, instead of them. Whoever may send may react.
/// The same again changes nothing, with another score it replaces the first.
#[utoipa::path(tag = "reactions", params(("id" = String, Path,)), request_body = AddReaction, responses((status = 200, body = Message)))]
#[routes]
#[post("/messages/{id}/reactions")]
#[post("/messages/{id}/react")]
async fn add_one(
    chat: Data<Chat>,
    caller: Caller,
    id: Id<MessageId>,
    body: ValidJson<AddReaction>,
) -> Result<HttpResponse> {
    let message = chat
        .change(caller.app(), async |tx, entries, now| {
            add::add(tx, &caller, id.0, body.value, entries, now).await
        })
        .await?;
    Ok(HttpResponse::Ok().json(message))
}

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct RemoveQuery {
    /// Whose reaction; only from the customer's server, which must say it.
    user_id: Option<UserId>,
}

/// Take one's own reaction back. What was not given changes nothing.
#[utoipa::path(
    tag = "reactions",
    params(("id" = String, Path,), ("type" = String, Path, description = "The emoji or shortcode, percent-encoded"), RemoveQuery),
    responses((status = 200, body = Message))
)]
#[delete("/messages/{id}/reactions/{type}")]
async fn remove_one(
    chat: Data<Chat>,
    caller: Caller,
    id: Id<MessageId>,
    query: Params<RemoveQuery>,
    request: HttpRequest,
) -> Result<HttpResponse> {
    let kind: String = segment(&request, "type")?;
    let message = chat
        .change(caller.app(), async |tx, entries, now| {
            remove::remove(tx, &caller, id.0, &kind, query.0.user_id, entries, now).await
        })
        .await?;
    Ok(HttpResponse::Ok().json(message))
}

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct ListQuery {
    /// Only reactions of this type.
    #[serde(rename = "type")]
    kind: Option<String>,
    /// 1 to 100, 50 unless given.
    limit: Option<u32>,
    /// From `next` of the page before.
    cursor: Option<String>,
}

/// Who reacted to a message, newest first.
#[utoipa::path(tag = "reactions", params(("id" = String, Path,), ListQuery), responses((status = 200, body = Page<Reaction>)))]
#[get("/messages/{id}/reactions")]
async fn list(
    chat: Data<Chat>,
    caller: Caller,
    id: Id<MessageId>,
    query: Params<ListQuery>,
) -> Result<HttpResponse> {
    let ListQuery { kind, limit: asked, cursor } = query.0;
    let size = limit(asked)?;
    let before = decode::<i64>("reactions", cursor.as_deref())?;
    kind.as_deref().map_or(Ok(()), validate::reaction_type)?;
    let tx = chat.db.tenant(caller.app()).await?;
    let (_, message) = access::readable(&tx, &caller, id.0).await?;
    // Those of a deleted message may still be kept, in case that it comes back.
    let rows = match message.deleted_at {
        None => store::page(&tx, id.0, kind.as_deref(), before, one_more(size)).await?,
        Some(_) => Vec::new(),
    };
    tx.commit().await?;
    let page = Page::of(rows, size, |row| encode("reactions", &row.seq))?;
    Ok(HttpResponse::Ok().json(page.try_map(ReactionRow::into_reaction)?))
}
