//! Messages by their id alone, and who may see and change them.
//!
//! Whether a message exists is known to those who may read its channel; everybody else is told what they would be told
//! of an id that nobody ever used.

use parlor_platform::db::TenantTx;
use parlor_platform::{Error, Result};
use parlor_protocol::{Capability, ChannelId, ErrorCode, Message, MessageId};

use super::store;
use crate::channels::access::{self, Access};
use crate::permissions;
use crate::web::Caller;

/// A message that the caller may read, and who the caller is in its channel.
pub async fn readable(tx: &TenantTx, caller: &Caller, id: MessageId) -> Result<(Access, Message)> {
    let message = find(tx, caller, id).await?;
    let access = access::require(tx, caller, message.channel_id, Capability::ReadChannel).await;
    Ok((access.map_err(hidden)?, message))
}

/// A message as it is while its channel's row is held, for who may do this in the channel.
pub async fn locked(
    tx: &TenantTx,
    caller: &Caller,
    id: MessageId,
    capability: Capability,
) -> Result<(Access, Message)> {
    // Whoever may not read it may not make others wait either.
    let channel = readable(tx, caller, id).await?.1.channel_id;
    let access =
        access::require_locked(tx, caller, channel, Capability::ReadChannel).await.map_err(hidden)?;
    permissions::require(access.actor, capability, access.channel.kind, &access.channel.config)?;
    // Again under the lock: it may have been edited or deleted while we waited.
    Ok((access, find(tx, caller, id).await?))
}

/// Refuses to show everybody what not all may read.
pub fn require_for_all(message: &Message) -> Result<()> {
    if message.visible_to.is_some() { Err(ErrorCode::MessageRestricted.into()) } else { Ok(()) }
}

/// The message as it is now, for who was let to it before.
pub async fn find(tx: &TenantTx, caller: &Caller, id: MessageId) -> Result<Message> {
    store::find(tx, id, caller.user()).await?.ok_or(ErrorCode::MessageNotFound)?.into_message()
}

/// Refuses a parent or a quote that a send would refuse. A thread from before the sender's history goes on in it, but
/// nothing from before is quoted.
pub async fn require_thread(
    tx: &TenantTx,
    channel: ChannelId,
    history_from_seq: i64,
    parent: Option<MessageId>,
    quoted: Option<MessageId>,
) -> Result<()> {
    let ids: Vec<_> = parent.iter().chain(&quoted).map(|id| id.0).collect();
    if ids.is_empty() {
        return Ok(());
    }
    let places = store::places(tx, &ids).await?;
    let here = |id: MessageId| places.get(&id.0).filter(|place| place.channel == channel.0 && place.for_all);
    let fits = parent.is_none_or(|id| here(id).is_some_and(|place| place.parent.is_none()))
        && quoted.is_none_or(|id| here(id).is_some_and(|place| place.seq >= history_from_seq));
    if fits { Ok(()) } else { Err(ErrorCode::InvalidThread.into()) }
}

fn hidden(error: Error) -> Error {
    access::or_unknown(error, ErrorCode::MessageNotFound)
}
