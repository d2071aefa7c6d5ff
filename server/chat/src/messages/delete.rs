//! Deleting a message.
//!
//! A deletion clears the message and keeps its place ("message deleted"); unread counts correct themselves,
//! because they count deleted messages past the pointer. For a while it can be taken back ([`crate::undelete`]). The
//! server may also erase ([`crate::removal`]): then not even the place is shown, but the row stays, without content, so
//! that counts stay right and clients learn of it. What others quoted of it is forgotten with it: at once, and by a job
//! where so many quote it that they are no work for one request.

use chrono::{DateTime, Utc};
use parlor_platform::db::TenantTx;
use parlor_platform::outbox::Entries;
use parlor_platform::{Error, Result};
use parlor_protocol::{Capability, ContentType, ErrorCode, EventType, GroupMentions, Message, MessageId};
use serde_json::json;

use super::{access, store, view};
use crate::channels::change::Change;
use crate::fanout::{ERASED_TOPIC, Erased};
use crate::permissions::may;
use crate::web::Caller;
use crate::{pins, removal, search, tasks, threads, undelete};

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
    let gone = if erase {
        removal::store::erase(tx, &[id.0], false, now).await?;
        store::set_updated(tx, id, change.seq()).await?;
        true
    } else {
        let kept = undelete::keep(tx, &message, caller.user(), now).await?;
        store::clear(tx, id, change.seq(), now).await?;
        pins::store::remove(tx, id).await?;
        !kept
    };
    message.content_type = ContentType::Deleted;
    message.text.clear();
    message.content = None;
    message.group_mentions = GroupMentions::default();
    message.attachments.clear();
    message.mentions.clear();
    message.custom.0.clear();
    message.reactions.clear();
    message.pinned = None;
    message.poll = None;
    message.quoted = None;
    message.forwarded_from = None;
    let was_there = message.deleted_at.is_none();
    message.deleted_at = Some(now);
    message.erased = erase;
    message.updated_seq = change.seq();
    search::changed(entries, &message)?;
    let mut data = json!({ "message": message, "hard": erase });
    if let Some(root) = message.parent_id.filter(|_| message.visible_to.is_none()) {
        let thread = threads::store::count_reply(tx, root, &message, if was_there { -1 } else { 0 }).await?;
        data["thread"] = serde_json::to_value(thread).map_err(Error::internal)?;
    }
    change.tell_of(tx, entries, &message, EventType::MessageDeleted, data).await?;
    if erase && store::forget_quoted(tx, &[id.0]).await? == store::QUOTED_AT_ONCE {
        entries.job(&message.channel_id.0, ERASED_TOPIC, &Erased { message_id: id })?;
    }
    if gone {
        tasks::forget(tx, id, entries, now).await?;
    }
    view::message(tx, caller.user(), message, now).await
}
