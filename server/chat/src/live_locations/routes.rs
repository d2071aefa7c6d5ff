//! `/messages/{id}/location` and `/channels/{id}/live_locations`.

use actix_web::web::Data;
use actix_web::{HttpResponse, delete, get, patch};
use chrono::{DateTime, Utc};
use parlor_platform::Result;
use parlor_protocol::attachment::UpdateLocation;
use parlor_protocol::{Capability, Message, MessageId, Page};
use serde::Deserialize;
use uuid::Uuid;

use super::change;
use crate::Chat;
use crate::channels::access;
use crate::messages::store::{self, MessageRow};
use crate::messages::view;
use crate::web::{Caller, ChannelRef, Id, Params, ValidJson, decode, encode, limit, one_more};

/// Adds the routes of this file.
pub fn configure(config: &mut utoipa_actix_web::service_config::ServiceConfig<'_>) {
    config.service(update).service(stop).service(list);
}

/// Move one's live location, at most every 3 seconds. A message shares one by a `location` attachment with `expires_at`.
#[utoipa::path(tag = "locations", params(("id" = String, Path,)), request_body = UpdateLocation, responses((status = 200, body = Message)))]
#[patch("/messages/{id}/location")]
async fn update(
    chat: Data<Chat>,
    caller: Caller,
    id: Id<MessageId>,
    body: ValidJson<UpdateLocation>,
) -> Result<HttpResponse> {
    let message = chat
        .change(caller.app(), async |tx, entries, now| {
            change::update(tx, &caller, id.0, body.value, entries, now).await
        })
        .await?;
    Ok(HttpResponse::Ok().json(message))
}

/// Stop sharing one's live location: it stays where it was last.
#[utoipa::path(tag = "locations", params(("id" = String, Path,)), responses((status = 200, body = Message)))]
#[delete("/messages/{id}/location")]
async fn stop(chat: Data<Chat>, caller: Caller, id: Id<MessageId>) -> Result<HttpResponse> {
    let message = chat
        .change(caller.app(), async |tx, entries, now| change::stop(tx, &caller, id.0, entries, now).await)
        .await?;
    Ok(HttpResponse::Ok().json(message))
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

/// A channel's messages that share a live location now, those that end first first.
#[utoipa::path(tag = "locations", params(("id" = String, Path,), ListQuery), responses((status = 200, body = Page<Message>)))]
#[get("/channels/{id}/live_locations")]
async fn list(
    chat: Data<Chat>,
    caller: Caller,
    id: Id<ChannelRef>,
    query: Params<ListQuery>,
) -> Result<HttpResponse> {
    let (size, now) = (limit(query.0.limit)?, chat.clock.now());
    let after = decode::<(DateTime<Utc>, Uuid)>("live_locations", query.0.cursor.as_deref())?;
    let channel = id.0.resolve(&chat, caller.app()).await?;
    let tx = chat.db.tenant(caller.app()).await?;
    access::require(&tx, &caller, channel, Capability::ReadChannel).await?;
    let rows = store::live(&tx, channel, caller.user(), after, one_more(size), now).await?;
    let page = Page::of(rows, size, |(end, row)| encode("live_locations", &(end, row.id)))?;
    let messages = page.items.into_iter().map(|(_, row)| MessageRow::into_message(row));
    let items = view::messages(&tx, caller.user(), messages.collect::<Result<_>>()?, now).await?;
    tx.commit().await?;
    Ok(HttpResponse::Ok().json(Page { items, next: page.next }))
}
