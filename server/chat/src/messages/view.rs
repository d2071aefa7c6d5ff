//! Messages as one reader sees them at a moment: with the reader's own reactions and votes, and without pins that have expired.
//!
//! Events are heard by everybody, so they carry messages as they are stored.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use parlor_platform::db::TenantTx;
use parlor_platform::{Error, Result};
use parlor_protocol::{Message, UserId};
use uuid::Uuid;

use crate::channels::store as channels;
use crate::polls::store as polls;
use crate::reactions::store as reactions;

/// Messages for this reader; the server has no reactions or votes. At most three statements, whatever their number.
pub async fn messages(
    tx: &TenantTx,
    reader: Option<&UserId>,
    messages: Vec<Message>,
    now: DateTime<Utc>,
) -> Result<Vec<Message>> {
    let mut messages: Vec<Message> = messages.into_iter().map(|message| as_of(message, now)).collect();
    forget_truncated(tx, &mut messages).await?;
    let Some(reader) = reader else { return Ok(messages) };
    let reacted = messages.iter().filter(|message| !message.reactions.is_empty());
    let reacted: Vec<Uuid> = reacted.map(|message| message.id.0).collect();
    let mut own: HashMap<Uuid, Vec<String>> = HashMap::new();
    if !reacted.is_empty() {
        for (message, kind) in reactions::own(tx, reader, &reacted).await? {
            own.entry(message).or_default().push(kind);
        }
    }
    let polls: Vec<Uuid> =
        messages.iter().filter(|message| message.poll.is_some()).map(|message| message.id.0).collect();
    let mut votes: HashMap<Uuid, Vec<String>> = HashMap::new();
    if !polls.is_empty() {
        for (message, option) in polls::own(tx, reader, &polls).await? {
            votes.entry(message).or_default().push(option);
        }
    }
    for message in &mut messages {
        message.own_votes = message.poll.is_some().then(|| votes.remove(&message.id.0).unwrap_or_default());
        message.own_reactions = Some(own.remove(&message.id.0).unwrap_or_default());
    }
    Ok(messages)
}

/// What was truncated is not there in quotations either; their rows forget it a moment later.
async fn forget_truncated(tx: &TenantTx, messages: &mut [Message]) -> Result<()> {
    let quoting =
        messages.iter().filter(|message| message.quoted.as_ref().is_some_and(|quoted| !quoted.erased));
    let mut ids: Vec<Uuid> = quoting.map(|message| message.channel_id.0).collect();
    if ids.is_empty() {
        return Ok(());
    }
    ids.sort_unstable();
    ids.dedup();
    let truncated = channels::truncated(tx, &ids).await?;
    for message in messages {
        let upto = truncated.get(&message.channel_id.0).copied().unwrap_or(0);
        if let Some(quoted) = message.quoted.as_mut().filter(|quoted| quoted.seq <= upto) {
            quoted.forget();
        }
    }
    Ok(())
}

/// One message.
pub async fn message(
    tx: &TenantTx,
    reader: Option<&UserId>,
    message: Message,
    now: DateTime<Utc>,
) -> Result<Message> {
    let mut all = messages(tx, reader, vec![message], now).await?;
    all.pop().ok_or_else(|| Error::internal("a message without a view"))
}

/// A message without the pin that has expired by now.
pub fn as_of(mut message: Message, now: DateTime<Utc>) -> Message {
    message.pinned = message.pinned.filter(|pin| !pin.has_expired(now));
    message
}
