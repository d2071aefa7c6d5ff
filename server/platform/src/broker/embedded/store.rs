//! The queries of the embedded queue.

use chrono::{DateTime, Duration, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Array, Int2, Int8, Text, Timestamptz, Untyped, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use crate::broker::{DeadLetter, Delivery};
use crate::db::{Db, prepared};
use crate::error::Result;
use crate::outbox::store as outbox_store;
use crate::schema::outbox;

/// A claimed job.
#[derive(Queryable)]
pub struct Job {
    pub app_id: Uuid,
    pub id: i64,
    pub event_id: Uuid,
    pub topic: String,
    pub payload: String,
    /// This attempt included.
    pub attempts: i16,
}

/// Names a row.
pub type Key = (Uuid, i64);

impl Job {
    /// Its row.
    pub fn key(&self) -> Key {
        (self.app_id, self.id)
    }

    /// As a consumer gets it.
    pub fn delivery(&self) -> Delivery {
        Delivery {
            app: self.app_id.into(),
            event_id: self.event_id.into(),
            topic: self.topic.clone(),
            payload: self.payload.clone(),
        }
    }
}

/// Leases due jobs to the caller. Several workers never get the same one.
pub async fn claim(db: &Db, now: DateTime<Utc>, lease: Duration, limit: i64) -> Result<Vec<Job>> {
    let tx = db.system().await?;
    let jobs = prepared::<(SqlUuid, Int8, SqlUuid, Text, Text, Int2)>(
        "UPDATE outbox SET attempts = attempts + 1, available_at = ? \
         WHERE (app_id, id) IN (SELECT app_id, id FROM outbox \
             WHERE sink = 'job' AND dead_at IS NULL AND available_at <= ? \
             ORDER BY available_at, id LIMIT ? FOR UPDATE SKIP LOCKED) \
         RETURNING app_id, id, event_id, topic, payload, attempts",
    )
    .bind::<Timestamptz, _>(now + lease)
    .bind::<Timestamptz, _>(now)
    .bind::<Int8, _>(limit)
    .load::<Job>(&mut tx.conn()?)
    .await?;
    tx.commit_lazily().await?;
    Ok(jobs)
}

/// Forgets jobs that are done.
pub async fn finish(db: &Db, jobs: &[Key]) -> Result<()> {
    if jobs.is_empty() {
        return Ok(());
    }
    let tx = db.system().await?;
    outbox_store::delete(tx.conn()?, jobs).await?;
    tx.commit_lazily().await
}

/// Puts off the end of the jobs' leases.
pub async fn renew(db: &Db, jobs: &[Key], until: DateTime<Utc>) -> Result<()> {
    set_available(db, jobs, until, 0).await
}

/// Gives back jobs that were claimed and not begun, as if they never had been.
pub async fn release(db: &Db, jobs: &[Key], now: DateTime<Utc>) -> Result<()> {
    set_available(db, jobs, now, 1).await
}

async fn set_available(db: &Db, jobs: &[Key], at: DateTime<Utc>, attempts_back: i16) -> Result<()> {
    if jobs.is_empty() {
        return Ok(());
    }
    let tx = db.system().await?;
    prepared::<Untyped>(
        "MERGE INTO outbox o \
         USING (SELECT ? AS back, ? AS at, k.* FROM UNNEST(?, ?) AS k (app_id, id)) k \
         ON o.app_id = k.app_id AND o.id = k.id \
         WHEN MATCHED THEN UPDATE SET attempts = o.attempts - k.back, available_at = k.at \
         WHEN NOT MATCHED AND false THEN INSERT DEFAULT VALUES",
    )
    .bind::<Int2, _>(attempts_back)
    .bind::<Timestamptz, _>(at)
    .bind::<Array<SqlUuid>, _>(jobs.iter().map(|(app, _)| *app).collect::<Vec<_>>())
    .bind::<Array<Int8>, _>(jobs.iter().map(|(_, id)| *id).collect::<Vec<_>>())
    .execute(&mut tx.conn()?)
    .await?;
    tx.commit_lazily().await
}

/// Gives a failed job its next time, or, without one, to the dead-letter queue.
pub async fn postpone(
    db: &Db,
    job: &Job,
    next: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
    error: &str,
) -> Result<()> {
    let tx = db.system().await?;
    diesel::update(outbox::table.find((job.app_id, job.id)))
        .set((
            outbox::available_at.eq(next.unwrap_or(now)),
            outbox::dead_at.eq(if next.is_none() { Some(now) } else { None }),
            outbox::last_error.eq(error),
        ))
        .execute(&mut tx.conn()?)
        .await?;
    tx.commit().await
}

/// The dead-letter queue, oldest first.
pub async fn dead(db: &Db, limit: i64) -> Result<Vec<DeadLetter>> {
    let tx = db.system().await?;
    let rows = outbox::table
        .filter(outbox::dead_at.is_not_null())
        .order((outbox::dead_at, outbox::id))
        .limit(limit)
        .select((
            outbox::event_id,
            outbox::app_id,
            outbox::topic,
            outbox::attempts,
            outbox::last_error,
            outbox::dead_at,
        ))
        .load::<(Uuid, Uuid, String, i16, Option<String>, Option<DateTime<Utc>>)>(&mut tx.conn()?)
        .await?;
    tx.commit().await?;
    let letter =
        |(event_id, app, topic, attempts, error, died_at): (Uuid, Uuid, String, i16, Option<String>, _)| {
            DeadLetter {
                event_id: event_id.into(),
                app: app.into(),
                consumer: String::new(),
                topic,
                attempts: i64::from(attempts),
                error: error.unwrap_or_default(),
                died_at,
            }
        };
    Ok(rows.into_iter().map(letter).collect())
}

/// Makes dead jobs wait again, with the whole ladder before them.
pub async fn revive(db: &Db, event: Option<Uuid>, now: DateTime<Utc>) -> Result<usize> {
    let tx = db.system().await?;
    let count =
        diesel::update(outbox::table)
            .filter(outbox::dead_at.is_not_null())
            .filter(outbox::event_id.nullable().eq(event).or(diesel::dsl::sql::<diesel::sql_types::Bool>(
                if event.is_none() { "true" } else { "false" },
            )))
            .set((
                outbox::dead_at.eq(None::<DateTime<Utc>>),
                outbox::attempts.eq(0_i16),
                outbox::available_at.eq(now),
            ))
            .execute(&mut tx.conn()?)
            .await?;
    tx.commit().await?;
    Ok(count)
}
