//! Telling those who may approve that there is something to look at, or no longer.

use chrono::{DateTime, Utc};
use parlor_platform::Result;
use parlor_platform::db::TenantTx;
use parlor_platform::outbox::Entries;
use parlor_protocol::{ChannelId, EventType};

use super::store;
use crate::members::tell_users;

/// What waits in this channel has changed.
pub async fn tell(
    tx: &TenantTx,
    entries: &mut Entries,
    channel: ChannelId,
    now: DateTime<Utc>,
) -> Result<()> {
    let moderators = store::moderators(tx, channel).await?;
    let kind = EventType::NotificationPendingMessages;
    tell_users(entries, tx.app_id(), kind, channel, moderators.iter(), now)
}
