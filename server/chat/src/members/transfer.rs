//! Handing a channel over.

use chrono::{DateTime, Utc};
use parlor_platform::Result;
use parlor_platform::db::TenantTx;
use parlor_platform::outbox::Entries;
use parlor_protocol::{Capability, ChannelId, ErrorCode, EventType, Role, UserId};
use serde_json::json;

use super::store;
use crate::channels::access;
use crate::channels::change::Change;
use crate::permissions::{self, Actor};
use crate::web::Caller;

/// Makes a member the owner and the calling owner an admin, in one transaction: nobody sees a channel with two owners or
/// none. A repetition, by one who is an admin since, changes nothing.
pub async fn transfer(
    tx: &TenantTx,
    caller: &Caller,
    channel: ChannelId,
    to: &UserId,
    entries: &mut Entries,
    now: DateTime<Utc>,
) -> Result<()> {
    let access = access::require_locked(tx, caller, channel, Capability::ReadChannel).await?;
    let from = caller.user().ok_or(ErrorCode::UserOnly)?;
    let target = store::find(tx, channel, to).await?.map(|member| member.role()).transpose()?;
    if access.actor == Actor::Member(Role::Admin) && target == Some(Role::Owner) {
        return Ok(());
    }
    let capability = Capability::TransferOwnership;
    permissions::require(access.actor, capability, access.channel.kind, &access.channel.config)?;
    let target = target.ok_or(ErrorCode::MemberNotFound)?;
    if from == to {
        return Ok(());
    }
    let mut roles = vec![(from, Role::Admin)];
    if target != Role::Owner {
        roles.push((to, Role::Owner));
    }
    // In the order of ids, as the rows are read back.
    roles.sort_unstable();
    let changes = Change::begin_steps(tx, channel, i32::try_from(roles.len()).unwrap_or(2), now).await?;
    let steps: Vec<_> =
        roles.iter().zip(&changes).map(|((user, role), change)| (*user, *role, change.seq())).collect();
    store::set_roles(tx, channel, &steps).await?;
    let ids: Vec<&str> = roles.iter().map(|(user, _)| user.as_str()).collect();
    for (row, change) in store::rows(tx, channel, &ids).await?.into_iter().zip(&changes) {
        change.tell(entries, EventType::MemberUpdated, json!({ "member": row.into_member()? }))?;
    }
    Ok(())
}
