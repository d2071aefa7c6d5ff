//! Reactions: several types a user and message, each with a score.
//!
//! A reaction is a row; how often each type was used stands in the message's row, written in the same transaction under
//! the channel's lock, so a timeline is read without looking at reactions.

mod add;
mod counts;
mod remove;
pub mod routes;
pub mod store;

use parlor_platform::Result;
use parlor_platform::db::TenantTx;
use parlor_platform::outbox::Entries;
use parlor_protocol::{EventType, Message, Reaction, ReactionCount};
use serde_json::{Value, json};

use crate::channels::change::Change;
use crate::messages::store as messages;

/// Writes what the message shows after a change, and tells it with the reaction that changed and `more`.
async fn show(
    tx: &TenantTx,
    change: &Change,
    message: &mut Message,
    counts: Vec<ReactionCount>,
    (kind, reaction, more): (EventType, &Reaction, Value),
    entries: &mut Entries,
) -> Result<()> {
    messages::set_reactions(tx, message.id, &counts, change.seq()).await?;
    message.reactions = counts;
    message.updated_seq = change.seq();
    let shown =
        json!({ "id": message.id, "reactions": message.reactions, "updated_seq": message.updated_seq });
    let mut data = json!({ "message_id": message.id, "reaction": reaction, "message": shown });
    if let (Value::Object(data), Value::Object(more)) = (&mut data, more) {
        data.extend(more);
    }
    change.tell_of(tx, entries, message, kind, data).await
}
