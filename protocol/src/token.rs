//! Tokens: who one is, and which realtime channels one may hear.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::limits::UNDELETE_MINUTES;
use crate::user::UpsertUser;
use crate::{ChannelType, Device, Patch, User, UserId};

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
    /// What holds in all of its channels.
    pub settings: AppSettings,
}

/// What holds in all channels of an app.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct AppSettings {
    /// How long messages are kept.
    pub retention_days: RetentionDays,
    /// Minutes for which a deletion can be taken back, and what was deleted is kept aside; 0: not at all. 10 unless set.
    pub undelete_minutes: u32,
}

impl Default for AppSettings {
    fn default() -> Self {
        Self { retention_days: RetentionDays::default(), undelete_minutes: UNDELETE_MINUTES }
    }
}

/// Days after which messages are removed, by the type of their channel; `null`: they are kept. A channel's config may say
/// otherwise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct RetentionDays {
    /// In direct and group messages.
    pub messaging: Option<u32>,
    /// In livestreams.
    pub livestream: Option<u32>,
    /// In rooms of teams.
    pub team: Option<u32>,
    /// Between customers and sellers.
    pub commerce: Option<u32>,
}

impl RetentionDays {
    /// Of channels of this type.
    pub fn of(&self, kind: ChannelType) -> Option<u32> {
        match kind {
            ChannelType::Messaging => self.messaging,
            ChannelType::Livestream => self.livestream,
            ChannelType::Team => self.team,
            ChannelType::Commerce => self.commerce,
        }
    }
}

/// Settings of the app to change; those left out stay.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(example = crate::examples::update_app))]
#[serde(default, deny_unknown_fields)]
pub struct UpdateApp {
    /// How long messages are kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retention_days: Option<UpdateRetentionDays>,
    /// 0 to 1,440.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub undelete_minutes: Option<u32>,
}

/// Types of channels to change; those left out stay. Each 1 to 3,650 days, or `null` for good.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct UpdateRetentionDays {
    /// See [`RetentionDays::messaging`].
    #[serde(skip_serializing_if = "Patch::is_absent")]
    #[cfg_attr(feature = "utoipa", schema(value_type = Option<u32>))]
    pub messaging: Patch<u32>,
    /// See [`RetentionDays::livestream`].
    #[serde(skip_serializing_if = "Patch::is_absent")]
    #[cfg_attr(feature = "utoipa", schema(value_type = Option<u32>))]
    pub livestream: Patch<u32>,
    /// See [`RetentionDays::team`].
    #[serde(skip_serializing_if = "Patch::is_absent")]
    #[cfg_attr(feature = "utoipa", schema(value_type = Option<u32>))]
    pub team: Patch<u32>,
    /// See [`RetentionDays::commerce`].
    #[serde(skip_serializing_if = "Patch::is_absent")]
    #[cfg_attr(feature = "utoipa", schema(value_type = Option<u32>))]
    pub commerce: Patch<u32>,
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
