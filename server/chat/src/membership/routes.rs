//! `/channels/{id}/membership`.

use actix_web::web::Data;
use actix_web::{HttpResponse, patch};
use parlor_platform::Result;
use parlor_protocol::Member;
use parlor_protocol::membership::UpdateMembership;

use super::update;
use crate::Chat;
use crate::web::{ChannelRef, Id, UserCaller, ValidJson};

/// Adds the routes of this file.
pub fn configure(config: &mut utoipa_actix_web::service_config::ServiceConfig<'_>) {
    config.service(update_own);
}

/// Pin, archive, mute or hide a channel, or choose what to hear of it: for oneself alone. Answers with one's own view of
/// the membership. What changes nothing is told to nobody.
#[utoipa::path(tag = "members", params(("id" = String, Path,)), request_body = UpdateMembership, responses((status = 200, body = Member)))]
#[patch("/channels/{id}/membership")]
async fn update_own(
    chat: Data<Chat>,
    caller: UserCaller,
    id: Id<ChannelRef>,
    body: ValidJson<UpdateMembership>,
) -> Result<HttpResponse> {
    let id = id.0.resolve(&chat, caller.app).await?;
    let member = chat
        .change(caller.app, async |tx, entries, now| {
            update::update(tx, &caller.user, id, &body.value, entries, now).await
        })
        .await?;
    Ok(HttpResponse::Ok().json(member))
}
