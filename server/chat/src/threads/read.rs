//! Moving the pointer in a thread, which goes forward only.

use chrono::{DateTime, Utc};
use parlor_platform::Result;
use parlor_platform::db::TenantTx;
use parlor_platform::outbox::Entries;
use parlor_protocol::thread::ThreadReadResult;
use parlor_protocol::{ErrorCode, EventType, MessageId, UserId};
use serde_json::json;

use super::store;
use crate::users::change::UserChange;
use crate::users::store as users;
use crate::web::Caller;

/// Reads up to and including a reply, or all. A repetition changes nothing.
pub async fn read(
    tx: &TenantTx,
    (caller, user): (&Caller, &UserId),
    root: MessageId,
    reply: Option<MessageId>,
    entries: &mut Entries,
    now: DateTime<Utc>,
) -> Result<ThreadReadResult> {
    let root = super::root(tx, caller, root).await?;
    users::lock(tx, &[user.as_str()]).await?;
    let newest = match reply {
        Some(id) if id == root.id => None,
        Some(id) => Some(store::place_of(tx, root.id, id).await?.ok_or(ErrorCode::MessageNotFound)?),
        None => store::newest(tx, root.id).await?,
    };
    let (seq, ordinal) = newest.unwrap_or((root.seq, 0));
    let old = store::state(tx, root.id, user).await?;
    if seq <= old.read.read_seq && ordinal <= old.read.read_ordinal {
        return Ok(ThreadReadResult { read: old.read, unread: old.unread });
    }
    let change = UserChange::begin(tx, user, now).await?;
    store::move_read(tx, root.id, user, (seq, ordinal), change.seq(), now).await?;
    let state = store::state(tx, root.id, user).await?;
    let data = json!({
        "channel_id": root.channel_id, "parent_id": root.id, "unread": state.unread, "read": state.read,
    });
    change.tell(entries, EventType::NotificationThreadRead, root.channel_id, data)?;
    Ok(ThreadReadResult { read: state.read, unread: state.unread })
}
