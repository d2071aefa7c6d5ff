//! Moving a live location, and ending it.

use chrono::{DateTime, Duration, Utc};
use parlor_platform::db::TenantTx;
use parlor_platform::outbox::Entries;
use parlor_platform::{Error, Result};
use parlor_protocol::attachment::UpdateLocation;
use parlor_protocol::limits::LIVE_LOCATION_INTERVAL_S;
use parlor_protocol::{Capability, Custom, ErrorCode, EventType, Message, MessageId};
use serde_json::json;

use crate::channels::change::Change;
use crate::content::attachments;
use crate::messages::{access, store, view};
use crate::web::Caller;

/// Moves it. Only who shares it does, or the server for them. Where it is already is told to nobody.
pub async fn update(
    tx: &TenantTx,
    caller: &Caller,
    id: MessageId,
    request: UpdateLocation,
    entries: &mut Entries,
    now: DateTime<Utc>,
) -> Result<Message> {
    let UpdateLocation { lat, lon } = request;
    if !attachments::is_place(lat, lon) {
        return Err(Error::with(ErrorCode::InvalidAttachment, "`lat` is −90 to 90, `lon` −180 to 180."));
    }
    let (message, at, end) = shared(tx, caller, id).await?;
    if end <= now {
        return Err(ErrorCode::LocationEnded.into());
    }
    let place = location(&message, at)?;
    if place.get("lat") == Some(&json!(lat)) && place.get("lon") == Some(&json!(lon)) {
        return view::message(tx, caller.user(), message, now).await;
    }
    let last = place.get("updated_at").and_then(attachments::time).unwrap_or(message.created_at);
    let next = last + Duration::seconds(LIVE_LOCATION_INTERVAL_S);
    // Who waited for another's move began before it.
    if now < next && last - now < Duration::seconds(LIVE_LOCATION_INTERVAL_S) {
        let wait = u32::try_from((next - now).num_seconds() + 1).unwrap_or(1);
        return Err(Error::new(ErrorCode::RateLimited).retry_after(wait));
    }
    let fields = json!({ "lat": lat, "lon": lon, "updated_at": now });
    show(tx, caller, (message, at), fields, Some(end), entries, now).await
}

/// Ends it where it is. A repetition changes nothing.
pub async fn stop(
    tx: &TenantTx,
    caller: &Caller,
    id: MessageId,
    entries: &mut Entries,
    now: DateTime<Utc>,
) -> Result<Message> {
    let (message, at, end) = shared(tx, caller, id).await?;
    if end <= now {
        return view::message(tx, caller.user(), message, now).await;
    }
    show(tx, caller, (message, at), json!({ "expires_at": now }), None, entries, now).await
}

/// The message, which of its attachments is the location, and its end. Sharing goes on in a frozen channel, too: it was
/// begun before.
async fn shared(tx: &TenantTx, caller: &Caller, id: MessageId) -> Result<(Message, usize, DateTime<Utc>)> {
    let (_, message) = access::locked(tx, caller, id, Capability::ReadChannel).await?;
    if message.deleted_at.is_some() {
        return Err(ErrorCode::MessageDeleted.into());
    }
    if caller.user().is_some_and(|user| *user != message.user.id) {
        return Err(ErrorCode::Forbidden.into());
    }
    let (at, end) = attachments::live_location(&message.attachments).ok_or(ErrorCode::LocationNotFound)?;
    Ok((message, at, end))
}

fn location(message: &Message, at: usize) -> Result<&serde_json::Map<String, serde_json::Value>> {
    let Custom(fields) = message.attachments.get(at).ok_or_else(|| Error::internal("no location"))?;
    Ok(fields)
}

async fn show(
    tx: &TenantTx,
    caller: &Caller,
    (mut message, at): (Message, usize),
    fields: serde_json::Value,
    live_until: Option<DateTime<Utc>>,
    entries: &mut Entries,
    now: DateTime<Utc>,
) -> Result<Message> {
    let change = Change::begin(tx, message.channel_id, 0, now).await?;
    let attachment = message.attachments.get_mut(at).ok_or_else(|| Error::internal("no location"))?;
    if let serde_json::Value::Object(fields) = fields {
        attachment.0.extend(fields);
    }
    store::set_location(tx, message.id, &message.attachments, live_until, change.seq()).await?;
    message.updated_seq = change.seq();
    let data = json!({ "message": message });
    change.tell_of(tx, entries, &message, EventType::MessageUpdated, data).await?;
    view::message(tx, caller.user(), message, now).await
}
