//! The queries of the outbox.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Array, Bool, Int2, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

use super::Row;
use crate::db::prepared;
use crate::error::Result;
use crate::schema::outbox;

/// Stores rows in one statement, whatever their number.
pub(super) async fn insert(
    conn: &AsyncPgConnection,
    app: Uuid,
    rows: &[Row],
    now: DateTime<Utc>,
) -> Result<()> {
    prepared::<diesel::sql_types::Untyped>(
        "INSERT INTO outbox (app_id, event_id, sink, lane, topic, payload, created_at, available_at) \
         SELECT ?, r.*, now.t, now.t FROM (SELECT ? AS t) now, \
         UNNEST(?, ?, ?, ?, ?) AS r (event_id, sink, lane, topic, payload)",
    )
    .bind::<SqlUuid, _>(app)
    .bind::<Timestamptz, _>(now)
    .bind::<Array<SqlUuid>, _>(rows.iter().map(|row| row.event_id).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(rows.iter().map(|row| row.sink.as_str()).collect::<Vec<_>>())
    .bind::<Array<Int2>, _>(rows.iter().map(|row| row.lane).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(rows.iter().map(|row| row.topic).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(rows.iter().map(|row| row.payload.as_str()).collect::<Vec<_>>())
    .execute(&mut &*conn)
    .await?;
    Ok(())
}

/// A row as the relay reads it.
#[derive(HasQuery)]
#[diesel(table_name = outbox)]
pub struct OutboxRow {
    pub app_id: Uuid,
    pub id: i64,
    pub event_id: Uuid,
    pub lane: i16,
    pub topic: String,
    pub payload: String,
    pub created_at: DateTime<Utc>,
}

/// What to publish next, in order, of the rows past `after` but for those that wait. The sink is written out, so that every plan can use its
/// partial index.
pub(super) async fn next_realtime(
    conn: &AsyncPgConnection,
    after: i64,
    waiting: Vec<i64>,
    limit: i64,
) -> Result<Vec<OutboxRow>> {
    Ok(OutboxRow::query()
        .filter(diesel::dsl::sql::<Bool>("sink = 'realtime'").and(outbox::dead_at.is_null()))
        .filter(outbox::id.gt(after).and(outbox::id.ne_all(waiting)))
        .order(outbox::id)
        .limit(limit)
        .load(&mut &*conn)
        .await?)
}

/// Jobs to hand to an outside broker next, in order.
pub(super) async fn next_jobs(conn: &AsyncPgConnection, limit: i64) -> Result<Vec<OutboxRow>> {
    Ok(OutboxRow::query()
        .filter(diesel::dsl::sql::<Bool>("sink = 'job'").and(outbox::dead_at.is_null()))
        .order((outbox::available_at, outbox::id))
        .limit(limit)
        .load(&mut &*conn)
        .await?)
}

/// Forgets rows that were told. Ids are unique across apps.
pub async fn delete(conn: &AsyncPgConnection, rows: &[(Uuid, i64)]) -> Result<()> {
    prepared::<diesel::sql_types::Untyped>(
        "MERGE INTO outbox o USING (SELECT * FROM UNNEST(?, ?) AS done (app_id, id)) done \
         ON o.app_id = done.app_id AND o.id = done.id \
         WHEN MATCHED THEN DELETE WHEN NOT MATCHED AND false THEN INSERT DEFAULT VALUES",
    )
    .bind::<Array<SqlUuid>, _>(rows.iter().map(|(app, _)| *app).collect::<Vec<_>>())
    .bind::<Array<diesel::sql_types::Int8>, _>(rows.iter().map(|(_, id)| *id).collect::<Vec<_>>())
    .execute(&mut &*conn)
    .await?;
    Ok(())
}

/// How many rows wait, and since when the oldest does.
pub(super) async fn backlog(conn: &AsyncPgConnection) -> Result<(i64, Option<DateTime<Utc>>)> {
    Ok(outbox::table
        .filter(outbox::dead_at.is_null())
        .select((diesel::dsl::count_star(), diesel::dsl::min(outbox::created_at)))
        .first(&mut &*conn)
        .await?)
}
