//! `/realtime` and typing.

use actix_web::web::Data;
use actix_web::{HttpResponse, post};
use parlor_platform::config::RealtimeKind;
use parlor_platform::outbox::Command;
use parlor_platform::{Error, Result, task};
use parlor_protocol::channel::Typing;
use parlor_protocol::token::{RealtimeConnection, SubscribeRequest, SubscriptionToken};
use parlor_protocol::{Capability, ChannelId, Envelope, ErrorCode, EventId, EventType, event};
use serde_json::json;

use crate::channels::access;
use crate::web::{Caller, ChannelRef, Id, NoBody, UserCaller, ValidJson};
use crate::{Chat, users};

/// Adds the routes of this file.
pub fn configure(config: &mut utoipa_actix_web::service_config::ServiceConfig<'_>) {
    config.service(connection).service(subscription).service(typing);
}

/// Where and how to connect, for any client of Centrifugo's protocol.
#[utoipa::path(tag = "realtime", responses((status = 200, body = RealtimeConnection)))]
#[post("/realtime/connection")]
async fn connection(chat: Data<Chat>, caller: UserCaller, _body: NoBody) -> Result<HttpResponse> {
    if chat.config.realtime.kind == RealtimeKind::Centrifugo {
        // Only who was seen is disconnected when the app is shut out.
        chat.activity.noted(caller.app, &caller.user).await?;
    }
    let (token, expires_at) = chat.tokens.connection(caller.app, &caller.user, chat.clock.now())?;
    let websocket = chat.config.realtime.public_url.trim_end_matches('/');
    let http = websocket.replacen("ws", "http", 1);
    Ok(HttpResponse::Ok().json(RealtimeConnection {
        url: format!("{websocket}/connection/websocket"),
        http_stream_url: format!("{http}/connection/http_stream"),
        sse_url: format!("{http}/connection/sse"),
        emulation_url: format!("{http}/emulation"),
        token,
        expires_at,
        user_channel: event::user_topic(caller.app, &caller.user),
    }))
}

/// Leave to hear `chat:channel:{id}`, for those who may read the channel.
#[utoipa::path(tag = "realtime", request_body = SubscribeRequest, responses((status = 200, body = SubscriptionToken)))]
#[post("/realtime/subscription")]
async fn subscription(
    chat: Data<Chat>,
    caller: UserCaller,
    body: ValidJson<SubscribeRequest>,
) -> Result<HttpResponse> {
    let topic = &body.value.channel;
    let id =
        topic.strip_prefix("chat:channel:").and_then(|id| id.parse::<ChannelId>().ok()).ok_or_else(|| {
            Error::with(
                ErrorCode::InvalidParameter,
                "`channel` is `chat:channel:{channel_id}`; others are the server's.",
            )
        })?;
    let tx = chat.db.tenant(caller.app).await?;
    access::require(&tx, &Caller::User(caller.clone()), id, Capability::ReadChannel).await?;
    tx.commit().await?;
    let (token, expires_at) = chat.tokens.subscription(caller.app, &caller.user, id, chat.clock.now())?;
    Ok(HttpResponse::Ok().json(SubscriptionToken { token, expires_at }))
}

/// Say that one types, or no longer does. Repeat every few seconds; receivers forget it after six.
/// Never stored; more than one a second and channel is dropped silently.
#[utoipa::path(tag = "realtime", params(("id" = String, Path,)), request_body = Typing, responses((status = 204)))]
#[post("/channels/{id}/typing")]
async fn typing(
    chat: Data<Chat>,
    caller: UserCaller,
    id: Id<ChannelRef>,
    body: ValidJson<Typing>,
) -> Result<HttpResponse> {
    let id = id.0.resolve(&chat, caller.app).await?;
    let tx = chat.db.tenant(caller.app).await?;
    let access = access::require(&tx, &Caller::User(caller.clone()), id, Capability::SendMessage).await?;
    let user = users::store::active(&tx, &[caller.user.as_str()]).await?.pop();
    tx.commit().await?;
    let quiet = chat.limits.typing.check((caller.app, caller.user.clone(), id), 2).is_err();
    if access.channel.config.typing_disabled || (quiet && body.value.typing) {
        return Ok(HttpResponse::NoContent().finish());
    }
    let envelope = Envelope {
        id: EventId::new(),
        kind: if body.value.typing { EventType::TypingStart } else { EventType::TypingStop },
        channel_id: Some(id),
        seq: None,
        prev_seq: None,
        created_at: chat.clock.now(),
        data: json!({ "user": user }),
    };
    let command = Command::publish(event::channel_topic(id), &envelope)?;
    let realtime = chat.realtime.clone();
    // Nobody waits for it, and nobody misses it.
    task::spawn("typing", async move {
        if let Err(error) = realtime.carry_out(vec![command]).await {
            tracing::debug!(?error, "a typing event was lost");
        }
    });
    Ok(HttpResponse::NoContent().finish())
}
