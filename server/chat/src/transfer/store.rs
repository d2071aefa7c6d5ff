//! The queries of exports themselves, and the purge of what is over.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Int4, Int8, Text, Timestamptz, Untyped, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use parlor_platform::db::{Db, TenantTx, prepared};
use parlor_platform::schema::{export_parts, exports};
use parlor_platform::{Error, Result};
use parlor_protocol::transfer::{Export, ExportState};
use parlor_protocol::{ExportId, UserId};
use uuid::Uuid;

use crate::users::store::user_id;

/// A row of the table.
#[derive(Clone, Debug, HasQuery)]
#[diesel(table_name = exports)]
pub struct ExportRow {
    pub id: Uuid,
    pub user_id: String,
    pub state: String,
    pub parts: i32,
    pub lines: i64,
    pub created_at: DateTime<Utc>,
    pub finished_at: Option<DateTime<Utc>>,
    pub expires_at: DateTime<Utc>,
}

impl ExportRow {
    /// As it stands on the wire.
    pub fn into_export(self) -> Result<Export> {
        Ok(Export {
            id: self.id.into(),
            user_id: user_id(self.user_id)?,
            state: ExportState::parse(&self.state)
                .ok_or_else(|| Error::internal("a stored state of an export is unknown"))?,
            parts: self.parts,
            lines: self.lines,
            created_at: self.created_at,
            finished_at: self.finished_at,
            expires_at: self.expires_at,
        })
    }
}

/// One export.
pub async fn find(tx: &TenantTx, id: ExportId) -> Result<Option<ExportRow>> {
    Ok(ExportRow::query()
        .filter(exports::app_id.eq(tx.app()).and(exports::id.eq(id.0)))
        .first(&mut tx.conn()?)
        .await
        .optional()?)
}

/// A new one.
pub async fn insert(
    tx: &TenantTx,
    id: ExportId,
    user: &UserId,
    now: DateTime<Utc>,
    expires_at: DateTime<Utc>,
) -> Result<()> {
    diesel::insert_into(exports::table)
        .values((
            exports::app_id.eq(tx.app()),
            exports::id.eq(id.0),
            exports::user_id.eq(user.as_str()),
            exports::state.eq(ExportState::Waiting.as_str()),
            exports::created_at.eq(now),
            exports::expires_at.eq(expires_at),
        ))
        .execute(&mut tx.conn()?)
        .await?;
    Ok(())
}

/// Keeps a part; what an attempt before left in its place goes. `false`: the export is over, or gone.
pub async fn put_part(tx: &TenantTx, id: ExportId, number: i32, body: &str) -> Result<bool> {
    let rows = prepared::<Untyped>(
        "INSERT INTO export_parts (app_id, export_id, number, body) \
         SELECT e.app_id, e.id, ?, ? FROM exports e WHERE e.app_id = ? AND e.id = ? AND e.state = 'waiting' \
         ON CONFLICT (app_id, export_id, number) DO UPDATE SET body = excluded.body",
    )
    .bind::<Int4, _>(number)
    .bind::<Text, _>(body)
    .bind::<SqlUuid, _>(tx.app())
    .bind::<SqlUuid, _>(id.0)
    .execute(&mut tx.conn()?)
    .await?;
    Ok(rows == 1)
}

/// A part.
pub async fn part(tx: &TenantTx, id: ExportId, number: i32) -> Result<Option<String>> {
    Ok(export_parts::table
        .find((tx.app(), id.0, number))
        .select(export_parts::body)
        .first(&mut tx.conn()?)
        .await
        .optional()?)
}

/// Ends an export that was not over.
pub async fn end(tx: &TenantTx, id: ExportId, parts: i32, lines: i64, now: DateTime<Utc>) -> Result<()> {
    prepared::<Untyped>(
        "UPDATE exports SET state = 'done', parts = ?, lines = ?, finished_at = ? \
         WHERE app_id = ? AND id = ? AND state = 'waiting'",
    )
    .bind::<Int4, _>(parts)
    .bind::<Int8, _>(lines)
    .bind::<Timestamptz, _>(now)
    .bind::<SqlUuid, _>(tx.app())
    .bind::<SqlUuid, _>(id.0)
    .execute(&mut tx.conn()?)
    .await?;
    Ok(())
}

const PURGES: [&str; 2] = [
    "DELETE FROM imports WHERE (app_id, id) IN \
        (SELECT app_id, id FROM imports WHERE expires_at < ? AND state NOT IN ('checking', 'running') LIMIT 10)",
    "DELETE FROM exports WHERE (app_id, id) IN (SELECT app_id, id FROM exports WHERE expires_at < ? LIMIT 10)",
];

/// Forgets, in all apps, imports and exports whose time is over. Few at a time: each has parts.
pub async fn purge(db: &Db, now: DateTime<Utc>) -> Result<()> {
    for sql in PURGES {
        loop {
            let tx = db.system().await?;
            let rows = prepared::<Untyped>(sql).bind::<Timestamptz, _>(now).execute(&mut tx.conn()?).await?;
            tx.commit_lazily().await?;
            if rows == 0 {
                break;
            }
        }
    }
    Ok(())
}
