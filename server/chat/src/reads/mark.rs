//! Moving the read pointer.
//!
//! It only moves forward, except by "mark unread". The pointer names a `seq` and the number of countable
//! messages up to there, so that unread counts stay a subtraction. Where read receipts are off, for the channel or by the
//! user, it moves and nobody else is told.

use chrono::{DateTime, Utc};
use parlor_platform::Result;
use parlor_platform::db::TenantTx;
use parlor_platform::outbox::{Command, Entries};
use parlor_protocol::member::{ReadResult, ReadState};
use parlor_protocol::{ChannelId, ErrorCode, EventType, MessageId, UserId, event};
use serde_json::json;

use super::store;
use crate::channels::change::hint;
use crate::channels::store as channels;
use crate::fanout::{READ_TOPIC, ReadMoved};
use crate::members::store::{self as members, Reading};
use crate::messages::store as messages;

/// Reads up to and including a message, or everything.
pub async fn read(
    tx: &TenantTx,
    user: &UserId,
    channel: ChannelId,
    message: Option<MessageId>,
    entries: &mut Entries,
    now: DateTime<Utc>,
) -> Result<ReadResult> {
    let row = channels::find(tx, channel).await?.ok_or(ErrorCode::ChannelNotFound)?;
    let Reading { read: old, history_from_seq, hidden } =
        members::lock(tx, channel, user).await?.ok_or(ErrorCode::NotAMember)?;
    let first = history_from_seq.max(row.first_seq());
    let target = match message {
        Some(id) => seq_of(tx, channel, id, first).await?,
        None => row.seq,
    };
    let (last, seq, ordinal) = match messages::countable_up_to(tx, channel, target).await? {
        Some((id, seq, ordinal)) => ((seq >= first).then_some(MessageId(id)), seq.max(target), ordinal),
        None => (None, target, row.truncated_ordinal),
    };
    let new = ReadState {
        read_seq: seq,
        read_ordinal: ordinal.max(old.read_ordinal),
        read_at: Some(now),
        last_read_message_id: last.or(old.last_read_message_id),
    };
    if new.read_seq <= old.read_seq && new.read_ordinal <= old.read_ordinal {
        return result(tx, user, channel, old).await;
    }
    let told = !hidden && !row.config()?.read_receipts_disabled;
    moved(tx, user, channel, new, (false, told), entries, now).await
}

/// Makes a message the first unread one.
pub async fn unread(
    tx: &TenantTx,
    user: &UserId,
    channel: ChannelId,
    message: MessageId,
    entries: &mut Entries,
    now: DateTime<Utc>,
) -> Result<ReadResult> {
    let row = channels::find(tx, channel).await?.ok_or(ErrorCode::ChannelNotFound)?;
    let Reading { history_from_seq, hidden, .. } =
        members::lock(tx, channel, user).await?.ok_or(ErrorCode::NotAMember)?;
    let first = history_from_seq.max(row.first_seq());
    let target = seq_of(tx, channel, message, first).await? - 1;
    let (last, ordinal) = match messages::countable_up_to(tx, channel, target).await? {
        Some((id, seq, ordinal)) => ((seq >= first).then_some(MessageId(id)), ordinal),
        None => (None, row.truncated_ordinal),
    };
    let new =
        ReadState { read_seq: target, read_ordinal: ordinal, read_at: Some(now), last_read_message_id: last };
    let told = !hidden && !row.config()?.read_receipts_disabled;
    moved(tx, user, channel, new, (true, told), entries, now).await
}

/// Where a message is that the reader may see.
pub async fn seq_of(tx: &TenantTx, channel: ChannelId, message: MessageId, first: i64) -> Result<i64> {
    let seq = messages::seq_of(tx, channel, message).await?.filter(|seq| *seq >= first);
    seq.ok_or_else(|| ErrorCode::MessageNotFound.into())
}

async fn moved(
    tx: &TenantTx,
    user: &UserId,
    channel: ChannelId,
    read: ReadState,
    (back, told): (bool, bool),
    entries: &mut Entries,
    now: DateTime<Utc>,
) -> Result<ReadResult> {
    members::set_read(tx, channel, user, &read).await?;
    let result = result(tx, user, channel, read).await?;
    tell(tx, user, channel, &result, (back, told), entries, now)?;
    Ok(result)
}

/// Tells the channel, if its members are to know, and the user's other devices, and has the flags follow.
pub fn tell(
    tx: &TenantTx,
    user: &UserId,
    channel: ChannelId,
    result: &ReadResult,
    (back, told): (bool, bool),
    entries: &mut Entries,
    now: DateTime<Utc>,
) -> Result<()> {
    if told {
        let data = json!({ "user_id": user, "read": result.read });
        entries.publish(channel, &hint(EventType::MessageRead, channel, now, data))?;
    }
    let data = json!({ "channel_id": channel, "unread": result.unread, "read": result.read });
    let own = hint(EventType::NotificationMarkRead, channel, now, data);
    entries.command(&channel.0, Command::publish(event::user_topic(tx.app_id(), user), &own)?);
    let job = ReadMoved { channel_id: channel, user_id: user.clone(), read_seq: result.read.read_seq, back };
    entries.job(&channel.0, READ_TOPIC, &job)
}

async fn result(tx: &TenantTx, user: &UserId, channel: ChannelId, read: ReadState) -> Result<ReadResult> {
    let unread = store::unread_in(tx, user, &[channel.0]).await?.pop().map_or(0, |row| row.unread);
    Ok(ReadResult { read, unread })
}
