//! The queries of reads. Unread is a subtraction; nothing here scans messages.

use std::sync::LazyLock;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{
    Array, Bool, Int8, Jsonb, Nullable, SmallInt, Text, Timestamptz, Untyped, Uuid as SqlUuid,
};
use diesel_async::RunQueryDsl;
use parlor_platform::Result;
use parlor_platform::db::{TenantTx, prepared};
use parlor_protocol::UserId;
use uuid::Uuid;

use crate::membership::muted;
use crate::messages::store::readable_by;

/// Unread messages of a user in every channel that has some: the channel's countable messages, less those up to the
/// pointer, before the reader's history or truncated, less those that were deleted past it (a partial index that is nearly
/// empty).
pub const UNREAD_SQL: &str = "SELECT m.channel_id, c.ordinal - x.pointer - ( \
         SELECT count(*) FROM messages d WHERE d.app_id = m.app_id AND d.channel_id = m.channel_id \
         AND d.ordinal > x.pointer AND d.countable AND d.deleted_at IS NOT NULL) \
         AS unread, m.muted_at, m.muted_until, coalesce(c.ordinal <= m.hidden_ordinal, false) AS hidden \
     FROM channel_members m CROSS JOIN LATERAL ( \
         SELECT ordinal, truncated_ordinal FROM channels WHERE app_id = m.app_id AND id = m.channel_id \
         AND deleted_at IS NULL AND ordinal > greatest(m.read_ordinal, m.history_ordinal, truncated_ordinal) OFFSET 0) c \
     CROSS JOIN LATERAL (SELECT greatest(m.read_ordinal, m.history_ordinal, c.truncated_ordinal) AS pointer) x \
     WHERE m.app_id = ? AND m.user_id = ? AND m.removed_at IS NULL";

/// The same in some channels.
static UNREAD_IN_SQL: LazyLock<String> = LazyLock::new(|| format!("{UNREAD_SQL} AND m.channel_id = ANY(?)"));

/// Unread messages that mention a user, by channel, from the flags alone and the messages that they name.
pub const MENTIONS_SQL: &str = concat!(
    "SELECT f.channel_id, count(*), m.muted_at, m.muted_until, \
         coalesce(c.ordinal <= m.hidden_ordinal, false) \
     FROM user_messages f \
     CROSS JOIN LATERAL (SELECT muted_at, muted_until, hidden_ordinal FROM channel_members WHERE app_id = f.app_id \
         AND channel_id = f.channel_id AND user_id = f.user_id AND removed_at IS NULL AND read_seq < f.seq \
         AND history_from_seq <= f.seq OFFSET 0) m \
     CROSS JOIN LATERAL (SELECT ordinal FROM channels WHERE app_id = f.app_id AND id = f.channel_id \
         AND deleted_at IS NULL AND truncated_seq < f.seq OFFSET 0) c \
     CROSS JOIN LATERAL (SELECT FROM messages g WHERE g.app_id = f.app_id AND g.id = f.message_id \
         AND g.deleted_at IS NULL AND ",
    readable_by!("g", "f.user_id"),
    " OFFSET 0) x \
     WHERE f.app_id = ? AND f.user_id = ? AND f.flags & 3 = 2 \
     GROUP BY f.channel_id, m.muted_at, m.muted_until, c.ordinal, m.hidden_ordinal"
);

type UnreadColumns = (SqlUuid, Int8, Nullable<Timestamptz>, Nullable<Timestamptz>, Bool);

/// Unread messages of a channel, and whether its member wants to know.
#[derive(Queryable)]
pub struct UnreadRow {
    pub channel_id: Uuid,
    pub unread: i64,
    muted_at: Option<DateTime<Utc>>,
    muted_until: Option<DateTime<Utc>>,
    pub hidden: bool,
}

impl UnreadRow {
    /// Whether the channel is muted now.
    pub fn muted(&self, now: DateTime<Utc>) -> bool {
        muted(self.muted_at, self.muted_until, now).is_some()
    }

    /// Whether it is in the total.
    pub fn counts(&self, now: DateTime<Utc>) -> bool {
        !self.hidden && !self.muted(now)
    }
}

/// Unread counts by channel, zeros left out.
pub async fn unread(tx: &TenantTx, user: &UserId) -> Result<Vec<UnreadRow>> {
    let rows = prepared::<UnreadColumns>(UNREAD_SQL)
        .bind::<SqlUuid, _>(tx.app())
        .bind::<Text, _>(user.as_str())
        .load::<UnreadRow>(&mut tx.conn()?)
        .await?;
    Ok(rows.into_iter().filter(|row| row.unread > 0).collect())
}

/// Unread mentions by channel.
pub async fn mentions(tx: &TenantTx, user: &UserId) -> Result<Vec<UnreadRow>> {
    Ok(prepared::<UnreadColumns>(MENTIONS_SQL)
        .bind::<SqlUuid, _>(tx.app())
        .bind::<Text, _>(user.as_str())
        .load(&mut tx.conn()?)
        .await?)
}

/// Unread counts of a user in these channels; those without unread messages may be left out.
pub async fn unread_in(tx: &TenantTx, user: &UserId, channels: &[Uuid]) -> Result<Vec<UnreadRow>> {
    Ok(prepared::<UnreadColumns>(UNREAD_IN_SQL.as_str())
        .bind::<SqlUuid, _>(tx.app())
        .bind::<Text, _>(user.as_str())
        .bind::<Array<SqlUuid>, _>(channels.to_vec())
        .load(&mut tx.conn()?)
        .await?)
}

/// The same of several users.
static UNREAD_OF_SQL: LazyLock<String> = LazyLock::new(|| {
    let of_one = UNREAD_SQL.replacen('?', "r.app", 1).replacen('?', "r.reader", 1);
    format!(
        "SELECT r.reader, u.channel_id, u.unread, u.muted_at, u.muted_until, u.hidden \
         FROM (SELECT ? AS app, reader FROM UNNEST(?) AS reader) r CROSS JOIN LATERAL ({of_one} OFFSET 0) u"
    )
});

/// Unread counts of these users by channel, zeros left out.
pub async fn unread_of(tx: &TenantTx, users: &[&str]) -> Result<Vec<(String, UnreadRow)>> {
    let rows = prepared::<(Text, UnreadColumns)>(UNREAD_OF_SQL.as_str())
        .bind::<SqlUuid, _>(tx.app())
        .bind::<Array<Text>, _>(users.to_vec())
        .load::<(String, UnreadRow)>(&mut tx.conn()?)
        .await?;
    Ok(rows.into_iter().filter(|(_, row)| row.unread > 0).collect())
}

/// Channels in which a user may have unread messages, by id after one.
pub async fn unread_channels(tx: &TenantTx, user: &UserId, after: Uuid, limit: i64) -> Result<Vec<Uuid>> {
    let channels = behind(tx, user, after, limit).await?;
    Ok(channels.into_iter().map(|row| row.channel).collect())
}

/// A channel in which a user is behind, and where it is.
#[derive(Queryable)]
pub struct Behind {
    pub channel: Uuid,
    pub seq: i64,
    pub ordinal: i64,
    pub config: serde_json::Value,
    /// Its newest countable message, if it is still there.
    pub message: Option<Uuid>,
}

/// Channels of a user with unread messages, or mentions beside the timeline, by id after one.
pub async fn behind(tx: &TenantTx, user: &UserId, after: Uuid, limit: i64) -> Result<Vec<Behind>> {
    Ok(prepared::<(SqlUuid, Int8, Int8, Jsonb, Nullable<SqlUuid>)>(
        "SELECT m.channel_id, c.seq, c.ordinal, c.config, x.id FROM channel_members m \
         CROSS JOIN LATERAL (SELECT seq, ordinal, config, truncated_seq FROM channels WHERE app_id = m.app_id \
             AND id = m.channel_id AND deleted_at IS NULL \
             AND (ordinal > greatest(m.read_ordinal, m.history_ordinal, truncated_ordinal) \
                 OR EXISTS (SELECT FROM user_messages f WHERE f.app_id = m.app_id AND f.user_id = m.user_id \
                     AND f.channel_id = m.channel_id AND f.seq > m.read_seq AND f.flags & 3 = 2)) OFFSET 0) c \
         LEFT JOIN LATERAL (SELECT id FROM messages WHERE app_id = m.app_id AND channel_id = m.channel_id \
             AND in_timeline AND countable AND seq > c.truncated_seq AND seq >= m.history_from_seq \
             ORDER BY seq DESC LIMIT 1) x ON true \
         WHERE m.app_id = ? AND m.user_id = ? AND m.removed_at IS NULL AND m.channel_id > ? \
         ORDER BY m.channel_id LIMIT ?",
    )
    .bind::<SqlUuid, _>(tx.app())
    .bind::<Text, _>(user.as_str())
    .bind::<SqlUuid, _>(after)
    .bind::<Int8, _>(limit)
    .load(&mut tx.conn()?)
    .await?)
}

/// Moves a user's pointers in these channels to where they are. The caller holds the user's row.
pub async fn read_up(
    tx: &TenantTx,
    user: &UserId,
    rows: &[Behind],
    user_seq: i64,
    now: DateTime<Utc>,
) -> Result<()> {
    prepared::<Untyped>(
        "MERGE INTO channel_members m USING (SELECT ? AS now, ? AS app, ? AS reader, ? AS user_seq, v.* \
             FROM UNNEST(?, ?, ?, ?) AS v (channel, seq, ordinal, message)) v \
         ON m.app_id = v.app AND m.channel_id = v.channel AND m.user_id = v.reader \
         WHEN MATCHED AND m.read_seq < v.seq THEN UPDATE SET read_seq = v.seq, read_ordinal = v.ordinal, \
             read_at = v.now, last_read_message_id = v.message, user_seq = v.user_seq, \
             delivered_at = CASE WHEN m.delivered_seq < v.seq THEN v.now ELSE m.delivered_at END, \
             delivered_seq = greatest(m.delivered_seq, v.seq) \
         WHEN NOT MATCHED AND false THEN INSERT DEFAULT VALUES",
    )
    .bind::<Timestamptz, _>(now)
    .bind::<SqlUuid, _>(tx.app())
    .bind::<Text, _>(user.as_str())
    .bind::<Int8, _>(user_seq)
    .bind::<Array<SqlUuid>, _>(rows.iter().map(|row| row.channel).collect::<Vec<_>>())
    .bind::<Array<Int8>, _>(rows.iter().map(|row| row.seq).collect::<Vec<_>>())
    .bind::<Array<Int8>, _>(rows.iter().map(|row| row.ordinal).collect::<Vec<_>>())
    .bind::<Array<Nullable<SqlUuid>>, _>(rows.iter().map(|row| row.message).collect::<Vec<_>>())
    .execute(&mut tx.conn()?)
    .await?;
    Ok(())
}

/// Which flag to list by.
#[derive(Clone, Copy, Debug, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Flag {
    Unread,
    Mentioned,
    Starred,
}

/// One page of flags, newest first. What may be listed: messages that are still there, in channels that the user is still
/// in, since their history begins there. Deleting, truncating and leaving write no flags, so that none of them grows with
/// the number of members or messages. The flags are read as far as the pointer says: rows follow it a moment later, and not
/// at all where a membership was renewed. Each condition is written as the partial index that serves it, and `messages` are
/// only looked up by their ids.
macro_rules! flagged_sql {
    ($condition:literal) => {
        concat!(
            "SELECT f.channel_id, f.message_id, f.flags | CASE WHEN f.seq <= m.read_seq THEN 1 ELSE 0 END::smallint \
             FROM user_messages f \
             CROSS JOIN LATERAL (SELECT read_seq FROM channel_members WHERE app_id = f.app_id \
                 AND channel_id = f.channel_id AND user_id = f.user_id AND removed_at IS NULL \
                 AND history_from_seq <= f.seq OFFSET 0) m \
             CROSS JOIN LATERAL (SELECT FROM channels WHERE app_id = f.app_id AND id = f.channel_id \
                 AND deleted_at IS NULL AND truncated_seq < f.seq OFFSET 0) c \
             CROSS JOIN LATERAL (SELECT g.countable FROM messages g WHERE g.app_id = f.app_id AND g.id = f.message_id \
                 AND g.deleted_at IS NULL AND ",
            readable_by!("g", "f.user_id"),
            " OFFSET 0) x \
             WHERE f.app_id = ? AND f.user_id = ? AND f.message_id < ? AND ",
            $condition,
            " ORDER BY f.message_id DESC LIMIT ?"
        )
    };
}

impl Flag {
    /// The statement that lists by it.
    pub const fn sql(self) -> &'static str {
        match self {
            // The pointer has the last word here, too. What does not count is listed under its mention alone.
            Self::Unread => flagged_sql!("f.flags & 1 = 0 AND f.seq > m.read_seq AND x.countable"),
            Self::Mentioned => flagged_sql!("f.flags & 6 <> 0 AND f.flags & 2 <> 0"),
            Self::Starred => flagged_sql!("f.flags & 6 <> 0 AND f.flags & 4 <> 0"),
        }
    }
}

/// A page of a user's flagged messages, newest first: `(channel, message, flags)`.
pub async fn flagged(
    tx: &TenantTx,
    user: &UserId,
    flag: Flag,
    before: Option<Uuid>,
    limit: i64,
) -> Result<Vec<(Uuid, Uuid, i16)>> {
    Ok(prepared::<(SqlUuid, SqlUuid, SmallInt)>(flag.sql())
        .bind::<SqlUuid, _>(tx.app())
        .bind::<Text, _>(user.as_str())
        .bind::<SqlUuid, _>(before.unwrap_or(Uuid::max()))
        .bind::<Int8, _>(limit)
        .load(&mut tx.conn()?)
        .await?)
}
