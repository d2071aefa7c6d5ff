//! Approving a message: it is marked, sent, and then no longer waits.

use parlor_platform::db::TenantTx;
use parlor_platform::{Error, Result};
use parlor_protocol::{AppId, Capability, ErrorCode, EventType, Message, MessageId, UserId};
use serde_json::json;

use super::change::visible;
use super::moderators;
use super::store::{self, PendingRow};
use crate::Chat;
use crate::channels::access::{self as channels, Access};
use crate::messages::send::Item;
use crate::messages::{access, view};
use crate::permissions;
use crate::users::change::UserChange;
use crate::users::store as users;
use crate::web::Caller;

/// Sends a message that waits. A repetition is answered with the message that it has become.
pub async fn approve(chat: &Chat, caller: &Caller, id: MessageId) -> Result<Message> {
    let app = caller.app();
    let row = chat.change(app, async |tx, _, _| mark(tx, caller, id).await).await?;
    if let Some(row) = row {
        let author: UserId = users::user_id(row.user_id.clone())?;
        if let Err(error) = chat.sender.send(item(app, row)?).await {
            if !error.code().retryable() {
                chat.change(app, async |tx, _, _| store::set_approved(tx, id, false).await).await?;
            }
            return Err(error);
        }
        settle(chat, app, id, &author).await?;
    }
    let tx = chat.db.tenant(app).await?;
    let (_, message) = access::readable(&tx, caller, id).await?;
    let message = view::message(&tx, caller.user(), message, chat.clock.now()).await?;
    tx.commit().await?;
    Ok(message)
}

/// Marks it, so that nobody changes it any more. `None`: it is a message already.
async fn mark(tx: &TenantTx, caller: &Caller, id: MessageId) -> Result<Option<PendingRow>> {
    let (access, shown) = match visible(tx, caller, id).await {
        Ok(found) => found,
        Err(error) if error.code() == ErrorCode::PendingNotFound => {
            return require_sent(tx, caller, id).await;
        }
        Err(error) => return Err(error),
    };
    require_moderator(&access)?;
    users::lock(tx, &[&shown.row.user_id]).await?;
    // It may have been changed, taken back or sent while we waited.
    store::lock(tx, id).await?;
    let Some(shown) = store::find(tx, id).await? else { return require_sent(tx, caller, id).await };
    store::set_approved(tx, id, true).await?;
    Ok(Some(shown.row))
}

/// Who may approve is answered with what was approved; all others, and of what never was, that nothing waits.
async fn require_sent(tx: &TenantTx, caller: &Caller, id: MessageId) -> Result<Option<PendingRow>> {
    let sent = access::readable(tx, caller, id).await;
    let (access, _) = sent.map_err(|error| channels::or_unknown(error, ErrorCode::PendingNotFound))?;
    require_moderator(&access)?;
    Ok(None)
}

fn require_moderator(access: &Access) -> Result<()> {
    permissions::require(
        access.actor,
        Capability::ApproveMessages,
        access.channel.kind,
        &access.channel.config,
    )
}

fn item(app: AppId, row: PendingRow) -> Result<Item> {
    let content = serde_json::from_value(row.content).map_err(Error::internal)?;
    let (channel, user) = (row.channel_id.into(), users::user_id(row.user_id)?);
    let forwarded_from =
        row.forwarded_from.map(serde_json::from_value).transpose().map_err(Error::internal)?;
    let new = Item::new(app, channel, user, false, row.id.into(), content)?;
    Ok(Item { forwarded_from, approved: true, fingerprint: row.fingerprint, ..new })
}

/// It waits no longer, and its author is told, once.
async fn settle(chat: &Chat, app: AppId, id: MessageId, author: &UserId) -> Result<()> {
    chat.change(app, async |tx, entries, now| {
        users::lock(tx, &[author.as_str()]).await?;
        let Some(channel) = store::delete(tx, id).await? else { return Ok(()) };
        let change = UserChange::begin(tx, author, now).await?;
        let data = json!({ "message_id": id, "channel_id": channel });
        change.tell(entries, EventType::PendingMessageApproved, channel, data)?;
        moderators::tell(tx, entries, channel, now).await
    })
    .await
}
