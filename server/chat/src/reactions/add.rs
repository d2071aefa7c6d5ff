//! Giving a reaction.

use chrono::{DateTime, Utc};
use parlor_platform::Result;
use parlor_platform::db::TenantTx;
use parlor_platform::outbox::Entries;
use parlor_protocol::limits::REACTION_TYPES;
use parlor_protocol::reaction::AddReaction;
use parlor_protocol::{Capability, ErrorCode, EventType, Message, MessageId, Reaction};
use serde_json::json;

use super::{counts, show, store};
use crate::channels::change::Change;
use crate::messages::{access, view};
use crate::users::store as users;
use crate::validate;
use crate::web::Caller;

/// Gives a reaction, or another score to one that was given. What is as it was takes no `seq` and is told to nobody.
pub async fn add(
    tx: &TenantTx,
    caller: &Caller,
    id: MessageId,
    request: AddReaction,
    entries: &mut Entries,
    now: DateTime<Utc>,
) -> Result<Message> {
    let AddReaction { kind, score, enforce_unique, user_id } = request;
    validate::reaction(&kind, score)?;
    let user = caller.acts_for(user_id)?;
    let (_, mut message) = access::locked(tx, caller, id, Capability::React).await?;
    if message.deleted_at.is_some() {
        return Err(ErrorCode::MessageDeleted.into());
    }
    let user = users::active(tx, &[user.as_str()]).await?.pop().ok_or(ErrorCode::UserUnknown)?;
    let held = store::held(tx, id, &user.id).await?;
    let Some(step) = counts::give(&message.reactions, &held, &kind, score, enforce_unique) else {
        return view::message(tx, caller.user(), message, now).await;
    };
    if step.counts.len() > REACTION_TYPES {
        return Err(ErrorCode::TooManyReactions.into());
    }
    let known = held.iter().find(|held| held.kind == kind);
    let change = Change::begin(tx, message.channel_id, 0, now).await?;
    if !step.replaced.is_empty() {
        store::remove(tx, id, &user.id, &step.replaced).await?;
    }
    match known {
        Some(_) => store::set_score(tx, id, &user.id, &kind, score).await?,
        None => store::insert(tx, id, &user.id, &kind, score, change.seq(), now).await?,
    }
    let created_at = known.map_or(now, |known| known.created_at);
    let reaction = Reaction { kind, user, score, created_at };
    let told = if known.is_none() && step.replaced.is_empty() {
        (EventType::ReactionNew, &reaction, json!({}))
    } else {
        (EventType::ReactionUpdated, &reaction, json!({ "replaced": step.replaced }))
    };
    show(tx, &change, &mut message, step.counts, told, entries).await?;
    view::message(tx, caller.user(), message, now).await
}
