//! `/users`.

use actix_web::web::Data;
use actix_web::{HttpResponse, get, patch, post, put};
use parlor_platform::{Result, keys};
use parlor_protocol::event::realtime_user;
use parlor_protocol::user::{
    UpdateUser, UpdateUserSettings, UpsertUser, UpsertUsers, UpsertedUsers, UserSettings,
};
use parlor_protocol::{ErrorCode, Page, User, UserId};
use serde::Deserialize;

use super::{profile, settings, store, upsert};
use crate::Chat;
use crate::web::{
    Caller, Id, NoBody, Params, ServerCaller, UserCaller, ValidJson, decode, encode, limit, one_more,
};
use crate::{erasure, realtime, validate};

/// Adds the routes of this file.
pub fn configure(config: &mut utoipa_actix_web::service_config::ServiceConfig<'_>) {
    config
        .service(upsert_many)
        .service(list)
        .service(me)
        .service(get_settings)
        .service(update_settings)
        .service(get_one)
        .service(upsert_one)
        .service(update)
        .service(deactivate)
        .service(reactivate);
}

/// Register or update up to 100 users.
#[utoipa::path(tag = "users", request_body = UpsertUsers, responses((status = 200, body = UpsertedUsers)))]
#[put("/users")]
async fn upsert_many(
    chat: Data<Chat>,
    caller: ServerCaller,
    body: ValidJson<UpsertUsers>,
) -> Result<HttpResponse> {
    let users = chat
        .change(caller.app, async |tx, entries, now| upsert(tx, &body.value.users, false, entries, now).await)
        .await?;
    for user in &users {
        chat.keys.forget(&format!("user:{}:{}", caller.app, user.id)).await;
    }
    Ok(HttpResponse::Ok().json(UpsertedUsers { users }))
}

/// Register or update one user; the id in the body must be that of the path.
#[utoipa::path(tag = "users", params(("id" = String, Path,)), request_body = UpsertUser, responses((status = 200, body = User)))]
#[put("/users/{id}")]
async fn upsert_one(
    chat: Data<Chat>,
    caller: ServerCaller,
    id: Id<UserId>,
    body: ValidJson<UpsertUser>,
) -> Result<HttpResponse> {
    if body.value.id != id.0 {
        return Err(ErrorCode::InvalidId.into());
    }
    let mut users = chat
        .change(caller.app, async |tx, entries, now| upsert(tx, &[body.value], false, entries, now).await)
        .await?;
    chat.keys.forget(&format!("user:{}:{}", caller.app, id.0)).await;
    Ok(HttpResponse::Ok().json(users.pop()))
}

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct ListQuery {
    /// Beginning of the name or the id.
    q: Option<String>,
    /// 1 to 100, 50 unless given.
    limit: Option<u32>,
    /// From `next` of the page before.
    cursor: Option<String>,
}

/// The app's users by id, or those whose name or id begins with `q`. Not for guests.
#[utoipa::path(tag = "users", params(ListQuery), responses((status = 200, body = Page<User>)))]
#[get("/users")]
async fn list(chat: Data<Chat>, caller: Caller, query: Params<ListQuery>) -> Result<HttpResponse> {
    page(&chat, &caller, query.0).await
}

async fn page(chat: &Chat, caller: &Caller, query: ListQuery) -> Result<HttpResponse> {
    caller.require_no_guest()?;
    let size = limit(query.limit)?;
    let after = decode::<String>("users", query.cursor.as_deref())?;
    let prefix = query.q.as_deref().filter(|prefix| !prefix.is_empty());
    let tx = chat.db.tenant(caller.app()).await?;
    let rows = store::page(&tx, store::Which::All, prefix, after.as_deref(), one_more(size)).await?;
    tx.commit().await?;
    let page = Page::of(rows, size, |row| encode("users", &row.id))?;
    Ok(HttpResponse::Ok().json(page.try_map(|row| row.seen_by(caller.user()))?))
}

/// The calling user.
#[utoipa::path(tag = "users", responses((status = 200, body = User)))]
#[get("/users/me")]
async fn me(chat: Data<Chat>, caller: UserCaller) -> Result<HttpResponse> {
    one(&chat, &Caller::User(caller.clone()), &caller.user).await
}

/// What one lets others know.
#[utoipa::path(tag = "users", responses((status = 200, body = UserSettings)))]
#[get("/users/me/settings")]
async fn get_settings(chat: Data<Chat>, caller: UserCaller) -> Result<HttpResponse> {
    let tx = chat.db.tenant(caller.app).await?;
    let settings = settings::find(&tx, &caller.user).await?;
    tx.commit().await?;
    Ok(HttpResponse::Ok().json(settings))
}

/// Switch receipts or typing off or on, for oneself. What was read or got before is hidden, too, or shown again.
#[utoipa::path(tag = "users", request_body = UpdateUserSettings, responses((status = 200, body = UserSettings)))]
#[patch("/users/me/settings")]
async fn update_settings(
    chat: Data<Chat>,
    caller: UserCaller,
    body: ValidJson<UpdateUserSettings>,
) -> Result<HttpResponse> {
    let settings = chat
        .change(caller.app, async |tx, entries, now| {
            settings::update(tx, &caller.user, body.value, entries, now).await
        })
        .await?;
    Ok(HttpResponse::Ok().json(settings))
}

/// One user. Guests are told of those whom they share a channel with.
#[utoipa::path(tag = "users", params(("id" = String, Path,)), responses((status = 200, body = User)))]
#[get("/users/{id}")]
async fn get_one(chat: Data<Chat>, caller: Caller, id: Id<UserId>) -> Result<HttpResponse> {
    one(&chat, &caller, &id.0).await
}

async fn one(chat: &Chat, caller: &Caller, id: &UserId) -> Result<HttpResponse> {
    let tx = chat.db.tenant(caller.app()).await?;
    let row = store::find(&tx, id).await?.ok_or(ErrorCode::UserNotFound)?;
    if let Some(guest) = caller.guest()
        && !store::known_to(&tx, guest, &[id.as_str()]).await?.contains(id.as_str())
    {
        return Err(ErrorCode::UserNotFound.into());
    }
    tx.commit().await?;
    Ok(HttpResponse::Ok().json(row.seen_by(caller.user())?))
}

/// Change one's own name, image or custom data; the server may change anybody's. What changes nothing is told to nobody.
#[utoipa::path(tag = "users", params(("id" = String, Path,)), request_body = UpdateUser, responses((status = 200, body = User)))]
#[patch("/users/{id}")]
async fn update(
    chat: Data<Chat>,
    caller: Caller,
    id: Id<UserId>,
    body: ValidJson<UpdateUser>,
) -> Result<HttpResponse> {
    let changes = body.value;
    validate::profile(&changes.name, &changes.image, &changes.custom)?;
    let user = chat
        .change(caller.app(), async |tx, entries, now| {
            store::find(tx, &id.0).await?.ok_or(ErrorCode::UserNotFound)?;
            if caller.user().is_some_and(|user| *user != id.0) {
                return Err(ErrorCode::Forbidden.into());
            }
            profile::update(tx, &id.0, changes, entries, now).await
        })
        .await?;
    Ok(HttpResponse::Ok().json(user.seen_by(caller.user())?))
}

/// Shut a user out: tokens are refused, realtime connections end. Messages stay.
#[utoipa::path(tag = "users", params(("id" = String, Path,)), responses((status = 200, body = User)))]
#[post("/users/{id}/deactivate")]
async fn deactivate(
    chat: Data<Chat>,
    caller: ServerCaller,
    id: Id<UserId>,
    _body: NoBody,
) -> Result<HttpResponse> {
    set_deactivated(&chat, &caller, &id.0, true).await
}

/// Let a deactivated user in again.
#[utoipa::path(tag = "users", params(("id" = String, Path,)), responses((status = 200, body = User)))]
#[post("/users/{id}/reactivate")]
async fn reactivate(
    chat: Data<Chat>,
    caller: ServerCaller,
    id: Id<UserId>,
    _body: NoBody,
) -> Result<HttpResponse> {
    set_deactivated(&chat, &caller, &id.0, false).await
}

async fn set_deactivated(
    chat: &Chat,
    caller: &ServerCaller,
    id: &UserId,
    deactivated: bool,
) -> Result<HttpResponse> {
    let forget = format!("user:{}:{id}", caller.app);
    let row = chat
        .change(caller.app, async |tx, entries, now| {
            store::find(tx, id).await?.ok_or(ErrorCode::UserNotFound)?;
            erasure::require_none(tx, &[id.as_str()]).await?;
            store::set_deactivated(tx, id, deactivated.then_some(now), now).await?;
            keys::announce(tx, &forget).await?;
            if deactivated {
                let user = realtime_user(caller.app, id);
                entries.command(id, realtime::disconnect(user, realtime::DEACTIVATED));
            }
            Ok(store::find(tx, id).await?.ok_or(ErrorCode::UserNotFound)?)
        })
        .await?;
    chat.keys.forget(&forget).await;
    Ok(HttpResponse::Ok().json(User::try_from(row)?))
}
