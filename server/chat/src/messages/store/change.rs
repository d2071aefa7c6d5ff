//! What is written to a message after it was sent.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Untyped, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use parlor_platform::db::{TenantTx, prepared};
use parlor_platform::schema::messages;
use parlor_platform::{Error, Result};
use parlor_protocol::message::SendMessage;
use parlor_protocol::{ContentType, Custom, MessageId, Pin, Poll, ReactionCount, UserId};
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

/// What an edit writes: all that it may change, as it is to be.
pub struct Edited<'a> {
    pub said: &'a SendMessage,
    pub live_until: Option<DateTime<Utc>>,
    pub edited_at: Option<DateTime<Utc>>,
}

/// Edits a message.
pub async fn update(tx: &TenantTx, id: MessageId, edited: Edited<'_>, seq: i64) -> Result<()> {
    let Edited { said, live_until, edited_at } = edited;
    let mentions: Vec<&str> = said.mentions.iter().map(UserId::as_str).collect();
    diesel::update(messages::table.find((tx.app(), id.0)))
        .set((
            messages::text.eq(&said.text),
            messages::content_type.eq(said.content_type.map(ContentType::as_str)),
            messages::content.eq(said.content.as_ref().map(|content| content.value().clone())),
            messages::attachments.eq(json(&said.attachments, said.attachments.is_empty())),
            messages::mentions.eq((!mentions.is_empty()).then_some(mentions)),
            messages::group_mentions.eq(json(&said.group_mentions, said.group_mentions.is_empty())),
            messages::custom.eq(json(&said.custom, said.custom.0.is_empty())),
            messages::live_until.eq(live_until),
            messages::edited_at.eq(edited_at),
            messages::updated_seq.eq(seq),
        ))
        .execute(&mut tx.conn()?)
        .await?;
    Ok(())
}

/// Writes where a live location is, or that it is over.
pub async fn set_location(
    tx: &TenantTx,
    id: MessageId,
    attachments: &[Custom],
    live_until: Option<DateTime<Utc>>,
    seq: i64,
) -> Result<()> {
    diesel::update(messages::table.find((tx.app(), id.0)))
        .set((
            messages::attachments.eq(json(&attachments, false)),
            messages::live_until.eq(live_until),
            messages::updated_seq.eq(seq),
        ))
        .execute(&mut tx.conn()?)
        .await?;
    Ok(())
}

/// What a column holds: nothing where there is nothing to say.
pub fn json<T: Serialize>(value: &T, empty: bool) -> Option<Value> {
    if empty { None } else { serde_json::to_value(value).ok() }
}

/// Clears a message that is deleted. The row keeps its place.
pub async fn clear(tx: &TenantTx, id: MessageId, seq: i64, now: DateTime<Utc>) -> Result<()> {
    diesel::update(messages::table.find((tx.app(), id.0)))
        .set((
            messages::text.eq(""),
            messages::attachments.eq(None::<Value>),
            messages::mentions.eq(None::<Vec<String>>),
            messages::content_type.eq(None::<String>),
            messages::content.eq(None::<Value>),
            messages::group_mentions.eq(None::<Value>),
            messages::live_until.eq(None::<DateTime<Utc>>),
            messages::custom.eq(None::<Value>),
            messages::reactions.eq(None::<Value>),
            messages::pinned.eq(None::<Value>),
            messages::poll.eq(None::<Value>),
            messages::quoted.eq(None::<Value>),
            messages::forwarded_from.eq(None::<Value>),
            messages::deleted_at.eq(now),
            messages::updated_seq.eq(seq),
        ))
        .execute(&mut tx.conn()?)
        .await?;
    Ok(())
}

/// Notes the `seq` of a message's last change.
pub async fn set_updated(tx: &TenantTx, id: MessageId, seq: i64) -> Result<()> {
    diesel::update(messages::table.find((tx.app(), id.0)))
        .set(messages::updated_seq.eq(seq))
        .execute(&mut tx.conn()?)
        .await?;
    Ok(())
}

/// Writes what a message shows of its reactions.
pub async fn set_reactions(tx: &TenantTx, id: MessageId, counts: &[ReactionCount], seq: i64) -> Result<()> {
    let counts = (!counts.is_empty()).then(|| serde_json::to_value(counts)).transpose();
    diesel::update(messages::table.find((tx.app(), id.0)))
        .set((messages::reactions.eq(counts.map_err(Error::internal)?), messages::updated_seq.eq(seq)))
        .execute(&mut tx.conn()?)
        .await?;
    Ok(())
}

/// Writes a message's poll.
pub async fn set_poll(tx: &TenantTx, id: MessageId, poll: &Poll, seq: i64) -> Result<()> {
    let poll = serde_json::to_value(poll).map_err(Error::internal)?;
    diesel::update(messages::table.find((tx.app(), id.0)))
        .set((messages::poll.eq(poll), messages::updated_seq.eq(seq)))
        .execute(&mut tx.conn()?)
        .await?;
    Ok(())
}

/// Writes what a message shows of its pin.
pub async fn set_pinned(tx: &TenantTx, id: MessageId, pin: Option<&Pin>, seq: i64) -> Result<()> {
    let pin = pin.map(serde_json::to_value).transpose().map_err(Error::internal)?;
    diesel::update(messages::table.find((tx.app(), id.0)))
        .set((messages::pinned.eq(pin), messages::updated_seq.eq(seq)))
        .execute(&mut tx.conn()?)
        .await?;
    Ok(())
}

/// Quotations that one statement forgets.
pub const QUOTED_AT_ONCE: usize = 1_000;

/// Forgets what others keep of messages that they quote and that were erased: at most [`QUOTED_AT_ONCE`] of them. Gives
/// how many there were.
pub async fn forget_quoted(tx: &TenantTx, ids: &[Uuid]) -> Result<usize> {
    Ok(prepared::<Untyped>(
        "MERGE INTO messages m USING (SELECT q.app_id, q.id FROM messages q WHERE q.app_id = ? AND q.reply_to_id = ANY(?) \
             AND q.quoted IS NOT NULL AND q.quoted -> 'erased' IS NULL LIMIT ?) q \
         ON m.app_id = q.app_id AND m.id = q.id \
         WHEN MATCHED THEN UPDATE SET \
             quoted = m.quoted || '{\"text\": \"\", \"attachments\": [], \"erased\": true}'::jsonb \
         WHEN NOT MATCHED AND false THEN INSERT DEFAULT VALUES",
    )
    .bind::<SqlUuid, _>(tx.app())
    .bind::<Array<SqlUuid>, _>(ids.to_vec())
    .bind::<BigInt, _>(i64::try_from(QUOTED_AT_ONCE).unwrap_or(i64::MAX))
    .execute(&mut tx.conn()?)
    .await?)
}
