//! The queries of stars: bit 2 of the flags that a user has on a message.

use diesel::sql_types::{Bool, Int8, Text, Untyped, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use parlor_platform::Result;
use parlor_platform::db::{TenantTx, prepared};
use parlor_protocol::{Message, UserId};

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
