//! Following a thread, or not, by one's own word. It outlasts what one does in the thread later.

use chrono::{DateTime, Utc};
use parlor_platform::Result;
use parlor_platform::db::TenantTx;
use parlor_platform::outbox::Entries;
use parlor_protocol::{EventType, MessageId, Thread, UserId};
use serde_json::json;

use super::{store, view};
use crate::users::change::UserChange;
use crate::users::store as users;
use crate::web::Caller;

/// Follows a thread from now on, or no longer. Who begins to follow has read what is there. A repetition changes nothing.
pub async fn set(
    tx: &TenantTx,
    (caller, user): (&Caller, &UserId),
    root: MessageId,
    following: bool,
    entries: &mut Entries,
    now: DateTime<Utc>,
) -> Result<Thread> {
    let root = super::root(tx, caller, root).await?;
    users::lock(tx, &[user.as_str()]).await?;
    if store::state(tx, root.id, user).await?.following != Some(following) {
        let change = UserChange::begin(tx, user, now).await?;
        let read_to = if following { store::newest(tx, root.id).await? } else { None };
        store::follow(tx, root.id, user, following, read_to, change.seq(), now).await?;
        let data = json!({ "channel_id": root.channel_id, "parent_id": root.id, "following": following });
        change.tell(entries, EventType::NotificationThreadFollow, root.channel_id, data)?;
    }
    view::thread(tx, user, root, now).await
}
