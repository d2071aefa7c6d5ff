//! Read pointers, unread counts, and the flags of each user on each message.

mod all;
pub mod mark;
pub mod routes;
pub mod store;

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use futures_util::try_join;
use parlor_platform::Result;
use parlor_platform::db::TenantTx;
use parlor_protocol::member::{ChannelUnread, UnreadCounts};
use parlor_protocol::{ChannelId, UserId};
use uuid::Uuid;

use crate::threads;

/// What a user has not read, in channels and in the threads that they follow. Muted and hidden channels are not in the
/// totals.
pub async fn counts(tx: &TenantTx, user: &UserId, now: DateTime<Utc>) -> Result<UnreadCounts> {
    let (rows, mentions, threads_total) = try_join!(
        store::unread(tx, user),
        store::mentions(tx, user),
        threads::store::unread_total(tx, user)
    )?;
    let total = rows.iter().filter(|row| row.counts(now)).map(|row| row.unread).sum();
    let mentions_total = mentions.iter().filter(|row| row.counts(now)).map(|row| row.unread).sum();
    let count = |row: &store::UnreadRow, unread, mentions| ChannelUnread {
        channel_id: ChannelId(row.channel_id),
        unread,
        mentions,
        muted: row.muted(now),
        hidden: row.hidden,
    };
    let mut mentions: HashMap<Uuid, store::UnreadRow> =
        mentions.into_iter().map(|row| (row.channel_id, row)).collect();
    let mut channels: Vec<_> = rows
        .iter()
        .map(|row| count(row, row.unread, mentions.remove(&row.channel_id).map_or(0, |row| row.unread)))
        .collect();
    // Mentions in replies beside the timeline alone.
    channels.extend(mentions.values().map(|row| count(row, 0, row.unread)));
    Ok(UnreadCounts { total, mentions_total, threads_total, channels })
}
