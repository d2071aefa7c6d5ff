//! The queries of removing messages.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bool, Int8, Nullable, Text, Timestamptz, Untyped, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use parlor_platform::Result;
use parlor_platform::db::{TenantTx, prepared};
use parlor_platform::schema::{channel_members, channels};
use parlor_protocol::{ChannelId, UserId};
use uuid::Uuid;

use crate::messages::store as messages;

/// Forgets what these messages said, and all that goes with it. `unlinked`: they are below what their channel shows, and
/// no longer say which thread they were in.
pub async fn erase(tx: &TenantTx, ids: &[Uuid], unlinked: bool, now: DateTime<Utc>) -> Result<()> {
    prepared::<Untyped>(
        "WITH v AS (SELECT ?::uuid AS app, ?::uuid[] AS ids), \
             gone_reactions AS (DELETE FROM reactions WHERE app_id = (SELECT app FROM v) \
                 AND message_id = ANY((SELECT ids FROM v)::uuid[])), \
             gone_votes AS (DELETE FROM poll_votes WHERE app_id = (SELECT app FROM v) \
                 AND message_id = ANY((SELECT ids FROM v)::uuid[])), \
             gone_pins AS (DELETE FROM pins WHERE app_id = (SELECT app FROM v) \
                 AND message_id = ANY((SELECT ids FROM v)::uuid[])), \
             gone_edits AS (DELETE FROM message_edits WHERE app_id = (SELECT app FROM v) \
                 AND message_id = ANY((SELECT ids FROM v)::uuid[])), \
             gone_aside AS (DELETE FROM deleted_messages WHERE app_id = (SELECT app FROM v) \
                 AND message_id = ANY((SELECT ids FROM v)::uuid[])), \
             gone_words AS (UPDATE message_search SET words = NULL WHERE app_id = (SELECT app FROM v) \
                 AND message_id = ANY((SELECT ids FROM v)::uuid[])) \
         UPDATE messages SET text = '', content_type = NULL, content = NULL, group_mentions = NULL, live_until = NULL, \
             attachments = NULL, mentions = NULL, custom = NULL, reactions = NULL, \
             pinned = NULL, poll = NULL, quoted = NULL, forwarded_from = NULL, deleted_at = ?, erased = true, \
             parent_id = CASE WHEN ? THEN NULL ELSE parent_id END, \
             reply_to_id = CASE WHEN ? THEN NULL ELSE reply_to_id END \
         WHERE app_id = (SELECT app FROM v) AND id = ANY((SELECT ids FROM v)::uuid[])",
    )
    .bind::<SqlUuid, _>(tx.app())
    .bind::<Array<SqlUuid>, _>(ids.to_vec())
    .bind::<Timestamptz, _>(now)
    .bind::<Bool, _>(unlinked)
    .bind::<Bool, _>(unlinked)
    .execute(&mut tx.conn()?)
    .await?;
    Ok(())
}

/// `seq` of the newest message up to a `seq` that is still there.
pub async fn newest(tx: &TenantTx, channel: ChannelId, after: i64, upto: i64) -> Result<Option<i64>> {
    Ok(prepared::<Nullable<Int8>>(
        "SELECT greatest( \
             (SELECT seq FROM messages WHERE app_id = v.app AND channel_id = v.channel AND in_timeline \
                 AND seq > v.after AND seq <= v.upto ORDER BY seq DESC LIMIT 1), \
             (SELECT seq FROM messages WHERE app_id = v.app AND channel_id = v.channel AND NOT in_timeline \
                 AND seq > v.after AND seq <= v.upto ORDER BY seq DESC LIMIT 1)) \
         FROM (SELECT ?::uuid AS app, ?::uuid AS channel, ?::bigint AS after, ?::bigint AS upto) v",
    )
    .bind::<SqlUuid, _>(tx.app())
    .bind::<SqlUuid, _>(channel.0)
    .bind::<BigInt, _>(after)
    .bind::<BigInt, _>(upto)
    .get_result(&mut tx.conn()?)
    .await?)
}

/// The same of messages sent before a time, with none among them that was sent later: where an import brought old messages
/// in after others, the first of those others ends it.
pub async fn newest_before(
    tx: &TenantTx,
    channel: ChannelId,
    after: i64,
    upto: i64,
    time: DateTime<Utc>,
) -> Result<Option<i64>> {
    let imported: i64 = channels::table
        .find((tx.app(), channel.0))
        .select(channels::imported_seq)
        .first(&mut tx.conn()?)
        .await?;
    let ordered_from = imported.clamp(after, upto);
    if let Some(later) = first_since(tx, channel, after, ordered_from, time).await? {
        return newest(tx, channel, after, later - 1).await;
    }
    match messages::newest_before(tx, channel, ordered_from, upto, time).await? {
        None => newest(tx, channel, after, ordered_from).await,
        found => Ok(found),
    }
}

/// The first message with a `seq` after `after`, up to `upto`, that was not sent before a time: looks at each of them.
async fn first_since(
    tx: &TenantTx,
    channel: ChannelId,
    after: i64,
    upto: i64,
    time: DateTime<Utc>,
) -> Result<Option<i64>> {
    if after >= upto {
        return Ok(None);
    }
    Ok(prepared::<Nullable<Int8>>(
        "SELECT min(f.seq) FROM (SELECT ?::uuid AS app, ?::uuid AS channel, ?::bigint AS after, ?::bigint AS upto, \
             ?::timestamptz AS time) v \
         CROSS JOIN LATERAL ( \
             (SELECT seq FROM messages WHERE app_id = v.app AND channel_id = v.channel AND in_timeline \
                 AND seq > v.after AND seq <= v.upto AND created_at >= v.time ORDER BY seq LIMIT 1) \
             UNION ALL \
             (SELECT seq FROM messages WHERE app_id = v.app AND channel_id = v.channel AND NOT in_timeline \
                 AND seq > v.after AND seq <= v.upto AND created_at >= v.time ORDER BY seq LIMIT 1)) f",
    )
    .bind::<SqlUuid, _>(tx.app())
    .bind::<SqlUuid, _>(channel.0)
    .bind::<BigInt, _>(after)
    .bind::<BigInt, _>(upto)
    .bind::<Timestamptz, _>(time)
    .get_result(&mut tx.conn()?)
    .await?)
}

/// From now on messages up to there are gone. The caller holds the channel's row. Its pins, of which there are few, go at
/// once.
pub async fn truncate(
    tx: &TenantTx,
    channel: ChannelId,
    (seq, ordinal): (i64, i64),
    sweep_at: DateTime<Utc>,
) -> Result<()> {
    diesel::update(channels::table.find((tx.app(), channel.0)))
        .set((
            channels::truncated_seq.eq(seq),
            channels::truncated_ordinal.eq(ordinal),
            channels::sweep_at.eq(sweep_at),
        ))
        .execute(&mut tx.conn()?)
        .await?;
    prepared::<Untyped>(
        "DELETE FROM pins WHERE app_id = ? AND channel_id = ? AND (SELECT m.seq FROM messages m \
             WHERE m.app_id = pins.app_id AND m.id = pins.message_id) <= ?",
    )
    .bind::<SqlUuid, _>(tx.app())
    .bind::<SqlUuid, _>(channel.0)
    .bind::<BigInt, _>(seq)
    .execute(&mut tx.conn()?)
    .await?;
    Ok(())
}

/// A row to remove.
#[derive(Queryable)]
pub struct Doomed {
    pub id: Uuid,
    pub seq: i64,
    pub created_at: DateTime<Utc>,
    /// Whether it was done before.
    pub erased: bool,
}

/// Rows of a channel from a `seq` downwards, the newest first.
pub async fn doomed(tx: &TenantTx, channel: ChannelId, from: i64, limit: i64) -> Result<Vec<Doomed>> {
    Ok(prepared::<(SqlUuid, Int8, Timestamptz, Bool)>(
        "SELECT m.id, m.seq, m.created_at, m.done \
         FROM (SELECT ?::uuid AS app, ?::uuid AS channel, ?::bigint AS upto, ?::bigint AS most) v \
         CROSS JOIN LATERAL ( \
             (SELECT id, seq, created_at, erased AND parent_id IS NULL AND reply_to_id IS NULL AS done FROM messages \
                 WHERE app_id = v.app AND channel_id = v.channel AND in_timeline AND seq <= v.upto ORDER BY seq DESC LIMIT v.most) \
             UNION ALL \
             (SELECT id, seq, created_at, erased AND parent_id IS NULL AND reply_to_id IS NULL AS done FROM messages \
                 WHERE app_id = v.app AND channel_id = v.channel AND NOT in_timeline AND seq <= v.upto ORDER BY seq DESC LIMIT v.most)) m \
         ORDER BY m.seq DESC LIMIT ?",
    )
    .bind::<SqlUuid, _>(tx.app())
    .bind::<SqlUuid, _>(channel.0)
    .bind::<BigInt, _>(from)
    .bind::<BigInt, _>(limit)
    .bind::<BigInt, _>(limit)
    .load(&mut tx.conn()?)
    .await?)
}

/// Removes rows, but those that others refer to.
pub async fn remove(tx: &TenantTx, ids: &[Uuid]) -> Result<usize> {
    Ok(prepared::<Untyped>(
        "DELETE FROM messages m WHERE m.app_id = ? AND m.id = ANY(?) \
             AND NOT EXISTS (SELECT FROM messages r WHERE r.app_id = m.app_id AND r.parent_id = m.id) \
             AND NOT EXISTS (SELECT FROM messages q WHERE q.app_id = m.app_id AND q.reply_to_id = m.id) \
             AND NOT EXISTS (SELECT FROM reminders r WHERE r.app_id = m.app_id AND r.message_id = m.id) \
             AND NOT EXISTS (SELECT FROM tasks t WHERE t.app_id = m.app_id AND t.message_id = m.id)",
    )
    .bind::<SqlUuid, _>(tx.app())
    .bind::<Array<SqlUuid>, _>(ids.to_vec())
    .execute(&mut tx.conn()?)
    .await?)
}

/// Members of a channel, past ones included, by id.
pub async fn members(
    tx: &TenantTx,
    channel: ChannelId,
    after: Option<&UserId>,
    limit: i64,
) -> Result<Vec<String>> {
    Ok(channel_members::table
        .filter(channel_members::app_id.eq(tx.app()).and(channel_members::channel_id.eq(channel.0)))
        .filter(channel_members::user_id.gt(after.map_or("", UserId::as_str)))
        .order(channel_members::user_id)
        .limit(limit)
        .select(channel_members::user_id)
        .load(&mut tx.conn()?)
        .await?)
}

/// Ends the flags of unread messages up to a `seq` that these users have. The caller holds the channel's lock of flags.
pub async fn end_flags(tx: &TenantTx, channel: ChannelId, upto: i64, users: &[String]) -> Result<()> {
    prepared::<Untyped>(
        "MERGE INTO user_messages f USING (SELECT ? AS app, ? AS channel, ? AS upto, u.id FROM UNNEST(?) AS u (id)) u \
             ON f.app_id = u.app AND f.user_id = u.id AND f.channel_id = u.channel AND f.flags & 1 = 0 \
                 AND f.seq <= u.upto \
         WHEN MATCHED THEN DELETE WHEN NOT MATCHED AND false THEN INSERT DEFAULT VALUES",
    )
    .bind::<SqlUuid, _>(tx.app())
    .bind::<SqlUuid, _>(channel.0)
    .bind::<BigInt, _>(upto)
    .bind::<Array<Text>, _>(users.to_vec())
    .execute(&mut tx.conn()?)
    .await?;
    Ok(())
}

/// Notes when to look again at a channel whose rows were removed up to a `seq`, unless it was truncated further since.
pub async fn swept(tx: &TenantTx, channel: ChannelId, upto: i64, again: Option<DateTime<Utc>>) -> Result<()> {
    diesel::update(channels::table.find((tx.app(), channel.0)))
        .filter(channels::truncated_seq.eq(upto))
        .set(channels::sweep_at.eq(again))
        .execute(&mut tx.conn()?)
        .await?;
    Ok(())
}

/// Takes channels whose time has come, and puts them off; each with up to where its rows are to be removed. What others
/// hold is theirs.
pub async fn unswept(
    tx: &TenantTx,
    now: DateTime<Utc>,
    put_off: DateTime<Utc>,
    limit: i64,
) -> Result<Vec<(Uuid, i64)>> {
    Ok(prepared::<(SqlUuid, Int8)>(
        "UPDATE channels SET sweep_at = ? WHERE app_id = ? AND id IN (SELECT id FROM channels \
             WHERE app_id = ? AND sweep_at IS NOT NULL AND sweep_at <= ? ORDER BY sweep_at, id LIMIT ? \
             FOR NO KEY UPDATE SKIP LOCKED) \
         RETURNING id, truncated_seq",
    )
    .bind::<Timestamptz, _>(put_off)
    .bind::<SqlUuid, _>(tx.app())
    .bind::<SqlUuid, _>(tx.app())
    .bind::<Timestamptz, _>(now)
    .bind::<BigInt, _>(limit)
    .load(&mut tx.conn()?)
    .await?)
}

/// A channel, and when its oldest message was sent.
#[derive(Queryable)]
pub struct Oldest {
    pub id: Uuid,
    pub kind: String,
    pub config: serde_json::Value,
    pub oldest: Option<DateTime<Utc>>,
}

/// Channels by id after one: of all, or of those that say themselves how long they keep messages, as their index does.
macro_rules! oldest_sql {
    ($which:literal) => {
        concat!(
            "SELECT c.id, c.type, c.config, least(t.created_at, a.created_at) \
             FROM (SELECT app_id, id, type, config, truncated_seq FROM channels WHERE app_id = ? AND id > ? \
                 AND deleted_at IS NULL ",
            $which,
            " ORDER BY id LIMIT ?) c \
             LEFT JOIN LATERAL (SELECT created_at FROM messages WHERE app_id = c.app_id AND channel_id = c.id \
                 AND in_timeline AND seq > c.truncated_seq ORDER BY seq LIMIT 1) t ON true \
             LEFT JOIN LATERAL (SELECT created_at FROM messages WHERE app_id = c.app_id AND channel_id = c.id \
                 AND NOT in_timeline AND seq > c.truncated_seq ORDER BY seq LIMIT 1) a ON true \
             ORDER BY c.id"
        )
    };
}

/// A page of channels with their oldest messages.
pub async fn oldest(tx: &TenantTx, all: bool, after: Uuid, limit: i64) -> Result<Vec<Oldest>> {
    let own = oldest_sql!("AND config ->> 'retention_days' IS NOT NULL");
    Ok(prepared::<(SqlUuid, Text, diesel::sql_types::Jsonb, Nullable<Timestamptz>)>(if all {
        oldest_sql!("")
    } else {
        own
    })
    .bind::<SqlUuid, _>(tx.app())
    .bind::<SqlUuid, _>(after)
    .bind::<BigInt, _>(limit)
    .load(&mut tx.conn()?)
    .await?)
}
