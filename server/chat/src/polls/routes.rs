//! `/messages/{id}/poll`.

use actix_web::web::Data;
use actix_web::{HttpResponse, get, post, put};
use parlor_platform::Result;
use parlor_protocol::poll::{PollVote, SuggestOption, Vote};
use parlor_protocol::{ErrorCode, Message, MessageId, Page};
use serde::Deserialize;

use super::change::Action;
use super::store::{self, VoteRow};
use crate::Chat;
use crate::messages::access;
use crate::web::{Caller, Id, NoBody, Params, ValidJson, decode, encode, limit, one_more};

/// Adds the routes of this file.
pub fn configure(config: &mut utoipa_actix_web::service_config::ServiceConfig<'_>) {
    config.service(vote).service(votes).service(suggest).service(close);
}

/// Vote in a poll, instead of what one voted for before; with no option, take the vote back. Whoever may react may vote.
#[utoipa::path(tag = "polls", params(("id" = String, Path,)), request_body = Vote, responses((status = 200, body = Message)))]
#[put("/messages/{id}/poll/votes")]
async fn vote(
    chat: Data<Chat>,
    caller: Caller,
    id: Id<MessageId>,
    body: ValidJson<Vote>,
) -> Result<HttpResponse> {
    let message = chat
        .change(caller.app(), async |tx, entries, now| {
            Action { tx, caller: &caller, id: id.0, entries, now }.vote(body.value).await
        })
        .await?;
    Ok(HttpResponse::Ok().json(message))
}

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct ListQuery {
    /// Only votes for this option.
    option: Option<String>,
    /// 1 to 100, 50 unless given.
    limit: Option<u32>,
    /// From `next` of the page before.
    cursor: Option<String>,
}

/// Who voted for what, newest first. Of an anonymous poll nobody learns that, not even the server.
#[utoipa::path(tag = "polls", params(("id" = String, Path,), ListQuery), responses((status = 200, body = Page<PollVote>)))]
#[get("/messages/{id}/poll/votes")]
async fn votes(
    chat: Data<Chat>,
    caller: Caller,
    id: Id<MessageId>,
    query: Params<ListQuery>,
) -> Result<HttpResponse> {
    let ListQuery { option, limit: asked, cursor } = query.0;
    let size = limit(asked)?;
    let after = decode::<(i64, String)>("votes", cursor.as_deref())?;
    let tx = chat.db.tenant(caller.app()).await?;
    let (_, message) = access::readable(&tx, &caller, id.0).await?;
    let poll = message.poll.ok_or(ErrorCode::PollNotFound)?;
    if poll.anonymous {
        return Err(ErrorCode::PollAnonymous.into());
    }
    let rows = store::page(&tx, id.0, option.as_deref(), after, one_more(size)).await?;
    tx.commit().await?;
    let page = Page::of(rows, size, |row| encode("votes", &(row.seq, &row.option)))?;
    Ok(HttpResponse::Ok().json(page.try_map(VoteRow::into_vote)?))
}

/// Add an option to a poll: its author may, and everybody who may vote where the poll takes suggestions.
#[utoipa::path(tag = "polls", params(("id" = String, Path,)), request_body = SuggestOption, responses((status = 200, body = Message)))]
#[post("/messages/{id}/poll/options")]
async fn suggest(
    chat: Data<Chat>,
    caller: Caller,
    id: Id<MessageId>,
    body: ValidJson<SuggestOption>,
) -> Result<HttpResponse> {
    let message = chat
        .change(caller.app(), async |tx, entries, now| {
            Action { tx, caller: &caller, id: id.0, entries, now }.suggest(body.value).await
        })
        .await?;
    Ok(HttpResponse::Ok().json(message))
}

/// Close a poll: its author may, moderators and the server. What is closed stays so.
#[utoipa::path(tag = "polls", params(("id" = String, Path,)), responses((status = 200, body = Message)))]
#[post("/messages/{id}/poll/close")]
async fn close(chat: Data<Chat>, caller: Caller, id: Id<MessageId>, _: NoBody) -> Result<HttpResponse> {
    let message = chat
        .change(caller.app(), async |tx, entries, now| {
            Action { tx, caller: &caller, id: id.0, entries, now }.close().await
        })
        .await?;
    Ok(HttpResponse::Ok().json(message))
}
