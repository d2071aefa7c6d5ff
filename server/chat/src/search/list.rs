//! Pages of finds, newest first.

use std::collections::HashMap;

use chrono::{DateTime, Duration, Utc};
use parlor_platform::db::TenantTx;
use parlor_platform::{Error, Result};
use parlor_protocol::limits::{ATTACHMENT_TYPE_CHARS, SEARCH_FILTERS};
use parlor_protocol::search::FoundMessage;
use parlor_protocol::{Capability, ChannelId, ErrorCode, Message, Page, UserId};
use serde::Deserialize;
use uuid::Uuid;

use super::query::{Query, quoted};
use super::snippet::snippet;
use super::store::{self, Looked, Part, Place};
use super::tags;
use crate::channels::access;
use crate::messages::store::{self as messages, MessageRow};
use crate::messages::view;
use crate::validate;
use crate::web::{Caller, decode, encode, limit, one_more};

/// With more channels than this the index is not asked for each: what it finds elsewhere is left out afterwards.
const CHANNELS_ASKED: usize = 100;

/// What to look for, and where.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct SearchQuery {
    /// Words that must all be there; `"a phrase"`, `-without`, `begin*`. 1 to 200 characters, at most 10 words or phrases.
    /// The last word may be a beginning, until a space follows it. Case and accents don't count.
    q: String,
    /// Channels to look in, separated by commas, at most 20; unless given, all of the caller's.
    channel_id: Option<String>,
    /// Authors, separated by commas, at most 20.
    user_id: Option<String>,
    /// Users of whom one is mentioned, separated by commas, at most 20.
    mentions: Option<String>,
    /// Types of attachments of which there is one, each of at most 64 characters, separated by commas, at most 20.
    attachment: Option<String>,
    /// Only messages sent at or after this time (RFC 3339).
    from: Option<DateTime<Utc>>,
    /// Only messages sent before this time (RFC 3339).
    to: Option<DateTime<Utc>>,
    /// 1 to 100, 50 unless given.
    limit: Option<u32>,
    /// From `next` of the page before.
    cursor: Option<String>,
}

/// One page of what the caller may read.
pub async fn page(
    tx: &TenantTx,
    caller: &Caller,
    request: SearchQuery,
    now: DateTime<Utc>,
) -> Result<Page<FoundMessage>> {
    let size = limit(request.limit)?;
    let query = Query::parse(&request.q)?;
    let channels = channels(tx, caller, request.channel_id.as_deref()).await?;
    let mut asked = vec![query.tsquery(), quoted(&tags::app(caller.app()))];
    if let Some(channels) = channels.as_deref().filter(|channels| channels.len() <= CHANNELS_ASKED) {
        if channels.is_empty() {
            return Ok(Page { items: Vec::new(), next: None });
        }
        asked.push(any(channels.iter().map(|(id, _)| tags::channel((*id).into()))));
    }
    for (users, tag) in
        [(&request.user_id, tags::author as fn(&str) -> String), (&request.mentions, tags::mention)]
    {
        if let Some(users) = users {
            let users = list(users)?;
            if users.iter().any(|user| UserId::new(*user).is_err()) {
                return Err(ErrorCode::InvalidId.into());
            }
            asked.push(any(users.into_iter().map(tag)));
        }
    }
    if let Some(kinds) = &request.attachment {
        let kinds = list(kinds)?;
        if kinds.iter().any(|kind| kind.chars().count() > ATTACHMENT_TYPE_CHARS) {
            let why = format!("A type of attachments has at most {ATTACHMENT_TYPE_CHARS} characters.");
            return Err(Error::with(ErrorCode::InvalidParameter, why));
        }
        asked.push(any(kinds.into_iter().map(tags::attachment)));
    }
    for time in [&request.from, &request.to] {
        validate::readable_time(time.as_ref(), ErrorCode::InvalidParameter)?;
    }
    let until = request.to.unwrap_or(DateTime::<Utc>::MAX_UTC).min(now + Duration::days(1));
    let since = request.from.unwrap_or(DateTime::UNIX_EPOCH).max(DateTime::UNIX_EPOCH);
    let place = decode::<Place>("search", request.cursor.as_deref())?.unwrap_or((until, Uuid::nil()));
    if place.0 < DateTime::UNIX_EPOCH {
        return Err(ErrorCode::InvalidCursor.into());
    }
    let place = if place.0 > until { (until, Uuid::nil()) } else { place };
    let asked = asked.join(" & ");
    let looked = Looked { asked: &asked, channels: channels.as_deref(), reader: caller.user() };
    let places = find(tx, &looked, place, since, one_more(size)).await?;
    let page = Page::of(places, size, |place| encode("search", place))?;

    let ids: Vec<Uuid> = page.items.iter().map(|(_, id)| *id).collect();
    let rows = messages::of(tx, &ids, caller.user()).await?;
    let found = rows.into_iter().filter(|row| row.deleted_at.is_none()).map(MessageRow::into_message);
    let found = view::messages(tx, caller.user(), found.collect::<Result<_>>()?, now).await?;
    let found: HashMap<Uuid, Message> = found.into_iter().map(|message| (message.id.0, message)).collect();
    let items = ids
        .iter()
        .filter_map(|id| found.get(id))
        .map(|message| FoundMessage { snippet: snippet(&query, &message.text), message: message.clone() });
    Ok(Page { items: items.collect(), next: page.next })
}

/// Goes back in time until there are enough.
async fn find(
    tx: &TenantTx,
    looked: &Looked<'_>,
    place: Place,
    since: DateTime<Utc>,
    limit: i64,
) -> Result<Vec<Place>> {
    let mut found: Vec<Place> = Vec::new();
    for step in tags::steps(since, place.0) {
        let missing = limit - i64::try_from(found.len()).map_err(Error::internal)?;
        if missing <= 0 {
            break;
        }
        let asked = format!("{} & {}", looked.asked, any(step.into_iter()));
        let looked = Looked { asked: &asked, ..*looked };
        found.extend(store::find(tx, &looked, place, since, missing).await?);
    }
    Ok(found)
}

/// Where to look: `None` is everywhere.
async fn channels(tx: &TenantTx, caller: &Caller, asked: Option<&str>) -> Result<Option<Vec<Part>>> {
    let Some(asked) = asked else {
        return match caller.user() {
            Some(user) => Ok(Some(store::channels_of(tx, user.as_str()).await?)),
            None => Ok(None),
        };
    };
    let mut channels = Vec::new();
    // At most 20, and each may have its own reason to refuse.
    for text in list(asked)? {
        let id: ChannelId = text.parse().map_err(|_| ErrorCode::InvalidId)?;
        let access = access::require(tx, caller, id, Capability::ReadChannel).await?;
        let first = access.history_from_seq();
        channels.push((id.0, if first > 1 { first } else { 0 }));
    }
    Ok(Some(channels))
}

fn list(texts: &str) -> Result<Vec<&str>> {
    let texts: Vec<&str> = texts.split(',').map(str::trim).filter(|text| !text.is_empty()).collect();
    if texts.is_empty() || texts.len() > SEARCH_FILTERS {
        let why = format!("A filter names 1 to {SEARCH_FILTERS}, separated by commas.");
        return Err(Error::with(ErrorCode::InvalidParameter, why));
    }
    Ok(texts)
}

fn any(lexemes: impl Iterator<Item = String>) -> String {
    let lexemes: Vec<String> = lexemes.map(|lexeme| quoted(&lexeme)).collect();
    format!("({})", lexemes.join(" | "))
}

/// The newest messages of one channel in which a search finds its words, of those that the reader may read.
pub async fn newest_in(
    tx: &TenantTx,
    typed: &str,
    reader: Option<&UserId>,
    channel: Part,
    until: DateTime<Utc>,
    most: i64,
) -> Result<Vec<Uuid>> {
    let query = Query::parse(typed)?;
    let asked = [
        query.tsquery(),
        quoted(&tags::app(tx.app_id())),
        any(std::iter::once(tags::channel(channel.0.into()))),
    ];
    let (place, since) = ((until, Uuid::nil()), DateTime::UNIX_EPOCH);
    let (asked, channels) = (asked.join(" & "), [channel]);
    let looked = Looked { asked: &asked, channels: Some(&channels), reader };
    let places = find(tx, &looked, place, since, most).await?;
    Ok(places.into_iter().map(|(_, id)| id).collect())
}
