//! Users: the customer's people, under the ids that the customer gives them.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{Custom, Patch, Presence, UserId};

/// A user of an app.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(example = crate::examples::user))]
pub struct User {
    /// The customer's own id.
    pub id: UserId,
    /// Display name.
    pub name: Option<String>,
    /// URL of the avatar.
    pub image: Option<String>,
    /// The customer's own fields.
    pub custom: Custom,
    /// Whether the user came in as a guest.
    pub guest: bool,
    /// When the user was registered.
    pub created_at: DateTime<Utc>,
    /// When the user last changed.
    pub updated_at: DateTime<Utc>,
    /// Set while the user is deactivated: tokens are refused.
    pub deactivated_at: Option<DateTime<Utc>>,
    /// When the user last did something, to the minute.
    pub last_active_at: Option<DateTime<Utc>>,
    /// Whether the user is there, as others see it; in what the user reads of themselves, as it is.
    #[serde(flatten)]
    pub presence: Presence,
}

/// What a message or member shows of its user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(example = crate::examples::user_ref))]
pub struct UserRef {
    /// The customer's own id.
    pub id: UserId,
    /// Display name.
    pub name: Option<String>,
    /// URL of the avatar.
    pub image: Option<String>,
}

/// What a user lets others know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(example = crate::examples::user_settings))]
pub struct UserSettings {
    /// Whether others learn how far the user has read.
    pub read_receipts: bool,
    /// Whether others learn what the user's devices have got.
    pub delivery_receipts: bool,
    /// Whether others learn that the user types.
    pub typing: bool,
    /// The user's own `seq` of their last change.
    pub user_seq: i64,
}

/// Settings to change; those left out stay.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(example = crate::examples::update_user_settings))]
#[serde(default, deny_unknown_fields)]
pub struct UpdateUserSettings {
    /// See [`UserSettings::read_receipts`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub read_receipts: Option<bool>,
    /// See [`UserSettings::delivery_receipts`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delivery_receipts: Option<bool>,
    /// See [`UserSettings::typing`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub typing: Option<bool>,
}

/// A user as the customer's server registers it. Fields left out keep what they were.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(example = crate::examples::upsert_user))]
#[serde(deny_unknown_fields)]
pub struct UpsertUser {
    /// The customer's own id, 1 to 64 bytes.
    pub id: UserId,
    /// Display name, at most 100 characters. Also read as `display_name`.
    #[serde(default, alias = "display_name", skip_serializing_if = "Patch::is_absent")]
    #[cfg_attr(feature = "utoipa", schema(value_type = Option<String>))]
    pub name: Patch<String>,
    /// URL of the avatar. Also read as `avatar_url` or `picture_url`.
    #[serde(default, alias = "avatar_url", alias = "picture_url", skip_serializing_if = "Patch::is_absent")]
    #[cfg_attr(feature = "utoipa", schema(value_type = Option<String>))]
    pub image: Patch<String>,
    /// The customer's own fields, at most 5 KiB.
    #[serde(default, skip_serializing_if = "Patch::is_absent")]
    #[cfg_attr(feature = "utoipa", schema(value_type = Option<Custom>))]
    pub custom: Patch<Custom>,
}

/// Several users at once.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(example = crate::examples::upsert_users))]
#[serde(deny_unknown_fields)]
pub struct UpsertUsers {
    /// 1 to 100 users.
    pub users: Vec<UpsertUser>,
}

/// The users after an upsert, in the order of the request.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(example = crate::examples::upserted_users))]
pub struct UpsertedUsers {
    /// The users as they are now.
    pub users: Vec<User>,
}

/// A partial update. Fields left out stay, `null` clears.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(example = crate::examples::update_user))]
#[serde(deny_unknown_fields)]
pub struct UpdateUser {
    /// Display name, at most 100 characters.
    #[serde(default, alias = "display_name", skip_serializing_if = "Patch::is_absent")]
    #[cfg_attr(feature = "utoipa", schema(value_type = Option<String>))]
    pub name: Patch<String>,
    /// URL of the avatar.
    #[serde(default, alias = "avatar_url", alias = "picture_url", skip_serializing_if = "Patch::is_absent")]
    #[cfg_attr(feature = "utoipa", schema(value_type = Option<String>))]
    pub image: Patch<String>,
    /// Replaces the customer's own fields.
    #[serde(default, skip_serializing_if = "Patch::is_absent")]
    #[cfg_attr(feature = "utoipa", schema(value_type = Option<Custom>))]
    pub custom: Patch<Custom>,
}
