//! The queries of queries: statements that [`super::compile`] made.

use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Jsonb, Nullable, Text};
use diesel_async::RunQueryDsl;
use parlor_platform::Result;
use parlor_platform::db::TenantTx;
use serde_json::Value;

use super::compile::Binds;

/// What identifies a row that was found, with the values of its keys.
#[derive(Debug, QueryableByName)]
pub struct Found {
    #[diesel(sql_type = Text)]
    pub id: String,
    #[diesel(sql_type = Jsonb)]
    pub keys: Value,
}

/// What a statement finds.
pub async fn found(tx: &TenantTx, sql: String, binds: Binds) -> Result<Vec<Found>> {
    Ok(RunQueryDsl::load(binds.into_query(sql), &mut tx.conn()?).await?)
}

/// How far a walk came.
#[derive(Debug, QueryableByName)]
pub struct End {
    #[diesel(sql_type = BigInt)]
    pub looked: i64,
    #[diesel(sql_type = Nullable<BigInt>)]
    pub last: Option<i64>,
}

/// How far a walk came.
pub async fn end(tx: &TenantTx, sql: String, binds: Binds) -> Result<End> {
    Ok(RunQueryDsl::get_result(binds.into_query(sql), &mut tx.conn()?).await?)
}
