//! Changing and deleting a channel.

use chrono::{DateTime, Utc};
use parlor_platform::db::TenantTx;
use parlor_platform::outbox::Entries;
use parlor_platform::{Error, Result};
use parlor_protocol::channel::UpdateChannel;
use parlor_protocol::{Capability, Channel, ChannelConfig, ChannelId, Custom, ErrorCode, EventType, Patch};
use serde_json::{Value, json};

use super::change::Change;
use super::{access, store, view};
use crate::members::tell_users;
use crate::permissions;
use crate::realtime::unsubscribe;
use crate::removal;
use crate::users::store::{custom, user_id};
use crate::validate;
use crate::web::Caller;

/// Changes what the request names. What leaves the channel as it is takes no `seq` and is told to nobody.
pub async fn update(
    tx: &TenantTx,
    caller: &Caller,
    id: ChannelId,
    mut request: UpdateChannel,
    entries: &mut Entries,
    now: DateTime<Utc>,
) -> Result<Channel> {
    validate::profile(&request.name, &request.image, &request.custom)?;
    request.tags = request.tags.map(validate::tags).transpose()?;
    let access = access::require_locked(tx, caller, id, Capability::ReadChannel).await?;
    let old = access.channel.config.clone();
    let new = request.config.clone().map_or(old.clone(), |config| ChannelConfig {
        frozen: config.frozen.unwrap_or(old.frozen),
        open: config.open.unwrap_or(old.open),
        typing_disabled: config.typing_disabled.unwrap_or(old.typing_disabled),
        hide_history_for_new_members: config
            .hide_history_for_new_members
            .unwrap_or(old.hide_history_for_new_members),
        read_receipts_disabled: config.read_receipts_disabled.unwrap_or(old.read_receipts_disabled),
        delivery_receipts_disabled: config
            .delivery_receipts_disabled
            .unwrap_or(old.delivery_receipts_disabled),
        retention_days: match config.retention_days {
            Patch::Absent => old.retention_days,
            Patch::Clear => None,
            Patch::Set(days) => Some(days),
        },
        watching_events: config.watching_events.unwrap_or(old.watching_events),
        mention_all_restricted: config.mention_all_restricted.unwrap_or(old.mention_all_restricted),
        messages_need_approval: config.messages_need_approval.unwrap_or(old.messages_need_approval),
    });
    validate::retention(new.retention_days)?;
    // Moderators freeze; everything else is for admins.
    let only_freezes = request.name.is_absent()
        && request.image.is_absent()
        && request.custom.is_absent()
        && request.custom_set.is_none()
        && request.custom_unset.is_none()
        && request.tags.is_none()
        && ChannelConfig { frozen: old.frozen, ..new.clone() } == old;
    let needed = if only_freezes { Capability::FreezeChannel } else { Capability::UpdateChannel };
    permissions::require(access.actor, needed, access.channel.kind, &old)?;
    let row = access.row;
    let UpdateChannel { name, image, custom, custom_set, custom_unset, tags, config: _ } = request;
    let custom = custom_after(&row.custom, custom, custom_set, custom_unset)?;
    let keeps = name.keeps(row.name.as_ref())
        && image.keeps(row.image.as_ref())
        && custom.as_ref().is_none_or(|custom| *custom == row.custom)
        && tags.as_ref().is_none_or(|tags| *tags == row.tags)
        && new == old;
    if keeps {
        return view::channel(tx, caller.user(), row, now).await;
    }
    if let Some(tags) = &tags {
        store::retag(tx, id, &row.tags, tags).await?;
    }
    let changes = store::Changes {
        name: name.into_change(),
        image: image.into_change(),
        custom,
        config: Some(serde_json::to_value(&new).map_err(Error::internal)?),
        tags,
        updated_at: now,
    };
    write(tx, caller, id, changes, entries, now).await
}

/// Writes what changes as one durable change, and tells it.
pub async fn write(
    tx: &TenantTx,
    caller: &Caller,
    id: ChannelId,
    changes: store::Changes,
    entries: &mut Entries,
    now: DateTime<Utc>,
) -> Result<Channel> {
    store::update(tx, id, changes).await?;
    let change = Change::begin(tx, id, 0, now).await?;
    change.tell(
        entries,
        EventType::ChannelUpdated,
        json!({ "channel": view::shared(change.row.clone())? }),
    )?;
    view::channel(tx, caller.user(), change.row, now).await
}

/// The customer's fields after the request: replaced as a whole, or some of them; `None` if it does not name them.
pub fn custom_after(
    old: &Value,
    whole: Patch<Custom>,
    set: Option<Custom>,
    unset: Option<Vec<String>>,
) -> Result<Option<Value>> {
    let refuse = |why: &str| Err(Error::with(ErrorCode::InvalidRequest, why));
    if set.is_none() && unset.is_none() {
        return Ok(whole.into_change().map(|custom| Value::Object(custom.unwrap_or_default().0)));
    }
    if !whole.is_absent() {
        return refuse("`custom` replaces all fields; it goes without `custom_set` and `custom_unset`.");
    }
    let (set, unset) = (set.unwrap_or_default(), unset.unwrap_or_default());
    if unset.iter().any(|field| set.0.contains_key(field)) {
        return refuse("A field is both in `custom_set` and in `custom_unset`.");
    }
    let mut fields = custom(old.clone());
    fields.0.retain(|field, _| !unset.contains(field));
    fields.0.extend(set.0);
    validate::custom(&fields)?;
    Ok(Some(Value::Object(fields.0)))
}

/// Deletes the channel for everybody: it is no longer found, nothing is said on it any more, and what was said is removed. Members of a channel
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
    let access = access::require_locked(tx, caller, id, Capability::DeleteChannel).await?;
    store::retag(tx, id, &access.row.tags, &[]).await?;
    let change = Change::begin(tx, id, 0, now).await?;
    change.tell(entries, EventType::ChannelDeleted, json!({}))?;
    store::delete(tx, id, now).await?;
    removal::of_deleted(tx, &change.row, entries, now).await?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_of_the_customers_fields_change_and_the_others_stay() {
        let old = json!({ "a": 1, "b": 2, "c": { "d": 3 } });
        let object = |value: Value| serde_json::from_value::<Custom>(value).unwrap();
        let after = |whole, set: Option<Value>, unset: Option<&[&str]>| {
            let unset = unset.map(|unset| unset.iter().map(|field| (*field).to_owned()).collect());
            custom_after(&old, whole, set.map(object), unset).map_err(|error| error.code())
        };
        assert_eq!(after(Patch::Absent, None, None), Ok(None));
        assert_eq!(after(Patch::Clear, None, None), Ok(Some(json!({}))));
        assert_eq!(
            after(Patch::Absent, Some(json!({ "b": null, "e": 5 })), Some(&["a", "x"])),
            Ok(Some(json!({ "b": null, "c": { "d": 3 }, "e": 5 })))
        );
        assert_eq!(after(Patch::Absent, None, Some(&[])), Ok(Some(old.clone())));
        assert_eq!(after(Patch::Clear, Some(json!({})), None), Err(ErrorCode::InvalidRequest));
        assert_eq!(
            after(Patch::Absent, Some(json!({ "a": 2 })), Some(&["a"])),
            Err(ErrorCode::InvalidRequest)
        );
        let large = json!({ "x": "y".repeat(5100) });
        assert_eq!(after(Patch::Absent, Some(large), None), Err(ErrorCode::CustomTooLarge));
    }
}
