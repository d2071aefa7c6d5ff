//! Things that are due at a time: messages to send ([`crate::scheduled`]), reminders to give ([`crate::reminders`]), what
//! deletions kept aside, to erase ([`crate::undelete`]).
//!
//! Beside its own row each has one of the queue `due`, which says what is due when and nothing of what it says. So one
//! statement claims what is due of all apps, hundreds at a time, and what people wrote is read in the scope of its app
//! alone. States of a queue row: waiting → claimed, with `available_at` at the end of the [worker]'s lease → gone, in the
//! transaction of its effect. A worker that dies leaves its leases to run out, and others take over.
//!
//! At least once becomes once, because the effect asks its own row whether it still has to happen. There may be any
//! number of workers; each sleeps until the next thing is due, and looks now and then for what other processes put in.

pub mod store;
pub mod worker;

use std::sync::Arc;

use parlor_protocol::{AppId, UserId};
use tokio::sync::Notify;
use uuid::Uuid;

pub use worker::Worker;

/// What kind of thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A message to send; its id is the message's.
    ScheduledMessage,
    /// A reminder to give; its id is that of the message it reminds of.
    Reminder,
    /// What a deletion kept aside, to erase; its id is that of the message.
    DeletedMessage,
}

impl Kind {
    const ALL: [Self; 3] = [Self::ScheduledMessage, Self::Reminder, Self::DeletedMessage];

    fn as_str(self) -> &'static str {
        match self {
            Self::ScheduledMessage => "scheduled_message",
            Self::Reminder => "reminder",
            Self::DeletedMessage => "deleted_message",
        }
    }

    fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

/// Something that is due, which a worker has until its lease runs out.
#[derive(Clone, Debug)]
pub struct Claimed {
    pub app: AppId,
    pub kind: Kind,
    pub user: UserId,
    pub id: Uuid,
    /// How often it failed before in a way that may be over the next time.
    pub attempts: i16,
}

/// Wakes the worker of this process, because something is due earlier than it knows.
#[derive(Clone, Default)]
pub struct Alarm(Arc<Notify>);

impl Alarm {
    /// After the commit.
    pub fn ring(&self) {
        self.0.notify_one();
    }
}
