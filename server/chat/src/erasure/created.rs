//! The queries of channels that a user created.

use diesel::prelude::*;
use diesel::sql_types::{Array, Untyped, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use parlor_platform::Result;
use parlor_platform::db::{TenantTx, prepared};
use parlor_platform::schema::channels;
use uuid::Uuid;

/// Some of the channels that the user created, deleted ones included, by id.
pub async fn by(tx: &TenantTx, user: &str, limit: i64) -> Result<Vec<Uuid>> {
    Ok(channels::table
        .filter(channels::app_id.eq(tx.app()).and(channels::created_by.eq(user)))
        .order(channels::id)
        .limit(limit)
        .select(channels::id)
        .load(&mut tx.conn()?)
        .await?)
}

/// Nobody created these channels.
pub async fn forget(tx: &TenantTx, ids: &[Uuid]) -> Result<()> {
    prepared::<Untyped>("UPDATE channels SET created_by = NULL WHERE app_id = ? AND id = ANY(?)")
        .bind::<SqlUuid, _>(tx.app())
        .bind::<Array<SqlUuid>, _>(ids.to_vec())
        .execute(&mut tx.conn()?)
        .await?;
    Ok(())
}
