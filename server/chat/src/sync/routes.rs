//! `/sync`.

use actix_web::web::Data;
use actix_web::{HttpResponse, get, post};
use chrono::{DateTime, Utc};
use parlor_platform::Result;
use parlor_protocol::sync::{SyncAnswer, SyncRequest};
use serde::Deserialize;

use crate::Chat;
use crate::web::{Params, UserCaller, ValidJson};

/// Adds the routes of this file.
pub fn configure(config: &mut utoipa_actix_web::service_config::ServiceConfig<'_>) {
    config.service(by_query).service(by_body);
}

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct SyncQuery {
    /// From the last answer. Who holds hundreds of channels sends it in a body instead: it is some 25 characters for each.
    cursor: Option<String>,
    /// For clients that keep a time instead of a cursor (RFC 3339).
    last_synced_at: Option<DateTime<Utc>>,
    /// 1 to 1,000 changed rows, 500 unless given.
    limit: Option<u32>,
    /// 1 to 25 messages of each channel that begins anew, 25 unless given.
    messages: Option<u32>,
}

/// Everything that a device missed since its cursor; without one, what it needs at its start. Repeat with the answer's cursor
/// while `more` is true.
#[utoipa::path(tag = "sync", params(SyncQuery), responses((status = 200, body = SyncAnswer)))]
#[get("/sync")]
async fn by_query(chat: Data<Chat>, caller: UserCaller, query: Params<SyncQuery>) -> Result<HttpResponse> {
    let SyncQuery { cursor, last_synced_at, limit, messages } = query.0;
    let request = SyncRequest { cursor, last_synced_at, limit, messages, hold: Vec::new() };
    answer(&chat, &caller, &request).await
}

/// The same, asked for with a body, which may also name channels that the device has from elsewhere.
#[utoipa::path(tag = "sync", request_body = SyncRequest, responses((status = 200, body = SyncAnswer)))]
#[post("/sync")]
async fn by_body(chat: Data<Chat>, caller: UserCaller, body: ValidJson<SyncRequest>) -> Result<HttpResponse> {
    answer(&chat, &caller, &body.value).await
}

async fn answer(chat: &Chat, caller: &UserCaller, request: &SyncRequest) -> Result<HttpResponse> {
    let tx = chat.db.tenant_snapshot(caller.app).await?;
    let answer = super::answer(&tx, caller, request, chat.clock.now()).await?;
    tx.commit().await?;
    Ok(HttpResponse::Ok().json(answer))
}
