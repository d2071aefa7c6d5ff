//! Adding members, and joining by oneself.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use parlor_platform::db::TenantTx;
use parlor_platform::outbox::Entries;
use parlor_platform::{Error, Result};
use parlor_protocol::member::{AddMembers, AddedMembers, NewMember};
use parlor_protocol::{Capability, ChannelId, ChannelType, ErrorCode, EventType, Role, UserId};
use serde_json::json;

use super::{Past, require_active, store, tell_users};
use crate::channels::access;
use crate::channels::change::Change;
use crate::invites;
use crate::permissions::may_set_role;
use crate::validate;
use crate::web::Caller;

/// Adds members, or invites them; who is a member already stays as they are. Gives the rows of all that were named.
pub async fn add(
    tx: &TenantTx,
    caller: &Caller,
    channel: ChannelId,
    request: AddMembers,
    entries: &mut Entries,
    now: DateTime<Utc>,
) -> Result<AddedMembers> {
    validate::batch(request.members.len())?;
    if request.expires_at.is_some() && !request.invite {
        return Err(Error::with(ErrorCode::InvalidRequest, "Only invitations have an `expires_at`."));
    }
    let access = access::require_locked(tx, caller, channel, Capability::AddMembers).await?;
    if request.members.iter().any(|member| !may_set_role(access.actor, None, member.role)) {
        return Err(Error::with(ErrorCode::Forbidden, "Roles below one's own can be given."));
    }
    let ids: Vec<&str> = request.members.iter().map(|member| member.user_id.as_str()).collect();
    if ids.iter().collect::<HashSet<_>>().len() != ids.len() {
        return Err(Error::with(ErrorCode::InvalidRequest, "A user is named twice in the batch."));
    }
    require_active(tx, request.members.iter().map(|member| &member.user_id)).await?;
    let invites = if request.invite {
        invites::invite(tx, caller, channel, &request, entries, now).await?
    } else {
        enter(tx, channel, &request.members, Past::of(request.hide_history), entries, now).await?;
        Vec::new()
    };
    let rows = store::rows(tx, channel, &ids).await?.into_iter().filter(|row| row.removed_at.is_none());
    let items = rows.map(store::MemberRow::into_member).collect::<Result<_>>()?;
    Ok(AddedMembers { items, invites, next: None })
}

/// Joins an open channel, or a livestream.
pub async fn join(
    tx: &TenantTx,
    caller: &Caller,
    user: &UserId,
    channel: ChannelId,
    entries: &mut Entries,
    now: DateTime<Utc>,
) -> Result<()> {
    let row = crate::channels::store::lock(tx, channel).await?.ok_or(ErrorCode::ChannelNotFound)?;
    let access = access::of(tx, caller, row).await?;
    if access.membership.is_some() {
        return Ok(());
    }
    let livestream = access.channel.kind == ChannelType::Livestream;
    if !livestream && !access.channel.config.open {
        return Err(Error::with(ErrorCode::NotAMember, "The channel is not open; a member has to add you."));
    }
    let role = if livestream { Role::Guest } else { Role::Member };
    enter(tx, channel, &[NewMember { user_id: user.clone(), role }], Past::AsBefore, entries, now).await
}

/// Writes those who are no members yet as one change each, so that every event has its `seq`. The number of statements
/// does not depend on the number of members, because the channel's row is held meanwhile. An invitation that somebody
/// had is settled by that. With somebody new a distinct channel is no longer that of exactly those who were in it, and
/// becomes an ordinary one.
pub async fn enter(
    tx: &TenantTx,
    channel: ChannelId,
    members: &[NewMember],
    past: Past,
    entries: &mut Entries,
    now: DateTime<Utc>,
) -> Result<()> {
    if come(tx, channel, members, past, entries, now).await? > 0 {
        crate::channels::store::no_longer_distinct(tx, channel).await?;
    }
    Ok(())
}

/// The same for who belongs to the channel anyway: it stays the one of these members. Gives how many came.
pub async fn come(
    tx: &TenantTx,
    channel: ChannelId,
    members: &[NewMember],
    past: Past,
    entries: &mut Entries,
    now: DateTime<Utc>,
) -> Result<usize> {
    let ids: Vec<&str> = members.iter().map(|member| member.user_id.as_str()).collect();
    let present: HashSet<String> = store::rows(tx, channel, &ids)
        .await?
        .into_iter()
        .filter(|row| row.removed_at.is_none())
        .map(|row| row.user_id)
        .collect();
    let mut fresh: Vec<&NewMember> =
        members.iter().filter(|member| !present.contains(member.user_id.as_str())).collect();
    // In the order of ids, as they are read back, and so that two batches can't wait for each other's users.
    fresh.sort_by(|one, other| one.user_id.cmp(&other.user_id));
    let Ok(count @ 1..) = i32::try_from(fresh.len()) else { return Ok(0) };
    let changes = Change::begin_joins(tx, channel, count, now).await?;
    let by_config = changes.first().map(|change| change.row.config()).transpose()?;
    let hides = by_config.is_some_and(|config| config.hide_history_for_new_members);
    let past = if hides { Past::Hidden } else { past };
    let joins: Vec<store::Join<'_>> = fresh
        .iter()
        .zip(&changes)
        .map(|(member, change)| store::Join::at(member, &change.row, past))
        .collect();
    store::insert(tx, channel, &joins, now).await?;
    let ids: Vec<&str> = fresh.iter().map(|member| member.user_id.as_str()).collect();
    invites::store::settle(tx, channel, &ids).await?;
    let rows = store::rows(tx, channel, &ids).await?;
    for (row, change) in rows.into_iter().zip(&changes) {
        let data = json!({ "member": row.into_member()?, "member_count": change.row.member_count });
        change.tell(entries, EventType::MemberAdded, data)?;
    }
    let users = fresh.iter().map(|member| &member.user_id);
    tell_users(entries, tx.app_id(), EventType::NotificationAddedToChannel, channel, users, now)?;
    Ok(fresh.len())
}
