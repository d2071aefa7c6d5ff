//! The queries of receipts. Nothing here scans messages.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{
    Array, BigInt, Bool, Int4, Int8, Jsonb, Nullable, Text, Timestamptz, Untyped, Uuid as SqlUuid,
};
use diesel_async::RunQueryDsl;
use parlor_platform::Result;
use parlor_platform::db::{TenantTx, prepared};
use parlor_protocol::receipt::DeliveredIn;
use parlor_protocol::{Message, UserId, UserRef};
use uuid::Uuid;

use crate::users::store::user_id;

/// One who has read or got a message.
#[derive(Queryable)]
pub struct ReceiptRow {
    pub user_id: String,
    name: Option<String>,
    image: Option<String>,
    /// When their pointer last moved.
    pub at: DateTime<Utc>,
}

impl ReceiptRow {
    /// Who.
    pub fn user(self) -> Result<UserRef> {
        Ok(UserRef { id: user_id(self.user_id)?, name: self.name, image: self.image })
    }
}

/// Where a list goes on: before this time, this user.
pub type Position = (DateTime<Utc>, String);

type ReceiptColumns = (Text, Nullable<Text>, Nullable<Text>, Timestamptz);

/// Members whose pointer is at or past a message that they may read, by when it last moved. Who came after it and has not
/// read since has read nothing. Of a reply beside the timeline the pointer in its thread says it.
macro_rules! receipts_sql {
    ($pointer:literal, $hidden:literal) => {
        concat!(
            "SELECT u.id, u.name, u.image, p.at \
             FROM (SELECT ?::uuid AS app, ?::uuid AS channel, ?::uuid AS thread, ?::bigint AS seq, ?::text AS author, \
                 ?::text[] AS named) v \
             CROSS JOIN LATERAL (SELECT * FROM channel_members WHERE app_id = v.app AND channel_id = v.channel \
                 AND removed_at IS NULL AND history_from_seq <= v.seq AND user_id <> v.author \
                 AND (v.named IS NULL OR parlor_may_read(v.app, v.channel, v.author, v.named, user_id)) OFFSET 0) m \
             CROSS JOIN LATERAL (",
            $pointer,
            ") p CROSS JOIN LATERAL (SELECT id, name, image FROM users WHERE app_id = v.app AND id = m.user_id AND NOT ",
            $hidden,
            " OFFSET 0) u \
             WHERE p.seq >= v.seq AND p.at IS NOT NULL AND coalesce((p.at, u.id) < (?, ?), true) \
             ORDER BY p.at DESC, u.id DESC LIMIT ?"
        )
    };
}

const IN_CHANNEL: &str = receipts_sql!("SELECT m.read_seq AS seq, m.read_at AS at", "hides_reads");
const IN_THREAD: &str = receipts_sql!(
    "SELECT read_seq AS seq, read_at AS at FROM thread_members WHERE app_id = v.app AND root_id = v.thread \
         AND user_id = m.user_id OFFSET 0",
    "hides_reads"
);
// What was read has arrived.
const ARRIVED: &str = receipts_sql!(
    "SELECT CASE WHEN m.delivered_seq >= v.seq THEN m.delivered_seq ELSE m.read_seq END AS seq, \
         CASE WHEN m.delivered_seq >= v.seq THEN m.delivered_at ELSE m.read_at END AS at",
    "hides_deliveries"
);

/// Who has read a message, but for its author.
pub async fn readers(
    tx: &TenantTx,
    message: &Message,
    before: Option<Position>,
    limit: i64,
) -> Result<Vec<ReceiptRow>> {
    let aside = message.parent_id.is_some() && !message.show_in_channel;
    page(tx, if aside { IN_THREAD } else { IN_CHANNEL }, message, before, limit).await
}

/// Who has got a message, but for its author.
pub async fn recipients(
    tx: &TenantTx,
    message: &Message,
    before: Option<Position>,
    limit: i64,
) -> Result<Vec<ReceiptRow>> {
    page(tx, ARRIVED, message, before, limit).await
}

async fn page(
    tx: &TenantTx,
    sql: &'static str,
    message: &Message,
    before: Option<Position>,
    limit: i64,
) -> Result<Vec<ReceiptRow>> {
    let (time, user) = before.unzip();
    let named = message.visible_to.as_ref();
    let named = named.map(|named| named.iter().map(UserId::as_str).collect::<Vec<_>>());
    Ok(prepared::<ReceiptColumns>(sql)
        .bind::<SqlUuid, _>(tx.app())
        .bind::<SqlUuid, _>(message.channel_id.0)
        .bind::<Nullable<SqlUuid>, _>(message.parent_id.map(|id| id.0))
        .bind::<BigInt, _>(message.seq)
        .bind::<Text, _>(message.user.id.as_str())
        .bind::<Nullable<Array<Text>>, _>(named)
        .bind::<Nullable<Timestamptz>, _>(time)
        .bind::<Nullable<Text>, _>(user)
        .bind::<BigInt, _>(limit)
        .load(&mut tx.conn()?)
        .await?)
}

/// A member's pointer in a channel, and where it is to be.
#[derive(Queryable)]
pub struct Place {
    pub channel: Uuid,
    pub delivered_seq: i64,
    pub delivered_at: Option<DateTime<Utc>>,
    pub target: i64,
    pub kind: String,
    pub config: serde_json::Value,
    pub members: i32,
    /// Whether the user wants nobody to know.
    pub hidden: bool,
}

/// The pointers of a member in these channels, without those whose message is not there for them.
pub async fn places(tx: &TenantTx, user: &UserId, wanted: &[DeliveredIn]) -> Result<Vec<Place>> {
    Ok(prepared::<(SqlUuid, Int8, Nullable<Timestamptz>, Int8, Text, Jsonb, Int4, Bool)>(
        "SELECT c.id, m.delivered_seq, m.delivered_at, coalesce(x.seq, c.seq), c.type, c.config, c.member_count, \
             u.hides_deliveries \
         FROM (SELECT ?::uuid AS app, ?::text AS reader) v CROSS JOIN UNNEST(?, ?) AS w (channel, message) \
         CROSS JOIN LATERAL (SELECT * FROM channels WHERE app_id = v.app AND id = w.channel \
             AND deleted_at IS NULL OFFSET 0) c \
         CROSS JOIN LATERAL (SELECT delivered_seq, delivered_at, history_from_seq FROM channel_members \
             WHERE app_id = v.app AND channel_id = w.channel AND user_id = v.reader AND removed_at IS NULL OFFSET 0) m \
         CROSS JOIN LATERAL (SELECT hides_deliveries FROM users WHERE app_id = v.app AND id = v.reader OFFSET 0) u \
         LEFT JOIN LATERAL (SELECT seq FROM messages WHERE app_id = v.app AND id = w.message AND channel_id = w.channel \
             AND seq > c.truncated_seq AND seq >= m.history_from_seq OFFSET 0) x ON true \
         WHERE w.message IS NULL OR x.seq IS NOT NULL \
         ORDER BY c.id",
    )
    .bind::<SqlUuid, _>(tx.app())
    .bind::<Text, _>(user.as_str())
    .bind::<Array<SqlUuid>, _>(wanted.iter().map(|one| one.channel_id.0).collect::<Vec<_>>())
    .bind::<Array<Nullable<SqlUuid>>, _>(
        wanted.iter().map(|one| one.message_id.map(|id| id.0)).collect::<Vec<_>>(),
    )
    .load(&mut tx.conn()?)
    .await?)
}

/// Moves pointers, in the order of the channels; never back.
pub async fn set(tx: &TenantTx, user: &UserId, moved: &[&Place], now: DateTime<Utc>) -> Result<()> {
    prepared::<Untyped>(
        "MERGE INTO channel_members m USING (SELECT ? AS now, ? AS app, ? AS reader, v.* \
             FROM UNNEST(?, ?) AS v (channel, seq)) v \
         ON m.app_id = v.app AND m.channel_id = v.channel AND m.user_id = v.reader \
         WHEN MATCHED AND m.delivered_seq < v.seq THEN UPDATE SET delivered_seq = v.seq, delivered_at = v.now \
         WHEN NOT MATCHED AND false THEN INSERT DEFAULT VALUES",
    )
    .bind::<Timestamptz, _>(now)
    .bind::<SqlUuid, _>(tx.app())
    .bind::<Text, _>(user.as_str())
    .bind::<Array<SqlUuid>, _>(moved.iter().map(|place| place.channel).collect::<Vec<_>>())
    .bind::<Array<Int8>, _>(moved.iter().map(|place| place.target).collect::<Vec<_>>())
    .execute(&mut tx.conn()?)
    .await?;
    Ok(())
}
