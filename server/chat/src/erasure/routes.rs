//! `DELETE /users/{id}`, and the record of it.

use actix_web::web::Data;
use actix_web::{HttpResponse, delete, get};
use parlor_platform::Result;
use parlor_protocol::deletion::{DeletionMode, UserDeletion};
use parlor_protocol::{DeletionId, ErrorCode, UserId};
use serde::Deserialize;

use super::{start, store};
use crate::Chat;
use crate::web::{Caller, Id, Params, ServerCaller};

/// Adds the routes of this file.
pub fn configure(config: &mut utoipa_actix_web::service_config::ServiceConfig<'_>) {
    config.service(delete_user).service(get_deletion);
}

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct DeleteQuery {
    /// `soft` unless given.
    #[serde(default)]
    mode: DeletionMode,
}

/// Delete a user: shut out (`soft`), erased with all messages (`hard`, only for the server), or with the messages left to a
/// nameless user (`anonymise`). Tokens are refused and connections end at once; the rest is done in the background, and
/// until then nobody may have the id. Users delete themselves. A repetition answers the same.
#[utoipa::path(
    tag = "users", params(("id" = String, Path,), DeleteQuery), responses((status = 202, body = UserDeletion))
)]
#[delete("/users/{id}")]
async fn delete_user(
    chat: Data<Chat>,
    caller: Caller,
    id: Id<UserId>,
    query: Params<DeleteQuery>,
) -> Result<HttpResponse> {
    let deletion = chat
        .change(caller.app(), async |tx, entries, now| {
            start::start(tx, &caller, &id.0, query.0.mode, entries, now).await
        })
        .await?;
    chat.keys.forget(&start::cached(caller.app(), &id.0)).await;
    Ok(HttpResponse::Accepted().json(deletion))
}

/// The record of a deletion, and how far it is. Only for the server.
#[utoipa::path(tag = "users", params(("id" = String, Path,)), responses((status = 200, body = UserDeletion)))]
#[get("/user_deletions/{id}")]
async fn get_deletion(chat: Data<Chat>, caller: ServerCaller, id: Id<DeletionId>) -> Result<HttpResponse> {
    let tx = chat.db.tenant(caller.app).await?;
    let row = store::find(&tx, id.0).await?.ok_or(ErrorCode::DeletionNotFound)?;
    tx.commit().await?;
    Ok(HttpResponse::Ok().json(row.into_deletion()?))
}
