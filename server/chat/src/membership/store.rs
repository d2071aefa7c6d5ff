//! The queries of what is a member's own.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use parlor_platform::Result;
use parlor_platform::db::TenantTx;
use parlor_platform::schema::channel_members;
use parlor_protocol::{ChannelId, UserId};

use super::Settings;

/// Writes the settings of a member whose row the caller holds.
pub async fn write(
    tx: &TenantTx,
    channel: ChannelId,
    user: &UserId,
    settings: &Settings,
    user_seq: i64,
) -> Result<()> {
    diesel::update(channel_members::table.find((tx.app(), channel.0, user.as_str())))
        .set((settings, channel_members::user_seq.eq(user_seq)))
        .execute(&mut tx.conn()?)
        .await?;
    Ok(())
}
