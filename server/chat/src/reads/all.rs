//! Reading everything: all channels and all threads of a user, a few hundred in a transaction.
//!
//! Each pointer moves to where its channel or thread is at that moment, so what comes meanwhile stays unread. Batches go on
//! after the last channel of the one before, whatever became of it.

use chrono::{DateTime, Utc};
use parlor_platform::Result;
use parlor_platform::db::TenantTx;
use parlor_platform::outbox::Entries;
use parlor_protocol::member::{ReadResult, ReadState};
use parlor_protocol::receipt::ReadEverything;
use parlor_protocol::thread::ThreadRead;
use parlor_protocol::{ChannelId, EventType, MessageId, UserId};
use serde_json::json;
use uuid::Uuid;

use super::{mark, store};
use crate::Chat;
use crate::channels::store as channels;
use crate::threads::store as threads;
use crate::users::change::{UserChange, UserChanges};
use crate::users::{settings, store as users};
use crate::web::UserCaller;

/// Channels or threads of one transaction.
const BATCH: usize = 200;

/// Reads everything, and gives how much there was.
pub async fn read(chat: &Chat, caller: &UserCaller) -> Result<ReadEverything> {
    let mut all = ReadEverything::default();
    let mut after = Some(Uuid::nil());
    while let Some(place) = after {
        let batch = chat.change(caller.app, async |tx, entries, now| {
            in_channels(tx, &caller.user, place, entries, now).await
        });
        let batch = batch.await?;
        all.channels += batch.len();
        after = batch.last().copied().filter(|_| batch.len() == BATCH);
    }
    let mut after = Some(Uuid::nil());
    while let Some(place) = after {
        let batch = chat.change(caller.app, async |tx, entries, now| {
            in_threads(tx, &caller.user, place, entries, now).await
        });
        let batch = batch.await?;
        all.threads += batch.len();
        after = batch.last().copied().filter(|_| batch.len() == BATCH);
    }
    Ok(all)
}

async fn in_channels(
    tx: &TenantTx,
    user: &UserId,
    after: Uuid,
    entries: &mut Entries,
    now: DateTime<Utc>,
) -> Result<Vec<Uuid>> {
    users::lock(tx, &[user.as_str()]).await?;
    let rows = store::behind(tx, user, after, BATCH as i64).await?;
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let hidden = !settings::find(tx, user).await?.read_receipts;
    let change = UserChange::begin(tx, user, now).await?;
    store::read_up(tx, user, &rows, change.seq(), now).await?;
    for row in &rows {
        let read = ReadState {
            read_seq: row.seq,
            read_ordinal: row.ordinal,
            read_at: Some(now),
            last_read_message_id: row.message.map(MessageId),
        };
        let told = !hidden && !channels::config(&row.config)?.read_receipts_disabled;
        let result = ReadResult { read, unread: 0 };
        mark::tell(tx, user, ChannelId(row.channel), &result, (false, told), entries, now)?;
    }
    Ok(rows.into_iter().map(|row| row.channel).collect())
}

async fn in_threads(
    tx: &TenantTx,
    user: &UserId,
    after: Uuid,
    entries: &mut Entries,
    now: DateTime<Utc>,
) -> Result<Vec<Uuid>> {
    let mut changes = UserChanges::begin(tx, &[user.as_str()], now).await?;
    let rows = threads::behind(tx, user, after, BATCH as i64).await?;
    let mut moves = Vec::with_capacity(rows.len());
    for row in &rows {
        let change = changes.next(user)?;
        let read = ThreadRead { read_seq: row.seq, read_ordinal: row.ordinal, read_at: Some(now) };
        let data = json!({ "channel_id": row.channel, "parent_id": row.root, "unread": 0, "read": read });
        change.tell(entries, EventType::NotificationThreadRead, ChannelId(row.channel), data)?;
        moves.push((row, change.seq()));
    }
    threads::read_up(tx, user, &moves, now).await?;
    changes.end(tx).await?;
    Ok(rows.into_iter().map(|row| row.root).collect())
}
