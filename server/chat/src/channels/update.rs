//! Changing and deleting a channel.

use chrono::{DateTime, Utc};
use parlor_platform::db::TenantTx;
use parlor_platform::outbox::Entries;
use parlor_platform::{Error, Result};
use parlor_protocol::channel::UpdateChannel;
use parlor_protocol::{Capability, Channel, ChannelConfig, ChannelId, EventType};
use serde_json::{Value, json};

use super::change::Change;
use super::{access, store, view};
use crate::members::tell_users;
use crate::permissions;
use crate::realtime::unsubscribe;
use crate::users::store::user_id;
use crate::validate;
use crate::web::Caller;

/// Changes what the request names. What leaves the channel as it is takes no `seq` and is told to nobody.
pub async fn update(
    tx: &TenantTx,
    caller: &Caller,
    id: ChannelId,
    request: UpdateChannel,
    entries: &mut Entries,
    now: DateTime<Utc>,
) -> Result<Channel> {
    validate::profile(&request.name, &request.image, &request.custom)?;
    let access = access::require_locked(tx, caller, id, Capability::ReadChannel).await?;
    let old = access.channel.config.clone();
    let new = request.config.clone().map_or(old.clone(), |config| ChannelConfig {
        frozen: config.frozen.unwrap_or(old.frozen),
        open: config.open.unwrap_or(old.open),
        typing_disabled: config.typing_disabled.unwrap_or(old.typing_disabled),
    });
    // Moderators freeze; everything else is for admins.
    let only_freezes = request.name.is_absent()
        && request.image.is_absent()
        && request.custom.is_absent()
        && ChannelConfig { frozen: old.frozen, ..new.clone() } == old;
    let needed = if only_freezes { Capability::FreezeChannel } else { Capability::UpdateChannel };
    permissions::require(access.actor, needed, access.channel.kind, &old)?;
    let custom = request.custom.into_change().map(|custom| Value::Object(custom.unwrap_or_default().0));
    let row = access.row;
    let keeps = request.name.keeps(row.name.as_ref())
        && request.image.keeps(row.image.as_ref())
        && custom.as_ref().is_none_or(|custom| *custom == row.custom)
        && new == old;
    if keeps {
        return view::channel(tx, caller.user(), row, now).await;
    }
    let changes = store::Changes {
        name: request.name.into_change(),
        image: request.image.into_change(),
        custom,
        config: Some(serde_json::to_value(&new).map_err(Error::internal)?),
        updated_at: now,
    };
    store::update(tx, id, changes).await?;
    let change = Change::begin(tx, id, 0, now).await?;
    change.tell(
        entries,
        EventType::ChannelUpdated,
        json!({ "channel": view::shared(change.row.clone())? }),
    )?;
    view::channel(tx, caller.user(), change.row, now).await
}

/// Deletes the channel for everybody: it is no longer found, and nothing is said on it any more. Members of a channel
/// of at most `told` lose the realtime channel and hear of it on their own ones; larger channels have only their own
/// event, because this transaction must not grow with the number of members.
pub async fn delete(
    tx: &TenantTx,
    caller: &Caller,
    id: ChannelId,
    told: i32,
    entries: &mut Entries,
    now: DateTime<Utc>,
) -> Result<()> {
    access::require_locked(tx, caller, id, Capability::DeleteChannel).await?;
    let change = Change::begin(tx, id, 0, now).await?;
    change.tell(entries, EventType::ChannelDeleted, json!({}))?;
    store::delete(tx, id, now).await?;
    if change.row.member_count > told {
        return Ok(());
    }
    let members = store::member_ids(tx, id).await?.into_iter().map(user_id).collect::<Result<Vec<_>>>()?;
    // In the channel's lane, after the event: who listens still hears why.
    for member in &members {
        entries.command(&id.0, unsubscribe(tx.app_id(), member, id));
    }
    tell_users(entries, tx.app_id(), EventType::NotificationRemovedFromChannel, id, members.iter(), now)
}
