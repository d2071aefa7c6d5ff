//! The embedded queue: workers claim rows of the outbox.
//!
//! States of a row: waiting (`available_at` passed) → leased (`available_at` pushed into the future while a
//! worker has it) → deleted, or waiting again after a step of the ladder, or dead (`dead_at`). A worker that
//! dies leaves its lease to run out, and the row is claimed again. All consumers of a topic hear one row; on
//! a retry those that had it before skip it by their inbox entry, so a poisoned one does not make others
//! repeat their effect.
//!
//! Jobs are claimed several at a time, because most are quick, and those of one app and topic are handled together
//! where all that hear it can. When a group turns out to be slow its worker hands those behind it back, and renews
//! the lease of the slow one for as long as it runs.

mod store;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use parlor_protocol::EventId;

use self::store::{Job, Key};
use super::{Broker, Consumer, DeadLetter};
use crate::clock::{Clock, monotonic};
use crate::config;
use crate::db::Db;
use crate::error::{Error, Result};
use crate::outbox::Bell;
use crate::outbox::relay::Row;
use crate::task::{CancellationToken, TaskTracker, supervise};

/// How long a worker may have a job, unless it says that it still works on it, before another takes it; it is also how
/// long jobs wait whose worker died.
const LEASE: chrono::Duration = chrono::Duration::seconds(20);
/// After this time of its lease a worker gives back what it has not begun.
const PATIENCE: Duration = Duration::from_secs(10);
/// A job that takes longer than this is slow; its lease is renewed as often.
const SLOW: Duration = Duration::from_secs(1);
/// Jobs claimed at once.
const CLAIM: i64 = 256;
/// A job waits this long for company: under load a claim then finds many, and costs the senders less.
const GATHER: Duration = Duration::from_millis(20);
/// A worker rests so many times as long as it worked, and no longer than [`REST_MOST`]: senders come first, what has
/// gathered meanwhile is cheaper together, and some of it has settled itself. With a full claim behind it, it rests
/// just as long as it worked, because more waits.
const REST: u32 = 8;
const REST_MOST: Duration = Duration::from_secs(1);
/// Look for due jobs at least this often: retries ring no bell.
const POLL: Duration = Duration::from_millis(500);

/// The queue in the outbox table.
pub struct Embedded {
    db: Db,
    clock: Clock,
    bell: Bell,
    ladder: Vec<chrono::Duration>,
    concurrency: usize,
}

impl Embedded {
    /// Workers on the outbox of `db`.
    pub fn new(db: Db, clock: Clock, bell: Bell, config: &config::Broker) -> Self {
        let ladder = config.retry_ladder_ms.iter();
        let ladder =
            ladder.map(|ms| chrono::Duration::milliseconds(i64::try_from(*ms).unwrap_or(i64::MAX))).collect();
        Self { db, clock, bell, ladder, concurrency: config.concurrency }
    }

    async fn work(self: Arc<Self>, consumers: Arc<Vec<Arc<dyn Consumer>>>, stop: CancellationToken) {
        while !stop.is_cancelled() {
            let started = monotonic();
            match self.round(&consumers, &stop).await {
                Ok(0) => {
                    tokio::select! {
                        () = stop.cancelled() => return,
                        rung = tokio::time::timeout(POLL, self.bell.jobs.notified()) => {
                            if rung.is_ok() {
                                tokio::time::sleep(GATHER).await;
                            }
                        }
                    }
                }
                Ok(count) => {
                    let times = if i64::try_from(count) == Ok(CLAIM) { 1 } else { REST };
                    tokio::time::sleep((started.elapsed() * times).min(REST_MOST)).await;
                }
                Err(error) => {
                    tracing::warn!(error = ?error, "a worker waits");
                    tokio::select! {
                        () = stop.cancelled() => return,
                        () = tokio::time::sleep(Duration::from_secs(1)) => {}
                    }
                }
            }
        }
    }

    /// Claims jobs and works them off. Returns how many there were.
    async fn round(&self, consumers: &[Arc<dyn Consumer>], stop: &CancellationToken) -> Result<usize> {
        let claimed = monotonic();
        let jobs = store::claim(&self.db, self.clock.now(), LEASE, CLAIM).await?;
        let count = jobs.len();
        let mut waiting = grouped(jobs, consumers);
        let mut done = Vec::with_capacity(count);
        while let Some(group) = waiting.pop_front() {
            if claimed.elapsed() > PATIENCE {
                self.keep_only(&group, &mut done, &mut waiting).await;
            }
            let outcome = {
                let mut run = std::pin::pin!(self.run(&group, consumers));
                loop {
                    match tokio::time::timeout(SLOW, &mut run).await {
                        Ok(outcome) => break outcome,
                        Err(_) => self.keep_only(&group, &mut done, &mut waiting).await,
                    }
                }
            };
            match (outcome, group.as_slice()) {
                (Ok(()), group) => done.extend(group.iter().map(Job::key)),
                (Err(error), [job]) => self.fail(job, &error).await?,
                (Err(_), _) => group.into_iter().rev().for_each(|job| waiting.push_front(vec![job])),
            }
            if stop.is_cancelled() {
                store::release(&self.db, &keys(&mut waiting), self.clock.now()).await?;
            }
        }
        store::finish(&self.db, &done).await?;
        Ok(count)
    }

    /// Settles everything but a slow group. What fails here is left to the leases.
    async fn keep_only(&self, group: &[Job], done: &mut Vec<Key>, waiting: &mut VecDeque<Vec<Job>>) {
        let now = self.clock.now();
        let back = keys(waiting);
        let finished = std::mem::take(done);
        let settled = async {
            let slow: Vec<_> = group.iter().map(Job::key).collect();
            store::renew(&self.db, &slow, now + LEASE).await?;
            store::release(&self.db, &back, now).await?;
            store::finish(&self.db, &finished).await
        };
        if let Err(error) = settled.await {
            tracing::warn!(error = ?error, "a slow job's lease may run out");
        }
        if !back.is_empty() {
            self.bell.ring();
        }
    }

    async fn run(&self, group: &[Job], consumers: &[Arc<dyn Consumer>]) -> Result<()> {
        let deliveries: Vec<_> = group.iter().map(Job::delivery).collect();
        let mut failure = None;
        for consumer in group.first().into_iter().flat_map(|job| hearing(consumers, &job.topic)) {
            if let Err(error) = super::guarded(consumer.as_ref(), &deliveries).await {
                failure = Some(Error::internal(format!("{}: {error:?}", consumer.binding().name)));
            }
        }
        failure.map_or(Ok(()), Err)
    }

    async fn fail(&self, job: &Job, error: &Error) -> Result<()> {
        let now = self.clock.now();
        // `attempts` counts this one.
        let step = usize::try_from(job.attempts - 1).ok().and_then(|step| self.ladder.get(step));
        tracing::warn!(topic = job.topic, event = %job.event_id, attempt = job.attempts, error = ?error, "a job failed");
        metrics::counter!("parlor_jobs_failed_total", "topic" => job.topic.clone()).increment(1);
        store::postpone(&self.db, job, step.map(|wait| now + *wait), now, &format!("{error:?}")).await
    }
}

#[async_trait]
impl Broker for Embedded {
    async fn publish(&self, _rows: &[Row]) -> Result<()> {
        // The rows are the queue.
        Ok(())
    }

    fn start(
        self: Arc<Self>,
        consumers: Vec<Arc<dyn Consumer>>,
        tracker: &TaskTracker,
        stop: &CancellationToken,
    ) {
        let consumers = Arc::new(consumers);
        for _ in 0..self.concurrency {
            let (broker, consumers, token) = (self.clone(), consumers.clone(), stop.clone());
            supervise(tracker, "worker", stop.clone(), move || {
                broker.clone().work(consumers.clone(), token.clone())
            });
        }
    }

    async fn dead_letters(&self, limit: usize) -> Result<Vec<DeadLetter>> {
        store::dead(&self.db, i64::try_from(limit).unwrap_or(i64::MAX)).await
    }

    async fn replay(&self, event: Option<EventId>) -> Result<usize> {
        let count = store::revive(&self.db, event.map(|event| event.0), self.clock.now()).await?;
        self.bell.ring();
        Ok(count)
    }

    async fn ping(&self) -> Result<()> {
        self.db.ping().await
    }
}

/// Who hears this topic.
fn hearing<'a>(
    consumers: &'a [Arc<dyn Consumer>],
    topic: &'a str,
) -> impl Iterator<Item = &'a Arc<dyn Consumer>> {
    consumers.iter().filter(move |consumer| consumer.binding().topics.contains(&topic))
}

/// Puts together what may be handled together: the same app and topic, as many as everybody who hears it can take.
fn grouped(jobs: Vec<Job>, consumers: &[Arc<dyn Consumer>]) -> VecDeque<Vec<Job>> {
    let mut groups: VecDeque<Vec<Job>> = VecDeque::new();
    for job in jobs {
        // A repeated job may be poisoned: it comes alone.
        let most = match job.attempts {
            ..=1 => {
                hearing(consumers, &job.topic).map(|consumer| consumer.binding().at_once).min().unwrap_or(1)
            }
            _ => 1,
        };
        let fits = |group: &&mut Vec<Job>| {
            group.len() < most
                && group.first().is_some_and(|first| {
                    (first.app_id, &first.topic) == (job.app_id, &job.topic) && first.attempts == job.attempts
                })
        };
        match groups.iter_mut().find(fits) {
            Some(group) => group.push(job),
            None => groups.push_back(vec![job]),
        }
    }
    groups
}

fn keys(groups: &mut VecDeque<Vec<Job>>) -> Vec<Key> {
    groups.drain(..).flatten().map(|job| job.key()).collect()
}
