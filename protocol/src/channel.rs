//! Channels: where messages are.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::member::NewMember;
use crate::{Capability, ChannelId, Custom, Member, Message, Patch, Task, UserId};

/// What kind of conversation a channel is; its type sets the defaults of who may do what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ChannelType {
    /// Direct and group messages.
    Messaging,
    /// Everybody in the app may read and join.
    Livestream,
    /// A room of a team.
    Team,
    /// Customer and seller.
    Commerce,
}

impl ChannelType {
    /// All types.
    pub const ALL: [Self; 4] = [Self::Messaging, Self::Livestream, Self::Team, Self::Commerce];

    /// The type's name on the wire, the first half of a `cid`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Messaging => "messaging",
            Self::Livestream => "livestream",
            Self::Team => "team",
            Self::Commerce => "commerce",
        }
    }

    /// The type of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

/// Switches of a channel.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct ChannelConfig {
    /// While frozen only admins, owners and the server send.
    pub frozen: bool,
    /// Whether every user of the app may join by themselves. Livestream channels are always open.
    pub open: bool,
    /// Switches typing events off.
    pub typing_disabled: bool,
}

/// A channel as its reader sees it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(example = crate::examples::channel))]
pub struct Channel {
    /// The channel's id; realtime events come on `chat:channel:{id}`.
    pub id: ChannelId,
    /// `type:slug`, unique in the app, such as `messaging:general`.
    pub cid: String,
    /// What kind of conversation it is.
    #[serde(rename = "type")]
    pub kind: ChannelType,
    /// Display name.
    pub name: Option<String>,
    /// URL of a picture.
    pub image: Option<String>,
    /// The customer's own fields.
    pub custom: Custom,
    /// Switches.
    pub config: ChannelConfig,
    /// Who created it; `null` if the server did.
    pub created_by: Option<UserId>,
    /// Members at present.
    pub member_count: i32,
    /// Number of the channel's last durable change.
    pub seq: i64,
    /// Countable messages so far.
    pub ordinal: i64,
    /// When the newest message was sent.
    pub last_message_at: Option<DateTime<Utc>>,
    /// When the channel was created.
    pub created_at: DateTime<Utc>,
    /// When name, image, custom data or config last changed.
    pub updated_at: DateTime<Utc>,
    /// The reader's own membership, `null` for who is no member.
    pub membership: Option<Member>,
    /// Messages that the reader hasn't read; 0 for who is no member.
    pub unread: i64,
    /// What the reader may do here.
    pub capabilities: Vec<Capability>,
    /// The newest message of the timeline.
    pub last_message: Option<Message>,
}

/// Creates a channel, or answers with the one that has this `cid` or these distinct members already.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(example = crate::examples::create_channel))]
#[serde(deny_unknown_fields)]
pub struct CreateChannel {
    /// What kind of conversation it is.
    #[serde(rename = "type")]
    pub kind: ChannelType,
    /// Second half of the `cid`: 1 to 64 of `[A-Za-z0-9_-]`. Made by the server if left out.
    #[serde(default)]
    pub id: Option<String>,
    /// One channel for exactly these members (2 to 20, the caller included), whoever asks first.
    #[serde(default)]
    pub distinct: bool,
    /// Members, at most 100. The calling user becomes `owner` in any case.
    #[serde(default)]
    pub members: Vec<NewMember>,
    /// Display name, at most 100 characters.
    #[serde(default)]
    pub name: Option<String>,
    /// URL of a picture.
    #[serde(default)]
    pub image: Option<String>,
    /// The customer's own fields, at most 5 KiB.
    #[serde(default)]
    pub custom: Custom,
    /// Switches.
    #[serde(default)]
    pub config: ChannelConfig,
}

/// A partial update. Fields left out stay, `null` clears.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(example = crate::examples::update_channel))]
#[serde(deny_unknown_fields)]
pub struct UpdateChannel {
    /// Display name, at most 100 characters.
    #[serde(default, skip_serializing_if = "Patch::is_absent")]
    #[cfg_attr(feature = "utoipa", schema(value_type = Option<String>))]
    pub name: Patch<String>,
    /// URL of a picture.
    #[serde(default, skip_serializing_if = "Patch::is_absent")]
    #[cfg_attr(feature = "utoipa", schema(value_type = Option<String>))]
    pub image: Patch<String>,
    /// Replaces the customer's own fields.
    #[serde(default, skip_serializing_if = "Patch::is_absent")]
    #[cfg_attr(feature = "utoipa", schema(value_type = Option<Custom>))]
    pub custom: Patch<Custom>,
    /// Switches to change; those left out stay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config: Option<UpdateChannelConfig>,
}

/// Switches to change.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct UpdateChannelConfig {
    /// See [`ChannelConfig::frozen`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frozen: Option<bool>,
    /// See [`ChannelConfig::open`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub open: Option<bool>,
    /// See [`ChannelConfig::typing_disabled`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub typing_disabled: Option<bool>,
}

/// What changed in a channel after a `seq`: rows as they are now, so ten edits of a message are one row.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(example = crate::examples::channel_changes))]
pub struct ChannelChanges {
    /// The channel as it is now.
    pub channel: Channel,
    /// New and changed messages, by `updated_seq`; deleted ones with `deleted_at`.
    pub messages: Vec<Message>,
    /// New and changed members, by `updated_seq`; removed ones with `removed_at`.
    pub members: Vec<Member>,
    /// New and changed tasks, by `updated_seq`; deleted ones with `deleted_at`.
    pub tasks: Vec<Task>,
    /// The reader now holds everything up to here. Ask again from here while `more` is true.
    pub seq: i64,
    /// Whether there is more after `seq`.
    pub more: bool,
}

/// A typing indication; never stored.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(example = crate::examples::typing))]
#[serde(deny_unknown_fields)]
pub struct Typing {
    /// `true` when typing started or goes on, `false` when it stopped.
    pub typing: bool,
}
