//! Deleting a message.
//!
//! A deletion clears the message and keeps its place ("message deleted"); unread counts correct themselves,
//! because they count deleted messages past the pointer. The server may also erase: then not even the place
//! is shown, but the row stays, without content, so that counts stay right and clients learn of it.

use chrono::{DateTime, Utc};
use parlor_platform::Result;
use parlor_platform::db::TenantTx;
use parlor_platform::outbox::Entries;
use parlor_protocol::{Capability, ErrorCode, EventType, Message, MessageId};
use serde_json::json;

use super::{access, store, view};
use crate::channels::change::Change;
use crate::permissions::may;
use crate::search;
use crate::web::Caller;
use crate::{pins, polls, reactions};

/// Deletes a message: one's own, or anybody's for moderators. A repetition changes nothing.
pub async fn delete(
    tx: &TenantTx,
    caller: &Caller,
    id: MessageId,
    erase: bool,
    entries: &mut Entries,
    now: DateTime<Utc>,
) -> Result<Message> {
    if erase && !caller.is_server() {
        return Err(ErrorCode::ServerOnly.into());
    }
    let (access, mut message) = access::locked(tx, caller, id, Capability::DeleteOwnMessage).await?;
    let own = caller.user() == Some(&message.user.id);
    let any = may(access.actor, Capability::DeleteAnyMessage, access.channel.kind, &access.channel.config);
    if !own && !any {
        return Err(ErrorCode::Forbidden.into());
    }
    if message.deleted_at.is_some() && !erase {
        return view::message(tx, caller.user(), message, now).await;
    }
    let change = Change::begin(tx, message.channel_id, 0, now).await?;
    store::clear(tx, id, erase, change.seq(), now).await?;
    if !message.reactions.is_empty() {
        reactions::store::clear(tx, id).await?;
    }
    if message.poll.is_some() {
        polls::store::clear(tx, id).await?;
    }
    if message.pinned.is_some() {
        pins::store::remove(tx, id).await?;
    }
    message.text.clear();
    message.attachments.clear();
    message.mentions.clear();
    message.custom.0.clear();
    message.reactions.clear();
    message.pinned = None;
    message.poll = None;
    message.deleted_at = Some(now);
    message.erased = erase;
    message.updated_seq = change.seq();
    search::changed(entries, &message)?;
    change.tell(entries, EventType::MessageDeleted, json!({ "message": message, "hard": erase }))?;
    view::message(tx, caller.user(), message, now).await
}
