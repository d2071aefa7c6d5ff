//! What a user lets others know: how far they have read, what their devices have got, that they type.

use chrono::{DateTime, Utc};
use parlor_platform::Result;
use parlor_platform::db::TenantTx;
use parlor_platform::outbox::Entries;
use parlor_protocol::user::{UpdateUserSettings, UserSettings};
use parlor_protocol::{EventType, UserId};
use serde_json::json;

use super::change::UserChange;
use super::store;

/// The user's settings.
pub async fn find(tx: &TenantTx, user: &UserId) -> Result<UserSettings> {
    store::settings(tx, user).await
}

/// Changes what the request names, and tells the user's other devices. What changes nothing is told to nobody.
pub async fn update(
    tx: &TenantTx,
    user: &UserId,
    request: UpdateUserSettings,
    entries: &mut Entries,
    now: DateTime<Utc>,
) -> Result<UserSettings> {
    store::lock(tx, &[user.as_str()]).await?;
    let old = find(tx, user).await?;
    let mut new = UserSettings {
        read_receipts: request.read_receipts.unwrap_or(old.read_receipts),
        delivery_receipts: request.delivery_receipts.unwrap_or(old.delivery_receipts),
        typing: request.typing.unwrap_or(old.typing),
        ..old
    };
    if new == old {
        return Ok(old);
    }
    let change = UserChange::begin(tx, user, now).await?;
    new.user_seq = change.seq();
    store::set_settings(tx, user, &new).await?;
    change.tell(entries, EventType::SettingsUpdated, None, json!({ "settings": new }))?;
    Ok(new)
}
