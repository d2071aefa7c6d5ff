//! Giving reminders whose time has come.

use chrono::{DateTime, Utc};
use parlor_platform::Result;
use parlor_protocol::reminder::ReminderState;
use parlor_protocol::{AppId, EventType, UserId};
use serde_json::json;
use uuid::Uuid;

use super::store;
use crate::due::{self, Claimed, Kind, Worker};
use crate::messages::view;
use crate::users::change::UserChanges;

/// Marks these as due and tells their users, each once: what another worker has given, or its user has changed
/// meanwhile, is left as it is.
pub async fn give(
    worker: &Worker,
    app: AppId,
    claimed: &[Claimed],
    lease_until: DateTime<Utc>,
) -> Result<()> {
    let (now, mut entries) = (worker.clock.now(), worker.entries());
    let mut users: Vec<&str> = claimed.iter().map(|thing| thing.user.as_str()).collect();
    users.sort_unstable();
    users.dedup();
    let tx = worker.db.tenant_for_job(app).await?;
    let mut changes = UserChanges::begin(&tx, &users, now).await?;
    let things: Vec<(&str, Uuid)> = claimed.iter().map(|thing| (thing.user.as_str(), thing.id)).collect();
    let rows = store::coming_due(&tx, &things, now).await?;
    let wanted: Vec<(&str, Uuid)> = rows.iter().map(|row| (row.user_id.as_str(), row.message_id)).collect();
    let mut messages = store::messages(&tx, &wanted).await?;
    let mut given: Vec<(UserId, Uuid, i64)> = Vec::with_capacity(rows.len());
    for mut row in rows {
        if let Some(time) = row.remind_at {
            worker.note_lag("reminder", time);
        }
        let user = row.user()?;
        let change = changes.next(&user)?;
        ReminderState::Due.as_str().clone_into(&mut row.state);
        row.user_seq = change.seq();
        let message = messages.remove(&(row.user_id.clone(), row.message_id));
        let message = message.map(|message| view::as_of(message, now));
        given.push((user, row.message_id, row.user_seq));
        let reminder = row.into_reminder(message)?;
        let channel = reminder.channel_id;
        change.tell(&mut entries, EventType::ReminderDue, channel, json!({ "reminder": reminder }))?;
    }
    changes.end(&tx).await?;
    store::set_due(&tx, &given).await?;
    let over: Vec<(&UserId, Uuid)> = given.iter().map(|(user, id, _)| (user, *id)).collect();
    due::store::remove(&tx, Kind::Reminder, &over).await?;
    worker.commit(tx, entries, now).await?;
    let is_given = |thing: &&Claimed| over.contains(&(&thing.user, thing.id));
    let gone: Vec<&Claimed> = claimed.iter().filter(|thing| !is_given(thing)).collect();
    due::store::drop_claimed(&worker.db, &gone, lease_until).await
}
