//! Putting a deleted message back.

use chrono::{DateTime, Utc};
use parlor_platform::db::TenantTx;
use parlor_platform::outbox::Entries;
use parlor_platform::{Error, Result};
use parlor_protocol::limits::PINS;
use parlor_protocol::{Capability, ErrorCode, EventType, Message, MessageId};
use serde_json::json;

use super::store;
use crate::channels::change::Change;
use crate::due::{self, Kind};
use crate::messages::{access, store as messages, view};
use crate::permissions::may;
use crate::web::Caller;
use crate::{pins, search, threads};

/// Takes a deletion back. What is not deleted stays as it is.
pub async fn undelete(
    tx: &TenantTx,
    caller: &Caller,
    id: MessageId,
    entries: &mut Entries,
    now: DateTime<Utc>,
) -> Result<Message> {
    let (access, deleted) = access::locked(tx, caller, id, Capability::ReadChannel).await?;
    let kept = store::find(tx, id).await?;
    let any = may(access.actor, Capability::DeleteAnyMessage, access.channel.kind, &access.channel.config);
    let own = match (&deleted.deleted_at, &kept) {
        (Some(_), Some(kept)) => kept.by.as_ref() == caller.user(),
        _ => caller.user() == Some(&deleted.user.id),
    };
    if !own && !any {
        return Err(ErrorCode::Forbidden.into());
    }
    if deleted.deleted_at.is_none() {
        return view::message(tx, caller.user(), deleted, now).await;
    }
    let kept = kept.filter(|kept| kept.expires_at > now).ok_or(ErrorCode::UndeleteExpired)?;
    let change = Change::begin(tx, deleted.channel_id, 0, now).await?;
    store::restore(tx, id, change.seq()).await?;
    let by = kept.by.as_ref().unwrap_or(&deleted.user.id);
    due::store::remove(tx, Kind::DeletedMessage, &[(by, id.0)]).await?;
    let mut message = access::find(tx, caller, id).await?;
    if let Some(pin) = &message.pinned {
        if !pin.has_expired(now) && pins::store::count(tx, message.channel_id, now).await? < PINS as i64 {
            pins::store::put(tx, message.channel_id, id, pin).await?;
        } else {
            messages::set_pinned(tx, id, None, change.seq()).await?;
            message.pinned = None;
        }
    }
    search::changed(entries, &message)?;
    let mut data = json!({ "message": message });
    if let Some(root) = message.parent_id.filter(|_| message.visible_to.is_none()) {
        let thread = threads::store::count_reply(tx, root, &message, 1).await?;
        data["thread"] = serde_json::to_value(thread).map_err(Error::internal)?;
    }
    change.tell_of(tx, entries, &message, EventType::MessageUndeleted, data).await?;
    view::message(tx, caller.user(), message, now).await
}
