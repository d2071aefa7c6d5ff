//! The queries of scheduled messages.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{
    Array, BigInt, Bool, Int8, Jsonb, Nullable, Text, Timestamptz, Untyped, Uuid as SqlUuid,
};
use diesel_async::RunQueryDsl;
use parlor_platform::db::{TenantTx, prepared};
use parlor_platform::schema::{messages, scheduled_messages};
use parlor_platform::{Error, Result};
use parlor_protocol::message::SendMessage;
use parlor_protocol::scheduled::ScheduledState;
use parlor_protocol::{ChannelId, ErrorCode, MessageId, ScheduledMessage, UserId};
use serde_json::Value;
use uuid::Uuid;

use crate::users::store::user_id;

/// A row of the table.
#[derive(Clone, HasQuery, Insertable, AsChangeset)]
#[diesel(table_name = scheduled_messages, treat_none_as_null = true)]
pub struct ScheduledRow {
    pub id: Uuid,
    pub channel_id: Uuid,
    pub user_id: String,
    pub by_server: bool,
    pub send_at: DateTime<Utc>,
    pub state: String,
    pub error: Option<String>,
    pub content: Option<Value>,
    pub fingerprint: i64,
    pub user_seq: i64,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// The columns of [`ScheduledRow`] in statements that are written by hand, of `scheduled_messages s`.
macro_rules! scheduled_columns {
    () => {
        "s.id, s.channel_id, s.user_id, s.by_server, s.send_at, s.state, s.error, s.content, s.fingerprint, s.user_seq, \
         s.created_at, s.updated_at"
    };
}

type ScheduledColumns = (
    SqlUuid,
    SqlUuid,
    Text,
    Bool,
    Timestamptz,
    Text,
    Nullable<Text>,
    Nullable<Jsonb>,
    Int8,
    Int8,
    Timestamptz,
    Timestamptz,
);

impl ScheduledRow {
    /// Whose it is.
    pub fn user(&self) -> Result<UserId> {
        user_id(self.user_id.clone())
    }

    /// Whether it is this user's.
    pub fn is_of(&self, user: &UserId) -> bool {
        self.user_id == user.as_str()
    }

    /// What is to be sent.
    pub fn content(&self) -> Result<Option<SendMessage>> {
        self.content.clone().map(serde_json::from_value).transpose().map_err(Error::internal)
    }

    /// As it stands on the wire.
    pub fn into_scheduled(self) -> Result<ScheduledMessage> {
        let error = |name: String| {
            let known = ErrorCode::ALL.iter().copied().find(|code| code.as_str() == name);
            known.ok_or_else(|| Error::internal("a stored error code is unknown"))
        };
        Ok(ScheduledMessage {
            id: MessageId(self.id),
            channel_id: ChannelId(self.channel_id),
            content: self.content()?,
            state: ScheduledState::parse(&self.state)
                .ok_or_else(|| Error::internal("a stored state is unknown"))?,
            error: self.error.map(error).transpose()?,
            message_id: MessageId(self.id),
            user_id: user_id(self.user_id)?,
            send_at: self.send_at,
            user_seq: self.user_seq,
            created_at: self.created_at,
            updated_at: self.updated_at,
        })
    }
}

/// One scheduled message.
pub async fn find(tx: &TenantTx, id: MessageId) -> Result<Option<ScheduledRow>> {
    Ok(ScheduledRow::query()
        .filter(scheduled_messages::app_id.eq(tx.app()).and(scheduled_messages::id.eq(id.0)))
        .first(&mut tx.conn()?)
        .await
        .optional()?)
}

/// The same, holding its row until the transaction ends.
pub async fn lock(tx: &TenantTx, id: MessageId) -> Result<Option<ScheduledRow>> {
    Ok(ScheduledRow::query()
        .filter(scheduled_messages::app_id.eq(tx.app()).and(scheduled_messages::id.eq(id.0)))
        .for_no_key_update()
        .first(&mut tx.conn()?)
        .await
        .optional()?)
}

/// Where a list goes on: after this time, this id.
pub type Position = (DateTime<Utc>, Uuid);

/// A user's scheduled messages that are to be sent, or failed, by time.
pub async fn page(
    tx: &TenantTx,
    user: &UserId,
    channel: Option<ChannelId>,
    after: Option<Position>,
    limit: i64,
) -> Result<Vec<ScheduledRow>> {
    let (time, id) = after.unwrap_or((DateTime::UNIX_EPOCH, Uuid::nil()));
    Ok(prepared::<ScheduledColumns>(concat!(
        "SELECT ",
        scheduled_columns!(),
        " FROM scheduled_messages s WHERE s.app_id = ? AND s.user_id = ? AND s.content IS NOT NULL \
             AND (s.send_at, s.id) > (?, ?) AND coalesce(s.channel_id = ?, true) \
         ORDER BY s.send_at, s.id LIMIT ?"
    ))
    .bind::<SqlUuid, _>(tx.app())
    .bind::<Text, _>(user.as_str())
    .bind::<Timestamptz, _>(time)
    .bind::<SqlUuid, _>(id)
    .bind::<Nullable<SqlUuid>, _>(channel.map(|channel| channel.0))
    .bind::<BigInt, _>(limit)
    .load(&mut tx.conn()?)
    .await?)
}

/// A user's scheduled messages that changed after a `seq`, in the order of that.
pub async fn changed_since(
    tx: &TenantTx,
    user: &UserId,
    since: i64,
    limit: i64,
) -> Result<Vec<ScheduledRow>> {
    Ok(ScheduledRow::query()
        .filter(scheduled_messages::app_id.eq(tx.app()).and(scheduled_messages::user_id.eq(user.as_str())))
        .filter(scheduled_messages::user_seq.gt(since))
        .order(scheduled_messages::user_seq)
        .limit(limit)
        .load(&mut tx.conn()?)
        .await?)
}

/// How many messages of a user wait or are being sent, counted up to `most`.
pub async fn waiting(tx: &TenantTx, user: &UserId, most: usize) -> Result<usize> {
    let rows = scheduled_messages::table
        .filter(scheduled_messages::app_id.eq(tx.app()).and(scheduled_messages::user_id.eq(user.as_str())))
        .filter(scheduled_messages::content.is_not_null())
        .filter(scheduled_messages::state.eq_any(["waiting", "sending"]))
        .limit(i64::try_from(most).map_err(Error::internal)?)
        .select(scheduled_messages::id)
        .load::<Uuid>(&mut tx.conn()?)
        .await?;
    Ok(rows.len())
}

/// Stores a new one. `false`: its id is taken.
pub async fn insert(tx: &TenantTx, row: ScheduledRow) -> Result<bool> {
    let rows = diesel::insert_into(scheduled_messages::table)
        .values((scheduled_messages::app_id.eq(tx.app()), row))
        .on_conflict_do_nothing()
        .execute(&mut tx.conn()?)
        .await?;
    Ok(rows == 1)
}

/// Writes a row that is held.
pub async fn update(tx: &TenantTx, row: ScheduledRow) -> Result<()> {
    diesel::update(scheduled_messages::table.find((tx.app(), row.id)))
        .set(row)
        .execute(&mut tx.conn()?)
        .await?;
    Ok(())
}

/// Marks those of these as being sent whose time has come, and gives them. One that was being sent already is sent
/// again: who was sending it did not say that it had.
pub async fn begin_sending(tx: &TenantTx, ids: &[Uuid], now: DateTime<Utc>) -> Result<Vec<ScheduledRow>> {
    Ok(prepared::<ScheduledColumns>(concat!(
        "UPDATE scheduled_messages s SET state = 'sending' WHERE s.app_id = ? AND s.id IN ( \
             SELECT id FROM scheduled_messages WHERE app_id = ? AND id = ANY(?) AND state IN ('waiting', 'sending') \
             AND send_at <= ? ORDER BY id FOR NO KEY UPDATE) RETURNING ",
        scheduled_columns!()
    ))
    .bind::<SqlUuid, _>(tx.app())
    .bind::<SqlUuid, _>(tx.app())
    .bind::<Array<SqlUuid>, _>(ids.to_vec())
    .bind::<Timestamptz, _>(now)
    .load(&mut tx.conn()?)
    .await?)
}

/// The authors of these.
pub async fn authors(tx: &TenantTx, ids: &[Uuid]) -> Result<Vec<String>> {
    Ok(scheduled_messages::table
        .filter(scheduled_messages::app_id.eq(tx.app()).and(scheduled_messages::id.eq_any(ids)))
        .select(scheduled_messages::user_id)
        .distinct()
        .load(&mut tx.conn()?)
        .await?)
}

/// Of these, those that are being sent, in the order of time.
pub async fn being_sent(tx: &TenantTx, ids: &[Uuid]) -> Result<Vec<ScheduledRow>> {
    Ok(ScheduledRow::query()
        .filter(scheduled_messages::app_id.eq(tx.app()).and(scheduled_messages::id.eq_any(ids)))
        .filter(scheduled_messages::state.eq(ScheduledState::Sending.as_str()))
        .order((scheduled_messages::send_at, scheduled_messages::created_at, scheduled_messages::id))
        .load(&mut tx.conn()?)
        .await?)
}

/// Of these ids, those that messages have, with the messages' channels and authors.
pub async fn messages_of(tx: &TenantTx, ids: &[Uuid]) -> Result<HashSet<(Uuid, Uuid, String)>> {
    if ids.is_empty() {
        return Ok(HashSet::new());
    }
    let rows = messages::table
        .filter(messages::app_id.eq(tx.app()).and(messages::id.eq_any(ids)))
        .select((messages::id, messages::channel_id, messages::user_id))
        .load::<(Uuid, Uuid, String)>(&mut tx.conn()?)
        .await?;
    Ok(rows.into_iter().collect())
}

/// How one ended.
pub struct Outcome {
    pub id: Uuid,
    pub user: UserId,
    state: String,
    error: Option<String>,
    user_seq: i64,
}

impl Outcome {
    /// What a row says of it.
    pub fn of(row: &ScheduledRow, user: &UserId) -> Self {
        Self {
            id: row.id,
            user: user.clone(),
            state: row.state.clone(),
            error: row.error.clone(),
            user_seq: row.user_seq,
        }
    }
}

/// Notes how these ended. What was sent is a message now and is said there.
pub async fn end(tx: &TenantTx, outcomes: &[Outcome], now: DateTime<Utc>) -> Result<()> {
    prepared::<Untyped>(
        "MERGE INTO scheduled_messages s USING (SELECT ? AS app, ? AS now, v.* \
             FROM UNNEST(?, ?, ?, ?) AS v (id, state, error, seq)) v \
         ON s.app_id = v.app AND s.id = v.id \
         WHEN MATCHED THEN UPDATE SET state = v.state, error = v.error, user_seq = v.seq, updated_at = v.now, \
             content = CASE WHEN v.state = 'failed' THEN s.content END \
         WHEN NOT MATCHED AND false THEN INSERT DEFAULT VALUES",
    )
    .bind::<SqlUuid, _>(tx.app())
    .bind::<Timestamptz, _>(now)
    .bind::<Array<SqlUuid>, _>(outcomes.iter().map(|outcome| outcome.id).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(outcomes.iter().map(|outcome| outcome.state.as_str()).collect::<Vec<_>>())
    .bind::<Array<Nullable<Text>>, _>(
        outcomes.iter().map(|outcome| outcome.error.as_deref()).collect::<Vec<_>>(),
    )
    .bind::<Array<Int8>, _>(outcomes.iter().map(|outcome| outcome.user_seq).collect::<Vec<_>>())
    .execute(&mut tx.conn()?)
    .await?;
    Ok(())
}
