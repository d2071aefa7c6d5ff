//! What follows from a change, outside of the request: flags for each member, and word on channels that it is not about.

mod coalesce;
mod flags;
mod notify;
mod profiles;
mod quotes;
mod replies;

use parlor_platform::broker::{Binding, Delivery};
use parlor_platform::{Error, Result};
use parlor_protocol::{ChannelId, MessageId, UserId};
use serde::{Deserialize, Serialize};

pub use coalesce::{Coalesced, Ground, News, Piece, Told};
pub use flags::{Flags, lock as lock_flags, mark as mark_flags};
pub use notify::Notify;
pub use profiles::Profiles;
pub use quotes::Quotes;
pub use replies::Replies;

/// Messages were sent. Named as the requirements name it, with the slash as a dot.
pub const SENT_TOPIC: &str = "chat.message.sent";
/// Of those, replies.
pub const REPLIED_TOPIC: &str = "chat.message.replied";
/// An edited message may mention others than before.
pub const MENTIONS_TOPIC: &str = "chat.message.mentions";
/// A read pointer moved.
pub const READ_TOPIC: &str = "chat.message.read";
/// Name, image or custom data of a user changed.
pub const PROFILE_TOPIC: &str = "chat.user.updated";

/// A user did something who had been idle for long.
pub const RETURNED_TOPIC: &str = "chat.user.returned";

/// A message was erased that more quote than were made to forget it at once.
pub const ERASED_TOPIC: &str = "chat.message.erased";

/// All messages of one transaction.
#[derive(Debug, Serialize, Deserialize)]
pub struct SentEvents {
    pub events: Vec<SentEvent>,
}

/// One message.
#[derive(Debug, Serialize, Deserialize)]
pub struct SentEvent {
    pub channel_id: ChannelId,
    pub message_id: MessageId,
    pub user_id: UserId,
    pub seq: i64,
    pub countable: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mentions: Vec<UserId>,
    /// It calls others than those.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub calls: bool,
    /// Nobody is notified of it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub quiet: bool,
}

/// An edited message may mention others than before.
#[derive(Debug, Serialize, Deserialize)]
pub struct MentionsChanged {
    pub channel_id: ChannelId,
    pub message_id: MessageId,
    /// Whom it named before.
    pub named: Vec<UserId>,
    /// Whether it called others than those before.
    pub called: bool,
}

/// All replies of one transaction.
#[derive(Debug, Serialize, Deserialize)]
pub struct ReplyEvents {
    pub events: Vec<ReplyEvent>,
}

/// One reply.
#[derive(Debug, Serialize, Deserialize)]
pub struct ReplyEvent {
    pub channel_id: ChannelId,
    /// The root of its thread.
    pub parent_id: MessageId,
    pub message_id: MessageId,
    pub user_id: UserId,
    pub seq: i64,
}

/// A member read up to `read_seq`, or, `back`, made what follows unread again.
#[derive(Debug, Serialize, Deserialize)]
pub struct ReadMoved {
    pub channel_id: ChannelId,
    pub user_id: UserId,
    pub read_seq: i64,
    pub back: bool,
}

/// A user whose profile changed.
#[derive(Debug, Serialize, Deserialize)]
pub struct ProfileChanged {
    pub user_id: UserId,
}

/// A user who is back.
#[derive(Debug, Serialize, Deserialize)]
pub struct Returned {
    pub user_id: UserId,
}

/// A message that was erased.
#[derive(Debug, Serialize, Deserialize)]
pub struct Erased {
    pub message_id: MessageId,
}

/// Jobs that the consumers of this module take at once.
const AT_ONCE: usize = 256;

fn sent(job: &Delivery) -> Result<Vec<SentEvent>> {
    serde_json::from_str(&job.payload).map(|sent: SentEvents| sent.events).map_err(Error::internal)
}

/// The consumers of this module. Who waits for word comes before who keeps books.
pub const CONSUMERS: [Binding; 5] =
    [notify::BINDING, replies::BINDING, flags::BINDING, profiles::BINDING, quotes::BINDING];
