//! What is written of members.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Array, Bool, Int8, Nullable, Text, Timestamptz, Untyped, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use parlor_platform::Result;
use parlor_platform::db::{TenantTx, prepared};
use parlor_platform::schema::channel_members;
use parlor_protocol::member::{NewMember, ReadState};
use parlor_protocol::{ChannelId, Role, UserId};

use crate::channels::store::ChannelRow;

/// What newcomers may read of the time before them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Past {
    /// All of it, unless the channel hides it from newcomers.
    Shown,
    /// Nothing.
    Hidden,
    /// What they might when they were members before: who comes back by themselves does not get more.
    AsBefore,
}

impl Past {
    /// As whoever adds them says.
    pub fn of(hide_history: bool) -> Self {
        if hide_history { Self::Hidden } else { Self::Shown }
    }
}

/// One who becomes a member: they have read everything up to the change that lets them in.
pub struct Join<'a> {
    member: &'a NewMember,
    seq: i64,
    ordinal: i64,
    past: Past,
}

impl<'a> Join<'a> {
    /// With the change that leaves the channel like this.
    pub fn at(member: &'a NewMember, channel: &ChannelRow, past: Past) -> Self {
        Self { member, seq: channel.seq, ordinal: channel.ordinal, past }
    }

    /// With the creation of a channel, its first change.
    pub fn first(member: &'a NewMember) -> Self {
        Self { member, seq: 1, ordinal: 0, past: Past::Shown }
    }
}

/// Adds members; renews ended memberships, which begin anew. The caller must hold the channel's row and leave out who is a
/// member.
pub async fn insert(tx: &TenantTx, channel: ChannelId, joins: &[Join<'_>], now: DateTime<Utc>) -> Result<()> {
    if joins.is_empty() {
        return Ok(());
    }
    let ids: Vec<&str> = joins.iter().map(|join| join.member.user_id.as_str()).collect();
    step_user_seq(tx, &ids).await?;
    prepared::<Untyped>(
        "INSERT INTO channel_members (app_id, channel_id, user_id, role, read_seq, read_ordinal, joined_at, updated_seq, \
             user_seq, history_from_seq, history_ordinal) \
         SELECT v.app, v.channel, r.id, r.role, r.seq, r.ordinal, v.now, r.seq, u.seq, \
             CASE WHEN r.hides THEN r.seq + 1 ELSE coalesce(b.history_from_seq, 0) END, \
             CASE WHEN r.hides THEN r.ordinal ELSE coalesce(b.history_ordinal, 0) END \
         FROM (SELECT ? AS app, ? AS channel, ? AS now) v, UNNEST(?, ?, ?, ?, ?, ?) AS r (id, role, seq, ordinal, hides, back) \
         CROSS JOIN LATERAL (SELECT users.seq FROM users WHERE app_id = v.app AND users.id = r.id OFFSET 0) u \
         LEFT JOIN LATERAL (SELECT history_from_seq, history_ordinal FROM channel_members WHERE app_id = v.app \
             AND channel_id = v.channel AND user_id = r.id AND r.back OFFSET 0) b ON true \
         ON CONFLICT (app_id, channel_id, user_id) DO UPDATE SET role = excluded.role, read_seq = excluded.read_seq, \
             read_ordinal = excluded.read_ordinal, read_at = NULL, last_read_message_id = NULL, \
             joined_at = excluded.joined_at, removed_at = NULL, updated_seq = excluded.updated_seq, \
             user_seq = excluded.user_seq, history_from_seq = excluded.history_from_seq, \
             history_ordinal = excluded.history_ordinal, pinned_at = NULL, archived_at = NULL, muted_at = NULL, \
             muted_until = NULL, hidden_ordinal = NULL, notifications = 'all', delivered_seq = 0, delivered_at = NULL",
    )
    .bind::<SqlUuid, _>(tx.app())
    .bind::<SqlUuid, _>(channel.0)
    .bind::<Timestamptz, _>(now)
    .bind::<Array<Text>, _>(ids)
    .bind::<Array<Text>, _>(joins.iter().map(|join| join.member.role.as_str()).collect::<Vec<_>>())
    .bind::<Array<Int8>, _>(joins.iter().map(|join| join.seq).collect::<Vec<_>>())
    .bind::<Array<Int8>, _>(joins.iter().map(|join| join.ordinal).collect::<Vec<_>>())
    .bind::<Array<Bool>, _>(joins.iter().map(|join| join.past == Past::Hidden).collect::<Vec<_>>())
    .bind::<Array<Bool>, _>(joins.iter().map(|join| join.past == Past::AsBefore).collect::<Vec<_>>())
    .execute(&mut tx.conn()?)
    .await?;
    Ok(())
}

/// Sets roles, each with the `seq` of its change. The caller must hold the channel's row.
pub async fn set_roles(tx: &TenantTx, channel: ChannelId, roles: &[(&UserId, Role, i64)]) -> Result<()> {
    let ids: Vec<&str> = roles.iter().map(|(user, _, _)| user.as_str()).collect();
    step_user_seq(tx, &ids).await?;
    prepared::<Untyped>(
        "MERGE INTO channel_members m USING (SELECT v.app, v.channel, r.*, u.seq AS user_seq \
             FROM (SELECT ? AS app, ? AS channel) v, UNNEST(?, ?, ?) AS r (id, role, seq) \
             CROSS JOIN LATERAL (SELECT users.seq FROM users WHERE app_id = v.app AND users.id = r.id OFFSET 0) u) r \
         ON m.app_id = r.app AND m.channel_id = r.channel AND m.user_id = r.id \
         WHEN MATCHED THEN UPDATE SET role = r.role, updated_seq = r.seq, user_seq = r.user_seq \
         WHEN NOT MATCHED AND false THEN INSERT DEFAULT VALUES",
    )
    .bind::<SqlUuid, _>(tx.app())
    .bind::<SqlUuid, _>(channel.0)
    .bind::<Array<Text>, _>(ids)
    .bind::<Array<Text>, _>(roles.iter().map(|(_, role, _)| role.as_str()).collect::<Vec<_>>())
    .bind::<Array<Int8>, _>(roles.iter().map(|(_, _, seq)| *seq).collect::<Vec<_>>())
    .execute(&mut tx.conn()?)
    .await?;
    Ok(())
}

/// Ends a membership.
pub async fn remove(
    tx: &TenantTx,
    channel: ChannelId,
    user: &UserId,
    seq: i64,
    now: DateTime<Utc>,
) -> Result<()> {
    step_user_seq(tx, &[user.as_str()]).await?;
    diesel::update(channel_members::table.find((tx.app(), channel.0, user.as_str())))
        .set((channel_members::removed_at.eq(now), channel_members::updated_seq.eq(seq)))
        .execute(&mut tx.conn()?)
        .await?;
    note_user_seq(tx, channel, user).await
}

/// Moves a read pointer, and the user's own `seq` with it. What was read has arrived, too.
pub async fn set_read(tx: &TenantTx, channel: ChannelId, user: &UserId, read: &ReadState) -> Result<()> {
    prepared::<Untyped>(
        "UPDATE channel_members m SET read_seq = v.seq, read_ordinal = v.ordinal, read_at = v.at, \
             last_read_message_id = v.message, delivered_seq = greatest(m.delivered_seq, v.seq), \
             delivered_at = CASE WHEN m.delivered_seq < v.seq THEN v.at ELSE m.delivered_at END \
         FROM (SELECT ?::bigint AS seq, ?::bigint AS ordinal, ?::timestamptz AS at, ?::uuid AS message) v \
         WHERE m.app_id = ? AND m.channel_id = ? AND m.user_id = ?",
    )
    .bind::<Int8, _>(read.read_seq)
    .bind::<Int8, _>(read.read_ordinal)
    .bind::<Nullable<Timestamptz>, _>(read.read_at)
    .bind::<Nullable<SqlUuid>, _>(read.last_read_message_id.map(|id| id.0))
    .bind::<SqlUuid, _>(tx.app())
    .bind::<SqlUuid, _>(channel.0)
    .bind::<Text, _>(user.as_str())
    .execute(&mut tx.conn()?)
    .await?;
    step_user_seq(tx, &[user.as_str()]).await?;
    note_user_seq(tx, channel, user).await
}

/// Takes the next number of what is each user's own, and holds their rows.
pub async fn step_user_seq(tx: &TenantTx, ids: &[&str]) -> Result<()> {
    // In the order of ids, so that two batches can't wait for each other.
    prepared::<Untyped>(
        "UPDATE users SET seq = seq + 1 WHERE app_id = ? AND id IN \
         (SELECT id FROM users WHERE app_id = ? AND id = ANY(?) ORDER BY id FOR NO KEY UPDATE)",
    )
    .bind::<SqlUuid, _>(tx.app())
    .bind::<SqlUuid, _>(tx.app())
    .bind::<Array<Text>, _>(ids.to_vec())
    .execute(&mut tx.conn()?)
    .await?;
    Ok(())
}

async fn note_user_seq(tx: &TenantTx, channel: ChannelId, user: &UserId) -> Result<()> {
    prepared::<Untyped>(
        "UPDATE channel_members m SET user_seq = u.seq FROM users u WHERE u.app_id = m.app_id AND u.id = m.user_id \
         AND m.app_id = ? AND m.channel_id = ? AND m.user_id = ?",
    )
    .bind::<SqlUuid, _>(tx.app())
    .bind::<SqlUuid, _>(channel.0)
    .bind::<Text, _>(user.as_str())
    .execute(&mut tx.conn()?)
    .await?;
    Ok(())
}
