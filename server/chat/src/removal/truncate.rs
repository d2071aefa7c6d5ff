//! Moving the point up to which a channel's messages are gone.

use chrono::{DateTime, Utc};
use parlor_platform::Result;
use parlor_platform::db::TenantTx;
use parlor_platform::outbox::Entries;
use parlor_protocol::{Capability, Channel, ChannelId, ErrorCode, EventType};
use serde_json::json;

use super::{PATIENCE, Step, TOPIC, store};
use crate::channels::change::Change;
use crate::channels::store::{self as channels, ChannelRow};
use crate::channels::{access, view};
use crate::messages::store as messages;
use crate::tasks;
use crate::web::Caller;

/// Which messages go.
#[derive(Clone, Copy, Debug)]
pub enum Until {
    /// All.
    Now,
    /// Those before this `seq`.
    Seq(i64),
    /// Those that were sent before.
    Time(DateTime<Utc>),
}

/// Truncates a channel. Where there is nothing to remove it stays as it is.
pub async fn truncate(
    tx: &TenantTx,
    caller: &Caller,
    id: ChannelId,
    until: Until,
    entries: &mut Entries,
    now: DateTime<Utc>,
) -> Result<Channel> {
    let access = access::require_locked(tx, caller, id, Capability::TruncateChannel).await?;
    remove(tx, &access.row, until, entries, now).await?;
    let row = channels::find(tx, id).await?.ok_or(ErrorCode::ChannelNotFound)?;
    view::channel(tx, caller.user(), row, now).await
}

/// Lets all messages of a channel go that is deleted, and of which nobody reads any more.
pub async fn of_deleted(
    tx: &TenantTx,
    row: &ChannelRow,
    entries: &mut Entries,
    now: DateTime<Utc>,
) -> Result<()> {
    store::truncate(tx, row.id(), (row.seq, row.ordinal), now + PATIENCE).await?;
    entries.job(&row.id, TOPIC, &Step::first(row.id(), row.seq))
}

/// Lets messages of a channel go whose row the caller holds. What it costs does not depend on how many they are.
pub async fn remove(
    tx: &TenantTx,
    row: &ChannelRow,
    until: Until,
    entries: &mut Entries,
    now: DateTime<Utc>,
) -> Result<()> {
    let (id, after) = (row.id(), row.truncated_seq);
    let newest = match until {
        Until::Now => store::newest(tx, id, after, row.seq).await?,
        Until::Seq(seq) => store::newest(tx, id, after, seq - 1).await?,
        Until::Time(time) => store::newest_before(tx, id, after, row.seq, time).await?,
    };
    let Some(seq) = newest else { return Ok(()) };
    let countable = messages::countable_up_to(tx, id, seq).await?.map_or(0, |(_, _, ordinal)| ordinal);
    let ordinal = countable.max(row.truncated_ordinal);
    store::truncate(tx, id, (seq, ordinal), now + PATIENCE).await?;
    let change = Change::begin(tx, id, 0, now).await?;
    let data = json!({ "truncated_seq": seq, "truncated_ordinal": ordinal });
    change.tell(entries, EventType::ChannelTruncated, data)?;
    tasks::forget_up_to(tx, id, seq, entries, now).await?;
    entries.job(&id.0, TOPIC, &Step::first(id, seq))
}
