//! `/channels/query`, `/users/query`, `/channels/{id}/members/query`, `/messages/query`.

use actix_web::web::Data;
use actix_web::{HttpResponse, post};
use parlor_platform::Result;
use parlor_protocol::query::{ChannelState, Query, QueryChannels};
use parlor_protocol::{Member, Message, Page, User};

use super::{channels, members, messages, users};
use crate::Chat;
use crate::web::{Caller, ChannelRef, Id, ValidJson};

/// Adds the routes of this file.
pub fn configure(config: &mut utoipa_actix_web::service_config::ServiceConfig<'_>) {
    config.service(query_channels).service(query_users).service(query_members).service(query_messages);
}

/// Channels by a filter and an order, each with what an app shows of it at its start. For a user those that they are in,
/// archived and hidden ones included; for the server those of some ids, cids or members, or all by id.
#[utoipa::path(tag = "query", request_body = QueryChannels, responses((status = 200, body = Page<ChannelState>)))]
#[post("/channels/query")]
async fn query_channels(
    chat: Data<Chat>,
    caller: Caller,
    body: ValidJson<QueryChannels>,
) -> Result<HttpResponse> {
    let tx = chat.db.tenant_snapshot(caller.app()).await?;
    let page = channels::page(&tx, caller.user(), &body.value, chat.clock.now()).await?;
    tx.commit().await?;
    Ok(HttpResponse::Ok().json(page))
}

/// Users by a filter and an order: those of some ids, those whose names are likest to what was typed, or all by id. Not for
/// guests.
#[utoipa::path(tag = "query", request_body = Query, responses((status = 200, body = Page<User>)))]
#[post("/users/query")]
async fn query_users(chat: Data<Chat>, caller: Caller, body: ValidJson<Query>) -> Result<HttpResponse> {
    caller.require_no_guest()?;
    let tx = chat.db.tenant_snapshot(caller.app()).await?;
    let page = users::page(&tx, &body.value).await?;
    tx.commit().await?;
    Ok(HttpResponse::Ok().json(page))
}

/// A channel's members by a filter and an order; of a channel of more than 10,000 by their user ids alone.
#[utoipa::path(tag = "query", params(("id" = String, Path,)), request_body = Query, responses((status = 200, body = Page<Member>)))]
#[post("/channels/{id}/members/query")]
async fn query_members(
    chat: Data<Chat>,
    caller: Caller,
    id: Id<ChannelRef>,
    body: ValidJson<Query>,
) -> Result<HttpResponse> {
    let id = id.0.resolve(&chat, caller.app()).await?;
    let tx = chat.db.tenant_snapshot(caller.app()).await?;
    let page = members::page(&tx, &caller, id, &body.value).await?;
    tx.commit().await?;
    Ok(HttpResponse::Ok().json(page))
}

/// Messages of one channel by a filter and an order; `channel_id` is always needed. A page looks at 5,000 messages: it may
/// have fewer than asked for, and still a next one.
#[utoipa::path(tag = "query", request_body = Query, responses((status = 200, body = Page<Message>)))]
#[post("/messages/query")]
async fn query_messages(chat: Data<Chat>, caller: Caller, body: ValidJson<Query>) -> Result<HttpResponse> {
    let tx = chat.db.tenant_snapshot(caller.app()).await?;
    let page = messages::page(&tx, &caller, &body.value, chat.clock.now()).await?;
    tx.commit().await?;
    Ok(HttpResponse::Ok().json(page))
}
