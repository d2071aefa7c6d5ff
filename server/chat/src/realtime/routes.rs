//! `/realtime` and typing.

use actix_web::web::Data;
use actix_web::{HttpResponse, post};
use chrono::Duration;
use parlor_platform::config::RealtimeKind;
use parlor_platform::{Error, Result};
use parlor_protocol::channel::Typing;
use parlor_protocol::token::{OpenConnection, RealtimeConnection, SubscribeRequest, SubscriptionToken};
use parlor_protocol::{Capability, ChannelId, ErrorCode, event};
use uuid::Uuid;

use super::typing::tell;
use crate::Chat;
use crate::channels::access;
use crate::presence::Info;
use crate::web::{Caller, ChannelRef, Id, TypingCaller, UserCaller, ValidJson};

/// Adds the routes of this file.
pub fn configure(config: &mut utoipa_actix_web::service_config::ServiceConfig<'_>) {
    config.service(connection).service(subscription).service(typing);
}

/// Where and how to connect, for any client of Centrifugo's protocol. The connection is a part of the session that the body
/// names.
#[utoipa::path(tag = "realtime", request_body = OpenConnection, responses((status = 200, body = RealtimeConnection)))]
#[post("/realtime/connection")]
async fn connection(
    chat: Data<Chat>,
    caller: UserCaller,
    body: ValidJson<OpenConnection>,
) -> Result<HttpResponse> {
    let OpenConnection { session_id, device } = body.value;
    let info = Info { session_id: session_id.unwrap_or_else(Uuid::new_v4), device };
    if chat.config.realtime.kind == RealtimeKind::Centrifugo {
        // Only who was seen is disconnected when the app is shut out.
        chat.activity.noted(caller.app, &caller.user).await?;
    }
    let (token, expires_at) = chat.tokens.connection(caller.app, &caller.user, &info, chat.clock.now())?;
    chat.presence.token(caller.app, &caller.user, info.session_id, device);
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
        session_id: info.session_id,
    }))
}

/// The realtime server tells what was said in the last five minutes to who comes back, and clocks differ a little.
const TOLD_AGAIN: Duration = Duration::minutes(6);

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
    let access = access::require(&tx, &Caller::User(caller.clone()), id, Capability::ReadChannel).await?;
    chat.listed.note(&tx, &access, &chat.config, chat.clock.now()).await?;
    tx.commit().await?;
    let now = chat.clock.now();
    let recovers = access.has_read_all_since(now - TOLD_AGAIN);
    let (token, expires_at) = chat.tokens.subscription(caller.app, &caller.user, id, recovers, now)?;
    Ok(HttpResponse::Ok().json(SubscriptionToken { token, expires_at }))
}

/// Say that one types, in the channel or in one of its threads, or no longer does. Repeat every few seconds; receivers forget it after six.
/// Never stored. Of repetitions one every two seconds is passed on; they are answered alike, and cost nothing of the budget
/// that sending is paid from.
#[utoipa::path(tag = "realtime", params(("id" = String, Path,)), request_body = Typing, responses((status = 204)))]
#[post("/channels/{id}/typing")]
async fn typing(
    chat: Data<Chat>,
    caller: TypingCaller,
    id: Id<ChannelRef>,
    body: ValidJson<Typing>,
) -> Result<HttpResponse> {
    let id = id.0.resolve(&chat, caller.0.app).await?;
    tell(&chat, caller.0, id, body.value).await?;
    Ok(HttpResponse::NoContent().finish())
}
