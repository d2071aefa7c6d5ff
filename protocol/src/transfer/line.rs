//! The lines themselves.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::content::{Content, ContentType, GroupMentions, reads_content_as_text};
use crate::message::ForwardedFrom;
use crate::{ChannelConfig, Custom, Pin, Poll, Role, UserId};

/// One line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(example = crate::examples::transfer_line))]
#[serde(rename_all = "snake_case")]
pub enum Line {
    /// A user. One who exists already stays as they are.
    User(UserLine),
    /// A channel. One whose `cid` exists already stays as it is.
    Channel(ChannelLine),
    /// A member of a channel. Who is one already stays as they are.
    Member(MemberLine),
    /// A message. One whose id exists already stays as it is.
    Message(Box<MessageLine>),
    /// A user's reaction to a message.
    Reaction(ReactionLine),
    /// How far a member has read.
    Read(ReadLine),
}

/// A user.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct UserLine {
    /// The customer's own id.
    pub id: UserId,
    /// Display name, at most 100 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// URL of the avatar.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// The customer's own fields, at most 5 KiB.
    #[serde(default, skip_serializing_if = "Custom::is_empty")]
    pub custom: Custom,
    /// Whether the user is a visitor.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub guest: bool,
    /// When the user was registered; now if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_at: Option<DateTime<Utc>>,
    /// Since when the user is shut out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deactivated_at: Option<DateTime<Utc>>,
    /// Whether others do not learn how far the user has read.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub hides_reads: bool,
    /// Whether others do not learn what the user's devices have got.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub hides_deliveries: bool,
    /// Whether others do not learn that the user types.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub hides_typing: bool,
}

/// A channel. It is named by its `cid`, in all lines; its id is made by the server, because ids of channels are unique
/// across apps.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ChannelLine {
    /// `type:slug`, such as `team:general`.
    pub cid: String,
    /// Of a distinct channel: its 2 to 20 members, who need lines of their own all the same.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub distinct: Vec<UserId>,
    /// Display name, at most 100 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// URL of a picture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// The customer's own fields, at most 5 KiB.
    #[serde(default, skip_serializing_if = "Custom::is_empty")]
    pub custom: Custom,
    /// Up to ten words of at most 30 characters.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// Switches.
    #[serde(default)]
    pub config: ChannelConfig,
    /// Who created it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_by: Option<UserId>,
    /// When it was created; now if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_at: Option<DateTime<Utc>>,
}

/// A member of a channel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct MemberLine {
    /// The channel's `cid`.
    pub channel: String,
    /// Who.
    pub user_id: UserId,
    /// As what; `member` if left out.
    #[serde(default = "member")]
    pub role: Role,
    /// Since when; now if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub joined_at: Option<DateTime<Utc>>,
}

/// A message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
#[serde(remote = "Self", deny_unknown_fields)]
pub struct MessageLine {
    /// A UUID, which the message keeps; or any text of 1 to 200 bytes, of which a UUID is made, always the same.
    pub id: String,
    /// The channel's `cid`.
    pub channel: String,
    /// Who sent it.
    pub user_id: UserId,
    /// Markdown, at most 20,000 characters.
    #[serde(default)]
    pub text: String,
    /// What kind of message it is: as on a send. A `system` message is always `silent`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_type: Option<ContentType>,
    /// A TipTap document, of which the text is made, or another JSON object: as on a send. A string is read as `text`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<Content>,
    /// Up to ten JSON objects, each with a `type`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<Custom>,
    /// Users that the message mentions, at most 50.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mentions: Vec<UserId>,
    /// Whom it called beside those. Nobody is called anew, and groups need not be there.
    #[serde(default, skip_serializing_if = "GroupMentions::is_empty")]
    pub group_mentions: GroupMentions,
    /// The sender's own fields, at most 5 KiB.
    #[serde(default, skip_serializing_if = "Custom::is_empty")]
    pub custom: Custom,
    /// The `id` of the root of the thread that it replies in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent_id: Option<String>,
    /// Whether a reply stands in the main timeline as well.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub show_in_channel: bool,
    /// The `id` of the message that it quotes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to_id: Option<String>,
    /// Nobody has it as unread.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub silent: bool,
    /// Only these users, at most 100, the author and the channel's moderators may read it. Nothing replies to it or quotes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub visible_to: Option<Vec<UserId>>,
    /// What it asks. How often was voted is counted anew from `votes`; of an anonymous poll without `votes` it stays as it
    /// stands here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub poll: Option<Poll>,
    /// Who voted for what. Not in exports of anonymous polls.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub votes: Vec<VoteLine>,
    /// That it is pinned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pinned: Option<Pin>,
    /// Whose words these are, where they were forwarded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forwarded_from: Option<ForwardedFrom>,
    /// When it was sent.
    pub created_at: DateTime<Utc>,
    /// When its text was edited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edited_at: Option<DateTime<Utc>>,
    /// When it was deleted: only its place is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deleted_at: Option<DateTime<Utc>>,
}

reads_content_as_text!(MessageLine);

/// What a user voted for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct VoteLine {
    /// Who.
    pub user_id: UserId,
    /// Ids of options of the poll.
    pub options: Vec<String>,
}

/// A user's reaction to a message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ReactionLine {
    /// The `id` of the message.
    pub message_id: String,
    /// Whose it is.
    pub user_id: UserId,
    /// Any emoji or shortcode of 1 to 50 characters.
    #[serde(rename = "type")]
    pub kind: String,
    /// How strong it is: 1 to 1,000, 1 unless given.
    #[serde(default = "once", skip_serializing_if = "is_once")]
    pub score: i32,
    /// When it was given; when the message was sent if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_at: Option<DateTime<Utc>>,
}

fn member() -> Role {
    Role::Member
}

fn once() -> i32 {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn is_once(score: &i32) -> bool {
    *score == 1
}

/// How far a member has read. Who has no such line has read all that is imported.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ReadLine {
    /// The channel's `cid`.
    pub channel: String,
    /// Who.
    pub user_id: UserId,
    /// The `id` of the last message that they have read; `null`: none.
    #[serde(default)]
    pub message_id: Option<String>,
    /// The `id` of the last message that they may not read, because it is from before their history begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hidden_up_to: Option<String>,
    /// When they read it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read_at: Option<DateTime<Utc>>,
}
