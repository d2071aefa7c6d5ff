//! The queries of drafts.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Int8, Jsonb, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use parlor_platform::db::{TenantTx, prepared};
use parlor_platform::schema::drafts;
use parlor_platform::{Error, Result};
use parlor_protocol::sync::DraftPlace;
use parlor_protocol::{ChannelId, Draft, MessageId, UserId};
use serde_json::Value;
use uuid::Uuid;

/// Where a draft is.
#[derive(Clone, Copy)]
pub struct Place<'a> {
    pub user: &'a UserId,
    pub channel: ChannelId,
    pub parent: Option<MessageId>,
}

impl Place<'_> {
    /// The main timeline is the thread of the channel itself.
    fn id(&self) -> Uuid {
        self.parent.map_or(self.channel.0, |parent| parent.0)
    }
}

type Row = (Uuid, Uuid, Option<Value>, i64, DateTime<Utc>);

fn draft((channel, place, content, user_seq, updated_at): Row) -> Result<Draft> {
    let content = serde_json::from_value(content.unwrap_or_default()).map_err(Error::internal)?;
    let parent_id = (place != channel).then_some(MessageId(place));
    Ok(Draft { channel_id: ChannelId(channel), parent_id, content, user_seq, updated_at })
}

/// The draft at a place.
pub async fn find(tx: &TenantTx, place: Place<'_>) -> Result<Option<Draft>> {
    let row = drafts::table
        .find((tx.app(), place.user.as_str(), place.channel.0, place.id()))
        .filter(drafts::deleted_at.is_null())
        .select((drafts::channel_id, drafts::place, drafts::content, drafts::user_seq, drafts::updated_at))
        .first::<Row>(&mut tx.conn()?)
        .await
        .optional()?;
    row.map(draft).transpose()
}

/// A user's drafts in the channels that they are in, the last changed first.
pub async fn page(tx: &TenantTx, user: &UserId, before: Option<i64>, limit: i64) -> Result<Vec<Draft>> {
    let rows = prepared::<(SqlUuid, SqlUuid, diesel::sql_types::Nullable<Jsonb>, Int8, Timestamptz)>(
        "SELECT d.channel_id, d.place, d.content, d.user_seq, d.updated_at FROM drafts d \
         CROSS JOIN LATERAL (SELECT FROM channel_members WHERE app_id = d.app_id AND channel_id = d.channel_id \
             AND user_id = d.user_id AND removed_at IS NULL OFFSET 0) m \
         CROSS JOIN LATERAL (SELECT FROM channels WHERE app_id = d.app_id AND id = d.channel_id \
             AND deleted_at IS NULL OFFSET 0) c \
         WHERE d.app_id = ? AND d.user_id = ? AND d.user_seq < ? AND d.deleted_at IS NULL \
         ORDER BY d.user_seq DESC LIMIT ?",
    )
    .bind::<SqlUuid, _>(tx.app())
    .bind::<Text, _>(user.as_str())
    .bind::<BigInt, _>(before.unwrap_or(i64::MAX))
    .bind::<BigInt, _>(limit)
    .load::<Row>(&mut tx.conn()?)
    .await?;
    rows.into_iter().map(draft).collect()
}

/// A user's drafts that changed after a `seq`, with that: `None` for those that were deleted.
pub async fn changed_since(
    tx: &TenantTx,
    user: &UserId,
    since: i64,
    limit: i64,
) -> Result<Vec<(i64, DraftPlace, Option<Draft>)>> {
    let rows = drafts::table
        .filter(drafts::app_id.eq(tx.app()).and(drafts::user_id.eq(user.as_str())))
        .filter(drafts::user_seq.gt(since))
        .order(drafts::user_seq)
        .limit(limit)
        .select((drafts::channel_id, drafts::place, drafts::content, drafts::user_seq, drafts::updated_at))
        .load::<Row>(&mut tx.conn()?)
        .await?;
    let changed = |row: Row| {
        let parent_id = (row.1 != row.0).then_some(MessageId(row.1));
        let place = DraftPlace { channel_id: ChannelId(row.0), parent_id };
        Ok((row.3, place, row.2.is_some().then(|| draft(row)).transpose()?))
    };
    rows.into_iter().map(changed).collect()
}

/// A user's drafts in these channels.
pub async fn of_channels(tx: &TenantTx, user: &UserId, channels: &[Uuid]) -> Result<Vec<Draft>> {
    let rows = drafts::table
        .filter(drafts::app_id.eq(tx.app()).and(drafts::user_id.eq(user.as_str())))
        .filter(drafts::channel_id.eq_any(channels).and(drafts::deleted_at.is_null()))
        .select((drafts::channel_id, drafts::place, drafts::content, drafts::user_seq, drafts::updated_at))
        .load::<Row>(&mut tx.conn()?)
        .await?;
    rows.into_iter().map(draft).collect()
}

/// Writes a draft over what was there.
pub async fn put(tx: &TenantTx, place: Place<'_>, draft: &Draft) -> Result<()> {
    let content = serde_json::to_value(&draft.content).map_err(Error::internal)?;
    let changes = (
        drafts::content.eq(Some(content)),
        drafts::user_seq.eq(draft.user_seq),
        drafts::updated_at.eq(draft.updated_at),
        drafts::deleted_at.eq(None::<DateTime<Utc>>),
    );
    diesel::insert_into(drafts::table)
        .values((
            drafts::app_id.eq(tx.app()),
            drafts::user_id.eq(place.user.as_str()),
            drafts::channel_id.eq(place.channel.0),
            drafts::place.eq(place.id()),
            changes.clone(),
        ))
        .on_conflict((drafts::app_id, drafts::user_id, drafts::channel_id, drafts::place))
        .do_update()
        .set(changes)
        .execute(&mut tx.conn()?)
        .await?;
    Ok(())
}

/// Leaves a tombstone.
pub async fn delete(tx: &TenantTx, place: Place<'_>, seq: i64, now: DateTime<Utc>) -> Result<()> {
    diesel::update(drafts::table.find((tx.app(), place.user.as_str(), place.channel.0, place.id())))
        .set((
            drafts::content.eq(None::<Value>),
            drafts::user_seq.eq(seq),
            drafts::updated_at.eq(now),
            drafts::deleted_at.eq(now),
        ))
        .execute(&mut tx.conn()?)
        .await?;
    Ok(())
}
