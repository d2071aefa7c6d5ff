//! `/messages/{id}/star`.

use actix_web::web::Data;
use actix_web::{HttpResponse, delete, put};
use parlor_platform::Result;
use parlor_protocol::MessageId;

use super::star;
use crate::Chat;
use crate::web::{Id, NoBody, UserCaller};

/// Adds the routes of this file.
pub fn configure(config: &mut utoipa_actix_web::service_config::ServiceConfig<'_>) {
    config.service(star_one).service(unstar_one);
}

/// Star a message of one of one's channels: a mark for oneself, which nobody else sees. `GET /users/me/messages?flag=starred`
/// lists them.
#[utoipa::path(tag = "stars", params(("id" = String, Path,)), responses((status = 204)))]
#[put("/messages/{id}/star")]
async fn star_one(
    chat: Data<Chat>,
    caller: UserCaller,
    id: Id<MessageId>,
    _body: NoBody,
) -> Result<HttpResponse> {
    chat.change(caller.app, async |tx, entries, now| star::star(tx, &caller, id.0, entries, now).await)
        .await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Star a message no longer.
#[utoipa::path(tag = "stars", params(("id" = String, Path,)), responses((status = 204)))]
#[delete("/messages/{id}/star")]
async fn unstar_one(chat: Data<Chat>, caller: UserCaller, id: Id<MessageId>) -> Result<HttpResponse> {
    chat.change(caller.app, async |tx, entries, now| star::unstar(tx, &caller, id.0, entries, now).await)
        .await?;
    Ok(HttpResponse::NoContent().finish())
}
