//! Editing one's own message.

use chrono::{DateTime, Utc};
use parlor_platform::Result;
use parlor_platform::db::TenantTx;
use parlor_platform::outbox::Entries;
use parlor_protocol::message::UpdateMessage;
use parlor_protocol::{Capability, ErrorCode, EventType, Message, MessageId};
use serde_json::json;

use super::store;
use crate::channels::access;
use crate::channels::change::Change;
use crate::validate;
use crate::web::Caller;

/// Replaces what the request names. Authors edit their own messages, the server all.
pub async fn edit(
    tx: &TenantTx,
    caller: &Caller,
    id: MessageId,
    request: UpdateMessage,
    entries: &mut Entries,
    now: DateTime<Utc>,
) -> Result<Message> {
    let (channel, _) = visible(tx, caller, id).await?;
    access::require_locked(tx, caller, channel, Capability::UpdateOwnMessage).await?;
    // Again under the lock: it may have been edited or deleted while we waited.
    let (_, old) = visible(tx, caller, id).await?;
    if old.deleted_at.is_some() {
        return Err(ErrorCode::MessageDeleted.into());
    }
    if caller.user().is_some_and(|user| *user != old.user.id) {
        return Err(ErrorCode::Forbidden.into());
    }
    validate::message(
        request.text.as_ref().unwrap_or(&old.text),
        request.attachments.as_ref().unwrap_or(&old.attachments),
        &[],
        request.custom.as_ref().unwrap_or(&old.custom),
    )?;
    let change = Change::begin(tx, channel, 0, now).await?;
    store::update(tx, id, request, change.seq(), now).await?;
    let (_, message) = visible(tx, caller, id).await?;
    change.tell(entries, EventType::MessageUpdated, json!({ "message": message }))?;
    Ok(message)
}

/// A message that the caller may see, with its channel.
pub async fn visible(
    tx: &TenantTx,
    caller: &Caller,
    id: MessageId,
) -> Result<(parlor_protocol::ChannelId, Message)> {
    let row = store::find(tx, id, caller.user()).await?.ok_or(ErrorCode::MessageNotFound)?;
    let message = row.into_message()?;
    Ok((message.channel_id, message))
}
