//! What changed after a `seq`, of several channels at once: one statement for each kind of row.

use diesel::sql_types::{Array, BigInt, Int8, Nullable, Text, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use parlor_platform::Result;
use parlor_platform::db::{TenantTx, prepared};
use parlor_protocol::UserId;
use uuid::Uuid;

use super::Since;
use crate::members::store::{MemberColumns, MemberRow, member_columns};
use crate::messages::store::{MessageColumns, MessageRow, message_columns, readable_by};
use crate::tasks::store::{TaskColumns, TaskRow, task_columns};

fn ids(of: &[Since]) -> Vec<Uuid> {
    of.iter().map(|since| since.channel).collect()
}

fn seqs(of: &[Since]) -> Vec<i64> {
    of.iter().map(|since| since.seq).collect()
}

fn firsts(of: &[Since]) -> Vec<i64> {
    of.iter().map(|since| since.history_from_seq).collect()
}

/// Messages sent after a `seq` that have not changed since: of the timeline, and replies beside it. At most `limit` of
/// each channel.
pub async fn new_messages(
    tx: &TenantTx,
    of: &[Since],
    reader: Option<&UserId>,
    limit: i64,
) -> Result<Vec<MessageRow>> {
    Ok(prepared::<MessageColumns>(concat!(
        "SELECT ",
        message_columns!(),
        " FROM UNNEST(?, ?, ?) AS c (id, since, first) \
         CROSS JOIN (SELECT ?::uuid AS app, ?::text AS reader, ?::bigint AS most) v \
         CROSS JOIN LATERAL (SELECT * FROM ( \
             (SELECT * FROM messages m WHERE m.app_id = v.app AND m.channel_id = c.id \
                 AND m.seq > greatest(c.since, c.first - 1) AND m.updated_seq = m.seq AND m.in_timeline AND NOT m.erased \
                 AND ",
        readable_by!("m", "v.reader"),
        " ORDER BY m.seq LIMIT v.most) \
             UNION ALL \
             (SELECT * FROM messages m WHERE m.app_id = v.app AND m.channel_id = c.id \
                 AND m.seq > greatest(c.since, c.first - 1) AND m.updated_seq = m.seq AND NOT m.in_timeline \
                 AND NOT m.erased \
                 AND ",
        readable_by!("m", "v.reader"),
        " ORDER BY m.seq LIMIT v.most)) m \
             ORDER BY m.seq LIMIT v.most) m \
         CROSS JOIN LATERAL (SELECT u.name, u.image FROM users u WHERE u.app_id = m.app_id AND u.id = m.user_id OFFSET 0) u \
         ORDER BY m.seq"
    ))
    .bind::<Array<SqlUuid>, _>(ids(of))
    .bind::<Array<Int8>, _>(seqs(of))
    .bind::<Array<Int8>, _>(firsts(of))
    .bind::<SqlUuid, _>(tx.app())
    .bind::<Nullable<Text>, _>(reader.map(|reader| reader.as_str().to_owned()))
    .bind::<BigInt, _>(limit)
    .load(&mut tx.conn()?)
    .await?)
}

/// Messages that changed after a `seq`, erased ones included: the reader has to forget them.
pub async fn changed_messages(
    tx: &TenantTx,
    of: &[Since],
    reader: Option<&UserId>,
    limit: i64,
) -> Result<Vec<MessageRow>> {
    Ok(prepared::<MessageColumns>(concat!(
        "SELECT ",
        message_columns!(),
        " FROM UNNEST(?, ?, ?) AS c (id, since, first) \
         CROSS JOIN (SELECT ?::uuid AS app, ?::text AS reader, ?::bigint AS most) v \
         CROSS JOIN LATERAL (SELECT * FROM messages m WHERE m.app_id = v.app AND m.channel_id = c.id \
             AND m.updated_seq > c.since AND m.updated_seq <> m.seq AND m.seq >= c.first \
             AND ",
        readable_by!("m", "v.reader"),
        " ORDER BY m.updated_seq LIMIT v.most) m \
         CROSS JOIN LATERAL (SELECT u.name, u.image FROM users u WHERE u.app_id = m.app_id AND u.id = m.user_id OFFSET 0) u \
         ORDER BY m.updated_seq"
    ))
    .bind::<Array<SqlUuid>, _>(ids(of))
    .bind::<Array<Int8>, _>(seqs(of))
    .bind::<Array<Int8>, _>(firsts(of))
    .bind::<SqlUuid, _>(tx.app())
    .bind::<Nullable<Text>, _>(reader.map(|reader| reader.as_str().to_owned()))
    .bind::<BigInt, _>(limit)
    .load(&mut tx.conn()?)
    .await?)
}

/// Members that changed after a `seq`, ended memberships included.
pub async fn members(tx: &TenantTx, of: &[Since], limit: i64) -> Result<Vec<MemberRow>> {
    Ok(prepared::<MemberColumns>(concat!(
        "SELECT ",
        member_columns!(),
        " FROM UNNEST(?, ?) AS c (id, since) CROSS JOIN (SELECT ?::uuid AS app, ?::bigint AS most) v \
         CROSS JOIN LATERAL (SELECT * FROM channel_members WHERE app_id = v.app AND channel_id = c.id \
             AND updated_seq > c.since AND updated_seq > 0 ORDER BY updated_seq LIMIT v.most) m \
         CROSS JOIN LATERAL (SELECT name, image, hides_reads, hides_deliveries FROM users \
             WHERE app_id = v.app AND id = m.user_id OFFSET 0) u \
         ORDER BY m.updated_seq"
    ))
    .bind::<Array<SqlUuid>, _>(ids(of))
    .bind::<Array<Int8>, _>(seqs(of))
    .bind::<SqlUuid, _>(tx.app())
    .bind::<BigInt, _>(limit)
    .load(&mut tx.conn()?)
    .await?)
}

/// Tasks that changed after a `seq`, deleted ones included: of messages that the reader may read, or to be forgotten.
pub async fn tasks(tx: &TenantTx, of: &[Since], reader: Option<&UserId>, limit: i64) -> Result<Vec<TaskRow>> {
    Ok(prepared::<TaskColumns>(concat!(
        "SELECT ",
        task_columns!(),
        " FROM UNNEST(?, ?, ?) AS c (id, since, first) \
         CROSS JOIN (SELECT ?::uuid AS app, ?::text AS reader, ?::bigint AS most) v \
         CROSS JOIN LATERAL (SELECT * FROM tasks WHERE app_id = v.app AND channel_id = c.id \
             AND updated_seq > c.since AND (deleted_at IS NOT NULL OR (SELECT m.seq >= c.first AND ",
        readable_by!("m", "v.reader"),
        " FROM messages m WHERE m.app_id = v.app AND m.id = tasks.message_id)) \
             ORDER BY updated_seq LIMIT v.most) k \
         ORDER BY k.updated_seq"
    ))
    .bind::<Array<SqlUuid>, _>(ids(of))
    .bind::<Array<Int8>, _>(seqs(of))
    .bind::<Array<Int8>, _>(firsts(of))
    .bind::<SqlUuid, _>(tx.app())
    .bind::<Nullable<Text>, _>(reader.map(|reader| reader.as_str().to_owned()))
    .bind::<BigInt, _>(limit)
    .load(&mut tx.conn()?)
    .await?)
}
