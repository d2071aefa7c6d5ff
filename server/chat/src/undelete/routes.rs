//! `/messages/{id}/undelete`.

use actix_web::web::Data;
use actix_web::{HttpResponse, post};
use parlor_platform::Result;
use parlor_protocol::{Message, MessageId};

use super::restore;
use crate::Chat;
use crate::web::{Caller, Id, NoBody};

/// Adds the routes of this file.
pub fn configure(config: &mut utoipa_actix_web::service_config::ServiceConfig<'_>) {
    config.service(undelete_one);
}

/// Take a deletion back: for who deleted the message, and for moderators, within the minutes that the app sets. All of it
/// is as it was. What is not deleted stays as it is.
#[utoipa::path(tag = "messages", params(("id" = String, Path,)), responses((status = 200, body = Message)))]
#[post("/messages/{id}/undelete")]
async fn undelete_one(
    chat: Data<Chat>,
    caller: Caller,
    id: Id<MessageId>,
    _body: NoBody,
) -> Result<HttpResponse> {
    let message = chat
        .change(caller.app(), async |tx, entries, now| {
            restore::undelete(tx, &caller, id.0, entries, now).await
        })
        .await?;
    Ok(HttpResponse::Ok().json(message))
}
