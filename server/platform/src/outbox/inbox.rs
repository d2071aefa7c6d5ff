//! The inbox: which consumer has had which event. At least once becomes effect once.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use parlor_protocol::EventId;

use crate::db::{Db, TenantTx};
use crate::error::Result;
use crate::schema::{idempotency_keys, inbox};

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

/// Forgets what is older than any retry: inbox entries and idempotency keys.
pub async fn purge(db: &Db, older_than: DateTime<Utc>) -> Result<usize> {
    let tx = db.system().await?;
    let conn = tx.conn()?;
    let events = diesel::delete(inbox::table.filter(inbox::created_at.lt(older_than)));
    let keys = diesel::delete(idempotency_keys::table.filter(idempotency_keys::created_at.lt(older_than)));
    let count = events.execute(&mut &*conn).await? + keys.execute(&mut &*conn).await?;
    tx.commit_lazily().await?;
    Ok(count)
}
