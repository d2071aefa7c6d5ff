//! Tasks: messages that somebody has to see to.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{ChannelId, MessageId, Patch, TaskId, UserId};

/// How far a task is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum TaskStatus {
    /// Nobody has begun.
    Open,
    /// Somebody is at it.
    InProgress,
    /// It is finished.
    Done,
}

impl TaskStatus {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Open, Self::InProgress, Self::Done];

    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::InProgress => "in_progress",
            Self::Done => "done",
        }
    }

    /// The status of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == name)
    }
}

/// A task of a channel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(example = crate::examples::task))]
pub struct Task {
    /// The task's id.
    pub id: TaskId,
    /// Where its message is.
    pub channel_id: ChannelId,
    /// The message that it was made of.
    pub message_id: MessageId,
    /// What is to be done; empty once it was deleted.
    pub title: String,
    /// How far it is.
    pub status: TaskStatus,
    /// Who shall do it.
    pub assignee_id: Option<UserId>,
    /// By when.
    pub due_at: Option<DateTime<Utc>>,
    /// Who made it; `null` if the server did.
    pub created_by: Option<UserId>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
    /// Set once it was deleted; such tasks are only in events and change lists.
    pub deleted_at: Option<DateTime<Utc>>,
    /// The channel's `seq` of this row's last change.
    pub updated_seq: i64,
}

/// Makes a task of a message. A message is one task: where it is one already, that one is the answer.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(example = crate::examples::create_task))]
#[serde(deny_unknown_fields)]
pub struct CreateTask {
    /// What is to be done, 1 to 100 characters; the message's first line if left out.
    #[serde(default)]
    pub title: Option<String>,
    /// Who shall do it: a member of the channel.
    #[serde(default)]
    pub assignee_id: Option<UserId>,
    /// By when.
    #[serde(default)]
    pub due_at: Option<DateTime<Utc>>,
}

/// A partial update. Fields left out stay, `null` clears.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(example = crate::examples::update_task))]
#[serde(deny_unknown_fields)]
pub struct UpdateTask {
    /// What is to be done, 1 to 100 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// How far it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<TaskStatus>,
    /// Who shall do it: a member of the channel.
    #[serde(default, skip_serializing_if = "Patch::is_absent")]
    #[cfg_attr(feature = "utoipa", schema(value_type = Option<UserId>))]
    pub assignee_id: Patch<UserId>,
    /// By when.
    #[serde(default, skip_serializing_if = "Patch::is_absent")]
    #[cfg_attr(feature = "utoipa", schema(value_type = Option<DateTime<Utc>>))]
    pub due_at: Patch<DateTime<Utc>>,
}
