//! `/channels/{id}/messages`, `/messages`, and the older spellings of rooms.

use actix_web::web::Data;
use actix_web::{HttpResponse, delete, get, patch, post, routes};
use parlor_platform::Result;
use parlor_protocol::message::{ForwardMessage, Forwarded, MessagePage, SendMessage, UpdateMessage};
use parlor_protocol::{Message, MessageId, PendingMessage};
use serde::Deserialize;

use super::list::{self, ListQuery};
use super::{access, delete, edit, forward, send, view};
use crate::Chat;
use crate::web::{Caller, ChannelRef, Id, IdempotencyKey, Params, REPLAYED, ValidJson};

/// Adds the routes of this file.
pub fn configure(config: &mut utoipa_actix_web::service_config::ServiceConfig<'_>) {
    config
        .service(send_one)
        .service(list_some)
        .service(get_one)
        .service(edit_one)
        .service(delete_one)
        .service(forward_one);
}

/// Send a message. 201 if it is new, 200 with the first result if this `id` was sent before.
/// Once this has answered, the message is durable and will be delivered. It moves the author's own read pointer.
#[utoipa::path(
    tag = "messages",
    params(
        ("id" = String, Path,),
        ("Idempotency-Key" = Option<String>, Header, description = "For messages without `id`, 1 to 255 ASCII characters: the same key, the same message"),
    ),
    request_body = SendMessage,
    responses(
        (status = 201, body = Message), (status = 200, body = Message),
        (status = 202, body = PendingMessage, description = "It waits for a moderator's approval"),
    )
)]
#[routes]
#[post("/channels/{id}/messages")]
#[post("/rooms/{id}/messages")]
async fn send_one(
    chat: Data<Chat>,
    caller: Caller,
    id: Id<ChannelRef>,
    idempotency: IdempotencyKey,
    body: ValidJson<SendMessage>,
) -> Result<HttpResponse> {
    let channel = id.0.resolve(&chat, caller.app()).await?;
    let derived = idempotency.derived_id(channel.0, &caller).map(MessageId);
    let sent = send::send(&chat, &caller, channel, derived, body.value).await?;
    let mut response = match (sent.waits, sent.created) {
        (true, _) => HttpResponse::Accepted(),
        (false, true) => HttpResponse::Created(),
        (false, false) => HttpResponse::Ok(),
    };
    if derived.is_some() && !sent.created {
        response.insert_header(REPLAYED);
    }
    Ok(response.content_type("application/json").body(sent.json))
}

/// A page of the timeline, oldest first: the newest, or before, after or around a message. Both cursors are always there;
/// a page that was asked for from one side leads back to that side, also where it is empty.
#[utoipa::path(tag = "messages", params(("id" = String, Path,), ListQuery), responses((status = 200, body = MessagePage)))]
#[routes]
#[get("/channels/{id}/messages")]
#[get("/rooms/{id}/messages")]
#[get("/messages/room/{id}")]
async fn list_some(
    chat: Data<Chat>,
    caller: Caller,
    id: Id<ChannelRef>,
    query: Params<ListQuery>,
) -> Result<HttpResponse> {
    let channel = id.0.resolve(&chat, caller.app()).await?;
    let tx = chat.db.tenant(caller.app()).await?;
    let page = list::page(&tx, &caller, channel, query.0, chat.clock.now()).await?;
    tx.commit().await?;
    Ok(HttpResponse::Ok().json(page))
}

/// One message.
#[utoipa::path(tag = "messages", params(("id" = String, Path,)), responses((status = 200, body = Message)))]
#[get("/messages/{id}")]
async fn get_one(chat: Data<Chat>, caller: Caller, id: Id<MessageId>) -> Result<HttpResponse> {
    let tx = chat.db.tenant(caller.app()).await?;
    let (_, message) = access::readable(&tx, &caller, id.0).await?;
    let message = view::message(&tx, caller.user(), message, chat.clock.now()).await?;
    tx.commit().await?;
    Ok(HttpResponse::Ok().json(message))
}

/// Edit one's own message; the server may edit all. What changes nothing takes no `seq`.
#[utoipa::path(tag = "messages", params(("id" = String, Path,)), request_body = UpdateMessage, responses((status = 200, body = Message)))]
#[patch("/messages/{id}")]
async fn edit_one(
    chat: Data<Chat>,
    caller: Caller,
    id: Id<MessageId>,
    body: ValidJson<UpdateMessage>,
) -> Result<HttpResponse> {
    let message = chat
        .change(caller.app(), async |tx, entries, now| {
            edit::edit(tx, &caller, id.0, body.value, entries, now).await
        })
        .await?;
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
    let message = chat
        .change(caller.app(), async |tx, entries, now| {
            delete::delete(tx, &caller, id.0, query.0.hard, entries, now).await
        })
        .await?;
    Ok(HttpResponse::Ok().json(message))
}

/// Send a message on to other channels, as messages of one's own. Says for each channel what became of it there: one that
/// refuses it does not keep it from the others.
#[utoipa::path(
    tag = "messages",
    params(
        ("id" = String, Path,),
        ("Idempotency-Key" = Option<String>, Header, description = "For requests without `ids`: the same key, the same messages"),
    ),
    request_body = ForwardMessage,
    responses((status = 200, body = Forwarded))
)]
#[post("/messages/{id}/forward")]
async fn forward_one(
    chat: Data<Chat>,
    caller: Caller,
    id: Id<MessageId>,
    idempotency: IdempotencyKey,
    body: ValidJson<ForwardMessage>,
) -> Result<HttpResponse> {
    let forwarded = forward::forward(&chat, &caller, id.0, &idempotency, body.value).await?;
    Ok(HttpResponse::Ok().json(forwarded))
}
