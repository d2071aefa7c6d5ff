//! The inbox: which consumer has had which event. At least once becomes effect once.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Timestamptz, Untyped};
use diesel_async::RunQueryDsl;
use parlor_protocol::EventId;

use crate::db::{Db, TenantTx, prepared};
use crate::error::Result;
use crate::schema::inbox;

/// Records the event with the transaction of its effect. `false`: it was had before, do nothing.
pub async fn first_time(tx: &TenantTx, consumer: &str, event: EventId, now: DateTime<Utc>) -> Result<bool> {
    let rows = diesel::insert_into(inbox::table)
        .values((
            inbox::app_id.eq(tx.app()),
            inbox::consumer.eq(consumer),
            inbox::event_id.eq(event.0),
            inbox::created_at.eq(now),
        ))
        .on_conflict_do_nothing()
        .execute(&mut tx.conn()?)
        .await?;
    Ok(rows == 1)
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
