//! `/channels/{id}/draft` and `/drafts`.

use actix_web::web::Data;
use actix_web::{HttpResponse, delete, get, put};
use parlor_platform::Result;
use parlor_protocol::draft::PutDraft;
use parlor_protocol::{Draft, ErrorCode, MessageId, Page};
use serde::Deserialize;

use super::save;
use super::store::{self, Place};
use crate::Chat;
use crate::web::{ChannelRef, Id, Params, UserCaller, ValidJson, decode, encode, limit, one_more};

/// Adds the routes of this file.
pub fn configure(config: &mut utoipa_actix_web::service_config::ServiceConfig<'_>) {
    config.service(put_one).service(get_one).service(delete_one).service(list);
}

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct PlaceQuery {
    /// Root of the thread; left out for the main timeline.
    parent_id: Option<MessageId>,
}

/// Write one's draft in a channel or thread, for all of one's devices. 204 if it was empty: then there is none now.
/// Sending a message does not delete it; the client that sends does. What it was already takes no `seq`.
#[utoipa::path(
    tag = "drafts", params(("id" = String, Path,)), request_body = PutDraft,
    responses((status = 200, body = Draft), (status = 204))
)]
#[put("/channels/{id}/draft")]
async fn put_one(
    chat: Data<Chat>,
    caller: UserCaller,
    id: Id<ChannelRef>,
    body: ValidJson<PutDraft>,
) -> Result<HttpResponse> {
    let id = id.0.resolve(&chat, caller.app).await?;
    let draft = chat
        .change(caller.app, async |tx, entries, now| {
            save::save(tx, &caller, id, body.value, entries, now).await
        })
        .await?;
    Ok(match draft {
        Some(draft) => HttpResponse::Ok().json(draft),
        None => HttpResponse::NoContent().finish(),
    })
}

/// One's draft in a channel or thread.
#[utoipa::path(tag = "drafts", params(("id" = String, Path,), PlaceQuery), responses((status = 200, body = Draft)))]
#[get("/channels/{id}/draft")]
async fn get_one(
    chat: Data<Chat>,
    caller: UserCaller,
    id: Id<ChannelRef>,
    query: Params<PlaceQuery>,
) -> Result<HttpResponse> {
    let channel = id.0.resolve(&chat, caller.app).await?;
    let tx = chat.db.tenant(caller.app).await?;
    save::require_member(&tx, &caller, channel).await?;
    let place = Place { user: &caller.user, channel, parent: query.0.parent_id };
    let draft = store::find(&tx, place).await?.ok_or(ErrorCode::DraftNotFound)?;
    tx.commit().await?;
    Ok(HttpResponse::Ok().json(draft))
}

/// Delete one's draft in a channel or thread. That there is none is no error.
#[utoipa::path(tag = "drafts", params(("id" = String, Path,), PlaceQuery), responses((status = 204)))]
#[delete("/channels/{id}/draft")]
async fn delete_one(
    chat: Data<Chat>,
    caller: UserCaller,
    id: Id<ChannelRef>,
    query: Params<PlaceQuery>,
) -> Result<HttpResponse> {
    let id = id.0.resolve(&chat, caller.app).await?;
    chat.change(caller.app, async |tx, entries, now| {
        save::delete(tx, &caller, id, query.0.parent_id, entries, now).await
    })
    .await?;
    Ok(HttpResponse::NoContent().finish())
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

/// One's drafts in all channels that one is in, the last changed first.
#[utoipa::path(tag = "drafts", params(ListQuery), responses((status = 200, body = Page<Draft>)))]
#[get("/drafts")]
async fn list(chat: Data<Chat>, caller: UserCaller, query: Params<ListQuery>) -> Result<HttpResponse> {
    let size = limit(query.0.limit)?;
    let before = decode("drafts", query.0.cursor.as_deref())?;
    let tx = chat.db.tenant(caller.app).await?;
    let drafts = store::page(&tx, &caller.user, before, one_more(size)).await?;
    tx.commit().await?;
    Ok(HttpResponse::Ok().json(Page::of(drafts, size, |draft| encode("drafts", &draft.user_seq))?))
}
