//! The inbox: which consumer has had which event. At least once becomes effect once.

use std::collections::{BTreeSet, HashSet};

use chrono::{DateTime, Utc};
use diesel::sql_types::{Array, Text, Timestamptz, Untyped, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use parlor_protocol::EventId;
use uuid::Uuid;

use crate::db::{Db, TenantTx, prepared};
use crate::error::Result;

/// Records the events with the transaction of their effect. Gives those that come for the first time; the others
/// have had their effect.
pub async fn first_time(
    tx: &TenantTx,
    consumer: &str,
    events: impl Iterator<Item = EventId>,
    now: DateTime<Utc>,
) -> Result<HashSet<EventId>> {
    // In one order for everybody: two who had the same events given wait for each other, and not in a ring.
    let events: BTreeSet<Uuid> = events.map(|event| event.0).collect();
    let new = prepared::<SqlUuid>(
        "INSERT INTO inbox (app_id, consumer, event_id, created_at) SELECT ?, ?, e.id, ? FROM UNNEST(?) AS e (id) \
         ON CONFLICT DO NOTHING RETURNING event_id",
    )
    .bind::<SqlUuid, _>(tx.app())
    .bind::<Text, _>(consumer)
    .bind::<Timestamptz, _>(now)
    .bind::<Array<SqlUuid>, _>(events.into_iter().collect::<Vec<_>>())
    .load::<Uuid>(&mut tx.conn()?)
    .await?;
    Ok(new.into_iter().map(EventId).collect())
}

const PURGE_INBOX: &str = "DELETE FROM inbox WHERE (app_id, consumer, event_id) IN \
    (SELECT app_id, consumer, event_id FROM inbox WHERE created_at < ? LIMIT 5000)";
const PURGE_KEYS: &str = "DELETE FROM idempotency_keys WHERE (app_id, key) IN \
    (SELECT app_id, key FROM idempotency_keys WHERE created_at < ? LIMIT 5000)";

/// Forgets what is older than any retry: inbox entries and idempotency keys.
pub async fn purge(db: &Db, older_than: DateTime<Utc>) -> Result<usize> {
    let mut count = 0;
    // A few thousand at a time: however much there is, no statement runs into its time limit.
    for sql in [PURGE_INBOX, PURGE_KEYS] {
        loop {
            let tx = db.system().await?;
            let rows =
                prepared::<Untyped>(sql).bind::<Timestamptz, _>(older_than).execute(&mut tx.conn()?).await?;
            tx.commit_lazily().await?;
            count += rows;
            if rows == 0 {
                break;
            }
        }
    }
    Ok(count)
}
