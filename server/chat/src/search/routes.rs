//! `/search`.

use actix_web::web::Data;
use actix_web::{HttpResponse, get};
use parlor_platform::Result;
use parlor_protocol::search::FoundMessage;
use parlor_protocol::{Page, User};

use super::list::{self, SearchQuery};
use super::people::{self, PeopleQuery};
use crate::Chat;
use crate::web::{Caller, Params};

/// Adds the routes of this file.
pub fn configure(config: &mut utoipa_actix_web::service_config::ServiceConfig<'_>) {
    config.service(search_messages).service(search_users);
}

/// Search messages, newest first: those of the caller's channels, or of all for the server. A message is found a moment
/// after it was sent. A page may have fewer messages than asked for, and still a next one.
#[utoipa::path(tag = "search", params(SearchQuery), responses((status = 200, body = Page<FoundMessage>)))]
#[get("/search/messages")]
async fn search_messages(
    chat: Data<Chat>,
    caller: Caller,
    query: Params<SearchQuery>,
) -> Result<HttpResponse> {
    let tx = chat.db.tenant(caller.app()).await?;
    let page = list::page(&tx, &caller, query.0, chat.clock.now()).await?;
    tx.commit().await?;
    Ok(HttpResponse::Ok().json(page))
}

/// Search users by any part of their name, the likest first. Deactivated ones are not found. Not for guests.
#[utoipa::path(tag = "search", params(PeopleQuery), responses((status = 200, body = Page<User>)))]
#[get("/users/search")]
async fn search_users(chat: Data<Chat>, caller: Caller, query: Params<PeopleQuery>) -> Result<HttpResponse> {
    caller.require_no_guest()?;
    let tx = chat.db.tenant(caller.app()).await?;
    let page = people::page(&tx, query.0).await?;
    tx.commit().await?;
    Ok(HttpResponse::Ok().json(page))
}
