//! Changing and deleting a task.

use chrono::{DateTime, Utc};
use parlor_platform::Result;
use parlor_platform::db::TenantTx;
use parlor_platform::outbox::Entries;
use parlor_protocol::task::UpdateTask;
use parlor_protocol::{Capability, ChannelId, ErrorCode, EventType, MessageId, Patch, Task, TaskId};
use serde_json::json;
use uuid::Uuid;

use super::{check, locked, require_member, store};
use crate::channels::change::Change;
use crate::channels::store::ChannelRow;
use crate::permissions::{may, require, require_no_approval};
use crate::web::Caller;

/// Changes what the request names. What leaves the task as it is takes no `seq` and is told to nobody.
pub async fn update(
    tx: &TenantTx,
    caller: &Caller,
    id: TaskId,
    request: UpdateTask,
    entries: &mut Entries,
    now: DateTime<Utc>,
) -> Result<Task> {
    check(request.title.as_ref(), request.due_at.value())?;
    let (access, old) = locked(tx, caller, id).await?;
    require(access.actor, Capability::SendMessage, access.channel.kind, &access.channel.config)?;
    if old.deleted_at.is_some() {
        return Err(ErrorCode::TaskNotFound.into());
    }
    let mut task = old.clone();
    if let Some(title) = request.title.filter(|title| *title != old.title) {
        require_no_approval(access.actor, access.channel.kind, &access.channel.config)?;
        task.title = title;
    }
    task.status = request.status.unwrap_or(task.status);
    request.assignee_id.apply(&mut task.assignee_id);
    match request.due_at {
        Patch::Set(time) => task.due_at = Some(store::to_microseconds(time)),
        other => other.apply(&mut task.due_at),
    }
    if task == old {
        return Ok(old);
    }
    if task.assignee_id != old.assignee_id {
        require_member(tx, task.channel_id, task.assignee_id.as_ref()).await?;
    }
    let change = Change::begin(tx, task.channel_id, 0, now).await?;
    (task.updated_at, task.updated_seq) = (now, change.seq());
    store::update(tx, &task).await?;
    change.tell(entries, EventType::TaskUpdated, json!({ "task": task }))?;
    Ok(task)
}

/// Deletes a task: one that the caller made, or anybody's for moderators. A repetition changes nothing.
pub async fn delete(
    tx: &TenantTx,
    caller: &Caller,
    id: TaskId,
    entries: &mut Entries,
    now: DateTime<Utc>,
) -> Result<Task> {
    let (access, task) = locked(tx, caller, id).await?;
    let own = caller.user().is_some() && caller.user() == task.created_by.as_ref();
    let any = may(access.actor, Capability::DeleteAnyMessage, access.channel.kind, &access.channel.config);
    if !own && !any {
        return Err(ErrorCode::Forbidden.into());
    }
    if task.deleted_at.is_some() {
        return Ok(task);
    }
    end(tx, task, entries, now).await
}

/// The message is gone for good: nor may its words stand in a task. The caller holds the channel's row.
pub async fn forget(
    tx: &TenantTx,
    message: MessageId,
    entries: &mut Entries,
    now: DateTime<Utc>,
) -> Result<()> {
    // Those that were deleted before have no title any more.
    if let Some(row) = store::of_message(tx, message).await? {
        end(tx, row.into_task()?, entries, now).await?;
    }
    Ok(())
}

/// Tasks that are ended at once because their messages are gone.
const ENDED_AT_ONCE: usize = 50;

/// The messages up to a `seq` are gone, and so is what was to be done about them. `true`: there may be more of it. The
/// caller holds the channel's row.
pub async fn forget_up_to(
    tx: &TenantTx,
    channel: ChannelId,
    upto: i64,
    entries: &mut Entries,
    now: DateTime<Utc>,
) -> Result<bool> {
    let rows = store::of_messages_up_to(tx, channel, upto, ENDED_AT_ONCE as i64).await?;
    let Ok(count @ 1..) = i32::try_from(rows.len()) else { return Ok(false) };
    let changes = Change::begin_steps(tx, channel, count, now).await?;
    let mut tasks = rows.into_iter().map(store::TaskRow::into_task).collect::<Result<Vec<_>>>()?;
    for (task, change) in tasks.iter_mut().zip(&changes) {
        tell_end(task, change, entries, now)?;
    }
    store::end(tx, &tasks, now).await?;
    Ok(tasks.len() == ENDED_AT_ONCE)
}

/// Messages of any channels are gone for good, and so is what was to be done about them. The caller holds those of the
/// channels that have such tasks.
pub async fn forget_all(
    tx: &TenantTx,
    held: Vec<ChannelRow>,
    messages: &[Uuid],
    entries: &mut Entries,
    now: DateTime<Utc>,
) -> Result<()> {
    let rows = store::of_messages(tx, messages).await?;
    if rows.is_empty() {
        return Ok(());
    }
    let mut tasks = rows.into_iter().map(store::TaskRow::into_task).collect::<Result<Vec<_>>>()?;
    let places: Vec<ChannelId> = tasks.iter().map(|task| task.channel_id).collect();
    let changes = Change::begin_in(tx, held, &places, now).await?;
    for (task, change) in tasks.iter_mut().zip(&changes) {
        tell_end(task, change, entries, now)?;
    }
    store::end(tx, &tasks, now).await
}

fn tell_end(task: &mut Task, change: &Change, entries: &mut Entries, now: DateTime<Utc>) -> Result<()> {
    task.title.clear();
    (task.updated_at, task.deleted_at, task.updated_seq) = (now, Some(now), change.seq());
    change.tell(entries, EventType::TaskDeleted, json!({ "task": task }))
}

async fn end(tx: &TenantTx, mut task: Task, entries: &mut Entries, now: DateTime<Utc>) -> Result<Task> {
    let change = Change::begin(tx, task.channel_id, 0, now).await?;
    tell_end(&mut task, &change, entries, now)?;
    store::update(tx, &task).await?;
    Ok(task)
}
