//! The end of what a user chose for a while: it returns to what was before.

use std::collections::BTreeMap;

use diesel_async::AsyncPgConnection;
use parlor_platform::Result;
use parlor_platform::db::leader::in_time;
use parlor_protocol::AppId;

use super::recorder::{Ground, changed};
use super::store;

/// Users whose choice ends at once; the rest waits for the next time.
const AT_ONCE: i64 = 500;

/// Ends what has ended, for all apps.
pub async fn end(ground: &Ground, conn: &AsyncPgConnection) -> Result<()> {
    let now = ground.clock.now();
    let mut apps: BTreeMap<AppId, Vec<String>> = BTreeMap::new();
    for (app, user) in in_time(store::ended(conn, now, AT_ONCE)).await? {
        apps.entry(AppId(app)).or_default().push(user);
    }
    for (app, users) in apps {
        let ids: Vec<&str> = users.iter().map(String::as_str).collect();
        let tx = ground.db.tenant_for_job(app).await?;
        let before = store::lock(&tx, &ids).await?;
        let mut after = before.clone();
        after.iter_mut().for_each(|(_, row)| row.expire(now));
        // One who chose anew meanwhile has another end.
        store::drop_ends(&tx, &ids, now).await?;
        changed(ground, tx, &before, &after, now).await?;
    }
    Ok(())
}
