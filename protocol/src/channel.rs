//! Channels: where messages are.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::member::NewMember;
use crate::message::SendMessage;
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

    /// Whether all users of the app read it, members or not.
    pub fn is_public(self) -> bool {
        self == Self::Livestream
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
    /// Whether messages from before they came are hidden from those who become members from now on.
    pub hide_history_for_new_members: bool,
    /// Switches read receipts off: nobody learns how far others have read.
    pub read_receipts_disabled: bool,
    /// Switches delivery receipts off.
    pub delivery_receipts_disabled: bool,
    /// Days after which messages are removed: 1 to 3,650; `null`: as the app says for the channel's type.
    pub retention_days: Option<u32>,
    /// Whether `user.watching.start` and `user.watching.stop` are told in the channel, up to the size that the server has
    /// for it.
    pub watching_events: bool,
    /// Whether only moderators, admins and owners mention all members, those who are here, or a role.
    pub mention_all_restricted: bool,
    /// Whether messages of guests and members wait until a moderator approves them. What was sent they don't edit.
    pub messages_need_approval: bool,
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
    /// Up to ten words to find it by, sorted.
    pub tags: Vec<String>,
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
    /// Messages up to this `seq` are gone: the channel was truncated, or they were too old for it. Clients forget what they
    /// hold of them, tasks that were made of them, and what later messages quote of them.
    pub truncated_seq: i64,
    /// Countable messages up to there. Unread is counted from this where it is more than `read_ordinal`.
    pub truncated_ordinal: i64,
    /// When the newest message was sent.
    pub last_message_at: Option<DateTime<Utc>>,
    /// When the channel was created.
    pub created_at: DateTime<Utc>,
    /// When name, image, custom data, tags or config last changed.
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
    /// Words to find the channel by: up to ten different ones of 1 to 30 characters.
    #[serde(default)]
    pub tags: Vec<String>,
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
    /// Replaces the customer's own fields. Not together with `custom_set` and `custom_unset`.
    #[serde(default, skip_serializing_if = "Patch::is_absent")]
    #[cfg_attr(feature = "utoipa", schema(value_type = Option<Custom>))]
    pub custom: Patch<Custom>,
    /// Sets these of the customer's own fields; the others stay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub custom_set: Option<Custom>,
    /// Removes these of the customer's own fields; the others stay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub custom_unset: Option<Vec<String>>,
    /// Replaces the tags.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tags: Option<Vec<String>>,
    /// Switches to change; those left out stay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config: Option<UpdateChannelConfig>,
}

/// Everything that can be changed of a channel, as it is to be. What is left out is cleared.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(example = crate::examples::replace_channel))]
#[serde(default, deny_unknown_fields)]
pub struct ReplaceChannel {
    /// Display name, at most 100 characters.
    pub name: Option<String>,
    /// URL of a picture.
    pub image: Option<String>,
    /// The customer's own fields, at most 5 KiB.
    pub custom: Custom,
    /// Up to ten different words of 1 to 30 characters.
    pub tags: Vec<String>,
    /// Switches; those left out are off.
    pub config: ChannelConfig,
}

impl From<ReplaceChannel> for UpdateChannel {
    fn from(whole: ReplaceChannel) -> Self {
        let ReplaceChannel { name, image, custom, tags, config } = whole;
        Self {
            name: name.map_or(Patch::Clear, Patch::Set),
            image: image.map_or(Patch::Clear, Patch::Set),
            custom: Patch::Set(custom),
            custom_set: None,
            custom_unset: None,
            tags: Some(tags),
            config: Some(config.into()),
        }
    }
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
    /// See [`ChannelConfig::hide_history_for_new_members`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hide_history_for_new_members: Option<bool>,
    /// See [`ChannelConfig::read_receipts_disabled`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub read_receipts_disabled: Option<bool>,
    /// See [`ChannelConfig::delivery_receipts_disabled`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delivery_receipts_disabled: Option<bool>,
    /// See [`ChannelConfig::retention_days`].
    #[serde(skip_serializing_if = "Patch::is_absent")]
    #[cfg_attr(feature = "utoipa", schema(value_type = Option<u32>))]
    pub retention_days: Patch<u32>,
    /// See [`ChannelConfig::watching_events`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub watching_events: Option<bool>,
    /// See [`ChannelConfig::mention_all_restricted`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mention_all_restricted: Option<bool>,
    /// See [`ChannelConfig::messages_need_approval`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub messages_need_approval: Option<bool>,
}

impl From<ChannelConfig> for UpdateChannelConfig {
    /// Every switch is as this one says.
    fn from(config: ChannelConfig) -> Self {
        let ChannelConfig {
            frozen,
            open,
            typing_disabled,
            hide_history_for_new_members,
            read_receipts_disabled,
            delivery_receipts_disabled,
            retention_days,
            watching_events,
            mention_all_restricted,
            messages_need_approval,
        } = config;
        Self {
            frozen: Some(frozen),
            open: Some(open),
            typing_disabled: Some(typing_disabled),
            hide_history_for_new_members: Some(hide_history_for_new_members),
            read_receipts_disabled: Some(read_receipts_disabled),
            delivery_receipts_disabled: Some(delivery_receipts_disabled),
            retention_days: retention_days.map_or(Patch::Clear, Patch::Set),
            watching_events: Some(watching_events),
            mention_all_restricted: Some(mention_all_restricted),
            messages_need_approval: Some(messages_need_approval),
        }
    }
}

/// Removes a channel's messages for good, for everybody.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(example = crate::examples::truncate_channel))]
#[serde(deny_unknown_fields)]
pub struct TruncateChannel {
    /// Only messages that were sent before this time; all if left out.
    #[serde(default)]
    pub before: Option<DateTime<Utc>>,
    /// What to say in the emptied channel: a `system` message unless its `content_type` or what is in it says otherwise, sent
    /// like any other before the others go, and refused like it. Not together with `before`. Without an `id` of its own, and without `Idempotency-Key`, a retry says it again.
    #[serde(default)]
    pub message: Option<SendMessage>,
}

/// Operations on numbers in a channel's custom data: all are done, one after the other, or none.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(example = crate::examples::change_counters))]
#[serde(deny_unknown_fields)]
pub struct ChangeCounters {
    /// 1 to 20.
    pub operations: Vec<CounterOperation>,
}

/// Adds to a number: `{"field", "increment"}`; or sets it where it is what one thinks: `{"field", "compare", "set"}`.
/// Numbers are integers of at most 2^53 − 1, which every reader of JSON keeps exactly.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CounterOperation {
    /// A field of the custom data itself, not of what is inside of one: 1 to 64 of `[A-Za-z0-9_-]`.
    pub field: String,
    /// What to add, or, below 0, to take away. A field that is not there counts as 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub increment: Option<i64>,
    /// What the field must be; `null`: it must not be there.
    #[serde(default, skip_serializing_if = "Patch::is_absent")]
    #[cfg_attr(feature = "utoipa", schema(value_type = Option<i64>))]
    pub compare: Patch<i64>,
    /// What it is from then on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub set: Option<i64>,
}

/// The code by which users join a channel.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(example = crate::examples::access_code))]
pub struct AccessCode {
    /// Eight characters, none of which is taken for another; `null` if the channel has none.
    pub access_code: Option<String>,
}

/// Joins the channel that has this code.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(example = crate::examples::join_by_code))]
#[serde(deny_unknown_fields)]
pub struct JoinByCode {
    /// The code; small letters, spaces and hyphens are forgiven.
    pub access_code: String,
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
    /// The root of the thread in which the user types; left out in the channel itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent_id: Option<crate::MessageId>,
}
