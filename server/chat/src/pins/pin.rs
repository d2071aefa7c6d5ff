//! Pinning and unpinning.

use chrono::{DateTime, Datelike, Utc};
use parlor_platform::db::TenantTx;
use parlor_platform::outbox::Entries;
use parlor_platform::{Error, Result};
use parlor_protocol::limits::PINS;
use parlor_protocol::pin::PinMessage;
use parlor_protocol::{Capability, ErrorCode, Message, MessageId, Pin};

use super::{show, store};
use crate::channels::change::Change;
use crate::messages::{access, view};
use crate::web::Caller;

/// Pins a message, or gives a pinned one another end. What is as it was takes no `seq` and is told to nobody.
pub async fn pin(
    tx: &TenantTx,
    caller: &Caller,
    id: MessageId,
    request: PinMessage,
    entries: &mut Entries,
    now: DateTime<Utc>,
) -> Result<Message> {
    let expires_at = request.expires_at.map(|at| end(at, now)).transpose()?;
    let (_, mut message) = access::locked(tx, caller, id, Capability::PinMessage).await?;
    if message.deleted_at.is_some() {
        return Err(ErrorCode::MessageDeleted.into());
    }
    access::require_for_all(&message)?;
    if message.parent_id.is_some() {
        return Err(Error::with(ErrorCode::InvalidThread, "Replies can't be pinned."));
    }
    let pin = match message.pinned.clone().filter(|pin| !pin.has_expired(now)) {
        Some(pin) if pin.expires_at == expires_at => {
            return view::message(tx, caller.user(), message, now).await;
        }
        Some(pin) => Pin { expires_at, ..pin },
        None if store::count(tx, message.channel_id, now).await? >= PINS as i64 => {
            return Err(ErrorCode::TooManyPins.into());
        }
        None => Pin { at: now, by: caller.user().cloned(), expires_at },
    };
    let change = Change::begin(tx, message.channel_id, 0, now).await?;
    show(tx, &change, &mut message, Some(pin), entries).await?;
    view::message(tx, caller.user(), message, now).await
}

/// Unpins a message. What is not pinned is as it was.
pub async fn unpin(
    tx: &TenantTx,
    caller: &Caller,
    id: MessageId,
    entries: &mut Entries,
    now: DateTime<Utc>,
) -> Result<Message> {
    let (_, mut message) = access::locked(tx, caller, id, Capability::PinMessage).await?;
    if message.pinned.as_ref().is_some_and(|pin| !pin.has_expired(now)) {
        let change = Change::begin(tx, message.channel_id, 0, now).await?;
        show(tx, &change, &mut message, None, entries).await?;
    }
    view::message(tx, caller.user(), message, now).await
}

/// The end of a pin, cut to microseconds, which is what is stored: a repetition must find the same.
fn end(at: DateTime<Utc>, now: DateTime<Utc>) -> Result<DateTime<Utc>> {
    DateTime::from_timestamp_micros(at.timestamp_micros())
        .filter(|at| *at > now && at.year() <= 9999)
        .ok_or_else(|| {
            Error::with(ErrorCode::InvalidRequest, "`expires_at` is in the future, before the year 10000.")
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pin_ends_in_the_future() {
        let now: DateTime<Utc> = "2026-03-02T09:30:00Z".parse().unwrap();
        let micro = chrono::Duration::microseconds(1);
        for past in [now - micro, now, now + chrono::Duration::nanoseconds(1), DateTime::<Utc>::MAX_UTC] {
            assert_eq!(end(past, now).unwrap_err().code(), ErrorCode::InvalidRequest, "{past}");
        }
        assert_eq!(end(now + micro + chrono::Duration::nanoseconds(9), now).unwrap(), now + micro);
    }
}
