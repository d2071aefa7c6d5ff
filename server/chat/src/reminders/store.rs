//! The queries of reminders.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Int8, Nullable, Text, Timestamptz, Untyped, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use parlor_platform::db::{TenantTx, prepared};
use parlor_platform::schema::reminders;
use parlor_platform::{Error, Result};
use parlor_protocol::reminder::ReminderState;
use parlor_protocol::{ChannelId, Message, MessageId, Reminder, UserId};
use uuid::Uuid;

use crate::messages::store::{MessageColumns, MessageRow, message_columns, readable_by};
use crate::users::store::user_id;

/// A row of the table.
#[derive(Clone, HasQuery, Insertable, AsChangeset)]
#[diesel(table_name = reminders, treat_none_as_null = true)]
pub struct ReminderRow {
    pub user_id: String,
    pub message_id: Uuid,
    pub channel_id: Uuid,
    pub remind_at: Option<DateTime<Utc>>,
    pub note: Option<String>,
    pub state: String,
    pub user_seq: i64,
    pub created_at: DateTime<Utc>,
    pub deleted_at: Option<DateTime<Utc>>,
}

/// The columns of [`ReminderRow`] in statements that are written by hand, of `reminders r`.
macro_rules! reminder_columns {
    () => {
        "r.user_id, r.message_id, r.channel_id, r.remind_at, r.note, r.state, r.user_seq, r.created_at, r.deleted_at"
    };
}

type ReminderColumns = (
    Text,
    SqlUuid,
    SqlUuid,
    Nullable<Timestamptz>,
    Nullable<Text>,
    Text,
    Int8,
    Timestamptz,
    Nullable<Timestamptz>,
);

impl ReminderRow {
    /// Whose it is.
    pub fn user(&self) -> Result<UserId> {
        user_id(self.user_id.clone())
    }

    /// The state, which the table checks.
    pub fn state(&self) -> Result<ReminderState> {
        ReminderState::parse(&self.state).ok_or_else(|| Error::internal("a stored state is unknown"))
    }

    /// Its place in lists: the time to remind, or else when it was saved.
    pub fn time(&self) -> DateTime<Utc> {
        self.remind_at.unwrap_or(self.created_at)
    }

    /// As it stands on the wire.
    pub fn into_reminder(self, message: Option<Message>) -> Result<Reminder> {
        Ok(Reminder {
            state: self.state()?,
            message_id: MessageId(self.message_id),
            channel_id: ChannelId(self.channel_id),
            remind_at: self.remind_at,
            note: self.note,
            user_seq: self.user_seq,
            created_at: self.created_at,
            message,
        })
    }
}

/// A user's reminder of a message, deleted ones included.
pub async fn find(tx: &TenantTx, user: &UserId, id: MessageId) -> Result<Option<ReminderRow>> {
    Ok(ReminderRow::query()
        .filter(reminders::app_id.eq(tx.app()).and(reminders::user_id.eq(user.as_str())))
        .filter(reminders::message_id.eq(id.0))
        .first(&mut tx.conn()?)
        .await
        .optional()?)
}

/// Where a list goes on: after this time, this message.
pub type Position = (DateTime<Utc>, Uuid);

/// A user's reminders by time: those of a state, or all that are not done.
pub async fn page(
    tx: &TenantTx,
    user: &UserId,
    state: Option<ReminderState>,
    after: Option<Position>,
    limit: i64,
) -> Result<Vec<ReminderRow>> {
    // Each is written as the partial index that serves it.
    const LIVE: &str = concat!(
        "SELECT ",
        reminder_columns!(),
        " FROM reminders r WHERE r.app_id = ? AND r.user_id = ? AND r.deleted_at IS NULL AND r.state <> 'done' \
             AND (coalesce(r.remind_at, r.created_at), r.message_id) > (?, ?) AND coalesce(r.state = ?, true) \
         ORDER BY coalesce(r.remind_at, r.created_at), r.message_id LIMIT ?"
    );
    const DONE: &str = concat!(
        "SELECT ",
        reminder_columns!(),
        " FROM reminders r WHERE r.app_id = ? AND r.user_id = ? AND r.deleted_at IS NULL AND r.state = 'done' \
             AND (coalesce(r.remind_at, r.created_at), r.message_id) > (?, ?) AND coalesce(r.state = ?, true) \
         ORDER BY coalesce(r.remind_at, r.created_at), r.message_id LIMIT ?"
    );
    let sql = if state == Some(ReminderState::Done) { DONE } else { LIVE };
    let (time, id) = after.unwrap_or((DateTime::UNIX_EPOCH, Uuid::nil()));
    Ok(prepared::<ReminderColumns>(sql)
        .bind::<SqlUuid, _>(tx.app())
        .bind::<Text, _>(user.as_str())
        .bind::<Timestamptz, _>(time)
        .bind::<SqlUuid, _>(id)
        .bind::<Nullable<Text>, _>(state.map(ReminderState::as_str))
        .bind::<BigInt, _>(limit)
        .load(&mut tx.conn()?)
        .await?)
}

/// A user's reminders that changed after a `seq`, deleted ones included, in the order of that.
pub async fn changed_since(tx: &TenantTx, user: &UserId, since: i64, limit: i64) -> Result<Vec<ReminderRow>> {
    Ok(ReminderRow::query()
        .filter(reminders::app_id.eq(tx.app()).and(reminders::user_id.eq(user.as_str())))
        .filter(reminders::user_seq.gt(since))
        .order(reminders::user_seq)
        .limit(limit)
        .load(&mut tx.conn()?)
        .await?)
}

/// How many reminders of a user are not done, counted up to `most`.
pub async fn live(tx: &TenantTx, user: &UserId, most: usize) -> Result<usize> {
    let rows = prepared::<SqlUuid>(
        "SELECT r.message_id FROM reminders r WHERE r.app_id = ? AND r.user_id = ? AND r.deleted_at IS NULL \
             AND r.state <> 'done' LIMIT ?",
    )
    .bind::<SqlUuid, _>(tx.app())
    .bind::<Text, _>(user.as_str())
    .bind::<BigInt, _>(i64::try_from(most).map_err(Error::internal)?)
    .load::<Uuid>(&mut tx.conn()?)
    .await?;
    Ok(rows.len())
}

/// Writes a reminder over what was there.
pub async fn put(tx: &TenantTx, row: ReminderRow) -> Result<()> {
    diesel::insert_into(reminders::table)
        .values((reminders::app_id.eq(tx.app()), row.clone()))
        .on_conflict((reminders::app_id, reminders::user_id, reminders::message_id))
        .do_update()
        .set(row)
        .execute(&mut tx.conn()?)
        .await?;
    Ok(())
}

/// Of these `(user, message)`, those that wait and whose time has come.
pub async fn coming_due(
    tx: &TenantTx,
    things: &[(&str, Uuid)],
    now: DateTime<Utc>,
) -> Result<Vec<ReminderRow>> {
    Ok(prepared::<ReminderColumns>(concat!(
        "SELECT ",
        reminder_columns!(),
        " FROM UNNEST(?, ?) AS v (user_id, id) CROSS JOIN (SELECT ?::uuid AS app, ?::timestamptz AS now) w \
         CROSS JOIN LATERAL (SELECT * FROM reminders WHERE app_id = w.app AND user_id = v.user_id \
             AND message_id = v.id AND deleted_at IS NULL AND state = 'waiting' AND remind_at <= w.now OFFSET 0) r \
         ORDER BY r.remind_at, r.message_id"
    ))
    .bind::<Array<Text>, _>(things.iter().map(|(user, _)| *user).collect::<Vec<_>>())
    .bind::<Array<SqlUuid>, _>(things.iter().map(|(_, id)| *id).collect::<Vec<_>>())
    .bind::<SqlUuid, _>(tx.app())
    .bind::<Timestamptz, _>(now)
    .load(&mut tx.conn()?)
    .await?)
}

/// Marks these as due, with their users' numbers.
pub async fn set_due(tx: &TenantTx, given: &[(UserId, Uuid, i64)]) -> Result<()> {
    prepared::<Untyped>(
        "MERGE INTO reminders r USING (SELECT ? AS app, v.* FROM UNNEST(?, ?, ?) AS v (user_id, id, seq)) v \
         ON r.app_id = v.app AND r.user_id = v.user_id AND r.message_id = v.id \
         WHEN MATCHED THEN UPDATE SET state = 'due', user_seq = v.seq \
         WHEN NOT MATCHED AND false THEN INSERT DEFAULT VALUES",
    )
    .bind::<SqlUuid, _>(tx.app())
    .bind::<Array<Text>, _>(given.iter().map(|(user, _, _)| user.as_str()).collect::<Vec<_>>())
    .bind::<Array<SqlUuid>, _>(given.iter().map(|(_, id, _)| *id).collect::<Vec<_>>())
    .bind::<Array<Int8>, _>(given.iter().map(|(_, _, seq)| *seq).collect::<Vec<_>>())
    .execute(&mut tx.conn()?)
    .await?;
    Ok(())
}

/// Of these `(user, message)`, the messages that were not deleted and that their user may read: of their channels and of
/// livestreams, since their history begins.
pub async fn messages(tx: &TenantTx, wanted: &[(&str, Uuid)]) -> Result<HashMap<(String, Uuid), Message>> {
    if wanted.is_empty() {
        return Ok(HashMap::new());
    }
    let rows = prepared::<(Text, MessageColumns)>(concat!(
        "SELECT v.reader, ",
        message_columns!(),
        " FROM UNNEST(?, ?) AS v (reader, id) CROSS JOIN (SELECT ?::uuid AS app) w \
         CROSS JOIN LATERAL (SELECT * FROM messages WHERE app_id = w.app AND id = v.id AND deleted_at IS NULL \
             AND NOT erased AND ",
        readable_by!("messages", "v.reader"),
        " OFFSET 0) m \
         CROSS JOIN LATERAL (SELECT type FROM channels WHERE app_id = w.app AND id = m.channel_id \
             AND deleted_at IS NULL AND truncated_seq < m.seq OFFSET 0) c \
         CROSS JOIN LATERAL (SELECT name, image FROM users WHERE app_id = w.app AND id = m.user_id OFFSET 0) u \
         CROSS JOIN LATERAL (SELECT max(history_from_seq) AS first FROM channel_members WHERE app_id = w.app \
             AND channel_id = m.channel_id AND user_id = v.reader AND removed_at IS NULL) b \
         WHERE m.seq >= coalesce(b.first, CASE WHEN c.type = 'livestream' THEN 0 END)"
    ))
    .bind::<Array<Text>, _>(wanted.iter().map(|(user, _)| *user).collect::<Vec<_>>())
    .bind::<Array<SqlUuid>, _>(wanted.iter().map(|(_, id)| *id).collect::<Vec<_>>())
    .bind::<SqlUuid, _>(tx.app())
    .load::<(String, MessageRow)>(&mut tx.conn()?)
    .await?;
    rows.into_iter().map(|(reader, row)| Ok(((reader, row.id), row.into_message()?))).collect()
}

/// One of them.
pub async fn message_of(tx: &TenantTx, user: &UserId, id: MessageId) -> Result<Option<Message>> {
    Ok(messages(tx, &[(user.as_str(), id.0)]).await?.into_values().next())
}
