//! Editing one's own message.
//!
//! What it said before is kept ([`crate::edits`]) where text or attachments change. The sender's own fields may change
//! without: that is no edit for who reads the message.

use chrono::{DateTime, Utc};
use parlor_platform::Result;
use parlor_platform::db::TenantTx;
use parlor_platform::outbox::Entries;
use parlor_protocol::message::UpdateMessage;
use parlor_protocol::{Capability, ErrorCode, EventType, Message, MessageId, Patch};
use serde_json::{Value, json};

use super::{access, store, view};
use crate::channels::change::Change;
use crate::channels::update::custom_after;
use crate::users::store::custom;
use crate::web::Caller;
use crate::{edits, search, validate};

/// Changes what the request names. Authors edit their own messages, the server all. What leaves the message as it is
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
    let new = edited(&old, request)?;
    validate::message(&new.text, &new.attachments, &[], &new.custom)?;
    if new == old {
        return view::message(tx, caller.user(), old, now).await;
    }
    let change = Change::begin(tx, old.channel_id, 0, now).await?;
    let says_other = new.text != old.text || new.attachments != old.attachments;
    if says_other {
        edits::store::keep(tx, id, change.seq(), caller.user(), now).await?;
    }
    let edited_at = if says_other { Some(now) } else { old.edited_at };
    store::update(tx, &Message { edited_at, updated_seq: change.seq(), ..new }).await?;
    let message = access::find(tx, caller, id).await?;
    search::changed(entries, &message)?;
    change.tell(entries, EventType::MessageUpdated, json!({ "message": message }))?;
    view::message(tx, caller.user(), message, now).await
}

/// The message with what the request changes of it.
fn edited(old: &Message, request: UpdateMessage) -> Result<Message> {
    let mut new = old.clone();
    let UpdateMessage { text, attachments, custom: whole, custom_set, custom_unset } = request;
    new.text = text.unwrap_or(new.text);
    new.attachments = attachments.unwrap_or(new.attachments);
    let whole = whole.map_or(Patch::Absent, Patch::Set);
    if let Some(fields) = custom_after(&Value::Object(old.custom.0.clone()), whole, custom_set, custom_unset)?
    {
        new.custom = custom(fields);
    }
    Ok(new)
}
