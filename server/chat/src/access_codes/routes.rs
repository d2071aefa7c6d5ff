//! `/channels/{id}/access_code`, and joining by one.

use actix_web::web::Data;
use actix_web::{HttpResponse, delete, get, post};
use parlor_platform::Result;
use parlor_protocol::channel::{AccessCode, JoinByCode};
use parlor_protocol::{Capability, Channel};

use super::{join, new_code, store};
use crate::Chat;
use crate::channels::access;
use crate::web::{Caller, ChannelRef, Id, NoBody, UserCaller, ValidJson};

/// Adds the routes of this file.
pub fn configure(config: &mut utoipa_actix_web::service_config::ServiceConfig<'_>) {
    config.service(join_by_code).service(show).service(make).service(take_away);
}

/// Join the channel that has this code, as `member`. After ten wrong codes within an hour every code is refused (429) until
/// the first of them is an hour old.
#[utoipa::path(tag = "members", request_body = JoinByCode, responses((status = 200, body = Channel)))]
#[post("/channels/join")]
async fn join_by_code(
    chat: Data<Chat>,
    caller: UserCaller,
    body: ValidJson<JoinByCode>,
) -> Result<HttpResponse> {
    Ok(HttpResponse::Ok().json(join::join(&chat, &caller, &body.value.access_code).await?))
}

/// The code by which users join this channel. For admins.
#[utoipa::path(tag = "members", params(("id" = String, Path,)), responses((status = 200, body = AccessCode)))]
#[get("/channels/{id}/access_code")]
async fn show(chat: Data<Chat>, caller: Caller, id: Id<ChannelRef>) -> Result<HttpResponse> {
    let id = id.0.resolve(&chat, caller.app()).await?;
    let tx = chat.db.tenant(caller.app()).await?;
    access::require(&tx, &caller, id, Capability::AddMembers).await?;
    let access_code = store::of_channel(&tx, id).await?;
    tx.commit().await?;
    Ok(HttpResponse::Ok().json(AccessCode { access_code }))
}

/// Make a code by which users join this channel, in the place of the one that it had. For admins.
#[utoipa::path(tag = "members", params(("id" = String, Path,)), responses((status = 200, body = AccessCode)))]
#[post("/channels/{id}/access_code")]
async fn make(chat: Data<Chat>, caller: Caller, id: Id<ChannelRef>, _body: NoBody) -> Result<HttpResponse> {
    let code = new_code();
    set(&chat, &caller, id.0, Some(&code)).await?;
    Ok(HttpResponse::Ok().json(AccessCode { access_code: Some(code) }))
}

/// Take the code away: nobody joins by it any more. For admins.
#[utoipa::path(tag = "members", params(("id" = String, Path,)), responses((status = 204)))]
#[delete("/channels/{id}/access_code")]
async fn take_away(chat: Data<Chat>, caller: Caller, id: Id<ChannelRef>) -> Result<HttpResponse> {
    set(&chat, &caller, id.0, None).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// No member sees a code, so that its change is none of the channel and takes no `seq`.
async fn set(chat: &Chat, caller: &Caller, id: ChannelRef, code: Option<&str>) -> Result<()> {
    let id = id.resolve(chat, caller.app()).await?;
    chat.change(caller.app(), async |tx, _, _| {
        access::require_locked(tx, caller, id, Capability::AddMembers).await?;
        store::set(tx, id, code).await
    })
    .await
}
