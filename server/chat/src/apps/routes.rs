//! `/app`, `/tokens`, `/guests`.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse, get, patch, post};
use parlor_platform::{Error, Result};
use parlor_protocol::ErrorCode;
use parlor_protocol::token::{App, CreateGuest, CreateToken, RevokeTokens, UpdateApp, UserToken};

use super::{admin, guests, settings, tokens};
use crate::web::{ClientAddress, ServerCaller, ValidJson, api_key};
use crate::{Chat, Purse};

/// Adds the routes of this file.
pub fn configure(config: &mut utoipa_actix_web::service_config::ServiceConfig<'_>) {
    config
        .service(app)
        .service(update_app)
        .service(create_token)
        .service(revoke_tokens)
        .service(create_guest);
}

/// The app that the secret belongs to.
#[utoipa::path(tag = "apps", responses((status = 200, body = App)))]
#[get("/app")]
async fn app(chat: Data<Chat>, caller: ServerCaller) -> Result<HttpResponse> {
    Ok(HttpResponse::Ok().json(admin::get(&chat.db, caller.app).await?))
}

/// Change what holds in all of the app's channels: how long messages are kept, and for how long deletions can be taken
/// back. A deletion keeps the time that it had.
#[utoipa::path(tag = "apps", request_body = UpdateApp, responses((status = 200, body = App)))]
#[patch("/app")]
async fn update_app(
    chat: Data<Chat>,
    caller: ServerCaller,
    body: ValidJson<UpdateApp>,
) -> Result<HttpResponse> {
    chat.change(caller.app, async |tx, _, _| settings::update(tx, body.value).await).await?;
    Ok(HttpResponse::Ok().json(admin::get(&chat.db, caller.app).await?))
}

/// A token for a user, who is registered or updated on the way.
#[utoipa::path(tag = "apps", request_body = CreateToken, responses((status = 201, body = UserToken)))]
#[post("/tokens")]
async fn create_token(
    chat: Data<Chat>,
    caller: ServerCaller,
    body: ValidJson<CreateToken>,
) -> Result<HttpResponse> {
    Ok(HttpResponse::Created().json(tokens::create(&chat, &caller.key, body.value).await?))
}

/// Refuse tokens that were issued before now: one user's, or all.
#[utoipa::path(tag = "apps", request_body = RevokeTokens, responses((status = 204)))]
#[post("/tokens/revoke")]
async fn revoke_tokens(
    chat: Data<Chat>,
    caller: ServerCaller,
    body: ValidJson<RevokeTokens>,
) -> Result<HttpResponse> {
    tokens::revoke(&chat, &caller.key, body.value).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Come in as a guest, with nothing but the app's public key.
#[utoipa::path(
    tag = "apps", request_body = CreateGuest, security(()),
    params(("X-Api-Key" = String, Header, description = "The app's public key, `pk_…`")),
    responses((status = 201, body = UserToken))
)]
#[post("/guests")]
async fn create_guest(
    chat: Data<Chat>,
    address: ClientAddress,
    request: HttpRequest,
    body: ValidJson<CreateGuest>,
) -> Result<HttpResponse> {
    chat.limits.address.check(address.0, chat.config.server.ip_rate_limit_rps)?;
    let key_id = api_key(&request).ok_or_else(|| {
        Error::with(ErrorCode::MissingToken, "Send the app's public key, `pk_…`, as `X-Api-Key`.")
    })?;
    let key = chat.keys.find(&key_id, chat.clock.now()).await?;
    if key.suspended {
        return Err(ErrorCode::AppSuspended.into());
    }
    chat.limits.app.check((key.app, Purse::Requests), key.rate_limit_rps)?;
    Ok(HttpResponse::Created().json(guests::create(&chat, &key, body.value).await?))
}
