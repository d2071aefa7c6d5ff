//! One process of the cluster at a time.
//!
//! Who leads holds an advisory lock on a connection of its own, and works on that connection: losing it is losing the
//! lock, so that two never go on side by side for long.

use std::time::Duration;

use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::Db;
use crate::error::{Error, Result};
use crate::task::CancellationToken;

/// Advisory locks are numbers; the first half says that they are ours.
const LOCK_SPACE: i32 = 0x7061_726c;
/// How often who doesn't lead asks again.
const ASK: Duration = Duration::from_millis(500);
/// How long the database may take to answer.
const DATABASE: Duration = Duration::from_secs(10);

/// What there is one leader for. Never renumbered.
#[derive(Clone, Copy, Debug)]
pub enum Office {
    /// Telling realtime.
    Realtime = 1,
    /// Handing jobs to an outside broker.
    Jobs = 2,
    /// Looking after presence.
    Presence = 3,
}

/// Waits for the lock and gives the connection that holds it, in the system's scope; `None` at `stop`.
pub async fn lead(
    db: &Db,
    office: Office,
    setup: &str,
    stop: &CancellationToken,
) -> Result<Option<AsyncPgConnection>> {
    let conn = db.dedicated(&format!("SET app.scope = 'system'; {setup}")).await?;
    while !in_time(try_lock(&conn, office as i32)).await? {
        tokio::select! {
            () = stop.cancelled() => return Ok(None),
            () = tokio::time::sleep(ASK) => {}
        }
    }
    Ok(Some(conn))
}

/// A database that vanished without a word would otherwise be waited for as long as TCP does.
pub async fn in_time<T>(call: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::time::timeout(DATABASE, call).await.map_err(Error::unavailable)?
}

async fn try_lock(conn: &AsyncPgConnection, key: i32) -> Result<bool> {
    Ok(diesel::select(pg_try_advisory_lock(LOCK_SPACE, key)).get_result(&mut &*conn).await?)
}

diesel::define_sql_function! {
    fn pg_try_advisory_lock(space: diesel::sql_types::Int4, key: diesel::sql_types::Int4) -> diesel::sql_types::Bool;
}
