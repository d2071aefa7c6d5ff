//! The queries of former versions.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text, Timestamptz, Untyped, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use parlor_platform::db::{TenantTx, prepared};
use parlor_platform::schema::message_edits;
use parlor_platform::{Error, Result};
use parlor_protocol::message::MessageEdit;
use parlor_protocol::{ContentType, MessageId, UserId};
use serde_json::Value;
use uuid::Uuid;

use crate::users::store::{custom, user_id};

/// Keeps what a message says, which an edit is about to replace.
pub async fn keep(
    tx: &TenantTx,
    message: MessageId,
    seq: i64,
    by: Option<&UserId>,
    now: DateTime<Utc>,
) -> Result<()> {
    prepared::<Untyped>(
        "INSERT INTO message_edits (app_id, message_id, seq, text, content_type, content, attachments, custom, edited_by, \
             created_at) \
         SELECT m.app_id, m.id, ?, m.text, m.content_type, m.content, m.attachments, m.custom, ?, ? FROM messages m WHERE m.app_id = ? AND m.id = ?",
    )
    .bind::<BigInt, _>(seq)
    .bind::<Nullable<Text>, _>(by.map(UserId::as_str))
    .bind::<Timestamptz, _>(now)
    .bind::<SqlUuid, _>(tx.app())
    .bind::<SqlUuid, _>(message.0)
    .execute(&mut tx.conn()?)
    .await?;
    Ok(())
}

/// A row of the table.
#[derive(HasQuery)]
#[diesel(table_name = message_edits)]
pub struct EditRow {
    pub seq: i64,
    text: String,
    content_type: Option<String>,
    content: Option<Value>,
    attachments: Option<Value>,
    custom: Option<Value>,
    edited_by: Option<String>,
    created_at: DateTime<Utc>,
}

impl EditRow {
    /// As it stands on the wire.
    pub fn into_edit(self) -> Result<MessageEdit> {
        let attachments =
            self.attachments.map(serde_json::from_value).transpose().map_err(Error::internal)?;
        Ok(MessageEdit {
            seq: self.seq,
            text: self.text,
            content_type: self
                .content_type
                .as_deref()
                .and_then(ContentType::parse)
                .unwrap_or(ContentType::Text),
            content: self.content.map(serde_json::from_value).transpose().map_err(Error::internal)?,
            attachments: attachments.unwrap_or_default(),
            custom: self.custom.map(custom).unwrap_or_default(),
            edited_by: self.edited_by.map(user_id).transpose()?,
            edited_at: self.created_at,
        })
    }
}

/// A page of a message's former versions, newest first.
pub async fn page(
    tx: &TenantTx,
    message: MessageId,
    before: Option<i64>,
    limit: i64,
) -> Result<Vec<EditRow>> {
    let mut query = EditRow::query()
        .filter(message_edits::app_id.eq(tx.app()).and(message_edits::message_id.eq(message.0)))
        .order(message_edits::seq.desc())
        .limit(limit)
        .into_boxed();
    if let Some(before) = before {
        query = query.filter(message_edits::seq.lt(before));
    }
    Ok(query.load(&mut tx.conn()?).await?)
}

/// Erases the former versions of messages.
pub async fn clear(tx: &TenantTx, messages: &[Uuid]) -> Result<()> {
    let of_these = message_edits::app_id.eq(tx.app()).and(message_edits::message_id.eq_any(messages));
    diesel::delete(message_edits::table.filter(of_these)).execute(&mut tx.conn()?).await?;
    Ok(())
}
