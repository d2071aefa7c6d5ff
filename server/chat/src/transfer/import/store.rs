//! The queries of imports themselves: how far one is, its parts, and the channels that it writes to.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{
    Array, Binary, Bool, Int2, Int4, Int8, Jsonb, Nullable, Text, Timestamptz, Untyped, Uuid as SqlUuid,
};
use diesel_async::RunQueryDsl;
use parlor_platform::db::{TenantTx, prepared};
use parlor_platform::schema::{import_parts, imports};
use parlor_platform::{Error, Result};
use parlor_protocol::transfer::ImportState;
use parlor_protocol::{Import, ImportId};
use serde_json::Value;
use uuid::Uuid;

use super::source::Place;
use super::{Phase, Refused};

/// A row of the table.
#[derive(Clone, Debug, HasQuery)]
#[diesel(table_name = imports)]
pub struct ImportRow {
    pub id: Uuid,
    pub state: String,
    pub dry_run: bool,
    pub phase: i16,
    pub part: i32,
    pub byte_offset: i64,
    pub line: i64,
    pub counts: Value,
    pub failed: i64,
    pub errors: Value,
    pub created_at: DateTime<Utc>,
    pub finished_at: Option<DateTime<Utc>>,
    pub expires_at: DateTime<Utc>,
    pub search_part: i32,
    pub search_offset: i64,
    pub search_line: i64,
}

impl ImportRow {
    /// Where it is, which the table checks.
    pub fn state(&self) -> Result<ImportState> {
        ImportState::parse(&self.state)
            .ok_or_else(|| Error::internal("a stored state of an import is unknown"))
    }

    /// What it is at; `None` after the last.
    pub fn phase(&self) -> Option<Phase> {
        Phase::at(self.phase)
    }

    /// Where it goes on.
    pub fn place(&self) -> Place {
        Place { part: self.part, offset: self.byte_offset, line: self.line }
    }

    /// Up to where messages are in the index of the search.
    pub fn indexed(&self) -> Place {
        Place { part: self.search_part, offset: self.search_offset, line: self.search_line }
    }

    /// As it stands on the wire.
    pub fn into_import(self) -> Result<Import> {
        let last = Phase::ALL.len() - 1;
        Ok(Import {
            id: self.id.into(),
            state: self.state()?,
            dry_run: self.dry_run,
            phase: self.phase().unwrap_or(Phase::ALL[last]).name().to_owned(),
            line: self.line,
            counts: serde_json::from_value(self.counts).map_err(Error::internal)?,
            failed: self.failed,
            errors: serde_json::from_value(self.errors).map_err(Error::internal)?,
            created_at: self.created_at,
            finished_at: self.finished_at,
            expires_at: self.expires_at,
        })
    }
}

/// One import.
pub async fn find(tx: &TenantTx, id: ImportId) -> Result<Option<ImportRow>> {
    Ok(ImportRow::query()
        .filter(imports::app_id.eq(tx.app()).and(imports::id.eq(id.0)))
        .first(&mut tx.conn()?)
        .await
        .optional()?)
}

/// The same, holding its row.
pub async fn lock(tx: &TenantTx, id: ImportId) -> Result<Option<ImportRow>> {
    Ok(ImportRow::query()
        .filter(imports::app_id.eq(tx.app()).and(imports::id.eq(id.0)))
        .for_no_key_update()
        .first(&mut tx.conn()?)
        .await
        .optional()?)
}

/// A new one; `false` if there is one with this id.
pub async fn insert(
    tx: &TenantTx,
    id: ImportId,
    now: DateTime<Utc>,
    expires_at: DateTime<Utc>,
) -> Result<bool> {
    let rows = diesel::insert_into(imports::table)
        .values((
            imports::app_id.eq(tx.app()),
            imports::id.eq(id.0),
            imports::state.eq(ImportState::Open.as_str()),
            imports::created_at.eq(now),
            imports::expires_at.eq(expires_at),
        ))
        .on_conflict_do_nothing()
        .execute(&mut tx.conn()?)
        .await?;
    Ok(rows == 1)
}

/// Begins at the first line of the first phase.
pub async fn begin(
    tx: &TenantTx,
    id: ImportId,
    state: ImportState,
    dry_run: bool,
    expires_at: DateTime<Utc>,
) -> Result<()> {
    let at = Place::default();
    diesel::update(imports::table.find((tx.app(), id.0)))
        .set((
            imports::state.eq(state.as_str()),
            imports::dry_run.eq(dry_run),
            imports::phase.eq(0),
            imports::part.eq(at.part),
            imports::byte_offset.eq(at.offset),
            imports::line.eq(at.line),
            imports::search_part.eq(at.part),
            imports::search_offset.eq(at.offset),
            imports::search_line.eq(at.line),
            imports::counts.eq(serde_json::json!({})),
            imports::failed.eq(0),
            imports::errors.eq(serde_json::json!([])),
            imports::finished_at.eq(None::<DateTime<Utc>>),
            imports::expires_at.eq(expires_at),
        ))
        .execute(&mut tx.conn()?)
        .await?;
    Ok(())
}

/// What a step did.
#[derive(Debug, Default)]
pub struct Done {
    pub counted: Vec<(&'static str, i64)>,
    pub refused: Refused,
}

/// Where an import goes on.
pub struct Next {
    pub phase: i16,
    pub at: Place,
    /// Up to where messages are indexed.
    pub indexed: Place,
}

/// Writes where the work goes on, and what was done. The caller holds the row.
pub async fn advance(tx: &TenantTx, row: &ImportRow, next: Next, done: Done) -> Result<()> {
    let Next { phase, at, indexed } = next;
    let mut counts = row.counts.clone();
    for (name, more) in done.counted {
        let before = counts.get(name).and_then(Value::as_i64).unwrap_or(0);
        counts[name] = (before + more).into();
    }
    let known = row.errors.as_array().map_or(0, Vec::len);
    let room = parlor_protocol::limits::IMPORT_ERRORS.saturating_sub(known);
    let errors = done.refused.first.get(..room).unwrap_or(&done.refused.first);
    prepared::<Untyped>(
        "UPDATE imports SET phase = v.phase, part = v.part, byte_offset = v.byte_offset, line = v.line, \
             search_part = v.search_part, search_offset = v.search_offset, search_line = v.search_line, \
             counts = v.counts, failed = imports.failed + v.failed, errors = imports.errors || v.errors \
         FROM (SELECT ? AS phase, ? AS part, ? AS byte_offset, ? AS line, ? AS search_part, ? AS search_offset, \
             ? AS search_line, ? AS counts, ? AS failed, ? AS errors) v \
         WHERE app_id = ? AND id = ?",
    )
    .bind::<Int2, _>(phase)
    .bind::<Int4, _>(at.part)
    .bind::<Int8, _>(at.offset)
    .bind::<Int8, _>(at.line)
    .bind::<Int4, _>(indexed.part)
    .bind::<Int8, _>(indexed.offset)
    .bind::<Int8, _>(indexed.line)
    .bind::<Jsonb, _>(counts)
    .bind::<Int8, _>(done.refused.count)
    .bind::<Jsonb, _>(serde_json::to_value(errors).map_err(Error::internal)?)
    .bind::<SqlUuid, _>(tx.app())
    .bind::<SqlUuid, _>(row.id)
    .execute(&mut tx.conn()?)
    .await?;
    Ok(())
}

/// Ends an import, or a look for errors. `expires_at` is when its report goes.
pub async fn end(
    tx: &TenantTx,
    id: ImportId,
    state: ImportState,
    now: DateTime<Utc>,
    expires_at: DateTime<Utc>,
) -> Result<()> {
    diesel::update(imports::table.find((tx.app(), id.0)))
        .set((
            imports::state.eq(state.as_str()),
            imports::finished_at.eq(now),
            imports::expires_at.eq(expires_at),
        ))
        .execute(&mut tx.conn()?)
        .await?;
    Ok(())
}

/// Writes what a look for errors found.
pub async fn report(tx: &TenantTx, id: ImportId, counts: Value, refused: &Refused, line: i64) -> Result<()> {
    diesel::update(imports::table.find((tx.app(), id.0)))
        .set((
            imports::counts.eq(counts),
            imports::failed.eq(refused.count),
            imports::errors.eq(serde_json::to_value(&refused.first).map_err(Error::internal)?),
            imports::line.eq(line),
        ))
        .execute(&mut tx.conn()?)
        .await?;
    Ok(())
}

/// Takes a part, or another one in its place.
pub async fn put_part(tx: &TenantTx, id: ImportId, number: i32, body: &[u8], lines: i32) -> Result<()> {
    prepared::<Untyped>(
        "INSERT INTO import_parts (app_id, import_id, number, body, lines) VALUES (?, ?, ?, ?, ?) \
         ON CONFLICT (app_id, import_id, number) DO UPDATE SET body = excluded.body, lines = excluded.lines",
    )
    .bind::<SqlUuid, _>(tx.app())
    .bind::<SqlUuid, _>(id.0)
    .bind::<Int4, _>(number)
    .bind::<Binary, _>(body)
    .bind::<Int4, _>(lines)
    .execute(&mut tx.conn()?)
    .await?;
    Ok(())
}

/// How many parts there are, and the number of the last.
pub async fn parts(tx: &TenantTx, id: ImportId) -> Result<(i64, i32)> {
    let (count, last) = import_parts::table
        .filter(import_parts::app_id.eq(tx.app()).and(import_parts::import_id.eq(id.0)))
        .select((diesel::dsl::count_star(), diesel::dsl::max(import_parts::number)))
        .first::<(i64, Option<i32>)>(&mut tx.conn()?)
        .await?;
    Ok((count, last.unwrap_or(0)))
}

/// Bytes of a part from a place on, and whether it has more; parts are numbered from 1. `None` after the last.
pub async fn slice(tx: &TenantTx, id: ImportId, at: Place, most: i32) -> Result<Option<(Vec<u8>, bool)>> {
    let offset = i32::try_from(at.offset).map_err(Error::internal)?;
    let row = prepared::<(Binary, Bool)>(
        "SELECT substring(p.body FROM v.first + 1 FOR v.most), length(p.body) > v.first + v.most \
         FROM (SELECT ?::integer AS first, ?::integer AS most) v CROSS JOIN LATERAL (SELECT body FROM import_parts \
             WHERE app_id = ? AND import_id = ? AND number = ? OFFSET 0) p",
    )
    .bind::<Int4, _>(offset)
    .bind::<Int4, _>(most)
    .bind::<SqlUuid, _>(tx.app())
    .bind::<SqlUuid, _>(id.0)
    .bind::<Int4, _>(at.part + 1)
    .load::<(Vec<u8>, bool)>(&mut tx.conn()?)
    .await?;
    Ok(row.into_iter().next())
}

/// Forgets what was uploaded.
pub async fn forget_parts(tx: &TenantTx, id: ImportId) -> Result<()> {
    diesel::delete(import_parts::table)
        .filter(import_parts::app_id.eq(tx.app()).and(import_parts::import_id.eq(id.0)))
        .execute(&mut tx.conn()?)
        .await?;
    Ok(())
}

/// Notes channels that the import writes to, as they are before it does.
pub async fn note_channels(tx: &TenantTx, id: ImportId, channels: &[Uuid], created: bool) -> Result<()> {
    prepared::<Untyped>(
        "INSERT INTO import_channels (app_id, import_id, channel_id, created, ordinal) \
         SELECT c.app_id, v.import, c.id, v.created, CASE WHEN c.truncated_ordinal < c.ordinal THEN c.ordinal ELSE 0 END \
         FROM (SELECT ?::uuid AS app, ?::uuid AS import, ?::boolean AS created) v CROSS JOIN UNNEST(?) AS n (id) \
         CROSS JOIN LATERAL (SELECT app_id, id, ordinal, truncated_ordinal FROM channels WHERE app_id = v.app AND id = n.id OFFSET 0) c \
         ON CONFLICT DO NOTHING",
    )
    .bind::<SqlUuid, _>(tx.app())
    .bind::<SqlUuid, _>(id.0)
    .bind::<Bool, _>(created)
    .bind::<Array<SqlUuid>, _>(channels.to_vec())
    .execute(&mut tx.conn()?)
    .await?;
    Ok(())
}

/// A channel that an import wrote to.
#[derive(Queryable)]
pub struct Touched {
    pub channel: Uuid,
    pub created: bool,
    /// Countable messages before the import; 0 where all of them were truncated, so that nobody had anything unread.
    pub ordinal: i64,
}

/// Channels that the import wrote to, some at a time; they are forgotten with it.
pub async fn take_channels(tx: &TenantTx, id: ImportId, limit: i64) -> Result<Vec<Touched>> {
    let mut taken = prepared::<(SqlUuid, Bool, Int8)>(
        "DELETE FROM import_channels WHERE (app_id, import_id, channel_id) IN \
             (SELECT app_id, import_id, channel_id FROM import_channels WHERE app_id = ? AND import_id = ? \
                 ORDER BY channel_id LIMIT ?) RETURNING channel_id, created, ordinal",
    )
    .bind::<SqlUuid, _>(tx.app())
    .bind::<SqlUuid, _>(id.0)
    .bind::<Int8, _>(limit)
    .load::<Touched>(&mut tx.conn()?)
    .await?;
    taken.sort_by_key(|touched| touched.channel);
    Ok(taken)
}

/// Channels by their cids, those that were deleted left out.
pub async fn channels_of(tx: &TenantTx, cids: &[&str]) -> Result<Vec<(String, Uuid)>> {
    Ok(prepared::<(Text, SqlUuid)>(
        "SELECT n.cid, c.id FROM UNNEST(?) AS n (cid) CROSS JOIN LATERAL (SELECT id FROM channels \
             WHERE app_id = ? AND cid = n.cid AND deleted_at IS NULL OFFSET 0) c",
    )
    .bind::<Array<Text>, _>(cids.to_vec())
    .bind::<SqlUuid, _>(tx.app())
    .load(&mut tx.conn()?)
    .await?)
}

/// Of these channels, those that were there before the import.
pub async fn there_before(tx: &TenantTx, id: ImportId, channels: &[Uuid]) -> Result<Vec<Uuid>> {
    Ok(prepared::<SqlUuid>(
        "SELECT n.id FROM UNNEST(?) AS n (id) CROSS JOIN LATERAL (SELECT FROM import_channels WHERE app_id = ? \
             AND import_id = ? AND channel_id = n.id AND NOT created OFFSET 0) i",
    )
    .bind::<Array<SqlUuid>, _>(channels.to_vec())
    .bind::<SqlUuid, _>(tx.app())
    .bind::<SqlUuid, _>(id.0)
    .load(&mut tx.conn()?)
    .await?)
}

/// A channel after a step.
pub struct Advanced {
    pub id: Uuid,
    pub seq: i64,
    pub ordinal: i64,
    pub members: i32,
    /// When the newest of the imported messages was sent.
    pub last_message_at: Option<DateTime<Utc>>,
}

/// Moves the numbers of channels, which the caller holds.
pub async fn advance_channels(tx: &TenantTx, channels: &[Advanced]) -> Result<()> {
    prepared::<Untyped>(
        "MERGE INTO channels c USING (SELECT ? AS app, v.* FROM UNNEST(?, ?, ?, ?, ?) AS v (id, seq, ordinal, members, sent_at)) v \
         ON c.app_id = v.app AND c.id = v.id \
         WHEN MATCHED THEN UPDATE SET seq = v.seq, ordinal = v.ordinal, member_count = c.member_count + v.members, \
             last_message_at = greatest(c.last_message_at, v.sent_at), \
             imported_seq = CASE WHEN v.sent_at IS NULL THEN c.imported_seq ELSE v.seq END \
         WHEN NOT MATCHED AND false THEN INSERT DEFAULT VALUES",
    )
    .bind::<SqlUuid, _>(tx.app())
    .bind::<Array<SqlUuid>, _>(channels.iter().map(|row| row.id).collect::<Vec<_>>())
    .bind::<Array<Int8>, _>(channels.iter().map(|row| row.seq).collect::<Vec<_>>())
    .bind::<Array<Int8>, _>(channels.iter().map(|row| row.ordinal).collect::<Vec<_>>())
    .bind::<Array<Int4>, _>(channels.iter().map(|row| row.members).collect::<Vec<_>>())
    .bind::<Array<Nullable<Timestamptz>>, _>(channels.iter().map(|row| row.last_message_at).collect::<Vec<_>>())
    .execute(&mut tx.conn()?)
    .await?;
    Ok(())
}

/// What messages and quotations show of users.
pub async fn users(tx: &TenantTx, ids: &[&str]) -> Result<Vec<(String, Option<String>, Option<String>)>> {
    Ok(prepared::<(Text, Nullable<Text>, Nullable<Text>)>(
        "SELECT u.id, u.name, u.image FROM UNNEST(?) AS n (id) CROSS JOIN LATERAL (SELECT id, name, image FROM users \
             WHERE app_id = ? AND id = n.id OFFSET 0) u",
    )
    .bind::<Array<Text>, _>(ids.to_vec())
    .bind::<SqlUuid, _>(tx.app())
    .load(&mut tx.conn()?)
    .await?)
}
