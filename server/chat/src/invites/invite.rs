//! Inviting, and taking it back.

use std::collections::HashSet;

use chrono::{DateTime, Duration, Utc};
use parlor_platform::db::TenantTx;
use parlor_platform::outbox::Entries;
use parlor_platform::{Error, Result};
use parlor_protocol::limits::{INVITE_DAYS, INVITE_DAYS_MOST};
use parlor_protocol::member::{AddMembers, NewMember};
use parlor_protocol::{ChannelId, ErrorCode, EventType, Invite, InviteState, UserId};
use serde_json::json;

use super::store;
use crate::members::store as members;
use crate::permissions::{Actor, may_remove};
use crate::users::change::UserChange;
use crate::web::Caller;

/// Invites those who are neither members nor invited to the same already. Gives the open invitations of all that were
/// named. The caller must hold the channel's row.
pub async fn invite(
    tx: &TenantTx,
    caller: &Caller,
    channel: ChannelId,
    request: &AddMembers,
    entries: &mut Entries,
    now: DateTime<Utc>,
) -> Result<Vec<Invite>> {
    let expires_at = request.expires_at.unwrap_or(now + Duration::days(INVITE_DAYS));
    if expires_at <= now || expires_at > now + Duration::days(INVITE_DAYS_MOST) {
        return Err(Error::with(
            ErrorCode::InvalidRequest,
            "An invitation ends in the future, within a year.",
        ));
    }
    let ids: Vec<&str> = request.members.iter().map(|member| member.user_id.as_str()).collect();
    let mut settled: HashSet<String> = members::rows(tx, channel, &ids)
        .await?
        .into_iter()
        .filter(|row| row.removed_at.is_none())
        .map(|row| row.user_id)
        .collect();
    let open = store::of_channel(tx, channel, &ids).await?;
    for row in open {
        let same =
            |member: &NewMember| member.user_id.as_str() == row.user_id && member.role.as_str() == row.role;
        if row.state(now)? == InviteState::Pending
            && row.hide_history == request.hide_history
            && request.members.iter().any(same)
        {
            settled.insert(row.user_id);
        }
    }
    let fresh: Vec<&NewMember> =
        request.members.iter().filter(|member| !settled.contains(member.user_id.as_str())).collect();
    if !fresh.is_empty() {
        let terms =
            store::Terms { invited_by: caller.user(), hide_history: request.hide_history, expires_at };
        store::put(tx, channel, &fresh, &terms, now).await?;
    }
    let mut invites = Vec::new();
    for row in store::of_channel(tx, channel, &ids).await? {
        let invite = row.into_invite(now)?;
        if fresh.iter().any(|member| member.user_id == invite.user.id) {
            tell(tx, entries, &invite, now)?;
        }
        if invite.state == InviteState::Pending {
            invites.push(invite);
        }
    }
    Ok(invites)
}

/// Takes an open invitation back. The caller must hold the channel's row.
pub async fn revoke(
    tx: &TenantTx,
    actor: Actor,
    channel: ChannelId,
    user: &UserId,
    entries: &mut Entries,
    now: DateTime<Utc>,
) -> Result<()> {
    let invite = store::find(tx, channel, user).await?.map(|row| row.into_invite(now)).transpose()?;
    let invite = invite.filter(|invite| invite.state == InviteState::Pending);
    let invite = invite.ok_or(ErrorCode::MemberNotFound)?;
    if !may_remove(actor, invite.role) {
        return Err(Error::with(
            ErrorCode::Forbidden,
            "Invitations to a lower role can be taken back, by moderators and above.",
        ));
    }
    end(tx, invite, InviteState::Revoked, entries, now).await.map(drop)
}

/// Ends an open invitation as a change of the user's own.
pub async fn end(
    tx: &TenantTx,
    invite: Invite,
    state: InviteState,
    entries: &mut Entries,
    now: DateTime<Utc>,
) -> Result<Invite> {
    let change = UserChange::begin(tx, &invite.user.id, now).await?;
    store::end(tx, invite.channel.id, &invite.user.id, state, change.seq()).await?;
    let invite = Invite { state, user_seq: change.seq(), ..invite };
    change.tell(entries, EventType::NotificationInvited, invite.channel.id, json!({ "invite": invite }))?;
    Ok(invite)
}

fn tell(tx: &TenantTx, entries: &mut Entries, invite: &Invite, now: DateTime<Utc>) -> Result<()> {
    let change = UserChange::taken(tx.app_id(), &invite.user.id, invite.user_seq, now);
    change.tell(entries, EventType::NotificationInvited, invite.channel.id, json!({ "invite": invite }))
}
