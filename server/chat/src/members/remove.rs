//! Ending a membership: removed by somebody, or by oneself.

use chrono::{DateTime, Utc};
use parlor_platform::db::TenantTx;
use parlor_platform::outbox::Entries;
use parlor_platform::{Error, Result};
use parlor_protocol::{Capability, ChannelId, ErrorCode, EventType, Role, UserId};
use serde_json::json;

use super::{store, tell_users};
use crate::channels::access;
use crate::channels::change::Change;
use crate::invites;
use crate::permissions::may_remove;
use crate::realtime::unsubscribe;
use crate::web::Caller;

/// Ends a membership and takes the realtime channel away; of one who is only invited, takes back the invitation. The last
/// owner can't go while others stay.
pub async fn remove(
    tx: &TenantTx,
    caller: &Caller,
    channel: ChannelId,
    user: &UserId,
    entries: &mut Entries,
    now: DateTime<Utc>,
) -> Result<()> {
    let access = access::require_locked(tx, caller, channel, Capability::ReadChannel).await?;
    let target = store::find(tx, channel, user).await?;
    let itself = caller.user() == Some(user);
    let Some(target) = target else {
        if itself {
            return Err(ErrorCode::NotAMember.into());
        }
        return invites::revoke(tx, access.actor, channel, user, entries, now).await;
    };
    let role = target.role()?;
    if !itself && !may_remove(access.actor, role) {
        return Err(Error::with(
            ErrorCode::Forbidden,
            "Members of a lower role can be removed, by moderators and above.",
        ));
    }
    let last_owner = role == Role::Owner && store::owners(tx, channel).await? == 1;
    if last_owner && access.row.member_count > 1 && !caller.is_server() {
        return Err(ErrorCode::LastOwner.into());
    }
    let change = Change::begin(tx, channel, -1, now).await?;
    store::remove(tx, channel, user, change.seq(), now).await?;
    let mut member = target.into_member()?;
    member.removed_at = Some(now);
    member.updated_seq = change.seq();
    let data = json!({ "member": member, "member_count": change.row.member_count });
    change.tell(entries, EventType::MemberRemoved, data)?;
    // In the channel's lane, after the event: the one who goes still hears why.
    entries.command(&channel.0, unsubscribe(tx.app_id(), user, channel));
    let kind = EventType::NotificationRemovedFromChannel;
    tell_users(entries, tx.app_id(), kind, channel, std::iter::once(user), now)
}
