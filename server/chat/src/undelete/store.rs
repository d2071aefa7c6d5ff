//! The queries of what deletions keep aside: the columns of a message's row that a deletion clears, as one object.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Nullable, Text, Timestamptz, Untyped, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use parlor_platform::Result;
use parlor_platform::db::{TenantTx, prepared};
use parlor_platform::schema::deleted_messages;
use parlor_protocol::{MessageId, UserId};
use uuid::Uuid;

use crate::users::store::user_id;

/// Keeps what a message's row says.
pub async fn keep(
    tx: &TenantTx,
    id: MessageId,
    by: Option<&UserId>,
    now: DateTime<Utc>,
    end: DateTime<Utc>,
) -> Result<()> {
    prepared::<Untyped>(
        "INSERT INTO deleted_messages (app_id, message_id, content, deleted_by, created_at, expires_at) \
         SELECT m.app_id, m.id, jsonb_strip_nulls(jsonb_build_object('text', m.text, 'mentions', m.mentions, \
                 'content_type', m.content_type, 'live_until', m.live_until)) \
             || coalesce((SELECT jsonb_object_agg(c.name, c.value) FROM (VALUES \
                 ('attachments', m.attachments), ('content', m.content), ('group_mentions', m.group_mentions), \
                 ('custom', m.custom), ('reactions', m.reactions), \
                 ('pinned', m.pinned), ('poll', m.poll), ('quoted', m.quoted), \
                 ('forwarded_from', m.forwarded_from)) c (name, value) WHERE c.value IS NOT NULL), '{}'), ?, ?, ? \
         FROM messages m WHERE m.app_id = ? AND m.id = ?",
    )
    .bind::<Nullable<Text>, _>(by.map(UserId::as_str))
    .bind::<Timestamptz, _>(now)
    .bind::<Timestamptz, _>(end)
    .bind::<SqlUuid, _>(tx.app())
    .bind::<SqlUuid, _>(id.0)
    .execute(&mut tx.conn()?)
    .await?;
    Ok(())
}

/// Of a deletion, what decides who may take it back, and until when.
pub struct Kept {
    /// `None`: the customer's server.
    pub by: Option<UserId>,
    pub expires_at: DateTime<Utc>,
}

/// What is kept of a message.
pub async fn find(tx: &TenantTx, id: MessageId) -> Result<Option<Kept>> {
    let row = deleted_messages::table
        .find((tx.app(), id.0))
        .select((deleted_messages::deleted_by, deleted_messages::expires_at))
        .first::<(Option<String>, DateTime<Utc>)>(&mut tx.conn()?)
        .await
        .optional()?;
    row.map(|(by, expires_at)| Ok(Kept { by: by.map(user_id).transpose()?, expires_at })).transpose()
}

/// Puts back what was kept.
pub async fn restore(tx: &TenantTx, id: MessageId, seq: i64) -> Result<()> {
    prepared::<Untyped>(
        "WITH k AS (DELETE FROM deleted_messages WHERE app_id = ? AND message_id = ? RETURNING app_id, message_id, content) \
         UPDATE messages m SET deleted_at = NULL, updated_seq = ?, text = k.content ->> 'text', \
             mentions = CASE WHEN k.content -> 'mentions' IS NOT NULL \
                 THEN ARRAY(SELECT jsonb_array_elements_text(k.content -> 'mentions')) END, \
             content_type = k.content ->> 'content_type', content = k.content -> 'content', \
             group_mentions = k.content -> 'group_mentions', live_until = (k.content ->> 'live_until')::timestamptz, \
             attachments = k.content -> 'attachments', custom = k.content -> 'custom', \
             reactions = k.content -> 'reactions', pinned = k.content -> 'pinned', poll = k.content -> 'poll', \
             quoted = k.content -> 'quoted', forwarded_from = k.content -> 'forwarded_from' \
         FROM k WHERE m.app_id = k.app_id AND m.id = k.message_id",
    )
    .bind::<SqlUuid, _>(tx.app())
    .bind::<SqlUuid, _>(id.0)
    .bind::<BigInt, _>(seq)
    .execute(&mut tx.conn()?)
    .await?;
    Ok(())
}

/// Erases what was kept of these messages, if its time is over. Gives of which.
pub async fn take_expired(tx: &TenantTx, ids: &[Uuid], now: DateTime<Utc>) -> Result<Vec<Uuid>> {
    Ok(prepared::<SqlUuid>(
        "DELETE FROM deleted_messages WHERE app_id = ? AND message_id = ANY(?) AND expires_at <= ? RETURNING message_id",
    )
    .bind::<SqlUuid, _>(tx.app())
    .bind::<Array<SqlUuid>, _>(ids.to_vec())
    .bind::<Timestamptz, _>(now)
    .load(&mut tx.conn()?)
    .await?)
}
