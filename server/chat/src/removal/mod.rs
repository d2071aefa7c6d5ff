//! How messages go for good, whichever way leads there: the server erases one (`DELETE …?hard=true`), somebody truncates
//! a channel or deletes it, or messages get older than their channel keeps them.
//!
//! Erasing is one statement for any number of messages ([`store::erase`]): the row forgets what it said, and with it go
//! reactions, votes, pins, former versions and what a deletion kept aside. What others quote of it is forgotten, too.
//!
//! One message that goes is told by itself, and its row keeps its place, because unread counts correct themselves by it.
//! Of many the channel only says up to where they are gone: `truncated_seq`. Every read looks at that number, so from its
//! commit on nobody sees them, however many there are; unread counts begin there; and clients that sync need no more than
//! the number. Rows go after it, in a [job](work) that walks backwards through the channel, so that what refers to a
//! message goes before it. What is left below the number: rows whose message was sent less than a day ago, so that a late
//! repetition of the send still finds its id; and rows that a later reply, a quotation, a task or a reminder refers to,
//! without a word in them. [Retention] moves the same number, by the age of messages.
//!
//! States of a channel's rows: all is removed (`sweep_at` is NULL) → the number moves, a job is put in, and `sweep_at` says
//! when somebody shall look whether it was lost → the job is done, and `sweep_at` says when the youngest rows that it left
//! are old enough, or NULL.

mod retention;
pub mod routes;
pub mod store;
mod truncate;
mod work;

use chrono::{DateTime, Duration, Utc};
use parlor_platform::broker::Binding;
use parlor_protocol::{ChannelId, UserId};
use serde::{Deserialize, Serialize};

pub use retention::keep;
pub use truncate::of_deleted;
pub use work::Removal;

/// Messages of a channel are to be removed.
const TOPIC: &str = "chat.channel.truncated";

/// When to look whether a job was lost.
const PATIENCE: Duration = Duration::hours(1);

/// How the worker is bound.
pub const BINDING: Binding = Binding { name: "removal", topics: &[TOPIC], at_once: 1 };

/// Where the removal of a channel's messages is.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Step {
    channel_id: ChannelId,
    /// Everything up to this `seq` goes.
    upto: i64,
    stage: Stage,
    /// When the youngest of the rows that were left is old enough to be removed.
    #[serde(default)]
    again: Option<DateTime<Utc>>,
}

/// What comes next.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Stage {
    /// Tasks that were made of the messages.
    Tasks,
    /// The messages, from this `seq` downwards.
    Messages(i64),
    /// The flags that members have of them, after this member.
    Flags(Option<UserId>),
}

impl Step {
    fn first(channel_id: ChannelId, upto: i64) -> Self {
        Self { channel_id, upto, stage: Stage::Tasks, again: None }
    }
}
