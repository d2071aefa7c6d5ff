//! Erasing what was kept aside, when nobody can take the deletion back any more.

use chrono::{DateTime, Utc};
use parlor_platform::Result;
use parlor_protocol::{AppId, UserId};
use uuid::Uuid;

use super::{forget, store};
use crate::channels::store as channels;
use crate::due::{self, Claimed, Kind, Worker};
use crate::tasks;

/// Erases what these deletions kept, and ends the tasks of their messages, but for those that were taken back, or whose message was deleted anew since.
pub async fn expire(
    worker: &Worker,
    app: AppId,
    claimed: &[Claimed],
    lease_until: DateTime<Utc>,
) -> Result<()> {
    let now = worker.clock.now();
    let ids: Vec<Uuid> = claimed.iter().map(|thing| thing.id).collect();
    let tx = worker.db.tenant_for_job(app).await?;
    let mut entries = worker.entries();
    // Before what was kept, as who takes a deletion back holds them.
    let rows = tasks::store::of_messages(&tx, &ids).await?;
    let held = channels::lock_all(&tx, &rows.iter().map(|task| task.channel_id).collect::<Vec<_>>()).await?;
    let over = store::take_expired(&tx, &ids, now).await?;
    forget(&tx, &over).await?;
    tasks::forget_all(&tx, held, &over, &mut entries, now).await?;
    let done: Vec<(&UserId, Uuid)> = claimed
        .iter()
        .filter(|thing| over.contains(&thing.id))
        .map(|thing| (&thing.user, thing.id))
        .collect();
    due::store::remove(&tx, Kind::DeletedMessage, &done).await?;
    worker.commit(tx, entries, now).await?;
    let gone: Vec<&Claimed> = claimed.iter().filter(|thing| !over.contains(&thing.id)).collect();
    due::store::drop_claimed(&worker.db, &gone, lease_until).await
}
