//! Threads as their reader sees them. The number of statements does not depend on the number of threads.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use parlor_platform::Result;
use parlor_platform::db::TenantTx;
use parlor_protocol::{Message, MessageId, Thread, UserId};

use super::store::{self, State};
use crate::messages::view as messages_view;

/// Roots with what they are to the reader, and their newest replies.
pub async fn threads(
    tx: &TenantTx,
    reader: &UserId,
    rows: Vec<(Message, State)>,
    now: DateTime<Utc>,
) -> Result<Vec<Thread>> {
    let (mut messages, states): (Vec<Message>, Vec<State>) = rows.into_iter().unzip();
    let roots: Vec<_> = messages.iter().map(|root| root.id.0).collect();
    for row in store::latest(tx, &roots, reader).await? {
        messages.push(row.into_message()?);
    }
    let mut messages = messages_view::messages(tx, Some(reader), messages, now).await?;
    let mut replies: HashMap<MessageId, Vec<Message>> = HashMap::new();
    for reply in messages.split_off(states.len()) {
        if let Some(root) = reply.parent_id {
            replies.entry(root).or_default().push(reply);
        }
    }
    let thread = |(message, state): (Message, State)| {
        let replies = replies.remove(&message.id).unwrap_or_default();
        Thread {
            channel_id: message.channel_id,
            following: state.following == Some(true),
            unread: state.unread,
            read: state.read,
            replies,
            message,
        }
    };
    Ok(messages.into_iter().zip(states).map(thread).collect())
}

/// One thread.
pub async fn thread(tx: &TenantTx, reader: &UserId, root: Message, now: DateTime<Utc>) -> Result<Thread> {
    let state = store::state(tx, root.id, reader).await?;
    let mut all = threads(tx, reader, vec![(root, state)], now).await?;
    all.pop().ok_or_else(|| parlor_platform::Error::internal("a thread without a view"))
}
