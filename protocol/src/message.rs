//! Messages.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{ChannelId, Custom, MessageId, Pin, ReactionCount, UserId, UserRef};

/// A message as its reader sees it.
///
/// A deleted message keeps its place and author; text, attachments, custom data, reactions, poll and pin are gone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(example = crate::examples::message))]
pub struct Message {
    /// The id that the sender gave it.
    pub id: MessageId,
    /// Where it is.
    pub channel_id: ChannelId,
    /// Who sent it.
    pub user: UserRef,
    /// Markdown.
    pub text: String,
    /// Up to ten JSON objects, each with a `type`.
    pub attachments: Vec<Custom>,
    /// Users that the message mentions.
    pub mentions: Vec<UserId>,
    /// The sender's own fields.
    pub custom: Custom,
    /// Root of the thread that this message replies in.
    pub parent_id: Option<MessageId>,
    /// The message that this one quotes.
    pub reply_to_id: Option<MessageId>,
    /// How often it was given which reaction, in the order of first use.
    pub reactions: Vec<ReactionCount>,
    /// What the message asks; `null` if it is no poll.
    pub poll: Option<crate::Poll>,
    /// That it is pinned; `null` if it is not, or no longer.
    pub pinned: Option<Pin>,
    /// Place in the channel's timeline.
    pub seq: i64,
    /// The channel's `seq` of this row's last change.
    pub updated_seq: i64,
    /// Countable messages of the channel up to and including this one.
    pub ordinal: i64,
    /// When the server took it. For display; nothing sorts by it.
    pub created_at: DateTime<Utc>,
    /// Set once the text was edited.
    pub edited_at: Option<DateTime<Utc>>,
    /// Set once it was deleted.
    pub deleted_at: Option<DateTime<Utc>>,
    /// Set if the server erased it: forget it, its place is not shown. Only in events and change lists.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub erased: bool,
    /// Ids of the options that the reader voted for. Absent where there is no poll, in events, which everybody hears, for
    /// the server, and in the answer to sending.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub own_votes: Option<Vec<String>>,
    /// Types of the reader's own reactions, oldest first. Absent in events, which everybody hears, and for the server.
    // The last field: the text of an event is, up to here, that of the answer to who caused it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub own_reactions: Option<Vec<String>>,
}

/// A message to send.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(example = crate::examples::send_message))]
#[serde(deny_unknown_fields)]
pub struct SendMessage {
    /// UUID that the client made (version 7). The same id sent again answers with the first result;
    /// with another body it is refused (409). Made by the server if left out, which gives up safe retries.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<MessageId>,
    /// Markdown, at most 20,000 characters. May be empty if there are attachments. Also read as `content`.
    #[serde(default, alias = "content")]
    pub text: String,
    /// Up to ten JSON objects, each with a `type`.
    #[serde(default)]
    pub attachments: Vec<Custom>,
    /// Users that the message mentions, at most 50.
    #[serde(default)]
    pub mentions: Vec<UserId>,
    /// The sender's own fields, at most 5 KiB.
    #[serde(default)]
    pub custom: Custom,
    /// What to ask; the text is the question.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub poll: Option<crate::poll::CreatePoll>,
    /// Root of the thread to reply in. Also read as `parent_message_id` or `thread_id`.
    #[serde(default, alias = "parent_message_id", alias = "thread_id")]
    pub parent_id: Option<MessageId>,
    /// The message to quote. Also read as `replyTo`.
    #[serde(default, alias = "replyTo")]
    pub reply_to_id: Option<MessageId>,
    /// On whose behalf; only from the customer's server, which must say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<UserId>,
}

/// New text of one's own message.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(example = crate::examples::update_message))]
#[serde(deny_unknown_fields)]
pub struct UpdateMessage {
    /// Markdown, at most 20,000 characters.
    #[serde(default, alias = "content", skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Replaces the attachments.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attachments: Option<Vec<Custom>>,
    /// Replaces the sender's own fields.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub custom: Option<Custom>,
}

/// A page of a channel's timeline, oldest first.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(example = crate::examples::message_page))]
pub struct MessagePage {
    /// The messages, oldest first.
    pub items: Vec<Message>,
    /// Cursor towards older messages (give it as `before`). Always there, also on an empty page; `null` at the beginning.
    #[cfg_attr(feature = "utoipa", schema(required))]
    pub before: Option<String>,
    /// Cursor towards newer messages (give it as `after`). Always there, also on an empty page; `null` at the end.
    #[cfg_attr(feature = "utoipa", schema(required))]
    pub after: Option<String>,
}

/// Which messages a user has not read, by the flags that are kept per user and message.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(example = crate::examples::user_message))]
pub struct UserMessage {
    /// The channel.
    pub channel_id: ChannelId,
    /// The message.
    pub message_id: MessageId,
    /// Whether it was read.
    pub read: bool,
    /// Whether it mentions the user.
    pub mentioned: bool,
    /// Whether the user starred it.
    pub starred: bool,
    /// The message itself, if the list was asked for `with=messages`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<Message>,
}
