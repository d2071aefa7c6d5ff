//! `/messages/{id}/pin`, `/channels/{id}/pins`.

use std::collections::HashMap;

use actix_web::web::Data;
use actix_web::{HttpResponse, delete, get, post};
use chrono::Datelike;
use parlor_platform::Result;
use parlor_protocol::pin::PinMessage;
use parlor_protocol::{Capability, ErrorCode, Message, MessageId, Page};
use serde::Deserialize;
use uuid::Uuid;

use super::{pin, store};
use crate::Chat;
use crate::channels::access;
use crate::messages::{store as messages, view};
use crate::web::{Caller, ChannelRef, Id, Params, ValidJson, decode, encode, limit, one_more};

/// Adds the routes of this file.
pub fn configure(config: &mut utoipa_actix_web::service_config::ServiceConfig<'_>) {
    config.service(pin_one).service(unpin_one).service(list);
}

/// Pin a message, for good or until a time, or give a pinned one another end. Moderators pin, and in messaging channels all
/// members. A channel has at most 50 pins.
#[utoipa::path(tag = "pins", params(("id" = String, Path,)), request_body = PinMessage, responses((status = 200, body = Message)))]
#[post("/messages/{id}/pin")]
async fn pin_one(
    chat: Data<Chat>,
    caller: Caller,
    id: Id<MessageId>,
    body: ValidJson<PinMessage>,
) -> Result<HttpResponse> {
    let message = chat
        .change(caller.app(), async |tx, entries, now| {
            pin::pin(tx, &caller, id.0, body.value, entries, now).await
        })
        .await?;
    Ok(HttpResponse::Ok().json(message))
}

/// Unpin a message. What is not pinned changes nothing.
#[utoipa::path(tag = "pins", params(("id" = String, Path,)), responses((status = 200, body = Message)))]
#[delete("/messages/{id}/pin")]
async fn unpin_one(chat: Data<Chat>, caller: Caller, id: Id<MessageId>) -> Result<HttpResponse> {
    let message = chat
        .change(caller.app(), async |tx, entries, now| pin::unpin(tx, &caller, id.0, entries, now).await)
        .await?;
    Ok(HttpResponse::Ok().json(message))
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

/// A channel's pinned messages, the last pinned first.
#[utoipa::path(tag = "pins", params(("id" = String, Path,), ListQuery), responses((status = 200, body = Page<Message>)))]
#[get("/channels/{id}/pins")]
async fn list(
    chat: Data<Chat>,
    caller: Caller,
    id: Id<ChannelRef>,
    query: Params<ListQuery>,
) -> Result<HttpResponse> {
    let size = limit(query.0.limit)?;
    let before = decode::<store::Position>("pins", query.0.cursor.as_deref())?;
    if before.is_some_and(|(time, _)| !(1..=9999).contains(&time.year())) {
        return Err(ErrorCode::InvalidCursor.into());
    }
    let id = id.0.resolve(&chat, caller.app()).await?;
    let (reader, now) = (caller.user(), chat.clock.now());
    let tx = chat.db.tenant_snapshot(caller.app()).await?;
    let access = access::require(&tx, &caller, id, Capability::ReadChannel).await?;
    let rows = store::page(&tx, id, access.history_from_seq(), before, one_more(size), now).await?;
    let page = Page::of(rows, size, |row| encode("pins", row))?;
    let ids: Vec<Uuid> = page.items.iter().map(|(_, message)| *message).collect();
    let found = messages::of(&tx, &ids, reader).await?;
    let found = found.into_iter().map(messages::MessageRow::into_message).collect::<Result<_>>()?;
    let found = view::messages(&tx, reader, found, now).await?;
    tx.commit().await?;
    let mut found: HashMap<Uuid, Message> =
        found.into_iter().map(|message| (message.id.0, message)).collect();
    let items: Vec<Message> = ids.iter().filter_map(|id| found.remove(id)).collect();
    Ok(HttpResponse::Ok().json(Page { items, next: page.next }))
}
