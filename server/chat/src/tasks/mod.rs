//! Tasks: messages that somebody has to see to.
//!
//! A message is one task at a time. Who may send in its channel makes tasks and changes them; who made one, and
//! moderators, delete it. Each change is a change of the channel.

mod change;
mod create;
pub mod routes;
pub mod store;

use chrono::{DateTime, Utc};
use parlor_platform::db::TenantTx;
use parlor_platform::{Error, Result};
use parlor_protocol::{Capability, ChannelId, ErrorCode, Task, TaskId, UserId};

pub use change::{forget, forget_all, forget_up_to};

use crate::channels::access::{self, Access};
use crate::members::store as members;
use crate::validate;
use crate::web::Caller;

/// A task as it is while its channel's row is held, for who may read the channel and the message; to others it is unknown.
async fn locked(tx: &TenantTx, caller: &Caller, id: TaskId) -> Result<(Access, Task)> {
    let reader = caller.user();
    let find = async || store::find(tx, id, reader).await?.ok_or(ErrorCode::TaskNotFound)?.into_task();
    let channel = find().await?.channel_id;
    // Whoever may not read it may not make others wait either.
    access::require(tx, caller, channel, Capability::ReadChannel).await.map_err(hidden)?;
    let access =
        access::require_locked(tx, caller, channel, Capability::ReadChannel).await.map_err(hidden)?;
    Ok((access, find().await?))
}

fn hidden(error: Error) -> Error {
    access::or_unknown(error, ErrorCode::TaskNotFound)
}

/// What is to be done, and by when.
fn check(title: Option<&String>, due_at: Option<&DateTime<Utc>>) -> Result<()> {
    validate::name(title)?;
    if title.is_some_and(|title| title.trim().is_empty()) {
        return Err(Error::with(ErrorCode::InvalidRequest, "A task needs a title."));
    }
    validate::readable_time(due_at, ErrorCode::InvalidRequest)
}

/// Refuses an assignee who is not in the channel.
async fn require_member(tx: &TenantTx, channel: ChannelId, user: Option<&UserId>) -> Result<()> {
    let Some(user) = user else { return Ok(()) };
    members::find(tx, channel, user).await?.map(drop).ok_or_else(|| ErrorCode::MemberNotFound.into())
}
