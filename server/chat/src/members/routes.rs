//! `/channels/{id}/members`, join, leave.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse, delete, get, patch, post};
use parlor_platform::Result;
use parlor_protocol::member::{AddMembers, AddedMembers, TransferOwnership, UpdateMember};
use parlor_protocol::{Capability, Channel, ErrorCode, Member, Page, UserId};
use serde::Deserialize;

use super::{add, remove, store, transfer, update};
use crate::Chat;
use crate::channels::{access, store as channels, view};
use crate::web::{
    Caller, ChannelRef, Id, NoBody, Params, UserCaller, ValidJson, decode, encode, limit, one_more, segment,
};

/// Adds the routes of this file.
pub fn configure(config: &mut utoipa_actix_web::service_config::ServiceConfig<'_>) {
    config
        .service(list)
        .service(add_many)
        .service(set_role)
        .service(remove_one)
        .service(join)
        .service(leave)
        .service(hand_over);
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

/// A channel's members, by user id.
#[utoipa::path(tag = "members", params(("id" = String, Path,), ListQuery), responses((status = 200, body = Page<Member>)))]
#[get("/channels/{id}/members")]
async fn list(
    chat: Data<Chat>,
    caller: Caller,
    id: Id<ChannelRef>,
    query: Params<ListQuery>,
) -> Result<HttpResponse> {
    let size = limit(query.0.limit)?;
    let after = decode::<String>("members", query.0.cursor.as_deref())?;
    let id = id.0.resolve(&chat, caller.app()).await?;
    let tx = chat.db.tenant(caller.app()).await?;
    access::require(&tx, &caller, id, Capability::ReadChannel).await?;
    let rows = store::page(&tx, id, after.as_deref(), one_more(size)).await?;
    tx.commit().await?;
    let page = Page::of(rows, size, |row| encode("members", &row.user_id))?;
    Ok(HttpResponse::Ok().json(page.try_map(|row| row.seen_by(caller.user()))?))
}

/// Add up to 100 members, or, with `invite`, invite them. Admins add, with roles below their own. A distinct channel becomes
/// an ordinary one when somebody new comes: its members are no longer what it is found by.
#[utoipa::path(tag = "members", params(("id" = String, Path,)), request_body = AddMembers, responses((status = 200, body = AddedMembers)))]
#[post("/channels/{id}/members")]
async fn add_many(
    chat: Data<Chat>,
    caller: Caller,
    id: Id<ChannelRef>,
    body: ValidJson<AddMembers>,
) -> Result<HttpResponse> {
    let id = id.0.resolve(&chat, caller.app()).await?;
    let added = chat
        .change(caller.app(), async |tx, entries, now| {
            add::add(tx, &caller, id, body.value, entries, now).await
        })
        .await?;
    Ok(HttpResponse::Ok().json(added))
}

/// Give a member another role.
#[utoipa::path(
    tag = "members", params(("id" = String, Path,), ("user_id" = String, Path,)),
    request_body = UpdateMember, responses((status = 200, body = Member))
)]
#[patch("/channels/{id}/members/{user_id}")]
async fn set_role(
    chat: Data<Chat>,
    caller: Caller,
    id: Id<ChannelRef>,
    request: HttpRequest,
    body: ValidJson<UpdateMember>,
) -> Result<HttpResponse> {
    let user: UserId = segment(&request, "user_id")?;
    let id = id.0.resolve(&chat, caller.app()).await?;
    let member = chat
        .change(caller.app(), async |tx, entries, now| {
            update::set_role(tx, &caller, id, &user, body.value.role, entries, now).await
        })
        .await?;
    Ok(HttpResponse::Ok().json(member))
}

/// Remove a member, or take an invitation back.
#[utoipa::path(tag = "members", params(("id" = String, Path,), ("user_id" = String, Path,)), responses((status = 204)))]
#[delete("/channels/{id}/members/{user_id}")]
async fn remove_one(
    chat: Data<Chat>,
    caller: Caller,
    id: Id<ChannelRef>,
    request: HttpRequest,
) -> Result<HttpResponse> {
    let user: UserId = segment(&request, "user_id")?;
    end_membership(&chat, &caller, id.0, &user).await
}

/// Leave a channel.
#[utoipa::path(tag = "members", params(("id" = String, Path,)), responses((status = 204)))]
#[post("/channels/{id}/leave")]
async fn leave(
    chat: Data<Chat>,
    caller: UserCaller,
    id: Id<ChannelRef>,
    _body: NoBody,
) -> Result<HttpResponse> {
    let user = caller.user.clone();
    end_membership(&chat, &Caller::User(caller), id.0, &user).await
}

async fn end_membership(chat: &Chat, caller: &Caller, id: ChannelRef, user: &UserId) -> Result<HttpResponse> {
    let id = id.resolve(chat, caller.app()).await?;
    chat.change(caller.app(), async |tx, entries, now| remove(tx, caller, id, user, entries, now).await)
        .await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Join an open channel (as `member`) or a livestream (as `guest`).
#[utoipa::path(tag = "members", params(("id" = String, Path,)), responses((status = 200, body = Channel)))]
#[post("/channels/{id}/join")]
async fn join(
    chat: Data<Chat>,
    caller: UserCaller,
    id: Id<ChannelRef>,
    _body: NoBody,
) -> Result<HttpResponse> {
    let id = id.0.resolve(&chat, caller.app).await?;
    let user = caller.user.clone();
    let caller = Caller::User(caller);
    let channel = chat
        .change(caller.app(), async |tx, entries, now| {
            add::join(tx, &caller, &user, id, entries, now).await?;
            let row = channels::find(tx, id).await?.ok_or(ErrorCode::ChannelNotFound)?;
            view::channel(tx, Some(&user), row, now).await
        })
        .await?;
    Ok(HttpResponse::Ok().json(channel))
}

/// Hand the channel over: a member becomes its owner, and the calling owner an admin.
#[utoipa::path(tag = "members", params(("id" = String, Path,)), request_body = TransferOwnership, responses((status = 200, body = Channel)))]
#[post("/channels/{id}/transfer")]
async fn hand_over(
    chat: Data<Chat>,
    caller: UserCaller,
    id: Id<ChannelRef>,
    body: ValidJson<TransferOwnership>,
) -> Result<HttpResponse> {
    let id = id.0.resolve(&chat, caller.app).await?;
    let caller = Caller::User(caller);
    let channel = chat
        .change(caller.app(), async |tx, entries, now| {
            transfer::transfer(tx, &caller, id, &body.value.user_id, entries, now).await?;
            let row = channels::find(tx, id).await?.ok_or(ErrorCode::ChannelNotFound)?;
            view::channel(tx, caller.user(), row, now).await
        })
        .await?;
    Ok(HttpResponse::Ok().json(channel))
}
