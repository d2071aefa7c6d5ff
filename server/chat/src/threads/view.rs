//! Threads as their reader sees them. The number of statements does not depend on the number of threads.

use std::collections::HashMap;

use parlor_platform::Result;
use parlor_platform::db::TenantTx;
use parlor_protocol::{Message, MessageId, Thread, UserId};

use super::store::{self, State};

/// Roots with what they are to the reader, and their newest replies.
pub async fn threads(tx: &TenantTx, reader: &UserId, rows: Vec<(Message, State)>) -> Result<Vec<Thread>> {
    let roots: Vec<_> = rows.iter().map(|(root, _)| root.id.0).collect();
    let mut replies: HashMap<MessageId, Vec<Message>> = HashMap::new();
    for row in store::latest(tx, &roots, reader).await? {
        let reply = row.into_message()?;
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
    Ok(rows.into_iter().map(thread).collect())
}

/// One thread.
pub async fn thread(tx: &TenantTx, reader: &UserId, root: Message) -> Result<Thread> {
    let state = store::state(tx, root.id, reader).await?;
    let mut all = threads(tx, reader, vec![(root, state)]).await?;
    all.pop().ok_or_else(|| parlor_platform::Error::internal("a thread without a view"))
}
