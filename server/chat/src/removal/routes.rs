//! `/channels/{id}/truncate`.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpResponse, post};
use parlor_platform::{Error, Result};
use parlor_protocol::channel::TruncateChannel;
use parlor_protocol::message::SendMessage;
use parlor_protocol::{Capability, Channel, ChannelId, ErrorCode, Message, MessageId};

use super::truncate::{Until, truncate};
use crate::Chat;
use crate::channels::access;
use crate::messages::send;
use crate::validate;
use crate::web::{Caller, ChannelRef, Id, IdempotencyKey, ValidJson};

/// Adds the routes of this file.
pub fn configure(config: &mut utoipa_actix_web::service_config::ServiceConfig<'_>) {
    config.service(truncate_one);
}

/// Remove a channel's messages for good: all, or those that were sent before a time. From the answer on nobody reads them,
/// and none is unread; numbers go on where they were. A message can be sent that stays. For admins. Where there is nothing to
/// remove, nothing changes.
#[utoipa::path(
    tag = "channels", request_body = TruncateChannel,
    params(
        ("id" = String, Path,),
        ("Idempotency-Key" = Option<String>, Header, description = "The same key removes what was there the first time"),
    ),
    responses((status = 200, body = Channel))
)]
#[post("/channels/{id}/truncate")]
async fn truncate_one(
    chat: Data<Chat>,
    caller: Caller,
    id: Id<ChannelRef>,
    idempotency: IdempotencyKey,
    body: ValidJson<TruncateChannel>,
) -> Result<HttpResponse> {
    let id = id.0.resolve(&chat, caller.app()).await?;
    let ValidJson { value, bytes } = body;
    let until = match (value.before, value.message) {
        (None, None) => Until::Now,
        (Some(time), None) => {
            validate::readable_time(Some(&time), ErrorCode::InvalidRequest)?;
            Until::Time(time)
        }
        (None, Some(message)) => Until::Seq(say(&chat, &caller, id, &idempotency, message).await?),
        (Some(_), Some(_)) => {
            let why = "A message is sent into a channel that is emptied: `message` goes without `before`.";
            return Err(Error::with(ErrorCode::InvalidRequest, why));
        }
    };
    chat.change(caller.app(), async |tx, entries, now| {
        let empty = async || Ok((StatusCode::OK, truncate(tx, &caller, id, until, entries, now).await?));
        idempotency.once(tx, &caller, &bytes, now, empty).await
    })
    .await
}

/// Sends the message that stays, before the others go: what refuses it leaves the channel as it was, and a repetition finds
/// it where it is. Gives its `seq`.
async fn say(
    chat: &Chat,
    caller: &Caller,
    channel: ChannelId,
    idempotency: &IdempotencyKey,
    message: SendMessage,
) -> Result<i64> {
    if message.parent_id.is_some() || message.reply_to_id.is_some() {
        let why = "What a message replies to or quotes would not be there any more.";
        return Err(Error::with(ErrorCode::InvalidRequest, why));
    }
    let tx = chat.db.tenant(caller.app()).await?;
    access::require(&tx, caller, channel, Capability::TruncateChannel).await?;
    tx.commit().await?;
    let derived = idempotency.derived_id(channel.0, caller).map(MessageId);
    let sent = send::tell(chat, caller, channel, derived, message).await?;
    let message: Message = serde_json::from_str(&sent.json).map_err(Error::internal)?;
    Ok(message.seq)
}
