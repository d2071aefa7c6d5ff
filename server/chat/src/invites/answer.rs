//! Accepting and rejecting.

use chrono::{DateTime, Utc};
use parlor_platform::Result;
use parlor_platform::db::TenantTx;
use parlor_platform::outbox::{Command, Entries};
use parlor_protocol::member::NewMember;
use parlor_protocol::{Channel, ChannelId, ErrorCode, EventType, Invite, InviteState, UserId, event};
use serde_json::json;

use super::invite::end;
use super::store;
use crate::channels::change::hint;
use crate::channels::{store as channels, view};
use crate::members::{self, Past, store as member_rows};

/// Becomes a member. Who has accepted already, and is still one, gets the same answer.
pub async fn accept(
    tx: &TenantTx,
    user: &UserId,
    channel: ChannelId,
    entries: &mut Entries,
    now: DateTime<Utc>,
) -> Result<Channel> {
    channels::lock(tx, channel).await?.ok_or(ErrorCode::ChannelNotFound)?;
    let row = store::find(tx, channel, user).await?.ok_or(ErrorCode::InviteNotFound)?;
    let is_member = member_rows::find(tx, channel, user).await?.is_some();
    let hide_history = row.hide_history;
    let invite = row.into_invite(now)?;
    match (invite.state, is_member) {
        (InviteState::Accepted, true) => {}
        (InviteState::Pending, false) => {
            let member = NewMember { user_id: user.clone(), role: invite.role };
            members::enter(tx, channel, &[member], Past::of(hide_history), entries, now).await?;
        }
        _ => return Err(ErrorCode::InviteNotFound.into()),
    }
    let row = channels::find(tx, channel).await?.ok_or(ErrorCode::ChannelNotFound)?;
    view::channel(tx, Some(user), row, now).await
}

/// Says no; who invited hears of it, if they are a member still. A repetition changes nothing.
pub async fn reject(
    tx: &TenantTx,
    user: &UserId,
    channel: ChannelId,
    entries: &mut Entries,
    now: DateTime<Utc>,
) -> Result<Invite> {
    channels::lock(tx, channel).await?.ok_or(ErrorCode::ChannelNotFound)?;
    let row = store::find(tx, channel, user).await?.ok_or(ErrorCode::InviteNotFound)?;
    let invite = row.into_invite(now)?;
    match invite.state {
        InviteState::Rejected => return Ok(invite),
        InviteState::Pending => {}
        _ => return Err(ErrorCode::InviteNotFound.into()),
    }
    let invite = end(tx, invite, InviteState::Rejected, entries, now).await?;
    if let Some(inviter) = &invite.invited_by
        && member_rows::find(tx, channel, &inviter.id).await?.is_some()
    {
        let envelope = hint(EventType::InviteRejected, channel, now, json!({ "invite": invite }));
        let topic = event::user_topic(tx.app_id(), &inviter.id);
        entries.command(&inviter.id, Command::publish(topic, &envelope)?);
    }
    Ok(invite)
}
