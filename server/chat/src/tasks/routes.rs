//! `/tasks`, `/messages/{id}/task` and `/channels/{id}/tasks`.

use actix_web::web::Data;
use actix_web::{HttpResponse, delete, get, patch, post};
use parlor_platform::Result;
use parlor_protocol::task::{CreateTask, TaskStatus, UpdateTask};
use parlor_protocol::{Capability, MessageId, Page, Task, TaskId};
use serde::Deserialize;

use super::{change, create, store};
use crate::Chat;
use crate::channels::access;
use crate::web::{Caller, ChannelRef, Id, Params, UserCaller, ValidJson, decode, encode, limit, one_more};

/// Adds the routes of this file.
pub fn configure(config: &mut utoipa_actix_web::service_config::ServiceConfig<'_>) {
    config
        .service(create_one)
        .service(update_one)
        .service(delete_one)
        .service(list_of_channel)
        .service(list_mine);
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

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct ChannelQuery {
    /// Only tasks that are so far.
    #[param(inline)]
    status: Option<TaskStatus>,
    /// 1 to 100, 50 unless given.
    limit: Option<u32>,
    /// From `next` of the page before.
    cursor: Option<String>,
}

/// A channel's tasks, newest first.
#[utoipa::path(tag = "tasks", params(("id" = String, Path,), ChannelQuery), responses((status = 200, body = Page<Task>)))]
#[get("/channels/{id}/tasks")]
async fn list_of_channel(
    chat: Data<Chat>,
    caller: Caller,
    id: Id<ChannelRef>,
    query: Params<ChannelQuery>,
) -> Result<HttpResponse> {
    let ChannelQuery { status, limit: asked, cursor } = query.0;
    let size = limit(asked)?;
    let before = decode("tasks", cursor.as_deref())?;
    let channel = id.0.resolve(&chat, caller.app()).await?;
    let tx = chat.db.tenant(caller.app()).await?;
    access::require(&tx, &caller, channel, Capability::ReadChannel).await?;
    let rows = store::page_of_channel(&tx, channel, status, before, one_more(size)).await?;
    tx.commit().await?;
    let page = Page::of(rows, size, |row| encode("tasks", &row.id))?;
    Ok(HttpResponse::Ok().json(page.try_map(store::TaskRow::into_task)?))
}

/// Whose tasks.
#[derive(Clone, Copy, Debug, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
enum Assignee {
    /// The caller's.
    Me,
}

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct MineQuery {
    /// Whose tasks: `me`.
    #[param(inline)]
    #[serde(rename = "assignee")]
    _assignee: Assignee,
    /// Only tasks that are so far.
    #[param(inline)]
    status: Option<TaskStatus>,
    /// 1 to 100, 50 unless given.
    limit: Option<u32>,
    /// From `next` of the page before.
    cursor: Option<String>,
}

/// What one shall do, in channels that one can still read, newest first.
#[utoipa::path(tag = "tasks", params(MineQuery), responses((status = 200, body = Page<Task>)))]
#[get("/tasks")]
async fn list_mine(chat: Data<Chat>, caller: UserCaller, query: Params<MineQuery>) -> Result<HttpResponse> {
    let MineQuery { status, limit: asked, cursor, .. } = query.0;
    let size = limit(asked)?;
    let before = decode("my-tasks", cursor.as_deref())?;
    let tx = chat.db.tenant(caller.app).await?;
    let rows = store::page_of_user(&tx, &caller.user, status, before, one_more(size)).await?;
    tx.commit().await?;
    let page = Page::of(rows, size, |row| encode("my-tasks", &row.id))?;
    Ok(HttpResponse::Ok().json(page.try_map(store::TaskRow::into_task)?))
}
