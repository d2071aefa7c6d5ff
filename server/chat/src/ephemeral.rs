//! `/channels/{id}/ephemeral_messages`: what one member is shown, and nobody keeps.
//!
//! It travels through the outbox like everything that is told, takes no `seq`, has no row, and is not kept for recovery:
//! who is not connected never sees it.

use actix_web::web::Data;
use actix_web::{HttpResponse, post};
use parlor_platform::outbox::Command;
use parlor_platform::{Error, Result};
use parlor_protocol::message::{SendEphemeral, SendMessage};
use parlor_protocol::{Capability, EphemeralMessage, ErrorCode, EventId, EventType, event};
use serde_json::json;

use crate::Chat;
use crate::channels::{access, change::hint};
use crate::members::store as members;
use crate::messages::send;
use crate::users::store as users;
use crate::web::{Caller, ChannelRef, Id, ValidJson};

/// Adds the route of this file.
pub fn configure(config: &mut utoipa_actix_web::service_config::ServiceConfig<'_>) {
    config.service(show);
}

/// Show something to one member of a channel, once: it is nowhere kept, and who is not connected never sees it. For
/// moderators and the server.
#[utoipa::path(
    tag = "messages", params(("id" = String, Path,)), request_body = SendEphemeral,
    responses((status = 200, body = EphemeralMessage))
)]
#[post("/channels/{id}/ephemeral_messages")]
async fn show(
    chat: Data<Chat>,
    caller: Caller,
    id: Id<ChannelRef>,
    body: ValidJson<SendEphemeral>,
) -> Result<HttpResponse> {
    let SendEphemeral { id: named, to, text, content_type, content, attachments, custom, user_id } =
        body.value;
    let user = caller.acts_for(user_id)?;
    let mut said = SendMessage { text, content_type, content, attachments, custom, ..SendMessage::default() };
    send::check(&mut said, caller.is_server())?;
    let channel = id.0.resolve(&chat, caller.app()).await?;
    let message = chat
        .change(caller.app(), async |tx, entries, now| {
            access::require(tx, &caller, channel, Capability::SendEphemeral).await?;
            let user = users::active(tx, &[user.as_str()]).await?.pop().ok_or(ErrorCode::UserUnknown)?;
            members::find(tx, channel, &to).await?.ok_or(ErrorCode::MemberNotFound)?;
            let message = EphemeralMessage {
                id: named.unwrap_or_default(),
                channel_id: channel,
                user,
                to,
                content_type: said.content_type.unwrap_or_default(),
                text: said.text,
                content: said.content,
                attachments: said.attachments,
                custom: said.custom,
                created_at: now,
            };
            let data = json!({ "message": message });
            let envelope = hint(EventType::MessageEphemeral, channel, now, data);
            // The message's own id: a repetition is dropped on the way, or by the client.
            let envelope = parlor_protocol::Envelope { id: EventId(message.id.0), ..envelope };
            let topic = event::user_topic(tx.app_id(), &message.to);
            entries.command(&message.to, Command::publish(topic, &envelope)?);
            Ok::<_, Error>(message)
        })
        .await?;
    Ok(HttpResponse::Ok().json(message))
}
