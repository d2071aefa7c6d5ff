//! The queries of stars: bit 2 of the flags that a user has on a message.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Bool, Int8, Text, Untyped, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use parlor_platform::Result;
use parlor_platform::db::{TenantTx, prepared};
use parlor_platform::schema::stars;
use parlor_protocol::sync::Star;
use parlor_protocol::{Message, UserId};
use uuid::Uuid;

/// Stars a message for a member. `false`: it was starred. A row that is new is read as far as the member has read.
pub async fn set(tx: &TenantTx, user: &UserId, message: &Message) -> Result<bool> {
    let rows = prepared::<Untyped>(
        "INSERT INTO user_messages (app_id, user_id, message_id, channel_id, seq, flags) \
         SELECT m.app_id, m.user_id, v.id, m.channel_id, v.seq, \
             4 + CASE WHEN m.read_seq >= v.seq OR v.own THEN 1 ELSE 0 END \
         FROM (SELECT ?::uuid AS id, ?::bigint AS seq, ?::boolean AS own) v \
         CROSS JOIN LATERAL (SELECT * FROM channel_members WHERE app_id = ? AND channel_id = ? AND user_id = ? \
             AND removed_at IS NULL OFFSET 0) m \
         ON CONFLICT (app_id, user_id, message_id) DO UPDATE SET flags = user_messages.flags | 4 \
             WHERE user_messages.flags & 4 = 0",
    )
    .bind::<SqlUuid, _>(message.id.0)
    .bind::<Int8, _>(message.seq)
    .bind::<Bool, _>(message.user.id == *user)
    .bind::<SqlUuid, _>(tx.app())
    .bind::<SqlUuid, _>(message.channel_id.0)
    .bind::<Text, _>(user.as_str())
    .execute(&mut tx.conn()?)
    .await?;
    Ok(rows == 1)
}

/// Notes a star, or its end, for the user's other devices.
pub async fn note(
    tx: &TenantTx,
    user: &UserId,
    message: &Message,
    starred: bool,
    user_seq: i64,
    now: DateTime<Utc>,
) -> Result<()> {
    let changes = (stars::starred.eq(starred), stars::user_seq.eq(user_seq), stars::updated_at.eq(now));
    diesel::insert_into(stars::table)
        .values((
            stars::app_id.eq(tx.app()),
            stars::user_id.eq(user.as_str()),
            stars::message_id.eq(message.id.0),
            stars::channel_id.eq(message.channel_id.0),
            changes,
        ))
        .on_conflict((stars::app_id, stars::user_id, stars::message_id))
        .do_update()
        .set(changes)
        .execute(&mut tx.conn()?)
        .await?;
    Ok(())
}

/// A user's stars that changed after a `seq`, with that, ended ones included.
pub async fn changed_since(tx: &TenantTx, user: &UserId, since: i64, limit: i64) -> Result<Vec<(i64, Star)>> {
    let rows = stars::table
        .filter(stars::app_id.eq(tx.app()).and(stars::user_id.eq(user.as_str())))
        .filter(stars::user_seq.gt(since))
        .order(stars::user_seq)
        .limit(limit)
        .select((stars::user_seq, stars::message_id, stars::channel_id, stars::starred))
        .load::<(i64, Uuid, Uuid, bool)>(&mut tx.conn()?)
        .await?;
    let star = |(seq, message, channel, starred): (i64, Uuid, Uuid, bool)| {
        (seq, Star { message_id: message.into(), channel_id: channel.into(), starred })
    };
    Ok(rows.into_iter().map(star).collect())
}

/// Ends a star. `false`: there was none.
pub async fn end(tx: &TenantTx, user: &UserId, message: &Message) -> Result<bool> {
    let rows = prepared::<Untyped>(
        "UPDATE user_messages SET flags = flags & ~4 \
         WHERE app_id = ? AND user_id = ? AND message_id = ? AND flags & 4 <> 0",
    )
    .bind::<SqlUuid, _>(tx.app())
    .bind::<Text, _>(user.as_str())
    .bind::<SqlUuid, _>(message.id.0)
    .execute(&mut tx.conn()?)
    .await?;
    Ok(rows == 1)
}

/// What is read and unmarked has no row.
pub async fn forget_if_read(tx: &TenantTx, user: &UserId, message: &Message) -> Result<()> {
    prepared::<Untyped>(
        "DELETE FROM user_messages x WHERE x.app_id = ? AND x.user_id = ? AND x.message_id = ? AND x.flags & 6 = 0 \
         AND (x.flags & 1 = 1 OR x.seq <= (SELECT m.read_seq FROM channel_members m WHERE m.app_id = x.app_id \
             AND m.channel_id = x.channel_id AND m.user_id = x.user_id))",
    )
    .bind::<SqlUuid, _>(tx.app())
    .bind::<Text, _>(user.as_str())
    .bind::<SqlUuid, _>(message.id.0)
    .execute(&mut tx.conn()?)
    .await?;
    Ok(())
}
