//! Who is there.
//!
//! Online is who has a session; what is shown beside it is the user's own choice. Who is invisible looks to everybody
//! else like somebody who is not there.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Patch, UserId, UserRef};

/// What a user is shown as.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// There.
    #[default]
    Online,
    /// Has done nothing for a while. Chosen, or shown of who chose `online`.
    Idle,
    /// Has done nothing for long. Chosen, or shown of who chose `online`.
    Away,
    /// Does not want to be disturbed.
    Dnd,
    /// Looks offline to others. Only the user sees this.
    Invisible,
    /// Is not there. Can't be chosen.
    Offline,
}

impl Status {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Online, Self::Idle, Self::Away, Self::Dnd, Self::Invisible, Self::Offline];

    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Online => "online",
            Self::Idle => "idle",
            Self::Away => "away",
            Self::Dnd => "dnd",
            Self::Invisible => "invisible",
            Self::Offline => "offline",
        }
    }

    /// The one of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == name)
    }
}

/// What a session runs on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Device {
    /// A phone or tablet.
    Mobile,
    /// A program on a computer.
    Desktop,
    /// A browser.
    #[default]
    Web,
}

impl Device {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Mobile, Self::Desktop, Self::Web];

    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Mobile => "mobile",
            Self::Desktop => "desktop",
            Self::Web => "web",
        }
    }

    /// The one of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|device| device.as_str() == name)
    }
}

/// Whether somebody is there, and as what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
pub struct Presence {
    /// Whether the user has a session; `false` to others while the user is invisible.
    pub online: bool,
    /// To others `offline` of who is not online; to the user what they chose.
    pub status: Status,
    /// The user's own words, at most 100 characters.
    pub status_text: Option<String>,
    /// `#rrggbb`.
    pub status_color: String,
    /// Last activity, to the minute, or the end of the last session. It stands still while the user is invisible.
    pub last_seen_at: Option<DateTime<Utc>>,
}

/// The presence of a user as others see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(example = crate::examples::user_presence))]
pub struct UserPresence {
    /// Whose.
    pub user_id: UserId,
    /// What of them.
    #[serde(flatten)]
    pub presence: Presence,
    /// On what the user is online, each once.
    pub devices: Vec<Device>,
}

/// One's own presence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(example = crate::examples::own_presence))]
pub struct OwnPresence {
    /// As the user chose it.
    #[serde(flatten)]
    pub presence: Presence,
    /// When it returns to what was before; `null` if it stays.
    pub expires_at: Option<DateTime<Utc>>,
}

/// What to change of one's own presence. Fields left out stay, `null` clears: text to none, colour to `#22c55e`.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(example = crate::examples::update_presence))]
#[serde(deny_unknown_fields)]
pub struct UpdatePresence {
    /// Anything but `offline`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<Status>,
    /// At most 100 characters.
    #[serde(default, skip_serializing_if = "Patch::is_absent")]
    #[cfg_attr(feature = "utoipa", schema(value_type = Option<String>))]
    pub status_text: Patch<String>,
    /// `#rrggbb`.
    #[serde(default, skip_serializing_if = "Patch::is_absent")]
    #[cfg_attr(feature = "utoipa", schema(value_type = Option<String>))]
    pub status_color: Patch<String>,
    /// When all of it returns to what was before the first change that had an end: in the future, within a year. Left out,
    /// it stays for good.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<DateTime<Utc>>,
}

/// Whose presence to tell.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(example = crate::examples::query_presence))]
#[serde(deny_unknown_fields)]
pub struct QueryPresence {
    /// 1 to 100 users.
    pub user_ids: Vec<UserId>,
}

/// The end of a session, as its client tells it.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(example = crate::examples::goodbye))]
#[serde(deny_unknown_fields)]
pub struct Goodbye {
    /// Which session.
    pub session_id: Uuid,
}

/// A page of those who have a channel open now.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(example = crate::examples::watchers))]
pub struct Watchers {
    /// By user id. Empty where more than 1,000 connections are there: such a crowd is only counted.
    pub items: Vec<UserRef>,
    /// Cursor of the next page, `null` on the last.
    #[cfg_attr(feature = "utoipa", schema(required))]
    pub next: Option<String>,
    /// How many users they are in all, without those who are invisible; of a crowd with them.
    pub count: usize,
}
