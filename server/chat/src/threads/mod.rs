//! Threads: who follows them, how far each has read, and what is unread.
//!
//! The root's row counts its replies, so that unread is a subtraction as it is in channels, and nothing is written for
//! who follows when somebody replies.

mod follow;
mod read;
pub mod routes;
pub mod store;
mod view;

use parlor_platform::Result;
use parlor_platform::db::TenantTx;
use parlor_protocol::{ErrorCode, Message, MessageId};

use crate::messages::access;
use crate::web::Caller;

/// A message that the caller may read, and that may have a thread: replies have none.
async fn root(tx: &TenantTx, caller: &Caller, id: MessageId) -> Result<Message> {
    let (_, message) = access::readable(tx, caller, id).await?;
    if message.parent_id.is_some() {
        return Err(ErrorCode::InvalidThread.into());
    }
    Ok(message)
}
