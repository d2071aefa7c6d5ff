//! `/channels/{id}/messages`, `/messages`, and the older spellings of rooms.

use actix_web::web::Data;
use actix_web::{HttpResponse, delete, get, patch, post};
use parlor_platform::{Error, Result};
use parlor_protocol::message::{MessagePage, SendMessage, UpdateMessage};
use parlor_protocol::{Capability, ErrorCode, Message, MessageId};
use serde::Deserialize;

use super::list::{self, ListQuery};
use super::{delete, edit, send};
use crate::Chat;
use crate::channels::access;
use crate::web::{Caller, ChannelRef, Id, IdempotencyKey, Params, ValidJson};

/// Adds the routes of this file.
pub fn configure(config: &mut utoipa_actix_web::service_config::ServiceConfig<'_>) {
    config
        .service(send_one)
        .service(list_some)
        .service(get_one)
        .service(edit_one)
        .service(delete_one)
        .service(send_to_room)
        .service(list_of_room)
        .service(list_by_room);
}

/// Send a message. 201 if it is new, 200 with the first result if this `id` was sent before.
/// Once this has answered, the message is durable and will be delivered.
#[utoipa::path(
    tag = "messages", params(("id" = String, Path,)), request_body = SendMessage,
    responses((status = 201, body = Message), (status = 200, body = Message))
)]
#[post("/channels/{id}/messages")]
async fn send_one(
    chat: Data<Chat>,
    caller: Caller,
    id: Id<ChannelRef>,
    idempotency: IdempotencyKey,
    body: ValidJson<SendMessage>,
) -> Result<HttpResponse> {
    send_in(&chat, &caller, id.0, &idempotency, body.value).await
}

/// Older spelling of sending to a channel.
#[utoipa::path(
    tag = "aliases", params(("id" = String, Path,)), request_body = SendMessage,
    responses((status = 201, body = Message), (status = 200, body = Message))
)]
#[post("/rooms/{id}/messages")]
async fn send_to_room(
    chat: Data<Chat>,
    caller: Caller,
    id: Id<ChannelRef>,
    idempotency: IdempotencyKey,
    body: ValidJson<SendMessage>,
) -> Result<HttpResponse> {
    send_in(&chat, &caller, id.0, &idempotency, body.value).await
}

async fn send_in(
    chat: &Chat,
    caller: &Caller,
    channel: ChannelRef,
    idempotency: &IdempotencyKey,
    request: SendMessage,
) -> Result<HttpResponse> {
    let channel = channel.resolve(chat, caller.app()).await?;
    let derived = idempotency.derived_id(caller.user().map_or("", |user| user.as_str())).map(MessageId);
    let sent = send::send(chat, caller, channel, derived, request).await?;
    let mut response = if sent.created { HttpResponse::Created() } else { HttpResponse::Ok() };
    Ok(response.content_type("application/json").body(sent.json))
}

/// A page of the timeline, oldest first: the newest, or before, after or around a message.
#[utoipa::path(tag = "messages", params(("id" = String, Path,), ListQuery), responses((status = 200, body = MessagePage)))]
#[get("/channels/{id}/messages")]
async fn list_some(
    chat: Data<Chat>,
    caller: Caller,
    id: Id<ChannelRef>,
    query: Params<ListQuery>,
) -> Result<HttpResponse> {
    list_in(&chat, &caller, id.0, query.0).await
}

/// Older spelling of a channel's timeline.
#[utoipa::path(tag = "aliases", params(("id" = String, Path,), ListQuery), responses((status = 200, body = MessagePage)))]
#[get("/rooms/{id}/messages")]
async fn list_of_room(
    chat: Data<Chat>,
    caller: Caller,
    id: Id<ChannelRef>,
    query: Params<ListQuery>,
) -> Result<HttpResponse> {
    list_in(&chat, &caller, id.0, query.0).await
}

/// Older spelling of a channel's timeline.
#[utoipa::path(tag = "aliases", params(("id" = String, Path,), ListQuery), responses((status = 200, body = MessagePage)))]
#[get("/messages/room/{id}")]
async fn list_by_room(
    chat: Data<Chat>,
    caller: Caller,
    id: Id<ChannelRef>,
    query: Params<ListQuery>,
) -> Result<HttpResponse> {
    list_in(&chat, &caller, id.0, query.0).await
}

async fn list_in(
    chat: &Chat,
    caller: &Caller,
    channel: ChannelRef,
    query: ListQuery,
) -> Result<HttpResponse> {
    let channel = channel.resolve(chat, caller.app()).await?;
    let tx = chat.db.tenant(caller.app()).await?;
    let page = list::page(&tx, caller, channel, query).await?;
    tx.commit().await?;
    Ok(HttpResponse::Ok().json(page))
}

/// One message.
#[utoipa::path(tag = "messages", params(("id" = String, Path,)), responses((status = 200, body = Message)))]
#[get("/messages/{id}")]
async fn get_one(chat: Data<Chat>, caller: Caller, id: Id<MessageId>) -> Result<HttpResponse> {
    let tx = chat.db.tenant(caller.app()).await?;
    let (channel, message) = edit::visible(&tx, &caller, id.0).await?;
    access::require(&tx, &caller, channel, Capability::ReadChannel).await?;
    tx.commit().await?;
    Ok(HttpResponse::Ok().json(message))
}

/// Edit one's own message; the server may edit all.
#[utoipa::path(tag = "messages", params(("id" = String, Path,)), request_body = UpdateMessage, responses((status = 200, body = Message)))]
#[patch("/messages/{id}")]
async fn edit_one(
    chat: Data<Chat>,
    caller: Caller,
    id: Id<MessageId>,
    body: ValidJson<UpdateMessage>,
) -> Result<HttpResponse> {
    let request = body.value;
    if request.text.is_none() && request.attachments.is_none() && request.custom.is_none() {
        return Err(Error::with(
            ErrorCode::InvalidRequest,
            "Name at least one of `text`, `attachments`, `custom`.",
        ));
    }
    let now = chat.clock.now();
    let mut entries = chat.entries();
    let tx = chat.db.tenant(caller.app()).await?;
    let message = edit::edit(&tx, &caller, id.0, request, &mut entries, now).await?;
    entries.store(&tx, now).await?;
    tx.commit().await?;
    chat.bell.ring();
    Ok(HttpResponse::Ok().json(message))
}

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct DeleteQuery {
    /// Erase it, so that not even its place is shown. Only for the server.
    #[serde(default)]
    hard: bool,
}

/// Delete one's own message; moderators delete anybody's.
#[utoipa::path(tag = "messages", params(("id" = String, Path,), DeleteQuery), responses((status = 200, body = Message)))]
#[delete("/messages/{id}")]
async fn delete_one(
    chat: Data<Chat>,
    caller: Caller,
    id: Id<MessageId>,
    query: Params<DeleteQuery>,
) -> Result<HttpResponse> {
    let now = chat.clock.now();
    let mut entries = chat.entries();
    let tx = chat.db.tenant(caller.app()).await?;
    let message = delete::delete(&tx, &caller, id.0, query.0.hard, &mut entries, now).await?;
    entries.store(&tx, now).await?;
    tx.commit().await?;
    chat.bell.ring();
    Ok(HttpResponse::Ok().json(message))
}
