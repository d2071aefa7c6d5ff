//! What is over is kept for a while, mostly without its content, so that devices that were away are told of it; then it goes.

use chrono::{DateTime, Duration, Utc};
use diesel::sql_types::{Timestamptz, Untyped};
use diesel_async::RunQueryDsl;
use parlor_platform::Result;
use parlor_platform::db::{Db, prepared};

/// How long.
const KEPT: Duration = Duration::days(30);

const PURGES: [&str; 7] = [
    "DELETE FROM drafts WHERE (app_id, user_id, channel_id, place) IN \
        (SELECT app_id, user_id, channel_id, place FROM drafts WHERE deleted_at < ? LIMIT 5000)",
    "DELETE FROM scheduled_messages WHERE (app_id, id) IN \
        (SELECT app_id, id FROM scheduled_messages WHERE content IS NULL AND updated_at < ? LIMIT 5000)",
    "DELETE FROM scheduled_messages WHERE (app_id, id) IN \
        (SELECT app_id, id FROM scheduled_messages WHERE state = 'failed' AND updated_at < ? LIMIT 5000)",
    "DELETE FROM jobs WHERE (app_id, id) IN \
        (SELECT app_id, id FROM jobs WHERE finished_at < ? LIMIT 5000)",
    "DELETE FROM access_code_tries WHERE (app_id, user_id) IN \
        (SELECT app_id, user_id FROM access_code_tries WHERE coalesce(tried_at[array_upper(tried_at, 1)], '-infinity') < ? LIMIT 5000)",
    "DELETE FROM reminders WHERE (app_id, user_id, message_id) IN \
        (SELECT app_id, user_id, message_id FROM reminders WHERE deleted_at < ? LIMIT 5000)",
    "DELETE FROM stars WHERE (app_id, user_id, message_id) IN \
        (SELECT app_id, user_id, message_id FROM stars WHERE NOT starred AND updated_at < ? LIMIT 5000)",
];

/// Forgets, in all apps, what has been over for 30 days. A few thousand rows at a time: however many there are, no
/// statement runs into its time limit.
pub async fn purge(db: &Db, now: DateTime<Utc>) -> Result<()> {
    crate::transfer::store::purge(db, now).await?;
    for sql in PURGES {
        loop {
            let tx = db.system().await?;
            let rows =
                prepared::<Untyped>(sql).bind::<Timestamptz, _>(now - KEPT).execute(&mut tx.conn()?).await?;
            tx.commit_lazily().await?;
            if rows == 0 {
                break;
            }
        }
    }
    Ok(())
}
