//! `/jobs`, and the batches that make them.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpResponse, get, post};
use parlor_platform::Result;
use parlor_protocol::job::{AcceptedJob, ChangeMembers, CreateChannels};
use parlor_protocol::{ErrorCode, Job, JobId};

use super::{create, store};
use crate::Chat;
use crate::web::{Caller, ChannelRef, Id, IdempotencyKey, LargeJson, ServerCaller, ValidJson};

/// Adds the routes of this file.
pub fn configure(config: &mut utoipa_actix_web::service_config::ServiceConfig<'_>) {
    config.service(create_channels).service(change_members).service(get_one);
}

/// Create up to 1,000 channels in the background. Only for the server. The body may have 2 MiB.
#[utoipa::path(
    tag = "jobs", request_body = CreateChannels,
    params(("Idempotency-Key" = Option<String>, Header, description = "The same key, the same job")),
    responses((status = 202, body = AcceptedJob))
)]
#[post("/channels/batch")]
async fn create_channels(
    chat: Data<Chat>,
    caller: ServerCaller,
    idempotency: IdempotencyKey,
    body: LargeJson<CreateChannels>,
) -> Result<HttpResponse> {
    let (caller, ValidJson { value, bytes }) = (Caller::Server(caller), body.0);
    chat.change(caller.app(), async |tx, entries, now| {
        let accept = async || {
            let job = create::channels(tx, value, entries, now).await?;
            Ok((StatusCode::ACCEPTED, AcceptedJob { job }))
        };
        idempotency.once(tx, &caller, &bytes, now, accept).await
    })
    .await
}

/// Add, remove and give roles to up to 1,000 members of a channel in the background. Only for the server. The body may have
/// 2 MiB.
#[utoipa::path(
    tag = "jobs", request_body = ChangeMembers,
    params(("id" = String, Path,), ("Idempotency-Key" = Option<String>, Header, description = "The same key, the same job")),
    responses((status = 202, body = AcceptedJob))
)]
#[post("/channels/{id}/members/batch")]
async fn change_members(
    chat: Data<Chat>,
    caller: ServerCaller,
    id: Id<ChannelRef>,
    idempotency: IdempotencyKey,
    body: LargeJson<ChangeMembers>,
) -> Result<HttpResponse> {
    let (caller, ValidJson { value, bytes }) = (Caller::Server(caller), body.0);
    let id = id.0.resolve(&chat, caller.app()).await?;
    chat.change(caller.app(), async |tx, entries, now| {
        let accept = async || {
            let job = create::members(tx, id, value, entries, now).await?;
            Ok((StatusCode::ACCEPTED, AcceptedJob { job }))
        };
        idempotency.once(tx, &caller, &bytes, now, accept).await
    })
    .await
}

/// How far a job is. Only for the server.
#[utoipa::path(tag = "jobs", params(("id" = String, Path,)), responses((status = 200, body = Job)))]
#[get("/jobs/{id}")]
async fn get_one(chat: Data<Chat>, caller: ServerCaller, id: Id<JobId>) -> Result<HttpResponse> {
    let tx = chat.db.tenant(caller.app).await?;
    let row = store::find(&tx, id.0).await?.ok_or(ErrorCode::JobNotFound)?;
    tx.commit().await?;
    Ok(HttpResponse::Ok().json(row.into_job()?))
}
