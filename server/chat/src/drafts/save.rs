//! Writing and deleting a draft.

use chrono::{DateTime, Utc};
use parlor_platform::Result;
use parlor_platform::db::TenantTx;
use parlor_platform::outbox::Entries;
use parlor_protocol::draft::{DraftContent, PutDraft};
use parlor_protocol::{Capability, ChannelId, Draft, ErrorCode, EventType, MessageId};
use serde_json::json;

use super::store::{self, Place};
use crate::channels::access::{self, Access};
use crate::content::{Parts, settle_begun};
use crate::messages::access as messages;
use crate::users::change::UserChange;
use crate::users::store as users;
use crate::validate;
use crate::web::{Caller, UserCaller};

/// Only members have drafts, also where others may read.
pub async fn require_member(tx: &TenantTx, caller: &UserCaller, channel: ChannelId) -> Result<Access> {
    let caller = Caller::User(caller.clone());
    let access = access::require(tx, &caller, channel, Capability::ReadChannel).await?;
    if access.membership.is_some() { Ok(access) } else { Err(ErrorCode::NotAMember.into()) }
}

/// Writes a draft; `None`: it was empty, and there is none now. What it was already takes no `seq`.
pub async fn save(
    tx: &TenantTx,
    caller: &UserCaller,
    channel: ChannelId,
    request: PutDraft,
    entries: &mut Entries,
    now: DateTime<Utc>,
) -> Result<Option<Draft>> {
    let PutDraft { parent_id, mut content } = request;
    if content.is_empty() {
        delete(tx, caller, channel, parent_id, entries, now).await?;
        return Ok(None);
    }
    let DraftContent { text, content_type, content: object, mentions, group_mentions, attachments, .. } =
        &mut content;
    settle_begun(Parts {
        text,
        kind: content_type,
        content: object,
        mentions,
        group_mentions,
        attachments,
        is_poll: false,
    })?;
    validate::content(&content.text, &content.attachments, &content.mentions, &content.custom)?;
    let first = require_member(tx, caller, channel).await?.history_from_seq();
    messages::require_thread(tx, channel, first, parent_id, content.reply_to_id).await?;
    let place = Place { user: &caller.user, channel, parent: parent_id };
    users::lock(tx, &[caller.user.as_str()]).await?;
    if let Some(old) = store::find(tx, place).await?.filter(|old| old.content == content) {
        return Ok(Some(old));
    }
    let change = UserChange::begin(tx, &caller.user, now).await?;
    let draft = Draft { channel_id: channel, parent_id, content, user_seq: change.seq(), updated_at: now };
    store::put(tx, place, &draft).await?;
    change.tell(entries, EventType::DraftUpdated, channel, json!({ "draft": draft }))?;
    Ok(Some(draft))
}

/// Deletes a draft, if there is one.
pub async fn delete(
    tx: &TenantTx,
    caller: &UserCaller,
    channel: ChannelId,
    parent: Option<MessageId>,
    entries: &mut Entries,
    now: DateTime<Utc>,
) -> Result<()> {
    require_member(tx, caller, channel).await?;
    let place = Place { user: &caller.user, channel, parent };
    users::lock(tx, &[caller.user.as_str()]).await?;
    if store::find(tx, place).await?.is_none() {
        return Ok(());
    }
    let change = UserChange::begin(tx, &caller.user, now).await?;
    store::delete(tx, place, change.seq(), now).await?;
    let data = json!({ "channel_id": channel, "parent_id": parent });
    change.tell(entries, EventType::DraftDeleted, channel, data)
}
