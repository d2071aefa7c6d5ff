//! Erasing what was kept aside, when nobody can take the deletion back any more.

use chrono::{DateTime, Utc};
use parlor_platform::Result;
use parlor_protocol::{AppId, UserId};
use uuid::Uuid;

use super::{forget, store};
use crate::due::{self, Claimed, Kind, Worker};

/// Erases what these deletions kept, but for those that were taken back, or whose message was deleted anew since.
pub async fn expire(
    worker: &Worker,
    app: AppId,
    claimed: &[Claimed],
    lease_until: DateTime<Utc>,
) -> Result<()> {
    let now = worker.clock.now();
    let ids: Vec<Uuid> = claimed.iter().map(|thing| thing.id).collect();
    let tx = worker.db.tenant_for_job(app).await?;
    let over = store::take_expired(&tx, &ids, now).await?;
    forget(&tx, &over).await?;
    let done: Vec<(&UserId, Uuid)> = claimed
        .iter()
        .filter(|thing| over.contains(&thing.id))
        .map(|thing| (&thing.user, thing.id))
        .collect();
    due::store::remove(&tx, Kind::DeletedMessage, &done).await?;
    tx.commit().await?;
    let gone: Vec<&Claimed> = claimed.iter().filter(|thing| !over.contains(&thing.id)).collect();
    due::store::drop_claimed(&worker.db, &gone, lease_until).await
}
