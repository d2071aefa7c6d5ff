//! Pins: the messages that a channel holds up, some until a time.
//!
//! A pin is a row, by which a channel's pins are listed and counted; the message shows it from its own row, written in the
//! same transaction. From its end on a pin counts and shows as none, and a moment later it is [cleared](expire) with an
//! event, so that whoever looks at it hears of that, too.

mod expire;
mod pin;
pub mod routes;
pub mod store;

pub use expire::expire;

use parlor_platform::Result;
use parlor_platform::db::TenantTx;
use parlor_platform::outbox::Entries;
use parlor_protocol::{EventType, Message, Pin};
use serde_json::json;

use crate::channels::change::Change;
use crate::messages::store as messages;

/// Writes that the message is pinned, or no longer, and tells it.
async fn show(
    tx: &TenantTx,
    change: &Change,
    message: &mut Message,
    pin: Option<Pin>,
    entries: &mut Entries,
) -> Result<()> {
    match &pin {
        Some(pin) => store::put(tx, message.channel_id, message.id, pin).await?,
        None => store::remove(tx, message.id).await?,
    }
    messages::set_pinned(tx, message.id, pin.as_ref(), change.seq()).await?;
    message.pinned = pin;
    message.updated_seq = change.seq();
    change.tell(entries, EventType::MessageUpdated, json!({ "message": message }))
}
