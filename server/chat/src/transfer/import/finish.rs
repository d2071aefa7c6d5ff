//! What is left to do for the channels that an import wrote to.

use chrono::{DateTime, Utc};
use diesel::sql_types::{Array, Int8, Untyped, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use parlor_platform::Result;
use parlor_platform::db::{TenantTx, prepared};
use parlor_platform::outbox::Entries;
use parlor_protocol::{ChannelId, EventType};
use serde_json::json;

use super::ordinary;
use super::store::Touched;
use crate::channels::change::Change;
use crate::channels::store::{self as channels, lock_each};
use crate::channels::view;

/// Channels that got others than those that they are of are no longer distinct. Who had read everything has read what was
/// imported, too: it is no news. Clients of channels that were there before are
/// told once.
pub async fn channels(
    tx: &TenantTx,
    touched: &[Touched],
    entries: &mut Entries,
    now: DateTime<Utc>,
) -> Result<()> {
    let ids: Vec<_> = touched.iter().map(|channel| channel.channel).collect();
    let held = lock_each(tx, &ids).await?;
    let made: Vec<_> =
        touched.iter().filter(|channel| channel.created).map(|channel| channel.channel).collect();
    ordinary::with_others(tx, &made).await?;
    let before =
        |id| touched.iter().find(|channel| channel.channel == id).map_or(0, |channel| channel.ordinal);
    prepared::<Untyped>(
        "MERGE INTO channel_members m USING (SELECT ? AS app, v.* FROM UNNEST(?, ?, ?, ?) AS v (channel, before, seq, ordinal)) v \
         ON m.app_id = v.app AND m.channel_id = v.channel \
         WHEN MATCHED AND m.removed_at IS NULL AND m.read_ordinal >= v.before AND m.read_seq < v.seq \
             THEN UPDATE SET read_seq = v.seq, read_ordinal = v.ordinal \
         WHEN NOT MATCHED AND false THEN INSERT DEFAULT VALUES",
    )
    .bind::<SqlUuid, _>(tx.app())
    .bind::<Array<SqlUuid>, _>(held.iter().map(|(id, _, _)| *id).collect::<Vec<_>>())
    .bind::<Array<Int8>, _>(held.iter().map(|(id, _, _)| before(*id)).collect::<Vec<_>>())
    .bind::<Array<Int8>, _>(held.iter().map(|(_, seq, _)| *seq).collect::<Vec<_>>())
    .bind::<Array<Int8>, _>(held.iter().map(|(_, _, ordinal)| *ordinal).collect::<Vec<_>>())
    .execute(&mut tx.conn()?)
    .await?;
    for channel in touched.iter().filter(|channel| !channel.created) {
        let id = ChannelId(channel.channel);
        if channels::find(tx, id).await?.is_none() {
            continue;
        }
        let change = Change::begin(tx, id, 0, now).await?;
        let channel = view::shared(change.row.clone())?;
        change.tell(entries, EventType::ChannelUpdated, json!({ "channel": channel }))?;
    }
    Ok(())
}
