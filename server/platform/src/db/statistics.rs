//! Statistics of small tables, until autovacuum looks after them.

use diesel::sql_types::Int4;
use diesel_async::RunQueryDsl;

use super::{Db, prepared};
use crate::error::Result;

/// Analyses small tables that have grown much since they last were; cheap when there are none. Returns their number.
pub async fn analyze_small_tables(db: &Db) -> Result<i32> {
    let tx = db.system().await?;
    let analyzed =
        prepared::<Int4>("SELECT parlor_analyze_small_tables()").get_result(&mut tx.conn()?).await?;
    tx.commit_lazily().await?;
    Ok(analyzed)
}
