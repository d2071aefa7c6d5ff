//! Changing and cancelling a scheduled message, for as long as it waits.

use chrono::{DateTime, Utc};
use parlor_platform::db::TenantTx;
use parlor_platform::outbox::Entries;
use parlor_platform::{Error, Result};
use parlor_protocol::limits::SCHEDULE_AHEAD_S;
use parlor_protocol::message::UpdateMessage;
use parlor_protocol::scheduled::{ScheduledState, UpdateScheduledMessage};
use parlor_protocol::{Capability, ErrorCode, EventType, MessageId, ScheduledMessage};
use serde_json::json;

use super::create::require_content;
use super::store::{self, ScheduledRow};
use crate::channels::access;
use crate::due::{self, Kind};
use crate::messages::send;
use crate::users::change::UserChange;
use crate::users::store as users;
use crate::web::Caller;
use crate::{content, validate};

/// One's own, or for the server anybody's. Of others' nobody learns.
pub async fn own(tx: &TenantTx, caller: &Caller, id: MessageId) -> Result<ScheduledRow> {
    let row = store::find(tx, id).await?.ok_or(ErrorCode::ScheduledNotFound)?;
    match caller.user() {
        Some(user) if !row.is_of(user) => Err(ErrorCode::ScheduledNotFound.into()),
        _ => Ok(row),
    }
}

/// The same, holding its author's row and then its own, so that it is not sent meanwhile.
async fn locked(tx: &TenantTx, caller: &Caller, id: MessageId) -> Result<ScheduledRow> {
    let user = own(tx, caller, id).await?.user_id;
    users::lock(tx, &[&user]).await?;
    store::lock(tx, id).await?.ok_or_else(|| ErrorCode::ScheduledNotFound.into())
}

/// Changes what the request names. What leaves it as it is takes no `seq` and is told to nobody.
pub async fn update(
    tx: &TenantTx,
    caller: &Caller,
    id: MessageId,
    request: UpdateScheduledMessage,
    entries: &mut Entries,
    now: DateTime<Utc>,
) -> Result<ScheduledMessage> {
    let mut row = locked(tx, caller, id).await?;
    let channel = row.channel_id.into();
    let access = access::require(tx, caller, channel, Capability::SendMessage).await?;
    let old = row.clone().into_scheduled()?;
    let Some(mut content) = old.content.clone().filter(|_| old.state == ScheduledState::Waiting) else {
        return Err(ErrorCode::NotWaiting.into());
    };
    request.reply_to_id.apply(&mut content.reply_to_id);
    let said = UpdateMessage {
        text: request.text,
        content_type: request.content_type,
        content: request.content,
        mentions: request.mentions,
        group_mentions: request.group_mentions,
        attachments: request.attachments,
        custom: request.custom,
        custom_set: None,
        custom_unset: None,
    };
    content::replace(&mut content, said)?;
    send::check(&mut content, caller.is_server())?;
    let send_at = request.send_at.map_or(old.send_at, validate::stored);
    if send_at == old.send_at && old.content.as_ref() == Some(&content) {
        return Ok(old);
    }
    if send_at != old.send_at {
        validate::future(send_at, now, SCHEDULE_AHEAD_S)?;
    }
    require_content(tx, &access, &content).await?;
    let user = old.user_id;
    let change = UserChange::begin(tx, &user, now).await?;
    row.content = Some(serde_json::to_value(&content).map_err(Error::internal)?);
    row.send_at = send_at;
    // It is sent with the rights of who said last what it says.
    row.by_server = caller.is_server();
    row.user_seq = change.seq();
    row.updated_at = now;
    store::update(tx, row.clone()).await?;
    due::store::put(tx, Kind::ScheduledMessage, &user, id.0, send_at).await?;
    let scheduled = row.into_scheduled()?;
    let data = json!({ "scheduled_message": scheduled });
    change.tell(entries, EventType::ScheduledMessageUpdated, channel, data)?;
    Ok(scheduled)
}

/// Cancels a message that waits; one that failed is no longer listed. A repetition changes nothing.
pub async fn cancel(
    tx: &TenantTx,
    caller: &Caller,
    id: MessageId,
    entries: &mut Entries,
    now: DateTime<Utc>,
) -> Result<()> {
    let mut row = locked(tx, caller, id).await?;
    let old = row.clone().into_scheduled()?;
    match old.state {
        ScheduledState::Waiting | ScheduledState::Failed => {}
        ScheduledState::Cancelled => return Ok(()),
        ScheduledState::Sending | ScheduledState::Sent | ScheduledState::Pending => {
            return Err(ErrorCode::NotWaiting.into());
        }
    }
    let change = UserChange::begin(tx, &old.user_id, now).await?;
    ScheduledState::Cancelled.as_str().clone_into(&mut row.state);
    row.content = None;
    row.user_seq = change.seq();
    row.updated_at = now;
    store::update(tx, row.clone()).await?;
    due::store::remove(tx, Kind::ScheduledMessage, &[(&old.user_id, id.0)]).await?;
    let data = json!({ "scheduled_message": row.into_scheduled()? });
    change.tell(entries, EventType::ScheduledMessageDeleted, old.channel_id, data)
}
