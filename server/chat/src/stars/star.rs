//! Starring a message, and ending that.

use chrono::{DateTime, Utc};
use parlor_platform::Result;
use parlor_platform::db::TenantTx;
use parlor_platform::outbox::Entries;
use parlor_protocol::{ErrorCode, EventType, Message, MessageId, UserId};
use serde_json::json;

use super::store;
use crate::fanout::lock_flags;
use crate::messages::access;
use crate::users::change::UserChange;
use crate::users::store as users;
use crate::web::{Caller, UserCaller};

/// Stars a message of a channel that the user is a member of. A repetition changes nothing.
pub async fn star(
    tx: &TenantTx,
    caller: &UserCaller,
    id: MessageId,
    entries: &mut Entries,
    now: DateTime<Utc>,
) -> Result<()> {
    let message = of_member(tx, caller, id).await?;
    if message.deleted_at.is_some() {
        return Err(ErrorCode::MessageDeleted.into());
    }
    hold(tx, &caller.user, &message).await?;
    if store::set(tx, &caller.user, &message).await? {
        tell(tx, &caller.user, &message, true, entries, now).await?;
    }
    Ok(())
}

/// Ends a star. What was not starred is as it was.
pub async fn unstar(
    tx: &TenantTx,
    caller: &UserCaller,
    id: MessageId,
    entries: &mut Entries,
    now: DateTime<Utc>,
) -> Result<()> {
    let message = of_member(tx, caller, id).await?;
    hold(tx, &caller.user, &message).await?;
    if store::end(tx, &caller.user, &message).await? {
        store::forget_if_read(tx, &caller.user, &message).await?;
        tell(tx, &caller.user, &message, false, entries, now).await?;
    }
    Ok(())
}

/// Starred messages are listed to members, so who only looks at a livestream stars nothing.
async fn of_member(tx: &TenantTx, caller: &UserCaller, id: MessageId) -> Result<Message> {
    let (access, message) = access::readable(tx, &Caller::User(caller.clone()), id).await?;
    access.membership.ok_or(ErrorCode::NotAMember)?;
    Ok(message)
}

/// The user before their rows, as everywhere.
async fn hold(tx: &TenantTx, user: &UserId, message: &Message) -> Result<()> {
    users::lock(tx, &[user.as_str()]).await?;
    lock_flags(tx, [message.channel_id.0].into()).await
}

async fn tell(
    tx: &TenantTx,
    user: &UserId,
    message: &Message,
    starred: bool,
    entries: &mut Entries,
    now: DateTime<Utc>,
) -> Result<()> {
    let change = UserChange::begin(tx, user, now).await?;
    store::note(tx, user, message, starred, change.seq(), now).await?;
    let kind = if starred { EventType::MessageStarred } else { EventType::MessageUnstarred };
    let data = json!({ "message_id": message.id, "channel_id": message.channel_id });
    change.tell(entries, kind, message.channel_id, data)
}
