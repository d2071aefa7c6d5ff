//! Scheduling a message.
//!
//! What a send would refuse now is refused now; what changes until its time is found out then.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use parlor_platform::crypto::sha256;
use parlor_platform::db::TenantTx;
use parlor_platform::outbox::Entries;
use parlor_platform::{Error, Result};
use parlor_protocol::limits::{SCHEDULE_AHEAD_S, SCHEDULED_MESSAGES};
use parlor_protocol::message::SendMessage;
use parlor_protocol::scheduled::{CreateScheduledMessage, ScheduledState};
use parlor_protocol::{Capability, ChannelId, ErrorCode, EventType, ScheduledMessage, UserId};
use serde_json::json;

use super::store::{self, ScheduledRow};
use crate::channels::access::{self, Access};
use crate::due::{self, Kind};
use crate::groups::store as groups;
use crate::members::{require_active, store as members};
use crate::messages::access::require_thread;
use crate::messages::send::{self, Item};
use crate::messages::store as messages;
use crate::permissions::Actor;
use crate::users::change::UserChange;
use crate::users::store as users;
use crate::web::Caller;
use crate::{mentions, validate};

/// Schedules a message; `false`: this id was scheduled before.
pub async fn create(
    tx: &TenantTx,
    caller: &Caller,
    channel: ChannelId,
    request: CreateScheduledMessage,
    entries: &mut Entries,
    now: DateTime<Utc>,
) -> Result<(ScheduledMessage, bool)> {
    let CreateScheduledMessage { send_at, mut message } = request;
    send::check(&mut message, caller.is_server())?;
    let (user, by_server) = (caller.acts_for(message.user_id.clone())?, caller.is_server());
    let id = message.id.unwrap_or_default();
    let content = SendMessage { id: None, user_id: None, ..message };
    let item = Item::new(tx.app_id(), channel, user.clone(), by_server, id, content)?;
    let fingerprint = fingerprint(&item, send_at)?;
    if by_server {
        require_active(tx, std::iter::once(&user)).await?;
    }
    users::lock(tx, &[user.as_str()]).await?;
    let known = store::find(tx, id).await?;
    if let Some(known) = &known
        && known.is_of(&user)
        && known.fingerprint == fingerprint
    {
        // Answered whatever has changed since: it was acknowledged, or should have been.
        return Ok((known.clone().into_scheduled()?, false));
    }
    let access = access::require(tx, caller, channel, Capability::SendMessage).await?;
    // After the rights: that an id is taken is for those to know who may send here.
    if known.is_some() || !messages::places(tx, &[id.0]).await?.is_empty() {
        return Err(ErrorCode::MessageIdReused.into());
    }
    let send_at = validate::future(send_at, now, SCHEDULE_AHEAD_S)?;
    require_content(tx, &access, &item.content).await?;
    if store::waiting(tx, &user, SCHEDULED_MESSAGES).await? >= SCHEDULED_MESSAGES {
        return Err(ErrorCode::TooManyScheduled.into());
    }
    let change = UserChange::begin(tx, &user, now).await?;
    let row = ScheduledRow {
        id: id.0,
        channel_id: channel.0,
        user_id: user.as_str().to_owned(),
        by_server,
        send_at,
        state: ScheduledState::Waiting.as_str().to_owned(),
        error: None,
        content: Some(serde_json::to_value(&item.content).map_err(Error::internal)?),
        fingerprint,
        user_seq: change.seq(),
        created_at: now,
        updated_at: now,
    };
    if !store::insert(tx, row.clone()).await? {
        return Err(ErrorCode::MessageIdReused.into());
    }
    due::store::put(tx, Kind::ScheduledMessage, &user, id.0, send_at).await?;
    let scheduled = row.into_scheduled()?;
    let data = json!({ "scheduled_message": scheduled });
    change.tell(entries, EventType::ScheduledMessageCreated, channel, data)?;
    Ok((scheduled, true))
}

/// Refuses what only the database can tell of a content.
pub async fn require_content(tx: &TenantTx, access: &Access, content: &SendMessage) -> Result<()> {
    let (channel, first) = (access.row.id(), access.history_from_seq());
    require_thread(tx, channel, first, content.parent_id, content.reply_to_id).await?;
    require_named(tx, content).await?;
    require_present(tx, access, content).await?;
    let (kind, config) = (access.channel.kind, &access.channel.config);
    mentions::allowed(access.actor, &content.group_mentions, kind, config, access.row.member_count)
}

/// Refuses users and groups that do not exist.
pub async fn require_named(tx: &TenantTx, content: &SendMessage) -> Result<()> {
    let named = content.mentions.iter().chain(content.visible_to.iter().flatten());
    let ids: Vec<&str> = named.map(UserId::as_str).collect();
    if !ids.is_empty() {
        let known: HashSet<String> = users::of(tx, &ids).await?.into_iter().map(|user| user.id).collect();
        if let Some(id) = ids.iter().find(|id| !known.contains(**id)) {
            return Err(Error::with(ErrorCode::UserUnknown, format!("There is no user {id:?}.")));
        }
    }
    let called = &content.group_mentions.groups;
    if !called.is_empty() && groups::count_of(tx, called).await? < called.len() {
        return Err(ErrorCode::GroupUnknown.into());
    }
    Ok(())
}

/// Refuses to let those read it who don't read the channel, but for the server.
async fn require_present(tx: &TenantTx, access: &Access, content: &SendMessage) -> Result<()> {
    let named: Vec<&UserId> = content.visible_to.iter().flatten().collect();
    if named.is_empty() || access.actor == Actor::Server || access.channel.kind.is_public() {
        return Ok(());
    }
    let present = members::present(tx, access.row.id(), &named).await?;
    match named.into_iter().find(|user| !present.contains(user.as_str())) {
        Some(absent) => {
            let why = format!("{:?} is not in the channel.", absent.as_str());
            Err(Error::with(ErrorCode::InvalidVisibility, why))
        }
        None => Ok(()),
    }
}

/// What makes it this scheduled message and no other: the message, and its time.
fn fingerprint(item: &Item, send_at: DateTime<Utc>) -> Result<i64> {
    let (message, time) = (item.fingerprint.to_be_bytes(), send_at.timestamp_micros().to_be_bytes());
    let hash = sha256(&[&message, &time]);
    hash.first_chunk().map(|bytes| i64::from_be_bytes(*bytes)).ok_or_else(|| Error::internal("no hash"))
}
