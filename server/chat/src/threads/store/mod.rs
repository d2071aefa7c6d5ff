//! The queries of threads, but for sending. Unread is a subtraction; nothing here scans messages.

use chrono::{DateTime, Utc};
use diesel::deserialize::Queryable;
use diesel::prelude::*;
use diesel::sql_types::{
    Array, BigInt, Bool, Int4, Int8, Nullable, Text, Timestamptz, Untyped, Uuid as SqlUuid,
};
use diesel_async::RunQueryDsl;
use parlor_platform::Result;
use parlor_platform::db::{TenantTx, prepared};
use parlor_platform::schema::messages;
use parlor_protocol::limits::THREAD_PARTICIPANTS;
use parlor_protocol::sync::ThreadState;
use parlor_protocol::thread::ThreadRead;
use parlor_protocol::{Message, MessageId, ThreadSummary, UserId};
use uuid::Uuid;

use crate::messages::store::{
    MessageColumns, MessageRow, SummaryColumns, SummaryRow, message_columns, participants, readable_by,
    summary,
};

/// What a thread is to a user.
#[derive(Clone, Debug)]
pub struct State {
    /// `None`: the user neither follows it nor said that they don't want to.
    pub following: Option<bool>,
    pub read: ThreadRead,
    pub unread: i64,
}

/// The thread's replies, less those up to the pointer, less those that were deleted past it (a partial index that is
/// nearly empty). Of a root `m` and its row `t` of the user.
macro_rules! unread {
    () => {
        "coalesce(m.thread_ordinal, 0) - t.read_ordinal - (SELECT count(*) FROM messages d \
             WHERE d.app_id = m.app_id AND d.parent_id = m.id AND d.thread_ordinal > t.read_ordinal \
             AND d.parent_id IS NOT NULL AND d.deleted_at IS NOT NULL AND NOT d.silent AND d.visible_to IS NULL)"
    };
}

/// Whether the user of `t` can read the channel of `m`, and `m` is no older than their history, nor truncated: what to join, and the
/// condition on it.
macro_rules! readable {
    (join) => {
        "CROSS JOIN LATERAL (SELECT type, truncated_seq FROM channels WHERE app_id = m.app_id AND id = m.channel_id \
             AND deleted_at IS NULL OFFSET 0) c \
         LEFT JOIN LATERAL (SELECT true AS present, history_from_seq FROM channel_members WHERE app_id = m.app_id \
             AND channel_id = m.channel_id AND user_id = t.user_id AND removed_at IS NULL OFFSET 0) r ON true"
    };
    (condition) => {
        "((c.type = 'livestream' OR r.present) AND m.seq >= coalesce(r.history_from_seq, 0) AND m.seq > c.truncated_seq)"
    };
}

mod read;

pub use read::{behind, move_read, read_up};

type StateColumns = (Nullable<Bool>, Int8, Int8, Nullable<Timestamptz>, Int8);
type StateRow = (Option<bool>, i64, i64, Option<DateTime<Utc>>, i64);

fn state_of((following, read_seq, read_ordinal, read_at, unread): StateRow) -> State {
    State { following, read: ThreadRead { read_seq, read_ordinal, read_at }, unread }
}

/// What this thread is to the user.
pub async fn state(tx: &TenantTx, root: MessageId, user: &UserId) -> Result<State> {
    let row = prepared::<StateColumns>(concat!(
        "SELECT t.following, t.read_seq, t.read_ordinal, t.read_at, ",
        unread!(),
        " FROM messages m LEFT JOIN LATERAL (SELECT following, read_seq, read_ordinal, read_at FROM thread_members \
             WHERE app_id = m.app_id AND root_id = m.id AND user_id = ? OFFSET 0) s ON true \
         CROSS JOIN LATERAL (SELECT s.following, coalesce(s.read_seq, 0) AS read_seq, \
             coalesce(s.read_ordinal, 0) AS read_ordinal, s.read_at OFFSET 0) t \
         WHERE m.app_id = ? AND m.id = ?"
    ))
    .bind::<Text, _>(user.as_str())
    .bind::<SqlUuid, _>(tx.app())
    .bind::<SqlUuid, _>(root.0)
    .get_result::<StateRow>(&mut tx.conn()?)
    .await?;
    Ok(state_of(row))
}

/// `(root, seq)` of the threads that a user did something to by themselves after their own `seq`, in the order of that.
pub async fn changed_since(tx: &TenantTx, user: &UserId, since: i64, limit: i64) -> Result<Vec<(Uuid, i64)>> {
    Ok(prepared::<(SqlUuid, Int8)>(
        "SELECT root_id, user_seq FROM thread_members WHERE app_id = ? AND user_id = ? AND user_seq > ? \
             AND user_seq > 0 ORDER BY user_seq LIMIT ?",
    )
    .bind::<SqlUuid, _>(tx.app())
    .bind::<Text, _>(user.as_str())
    .bind::<Int8, _>(since)
    .bind::<BigInt, _>(limit)
    .load(&mut tx.conn()?)
    .await?)
}

/// What these threads are to the user, of those that they follow or have read, in channels that they can read.
pub async fn states(tx: &TenantTx, user: &UserId, roots: &[Uuid]) -> Result<Vec<ThreadState>> {
    let rows = prepared::<(SqlUuid, SqlUuid, StateColumns)>(concat!(
        "SELECT m.channel_id, m.id, t.following, t.read_seq, t.read_ordinal, t.read_at, ",
        unread!(),
        " FROM UNNEST(?) AS e (root) CROSS JOIN (SELECT ?::uuid AS app, ?::text AS reader) v \
         CROSS JOIN LATERAL (SELECT * FROM thread_members WHERE app_id = v.app AND root_id = e.root \
             AND user_id = v.reader OFFSET 0) t \
         CROSS JOIN LATERAL (SELECT app_id, id, channel_id, seq, thread_ordinal FROM messages WHERE app_id = v.app \
             AND id = e.root AND NOT erased AND (NOT shadowed OR user_id = v.reader) OFFSET 0) m ",
        readable!(join),
        " WHERE ",
        readable!(condition)
    ))
    .bind::<Array<SqlUuid>, _>(roots.to_vec())
    .bind::<SqlUuid, _>(tx.app())
    .bind::<Text, _>(user.as_str())
    .load::<(Uuid, Uuid, StateRow)>(&mut tx.conn()?)
    .await?;
    let state = |(channel, root, row): (Uuid, Uuid, StateRow)| {
        let State { following, read, unread } = state_of(row);
        ThreadState {
            channel_id: channel.into(),
            parent_id: root.into(),
            following: following == Some(true),
            unread,
            read,
        }
    };
    Ok(rows.into_iter().map(state).collect())
}

/// `seq` and number of a thread's newest reply, deleted or not.
pub async fn newest(tx: &TenantTx, root: MessageId) -> Result<Option<(i64, i64)>> {
    let row = messages::table
        .filter(messages::app_id.eq(tx.app()).and(messages::parent_id.eq(root.0)))
        .order(messages::seq.desc())
        .select((messages::seq, messages::thread_ordinal))
        .first::<(i64, Option<i64>)>(&mut tx.conn()?)
        .await
        .optional()?;
    Ok(row.map(|(seq, ordinal)| (seq, ordinal.unwrap_or(0))))
}

/// `seq` and number of a reply of this thread.
pub async fn place_of(tx: &TenantTx, root: MessageId, reply: MessageId) -> Result<Option<(i64, i64)>> {
    let row = messages::table
        .filter(messages::app_id.eq(tx.app()).and(messages::id.eq(reply.0)))
        .filter(messages::parent_id.eq(root.0))
        .select((messages::seq, messages::thread_ordinal))
        .first::<(i64, Option<i64>)>(&mut tx.conn()?)
        .await
        .optional()?;
    Ok(row.map(|(seq, ordinal)| (seq, ordinal.unwrap_or(0))))
}

/// Notes whether a user follows, and, if they begin to, how far they count as having read.
pub async fn follow(
    tx: &TenantTx,
    root: MessageId,
    user: &UserId,
    following: bool,
    read_to: Option<(i64, i64)>,
    user_seq: i64,
    now: DateTime<Utc>,
) -> Result<()> {
    let (seq, ordinal) = read_to.unwrap_or((0, 0));
    prepared::<Untyped>(
        "INSERT INTO thread_members (app_id, root_id, user_id, following, followed_at, read_seq, read_ordinal, user_seq) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?) \
         ON CONFLICT (app_id, root_id, user_id) DO UPDATE SET following = excluded.following, \
             followed_at = excluded.followed_at, \
             read_seq = greatest(thread_members.read_seq, excluded.read_seq), \
             read_ordinal = greatest(thread_members.read_ordinal, excluded.read_ordinal), \
             user_seq = excluded.user_seq",
    )
    .bind::<SqlUuid, _>(tx.app())
    .bind::<SqlUuid, _>(root.0)
    .bind::<Text, _>(user.as_str())
    .bind::<Bool, _>(following)
    .bind::<Timestamptz, _>(now)
    .bind::<Int8, _>(seq)
    .bind::<Int8, _>(ordinal)
    .bind::<Int8, _>(user_seq)
    .execute(&mut tx.conn()?)
    .await?;
    Ok(())
}

/// A thread that a user follows.
#[derive(Queryable)]
pub struct ThreadRow {
    pub message: MessageRow,
    state: StateRow,
    pub active_at: DateTime<Utc>,
}

impl ThreadRow {
    /// The root, and what the thread is to the user.
    pub fn split(self) -> Result<(Message, State)> {
        Ok((self.message.into_message()?, state_of(self.state)))
    }
}

/// Where a list of threads goes on: after this activity, this root.
pub type Position = (DateTime<Utc>, Uuid);

/// The threads that a user follows, in channels that they can read, the most recently active first.
pub async fn page(
    tx: &TenantTx,
    user: &UserId,
    only_unread: bool,
    after: Option<Position>,
    limit: i64,
) -> Result<Vec<ThreadRow>> {
    let (time, id) = after.unzip();
    // The page first: what is unread in it is counted after, and of others only where it decides.
    Ok(prepared::<(MessageColumns, StateColumns, Timestamptz)>(concat!(
        "SELECT ",
        message_columns!(),
        ", t.following, t.read_seq, t.read_ordinal, t.read_at, ",
        unread!(),
        ", t.active_at FROM ( \
             SELECT t.app_id, t.root_id, t.following, t.read_seq, t.read_ordinal, t.read_at, x.active_at \
             FROM thread_members t \
             CROSS JOIN LATERAL (SELECT app_id, id, channel_id, seq, thread_ordinal, last_reply_at, created_at FROM messages \
                 WHERE app_id = t.app_id AND id = t.root_id AND NOT erased AND ",
        readable_by!("messages", "t.user_id"),
        " OFFSET 0) m ",
        readable!(join),
        " CROSS JOIN LATERAL (SELECT coalesce(m.last_reply_at, t.followed_at, m.created_at) AS active_at) x \
             WHERE t.app_id = ? AND t.user_id = ? AND t.following AND ",
        readable!(condition),
        " AND (NOT ? OR m.thread_ordinal > t.read_ordinal AND ",
        unread!(),
        " > 0) AND coalesce((x.active_at, t.root_id) < (?, ?), true) \
             ORDER BY x.active_at DESC, t.root_id DESC LIMIT ?) t \
         CROSS JOIN LATERAL (SELECT * FROM messages WHERE app_id = t.app_id AND id = t.root_id OFFSET 0) m \
         CROSS JOIN LATERAL (SELECT name, image FROM users WHERE app_id = m.app_id AND id = m.user_id OFFSET 0) u \
         ORDER BY t.active_at DESC, t.root_id DESC"
    ))
    .bind::<SqlUuid, _>(tx.app())
    .bind::<Text, _>(user.as_str())
    .bind::<Bool, _>(only_unread)
    .bind::<Nullable<Timestamptz>, _>(time)
    .bind::<Nullable<SqlUuid>, _>(id)
    .bind::<BigInt, _>(limit)
    .load(&mut tx.conn()?)
    .await?)
}

/// Unread replies in all threads that a user follows.
pub async fn unread_total(tx: &TenantTx, user: &UserId) -> Result<i64> {
    Ok(prepared::<Int8>(concat!(
        "SELECT coalesce(sum(",
        unread!(),
        "), 0)::bigint FROM thread_members t \
         CROSS JOIN LATERAL (SELECT app_id, id, channel_id, seq, thread_ordinal FROM messages WHERE app_id = t.app_id \
             AND id = t.root_id AND NOT erased AND ",
        readable_by!("messages", "t.user_id"),
        " AND thread_ordinal > t.read_ordinal OFFSET 0) m ",
        readable!(join),
        " WHERE t.app_id = ? AND t.user_id = ? AND t.following AND ",
        readable!(condition)
    ))
    .bind::<SqlUuid, _>(tx.app())
    .bind::<Text, _>(user.as_str())
    .get_result(&mut tx.conn()?)
    .await?)
}

/// The newest two replies of each thread that are there, oldest first.
pub async fn latest(tx: &TenantTx, roots: &[Uuid], reader: &UserId) -> Result<Vec<MessageRow>> {
    Ok(prepared::<MessageColumns>(concat!(
        "SELECT ",
        message_columns!(),
        " FROM UNNEST(?) AS r (id) CROSS JOIN (SELECT ?::uuid AS app, ?::text AS reader) v CROSS JOIN LATERAL ( \
             SELECT * FROM messages m WHERE m.app_id = v.app AND m.parent_id = r.id AND m.deleted_at IS NULL \
             AND ",
        readable_by!("m", "v.reader"),
        " ORDER BY m.seq DESC LIMIT 2) m \
         CROSS JOIN LATERAL (SELECT name, image FROM users WHERE app_id = m.app_id AND id = m.user_id OFFSET 0) u \
         ORDER BY m.seq"
    ))
    .bind::<Array<SqlUuid>, _>(roots.to_vec())
    .bind::<SqlUuid, _>(tx.app())
    .bind::<Text, _>(reader.as_str())
    .load(&mut tx.conn()?)
    .await?)
}

/// Counts a reply no more (`by` is -1), or again (1), and gives what its root shows from now on. What it does to the reply
/// itself was written before. The caller holds the channel's row.
pub async fn count_reply(
    tx: &TenantTx,
    root: MessageId,
    reply: &Message,
    by: i32,
) -> Result<Option<ThreadSummary>> {
    if by != 0 {
        prepared::<Untyped>(
            "UPDATE thread_members t SET replies = t.replies + v.by, \
                 first_reply_seq = CASE WHEN t.replies + v.by > 0 THEN coalesce(t.first_reply_seq, v.seq) END \
             FROM (SELECT ?::integer AS by, ?::bigint AS seq) v WHERE t.app_id = ? AND t.root_id = ? AND t.user_id = ?",
        )
        .bind::<Int4, _>(by)
        .bind::<Int8, _>(reply.seq)
        .bind::<SqlUuid, _>(tx.app())
        .bind::<SqlUuid, _>(root.0)
        .bind::<Text, _>(reply.user.id.as_str())
        .execute(&mut tx.conn()?)
        .await?;
    }
    let row = prepared::<SummaryColumns>(concat!(
        "UPDATE messages m SET updated_seq = ?, reply_count = m.reply_count + ?, \
             last_reply_at = (SELECT r.created_at FROM messages r WHERE r.app_id = m.app_id AND r.parent_id = m.id \
                 AND r.deleted_at IS NULL AND r.visible_to IS NULL ORDER BY r.seq DESC LIMIT 1), \
             participant_count = (SELECT count(*) FROM thread_members t WHERE t.app_id = m.app_id AND t.root_id = m.id \
                 AND t.replies > 0), \
             participants = ARRAY(SELECT t.user_id FROM thread_members t WHERE t.app_id = m.app_id AND t.root_id = m.id \
                 AND t.replies > 0 ORDER BY t.first_reply_seq LIMIT ?) \
         WHERE m.app_id = ? AND m.id = ? \
         RETURNING m.reply_count, m.thread_ordinal, m.participant_count, ",
        participants!("m"),
        ", m.last_reply_at"
    ))
    .bind::<Int8, _>(reply.updated_seq)
    .bind::<Int4, _>(by)
    .bind::<BigInt, _>(i64::try_from(THREAD_PARTICIPANTS).unwrap_or(i64::MAX))
    .bind::<SqlUuid, _>(tx.app())
    .bind::<SqlUuid, _>(root.0)
    .get_result::<SummaryRow>(&mut tx.conn()?)
    .await?;
    Ok(Some(summary(row)?).filter(|thread| thread.reply_count > 0))
}

/// `(root, user)` of those who follow these threads and can read them; none of threads that more than `most`
/// follow.
pub async fn followers(tx: &TenantTx, roots: &[Uuid], most: i32) -> Result<Vec<(Uuid, String)>> {
    let rows = prepared::<(SqlUuid, Text, Bool)>(concat!(
        "SELECT m.id, t.user_id, ",
        readable!(condition),
        " IS TRUE FROM UNNEST(?) AS e (id) CROSS JOIN (SELECT ?::uuid AS app, ?::bigint AS most) v \
         CROSS JOIN LATERAL (SELECT app_id, id, channel_id, seq FROM messages WHERE app_id = v.app AND id = e.id \
             AND NOT erased OFFSET 0) m \
         CROSS JOIN LATERAL (SELECT user_id FROM thread_members WHERE app_id = v.app AND root_id = m.id AND following \
             LIMIT v.most) t ",
        readable!(join)
    ))
    .bind::<Array<SqlUuid>, _>(roots.to_vec())
    .bind::<SqlUuid, _>(tx.app())
    .bind::<BigInt, _>(i64::from(most) + 1)
    .load::<(Uuid, String, bool)>(&mut tx.conn()?)
    .await?;
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    let mut follow: std::collections::HashMap<Uuid, usize> = std::collections::HashMap::new();
    for (root, _, _) in &rows {
        *follow.entry(*root).or_default() += 1;
    }
    let told = rows.into_iter().filter(|(root, _, readable)| *readable && follow[root] <= most);
    Ok(told.map(|(root, user, _)| (root, user)).collect())
}

/// Unread replies of these pairs of root and user.
pub async fn unread_of(tx: &TenantTx, pairs: &[(Uuid, &str)]) -> Result<Vec<(Uuid, String, i64)>> {
    Ok(prepared::<(SqlUuid, Text, Int8)>(concat!(
        "SELECT m.id, t.user_id, ",
        unread!(),
        " FROM (SELECT ? AS app) v CROSS JOIN UNNEST(?, ?) AS e (root, reader) \
         CROSS JOIN LATERAL (SELECT app_id, id, thread_ordinal FROM messages WHERE app_id = v.app AND id = e.root \
             OFFSET 0) m \
         CROSS JOIN LATERAL (SELECT user_id, read_ordinal FROM thread_members WHERE app_id = v.app AND root_id = e.root \
             AND user_id = e.reader OFFSET 0) t"
    ))
    .bind::<SqlUuid, _>(tx.app())
    .bind::<Array<SqlUuid>, _>(pairs.iter().map(|(root, _)| *root).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(pairs.iter().map(|(_, reader)| *reader).collect::<Vec<_>>())
    .load(&mut tx.conn()?)
    .await?)
}
