//! Editing one's own message.

use chrono::{DateTime, Utc};
use parlor_platform::Result;
use parlor_platform::db::TenantTx;
use parlor_platform::outbox::Entries;
use parlor_protocol::message::UpdateMessage;
use parlor_protocol::{Capability, ErrorCode, EventType, Message, MessageId};
use serde_json::json;

use super::{access, store, view};
use crate::channels::change::Change;
use crate::web::Caller;
use crate::{search, validate};

/// Replaces what the request names. Authors edit their own messages, the server all. What leaves the message as it is
/// takes no `seq`, is told to nobody, and is no edit.
pub async fn edit(
    tx: &TenantTx,
    caller: &Caller,
    id: MessageId,
    request: UpdateMessage,
    entries: &mut Entries,
    now: DateTime<Utc>,
) -> Result<Message> {
    let (_, old) = access::locked(tx, caller, id, Capability::UpdateOwnMessage).await?;
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
    if keeps(&request, &old) {
        return view::message(tx, caller.user(), old, now).await;
    }
    let change = Change::begin(tx, old.channel_id, 0, now).await?;
    store::update(tx, id, request, change.seq(), now).await?;
    let message = access::find(tx, caller, id).await?;
    search::changed(entries, &message)?;
    change.tell(entries, EventType::MessageUpdated, json!({ "message": message }))?;
    view::message(tx, caller.user(), message, now).await
}

fn keeps(request: &UpdateMessage, old: &Message) -> bool {
    request.text.as_ref().is_none_or(|text| *text == old.text)
        && request.attachments.as_ref().is_none_or(|attachments| *attachments == old.attachments)
        && request.custom.as_ref().is_none_or(|custom| *custom == old.custom)
}
