//! Changing and deleting a channel.

use chrono::{DateTime, Utc};
use parlor_platform::db::TenantTx;
use parlor_platform::outbox::Entries;
use parlor_platform::{Error, Result};
use parlor_protocol::channel::UpdateChannel;
use parlor_protocol::{Capability, Channel, ChannelConfig, ChannelId, EventType};
use serde_json::json;

use super::change::Change;
use super::{access, store, view};
use crate::permissions;
use crate::realtime::unsubscribe;
use crate::users::store::user_id;
use crate::validate;
use crate::web::Caller;

/// Changes what the request names.
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
    let changes = store::Changes {
        name: request.name.into_change(),
        image: request.image.into_change(),
        custom: request
            .custom
            .into_change()
            .map(|custom| serde_json::Value::Object(custom.unwrap_or_default().0)),
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
    view::channel(tx, caller.user(), change.row).await
}

/// Deletes the channel for everybody: it is no longer found, its members are told and hear no more.
pub async fn delete(
    tx: &TenantTx,
    caller: &Caller,
    id: ChannelId,
    entries: &mut Entries,
    now: DateTime<Utc>,
) -> Result<()> {
    access::require_locked(tx, caller, id, Capability::DeleteChannel).await?;
    let change = Change::begin(tx, id, 0, now).await?;
    change.tell(entries, EventType::ChannelDeleted, json!({}))?;
    store::delete(tx, id, now).await?;
    for member in store::member_ids(tx, id).await? {
        entries.command(&id.0, unsubscribe(tx.app_id(), &user_id(member)?, id));
    }
    Ok(())
}
