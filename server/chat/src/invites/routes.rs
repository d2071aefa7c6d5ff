//! `/invites`, and a channel's invitations.

use actix_web::web::Data;
use actix_web::{HttpResponse, get, post};
use chrono::{DateTime, Datelike, Utc};
use parlor_platform::Result;
use parlor_protocol::{Capability, Channel, ErrorCode, Invite, Page};
use serde::Deserialize;
use uuid::Uuid;

use super::{answer, store};
use crate::Chat;
use crate::channels::access;
use crate::web::{Caller, ChannelRef, Id, NoBody, Params, UserCaller, decode, encode, limit, one_more};

/// Adds the routes of this file.
pub fn configure(config: &mut utoipa_actix_web::service_config::ServiceConfig<'_>) {
    config.service(mine).service(of_channel).service(accept).service(reject);
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

/// One's open invitations, newest first, each with what may be seen of its channel.
#[utoipa::path(tag = "invites", params(ListQuery), responses((status = 200, body = Page<Invite>)))]
#[get("/invites")]
async fn mine(chat: Data<Chat>, caller: UserCaller, query: Params<ListQuery>) -> Result<HttpResponse> {
    let size = limit(query.0.limit)?;
    let before = decode::<(DateTime<Utc>, Uuid)>("invites", query.0.cursor.as_deref())?;
    if before.is_some_and(|(time, _)| !(1..=9999).contains(&time.year())) {
        return Err(ErrorCode::InvalidCursor.into());
    }
    let now = chat.clock.now();
    let tx = chat.db.tenant(caller.app).await?;
    let rows = store::open_of_user(&tx, &caller.user, before, now, one_more(size)).await?;
    tx.commit().await?;
    let page = Page::of(rows, size, |row| encode("invites", &row.place()))?;
    Ok(HttpResponse::Ok().json(page.try_map(|row| row.into_invite(now))?))
}

/// A channel's open invitations, by user id, for those who may invite. Removing the user takes one back.
#[utoipa::path(tag = "invites", params(("id" = String, Path,), ListQuery), responses((status = 200, body = Page<Invite>)))]
#[get("/channels/{id}/invites")]
async fn of_channel(
    chat: Data<Chat>,
    caller: Caller,
    id: Id<ChannelRef>,
    query: Params<ListQuery>,
) -> Result<HttpResponse> {
    let size = limit(query.0.limit)?;
    let after = decode::<String>("channel-invites", query.0.cursor.as_deref())?;
    let id = id.0.resolve(&chat, caller.app()).await?;
    let now = chat.clock.now();
    let tx = chat.db.tenant(caller.app()).await?;
    access::require(&tx, &caller, id, Capability::AddMembers).await?;
    let rows = store::open_of_channel(&tx, id, after.as_deref(), now, one_more(size)).await?;
    tx.commit().await?;
    let page = Page::of(rows, size, |row| encode("channel-invites", &row.user_id))?;
    Ok(HttpResponse::Ok().json(page.try_map(|row| row.into_invite(now))?))
}

/// Accept one's invitation and become a member.
#[utoipa::path(tag = "invites", params(("id" = String, Path,)), responses((status = 200, body = Channel)))]
#[post("/channels/{id}/invite/accept")]
async fn accept(
    chat: Data<Chat>,
    caller: UserCaller,
    id: Id<ChannelRef>,
    _body: NoBody,
) -> Result<HttpResponse> {
    let id = id.0.resolve(&chat, caller.app).await?;
    let channel = chat
        .change(caller.app, async |tx, entries, now| answer::accept(tx, &caller.user, id, entries, now).await)
        .await?;
    Ok(HttpResponse::Ok().json(channel))
}

/// Reject one's invitation. Who invited is told.
#[utoipa::path(tag = "invites", params(("id" = String, Path,)), responses((status = 200, body = Invite)))]
#[post("/channels/{id}/invite/reject")]
async fn reject(
    chat: Data<Chat>,
    caller: UserCaller,
    id: Id<ChannelRef>,
    _body: NoBody,
) -> Result<HttpResponse> {
    let id = id.0.resolve(&chat, caller.app).await?;
    let invite = chat
        .change(caller.app, async |tx, entries, now| answer::reject(tx, &caller.user, id, entries, now).await)
        .await?;
    Ok(HttpResponse::Ok().json(invite))
}
