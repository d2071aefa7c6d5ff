//! The queries of pins.

use chrono::{DateTime, Utc};
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bool, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use parlor_platform::Result;
use parlor_platform::db::{SystemTx, TenantTx, prepared};
use parlor_platform::schema::pins;
use parlor_protocol::{AppId, ChannelId, MessageId, Pin, UserId};
use uuid::Uuid;

use crate::messages::store::{MessageColumns, MessageRow, message_columns, readable_by};

/// How many messages of a channel are pinned.
pub async fn count(tx: &TenantTx, channel: ChannelId, now: DateTime<Utc>) -> Result<i64> {
    Ok(pins::table
        .filter(pins::app_id.eq(tx.app()).and(pins::channel_id.eq(channel.0)))
        .filter(pins::expires_at.is_null().or(pins::expires_at.gt(now)))
        .count()
        .get_result(&mut tx.conn()?)
        .await?)
}

/// Pins a message, in place of a pin that it has.
pub async fn put(tx: &TenantTx, channel: ChannelId, message: MessageId, pin: &Pin) -> Result<()> {
    let times = (pins::created_at.eq(pin.at), pins::expires_at.eq(pin.expires_at));
    let place = (pins::app_id.eq(tx.app()), pins::message_id.eq(message.0), pins::channel_id.eq(channel.0));
    diesel::insert_into(pins::table)
        .values((place, times))
        .on_conflict((pins::app_id, pins::message_id))
        .do_update()
        .set(times)
        .execute(&mut tx.conn()?)
        .await?;
    Ok(())
}

/// Unpins a message.
pub async fn remove(tx: &TenantTx, message: MessageId) -> Result<()> {
    diesel::delete(pins::table.find((tx.app(), message.0))).execute(&mut tx.conn()?).await?;
    Ok(())
}

/// Where a list of pins goes on: before this time, this message.
pub type Position = (DateTime<Utc>, Uuid);

/// A page of a channel's pins, the newest first, without those of messages from before the reader's history.
pub async fn page(
    tx: &TenantTx,
    channel: ChannelId,
    history_from_seq: i64,
    before: Option<Position>,
    limit: i64,
    now: DateTime<Utc>,
) -> Result<Vec<Position>> {
    let mut query = pins::table
        .select((pins::created_at, pins::message_id))
        .filter(pins::app_id.eq(tx.app()).and(pins::channel_id.eq(channel.0)))
        .filter(pins::expires_at.is_null().or(pins::expires_at.gt(now)))
        .order((pins::created_at.desc(), pins::message_id.desc()))
        .limit(limit)
        .into_boxed();
    if history_from_seq > 1 {
        let is_read = sql::<Bool>(
            "(SELECT m.seq FROM messages m WHERE m.app_id = pins.app_id AND m.id = pins.message_id) >= ",
        );
        query = query.filter(is_read.bind::<BigInt, _>(history_from_seq));
    }
    if let Some((time, message)) = before {
        let same_time = pins::created_at.eq(time).and(pins::message_id.lt(message));
        query = query.filter(pins::created_at.lt(time).or(same_time));
    }
    Ok(query.load(&mut tx.conn()?).await?)
}

/// The `most` messages of each channel that were pinned last, the newest pin first, without those of messages from before
/// the reader's history.
pub async fn last_of_each(
    tx: &TenantTx,
    channels: &[Uuid],
    reader: Option<&UserId>,
    most: i64,
    now: DateTime<Utc>,
) -> Result<Vec<MessageRow>> {
    Ok(prepared::<MessageColumns>(concat!(
        "SELECT ",
        message_columns!(),
        " FROM UNNEST(?) AS c (id) \
         CROSS JOIN (SELECT ?::uuid AS app, ?::text AS reader, ?::bigint AS most, ?::timestamptz AS now) v \
         CROSS JOIN LATERAL (SELECT greatest(max(h.history_from_seq), (SELECT t.truncated_seq + 1 FROM channels t \
                 WHERE t.app_id = v.app AND t.id = c.id)) AS first FROM channel_members h \
             WHERE h.app_id = v.app AND h.channel_id = c.id AND h.user_id = v.reader AND h.removed_at IS NULL) h \
         CROSS JOIN LATERAL (SELECT p.message_id, p.created_at FROM pins p \
             CROSS JOIN LATERAL (SELECT FROM messages x WHERE x.app_id = p.app_id AND x.id = p.message_id \
                 AND x.seq >= h.first AND NOT x.erased \
                 AND ",
        readable_by!("x", "v.reader"),
        " OFFSET 0) x \
             WHERE p.app_id = v.app AND p.channel_id = c.id AND (p.expires_at IS NULL OR p.expires_at > v.now) \
             ORDER BY p.created_at DESC, p.message_id DESC LIMIT v.most) p \
         CROSS JOIN LATERAL (SELECT * FROM messages WHERE app_id = v.app AND id = p.message_id OFFSET 0) m \
         CROSS JOIN LATERAL (SELECT u.name, u.image FROM users u WHERE u.app_id = m.app_id AND u.id = m.user_id OFFSET 0) u \
         ORDER BY p.created_at DESC, p.message_id DESC"
    ))
    .bind::<Array<SqlUuid>, _>(channels.to_vec())
    .bind::<SqlUuid, _>(tx.app())
    .bind::<Nullable<Text>, _>(reader.map(|reader| reader.as_str().to_owned()))
    .bind::<BigInt, _>(most)
    .bind::<Timestamptz, _>(now)
    .load(&mut tx.conn()?)
    .await?)
}

/// Pins of all apps whose time has come, the longest ago first.
pub async fn due(
    tx: &SystemTx,
    now: DateTime<Utc>,
    limit: i64,
) -> Result<Vec<(AppId, ChannelId, MessageId)>> {
    let rows = pins::table
        .filter(pins::expires_at.le(now))
        .order(pins::expires_at)
        .limit(limit)
        .select((pins::app_id, pins::channel_id, pins::message_id))
        .load::<(Uuid, Uuid, Uuid)>(&mut tx.conn()?)
        .await?;
    Ok(rows
        .into_iter()
        .map(|(app, channel, message)| (AppId(app), ChannelId(channel), MessageId(message)))
        .collect())
}
