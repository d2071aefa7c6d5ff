//! Clearing pins whose time has come.
//!
//! Every node looks, and may find the same: the pin is looked at again under its channel's lock, so one of them clears and
//! tells it, and the others find nothing to do. So does who comes for a pin that was meanwhile made anew.

use chrono::{DateTime, Utc};
use parlor_platform::Result;
use parlor_platform::db::TenantTx;
use parlor_platform::outbox::Entries;
use parlor_protocol::{ChannelId, MessageId};

use super::{show, store};
use crate::Chat;
use crate::channels::change::Change;
use crate::channels::store as channels;
use crate::messages::store as messages;

/// Pins that are cleared at once; the rest waits for the next time.
const AT_ONCE: i64 = 100;

/// Clears what has expired, the longest ago first. Each is a change of its channel, in a transaction of its own: one that
/// can't be cleared now leaves the others alone.
pub async fn expire(chat: &Chat) -> Result<()> {
    let system = chat.db.system().await?;
    let due = store::due(&system, chat.clock.now(), AT_ONCE).await?;
    system.commit().await?;
    for (app, channel, message) in due {
        let cleared =
            chat.change(app, async |tx, entries, now| clear(tx, channel, message, entries, now).await).await;
        if let Err(error) = cleared {
            tracing::warn!(?error, %message, "an expired pin was not cleared");
        }
    }
    Ok(())
}

async fn clear(
    tx: &TenantTx,
    channel: ChannelId,
    message: MessageId,
    entries: &mut Entries,
    now: DateTime<Utc>,
) -> Result<()> {
    if channels::lock(tx, channel).await?.is_none() {
        // The channel was deleted: there is nobody to tell.
        return store::remove(tx, message).await;
    }
    let Some(row) = messages::find(tx, message, None).await? else { return Ok(()) };
    let mut message = row.into_message()?;
    if message.pinned.as_ref().is_some_and(|pin| pin.has_expired(now)) {
        let change = Change::begin(tx, channel, 0, now).await?;
        show(tx, &change, &mut message, None, entries).await?;
    }
    Ok(())
}
