//! `/user_groups`.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse, delete, get, patch, post};
use parlor_platform::Result;
use parlor_protocol::group::{AddToUserGroup, CreateUserGroup, UpdateUserGroup};
use parlor_protocol::{ErrorCode, Page, UserGroup, UserGroupId, UserGroupMember, UserId};
use serde::Deserialize;
use uuid::Uuid;

use super::{change, store};
use crate::Chat;
use crate::web::{Caller, Id, Params, ServerCaller, ValidJson, decode, encode, limit, one_more, segment};

/// Adds the routes of this file.
pub fn configure(config: &mut utoipa_actix_web::service_config::ServiceConfig<'_>) {
    config
        .service(create)
        .service(list)
        .service(get_one)
        .service(rename)
        .service(delete_one)
        .service(members)
        .service(add)
        .service(remove);
}

/// Make a group of users, to be mentioned together. 200 with the group as it is if there is one with this id. Only for the
/// server.
#[utoipa::path(
    tag = "user groups", request_body = CreateUserGroup,
    responses((status = 201, body = UserGroup), (status = 200, body = UserGroup))
)]
#[post("/user_groups")]
async fn create(
    chat: Data<Chat>,
    caller: ServerCaller,
    body: ValidJson<CreateUserGroup>,
) -> Result<HttpResponse> {
    let (group, created) =
        chat.change(caller.app, async |tx, _, now| change::create(tx, body.value, now).await).await?;
    let mut response = if created { HttpResponse::Created() } else { HttpResponse::Ok() };
    Ok(response.json(group))
}

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct ListQuery {
    /// 1 to 100, 50 unless given.
    limit: Option<u32>,
    /// From `next` of the page before.
    cursor: Option<String>,
}

/// The app's groups of users, for who writes a mention. Guests don't see them.
#[utoipa::path(tag = "user groups", params(ListQuery), responses((status = 200, body = Page<UserGroup>)))]
#[get("/user_groups")]
async fn list(chat: Data<Chat>, caller: Caller, query: Params<ListQuery>) -> Result<HttpResponse> {
    caller.require_no_guest()?;
    let size = limit(query.0.limit)?;
    let after = decode::<Uuid>("user_groups", query.0.cursor.as_deref())?;
    let tx = chat.db.tenant(caller.app()).await?;
    let rows = store::page(&tx, after, one_more(size)).await?;
    tx.commit().await?;
    let page = Page::of(rows, size, |row| encode("user_groups", &row.id))?;
    Ok(HttpResponse::Ok().json(Page {
        items: page.items.into_iter().map(UserGroup::from).collect::<Vec<_>>(),
        next: page.next,
    }))
}

/// A group of users. Guests don't see it.
#[utoipa::path(tag = "user groups", params(("id" = String, Path,)), responses((status = 200, body = UserGroup)))]
#[get("/user_groups/{id}")]
async fn get_one(chat: Data<Chat>, caller: Caller, id: Id<UserGroupId>) -> Result<HttpResponse> {
    caller.require_no_guest()?;
    let tx = chat.db.tenant(caller.app()).await?;
    let group = change::find(&tx, id.0).await?;
    tx.commit().await?;
    Ok(HttpResponse::Ok().json(group))
}

/// Give a group another name. Only for the server.
#[utoipa::path(tag = "user groups", params(("id" = String, Path,)), request_body = UpdateUserGroup, responses((status = 200, body = UserGroup)))]
#[patch("/user_groups/{id}")]
async fn rename(
    chat: Data<Chat>,
    caller: ServerCaller,
    id: Id<UserGroupId>,
    body: ValidJson<UpdateUserGroup>,
) -> Result<HttpResponse> {
    let group = chat
        .change(caller.app, async |tx, _, now| change::rename(tx, id.0, &body.value.name, now).await)
        .await?;
    Ok(HttpResponse::Ok().json(group))
}

/// Delete a group. Messages that mentioned it stay as they are. Only for the server.
#[utoipa::path(tag = "user groups", params(("id" = String, Path,)), responses((status = 204)))]
#[delete("/user_groups/{id}")]
async fn delete_one(chat: Data<Chat>, caller: ServerCaller, id: Id<UserGroupId>) -> Result<HttpResponse> {
    let was_there = chat.change(caller.app, async |tx, _, _| store::delete(tx, id.0).await).await?;
    if was_there { Ok(HttpResponse::NoContent().finish()) } else { Err(ErrorCode::GroupNotFound.into()) }
}

/// Who is in a group, by id. Guests don't see it.
#[utoipa::path(tag = "user groups", params(("id" = String, Path,), ListQuery), responses((status = 200, body = Page<UserGroupMember>)))]
#[get("/user_groups/{id}/members")]
async fn members(
    chat: Data<Chat>,
    caller: Caller,
    id: Id<UserGroupId>,
    query: Params<ListQuery>,
) -> Result<HttpResponse> {
    caller.require_no_guest()?;
    let size = limit(query.0.limit)?;
    let after = decode::<String>("user_group_members", query.0.cursor.as_deref())?;
    let tx = chat.db.tenant(caller.app()).await?;
    change::find(&tx, id.0).await?;
    let rows = store::members(&tx, id.0, after.as_deref(), one_more(size)).await?;
    tx.commit().await?;
    let page = Page::of(rows, size, |member| encode("user_group_members", &member.user.id))?;
    Ok(HttpResponse::Ok().json(page))
}

/// Add users to a group; those who are in it stay. Only for the server.
#[utoipa::path(tag = "user groups", params(("id" = String, Path,)), request_body = AddToUserGroup, responses((status = 200, body = UserGroup)))]
#[post("/user_groups/{id}/members")]
async fn add(
    chat: Data<Chat>,
    caller: ServerCaller,
    id: Id<UserGroupId>,
    body: ValidJson<AddToUserGroup>,
) -> Result<HttpResponse> {
    let group = chat
        .change(caller.app, async |tx, _, now| change::add(tx, id.0, &body.value.user_ids, now).await)
        .await?;
    Ok(HttpResponse::Ok().json(group))
}

/// Take a user out of a group. Who is not in it is no error. Only for the server.
#[utoipa::path(tag = "user groups", params(("id" = String, Path,), ("user_id" = String, Path,)), responses((status = 204)))]
#[delete("/user_groups/{id}/members/{user_id}")]
async fn remove(
    chat: Data<Chat>,
    caller: ServerCaller,
    id: Id<UserGroupId>,
    request: HttpRequest,
) -> Result<HttpResponse> {
    let user: UserId = segment(&request, "user_id")?;
    chat.change(caller.app, async |tx, _, _| change::remove(tx, id.0, &user).await).await?;
    Ok(HttpResponse::NoContent().finish())
}
