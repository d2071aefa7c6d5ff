//! The worker: claims what is due and gives it to whom it is for.
//!
//! It claims the next while the bookkeeping of the last goes on beside it, so that messages follow each other without a
//! pause; they are sent in the order of their times, batch after batch.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::future::join_all;
use parlor_platform::Result;
use parlor_platform::clock::Clock;
use parlor_platform::config::Config;
use parlor_platform::db::{Db, TenantTx};
use parlor_platform::outbox::{Bell, Entries};
use parlor_platform::task::{CancellationToken, TaskTracker, spawn, supervise};
use parlor_protocol::AppId;
use tokio::sync::Semaphore;

use super::{Alarm, Claimed, Kind, store};
use crate::messages::send::Sender;
use crate::{reminders, scheduled, undelete};

/// Things claimed at once.
const CLAIM: usize = 500;
/// How long a worker may have them before another takes over; it is also how long those wait whose worker died. Sending
/// such a batch takes a tenth of a second.
const LEASE: chrono::Duration = chrono::Duration::seconds(15);
/// Look at least this often: what another process puts in rings no bell here.
const POLL: Duration = Duration::from_millis(500);
/// And at most this often, where others have claimed what is due.
const PAUSE: Duration = Duration::from_millis(10);
/// Wait after a failure.
const BACKOFF: Duration = Duration::from_secs(1);
/// Apps that are served side by side.
const APPS: usize = 8;
/// Batches whose bookkeeping goes on beside the next claim.
const SETTLING: usize = 2;

/// What the worker needs. Clones are one worker.
#[derive(Clone)]
pub struct Worker {
    pub db: Db,
    pub clock: Clock,
    pub config: Arc<Config>,
    pub bell: Bell,
    pub sender: Sender,
    pub alarm: Alarm,
}

/// The things of one kind and app of one claim.
struct Batch {
    app: AppId,
    kind: Kind,
    things: Vec<Claimed>,
    lease_until: DateTime<Utc>,
}

impl Worker {
    /// Starts working until `stop`. What was begun is finished.
    pub fn start(self, tracker: &TaskTracker, stop: &CancellationToken) {
        let (tasks, token) = (tracker.clone(), stop.clone());
        let settling = Arc::new(Semaphore::new(SETTLING));
        supervise(tracker, "due", stop.clone(), move || {
            self.clone().run(tasks.clone(), settling.clone(), token.clone())
        });
    }

    async fn run(self, tracker: TaskTracker, settling: Arc<Semaphore>, stop: CancellationToken) {
        while !stop.is_cancelled() {
            let wait = match self.round(&tracker, &settling).await {
                Ok(wait) => wait,
                Err(error) => {
                    tracing::warn!(?error, "what is due waits");
                    BACKOFF
                }
            };
            if !wait.is_zero() {
                tokio::select! {
                    () = stop.cancelled() => return,
                    () = self.alarm.0.notified() => {}
                    () = tokio::time::sleep(wait) => {}
                }
            }
        }
    }

    /// Claims once and serves what it got. Gives how long to wait before the next round.
    async fn round(&self, tracker: &TaskTracker, settling: &Arc<Semaphore>) -> Result<Duration> {
        let now = self.clock.now();
        let lease_until = now + LEASE;
        let claimed = store::claim(&self.db, now, lease_until, CLAIM as i64).await?;
        let all = claimed.len() < CLAIM;
        let mut batches: BTreeMap<(AppId, Kind), Vec<Claimed>> = BTreeMap::new();
        for thing in claimed {
            batches.entry((thing.app, thing.kind)).or_default().push(thing);
        }
        let batches: Vec<Batch> = batches
            .into_iter()
            .map(|((app, kind), things)| Batch { app, kind, things, lease_until })
            .collect();
        for side_by_side in batches.chunks(APPS) {
            join_all(side_by_side.iter().map(|batch| self.serve(batch, tracker, settling))).await;
        }
        if !all {
            return Ok(Duration::ZERO);
        }
        let next = store::next(&self.db).await?;
        let until_next = next.map_or(POLL, |next| (next - self.clock.now()).to_std().unwrap_or_default());
        Ok(until_next.clamp(PAUSE, POLL))
    }

    /// One app's trouble is not another's: what fails here is left to its lease.
    async fn serve(&self, batch: &Batch, tracker: &TaskTracker, settling: &Arc<Semaphore>) {
        let served = match batch.kind {
            Kind::ScheduledMessage => self.send(batch, tracker, settling).await,
            Kind::DeletedMessage => undelete::expire(self, batch.app, &batch.things, batch.lease_until).await,
            Kind::Reminder => reminders::give::give(self, batch.app, &batch.things, batch.lease_until).await,
        };
        if let Err(error) = served {
            tracing::warn!(?error, app = %batch.app, kind = batch.kind.as_str(), "what is due is left to its lease");
        }
    }

    async fn send(&self, batch: &Batch, tracker: &TaskTracker, settling: &Arc<Semaphore>) -> Result<()> {
        let sent = scheduled::deliver::send(self, batch.app, &batch.things, batch.lease_until).await?;
        let Ok(permit) = settling.clone().acquire_owned().await else { return Ok(()) };
        let (worker, app, token) = (self.clone(), batch.app, tracker.token());
        spawn("due settling", async move {
            let _held = (permit, token);
            if let Err(error) = scheduled::deliver::settle(&worker, app, sent).await {
                // They are sent; when the lease is over the sender will say so, and it is noted then.
                tracing::warn!(?error, %app, "what was sent is not noted yet");
            }
        });
        Ok(())
    }

    /// Ends a transaction that may have something to tell.
    pub async fn commit(&self, tx: TenantTx, entries: Entries, now: DateTime<Utc>) -> Result<()> {
        entries.store(&tx, now).await?;
        tx.commit().await?;
        if !entries.is_empty() {
            self.bell.ring();
        }
        Ok(())
    }

    /// Nothing to tell yet.
    pub fn entries(&self) -> Entries {
        Entries::new(self.config.lanes())
    }

    /// How much later than its time something happens.
    pub fn note_lag(&self, kind: &'static str, due: DateTime<Utc>) {
        let lag = (self.clock.now() - due).to_std().unwrap_or_default();
        metrics::histogram!("parlor_due_lag_seconds", "kind" => kind).record(lag.as_secs_f64());
    }
}
