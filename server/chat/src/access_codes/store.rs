//! The queries of access codes.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Array, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use parlor_platform::Result;
use parlor_platform::db::{TenantTx, prepared};
use parlor_platform::error::OnConstraint;
use parlor_platform::schema::{access_code_tries, channels};
use parlor_protocol::{ChannelId, ErrorCode, UserId};
use uuid::Uuid;

/// A channel's code.
pub async fn of_channel(tx: &TenantTx, channel: ChannelId) -> Result<Option<String>> {
    Ok(channels::table
        .find((tx.app(), channel.0))
        .select(channels::access_code)
        .first(&mut tx.conn()?)
        .await?)
}

/// The channel of a code.
pub async fn channel_of(tx: &TenantTx, code: &str) -> Result<Option<ChannelId>> {
    let id = channels::table
        .filter(channels::app_id.eq(tx.app()).and(channels::access_code.eq(code)))
        .filter(channels::deleted_at.is_null())
        .select(channels::id)
        .first::<Uuid>(&mut tx.conn()?)
        .await
        .optional()?;
    Ok(id.map(ChannelId))
}

/// Gives a channel a code, or takes it away. That another one has the same happens once in a trillion: try again.
pub async fn set(tx: &TenantTx, channel: ChannelId, code: Option<&str>) -> Result<()> {
    diesel::update(channels::table.find((tx.app(), channel.0)))
        .set(channels::access_code.eq(code))
        .execute(&mut tx.conn()?)
        .await
        .on_constraint("channels_by_access_code", ErrorCode::Unavailable)?;
    Ok(())
}

/// When a user named wrong codes; holds the row, which is made for it.
pub async fn lock_tries(tx: &TenantTx, user: &UserId) -> Result<Vec<DateTime<Utc>>> {
    Ok(prepared::<Array<Timestamptz>>(
        "INSERT INTO access_code_tries AS t (app_id, user_id, tried_at) VALUES (?, ?, '{}') \
         ON CONFLICT (app_id, user_id) DO UPDATE SET tried_at = t.tried_at RETURNING tried_at",
    )
    .bind::<SqlUuid, _>(tx.app())
    .bind::<Text, _>(user.as_str())
    .get_result::<Vec<DateTime<Utc>>>(&mut tx.conn()?)
    .await?)
}

/// Keeps them.
pub async fn note_tries(tx: &TenantTx, user: &UserId, tries: &[DateTime<Utc>]) -> Result<()> {
    diesel::update(access_code_tries::table.find((tx.app(), user.as_str())))
        .set(access_code_tries::tried_at.eq(tries))
        .execute(&mut tx.conn()?)
        .await?;
    Ok(())
}
