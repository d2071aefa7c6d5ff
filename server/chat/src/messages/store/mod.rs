//! The queries of messages, but for sending.

mod change;
mod row;

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bool, Int8, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use parlor_platform::Result;
use parlor_platform::db::{TenantTx, prepared};
use parlor_platform::schema::{messages, users};
use parlor_protocol::{ChannelId, MessageId, UserId};
use uuid::Uuid;

pub use change::*;
pub use row::*;
pub(crate) use row::{message_columns, participants};

/// The condition that a reader may read a message that is there: none that is shadowed but their own, and of those that not
/// all may read those that they may. In statements that are written by hand; of the server's `NULL` all.
macro_rules! readable_by {
    ($message:literal, $reader:literal) => {
        concat!(
            "(NOT ",
            $message,
            ".shadowed OR ",
            $reader,
            " IS NULL OR ",
            $message,
            ".user_id = ",
            $reader,
            ") AND (",
            $message,
            ".visible_to IS NULL OR parlor_may_read(",
            $message,
            ".app_id, ",
            $message,
            ".channel_id, ",
            $message,
            ".user_id, ",
            $message,
            ".visible_to, ",
            $reader,
            "))"
        )
    };
}
pub(crate) use readable_by;

macro_rules! with_users {
    () => {
        messages::table
            .inner_join(
                users::table.on(users::app_id.eq(messages::app_id).and(users::id.eq(messages::user_id))),
            )
            .select(MessageRow::as_select())
    };
}

/// The condition that a message is of the history that a reader may read: from a member's `history_from_seq` on. The
/// aggregate makes it a number also for who is no member, and so that the timeline's index is read from there. For
/// messages of any channel, or of one that is known.
macro_rules! in_history {
    ($reader:expr) => {
        sql::<Bool>(
            "messages.seq >= (SELECT coalesce(max(h.history_from_seq), 0) FROM channel_members h \
             WHERE h.app_id = messages.app_id AND h.channel_id = messages.channel_id AND h.removed_at IS NULL \
             AND h.user_id = ",
        )
        .bind::<Text, _>($reader.as_str().to_owned())
        .sql(")")
    };
    ($reader:expr, $tx:expr, $channel:expr) => {
        sql::<Bool>(
            "messages.seq >= (SELECT coalesce(max(h.history_from_seq), 0) FROM channel_members h \
             WHERE h.removed_at IS NULL AND h.app_id = ",
        )
        .bind::<SqlUuid, _>($tx.app())
        .sql(" AND h.channel_id = ")
        .bind::<SqlUuid, _>($channel.0)
        .sql(" AND h.user_id = ")
        .bind::<Text, _>($reader.as_str().to_owned())
        .sql(")")
    };
}

/// The condition that a message is past the point up to which its channel was truncated, for everybody.
macro_rules! not_truncated {
    () => {
        sql::<Bool>(
            "messages.seq > (SELECT t.truncated_seq FROM channels t \
             WHERE t.app_id = messages.app_id AND t.id = messages.channel_id)",
        )
    };
    ($tx:expr, $channel:expr) => {
        sql::<Bool>("messages.seq > (SELECT t.truncated_seq FROM channels t WHERE t.app_id = ")
            .bind::<SqlUuid, _>($tx.app())
            .sql(" AND t.id = ")
            .bind::<SqlUuid, _>($channel.0)
            .sql(")")
    };
}

/// The same with what was erased, of a boxed query.
macro_rules! readable {
    ($query:expr, $reader:expr $(, $tx:expr, $channel:expr)?) => {
        match $reader {
            Some(reader) => {
                let reader: &UserId = reader;
                let restricted = sql::<Bool>(
                    "(messages.visible_to IS NULL OR parlor_may_read(messages.app_id, messages.channel_id, \
                     messages.user_id, messages.visible_to, ",
                );
                $query
                    .filter(messages::shadowed.eq(false).or(messages::user_id.eq(reader.as_str().to_owned())))
                    .filter(restricted.bind::<Text, _>(reader.as_str().to_owned()).sql("))"))
                    .filter(in_history!(reader $(, $tx, $channel)?))
            }
            None => $query,
        }
    };
}

/// What a reader may see: what is not shadowed, and their own, since their history begins, without what only others may
/// read; the server sees all. Nobody sees what was erased or truncated. Of one channel where the transaction and the channel are given.
macro_rules! visible_to {
    ($query:expr, $reader:expr $(, $tx:expr, $channel:expr)?) => {{
        let query = $query.filter(messages::erased.eq(false));
        let query = query.filter(not_truncated!($($tx, $channel)?)).into_boxed();
        readable!(query, $reader $(, $tx, $channel)?)
    }};
}

/// One message, deleted ones included, erased ones not.
pub async fn find(tx: &TenantTx, id: MessageId, reader: Option<&UserId>) -> Result<Option<MessageRow>> {
    let query = with_users!().filter(messages::app_id.eq(tx.app()).and(messages::id.eq(id.0)));
    Ok(visible_to!(query, reader).first(&mut tx.conn()?).await.optional()?)
}

/// Of these messages, those that the reader may see.
pub async fn of(tx: &TenantTx, ids: &[Uuid], reader: Option<&UserId>) -> Result<Vec<MessageRow>> {
    let query = with_users!().filter(messages::app_id.eq(tx.app()).and(messages::id.eq_any(ids)));
    Ok(visible_to!(query, reader).load(&mut tx.conn()?).await?)
}

/// `seq` of a message of this channel.
pub async fn seq_of(tx: &TenantTx, channel: ChannelId, id: MessageId) -> Result<Option<i64>> {
    Ok(messages::table
        .filter(
            messages::app_id.eq(tx.app()).and(messages::id.eq(id.0)).and(messages::channel_id.eq(channel.0)),
        )
        .select(messages::seq)
        .first(&mut tx.conn()?)
        .await
        .optional()?)
}

/// Where a message is.
#[derive(Queryable)]
pub struct Place {
    pub channel: Uuid,
    pub parent: Option<Uuid>,
    pub seq: i64,
    /// Whether all may read it.
    pub for_all: bool,
}

/// Where these messages are, by their ids.
pub async fn places(tx: &TenantTx, ids: &[Uuid]) -> Result<HashMap<Uuid, Place>> {
    let rows = messages::table
        .filter(messages::app_id.eq(tx.app()).and(messages::id.eq_any(ids)))
        .select((
            messages::id,
            (messages::channel_id, messages::parent_id, messages::seq, messages::visible_to.is_null()),
        ))
        .load::<(Uuid, Place)>(&mut tx.conn()?)
        .await?;
    Ok(rows.into_iter().collect())
}

/// The main timeline, or one thread. Written as the partial indexes are, so that they serve it.
macro_rules! listed_in {
    ($query:expr, $thread:expr) => {
        match $thread {
            Some(root) => {
                let root: MessageId = root;
                $query.filter(messages::parent_id.eq(root.0))
            }
            None => $query.filter(messages::in_timeline),
        }
    };
}

/// The newest of a channel's messages with a `seq` after `after`, up to `upto`, that was sent before a time. Times follow the
/// order of `seq` but for what the clocks of our nodes differ, so that looking at few of them finds it; among imported ones,
/// which may be in any order, it finds some place where the times cross it.
pub async fn newest_before(
    tx: &TenantTx,
    channel: ChannelId,
    after: i64,
    upto: i64,
    time: DateTime<Utc>,
) -> Result<Option<i64>> {
    let seq = prepared::<Int8>(
        "WITH RECURSIVE s (low, high) AS ( \
             SELECT ?::bigint, ?::bigint \
             UNION ALL \
             SELECT CASE WHEN p.created_at < v.time THEN p.seq ELSE s.low END, \
                 CASE WHEN p.created_at < v.time THEN s.high ELSE s.low + (s.high - s.low + 1) / 2 - 1 END \
             FROM s CROSS JOIN (SELECT ?::uuid AS app, ?::uuid AS channel, ?::timestamptz AS time) v \
             LEFT JOIN LATERAL (SELECT m.seq, m.created_at FROM ( \
                 (SELECT seq, created_at FROM messages WHERE app_id = v.app AND channel_id = v.channel AND in_timeline \
                     AND seq >= s.low + (s.high - s.low + 1) / 2 AND seq <= s.high ORDER BY seq LIMIT 1) \
                 UNION ALL \
                 (SELECT seq, created_at FROM messages WHERE app_id = v.app AND channel_id = v.channel \
                     AND NOT in_timeline \
                     AND seq >= s.low + (s.high - s.low + 1) / 2 AND seq <= s.high ORDER BY seq LIMIT 1)) m \
                 ORDER BY m.seq LIMIT 1) p ON true \
             WHERE s.low < s.high) \
         SELECT max(low) FROM s",
    )
    .bind::<BigInt, _>(after)
    .bind::<BigInt, _>(upto)
    .bind::<SqlUuid, _>(tx.app())
    .bind::<SqlUuid, _>(channel.0)
    .bind::<Timestamptz, _>(time)
    .get_result::<i64>(&mut tx.conn()?)
    .await?;
    Ok((seq > after).then_some(seq))
}

/// Which part of a timeline.
#[derive(Clone, Copy, Debug)]
pub enum Window {
    /// The newest ones with a `seq` below.
    Before(i64),
    /// The oldest ones with a `seq` above.
    After(i64),
}

/// Messages of the main timeline, or of one thread, nearest to the window's edge first.
pub async fn window(
    tx: &TenantTx,
    channel: ChannelId,
    thread: Option<MessageId>,
    window: Window,
    reader: Option<&UserId>,
    limit: i64,
) -> Result<Vec<MessageRow>> {
    let query = with_users!().filter(messages::app_id.eq(tx.app()).and(messages::channel_id.eq(channel.0)));
    let query = visible_to!(query, reader, tx, channel);
    let query = listed_in!(query, thread);
    let query = match window {
        Window::Before(seq) => query.filter(messages::seq.lt(seq)).order(messages::seq.desc()),
        Window::After(seq) => query.filter(messages::seq.gt(seq)).order(messages::seq.asc()),
    };
    Ok(query.limit(limit).load(&mut tx.conn()?).await?)
}

/// The newest `most` messages of each channel's main timeline, in one statement, the newest of each channel first.
pub async fn newest_of_each(
    tx: &TenantTx,
    channels: &[Uuid],
    reader: Option<&UserId>,
    most: i64,
) -> Result<Vec<MessageRow>> {
    Ok(prepared::<MessageColumns>(concat!(
        "SELECT ",
        message_columns!(),
        " FROM UNNEST(?) AS c (id) CROSS JOIN (SELECT ?::uuid AS app, ?::text AS reader, ?::bigint AS most) v \
         CROSS JOIN LATERAL (SELECT greatest(max(h.history_from_seq), (SELECT t.truncated_seq + 1 FROM channels t \
                 WHERE t.app_id = v.app AND t.id = c.id)) AS first FROM channel_members h \
             WHERE h.app_id = v.app AND h.channel_id = c.id AND h.user_id = v.reader AND h.removed_at IS NULL) h \
         CROSS JOIN LATERAL ( \
             SELECT * FROM messages m WHERE m.app_id = v.app AND m.channel_id = c.id AND m.in_timeline \
             AND m.seq >= h.first AND NOT m.erased AND ",
        readable_by!("m", "v.reader"),
        " ORDER BY m.seq DESC LIMIT v.most) m \
         CROSS JOIN LATERAL (SELECT u.name, u.image FROM users u WHERE u.app_id = m.app_id AND u.id = m.user_id OFFSET 0) u"
    ))
    .bind::<Array<SqlUuid>, _>(channels.to_vec())
    .bind::<SqlUuid, _>(tx.app())
    .bind::<Nullable<Text>, _>(reader.map(|reader| reader.as_str().to_owned()))
    .bind::<BigInt, _>(most)
    .load(&mut tx.conn()?)
    .await?)
}

/// A channel's messages whose location is shared live now: those that are so for the longest first.
pub async fn live(
    tx: &TenantTx,
    channel: ChannelId,
    reader: Option<&UserId>,
    after: Option<(DateTime<Utc>, Uuid)>,
    limit: i64,
    now: DateTime<Utc>,
) -> Result<Vec<(DateTime<Utc>, MessageRow)>> {
    let query = messages::table
        .inner_join(users::table.on(users::app_id.eq(messages::app_id).and(users::id.eq(messages::user_id))))
        .select((messages::live_until.assume_not_null(), MessageRow::as_select()))
        .filter(messages::app_id.eq(tx.app()).and(messages::channel_id.eq(channel.0)))
        .filter(messages::live_until.is_not_null().and(messages::live_until.gt(now)));
    let mut query = visible_to!(query, reader, tx, channel);
    if let Some((end, id)) = after {
        let same = messages::live_until.eq(end).and(messages::id.gt(id));
        query = query.filter(messages::live_until.gt(end).or(same));
    }
    Ok(query.order((messages::live_until, messages::id)).limit(limit).load(&mut tx.conn()?).await?)
}

/// `(seq, ordinal, countable)` of the newest countable message up to a `seq`.
pub async fn countable_up_to(
    tx: &TenantTx,
    channel: ChannelId,
    seq: i64,
) -> Result<Option<(Uuid, i64, i64)>> {
    Ok(prepared::<(SqlUuid, BigInt, BigInt)>(
        "SELECT id, seq, ordinal FROM messages WHERE app_id = ? AND channel_id = ? AND seq <= ? AND in_timeline \
             AND countable \
         ORDER BY seq DESC LIMIT 1",
    )
    .bind::<SqlUuid, _>(tx.app())
    .bind::<SqlUuid, _>(channel.0)
    .bind::<BigInt, _>(seq)
    .load::<(Uuid, i64, i64)>(&mut tx.conn()?)
    .await?
    .pop())
}
