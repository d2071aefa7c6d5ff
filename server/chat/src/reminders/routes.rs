//! `/messages/{id}/reminder` and `/reminders`.

use actix_web::web::Data;
use actix_web::{HttpResponse, delete, get, post, put};
use chrono::Datelike;
use parlor_platform::Result;
use parlor_protocol::reminder::{PutReminder, ReminderState};
use parlor_protocol::{ErrorCode, MessageId, Page, Reminder};
use serde::Deserialize;
use uuid::Uuid;

use super::{change, store};
use crate::Chat;
use crate::messages::view;
use crate::web::{Id, NoBody, Params, UserCaller, ValidJson, decode, encode, limit, one_more};

/// Adds the routes of this file.
pub fn configure(config: &mut utoipa_actix_web::service_config::ServiceConfig<'_>) {
    config.service(put_one).service(delete_one).service(done).service(list);
}

/// Save a message for later, or be reminded of it at a time within 365 days. Once it is that time, `reminder.due` is
/// told on the user's channel. A user has at most 250 that are not done. What it was already takes no `seq`.
#[utoipa::path(tag = "reminders", params(("id" = String, Path,)), request_body = PutReminder, responses((status = 200, body = Reminder)))]
#[put("/messages/{id}/reminder")]
async fn put_one(
    chat: Data<Chat>,
    caller: UserCaller,
    id: Id<MessageId>,
    body: ValidJson<PutReminder>,
) -> Result<HttpResponse> {
    let reminder = chat
        .change(caller.app, async |tx, entries, now| {
            change::put(tx, &caller, id.0, body.value, entries, now).await
        })
        .await?;
    chat.alarm.ring();
    Ok(HttpResponse::Ok().json(reminder))
}

/// Delete one's reminder of a message.
#[utoipa::path(tag = "reminders", params(("id" = String, Path,)), responses((status = 204)))]
#[delete("/messages/{id}/reminder")]
async fn delete_one(chat: Data<Chat>, caller: UserCaller, id: Id<MessageId>) -> Result<HttpResponse> {
    chat.change(caller.app, async |tx, entries, now| {
        change::delete(tx, &caller.user, id.0, entries, now).await
    })
    .await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Be done with a reminder, whether or not it was due. Saving the message again takes it up again.
#[utoipa::path(tag = "reminders", params(("id" = String, Path,)), responses((status = 200, body = Reminder)))]
#[post("/messages/{id}/reminder/done")]
async fn done(
    chat: Data<Chat>,
    caller: UserCaller,
    id: Id<MessageId>,
    _body: NoBody,
) -> Result<HttpResponse> {
    let reminder = chat
        .change(caller.app, async |tx, entries, now| change::done(tx, &caller.user, id.0, entries, now).await)
        .await?;
    Ok(HttpResponse::Ok().json(reminder))
}

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct ListQuery {
    /// Only those of this state; all that are not done, unless given.
    #[param(inline)]
    state: Option<ReminderState>,
    /// 1 to 100, 50 unless given.
    limit: Option<u32>,
    /// From `next` of the page before.
    cursor: Option<String>,
}

/// One's reminders by their time, those without one by when they were saved.
#[utoipa::path(tag = "reminders", params(ListQuery), responses((status = 200, body = Page<Reminder>)))]
#[get("/reminders")]
async fn list(chat: Data<Chat>, caller: UserCaller, query: Params<ListQuery>) -> Result<HttpResponse> {
    let size = limit(query.0.limit)?;
    let after = decode::<store::Position>("reminders", query.0.cursor.as_deref())?;
    if after.is_some_and(|(time, _)| !(1..=9999).contains(&time.year())) {
        return Err(ErrorCode::InvalidCursor.into());
    }
    let tx = chat.db.tenant(caller.app).await?;
    let rows = store::page(&tx, &caller.user, query.0.state, after, one_more(size)).await?;
    let page = Page::of(rows, size, |row| encode("reminders", &(row.time(), row.message_id)))?;
    let wanted: Vec<(&str, Uuid)> =
        page.items.iter().map(|row| (row.user_id.as_str(), row.message_id)).collect();
    let mut messages = store::messages(&tx, &wanted).await?;
    tx.commit().await?;
    let now = chat.clock.now();
    let page = page.try_map(|row| {
        let message = messages.remove(&(row.user_id.clone(), row.message_id));
        row.into_reminder(message.map(|message| view::as_of(message, now)))
    })?;
    Ok(HttpResponse::Ok().json(page))
}
