//! `/tasks`, `/messages/{id}/task` and `/channels/{id}/tasks`.

use actix_web::web::Data;
use actix_web::{HttpResponse, delete, get, patch, post};
use parlor_platform::{Error, Result};
use parlor_protocol::task::{CreateTask, TaskStatus, UpdateTask};
use parlor_protocol::{Capability, ErrorCode, InvalidUserId, MessageId, Page, Task, TaskId, UserId};
use serde::Deserialize;

use super::{change, create, store};
use crate::Chat;
use crate::channels::access;
use crate::web::{Caller, ChannelRef, Id, Params, ValidJson, decode, encode, limit, one_more};

/// Adds the routes of this file.
pub fn configure(config: &mut utoipa_actix_web::service_config::ServiceConfig<'_>) {
    config
        .service(create_one)
        .service(update_one)
        .service(delete_one)
        .service(list_of_channel)
        .service(list_of_assignee);
}

/// Make a task of a message: 201 if it is new, 200 with the task that the message is already.
#[utoipa::path(tag = "tasks", params(("id" = String, Path,)), request_body = CreateTask, responses((status = 201, body = Task), (status = 200, body = Task)))]
#[post("/messages/{id}/task")]
async fn create_one(
    chat: Data<Chat>,
    caller: Caller,
    id: Id<MessageId>,
    body: ValidJson<CreateTask>,
) -> Result<HttpResponse> {
    let (task, created) = chat
        .change(caller.app(), async |tx, entries, now| {
            create::create(tx, &caller, id.0, body.value, entries, now).await
        })
        .await?;
    let mut response = if created { HttpResponse::Created() } else { HttpResponse::Ok() };
    Ok(response.json(task))
}

/// Change a task. What changes nothing takes no `seq`.
#[utoipa::path(tag = "tasks", params(("id" = String, Path,)), request_body = UpdateTask, responses((status = 200, body = Task)))]
#[patch("/tasks/{id}")]
async fn update_one(
    chat: Data<Chat>,
    caller: Caller,
    id: Id<TaskId>,
    body: ValidJson<UpdateTask>,
) -> Result<HttpResponse> {
    let task = chat
        .change(caller.app(), async |tx, entries, now| {
            change::update(tx, &caller, id.0, body.value, entries, now).await
        })
        .await?;
    Ok(HttpResponse::Ok().json(task))
}

/// Delete a task that one made; moderators delete anybody's. The message stays.
#[utoipa::path(tag = "tasks", params(("id" = String, Path,)), responses((status = 200, body = Task)))]
#[delete("/tasks/{id}")]
async fn delete_one(chat: Data<Chat>, caller: Caller, id: Id<TaskId>) -> Result<HttpResponse> {
    let task = chat
        .change(caller.app(), async |tx, entries, now| change::delete(tx, &caller, id.0, entries, now).await)
        .await?;
    Ok(HttpResponse::Ok().json(task))
}

/// Whose tasks.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "String")]
enum Assignee {
    /// The caller's.
    Me,
    /// This user's.
    User(UserId),
}

impl TryFrom<String> for Assignee {
    type Error = InvalidUserId;

    fn try_from(text: String) -> Result<Self, InvalidUserId> {
        if text == "me" { Ok(Self::Me) } else { UserId::new(text).map(Self::User) }
    }
}

impl Assignee {
    /// Who it is.
    fn of(self, caller: &Caller) -> Result<UserId> {
        match self {
            Self::User(user) => Ok(user),
            Self::Me => caller.user().cloned().ok_or_else(|| ErrorCode::UserOnly.into()),
        }
    }
}

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct ChannelQuery {
    /// Only what this user shall do; `me` for oneself.
    #[param(value_type = Option<String>)]
    assignee: Option<Assignee>,
    /// Only tasks that are so far.
    #[param(inline)]
    status: Option<TaskStatus>,
    /// 1 to 100, 50 unless given.
    limit: Option<u32>,
    /// From `next` of the page before.
    cursor: Option<String>,
}

/// A channel's tasks, newest first: those of messages that the caller may read.
#[utoipa::path(tag = "tasks", params(("id" = String, Path,), ChannelQuery), responses((status = 200, body = Page<Task>)))]
#[get("/channels/{id}/tasks")]
async fn list_of_channel(
    chat: Data<Chat>,
    caller: Caller,
    id: Id<ChannelRef>,
    query: Params<ChannelQuery>,
) -> Result<HttpResponse> {
    let ChannelQuery { assignee, status, limit: asked, cursor } = query.0;
    let size = limit(asked)?;
    let assignee = assignee.map(|assignee| assignee.of(&caller)).transpose()?;
    let before = decode("tasks", cursor.as_deref())?;
    let channel = id.0.resolve(&chat, caller.app()).await?;
    let tx = chat.db.tenant(caller.app()).await?;
    access::require(&tx, &caller, channel, Capability::ReadChannel).await?;
    let part = store::Part { status, before, limit: one_more(size) };
    let rows = store::page_of_channel(&tx, channel, assignee.as_ref(), caller.user(), part).await?;
    tx.commit().await?;
    let page = Page::of(rows, size, |row| encode("tasks", &row.id))?;
    Ok(HttpResponse::Ok().json(page.try_map(store::TaskRow::into_task)?))
}

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct AssigneeQuery {
    /// Whose tasks: for users `me`, for the customer's server any user's id.
    #[param(value_type = String)]
    assignee: Assignee,
    /// Only tasks that are so far.
    #[param(inline)]
    status: Option<TaskStatus>,
    /// 1 to 100, 50 unless given.
    limit: Option<u32>,
    /// From `next` of the page before.
    cursor: Option<String>,
}

/// What one shall do, in channels that one can still read, newest first; for the customer's server what a user shall do in
/// any channel. What others shall do users find by channel.
#[utoipa::path(tag = "tasks", params(AssigneeQuery), responses((status = 200, body = Page<Task>)))]
#[get("/tasks")]
async fn list_of_assignee(
    chat: Data<Chat>,
    caller: Caller,
    query: Params<AssigneeQuery>,
) -> Result<HttpResponse> {
    let AssigneeQuery { assignee, status, limit: asked, cursor } = query.0;
    let assignee = assignee.of(&caller)?;
    if caller.user().is_some_and(|user| *user != assignee) {
        let why = "Users list their own tasks with `me`, and others' by channel.";
        return Err(Error::with(ErrorCode::InvalidParameter, why));
    }
    let size = limit(asked)?;
    let before = decode("my-tasks", cursor.as_deref())?;
    let tx = chat.db.tenant(caller.app()).await?;
    let part = store::Part { status, before, limit: one_more(size) };
    let rows = store::page_of_assignee(&tx, &assignee, caller.user(), part).await?;
    tx.commit().await?;
    let page = Page::of(rows, size, |row| encode("my-tasks", &row.id))?;
    Ok(HttpResponse::Ok().json(page.try_map(store::TaskRow::into_task)?))
}
