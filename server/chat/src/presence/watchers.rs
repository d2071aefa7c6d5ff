//! Who has a channel open now.
//!
//! That is known to the realtime server alone, and is asked of it, at most once a second for a channel however many want
//! to know. A crowd is only counted: listing it would cost more than anybody reads.

use std::sync::Arc;
use std::time::Duration;

use actix_web::web::Data;
use actix_web::{HttpResponse, get};
use moka::future::Cache;
use parlor_platform::{Error, Result};
use parlor_protocol::event::{channel_topic, parse_realtime_user};
use parlor_protocol::limits::WATCHERS;
use parlor_protocol::presence::Watchers;
use parlor_protocol::{Capability, ChannelId, UserRef};
use serde::Deserialize;

use super::store;
use crate::Chat;
use crate::channels::access;
use crate::users::store as users;
use crate::web::{Caller, ChannelRef, Id, Params, decode, encode, limit};

/// How long an answer is good.
const LATELY: Duration = Duration::from_secs(1);

/// Those who hear a channel.
#[derive(Debug)]
enum Crowd {
    /// Their ids, sorted.
    Named(Vec<String>),
    Counted(usize),
}

/// What was asked lately.
#[derive(Clone)]
pub struct Crowds(Cache<ChannelId, Arc<Crowd>>);

impl Default for Crowds {
    fn default() -> Self {
        Self(Cache::builder().max_capacity(10_000).time_to_live(LATELY).build())
    }
}

impl Crowds {
    async fn of(&self, chat: &Chat, channel: ChannelId) -> Result<Arc<Crowd>> {
        let crowd = self.0.try_get_with(channel, async { ask(chat, channel).await.map(Arc::new) }).await;
        crowd.map_err(|error: Arc<Error>| Error::unavailable(error))
    }
}

async fn ask(chat: &Chat, channel: ChannelId) -> Result<Crowd> {
    let topic = channel_topic(channel);
    let audience = chat.realtime.audience(&topic).await?;
    if audience.clients > WATCHERS {
        return Ok(Crowd::Counted(audience.users));
    }
    let present = chat.realtime.presence(&[topic]).await?.into_iter().flatten();
    let ids = present.filter_map(|present| parse_realtime_user(&present.user));
    let mut ids: Vec<String> = ids.map(|(_, user)| user.as_str().to_owned()).collect();
    ids.sort_unstable();
    ids.dedup();
    Ok(Crowd::Named(ids))
}

/// Adds the routes of this file.
pub fn configure(config: &mut utoipa_actix_web::service_config::ServiceConfig<'_>) {
    config.service(list);
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

/// Who has the channel open now, as of a second ago, by user id, and how many they are. Who is invisible is left out.
#[utoipa::path(tag = "presence", params(("id" = String, Path,), ListQuery), responses((status = 200, body = Watchers)))]
#[get("/channels/{id}/watchers")]
async fn list(
    chat: Data<Chat>,
    caller: Caller,
    id: Id<ChannelRef>,
    query: Params<ListQuery>,
) -> Result<HttpResponse> {
    let size = limit(query.0.limit)?;
    let after = decode::<String>("watchers", query.0.cursor.as_deref())?;
    let id = id.0.resolve(&chat, caller.app()).await?;
    let tx = chat.db.tenant(caller.app()).await?;
    access::require(&tx, &caller, id, Capability::ReadChannel).await?;
    tx.commit().await?;
    let crowd = chat.watchers.of(&chat, id).await?;
    let ids = match crowd.as_ref() {
        Crowd::Named(ids) => ids,
        Crowd::Counted(count) => {
            return Ok(HttpResponse::Ok().json(Watchers { items: Vec::new(), next: None, count: *count }));
        }
    };
    let tx = chat.db.tenant(caller.app()).await?;
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let visible = store::visible(&tx, &ids).await?;
    let from = after.map_or(0, |after| visible.partition_point(|id| *id <= after));
    let page: Vec<&str> = visible.iter().skip(from).take(size).map(String::as_str).collect();
    let last = page.last().filter(|_| visible.len() > from + size);
    let next = last.map(|last| encode("watchers", last)).transpose()?;
    let mut items: Vec<UserRef> = users::active(&tx, &page).await?;
    items.sort_unstable_by(|one, other| one.id.cmp(&other.id));
    tx.commit().await?;
    Ok(HttpResponse::Ok().json(Watchers { items, next, count: visible.len() }))
}
