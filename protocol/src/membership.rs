//! What a channel is to one of its members alone, and how they change it.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use crate::Patch;

/// What a channel is to one of its members alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(example = crate::examples::member_settings))]
pub struct MemberSettings {
    /// Since when it is pinned; `null` if it is not.
    pub pinned_at: Option<DateTime<Utc>>,
    /// Since when it is archived; `null` if it is not.
    pub archived_at: Option<DateTime<Utc>>,
    /// `null` if the channel is not muted, or no longer. A muted channel is left out of the total of unread messages.
    pub muted: Option<Muted>,
    /// Hidden from the list of channels until its next message that counts as unread for others.
    pub hidden: bool,
    /// What the member wants to hear of.
    pub notifications: Notifications,
    /// The first `seq` whose message the member may read. Clients forget what they hold below it, and drop what they are
    /// told of it.
    pub history_from_seq: i64,
    /// Countable messages below `history_from_seq`. Unread is counted from this where it is more than `read_ordinal`.
    pub history_ordinal: i64,
    /// The user's own `seq` of the last change of this membership.
    pub user_seq: i64,
}

/// How long a channel is muted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
pub struct Muted {
    /// Since when.
    pub since: DateTime<Utc>,
    /// Until when; `null`: until it is unmuted.
    pub until: Option<DateTime<Utc>>,
}

/// What a member wants to hear of from a channel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Notifications {
    /// Every message.
    #[default]
    All,
    /// Messages that mention the member.
    Mentions,
    /// Nothing.
    None,
}

impl Notifications {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::All, Self::Mentions, Self::None];

    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Mentions => "mentions",
            Self::None => "none",
        }
    }

    /// The one of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str() == name)
    }
}

/// What to change of one's own membership. Fields left out stay.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(example = crate::examples::update_membership))]
#[serde(deny_unknown_fields)]
pub struct UpdateMembership {
    /// Pin or unpin the channel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pinned: Option<bool>,
    /// Archive it or take it back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archived: Option<bool>,
    /// Mute the channel; `null` unmutes it.
    #[serde(default, skip_serializing_if = "Patch::is_absent")]
    #[cfg_attr(feature = "utoipa", schema(value_type = Option<Mute>))]
    pub muted: Patch<Mute>,
    /// Hide the channel until its next message: `true`, or `{"clear_history": true}`; `false` shows it again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hidden: Option<Hidden>,
    /// What to hear of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notifications: Option<Notifications>,
}

/// For how long to mute.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Mute {
    /// Until then, which must be in the future; for good if left out.
    #[serde(default)]
    pub until: Option<DateTime<Utc>>,
}

/// Whether to hide a channel, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
#[serde(untagged)]
pub enum Hidden {
    /// Hide it or show it.
    Switch(bool),
    /// Hide it.
    Hide(Hide),
}

// Not derived: that would take a list for an object, and its error would not say what is wrong inside.
impl<'de> Deserialize<'de> for Hidden {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;

        impl<'de> Visitor<'de> for Either {
            type Value = Hidden;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("true, false or an object")
            }

            fn visit_bool<E: Error>(self, switch: bool) -> Result<Hidden, E> {
                Ok(Hidden::Switch(switch))
            }

            fn visit_map<A: MapAccess<'de>>(self, fields: A) -> Result<Hidden, A::Error> {
                Hide::deserialize(MapAccessDeserializer::new(fields)).map(Hidden::Hide)
            }
        }

        deserializer.deserialize_any(Either)
    }
}

/// How to hide.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Hide {
    /// Also hide the messages so far from this member, for good.
    #[serde(default)]
    pub clear_history: bool,
}
