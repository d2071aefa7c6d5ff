//! What only the export of a user has beside the other lines: what nobody but the user sees, or sees as the user's. An
//! import passes over it.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::line::Line;
use crate::content::{Content, ContentType};
use crate::draft::DraftContent;
use crate::message::{ForwardedFrom, SendMessage};
use crate::reminder::ReminderState;
use crate::scheduled::ScheduledState;
use crate::task::TaskStatus;
use crate::{Custom, InviteState, Notifications, Role, Status, UserId};

/// One line of a user's export.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(example = crate::examples::transfer_line))]
#[serde(untagged)]
pub enum UserExportLine {
    /// As an import takes it.
    Line(Line),
    /// What an import passes over.
    Own(OwnLine),
}

/// What belongs to the user alone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum OwnLine {
    /// What the user shows of being there.
    Presence(PresenceLine),
    /// What the user has set for themselves in a channel.
    Membership(MembershipLine),
    /// An invitation that the user got.
    Invite(InviteLine),
    /// What the user has begun to write.
    Draft(Box<DraftLine>),
    /// A message that is to be sent at a time.
    Scheduled(Box<ScheduledLine>),
    /// A message that waits for approval.
    Pending(Box<PendingLine>),
    /// A message that the user saved for later.
    Reminder(ReminderLine),
    /// A message that the user starred.
    Star(StarLine),
    /// A task that the user made or shall do.
    Task(TaskLine),
    /// What the user voted for in a poll.
    Vote(OwnVoteLine),
    /// What a message of the user's said before it was edited.
    Version(Box<VersionLine>),
    /// A thread that the user has read or follows.
    Thread(ThreadLine),
    /// A group of users that the user is in.
    Group(GroupLine),
}

impl OwnLine {
    /// The names of all of them.
    pub const NAMES: [&str; 13] = [
        "presence",
        "membership",
        "invite",
        "draft",
        "scheduled",
        "pending",
        "reminder",
        "star",
        "task",
        "vote",
        "version",
        "thread",
        "group",
    ];

    /// The `cid` of the channel that it names.
    pub fn channel(&self) -> Option<&str> {
        match self {
            Self::Membership(line) => Some(&line.channel),
            Self::Invite(line) => Some(&line.channel),
            Self::Draft(line) => Some(&line.channel),
            Self::Scheduled(line) => Some(&line.channel),
            Self::Pending(line) => Some(&line.channel),
            Self::Reminder(line) => Some(&line.channel),
            Self::Star(line) => Some(&line.channel),
            Self::Task(line) => Some(&line.channel),
            Self::Presence(_) | Self::Vote(_) | Self::Version(_) | Self::Thread(_) | Self::Group(_) => None,
        }
    }
}

/// What the user shows of being there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
pub struct PresenceLine {
    /// What they have chosen.
    pub status: Status,
    /// Their own words.
    pub status_text: Option<String>,
    /// `#rrggbb`.
    pub status_color: String,
    /// Until when the choice holds.
    pub expires_at: Option<DateTime<Utc>>,
    /// The last request.
    pub last_active_at: Option<DateTime<Utc>>,
    /// The last activity that others learn of.
    pub last_seen_at: Option<DateTime<Utc>>,
}

/// What the user has set for themselves in a channel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
pub struct MembershipLine {
    /// The channel's `cid`.
    pub channel: String,
    /// Since when it is pinned.
    pub pinned_at: Option<DateTime<Utc>>,
    /// Since when it is archived.
    pub archived_at: Option<DateTime<Utc>>,
    /// Since when it is muted.
    pub muted_at: Option<DateTime<Utc>>,
    /// Until when; `null`: for good.
    pub muted_until: Option<DateTime<Utc>>,
    /// Whether it is hidden until its next message.
    pub hidden: bool,
    /// What the user wants to hear of.
    pub notifications: Notifications,
}

/// An invitation that the user got.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
pub struct InviteLine {
    /// The channel's `cid`.
    pub channel: String,
    /// Who invited; `null` if the customer's server did.
    pub invited_by: Option<UserId>,
    /// As what.
    pub role: Role,
    /// What became of it.
    pub state: InviteState,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// Until when it can be answered.
    pub expires_at: DateTime<Utc>,
}

/// What the user has begun to write.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
pub struct DraftLine {
    /// The channel's `cid`.
    pub channel: String,
    /// Root of the thread; `null` for the main timeline.
    pub parent_id: Option<String>,
    /// What was written.
    pub content: DraftContent,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
}

/// A message that is to be sent at a time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
pub struct ScheduledLine {
    /// Its id.
    pub id: String,
    /// The channel's `cid`.
    pub channel: String,
    /// When it is sent.
    pub send_at: DateTime<Utc>,
    /// What has become of it.
    pub state: ScheduledState,
    /// What is sent.
    pub content: SendMessage,
    /// When it was scheduled.
    pub created_at: DateTime<Utc>,
}

/// A message that waits for approval.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
pub struct PendingLine {
    /// Its id.
    pub id: String,
    /// The channel's `cid`.
    pub channel: String,
    /// What is sent.
    pub content: SendMessage,
    /// Whose words these are, where they were forwarded.
    pub forwarded_from: Option<ForwardedFrom>,
    /// When it was sent.
    pub created_at: DateTime<Utc>,
}

/// A message that the user saved for later.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
pub struct ReminderLine {
    /// The `id` of the message.
    pub message_id: String,
    /// The channel's `cid`.
    pub channel: String,
    /// When the user wants to hear of it.
    pub remind_at: Option<DateTime<Utc>>,
    /// The user's own words.
    pub note: Option<String>,
    /// What has become of it.
    pub state: ReminderState,
    /// When it was saved.
    pub created_at: DateTime<Utc>,
}

/// A message that the user starred.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
pub struct StarLine {
    /// The `id` of the message.
    pub message_id: String,
    /// The channel's `cid`.
    pub channel: String,
    /// When.
    pub created_at: DateTime<Utc>,
}

/// A task that the user made or shall do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
pub struct TaskLine {
    /// Its id.
    pub id: String,
    /// The channel's `cid`.
    pub channel: String,
    /// The `id` of the message that it was made of.
    pub message_id: String,
    /// What is to be done.
    pub title: String,
    /// How far it is.
    pub status: TaskStatus,
    /// Who shall do it.
    pub assignee_id: Option<UserId>,
    /// Who made it; `null` if the customer's server did.
    pub created_by: Option<UserId>,
    /// By when.
    pub due_at: Option<DateTime<Utc>>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

/// What the user voted for in a poll, anonymous ones included.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
pub struct OwnVoteLine {
    /// The `id` of the message.
    pub message_id: String,
    /// What for.
    pub options: Vec<VotedOption>,
    /// When.
    pub created_at: DateTime<Utc>,
}

/// An option that the user voted for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
pub struct VotedOption {
    /// Its id.
    pub id: String,
    /// What it says.
    pub text: String,
}

/// What a message of the user's said before it was edited.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
pub struct VersionLine {
    /// The `id` of the message.
    pub message_id: String,
    /// Its text.
    pub text: String,
    /// What kind of message it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_type: Option<ContentType>,
    /// Its document or object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<Content>,
    /// Its attachments.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<Custom>,
    /// The user's own fields.
    #[serde(default, skip_serializing_if = "Custom::is_empty")]
    pub custom: Custom,
    /// When it was edited.
    pub edited_at: DateTime<Utc>,
}

/// A thread that the user has read or follows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
pub struct ThreadLine {
    /// The `id` of its root.
    pub message_id: String,
    /// Whether the user hears of replies; `null` until they take part.
    pub following: Option<bool>,
    /// Since when.
    pub followed_at: Option<DateTime<Utc>>,
    /// When they last read it.
    pub read_at: Option<DateTime<Utc>>,
}

/// A group of users that the user is in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
pub struct GroupLine {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Since when.
    pub added_at: DateTime<Utc>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn each_has_its_name() {
        for name in OwnLine::NAMES {
            let error = serde_json::from_value::<OwnLine>(json!({ name: null })).unwrap_err().to_string();
            assert!(!error.contains("unknown variant"), "{error}");
        }
        let error = serde_json::from_value::<OwnLine>(json!({ "nothing": {} })).unwrap_err().to_string();
        let known = error.matches('`').count() / 2 - 1;
        assert_eq!(known, OwnLine::NAMES.len(), "{error}");
    }
}
