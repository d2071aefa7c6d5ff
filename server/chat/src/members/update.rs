//! Giving a member another role.

use chrono::{DateTime, Utc};
use parlor_platform::db::TenantTx;
use parlor_platform::outbox::Entries;
use parlor_platform::{Error, Result};
use parlor_protocol::{Capability, ChannelId, ErrorCode, EventType, Member, Role, UserId};
use serde_json::json;

use super::store;
use crate::channels::access;
use crate::channels::change::Change;
use crate::permissions::may_set_role;
use crate::web::Caller;

/// Sets a role below one's own; owners set every role.
pub async fn set_role(
    tx: &TenantTx,
    caller: &Caller,
    channel: ChannelId,
    user: &UserId,
    role: Role,
    entries: &mut Entries,
    now: DateTime<Utc>,
) -> Result<Member> {
    let access = access::require_locked(tx, caller, channel, Capability::UpdateRoles).await?;
    let target = store::find(tx, channel, user).await?.ok_or(ErrorCode::MemberNotFound)?;
    let old = target.role()?;
    if !may_set_role(access.actor, Some(old), role) {
        return Err(Error::with(
            ErrorCode::Forbidden,
            "Roles below one's own can be given, to members below it.",
        ));
    }
    if old == role {
        return target.into_member();
    }
    if old == Role::Owner && !caller.is_server() && store::owners(tx, channel).await? == 1 {
        return Err(ErrorCode::LastOwner.into());
    }
    let change = Change::begin(tx, channel, 0, now).await?;
    store::set_roles(tx, channel, &[(user, role, change.seq())]).await?;
    let row = store::find(tx, channel, user).await?.ok_or(ErrorCode::MemberNotFound)?;
    let member = row.into_member()?;
    change.tell(entries, EventType::MemberUpdated, json!({ "member": member }))?;
    Ok(member)
}
