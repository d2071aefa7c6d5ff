//! Taking a deletion: the user is shut out in the same transaction.

use chrono::{DateTime, Utc};
use parlor_platform::db::TenantTx;
use parlor_platform::keys;
use parlor_platform::outbox::Entries;
use parlor_platform::{Error, Result};
use parlor_protocol::deletion::{DeletionMode, UserDeletion};
use parlor_protocol::event::realtime_user;
use parlor_protocol::{AppId, DeletionId, ErrorCode, UserId};

use super::{Step, TOPIC, store};
use crate::realtime;
use crate::users::store as users;
use crate::web::Caller;

/// The name under which a user's standing is cached.
pub fn cached(app: AppId, user: &UserId) -> String {
    format!("user:{app}:{user}")
}

/// Begins to delete a user; a repetition gives what it gave before.
pub async fn start(
    tx: &TenantTx,
    caller: &Caller,
    user: &UserId,
    mode: DeletionMode,
    entries: &mut Entries,
    now: DateTime<Utc>,
) -> Result<UserDeletion> {
    let row = users::lock(tx, &[user.as_str()]).await?.pop().ok_or(ErrorCode::UserNotFound)?;
    if caller.user().is_some_and(|caller| caller != user) {
        return Err(ErrorCode::Forbidden.into());
    }
    if mode == DeletionMode::Hard && !caller.is_server() {
        return Err(Error::with(
            ErrorCode::ServerOnly,
            "Only the customer's server erases what others have read.",
        ));
    }
    if let Some(known) = store::last(tx, user).await? {
        let open = known.finished_at.is_none();
        if known.mode == mode.as_str() && (open || row.deactivated_at.is_some()) {
            return known.into_deletion();
        }
        if open {
            return Err(ErrorCode::UserBeingDeleted.into());
        }
    }
    let id = DeletionId::new();
    let ghost = match mode {
        DeletionMode::Soft => None,
        DeletionMode::Hard | DeletionMode::Anonymise => {
            let ghost = format!("deleted-{}", uuid::Uuid::new_v4().simple());
            Some(UserId::new(ghost).map_err(Error::internal)?)
        }
    };
    if let Some(ghost) = &ghost {
        store::insert_ghost(tx, ghost, now).await?;
        entries.job(&id.0, TOPIC, &Step { deletion_id: id })?;
    }
    let requested_by = match caller {
        Caller::Server(server) => Some(server.key.id.as_str()),
        Caller::User(_) => None,
    };
    store::insert(tx, id, user, mode, requested_by, ghost.as_ref(), now).await?;
    if row.deactivated_at.is_none() {
        users::set_deactivated(tx, user, Some(now), now).await?;
    }
    users::revoke_tokens(tx, user, now).await?;
    keys::announce(tx, &cached(caller.app(), user)).await?;
    let connected = realtime_user(caller.app(), user);
    entries.command(user, realtime::disconnect(connected, realtime::DEACTIVATED));
    store::find(tx, id).await?.ok_or_else(|| Error::internal("a new deletion is gone"))?.into_deletion()
}
