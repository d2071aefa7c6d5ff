//! `/threads` and `/messages/{id}/thread`.

use actix_web::web::Data;
use actix_web::{HttpResponse, delete, get, post, put};
use chrono::Datelike;
use parlor_platform::Result;
use parlor_protocol::thread::{MarkThreadRead, ThreadReadResult};
use parlor_protocol::{ErrorCode, MessageId, Page, Thread};
use serde::Deserialize;

use super::{follow, read, store, view};
use crate::Chat;
use crate::web::{Caller, Id, NoBody, Params, UserCaller, ValidJson, decode, encode, limit, one_more};

/// Adds the routes of this file.
pub fn configure(config: &mut utoipa_actix_web::service_config::ServiceConfig<'_>) {
    config.service(list).service(get_one).service(mark_read).service(follow_one).service(unfollow_one);
}

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct ListQuery {
    /// Only threads with unread replies.
    #[serde(default)]
    unread: bool,
    /// 1 to 100, 50 unless given.
    limit: Option<u32>,
    /// From `next` of the page before.
    cursor: Option<String>,
}

/// The threads that one follows, in channels that one can still read, the most recently active first.
#[utoipa::path(tag = "threads", params(ListQuery), responses((status = 200, body = Page<Thread>)))]
#[get("/threads")]
async fn list(chat: Data<Chat>, caller: UserCaller, query: Params<ListQuery>) -> Result<HttpResponse> {
    let ListQuery { unread, limit: asked, cursor } = query.0;
    let size = limit(asked)?;
    let after = decode::<store::Position>("threads", cursor.as_deref())?;
    if after.is_some_and(|(time, _)| !(1..=9999).contains(&time.year())) {
        return Err(ErrorCode::InvalidCursor.into());
    }
    let tx = chat.db.tenant(caller.app).await?;
    let rows = store::page(&tx, &caller.user, unread, after, one_more(size)).await?;
    let page = Page::of(rows, size, |row| encode("threads", &(row.active_at, row.message.id)))?;
    let roots = page.items.into_iter().map(store::ThreadRow::split).collect::<Result<_>>()?;
    let items = view::threads(&tx, &caller.user, roots, chat.clock.now()).await?;
    tx.commit().await?;
    Ok(HttpResponse::Ok().json(Page { items, next: page.next }))
}

/// One thread, by its root.
#[utoipa::path(tag = "threads", params(("id" = String, Path,)), responses((status = 200, body = Thread)))]
#[get("/messages/{id}/thread")]
async fn get_one(chat: Data<Chat>, caller: UserCaller, id: Id<MessageId>) -> Result<HttpResponse> {
    let tx = chat.db.tenant(caller.app).await?;
    let user = caller.user.clone();
    let root = super::root(&tx, &Caller::User(caller), id.0).await?;
    let thread = view::thread(&tx, &user, root, chat.clock.now()).await?;
    tx.commit().await?;
    Ok(HttpResponse::Ok().json(thread))
}

/// Read a thread up to a reply, or all of it. The pointer never moves backwards.
#[utoipa::path(tag = "threads", params(("id" = String, Path,)), request_body = MarkThreadRead, responses((status = 200, body = ThreadReadResult)))]
#[post("/messages/{id}/thread/read")]
async fn mark_read(
    chat: Data<Chat>,
    caller: UserCaller,
    id: Id<MessageId>,
    body: ValidJson<MarkThreadRead>,
) -> Result<HttpResponse> {
    let (user, caller) = (caller.user.clone(), Caller::User(caller));
    let result = chat
        .change(caller.app(), async |tx, entries, now| {
            read::read(tx, (&caller, &user), id.0, body.value.message_id, entries, now).await
        })
        .await?;
    Ok(HttpResponse::Ok().json(result))
}

/// Follow a thread: it is listed, its unread replies count, and one is told of new ones.
#[utoipa::path(tag = "threads", params(("id" = String, Path,)), responses((status = 200, body = Thread)))]
#[put("/messages/{id}/thread/follow")]
async fn follow_one(
    chat: Data<Chat>,
    caller: UserCaller,
    id: Id<MessageId>,
    _body: NoBody,
) -> Result<HttpResponse> {
    set(&chat, caller, id.0, true).await
}

/// Follow a thread no longer, also after replying in it or being mentioned.
#[utoipa::path(tag = "threads", params(("id" = String, Path,)), responses((status = 200, body = Thread)))]
#[delete("/messages/{id}/thread/follow")]
async fn unfollow_one(chat: Data<Chat>, caller: UserCaller, id: Id<MessageId>) -> Result<HttpResponse> {
    set(&chat, caller, id.0, false).await
}

async fn set(chat: &Chat, caller: UserCaller, root: MessageId, following: bool) -> Result<HttpResponse> {
    let (user, caller) = (caller.user.clone(), Caller::User(caller));
    let thread = chat
        .change(caller.app(), async |tx, entries, now| {
            follow::set(tx, (&caller, &user), root, following, entries, now).await
        })
        .await?;
    Ok(HttpResponse::Ok().json(thread))
}
