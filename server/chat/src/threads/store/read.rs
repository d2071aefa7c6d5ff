//! The queries of pointers in threads.

use chrono::{DateTime, Utc};
use diesel::deserialize::Queryable;
use diesel::sql_types::{Array, BigInt, Int8, Text, Timestamptz, Untyped, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use parlor_platform::Result;
use parlor_platform::db::{TenantTx, prepared};
use parlor_protocol::{MessageId, UserId};
use uuid::Uuid;

/// Moves a pointer forward, also where the user replies at the same moment.
pub async fn move_read(
    tx: &TenantTx,
    root: MessageId,
    user: &UserId,
    (seq, ordinal): (i64, i64),
    user_seq: i64,
    now: DateTime<Utc>,
) -> Result<()> {
    prepared::<Untyped>(
        "INSERT INTO thread_members (app_id, root_id, user_id, read_seq, read_ordinal, read_at, user_seq) \
         VALUES (?, ?, ?, ?, ?, ?, ?) \
         ON CONFLICT (app_id, root_id, user_id) DO UPDATE SET \
             read_seq = greatest(thread_members.read_seq, excluded.read_seq), \
             read_ordinal = greatest(thread_members.read_ordinal, excluded.read_ordinal), \
             read_at = excluded.read_at, user_seq = excluded.user_seq",
    )
    .bind::<SqlUuid, _>(tx.app())
    .bind::<SqlUuid, _>(root.0)
    .bind::<Text, _>(user.as_str())
    .bind::<Int8, _>(seq)
    .bind::<Int8, _>(ordinal)
    .bind::<Timestamptz, _>(now)
    .bind::<Int8, _>(user_seq)
    .execute(&mut tx.conn()?)
    .await?;
    Ok(())
}

/// A thread that a user follows and is behind in, and where it is.
#[derive(Queryable)]
pub struct Behind {
    pub root: Uuid,
    pub channel: Uuid,
    pub seq: i64,
    pub ordinal: i64,
}

/// Threads with unread replies that a user follows and can read, by root after one.
pub async fn behind(tx: &TenantTx, user: &UserId, after: Uuid, limit: i64) -> Result<Vec<Behind>> {
    Ok(prepared::<(SqlUuid, SqlUuid, Int8, Int8)>(concat!(
        "SELECT t.root_id, m.channel_id, n.seq, n.thread_ordinal FROM thread_members t \
         CROSS JOIN LATERAL (SELECT app_id, id, channel_id, seq FROM messages WHERE app_id = t.app_id \
             AND id = t.root_id AND NOT erased AND (NOT shadowed OR user_id = t.user_id) \
             AND thread_ordinal > t.read_ordinal OFFSET 0) m ",
        readable!(join),
        " CROSS JOIN LATERAL (SELECT seq, thread_ordinal FROM messages WHERE app_id = t.app_id AND parent_id = t.root_id \
             ORDER BY seq DESC LIMIT 1) n \
         WHERE t.app_id = ? AND t.user_id = ? AND t.following AND t.root_id > ? AND ",
        readable!(condition),
        " ORDER BY t.root_id LIMIT ?"
    ))
    .bind::<SqlUuid, _>(tx.app())
    .bind::<Text, _>(user.as_str())
    .bind::<SqlUuid, _>(after)
    .bind::<BigInt, _>(limit)
    .load(&mut tx.conn()?)
    .await?)
}

/// Moves a user's pointers in these threads to where they are, each with the user's `seq` of its change.
pub async fn read_up(
    tx: &TenantTx,
    user: &UserId,
    moves: &[(&Behind, i64)],
    now: DateTime<Utc>,
) -> Result<()> {
    prepared::<Untyped>(
        "MERGE INTO thread_members t USING (SELECT ? AS now, ? AS app, ? AS reader, v.* \
             FROM UNNEST(?, ?, ?, ?) AS v (root, seq, ordinal, user_seq)) v \
         ON t.app_id = v.app AND t.root_id = v.root AND t.user_id = v.reader \
         WHEN MATCHED THEN UPDATE SET read_seq = greatest(t.read_seq, v.seq), \
             read_ordinal = greatest(t.read_ordinal, v.ordinal), read_at = v.now, user_seq = v.user_seq \
         WHEN NOT MATCHED AND false THEN INSERT DEFAULT VALUES",
    )
    .bind::<Timestamptz, _>(now)
    .bind::<SqlUuid, _>(tx.app())
    .bind::<Text, _>(user.as_str())
    .bind::<Array<SqlUuid>, _>(moves.iter().map(|(row, _)| row.root).collect::<Vec<_>>())
    .bind::<Array<Int8>, _>(moves.iter().map(|(row, _)| row.seq).collect::<Vec<_>>())
    .bind::<Array<Int8>, _>(moves.iter().map(|(row, _)| row.ordinal).collect::<Vec<_>>())
    .bind::<Array<Int8>, _>(moves.iter().map(|(_, seq)| *seq).collect::<Vec<_>>())
    .execute(&mut tx.conn()?)
    .await?;
    Ok(())
}
