//! Making a task of a message.

use chrono::{DateTime, Utc};
use parlor_platform::db::TenantTx;
use parlor_platform::outbox::Entries;
use parlor_platform::{Error, Result};
use parlor_protocol::limits::NAME_CHARS;
use parlor_protocol::task::{CreateTask, TaskStatus};
use parlor_protocol::{Capability, ErrorCode, EventType, MessageId, Task, TaskId};
use serde_json::json;

use super::{check, require_member, store};
use crate::channels::change::Change;
use crate::messages::access;
use crate::permissions::require_no_approval;
use crate::web::Caller;

/// Gives the message's task and whether it is new. A message that is one already stays the one it is.
pub async fn create(
    tx: &TenantTx,
    caller: &Caller,
    message: MessageId,
    request: CreateTask,
    entries: &mut Entries,
    now: DateTime<Utc>,
) -> Result<(Task, bool)> {
    check(request.title.as_ref(), request.due_at.as_ref())?;
    let (access, message) = access::locked(tx, caller, message, Capability::SendMessage).await?;
    if let Some(row) = store::of_message(tx, message.id).await? {
        return Ok((row.into_task()?, false));
    }
    if message.deleted_at.is_some() {
        return Err(ErrorCode::MessageDeleted.into());
    }
    access::require_for_all(&message)?;
    let title = match request.title {
        Some(title) => {
            let (kind, config) = (access.channel.kind, &access.channel.config);
            require_no_approval(access.actor, kind, config)?;
            title
        }
        None => first_line(&message.text).ok_or_else(|| {
            Error::with(ErrorCode::InvalidRequest, "The message has no text, so the task needs a title.")
        })?,
    };
    require_member(tx, message.channel_id, request.assignee_id.as_ref()).await?;
    let change = Change::begin(tx, message.channel_id, 0, now).await?;
    let task = Task {
        id: TaskId::new(),
        channel_id: message.channel_id,
        message_id: message.id,
        title,
        status: TaskStatus::Open,
        assignee_id: request.assignee_id,
        due_at: request.due_at.map(store::to_microseconds),
        created_by: caller.user().cloned(),
        created_at: now,
        updated_at: now,
        deleted_at: None,
        updated_seq: change.seq(),
    };
    store::insert(tx, &task).await?;
    change.tell(entries, EventType::TaskCreated, json!({ "task": task }))?;
    Ok((task, true))
}

/// The first line that says something, as far as a title goes.
fn first_line(text: &str) -> Option<String> {
    let line = text.lines().map(str::trim).find(|line| !line.is_empty())?;
    Some(line.chars().take(NAME_CHARS).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_is_the_first_line_that_says_something() {
        assert_eq!(first_line("\n  Call Ann \nsoon").as_deref(), Some("Call Ann"));
        assert_eq!(first_line(&"é".repeat(101)), Some("é".repeat(100)));
        assert_eq!(first_line(" \n\t"), None);
    }
}
