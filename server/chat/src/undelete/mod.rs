//! Taking a deletion back, for a while.
//!
//! A deletion clears the message's row and keeps what was there aside, for as long as the app says (10 minutes, unless it
//! is set; 0: nothing is kept). Reactions, votes and former versions keep their rows meanwhile, and are shown to nobody; a task of it goes
//! on. In
//! that time who deleted it, and who may delete anybody's messages, puts all of it back where it was: it counts and is
//! found as if it had never been gone. A pin comes back where it is not over and there is room. When the time is over, what
//! is due ([`crate::due`]) erases what was kept aside, and ends the task, whose title may be the message's words. Whoever of the two takes the row has its effect; the other finds
//! nothing.

mod expire;
mod restore;
pub mod routes;
pub mod store;

use chrono::{DateTime, Duration, Utc};
use parlor_platform::Result;
use parlor_platform::db::TenantTx;
use parlor_protocol::{Message, UserId};

pub use expire::expire;

use crate::apps::store as apps;
use crate::due::{self, Kind};
use crate::{edits, polls, reactions};

/// Keeps aside what a deletion is about to clear; `false`, and erases what goes with the message, if the app keeps nothing.
pub async fn keep(tx: &TenantTx, message: &Message, by: Option<&UserId>, now: DateTime<Utc>) -> Result<bool> {
    let minutes = apps::settings(tx).await?.undelete_minutes;
    if minutes == 0 {
        forget(tx, &[message.id.0]).await?;
        return Ok(false);
    }
    let end = now + Duration::minutes(i64::from(minutes));
    store::keep(tx, message.id, by, now, end).await?;
    due::store::put(tx, Kind::DeletedMessage, by.unwrap_or(&message.user.id), message.id.0, end).await?;
    Ok(true)
}

/// Erases what went with deleted messages.
pub async fn forget(tx: &TenantTx, ids: &[uuid::Uuid]) -> Result<()> {
    reactions::store::clear(tx, ids).await?;
    polls::store::clear(tx, ids).await?;
    edits::store::clear(tx, ids).await
}
