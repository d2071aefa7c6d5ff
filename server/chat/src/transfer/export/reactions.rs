//! Reactions of an export: of messages, or of a user.

use chrono::{DateTime, Utc};
use diesel::sql_types::{Array, Int4, Int8, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use parlor_platform::Result;
use parlor_platform::db::{TenantTx, prepared};
use parlor_protocol::UserId;
use parlor_protocol::transfer::ReactionLine;
use uuid::Uuid;

use crate::users::store::user_id;

type ReactionRow = (Uuid, String, String, i32, DateTime<Utc>);

fn reaction_line((message, user, kind, score, at): ReactionRow) -> Result<ReactionLine> {
    let message_id = message.to_string();
    Ok(ReactionLine { message_id, user_id: user_id(user)?, kind, score, created_at: Some(at) })
}

/// Reactions to these messages, message by message, each in the order in which they were given.
pub async fn of(tx: &TenantTx, messages: &[Uuid]) -> Result<Vec<ReactionLine>> {
    let rows = prepared::<(SqlUuid, Text, Text, Int4, Timestamptz)>(
        "SELECT r.message_id, r.user_id, r.kind, r.score, r.created_at FROM UNNEST(?) WITH ORDINALITY AS n (id, place) \
         CROSS JOIN LATERAL (SELECT * FROM reactions WHERE app_id = ? AND message_id = n.id OFFSET 0) r \
         ORDER BY n.place, r.seq",
    )
    .bind::<Array<SqlUuid>, _>(messages.to_vec())
    .bind::<SqlUuid, _>(tx.app())
    .load::<ReactionRow>(&mut tx.conn()?)
    .await?;
    rows.into_iter().map(reaction_line).collect()
}

/// Reactions of a user to messages that are there, by message and type.
pub async fn by(
    tx: &TenantTx,
    user: &UserId,
    after: &(Uuid, String),
    limit: i64,
) -> Result<Vec<(Uuid, ReactionLine)>> {
    let rows = prepared::<(SqlUuid, Text, Text, Int4, Timestamptz)>(
        "SELECT r.message_id, r.user_id, r.kind, r.score, r.created_at FROM reactions r \
         CROSS JOIN LATERAL (SELECT channel_id, seq FROM messages WHERE app_id = r.app_id AND id = r.message_id \
             AND deleted_at IS NULL OFFSET 0) m \
         CROSS JOIN LATERAL (SELECT FROM channels WHERE app_id = r.app_id AND id = m.channel_id \
             AND truncated_seq < m.seq OFFSET 0) c \
         WHERE r.app_id = ? AND r.user_id = ? AND (r.message_id, r.kind) > (?, ?) ORDER BY r.message_id, r.kind LIMIT ?",
    )
    .bind::<SqlUuid, _>(tx.app())
    .bind::<Text, _>(user.as_str())
    .bind::<SqlUuid, _>(after.0)
    .bind::<Text, _>(after.1.as_str())
    .bind::<Int8, _>(limit)
    .load::<ReactionRow>(&mut tx.conn()?)
    .await?;
    rows.into_iter().map(|row| Ok((row.0, reaction_line(row)?))).collect()
}
