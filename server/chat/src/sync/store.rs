//! The queries of syncs that are about a user's channels as a whole.

use std::cmp::Reverse;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Int8, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use parlor_platform::Result;
use parlor_platform::db::{TenantTx, prepared};
use parlor_platform::schema::{channels, users};
use parlor_protocol::limits::SYNC_BEHIND;
use parlor_protocol::{ErrorCode, UserId};
use uuid::Uuid;

/// The user's own `seq`, and when the profile last changed.
pub async fn standing(tx: &TenantTx, user: &UserId) -> Result<(i64, DateTime<Utc>)> {
    let row = users::table
        .find((tx.app(), user.as_str()))
        .select((users::seq, users::updated_at))
        .first(&mut tx.conn()?)
        .await
        .optional()?;
    row.ok_or_else(|| ErrorCode::UserNotFound.into())
}

/// A channel that the user is in.
#[derive(Clone, Debug, Queryable)]
pub struct Membership {
    pub channel: Uuid,
    /// The channel's `seq`.
    pub seq: i64,
    /// When its newest message was sent, or else it was created.
    pub active_at: DateTime<Utc>,
    /// The user's own `seq` of the membership's last change.
    pub user_seq: i64,
    /// The first `seq` whose message the user may read.
    pub history_from_seq: i64,
}

/// All channels that the user is in, the most recently active first.
pub async fn memberships(tx: &TenantTx, user: &UserId) -> Result<Vec<Membership>> {
    let mut rows: Vec<Membership> = prepared::<(SqlUuid, Int8, Timestamptz, Int8, Int8)>(
        "SELECT c.id, c.seq, coalesce(c.last_message_at, c.created_at), m.user_seq, \
                 greatest(m.history_from_seq, c.truncated_seq + 1) FROM channel_members m \
             CROSS JOIN LATERAL (SELECT id, seq, last_message_at, created_at, truncated_seq FROM channels \
                 WHERE app_id = m.app_id AND id = m.channel_id AND deleted_at IS NULL OFFSET 0) c \
             WHERE m.app_id = ? AND m.user_id = ? AND m.removed_at IS NULL",
    )
    .bind::<SqlUuid, _>(tx.app())
    .bind::<Text, _>(user.as_str())
    .load(&mut tx.conn()?)
    .await?;
    rows.sort_by_key(|channel| Reverse((channel.active_at, channel.channel)));
    Ok(rows)
}

/// Of these channels those that everybody may read, as one in which the user did nothing.
pub async fn open_to_all(tx: &TenantTx, ids: &[Uuid]) -> Result<Vec<Membership>> {
    let rows = channels::table
        .filter(channels::app_id.eq(tx.app()).and(channels::id.eq_any(ids)))
        .filter(channels::kind.eq("livestream").and(channels::deleted_at.is_null()))
        .select((
            channels::id,
            channels::seq,
            channels::last_message_at,
            channels::created_at,
            channels::truncated_seq,
        ))
        .load::<(Uuid, i64, Option<DateTime<Utc>>, DateTime<Utc>, i64)>(&mut tx.conn()?)
        .await?;
    let membership = |(channel, seq, active, created, truncated_seq)| Membership {
        channel,
        seq,
        active_at: Option::unwrap_or(active, created),
        user_seq: 0,
        history_from_seq: truncated_seq + 1,
    };
    Ok(rows.into_iter().map(membership).collect())
}

/// For each channel that the user was in at a time, the `seq` of its newest message from before; `None` where that is
/// further back than a sync goes, or among imported ones, whose times do not say when the device could have had them.
pub async fn seqs_at(
    tx: &TenantTx,
    user: &UserId,
    time: DateTime<Utc>,
    limit: i64,
) -> Result<Vec<(Uuid, Option<i64>)>> {
    Ok(prepared::<(SqlUuid, Nullable<Int8>)>(
        "SELECT c.id, CASE WHEN s.seq > c.imported_seq THEN s.seq END FROM (SELECT ?::uuid AS app, ?::text AS reader, ?::timestamptz AS time, ?::bigint AS most) v \
         CROSS JOIN LATERAL (SELECT channel_id FROM channel_members WHERE app_id = v.app AND user_id = v.reader \
             AND removed_at IS NULL AND joined_at < v.time OFFSET 0) m \
         CROSS JOIN LATERAL (SELECT id, imported_seq, coalesce(last_message_at, created_at) AS active_at FROM channels \
             WHERE app_id = v.app AND id = m.channel_id AND deleted_at IS NULL OFFSET 0) c \
         LEFT JOIN LATERAL (SELECT n.seq FROM (SELECT seq, created_at FROM messages WHERE app_id = v.app \
                 AND channel_id = m.channel_id AND in_timeline ORDER BY seq DESC LIMIT v.most) n \
             WHERE n.created_at < v.time ORDER BY n.seq DESC LIMIT 1) s ON true \
         ORDER BY c.active_at DESC, c.id DESC LIMIT ?",
    )
    .bind::<SqlUuid, _>(tx.app())
    .bind::<Text, _>(user.as_str())
    .bind::<Timestamptz, _>(time)
    .bind::<BigInt, _>(SYNC_BEHIND + 1)
    .bind::<BigInt, _>(limit)
    .load(&mut tx.conn()?)
    .await?)
}
