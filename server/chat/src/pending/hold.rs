//! Keeping a message until it is approved.

use parlor_platform::{Error, Result};
use parlor_protocol::limits::PENDING_MESSAGES;
use parlor_protocol::message::SendMessage;
use parlor_protocol::{ErrorCode, EventType};
use serde_json::json;

use super::moderators;
use super::store::{self, PendingRow};
use crate::Desk;
use crate::messages::send::{Item, Sent};
use crate::users::change::UserChange;
use crate::users::store as users;

/// Keeps a message that may be sent once it is approved. The same again is answered with what waits.
pub async fn hold(desk: &Desk, item: Item) -> Result<Sent> {
    let pending = desk
        .change(item.app, async |tx, entries, now| {
            let Item { id, channel, user, content, forwarded_from, fingerprint, .. } = item;
            users::lock(tx, &[user.as_str()]).await?;
            if let Some(known) = store::find(tx, id).await? {
                let same = known.row.fingerprint == fingerprint && known.row.is_of(&user);
                return if same { known.into_pending() } else { Err(ErrorCode::MessageIdReused.into()) };
            }
            if store::count(tx, channel, &user).await? >= PENDING_MESSAGES {
                return Err(ErrorCode::TooManyPending.into());
            }
            let change = UserChange::begin(tx, &user, now).await?;
            let content = SendMessage { id: None, user_id: None, ..content };
            let row = PendingRow {
                id: id.0,
                channel_id: channel.0,
                user_id: user.as_str().to_owned(),
                content: serde_json::to_value(&content).map_err(Error::internal)?,
                forwarded_from: forwarded_from
                    .map(serde_json::to_value)
                    .transpose()
                    .map_err(Error::internal)?,
                fingerprint,
                approved: false,
                user_seq: change.seq(),
                created_at: now,
                updated_at: now,
            };
            if !store::insert(tx, row).await? {
                return Err(ErrorCode::MessageIdReused.into());
            }
            let kept = store::find(tx, id).await?.ok_or_else(|| Error::internal("what was kept is gone"))?;
            let pending = kept.into_pending()?;
            let data = json!({ "pending_message": pending });
            change.tell(entries, EventType::PendingMessageCreated, channel, data)?;
            moderators::tell(tx, entries, channel, now).await?;
            Ok(pending)
        })
        .await?;
    let json = serde_json::to_string(&pending).map_err(Error::internal)?;
    Ok(Sent { json, created: false, waits: true })
}
