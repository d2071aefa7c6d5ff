//! Sync: how a device that was away comes to the state of now, and how a new one begins.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::member::UnreadCounts;
use crate::thread::ThreadRead;
use crate::user::UserSettings;
use crate::{
    Channel, ChannelId, Draft, Invite, Member, Message, MessageId, PendingMessage, Reminder,
    ScheduledMessage, Task, User,
};

/// Where a device goes on from. Without `cursor` and `last_synced_at` it begins anew.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(example = crate::examples::sync_request))]
#[serde(default, deny_unknown_fields)]
pub struct SyncRequest {
    /// From the last answer that the device took in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// For clients that keep a time instead of a cursor: everything since then, and a little from before. What is the
    /// user's own is listed anew.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_synced_at: Option<DateTime<Utc>>,
    /// Changed rows of one answer, 1 to 1,000, 500 unless given: as many of channels, and as many of the user's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// Newest messages of each channel that begins anew, 1 to 25, 25 unless given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub messages: Option<u32>,
    /// Channels that the device has from elsewhere, such as a query, and wants to hear of from now on: at most 100.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub hold: Vec<HeldChannel>,
}

/// A channel that a device holds up to a `seq`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct HeldChannel {
    /// The channel.
    pub id: ChannelId,
    /// The `seq` of the state that the device has.
    pub seq: i64,
}

/// What a device does not know yet: rows as they are now, so ten edits of a message are one row. Everything in an answer is
/// of one moment. The same cursor again gives the same, or newer.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(example = crate::examples::sync_answer))]
pub struct SyncAnswer {
    /// Forget everything that was held: the device was too far behind, or begins. What follows is the first page of the
    /// channels, and the user's own from the beginning.
    pub reset: bool,
    /// The calling user, if it may have changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<User>,
    /// Channels of which something changed, and those that begin anew.
    pub channels: Vec<SyncChannel>,
    /// At the beginning: the cursor by which `POST /channels/query` with neither filter nor sort goes on after these
    /// channels; `null` if these are all, and in answers that are no beginning.
    #[cfg_attr(feature = "utoipa", schema(required))]
    pub next_channels: Option<String>,
    /// Channels that the user can't read any more: they left, were removed, or the channel was deleted. Forget them, with
    /// drafts.
    pub left: Vec<ChannelId>,
    /// Channels that are no longer followed by the cursor, which follows 1,000. Forget what is held of them: once something
    /// happens there they begin anew.
    pub released: Vec<ChannelId>,
    /// What belongs to the user alone.
    pub own: OwnChanges,
    /// Unread counts, in the last answer if anything changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unread: Option<UnreadCounts>,
    /// Give this the next time, once all of this answer is kept.
    pub cursor: String,
    /// Whether there is more: ask again with `cursor` at once.
    pub more: bool,
}

/// A channel of which something changed, or that begins anew.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
pub struct SyncChannel {
    /// Forget what is held of this channel: `messages` are its newest, `members` its first 30 by user id, and other lists
    /// are asked for when they are needed.
    pub reset: bool,
    /// The channel as it is now, with the reader's own membership and unread count.
    pub channel: Channel,
    /// New and changed messages, by `updated_seq`; deleted ones with `deleted_at`, erased ones with `erased`. After `reset`
    /// the newest, oldest first.
    pub messages: Vec<Message>,
    /// New and changed members; removed ones with `removed_at`. Read pointers of others move without a change.
    pub members: Vec<Member>,
    /// New and changed tasks; deleted ones with `deleted_at`.
    pub tasks: Vec<Task>,
    /// The device now holds everything of the channel up to here.
    pub seq: i64,
    /// Whether this channel has more after `seq`, which the next answers bring.
    pub more: bool,
}

/// What changed of what belongs to the user alone. What is over is told for 30 days.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
pub struct OwnChanges {
    /// Drafts that were written, and those of channels that begin anew.
    pub drafts: Vec<Draft>,
    /// Where there is no draft any more.
    pub deleted_drafts: Vec<DraftPlace>,
    /// Scheduled messages; those that were sent or cancelled say so in `state`.
    pub scheduled_messages: Vec<ScheduledMessage>,
    /// Reminders.
    pub reminders: Vec<Reminder>,
    /// Messages of which there is no reminder any more.
    pub deleted_reminders: Vec<MessageId>,
    /// Invitations; those that were answered or taken back say so in `state`.
    pub invites: Vec<Invite>,
    /// Threads that the user followed, read, or left by their own word, and the threads of all messages in this answer that
    /// the user follows or has read.
    pub threads: Vec<ThreadState>,
    /// Messages that were starred, or are no longer.
    pub stars: Vec<Star>,
    /// The user's messages that wait for approval, the newest hundred, newest first: these instead of what was held. Left
    /// out where nothing of the user's own changed, and but for the last answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending_messages: Option<Vec<PendingMessage>>,
    /// What the user lets others know, if it changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settings: Option<UserSettings>,
}

/// Where a draft was.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
pub struct DraftPlace {
    /// The channel.
    pub channel_id: ChannelId,
    /// Root of the thread, `null` for the main timeline.
    pub parent_id: Option<MessageId>,
}

/// What a thread is to the user.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
pub struct ThreadState {
    /// The channel that it is in.
    pub channel_id: ChannelId,
    /// Its root.
    pub parent_id: MessageId,
    /// Whether the user follows it.
    pub following: bool,
    /// Replies that the user has not read.
    pub unread: i64,
    /// How far the user has read.
    pub read: ThreadRead,
}

/// Whether a message is starred.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
pub struct Star {
    /// The message.
    pub message_id: MessageId,
    /// Its channel.
    pub channel_id: ChannelId,
    /// Whether it is.
    pub starred: bool,
}
