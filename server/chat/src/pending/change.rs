//! What becomes of a message that waits, other than that it is approved: its author changes it or takes it back, a
//! moderator rejects it.

use chrono::{DateTime, Utc};
use parlor_platform::db::TenantTx;
use parlor_platform::outbox::Entries;
use parlor_platform::{Error, Result};
use parlor_protocol::message::UpdateMessage;
use parlor_protocol::pending::RejectMessage;
use parlor_protocol::{Capability, ErrorCode, EventType, MessageId, PendingMessage};
use serde_json::json;

use super::moderators;
use super::store::{self, Shown};
use crate::channels::access::{self, Access};
use crate::content;
use crate::messages::send;
use crate::permissions::{self, may};
use crate::scheduled::require_content;
use crate::users::change::UserChange;
use crate::users::store as users;
use crate::validate;
use crate::web::Caller;

/// A message that waits, for its author, moderators and the server; others are told what they would be told of an id that
/// nobody ever used.
pub async fn visible(tx: &TenantTx, caller: &Caller, id: MessageId) -> Result<(Access, Shown)> {
    let shown = store::find(tx, id).await?.ok_or(ErrorCode::PendingNotFound)?;
    let channel = shown.row.channel_id.into();
    let access = access::require(tx, caller, channel, Capability::ReadChannel)
        .await
        .map_err(|error| access::or_unknown(error, ErrorCode::PendingNotFound))?;
    let own = caller.user().is_some_and(|user| shown.row.is_of(user));
    if own || may(access.actor, Capability::ApproveMessages, access.channel.kind, &access.channel.config) {
        return Ok((access, shown));
    }
    Err(ErrorCode::PendingNotFound.into())
}

/// The same while its author's row and its own are held, as long as it waits.
async fn waiting(tx: &TenantTx, caller: &Caller, id: MessageId) -> Result<(Access, Shown)> {
    let (access, shown) = visible(tx, caller, id).await?;
    users::lock(tx, &[&shown.row.user_id]).await?;
    store::lock(tx, id).await?;
    let shown = store::find(tx, id).await?.ok_or(ErrorCode::PendingNotFound)?;
    if shown.row.approved { Err(ErrorCode::NotWaiting.into()) } else { Ok((access, shown)) }
}

fn require_author(caller: &Caller, shown: &Shown) -> Result<()> {
    match caller.user() {
        Some(user) if !shown.row.is_of(user) => Err(ErrorCode::Forbidden.into()),
        _ => Ok(()),
    }
}

/// Changes what one's own message says. What leaves it as it is takes no `seq` and is told to nobody.
pub async fn update(
    tx: &TenantTx,
    caller: &Caller,
    id: MessageId,
    request: UpdateMessage,
    entries: &mut Entries,
    now: DateTime<Utc>,
) -> Result<PendingMessage> {
    let (access, shown) = waiting(tx, caller, id).await?;
    require_author(caller, &shown)?;
    let old = shown.into_pending()?;
    let mut content = old.content.clone();
    content::replace(&mut content, request)?;
    send::check(&mut content, false)?;
    if content == old.content {
        return Ok(old);
    }
    require_content(tx, &access, &content).await?;
    let change = UserChange::begin(tx, &old.user.id, now).await?;
    let stored = serde_json::to_value(&content).map_err(Error::internal)?;
    store::update(tx, id, stored, change.seq(), now).await?;
    let pending = PendingMessage { content, user_seq: change.seq(), updated_at: now, ..old };
    let data = json!({ "pending_message": pending });
    change.tell(entries, EventType::PendingMessageUpdated, pending.channel_id, data)?;
    moderators::tell(tx, entries, pending.channel_id, now).await?;
    Ok(pending)
}

/// Takes one's own message back.
pub async fn withdraw(
    tx: &TenantTx,
    caller: &Caller,
    id: MessageId,
    entries: &mut Entries,
    now: DateTime<Utc>,
) -> Result<()> {
    let (_, shown) = waiting(tx, caller, id).await?;
    require_author(caller, &shown)?;
    let pending = shown.into_pending()?;
    store::delete(tx, id).await?;
    let change = UserChange::begin(tx, &pending.user.id, now).await?;
    let data = json!({ "message_id": id, "channel_id": pending.channel_id });
    change.tell(entries, EventType::PendingMessageDeleted, pending.channel_id, data)?;
    moderators::tell(tx, entries, pending.channel_id, now).await
}

/// Rejects a message and tells its author.
pub async fn reject(
    tx: &TenantTx,
    caller: &Caller,
    id: MessageId,
    request: RejectMessage,
    entries: &mut Entries,
    now: DateTime<Utc>,
) -> Result<()> {
    validate::note(request.reason.as_ref())?;
    let (access, shown) = waiting(tx, caller, id).await?;
    let (kind, config) = (access.channel.kind, &access.channel.config);
    permissions::require(access.actor, Capability::ApproveMessages, kind, config)?;
    let pending = shown.into_pending()?;
    store::delete(tx, id).await?;
    let change = UserChange::begin(tx, &pending.user.id, now).await?;
    let channel = pending.channel_id;
    let data = json!({ "pending_message": pending, "reason": request.reason });
    change.tell(entries, EventType::PendingMessageRejected, channel, data)?;
    moderators::tell(tx, entries, channel, now).await
}
