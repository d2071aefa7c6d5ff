//! Threads: replies to a message, beside the main timeline.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{ChannelId, Message, MessageId, UserRef};

/// What a message shows of its thread.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(example = crate::examples::thread_summary))]
pub struct ThreadSummary {
    /// Replies that are there.
    pub reply_count: i32,
    /// Replies so far, deleted ones included. Unread is this, less the reader's `read_ordinal`, less what was deleted
    /// past it.
    pub ordinal: i64,
    /// Users with at least one reply that is there.
    pub participant_count: i32,
    /// Those of them who came first, at most ten.
    pub participants: Vec<UserRef>,
    /// When the newest reply that is there was sent.
    pub last_reply_at: Option<DateTime<Utc>>,
}

/// How far a user has read a thread.
///
/// Replying moves the author's own pointer to the reply, without an event.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(example = crate::examples::thread_read))]
pub struct ThreadRead {
    /// `seq` of the last reply that was read; 0 before the first.
    pub read_seq: i64,
    /// Replies of the thread up to there, deleted ones included.
    pub read_ordinal: i64,
    /// When the pointer last moved.
    pub read_at: Option<DateTime<Utc>>,
}

/// A thread as its reader sees it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(example = crate::examples::thread))]
pub struct Thread {
    /// The root.
    pub message: Message,
    /// The channel that it is in.
    pub channel_id: ChannelId,
    /// Whether the reader follows it. Who wrote the root, replies, or is mentioned in the thread does so by that, unless
    /// they said that they don't want to.
    pub following: bool,
    /// Replies that the reader hasn't read.
    pub unread: i64,
    /// How far the reader has read.
    pub read: ThreadRead,
    /// The newest two replies that are there, oldest first.
    pub replies: Vec<Message>,
}

/// A pointer in a thread and what it leaves unread.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(example = crate::examples::thread_read_result))]
pub struct ThreadReadResult {
    /// The pointer as it is now.
    pub read: ThreadRead,
    /// Unread replies in the thread.
    pub unread: i64,
}

/// Moves the pointer in a thread.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(example = crate::examples::mark_thread_read))]
#[serde(deny_unknown_fields)]
pub struct MarkThreadRead {
    /// Read up to and including this reply; up to the newest if left out. Never moves backwards.
    #[serde(default)]
    pub message_id: Option<MessageId>,
}
