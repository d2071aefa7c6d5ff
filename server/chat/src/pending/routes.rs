//! `/channels/{id}/pending_messages` and `/pending_messages/{id}`.

use actix_web::web::Data;
use actix_web::{HttpResponse, delete, get, patch, post};
use parlor_platform::Result;
use parlor_protocol::message::UpdateMessage;
use parlor_protocol::pending::RejectMessage;
use parlor_protocol::{Capability, Message, MessageId, Page, PendingMessage};
use serde::Deserialize;

use super::{approve, change, store};
use crate::Chat;
use crate::channels::access;
use crate::permissions::may;
use crate::web::{Caller, ChannelRef, Id, NoBody, Params, ValidJson, decode, encode, limit, one_more};

/// Adds the routes of this file.
pub fn configure(config: &mut utoipa_actix_web::service_config::ServiceConfig<'_>) {
    config.service(list).service(update).service(withdraw).service(approve_one).service(reject);
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

/// What waits for approval in a channel, oldest first: for moderators all, for others what they sent themselves.
#[utoipa::path(tag = "approval", params(("id" = String, Path,), ListQuery), responses((status = 200, body = Page<PendingMessage>)))]
#[get("/channels/{id}/pending_messages")]
async fn list(
    chat: Data<Chat>,
    caller: Caller,
    id: Id<ChannelRef>,
    query: Params<ListQuery>,
) -> Result<HttpResponse> {
    let size = limit(query.0.limit)?;
    let after = decode("pending_messages", query.0.cursor.as_deref())?;
    let channel = id.0.resolve(&chat, caller.app()).await?;
    let tx = chat.db.tenant(caller.app()).await?;
    let access = access::require(&tx, &caller, channel, Capability::ReadChannel).await?;
    let all = may(access.actor, Capability::ApproveMessages, access.channel.kind, &access.channel.config);
    let author = caller.user().filter(|_| !all);
    let rows = store::page(&tx, channel, author, after, one_more(size)).await?;
    tx.commit().await?;
    let page =
        Page::of(rows, size, |shown| encode("pending_messages", &(shown.row.created_at, shown.row.id)))?;
    Ok(HttpResponse::Ok().json(page.try_map(store::Shown::into_pending)?))
}

/// Change what one's own message says while it waits for approval.
#[utoipa::path(tag = "approval", params(("id" = String, Path,)), request_body = UpdateMessage, responses((status = 200, body = PendingMessage)))]
#[patch("/pending_messages/{id}")]
async fn update(
    chat: Data<Chat>,
    caller: Caller,
    id: Id<MessageId>,
    body: ValidJson<UpdateMessage>,
) -> Result<HttpResponse> {
    let pending = chat
        .change(caller.app(), async |tx, entries, now| {
            change::update(tx, &caller, id.0, body.value, entries, now).await
        })
        .await?;
    Ok(HttpResponse::Ok().json(pending))
}

/// Take one's own message back while it waits for approval.
#[utoipa::path(tag = "approval", params(("id" = String, Path,)), responses((status = 204)))]
#[delete("/pending_messages/{id}")]
async fn withdraw(chat: Data<Chat>, caller: Caller, id: Id<MessageId>) -> Result<HttpResponse> {
    chat.change(caller.app(), async |tx, entries, now| {
        change::withdraw(tx, &caller, id.0, entries, now).await
    })
    .await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Approve a message: it becomes one of the channel now. For moderators. If its author may not send it any more, that is the
/// answer, and it goes on waiting.
#[utoipa::path(tag = "approval", params(("id" = String, Path,)), responses((status = 200, body = Message)))]
#[post("/pending_messages/{id}/approve")]
async fn approve_one(chat: Data<Chat>, caller: Caller, id: Id<MessageId>, _: NoBody) -> Result<HttpResponse> {
    let message = approve::approve(&chat, &caller, id.0).await?;
    Ok(HttpResponse::Ok().json(message))
}

/// Reject a message. For moderators. Its author is told, with the reason.
#[utoipa::path(tag = "approval", params(("id" = String, Path,)), request_body = RejectMessage, responses((status = 204)))]
#[post("/pending_messages/{id}/reject")]
async fn reject(
    chat: Data<Chat>,
    caller: Caller,
    id: Id<MessageId>,
    body: ValidJson<RejectMessage>,
) -> Result<HttpResponse> {
    chat.change(caller.app(), async |tx, entries, now| {
        change::reject(tx, &caller, id.0, body.value, entries, now).await
    })
    .await?;
    Ok(HttpResponse::NoContent().finish())
}
