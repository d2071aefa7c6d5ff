//! Saving a message for later, changing its reminder, and being done with it.

use chrono::{DateTime, Utc};
use parlor_platform::Result;
use parlor_platform::db::TenantTx;
use parlor_platform::outbox::Entries;
use parlor_protocol::limits::REMINDERS;
use parlor_protocol::reminder::{PutReminder, ReminderState};
use parlor_protocol::{ErrorCode, EventType, MessageId, Reminder, UserId};
use serde_json::json;

use super::store::{self, ReminderRow};
use crate::due::{self, Kind};
use crate::messages::{access, view};
use crate::users::change::UserChange;
use crate::users::store as users;
use crate::validate;
use crate::web::{Caller, UserCaller};

/// Saves a message, or changes time and note. What it was already takes no `seq`.
pub async fn put(
    tx: &TenantTx,
    caller: &UserCaller,
    id: MessageId,
    request: PutReminder,
    entries: &mut Entries,
    now: DateTime<Utc>,
) -> Result<Reminder> {
    let PutReminder { remind_at, note } = request;
    validate::note(note.as_ref())?;
    let (user, remind_at) = (&caller.user, remind_at.map(validate::stored));
    let (_, message) = access::readable(tx, &Caller::User(caller.clone()), id).await?;
    let message = view::as_of(message, now);
    users::lock(tx, &[user.as_str()]).await?;
    let old = store::find(tx, user, id).await?.filter(|old| old.deleted_at.is_none());
    let is_done = match &old {
        Some(old) => old.state()? == ReminderState::Done,
        None => false,
    };
    let live = old.as_ref().filter(|_| !is_done);
    if let Some(live) = live
        && live.remind_at == remind_at
        && live.note == note
    {
        return live.clone().into_reminder(Some(message).filter(|message| message.deleted_at.is_none()));
    }
    if message.deleted_at.is_some() {
        return Err(ErrorCode::MessageDeleted.into());
    }
    // A time that it has already may have passed.
    let keeps_time = live.is_some_and(|live| live.remind_at == remind_at);
    if let Some(time) = remind_at.filter(|_| !keeps_time) {
        validate::future(time, now, 0)?;
    }
    if live.is_none() && store::live(tx, user, REMINDERS).await? >= REMINDERS {
        return Err(ErrorCode::TooManyReminders.into());
    }
    let state = match (live, remind_at) {
        (Some(live), _) if keeps_time => live.state()?,
        (_, Some(_)) => ReminderState::Waiting,
        (_, None) => ReminderState::Saved,
    };
    let change = UserChange::begin(tx, user, now).await?;
    let row = ReminderRow {
        user_id: user.as_str().to_owned(),
        message_id: id.0,
        channel_id: message.channel_id.0,
        remind_at,
        note,
        state: state.as_str().to_owned(),
        user_seq: change.seq(),
        created_at: old.as_ref().map_or(now, |old| old.created_at),
        deleted_at: None,
    };
    let kind = if old.is_some() { EventType::ReminderUpdated } else { EventType::ReminderCreated };
    store::put(tx, row.clone()).await?;
    match remind_at.filter(|_| state == ReminderState::Waiting) {
        Some(time) => due::store::put(tx, Kind::Reminder, user, id.0, time).await?,
        None => due::store::remove(tx, Kind::Reminder, &[(user, id.0)]).await?,
    }
    let channel = message.channel_id;
    let reminder = row.into_reminder(Some(message))?;
    change.tell(entries, kind, channel, json!({ "reminder": reminder }))?;
    Ok(reminder)
}

/// Notes that the user has dealt with it. A repetition changes nothing.
pub async fn done(
    tx: &TenantTx,
    user: &UserId,
    id: MessageId,
    entries: &mut Entries,
    now: DateTime<Utc>,
) -> Result<Reminder> {
    let mut row = locked(tx, user, id).await?.filter(|row| row.deleted_at.is_none());
    let row = row.as_mut().ok_or(ErrorCode::ReminderNotFound)?;
    let message = store::message_of(tx, user, id).await?.map(|message| view::as_of(message, now));
    if row.state()? == ReminderState::Done {
        return row.clone().into_reminder(message);
    }
    let change = UserChange::begin(tx, user, now).await?;
    ReminderState::Done.as_str().clone_into(&mut row.state);
    row.user_seq = change.seq();
    store::put(tx, row.clone()).await?;
    due::store::remove(tx, Kind::Reminder, &[(user, id.0)]).await?;
    let reminder = row.clone().into_reminder(message)?;
    change.tell(entries, EventType::ReminderUpdated, reminder.channel_id, json!({ "reminder": reminder }))?;
    Ok(reminder)
}

/// Deletes a reminder. A repetition changes nothing.
pub async fn delete(
    tx: &TenantTx,
    user: &UserId,
    id: MessageId,
    entries: &mut Entries,
    now: DateTime<Utc>,
) -> Result<()> {
    let mut row = locked(tx, user, id).await?.ok_or(ErrorCode::ReminderNotFound)?;
    if row.deleted_at.is_some() {
        return Ok(());
    }
    let change = UserChange::begin(tx, user, now).await?;
    row.note = None;
    row.user_seq = change.seq();
    row.deleted_at = Some(now);
    store::put(tx, row.clone()).await?;
    due::store::remove(tx, Kind::Reminder, &[(user, id.0)]).await?;
    let data = json!({ "message_id": id, "channel_id": row.channel_id });
    change.tell(entries, EventType::ReminderDeleted, Some(row.channel_id.into()), data)
}

/// The user's row first, which holds all that is the user's own.
async fn locked(tx: &TenantTx, user: &UserId, id: MessageId) -> Result<Option<ReminderRow>> {
    users::lock(tx, &[user.as_str()]).await?;
    store::find(tx, user, id).await
}
