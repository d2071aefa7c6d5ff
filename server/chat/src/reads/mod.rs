//! Read pointers, unread counts, and the flags of each user on each message.

mod mark;
pub mod routes;
pub mod store;

use chrono::{DateTime, Utc};
use futures_util::try_join;
use parlor_platform::Result;
use parlor_platform::db::TenantTx;
use parlor_protocol::member::{ChannelUnread, UnreadCounts};
use parlor_protocol::{ChannelId, UserId};

use crate::threads;

/// What a user has not read, in channels and in the threads that they follow. Muted channels are not in the total.
pub async fn counts(tx: &TenantTx, user: &UserId, now: DateTime<Utc>) -> Result<UnreadCounts> {
    let (rows, threads_total) = try_join!(store::unread(tx, user), threads::store::unread_total(tx, user))?;
    let count = |row: &store::UnreadRow| ChannelUnread {
        channel_id: ChannelId(row.channel_id),
        unread: row.unread,
        muted: row.muted(now),
    };
    let channels: Vec<_> = rows.iter().map(count).collect();
    let total = channels.iter().filter(|channel| !channel.muted).map(|channel| channel.unread).sum();
    Ok(UnreadCounts { total, threads_total, channels })
}
