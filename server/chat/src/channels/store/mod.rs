//! The queries of channels.

mod list;

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Array, Int8, Untyped, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use parlor_platform::db::{TenantTx, prepared};
use parlor_platform::schema::{channel_members, channel_tags, channels};
use parlor_platform::{Error, Result};
use parlor_protocol::{ChannelConfig, ChannelId, ChannelType};
use serde::Deserialize;
use uuid::Uuid;

pub use list::*;

/// A row of the table.
#[derive(Clone, Debug, HasQuery)]
#[diesel(table_name = channels)]
pub struct ChannelRow {
    pub id: Uuid,
    pub kind: String,
    pub cid: String,
    pub name: Option<String>,
    pub image: Option<String>,
    pub custom: serde_json::Value,
    pub config: serde_json::Value,
    pub created_by: Option<String>,
    pub seq: i64,
    pub ordinal: i64,
    pub member_count: i32,
    pub last_message_at: Option<DateTime<Utc>>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    pub tags: Vec<String>,
    pub truncated_seq: i64,
    pub truncated_ordinal: i64,
}

impl ChannelRow {
    /// The type, which the table checks.
    pub fn kind(&self) -> Result<ChannelType> {
        ChannelType::parse(&self.kind).ok_or_else(|| Error::internal("a stored channel type is unknown"))
    }

    /// The switches.
    pub fn config(&self) -> Result<ChannelConfig> {
        config(&self.config)
    }

    /// The first `seq` of which a message may still be there.
    pub fn first_seq(&self) -> i64 {
        self.truncated_seq + 1
    }

    /// The channel's id.
    pub fn id(&self) -> ChannelId {
        self.id.into()
    }
}

/// Stored switches.
pub fn config(stored: &serde_json::Value) -> Result<ChannelConfig> {
    ChannelConfig::deserialize(stored).map_err(Error::internal)
}

/// A channel that was not deleted.
pub async fn find(tx: &TenantTx, id: ChannelId) -> Result<Option<ChannelRow>> {
    Ok(ChannelRow::query()
        .filter(channels::app_id.eq(tx.app()).and(channels::id.eq(id.0)).and(channels::deleted_at.is_null()))
        .first(&mut tx.conn()?)
        .await
        .optional()?)
}

/// Of these channels, those that were not deleted.
pub async fn of(tx: &TenantTx, ids: &[Uuid]) -> Result<Vec<ChannelRow>> {
    Ok(ChannelRow::query()
        .filter(channels::app_id.eq(tx.app()).and(channels::id.eq_any(ids)))
        .filter(channels::deleted_at.is_null())
        .load(&mut tx.conn()?)
        .await?)
}

/// One channel, holding its row until the transaction ends.
pub async fn lock(tx: &TenantTx, id: ChannelId) -> Result<Option<ChannelRow>> {
    Ok(ChannelRow::query()
        .filter(channels::app_id.eq(tx.app()).and(channels::id.eq(id.0)).and(channels::deleted_at.is_null()))
        .for_no_key_update()
        .first(&mut tx.conn()?)
        .await
        .optional()?)
}

/// Holds several, in the order of their ids, so that no two who do can wait for each other: `seq` and `ordinal` of each.
pub async fn lock_each(tx: &TenantTx, ids: &[Uuid]) -> Result<Vec<(Uuid, i64, i64)>> {
    Ok(channels::table
        .filter(
            channels::app_id.eq(tx.app()).and(channels::id.eq_any(ids)).and(channels::deleted_at.is_null()),
        )
        .order(channels::id)
        .select((channels::id, channels::seq, channels::ordinal))
        .for_no_key_update()
        .load(&mut tx.conn()?)
        .await?)
}

/// These channels, deleted ones included, holding their rows, in the order of their ids, so that two can't wait for each
/// other.
pub async fn lock_all(tx: &TenantTx, ids: &[Uuid]) -> Result<Vec<ChannelRow>> {
    Ok(ChannelRow::query()
        .filter(channels::app_id.eq(tx.app()).and(channels::id.eq_any(ids)))
        .order(channels::id)
        .for_no_key_update()
        .load(&mut tx.conn()?)
        .await?)
}

/// Writes the numbers of channels whose rows are held.
pub async fn set_seqs(tx: &TenantTx, held: &[ChannelRow]) -> Result<()> {
    prepared::<Untyped>(
        "MERGE INTO channels c USING (SELECT ? AS app, v.* FROM UNNEST(?, ?) AS v (id, seq)) v \
         ON c.app_id = v.app AND c.id = v.id \
         WHEN MATCHED THEN UPDATE SET seq = v.seq \
         WHEN NOT MATCHED AND false THEN INSERT DEFAULT VALUES",
    )
    .bind::<SqlUuid, _>(tx.app())
    .bind::<Array<SqlUuid>, _>(held.iter().map(|row| row.id).collect::<Vec<_>>())
    .bind::<Array<Int8>, _>(held.iter().map(|row| row.seq).collect::<Vec<_>>())
    .execute(&mut tx.conn()?)
    .await?;
    Ok(())
}

/// Of these channels, those that were truncated, and up to where.
pub async fn truncated(tx: &TenantTx, ids: &[Uuid]) -> Result<HashMap<Uuid, i64>> {
    let rows = channels::table
        .filter(channels::app_id.eq(tx.app()).and(channels::id.eq_any(ids)))
        .filter(channels::truncated_seq.gt(0))
        .select((channels::id, channels::truncated_seq))
        .load::<(Uuid, i64)>(&mut tx.conn()?)
        .await?;
    Ok(rows.into_iter().collect())
}

/// The id of a cid.
pub async fn id_by_cid(tx: &TenantTx, cid: &str) -> Result<Option<ChannelId>> {
    let id = channels::table
        .filter(channels::app_id.eq(tx.app()).and(channels::cid.eq(cid)).and(channels::deleted_at.is_null()))
        .select(channels::id)
        .first::<Uuid>(&mut tx.conn()?)
        .await
        .optional()?;
    Ok(id.map(ChannelId))
}

/// The id of the channel of exactly these members.
pub async fn id_by_members(tx: &TenantTx, distinct_key: &str) -> Result<Option<ChannelId>> {
    let id = channels::table
        .filter(channels::app_id.eq(tx.app()).and(channels::distinct_key.eq(distinct_key)))
        .filter(channels::deleted_at.is_null())
        .select(channels::id)
        .first::<Uuid>(&mut tx.conn()?)
        .await
        .optional()?;
    Ok(id.map(ChannelId))
}

/// A new row.
#[derive(Insertable)]
#[diesel(table_name = channels)]
pub struct NewChannel<'a> {
    pub app_id: Uuid,
    pub id: Uuid,
    pub kind: &'a str,
    pub cid: &'a str,
    pub distinct_key: Option<&'a str>,
    pub name: Option<&'a str>,
    pub image: Option<&'a str>,
    pub custom: serde_json::Value,
    pub config: serde_json::Value,
    pub created_by: Option<&'a str>,
    pub seq: i64,
    pub member_count: i32,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    pub tags: &'a [String],
}

/// Creates the channel. `false`: its cid or its members have one already.
pub async fn insert(tx: &TenantTx, channel: NewChannel<'_>) -> Result<bool> {
    let rows = diesel::insert_into(channels::table)
        .values(channel)
        .on_conflict_do_nothing()
        .execute(&mut tx.conn()?)
        .await?;
    Ok(rows == 1)
}

/// Takes so many numbers, and the row lock with them. Also moves the number of members.
pub async fn advance(tx: &TenantTx, id: ChannelId, steps: i32, members: i32) -> Result<ChannelRow> {
    Ok(diesel::update(channels::table.find((tx.app(), id.0)))
        .set((
            channels::seq.eq(channels::seq + i64::from(steps)),
            channels::member_count.eq(channels::member_count + members),
        ))
        .returning(ChannelRow::as_returning())
        .get_result(&mut tx.conn()?)
        .await?)
}

/// Makes a distinct channel an ordinary one.
pub async fn no_longer_distinct(tx: &TenantTx, id: ChannelId) -> Result<()> {
    diesel::update(channels::table.find((tx.app(), id.0)))
        .filter(channels::distinct_key.is_not_null())
        .set(channels::distinct_key.eq(None::<String>))
        .execute(&mut tx.conn()?)
        .await?;
    Ok(())
}

/// What a PATCH changes.
#[derive(AsChangeset)]
#[diesel(table_name = channels)]
pub struct Changes {
    pub name: Option<Option<String>>,
    pub image: Option<Option<String>>,
    pub custom: Option<serde_json::Value>,
    pub config: Option<serde_json::Value>,
    pub tags: Option<Vec<String>>,
    pub updated_at: DateTime<Utc>,
}

/// Changes a channel.
pub async fn update(tx: &TenantTx, id: ChannelId, changes: Changes) -> Result<()> {
    diesel::update(channels::table.find((tx.app(), id.0))).set(changes).execute(&mut tx.conn()?).await?;
    Ok(())
}

/// Lets a channel be found by these tags instead of those.
pub async fn retag(tx: &TenantTx, id: ChannelId, old: &[String], new: &[String]) -> Result<()> {
    let gone: Vec<&String> = old.iter().filter(|tag| !new.contains(tag)).collect();
    let come: Vec<_> = new
        .iter()
        .filter(|tag| !old.contains(tag))
        .map(|tag| {
            (channel_tags::app_id.eq(tx.app()), channel_tags::tag.eq(tag), channel_tags::channel_id.eq(id.0))
        })
        .collect();
    if !gone.is_empty() {
        diesel::delete(channel_tags::table)
            .filter(channel_tags::app_id.eq(tx.app()).and(channel_tags::channel_id.eq(id.0)))
            .filter(channel_tags::tag.eq_any(gone))
            .execute(&mut tx.conn()?)
            .await?;
    }
    if !come.is_empty() {
        diesel::insert_into(channel_tags::table).values(come).execute(&mut tx.conn()?).await?;
    }
    Ok(())
}

/// Marks a channel deleted; its cid, its members and its access code may have a new one from now on.
pub async fn delete(tx: &TenantTx, id: ChannelId, now: DateTime<Utc>) -> Result<()> {
    diesel::update(channels::table.find((tx.app(), id.0)))
        .set((
            channels::deleted_at.eq(now),
            channels::distinct_key.eq(None::<String>),
            channels::cid.eq(format!("deleted:{id}")),
            channels::access_code.eq(None::<String>),
        ))
        .execute(&mut tx.conn()?)
        .await?;
    Ok(())
}

/// The ids of a channel's members at present.
pub async fn member_ids(tx: &TenantTx, id: ChannelId) -> Result<Vec<String>> {
    Ok(channel_members::table
        .filter(channel_members::app_id.eq(tx.app()).and(channel_members::channel_id.eq(id.0)))
        .filter(channel_members::removed_at.is_null())
        .select(channel_members::user_id)
        .load(&mut tx.conn()?)
        .await?)
}
