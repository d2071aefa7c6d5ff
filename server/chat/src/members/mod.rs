//! Members of channels.

mod add;
mod remove;
pub mod routes;
pub mod store;
mod transfer;
mod update;

pub use add::{come, enter};
pub use remove::remove;
pub use store::Past;
pub use update::set_role;

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use parlor_platform::db::TenantTx;
use parlor_platform::outbox::{Command, Entries};
use parlor_platform::{Error, Result};
use parlor_protocol::{AppId, ChannelId, ErrorCode, EventType, UserId, event};
use serde_json::json;

use crate::channels::change::hint;
use crate::users;

/// Refuses users that are unknown or deactivated.
pub async fn require_active<'a>(tx: &TenantTx, ids: impl Iterator<Item = &'a UserId>) -> Result<()> {
    let ids: Vec<&str> = ids.map(UserId::as_str).collect();
    let known: HashSet<String> =
        users::store::active(tx, &ids).await?.into_iter().map(|user| user.id.as_str().to_owned()).collect();
    match ids.iter().find(|id| !known.contains(**id)) {
        None => Ok(()),
        Some(id) => Err(Error::with(ErrorCode::UserUnknown, format!("There is no active user {id:?}."))),
    }
}

/// Tells users, on their own channels, that they are in a channel now, or no longer.
pub fn tell_users<'a>(
    entries: &mut Entries,
    app: AppId,
    kind: EventType,
    channel: ChannelId,
    users: impl Iterator<Item = &'a UserId>,
    now: DateTime<Utc>,
) -> Result<()> {
    let topics: Vec<String> = users.map(|user| event::user_topic(app, user)).collect();
    if !topics.is_empty() {
        let envelope = hint(kind, channel, now, json!({ "channel_id": channel }));
        entries.command(&channel.0, Command::broadcast(topics, &envelope)?);
    }
    Ok(())
}
