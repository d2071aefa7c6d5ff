//! Taking a reaction back.

use chrono::{DateTime, Utc};
use parlor_platform::Result;
use parlor_platform::db::TenantTx;
use parlor_platform::outbox::Entries;
use parlor_protocol::{Capability, ErrorCode, EventType, Message, MessageId, Reaction, UserId};
use serde_json::json;

use super::{counts, show, store};
use crate::channels::change::Change;
use crate::messages::{access, view};
use crate::users::store as users;
use crate::validate;
use crate::web::Caller;

/// Takes a reaction back. What was not given, or was taken back before, is as it was.
pub async fn remove(
    tx: &TenantTx,
    caller: &Caller,
    id: MessageId,
    kind: &str,
    user: Option<UserId>,
    entries: &mut Entries,
    now: DateTime<Utc>,
) -> Result<Message> {
    validate::reaction_type(kind)?;
    let user = caller.acts_for(user)?;
    let (_, mut message) = access::locked(tx, caller, id, Capability::React).await?;
    if message.deleted_at.is_some() {
        return Err(ErrorCode::MessageDeleted.into());
    }
    // Whoever was deactivated since may lose theirs all the same.
    let user = users::shown(tx, &user).await?.ok_or(ErrorCode::UserUnknown)?;
    let held = store::held(tx, id, &user.id).await?;
    let Some(known) = held.into_iter().find(|held| held.kind == kind) else {
        return view::message(tx, caller.user(), message, now).await;
    };
    let counts = counts::take_back(&message.reactions, &known);
    let change = Change::begin(tx, message.channel_id, 0, now).await?;
    store::remove(tx, id, &user.id, std::slice::from_ref(&known.kind)).await?;
    let reaction = Reaction { kind: known.kind, user, score: known.score, created_at: known.created_at };
    show(tx, &change, &mut message, counts, (EventType::ReactionDeleted, &reaction, json!({})), entries)
        .await?;
    view::message(tx, caller.user(), message, now).await
}
