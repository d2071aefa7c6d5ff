//! Changing what is one's own of a membership.

use chrono::{DateTime, Utc};
use parlor_platform::db::TenantTx;
use parlor_platform::outbox::Entries;
use parlor_platform::{Error, Result};
use parlor_protocol::membership::UpdateMembership;
use parlor_protocol::{ChannelId, ErrorCode, EventType, Member, UserId};
use serde_json::json;

use super::store;
use crate::channels::store as channels;
use crate::members::store::{self as members, MemberRow};
use crate::users::change::UserChange;
use crate::validate;

/// Changes what the request names. What leaves the membership as it is takes no number and is told to nobody.
pub async fn update(
    tx: &TenantTx,
    user: &UserId,
    channel: ChannelId,
    request: &UpdateMembership,
    entries: &mut Entries,
    now: DateTime<Utc>,
) -> Result<Member> {
    let until = request.muted.value().and_then(|mute| mute.until);
    validate::readable_time(until.as_ref(), ErrorCode::InvalidRequest)?;
    if until.is_some_and(|until| until <= now) {
        return Err(Error::with(ErrorCode::InvalidRequest, "A channel is muted until a time in the future."));
    }
    let row = channels::find(tx, channel).await?.ok_or(ErrorCode::ChannelNotFound)?;
    members::lock(tx, channel, user).await?.ok_or(ErrorCode::NotAMember)?;
    let member = members::find(tx, channel, user).await?.ok_or(ErrorCode::NotAMember)?;
    let old = member.settings.clone().at(now);
    let new = old.clone().changed(request, &row, now);
    if new == old {
        return member.into_own(row.ordinal, now);
    }
    let change = UserChange::begin(tx, user, now).await?;
    store::write(tx, channel, user, &new, change.seq()).await?;
    let member = MemberRow { settings: new, user_seq: change.seq(), ..member }.into_own(row.ordinal, now)?;
    let data = json!({ "channel_id": channel, "membership": member });
    change.tell(entries, EventType::MembershipUpdated, channel, data)?;
    Ok(member)
}
