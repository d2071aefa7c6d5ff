//! Reminders: messages that a user saved for later, with a time or without.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{ChannelId, Message, MessageId};

/// What has become of a reminder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ReminderState {
    /// Saved for later, without a time.
    Saved,
    /// Its time has not come.
    Waiting,
    /// Its time has come.
    Due,
    /// The user has dealt with it.
    Done,
}

impl ReminderState {
    /// All states.
    pub const ALL: [Self; 4] = [Self::Saved, Self::Waiting, Self::Due, Self::Done];

    /// The state's name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Saved => "saved",
            Self::Waiting => "waiting",
            Self::Due => "due",
            Self::Done => "done",
        }
    }

    /// The state of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == name)
    }
}

/// A message that the calling user saved for later.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(example = crate::examples::reminder))]
pub struct Reminder {
    /// Of which message; a user has one reminder of each.
    pub message_id: MessageId,
    /// Where the message is.
    pub channel_id: ChannelId,
    /// When the user wants to hear of it, `null` for never.
    pub remind_at: Option<DateTime<Utc>>,
    /// The user's own words.
    pub note: Option<String>,
    /// What has become of it.
    pub state: ReminderState,
    /// The user's own `seq` of its last change.
    pub user_seq: i64,
    /// When the message was saved.
    pub created_at: DateTime<Utc>,
    /// The message as it is now, without what is the reader's own, as in events; `null` if it was deleted, or the user may
    /// not read its channel any more.
    pub message: Option<Message>,
}

/// Saves a message for later, or changes time and note; one that is done is taken up again.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(example = crate::examples::put_reminder))]
#[serde(deny_unknown_fields)]
pub struct PutReminder {
    /// When to be reminded: within 365 days. `null`, or left out, to save it without a time.
    #[serde(default)]
    pub remind_at: Option<DateTime<Utc>>,
    /// The user's own words, at most 200 characters.
    #[serde(default)]
    pub note: Option<String>,
}
