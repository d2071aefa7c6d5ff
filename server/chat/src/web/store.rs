//! The queries of idempotency keys.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use parlor_platform::Result;
use parlor_platform::db::TenantTx;
use parlor_platform::schema::idempotency_keys;

/// Claims a key for a request; waits for who is claiming it. `false`: somebody had it.
pub async fn claim(tx: &TenantTx, key: &[u8], request: &[u8], now: DateTime<Utc>) -> Result<bool> {
    let rows = diesel::insert_into(idempotency_keys::table)
        .values((
            idempotency_keys::app_id.eq(tx.app()),
            idempotency_keys::key.eq(key),
            idempotency_keys::request.eq(request),
            idempotency_keys::created_at.eq(now),
        ))
        .on_conflict_do_nothing()
        .execute(&mut tx.conn()?)
        .await?;
    Ok(rows == 1)
}

/// Under a claimed key: the request, and the status and body of its answer.
pub async fn claimed(tx: &TenantTx, key: &[u8]) -> Result<(Vec<u8>, Option<i16>, Option<String>)> {
    Ok(idempotency_keys::table
        .find((tx.app(), key))
        .select((idempotency_keys::request, idempotency_keys::status, idempotency_keys::body))
        .first(&mut tx.conn()?)
        .await?)
}

/// Keeps the answer under its key.
pub async fn keep(tx: &TenantTx, key: &[u8], status: i16, body: &str) -> Result<()> {
    diesel::update(idempotency_keys::table.find((tx.app(), key)))
        .set((idempotency_keys::status.eq(status), idempotency_keys::body.eq(body)))
        .execute(&mut tx.conn()?)
        .await?;
    Ok(())
}
