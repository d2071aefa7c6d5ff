//! The end of a user.
//!
//! `soft` shuts the user out, and that is all. The other two begin the same way, in the transaction of the request: from
//! then on no token of the user's is good, and connections end. What is left is work in the background, in steps that are
//! a transaction each and say where the next begins ([`Phase`]); a process that is killed leaves whole steps behind.
//!
//! The user's place in what others see, as the author of messages, in threads, votes and reactions, is taken by a nameless
//! user who is made for it: counts and unread counts stay as they are. `anonymise` leaves the messages to that one; `hard`
//! erases them. Who mentioned the user does so no more. Each row that changes takes a number of its channel; the clients
//! of the channel are told with `user.deleted` after some of them, see the gap before it, and pull.
//!
//! Whoever sends meanwhile must not wait: what is looked through is looked through with no channel held, and channels are
//! held for a few rows at a time. The user's row goes last, in a transaction that holds nothing else. PostgreSQL looks then
//! for rows that still refer to it, in large tables by reading them; an index for that would cost every send.
//!
//! The id is the user's until nothing is left. The record that stays knows only a hash of it.

mod created;
mod messages;
mod rename;
mod rest;
pub mod routes;
mod start;
mod store;
mod tasks;
mod work;

use parlor_platform::broker::Binding;
use parlor_platform::crypto::sha256;
use parlor_platform::db::TenantTx;
use parlor_platform::{Error, Result};
use parlor_protocol::{AppId, DeletionId, ErrorCode, UserId};
use serde::{Deserialize, Serialize};

pub use work::Erasures;

/// A deletion has work left.
const TOPIC: &str = "chat.user.erase";

/// How the worker is bound.
pub const BINDING: Binding = Binding { name: "erasures", topics: &[TOPIC], at_once: 1 };

/// Which deletion.
#[derive(Debug, Serialize, Deserialize)]
struct Step {
    deletion_id: DeletionId,
}

/// What a deletion is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// What belongs to the user alone.
    Own,
    /// Memberships.
    Members,
    /// Messages, the user's own and those that name the user, and what hangs on messages.
    Messages,
    /// Channels that the user created.
    Channels,
    /// The user's name in everything else.
    Rest,
    /// The user.
    User,
}

impl Phase {
    /// All phases, in order.
    const ALL: [Self; 6] = [Self::Own, Self::Members, Self::Messages, Self::Channels, Self::Rest, Self::User];

    fn at(number: i16) -> Result<Self> {
        let phase = usize::try_from(number).ok().and_then(|at| Self::ALL.get(at)).copied();
        phase.ok_or_else(|| Error::internal("a stored phase of a deletion is unknown"))
    }
}

/// What the record knows a user by.
pub fn subject(app: AppId, user: &UserId) -> Vec<u8> {
    sha256(&[app.0.as_bytes(), user.as_str().as_bytes()]).to_vec()
}

/// Refuses users who are being deleted.
pub async fn require_none(tx: &TenantTx, users: &[&str]) -> Result<()> {
    if store::is_open(tx, users).await? { Err(ErrorCode::UserBeingDeleted.into()) } else { Ok(()) }
}
