//! Tokens: who one is, and which realtime channels one may hear.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::user::UpsertUser;
use crate::{Device, User, UserId};

/// Asks for a user's token; from the customer's server only.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(example = crate::examples::create_token))]
#[serde(deny_unknown_fields)]
pub struct CreateToken {
    /// The user, registered or updated on the way.
    pub user: UpsertUser,
    /// Seconds until it expires: 60 to 2,592,000 (30 days), 3,600 unless given.
    #[serde(default)]
    pub expires_in: Option<u32>,
}

/// A user's token.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(example = crate::examples::user_token))]
pub struct UserToken {
    /// JWT for `Authorization: Bearer`.
    pub token: String,
    /// When it expires.
    pub expires_at: DateTime<Utc>,
    /// Whose it is.
    pub user: User,
}

/// Lets a visitor in as a guest, where the app allows guests.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(example = crate::examples::create_guest))]
#[serde(deny_unknown_fields)]
pub struct CreateGuest {
    /// Display name, at most 100 characters.
    #[serde(default)]
    pub name: Option<String>,
}

/// Makes tokens that were issued before now worthless.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(example = crate::examples::revoke_tokens))]
#[serde(deny_unknown_fields)]
pub struct RevokeTokens {
    /// Only this user's; all of the app's if left out.
    #[serde(default)]
    pub user_id: Option<UserId>,
}

/// Asks for leave to connect. The body may be left out.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(example = crate::examples::open_connection))]
#[serde(default, deny_unknown_fields)]
pub struct OpenConnection {
    /// Of the client's making, the same for as long as its window or app lives; a new one each time if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_id: Option<Uuid>,
    /// What the client runs on, `web` unless given.
    pub device: Device,
}

/// How to connect to realtime.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(example = crate::examples::realtime_connection))]
pub struct RealtimeConnection {
    /// WebSocket address that speaks Centrifugo's client protocol.
    pub url: String,
    /// The same by HTTP streaming, for networks that block WebSockets.
    pub http_stream_url: String,
    /// The same by server-sent events.
    pub sse_url: String,
    /// Where the two above send their commands.
    pub emulation_url: String,
    /// Connection JWT, to be used within a minute.
    pub token: String,
    /// When a connection made with it ends, unless a new token is shown.
    pub expires_at: DateTime<Utc>,
    /// The user's own channel, subscribed to by the server.
    pub user_channel: String,
    /// The session that the connection is a part of: to say goodbye with.
    pub session_id: Uuid,
}

/// Asks for leave to hear a realtime channel.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(example = crate::examples::subscribe_request))]
#[serde(deny_unknown_fields)]
pub struct SubscribeRequest {
    /// Such as `chat:channel:{channel_id}`.
    pub channel: String,
}

/// Leave to hear a realtime channel.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(example = crate::examples::subscription_token))]
pub struct SubscriptionToken {
    /// Subscription JWT, to be used within a minute.
    pub token: String,
    /// When a subscription made with it ends, unless a new token is shown.
    pub expires_at: DateTime<Utc>,
}

/// A tenant as its own server sees it.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(example = crate::examples::app))]
pub struct App {
    /// The tenant's id.
    pub id: crate::AppId,
    /// Its name.
    pub name: String,
    /// Where events are sent to, if anywhere.
    pub webhook_url: Option<String>,
    /// Requests a second that the app may make.
    pub rate_limit_rps: i32,
    /// Whether visitors may come in as guests.
    pub guests_enabled: bool,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// Public halves of its keys.
    pub keys: Vec<ApiKey>,
}

/// The public half of an API key.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(example = crate::examples::api_key))]
pub struct ApiKey {
    /// The public key, `kid` of the tokens that its secret signs.
    pub id: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it stops working, if it was rotated out.
    pub expires_at: Option<DateTime<Utc>>,
}
