//! Messages that wait for a moderator's approval.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::message::SendMessage;
use crate::{ChannelId, MessageId, UserRef};

/// A message of a channel whose messages need approval. Its author and the channel's moderators see it.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(example = crate::examples::pending_message))]
pub struct PendingMessage {
    /// The id that the client gave it. The message that it becomes has the same.
    pub id: MessageId,
    /// Where it is sent to.
    pub channel_id: ChannelId,
    /// Who sent it.
    pub user: UserRef,
    /// What is sent; its `id` and `user_id` stand here above.
    pub content: SendMessage,
    /// The author's own `seq` of its last change.
    pub user_seq: i64,
    /// When it was sent.
    pub created_at: DateTime<Utc>,
    /// When its author last changed it.
    pub updated_at: DateTime<Utc>,
}

/// Refuses a message that waits.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(example = crate::examples::reject_message))]
#[serde(default, deny_unknown_fields)]
pub struct RejectMessage {
    /// What the author is told, at most 200 characters.
    pub reason: Option<String>,
}
