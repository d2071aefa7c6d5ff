//! Who is there: `/users/presence`, `/users/me/presence`, `/users/me/activity`, `/realtime/goodbye`.

use actix_web::web::Data;
use actix_web::{HttpResponse, patch, post};
use parlor_platform::Result;
use parlor_protocol::Page;
use parlor_protocol::presence::{Goodbye, OwnPresence, QueryPresence, UpdatePresence, UserPresence};

use super::{change, tell, watchers};
use crate::users::store as users;
use crate::web::{Caller, NoBody, UserCaller, ValidJson};
use crate::{Chat, validate};

/// Adds the routes of this file.
pub fn configure(config: &mut utoipa_actix_web::service_config::ServiceConfig<'_>) {
    config.service(query).service(update_own).service(note_activity).service(goodbye);
    watchers::configure(config);
}

/// Who of up to 100 users is there, by id. Those that the app does not have are left out, and
/// for guests those whom they share no channel with.
#[utoipa::path(tag = "presence", request_body = QueryPresence, responses((status = 200, body = Page<UserPresence>)))]
#[post("/users/presence")]
async fn query(chat: Data<Chat>, caller: Caller, body: ValidJson<QueryPresence>) -> Result<HttpResponse> {
    validate::batch(body.value.user_ids.len())?;
    let mut ids: Vec<&str> = body.value.user_ids.iter().map(|id| id.as_str()).collect();
    let tx = chat.db.tenant(caller.app()).await?;
    if let Some(guest) = caller.guest() {
        let known = users::known_to(&tx, guest, &ids).await?;
        ids.retain(|id| known.contains(*id));
    }
    let items = tell::presences(&tx, &ids).await?;
    tx.commit().await?;
    Ok(HttpResponse::Ok().json(Page { items, next: None }))
}

/// Choose what one is shown as, for good or until a time. What changes nothing is told to nobody.
#[utoipa::path(tag = "presence", request_body = UpdatePresence, responses((status = 200, body = OwnPresence)))]
#[patch("/users/me/presence")]
async fn update_own(
    chat: Data<Chat>,
    caller: UserCaller,
    body: ValidJson<UpdatePresence>,
) -> Result<HttpResponse> {
    let own = chat
        .change(caller.app, async |tx, entries, now| {
            change::change(tx, &caller.user, body.value, entries, now).await
        })
        .await?;
    Ok(HttpResponse::Ok().json(own))
}

/// Say that the user does something, so that they are not shown as idle: once a minute while they do. Sending, reading and
/// typing say it as well.
#[utoipa::path(tag = "presence", responses((status = 204)))]
#[post("/users/me/activity")]
async fn note_activity(chat: Data<Chat>, caller: UserCaller, _body: NoBody) -> Result<HttpResponse> {
    chat.presence.active(caller.app, &caller.user);
    Ok(HttpResponse::NoContent().finish())
}

/// Say that a session ends: the page is closed, the app goes to the background. Without a word the server finds out by
/// itself, later. Who has no other session is offline after a moment, unless they come back.
#[utoipa::path(tag = "presence", request_body = Goodbye, responses((status = 204)))]
#[post("/realtime/goodbye")]
async fn goodbye(chat: Data<Chat>, caller: UserCaller, body: ValidJson<Goodbye>) -> Result<HttpResponse> {
    chat.presence.closed(caller.app, &caller.user, body.value.session_id);
    Ok(HttpResponse::NoContent().finish())
}
