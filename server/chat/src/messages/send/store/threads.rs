//! The statements of batches with replies.

use chrono::{DateTime, Utc};
use diesel::sql_types::{Array, Int4, Int8, Jsonb, Nullable, Text, Timestamptz, Untyped, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use parlor_platform::Result;
use parlor_platform::db::prepared;
use serde_json::Value;
use uuid::Uuid;

use crate::messages::send::threads::{Replied, Threads};

/// Of these pairs of root and user, those that have replied before.
pub async fn replied(conn: &AsyncPgConnection, app: Uuid, pairs: Vec<(Uuid, &str)>) -> Result<Replied> {
    if pairs.is_empty() {
        return Ok(Replied::new());
    }
    let rows = prepared::<(SqlUuid, Text)>(
        "SELECT r.root, r.reader FROM UNNEST(?, ?) AS r (root, reader) \
         CROSS JOIN LATERAL (SELECT FROM thread_members WHERE app_id = ? AND root_id = r.root AND user_id = r.reader \
             AND replies > 0 OFFSET 0) t",
    )
    .bind::<Array<SqlUuid>, _>(pairs.iter().map(|(root, _)| *root).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(pairs.iter().map(|(_, reader)| *reader).collect::<Vec<_>>())
    .bind::<SqlUuid, _>(app)
    .load::<(Uuid, String)>(&mut &*conn)
    .await?;
    Ok(rows.into_iter().collect())
}

/// Writes what the roots show of their threads. Gives how many there were; without replies there is nothing to send.
pub async fn write_roots(
    conn: &AsyncPgConnection,
    app: Uuid,
    threads: &Threads<'_>,
    now: DateTime<Utc>,
) -> Result<usize> {
    if threads.roots.is_empty() {
        return Ok(0);
    }
    let roots = threads.roots.values();
    let participants: Vec<Value> = roots
        .clone()
        .map(|root| root.summary.participants.iter().map(|user| user.id.as_str()).collect())
        .collect();
    // Participants travel as JSON: UNNEST would flatten an array of arrays.
    Ok(prepared::<Untyped>(
        "MERGE INTO messages m USING (SELECT v.now, v.app, r.id, r.seq, r.ordinal, r.replies, r.people, \
             ARRAY(SELECT jsonb_array_elements_text(r.participants)) AS participants \
             FROM (SELECT ? AS now, ? AS app) v, UNNEST(?, ?, ?, ?, ?, ?) AS r (id, seq, ordinal, replies, people, participants)) v \
         ON m.app_id = v.app AND m.id = v.id \
         WHEN MATCHED THEN UPDATE SET updated_seq = v.seq, thread_ordinal = v.ordinal, reply_count = v.replies, \
             participant_count = v.people, participants = v.participants, last_reply_at = v.now \
         WHEN NOT MATCHED AND false THEN INSERT DEFAULT VALUES",
    )
    .bind::<Timestamptz, _>(now)
    .bind::<SqlUuid, _>(app)
    .bind::<Array<SqlUuid>, _>(threads.roots.keys().copied().collect::<Vec<_>>())
    .bind::<Array<Int8>, _>(roots.clone().map(|root| root.seq).collect::<Vec<_>>())
    .bind::<Array<Int8>, _>(roots.clone().map(|root| root.summary.ordinal).collect::<Vec<_>>())
    .bind::<Array<Int4>, _>(roots.clone().map(|root| root.summary.reply_count).collect::<Vec<_>>())
    .bind::<Array<Int4>, _>(roots.map(|root| root.summary.participant_count).collect::<Vec<_>>())
    .bind::<Array<Jsonb>, _>(participants)
    .execute(&mut &*conn)
    .await?)
}

/// Writes who takes part in the threads. Who replied is noted in any case, others if they are members; who said that
/// they don't want to follow does not.
pub async fn write_readers(
    conn: &AsyncPgConnection,
    app: Uuid,
    threads: &Threads<'_>,
    now: DateTime<Utc>,
) -> Result<()> {
    if threads.readers.is_empty() {
        return Ok(());
    }
    let readers = threads.readers.values();
    prepared::<Untyped>(
        "INSERT INTO thread_members (app_id, root_id, user_id, following, followed_at, read_seq, read_ordinal, read_at, \
             replies, first_reply_seq) \
         SELECT v.app, r.root, r.reader, true, v.now, r.seq, r.ordinal, CASE WHEN r.replies > 0 THEN v.now END, \
             r.replies, r.first \
         FROM (SELECT ? AS now, ? AS app) v CROSS JOIN UNNEST(?, ?, ?, ?, ?, ?, ?) \
             AS r (root, reader, channel, seq, ordinal, replies, first) \
         LEFT JOIN LATERAL (SELECT true AS present FROM channel_members WHERE app_id = v.app AND channel_id = r.channel \
             AND user_id = r.reader AND removed_at IS NULL OFFSET 0) c ON true \
         WHERE r.replies > 0 OR c.present \
         ON CONFLICT (app_id, root_id, user_id) DO UPDATE SET following = coalesce(thread_members.following, true), \
             followed_at = coalesce(thread_members.followed_at, excluded.followed_at), \
             read_seq = CASE WHEN excluded.replies > 0 THEN greatest(thread_members.read_seq, excluded.read_seq) \
                 ELSE thread_members.read_seq END, \
             read_ordinal = CASE WHEN excluded.replies > 0 \
                 THEN greatest(thread_members.read_ordinal, excluded.read_ordinal) ELSE thread_members.read_ordinal END, \
             read_at = coalesce(excluded.read_at, thread_members.read_at), \
             replies = thread_members.replies + excluded.replies, \
             first_reply_seq = coalesce(thread_members.first_reply_seq, excluded.first_reply_seq) \
         WHERE excluded.replies > 0 OR thread_members.following IS NULL",
    )
    .bind::<Timestamptz, _>(now)
    .bind::<SqlUuid, _>(app)
    .bind::<Array<SqlUuid>, _>(threads.readers.keys().map(|(root, _)| *root).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(threads.readers.keys().map(|(_, reader)| *reader).collect::<Vec<_>>())
    .bind::<Array<SqlUuid>, _>(readers.clone().map(|reader| reader.channel).collect::<Vec<_>>())
    .bind::<Array<Int8>, _>(readers.clone().map(|reader| reader.seq).collect::<Vec<_>>())
    .bind::<Array<Int8>, _>(readers.clone().map(|reader| reader.ordinal).collect::<Vec<_>>())
    .bind::<Array<Int4>, _>(readers.clone().map(|reader| reader.replies).collect::<Vec<_>>())
    .bind::<Array<Nullable<Int8>>, _>(readers.map(|reader| reader.first).collect::<Vec<_>>())
    .execute(&mut &*conn)
    .await?;
    Ok(())
}
