//! The queries of reads. Unread is a subtraction; nothing here scans messages.

use std::sync::LazyLock;

use chrono::{DateTime, Utc};
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{Array, Bool, Int8, Nullable, SmallInt, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use parlor_platform::Result;
use parlor_platform::db::{TenantTx, prepared};
use parlor_platform::schema::user_messages;
use parlor_protocol::UserId;
use uuid::Uuid;

use crate::membership::muted;
use crate::messages::store::readable_by;

/// Unread messages of a user in every channel that has some: the channel's countable messages, less those up to the
/// pointer or before the reader's history, less those that were deleted past it (a partial index that is nearly empty).
pub const UNREAD_SQL: &str = "SELECT m.channel_id, c.ordinal - greatest(m.read_ordinal, m.history_ordinal) - ( \
         SELECT count(*) FROM messages d WHERE d.app_id = m.app_id AND d.channel_id = m.channel_id \
         AND d.ordinal > greatest(m.read_ordinal, m.history_ordinal) AND d.countable AND d.deleted_at IS NOT NULL) \
         AS unread, m.muted_at, m.muted_until \
     FROM channel_members m CROSS JOIN LATERAL ( \
         SELECT ordinal FROM channels WHERE app_id = m.app_id AND id = m.channel_id AND deleted_at IS NULL \
         AND ordinal > greatest(m.read_ordinal, m.history_ordinal) OFFSET 0) c \
     WHERE m.app_id = ? AND m.user_id = ? AND m.removed_at IS NULL";

/// The same in some channels.
static UNREAD_IN_SQL: LazyLock<String> = LazyLock::new(|| format!("{UNREAD_SQL} AND m.channel_id = ANY(?)"));

type UnreadColumns = (SqlUuid, Int8, Nullable<Timestamptz>, Nullable<Timestamptz>);

/// Unread messages of a channel, and the mute that its member has set.
#[derive(Queryable)]
pub struct UnreadRow {
    pub channel_id: Uuid,
    pub unread: i64,
    muted_at: Option<DateTime<Utc>>,
    muted_until: Option<DateTime<Utc>>,
}

impl UnreadRow {
    /// Whether the channel is muted now.
    pub fn muted(&self, now: DateTime<Utc>) -> bool {
        muted(self.muted_at, self.muted_until, now).is_some()
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
        "SELECT r.reader, u.channel_id, u.unread, u.muted_at, u.muted_until \
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

/// Which flag to list by.
#[derive(Clone, Copy, Debug, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Flag {
    Unread,
    Mentioned,
    Starred,
}

/// What may be listed: messages that are still there, in channels that the user is still in, since their history begins
/// there. Deleting and leaving write no flags, so that neither grows with the number of members or messages.
const LISTED: &str = concat!(
    "EXISTS (SELECT FROM messages x \
     JOIN channels c ON c.app_id = x.app_id AND c.id = x.channel_id AND c.deleted_at IS NULL \
     JOIN channel_members m ON m.app_id = x.app_id AND m.channel_id = x.channel_id AND m.removed_at IS NULL \
     WHERE x.app_id = user_messages.app_id AND x.id = user_messages.message_id AND x.deleted_at IS NULL \
       AND x.seq >= m.history_from_seq \
       AND ",
    readable_by!("x", "user_messages.user_id"),
    " AND m.user_id = user_messages.user_id)"
);

/// The flags, read as far as the pointer says: rows follow it a moment later, and not at all where a membership was
/// renewed.
const FLAGS: &str = "flags | CASE WHEN seq <= (SELECT r.read_seq FROM channel_members r \
    WHERE r.app_id = user_messages.app_id AND r.channel_id = user_messages.channel_id \
    AND r.user_id = user_messages.user_id) THEN 1::smallint ELSE 0::smallint END";

/// A page of a user's flagged messages, newest first: `(channel, message, flags)`.
pub async fn flagged(
    tx: &TenantTx,
    user: &UserId,
    flag: Flag,
    before: Option<Uuid>,
    limit: i64,
) -> Result<Vec<(Uuid, Uuid, i16)>> {
    let mut query = user_messages::table
        .filter(user_messages::app_id.eq(tx.app()).and(user_messages::user_id.eq(user.as_str())))
        .select((user_messages::channel_id, user_messages::message_id, sql::<SmallInt>(FLAGS)))
        .order(user_messages::message_id.desc())
        .limit(limit)
        .into_boxed();
    // Written as the partial indexes are, so that they serve it.
    let condition = match flag {
        // The pointer has the last word here, too. What does not count is listed under its mention alone.
        Flag::Unread => {
            "flags & 1 = 0 AND seq > (SELECT r.read_seq FROM channel_members r WHERE r.app_id = user_messages.app_id \
             AND r.channel_id = user_messages.channel_id AND r.user_id = user_messages.user_id) \
             AND EXISTS (SELECT FROM messages y WHERE y.app_id = user_messages.app_id \
             AND y.id = user_messages.message_id AND y.countable)"
        }
        Flag::Mentioned => "flags & 6 <> 0 AND flags & 2 <> 0",
        Flag::Starred => "flags & 6 <> 0 AND flags & 4 <> 0",
    };
    for condition in [condition, LISTED] {
        query = query.filter(sql::<Bool>(condition));
    }
    if let Some(before) = before {
        query = query.filter(user_messages::message_id.lt(before));
    }
    Ok(query.load(&mut tx.conn()?).await?)
}
