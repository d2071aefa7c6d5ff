//! The queries of tasks.

use chrono::{DateTime, Utc};
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bool, Int8, Nullable, Text, Timestamptz, Untyped, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use parlor_platform::db::{TenantTx, prepared};
use parlor_platform::schema::tasks;
use parlor_platform::{Error, Result};
use parlor_protocol::task::TaskStatus;
use parlor_protocol::{ChannelId, MessageId, Task, TaskId, UserId};
use uuid::Uuid;

use crate::messages::store::readable_by;
use crate::users::store::user_id;

/// A row of the table.
#[derive(Clone, HasQuery)]
#[diesel(table_name = tasks)]
pub struct TaskRow {
    pub id: Uuid,
    pub channel_id: Uuid,
    pub message_id: Uuid,
    pub title: String,
    pub status: String,
    pub assignee_id: Option<String>,
    pub due_at: Option<DateTime<Utc>>,
    pub created_by: Option<String>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    pub deleted_at: Option<DateTime<Utc>>,
    pub updated_seq: i64,
}

/// The columns of [`TaskRow`] in statements that are written by hand, of `tasks k`.
macro_rules! task_columns {
    () => {
        "k.id, k.channel_id, k.message_id, k.title, k.status, k.assignee_id, k.due_at, k.created_by, k.created_at, \
         k.updated_at, k.deleted_at, k.updated_seq"
    };
}
pub(crate) use task_columns;

/// Their types.
pub type TaskColumns = (
    SqlUuid,
    SqlUuid,
    SqlUuid,
    Text,
    Text,
    Nullable<Text>,
    Nullable<Timestamptz>,
    Nullable<Text>,
    Timestamptz,
    Timestamptz,
    Nullable<Timestamptz>,
    Int8,
);

impl TaskRow {
    /// As it stands on the wire.
    pub fn into_task(self) -> Result<Task> {
        let status = TaskStatus::parse(&self.status);
        Ok(Task {
            id: self.id.into(),
            channel_id: self.channel_id.into(),
            message_id: self.message_id.into(),
            title: self.title,
            status: status.ok_or_else(|| Error::internal("a stored status is unknown"))?,
            assignee_id: self.assignee_id.map(user_id).transpose()?,
            due_at: self.due_at,
            created_by: self.created_by.map(user_id).transpose()?,
            created_at: self.created_at,
            updated_at: self.updated_at,
            deleted_at: self.deleted_at,
            updated_seq: self.updated_seq,
        })
    }
}

/// A time as the table keeps it, so that what is told is what is stored.
pub fn to_microseconds(time: DateTime<Utc>) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(time.timestamp_micros()).unwrap_or(time)
}

/// The condition that the reader may read its message: it was not truncated, is of the reader's history, and not only for
/// others. That a task was deleted, which has no title any more, is told all the same.
macro_rules! shown_to {
    ($reader:expr) => {
        sql::<Bool>("(tasks.deleted_at IS NOT NULL OR (SELECT ")
            .sql(concat!(
                readable_by!("m", "v.reader"),
                " AND m.seq > (SELECT c.truncated_seq FROM channels c WHERE c.app_id = m.app_id AND c.id = m.channel_id) \
                 AND m.seq >= (SELECT coalesce(max(h.history_from_seq), 0) FROM channel_members h \
                     WHERE h.app_id = m.app_id AND h.channel_id = m.channel_id AND h.user_id = v.reader \
                     AND h.removed_at IS NULL) \
                 FROM messages m CROSS JOIN (SELECT "
            ))
            .bind::<Nullable<Text>, _>($reader.map(|reader: &UserId| reader.as_str().to_owned()))
            .sql("::text AS reader) v WHERE m.app_id = tasks.app_id AND m.id = tasks.message_id))")
    };
}

/// A task whose message a reader may read, deleted ones included; for the server any.
pub async fn find(tx: &TenantTx, id: TaskId, reader: Option<&UserId>) -> Result<Option<TaskRow>> {
    Ok(TaskRow::query()
        .filter(tasks::app_id.eq(tx.app()).and(tasks::id.eq(id.0)))
        .filter(shown_to!(reader))
        .first(&mut tx.conn()?)
        .await
        .optional()?)
}

/// The task that a message is.
pub async fn of_message(tx: &TenantTx, message: MessageId) -> Result<Option<TaskRow>> {
    Ok(TaskRow::query()
        .filter(tasks::app_id.eq(tx.app()).and(tasks::message_id.eq(message.0)))
        .filter(tasks::deleted_at.is_null())
        .first(&mut tx.conn()?)
        .await
        .optional()?)
}

/// The tasks that these messages are.
pub async fn of_messages(tx: &TenantTx, messages: &[Uuid]) -> Result<Vec<TaskRow>> {
    Ok(TaskRow::query()
        .filter(tasks::app_id.eq(tx.app()).and(tasks::message_id.eq_any(messages)))
        .filter(tasks::deleted_at.is_null())
        .order(tasks::id)
        .load(&mut tx.conn()?)
        .await?)
}

/// Stores a new task.
pub async fn insert(tx: &TenantTx, task: &Task) -> Result<()> {
    diesel::insert_into(tasks::table)
        .values((
            tasks::app_id.eq(tx.app()),
            tasks::id.eq(task.id.0),
            tasks::channel_id.eq(task.channel_id.0),
            tasks::message_id.eq(task.message_id.0),
            tasks::title.eq(&task.title),
            tasks::status.eq(task.status.as_str()),
            tasks::assignee_id.eq(task.assignee_id.as_ref().map(UserId::as_str)),
            tasks::due_at.eq(task.due_at),
            tasks::created_by.eq(task.created_by.as_ref().map(UserId::as_str)),
            tasks::created_at.eq(task.created_at),
            tasks::updated_at.eq(task.updated_at),
            tasks::updated_seq.eq(task.updated_seq),
        ))
        .execute(&mut tx.conn()?)
        .await?;
    Ok(())
}

/// Stores what may change of a task, its end included.
pub async fn update(tx: &TenantTx, task: &Task) -> Result<()> {
    diesel::update(tasks::table.find((tx.app(), task.id.0)))
        .set((
            tasks::title.eq(&task.title),
            tasks::status.eq(task.status.as_str()),
            tasks::assignee_id.eq(task.assignee_id.as_ref().map(UserId::as_str)),
            tasks::due_at.eq(task.due_at),
            tasks::updated_at.eq(task.updated_at),
            tasks::deleted_at.eq(task.deleted_at),
            tasks::updated_seq.eq(task.updated_seq),
        ))
        .execute(&mut tx.conn()?)
        .await?;
    Ok(())
}

/// Which part of a list of tasks.
#[derive(Clone, Copy, Debug)]
pub struct Part {
    /// Only tasks that are so far.
    pub status: Option<TaskStatus>,
    /// Older ones than this.
    pub before: Option<Uuid>,
    pub limit: i64,
}

/// A page of a channel's tasks, of one assignee where one is given, as far as the reader may read their messages, newest
/// first.
pub async fn page_of_channel(
    tx: &TenantTx,
    channel: ChannelId,
    assignee: Option<&UserId>,
    reader: Option<&UserId>,
    Part { status, before, limit }: Part,
) -> Result<Vec<TaskRow>> {
    let mut query = TaskRow::query()
        .filter(tasks::app_id.eq(tx.app()).and(tasks::channel_id.eq(channel.0)))
        .filter(tasks::deleted_at.is_null())
        .filter(shown_to!(reader))
        .order(tasks::id.desc())
        .limit(limit)
        .into_boxed();
    if let Some(status) = status {
        query = query.filter(tasks::status.eq(status.as_str()));
    }
    if let Some(assignee) = assignee {
        query = query.filter(tasks::assignee_id.eq(assignee.as_str()));
    }
    if let Some(before) = before {
        query = query.filter(tasks::id.lt(before));
    }
    Ok(query.load(&mut tx.conn()?).await?)
}

/// A page of what a user shall do, as far as the reader may read the channels and messages, newest first.
pub async fn page_of_assignee(
    tx: &TenantTx,
    assignee: &UserId,
    reader: Option<&UserId>,
    Part { status, before, limit }: Part,
) -> Result<Vec<TaskRow>> {
    Ok(prepared::<TaskColumns>(concat!(
        "SELECT ",
        task_columns!(),
        " FROM (SELECT ?::text AS reader) v CROSS JOIN tasks k \
         CROSS JOIN LATERAL (SELECT app_id, channel_id, user_id, seq, shadowed, visible_to FROM messages \
             WHERE app_id = k.app_id AND id = k.message_id OFFSET 0) m \
         CROSS JOIN LATERAL (SELECT type FROM channels WHERE app_id = k.app_id AND id = k.channel_id \
             AND deleted_at IS NULL AND truncated_seq < m.seq OFFSET 0) c \
         LEFT JOIN LATERAL (SELECT history_from_seq AS first FROM channel_members WHERE app_id = k.app_id \
             AND channel_id = k.channel_id AND user_id = v.reader AND removed_at IS NULL OFFSET 0) r ON true \
         WHERE k.app_id = ? AND k.assignee_id = ? AND k.deleted_at IS NULL AND coalesce(k.status = ?, true) \
             AND coalesce(k.id < ?, true) AND (v.reader IS NULL OR c.type = 'livestream' OR r.first IS NOT NULL) \
             AND coalesce(m.seq >= r.first, true) AND ",
        readable_by!("m", "v.reader"),
        " ORDER BY k.id DESC LIMIT ?"
    ))
    .bind::<Nullable<Text>, _>(reader.map(|reader| reader.as_str().to_owned()))
    .bind::<SqlUuid, _>(tx.app())
    .bind::<Text, _>(assignee.as_str())
    .bind::<Nullable<Text>, _>(status.map(TaskStatus::as_str))
    .bind::<Nullable<SqlUuid>, _>(before)
    .bind::<BigInt, _>(limit)
    .load(&mut tx.conn()?)
    .await?)
}

/// Tasks of a channel that were made of messages up to a `seq`.
pub async fn of_messages_up_to(
    tx: &TenantTx,
    channel: ChannelId,
    upto: i64,
    limit: i64,
) -> Result<Vec<TaskRow>> {
    Ok(prepared::<TaskColumns>(concat!(
        "SELECT ",
        task_columns!(),
        " FROM tasks k CROSS JOIN LATERAL (SELECT FROM messages WHERE app_id = k.app_id AND id = k.message_id \
             AND seq <= ? OFFSET 0) m \
         WHERE k.app_id = ? AND k.channel_id = ? AND k.deleted_at IS NULL ORDER BY k.id LIMIT ?"
    ))
    .bind::<BigInt, _>(upto)
    .bind::<SqlUuid, _>(tx.app())
    .bind::<SqlUuid, _>(channel.0)
    .bind::<BigInt, _>(limit)
    .load(&mut tx.conn()?)
    .await?)
}

/// Ends tasks, each with the `seq` of its change.
pub async fn end(tx: &TenantTx, tasks: &[Task], now: DateTime<Utc>) -> Result<()> {
    prepared::<Untyped>(
        "MERGE INTO tasks k USING (SELECT ? AS now, ? AS app, v.* FROM UNNEST(?, ?) AS v (id, seq)) v \
         ON k.app_id = v.app AND k.id = v.id \
         WHEN MATCHED THEN UPDATE SET title = '', deleted_at = v.now, updated_at = v.now, updated_seq = v.seq \
         WHEN NOT MATCHED AND false THEN INSERT DEFAULT VALUES",
    )
    .bind::<Timestamptz, _>(now)
    .bind::<SqlUuid, _>(tx.app())
    .bind::<Array<SqlUuid>, _>(tasks.iter().map(|task| task.id.0).collect::<Vec<_>>())
    .bind::<Array<Int8>, _>(tasks.iter().map(|task| task.updated_seq).collect::<Vec<_>>())
    .execute(&mut tx.conn()?)
    .await?;
    Ok(())
}
