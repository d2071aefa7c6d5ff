//! `/channels/{id}/scheduled_messages` and `/scheduled_messages`.

use actix_web::web::Data;
use actix_web::{HttpResponse, delete, get, patch, post};
use chrono::Datelike;
use parlor_platform::Result;
use parlor_protocol::scheduled::{CreateScheduledMessage, UpdateScheduledMessage};
use parlor_protocol::{ChannelId, ErrorCode, MessageId, Page, ScheduledMessage, UserId};
use serde::Deserialize;

use super::store::{self, ScheduledRow};
use super::{change, create};
use crate::Chat;
use crate::web::{Caller, ChannelRef, Id, Params, ValidJson, decode, encode, limit, one_more};

/// Adds the routes of this file.
pub fn configure(config: &mut utoipa_actix_web::service_config::ServiceConfig<'_>) {
    config.service(create_one).service(list).service(get_one).service(update_one).service(cancel_one);
}

/// Send a message at a time, 5 seconds to 365 days from now. 201 if it is new, 200 if this `id` was scheduled before.
/// It is sent within a second of its time, once. Who may not send it then hears `scheduled_message.failed` instead. At
/// most 100 messages of a user wait.
#[utoipa::path(
    tag = "scheduled", params(("id" = String, Path,)), request_body = CreateScheduledMessage,
    responses((status = 201, body = ScheduledMessage), (status = 200, body = ScheduledMessage))
)]
#[post("/channels/{id}/scheduled_messages")]
async fn create_one(
    chat: Data<Chat>,
    caller: Caller,
    id: Id<ChannelRef>,
    body: ValidJson<CreateScheduledMessage>,
) -> Result<HttpResponse> {
    let id = id.0.resolve(&chat, caller.app()).await?;
    let (scheduled, created) = chat
        .change(caller.app(), async |tx, entries, now| {
            create::create(tx, &caller, id, body.value, entries, now).await
        })
        .await?;
    chat.alarm.ring();
    let mut response = if created { HttpResponse::Created() } else { HttpResponse::Ok() };
    Ok(response.json(scheduled))
}

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct ListQuery {
    /// Only those of this channel.
    channel_id: Option<ChannelId>,
    /// Whose; only from the customer's server, which must say it.
    user_id: Option<UserId>,
    /// 1 to 100, 50 unless given.
    limit: Option<u32>,
    /// From `next` of the page before.
    cursor: Option<String>,
}

/// One's scheduled messages that wait, are being sent, or have failed, by their time.
#[utoipa::path(tag = "scheduled", params(ListQuery), responses((status = 200, body = Page<ScheduledMessage>)))]
#[get("/scheduled_messages")]
async fn list(chat: Data<Chat>, caller: Caller, query: Params<ListQuery>) -> Result<HttpResponse> {
    let ListQuery { channel_id, user_id, limit: asked, cursor } = query.0;
    let size = limit(asked)?;
    let after = decode::<store::Position>("scheduled", cursor.as_deref())?;
    if after.is_some_and(|(time, _)| !(1..=9999).contains(&time.year())) {
        return Err(ErrorCode::InvalidCursor.into());
    }
    let user = caller.acts_for(user_id)?;
    let tx = chat.db.tenant(caller.app()).await?;
    let rows = store::page(&tx, &user, channel_id, after, one_more(size)).await?;
    tx.commit().await?;
    let page = Page::of(rows, size, |row| encode("scheduled", &(row.send_at, row.id)))?;
    Ok(HttpResponse::Ok().json(page.try_map(ScheduledRow::into_scheduled)?))
}

/// One scheduled message of one's own; the server sees all. Also what was sent or cancelled in the last 30 days.
#[utoipa::path(tag = "scheduled", params(("id" = String, Path,)), responses((status = 200, body = ScheduledMessage)))]
#[get("/scheduled_messages/{id}")]
async fn get_one(chat: Data<Chat>, caller: Caller, id: Id<MessageId>) -> Result<HttpResponse> {
    let tx = chat.db.tenant(caller.app()).await?;
    let row = change::own(&tx, &caller, id.0).await?;
    tx.commit().await?;
    Ok(HttpResponse::Ok().json(row.into_scheduled()?))
}

/// Change content or time of a scheduled message that still waits. What changes nothing takes no `seq`.
#[utoipa::path(
    tag = "scheduled", params(("id" = String, Path,)), request_body = UpdateScheduledMessage,
    responses((status = 200, body = ScheduledMessage))
)]
#[patch("/scheduled_messages/{id}")]
async fn update_one(
    chat: Data<Chat>,
    caller: Caller,
    id: Id<MessageId>,
    body: ValidJson<UpdateScheduledMessage>,
) -> Result<HttpResponse> {
    let scheduled = chat
        .change(caller.app(), async |tx, entries, now| {
            change::update(tx, &caller, id.0, body.value, entries, now).await
        })
        .await?;
    chat.alarm.ring();
    Ok(HttpResponse::Ok().json(scheduled))
}

/// Cancel a scheduled message that still waits; one that failed is no longer listed.
#[utoipa::path(tag = "scheduled", params(("id" = String, Path,)), responses((status = 204)))]
#[delete("/scheduled_messages/{id}")]
async fn cancel_one(chat: Data<Chat>, caller: Caller, id: Id<MessageId>) -> Result<HttpResponse> {
    chat.change(caller.app(), async |tx, entries, now| change::cancel(tx, &caller, id.0, entries, now).await)
        .await?;
    Ok(HttpResponse::NoContent().finish())
}
