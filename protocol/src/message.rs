//! Messages.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::content::{Content, ContentType, GroupMentions, reads_content_as_text};
use crate::error::ErrorDetail;
use crate::thread::ThreadSummary;
use crate::{ChannelId, Custom, MessageId, PendingMessage, Pin, ReactionCount, UserId, UserRef};

/// A message as its reader sees it.
///
/// It counts as unread, and has its share in `ordinal`, if it stands in the main timeline, is not `silent` and has no
/// `visible_to`.
///
/// A deleted message keeps its place and author; text, attachments, custom data, reactions, poll and pin are gone. What an
/// erased message said is forgotten in the `quoted` of others, too.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(example = crate::examples::message))]
pub struct Message {
    /// The id that the sender gave it.
    pub id: MessageId,
    /// Where it is.
    pub channel_id: ChannelId,
    /// Who sent it.
    pub user: UserRef,
    /// What kind of message it is.
    #[serde(default)]
    pub content_type: ContentType,
    /// Markdown; of a TipTap document what it says in plain words.
    pub text: String,
    /// A TipTap document or another JSON object, as `content_type` says; left out where the text is all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<Content>,
    /// Up to ten JSON objects, each with a `type`.
    pub attachments: Vec<Custom>,
    /// Users that the message mentions.
    pub mentions: Vec<UserId>,
    /// Whom it calls beside those; left out where it calls nobody.
    #[serde(default, skip_serializing_if = "GroupMentions::is_empty")]
    pub group_mentions: GroupMentions,
    /// Counts for nobody as unread, and nobody is notified of it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub silent: bool,
    /// Who may read it beside its author and the channel's moderators; left out where all may. Such a message counts for
    /// nobody as unread.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub visible_to: Option<Vec<UserId>>,
    /// The sender's own fields.
    pub custom: Custom,
    /// Root of the thread that this message replies in.
    pub parent_id: Option<MessageId>,
    /// Whether this reply also stands in the main timeline, where it counts like any other message.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub show_in_channel: bool,
    /// Only on replies: replies of the thread up to and including this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thread_ordinal: Option<i64>,
    /// The thread below this message; left out where nobody has replied. It changes with each reply, and with it
    /// `updated_seq`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thread: Option<ThreadSummary>,
    /// The message that this one quotes.
    pub reply_to_id: Option<MessageId>,
    /// How often it was given which reaction, in the order of first use.
    pub reactions: Vec<ReactionCount>,
    /// What the message asks; `null` if it is no poll.
    pub poll: Option<crate::Poll>,
    /// That it is pinned; `null` if it is not, or no longer.
    pub pinned: Option<Pin>,
    /// What it quotes, as that was when this one was sent; left out where it quotes nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quoted: Option<Quoted>,
    /// Whose words these are, where they were forwarded; left out where they were not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forwarded_from: Option<ForwardedFrom>,
    /// Place in the channel's timeline.
    pub seq: i64,
    /// The channel's `seq` of this row's last change.
    pub updated_seq: i64,
    /// Countable messages of the channel up to and including this one.
    pub ordinal: i64,
    /// When the server took it. For display; nothing sorts by it.
    pub created_at: DateTime<Utc>,
    /// Set once text or attachments were edited. Custom data may change without.
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

/// A message as it was when another one quoted it. It stays as it is when the quoted one is edited or deleted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(example = crate::examples::quoted))]
pub struct Quoted {
    /// The quoted message.
    pub id: MessageId,
    /// Its place. At or below the channel's `truncated_seq` it is gone, and what it said is forgotten here, too.
    #[serde(default)]
    pub seq: i64,
    /// Who sent it.
    pub user: UserRef,
    /// The first 300 characters of its text.
    pub text: String,
    /// The `type` of each of its attachments.
    pub attachments: Vec<String>,
    /// When it was sent.
    pub created_at: DateTime<Utc>,
    /// Set once the server erased the quoted message: text and attachments are forgotten here, too.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub erased: bool,
}

impl Quoted {
    /// Forgets what it says.
    pub fn forget(&mut self) {
        self.text.clear();
        self.attachments.clear();
        self.erased = true;
    }
}

/// Where a forwarded message comes from. It doesn't say from which channel: its reader may not know that one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(example = crate::examples::forwarded_from))]
pub struct ForwardedFrom {
    /// The first message of these words, however often they were forwarded since.
    pub message_id: MessageId,
    /// Who sent it.
    pub user: UserRef,
    /// When it was sent.
    pub created_at: DateTime<Utc>,
}

/// A message to send.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(example = crate::examples::send_message))]
#[serde(remote = "Self", deny_unknown_fields)]
pub struct SendMessage {
    /// UUID that the client made (version 7). The same id sent again answers with the first result;
    /// with another body it is refused (409). Made by the server if left out, which gives up safe retries.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<MessageId>,
    /// Markdown, at most 20,000 characters. May be empty if there are attachments.
    #[serde(default)]
    pub text: String,
    /// What kind of message it is. Left out it follows from what there is: `tiptap` for a `content` whose `type` is `doc`,
    /// `poll` for a poll, else `text`. `system` is for the server, `deleted` for nobody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_type: Option<ContentType>,
    /// A JSON object of at most 64 KiB: a TipTap document, of which the text is made, whatever `text` says; or the object of
    /// a `json_proposal`, an `agent_command_response` or a `system` message, which needs a `text` beside it. A string is
    /// read as `text`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<Content>,
    /// Up to ten JSON objects, each with a `type`.
    #[serde(default)]
    pub attachments: Vec<Custom>,
    /// Users that the message mentions, at most 50.
    #[serde(default)]
    pub mentions: Vec<UserId>,
    /// Whom it calls beside those.
    #[serde(default, skip_serializing_if = "GroupMentions::is_empty")]
    pub group_mentions: GroupMentions,
    /// The sender's own fields, at most 5 KiB.
    #[serde(default)]
    pub custom: Custom,
    /// What to ask; the text is the question.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub poll: Option<crate::poll::CreatePoll>,
    /// Root of the thread to reply in. Also read as `parent_message_id` or `thread_id`.
    #[serde(default, alias = "parent_message_id", alias = "thread_id")]
    pub parent_id: Option<MessageId>,
    /// Shows a reply in the main timeline as well. Only with `parent_id`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub show_in_channel: bool,
    /// The message to quote. Also read as `replyTo`.
    #[serde(default, alias = "replyTo")]
    pub reply_to_id: Option<MessageId>,
    /// Nobody has it as unread, and nobody is notified.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub silent: bool,
    /// Only these users, at most 100, the author and the channel's moderators may read it. A user names such as are in the
    /// channel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub visible_to: Option<Vec<UserId>>,
    /// On whose behalf; only from the customer's server, which must say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<UserId>,
}

/// What only one user is shown, and nobody keeps.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(example = crate::examples::send_ephemeral))]
#[serde(remote = "Self", deny_unknown_fields)]
pub struct SendEphemeral {
    /// UUID that the client made: the event has the same id, so that a repetition is shown once.
    #[serde(default)]
    pub id: Option<MessageId>,
    /// Who is shown it: a member of the channel.
    pub to: UserId,
    /// Markdown, at most 20,000 characters.
    #[serde(default)]
    pub text: String,
    /// What kind of message it is: as on a send.
    #[serde(default)]
    pub content_type: Option<ContentType>,
    /// A TipTap document or another JSON object: as on a send.
    #[serde(default)]
    pub content: Option<Content>,
    /// Up to ten JSON objects, each with a `type`.
    #[serde(default)]
    pub attachments: Vec<Custom>,
    /// The sender's own fields, at most 5 KiB.
    #[serde(default)]
    pub custom: Custom,
    /// On whose behalf; only from the customer's server, which must say it.
    #[serde(default)]
    pub user_id: Option<UserId>,
}

/// What one user was shown. It has no place in the channel, and is nowhere to be found again.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(example = crate::examples::ephemeral_message))]
pub struct EphemeralMessage {
    /// The id that the sender gave it.
    pub id: MessageId,
    /// Where it is shown.
    pub channel_id: ChannelId,
    /// Who sent it.
    pub user: UserRef,
    /// Who was shown it.
    pub to: UserId,
    /// What kind of message it is.
    pub content_type: ContentType,
    /// Markdown; of a TipTap document what it says in plain words.
    pub text: String,
    /// A TipTap document or another JSON object; left out where the text is all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<Content>,
    /// Up to ten JSON objects, each with a `type`.
    pub attachments: Vec<Custom>,
    /// The sender's own fields.
    pub custom: Custom,
    /// When the server took it.
    pub created_at: DateTime<Utc>,
}

/// What one's own message says from now on; what is left out stays. Where messages need approval only moderators edit.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(example = crate::examples::update_message))]
#[serde(remote = "Self", deny_unknown_fields)]
pub struct UpdateMessage {
    /// Markdown, at most 20,000 characters. It replaces a TipTap document, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// What kind of message it is from now on. One that has no `content` loses it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_type: Option<ContentType>,
    /// Replaces the document or object. A string is read as `text`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<Content>,
    /// Replaces the mentioned users. Left out, another document mentions whom it names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mentions: Option<Vec<UserId>>,
    /// Replaces whom it calls beside those.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group_mentions: Option<GroupMentions>,
    /// Replaces the attachments.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attachments: Option<Vec<Custom>>,
    /// Replaces the sender's own fields. Not together with `custom_set` and `custom_unset`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub custom: Option<Custom>,
    /// Sets these of the sender's own fields; the others stay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub custom_set: Option<Custom>,
    /// Removes these of the sender's own fields; the others stay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub custom_unset: Option<Vec<String>>,
}

/// What a message said before an edit.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(example = crate::examples::message_edit))]
pub struct MessageEdit {
    /// The channel's `seq` of the edit.
    pub seq: i64,
    /// The text until then.
    pub text: String,
    /// What kind of message it was.
    pub content_type: ContentType,
    /// Its document or object, if it had one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<Content>,
    /// The attachments until then.
    pub attachments: Vec<Custom>,
    /// The sender's own fields until then.
    pub custom: Custom,
    /// Who edited it; `null`: the customer's server.
    pub edited_by: Option<UserId>,
    /// When it was edited.
    pub edited_at: DateTime<Utc>,
}

reads_content_as_text!(SendMessage, SendEphemeral, UpdateMessage);

/// Sends a message on to other channels.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(example = crate::examples::forward_message))]
#[serde(deny_unknown_fields)]
pub struct ForwardMessage {
    /// 1 to 10 channels, each once.
    pub channel_ids: Vec<ChannelId>,
    /// What the forwarder says to it, Markdown. It stands above the forwarded text, which then follows as a quotation.
    #[serde(default)]
    pub comment: Option<String>,
    /// Ids of the new messages that the client made, one for each channel, in their order. Without them, and without
    /// `Idempotency-Key`, a retry forwards again.
    #[serde(default)]
    pub ids: Option<Vec<MessageId>>,
    /// On whose behalf; only from the customer's server, which must say it.
    #[serde(default)]
    pub user_id: Option<UserId>,
}

/// What became of a message in each of the channels that it was forwarded to, in the order of the request.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(example = crate::examples::forwarded))]
pub struct Forwarded {
    /// One for each channel.
    pub results: Vec<ForwardResult>,
}

/// The new message, or why there is none.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
pub struct ForwardResult {
    /// The channel.
    pub channel_id: ChannelId,
    /// The message, once it is durable there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<Message>,
    /// Instead, where it waits for a moderator's approval: what waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending: Option<PendingMessage>,
    /// Why it was not sent there: what a send by the same caller would have been answered with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<ErrorDetail>,
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
