//! The relay: publishes the outbox to realtime and, where jobs go to an outside broker, to that.
//!
//! One relay at a time in the whole cluster: it holds an advisory lock on a connection of its own, on which
//! it also reads, so that losing the connection is losing the lock. Lanes are published side by side, rows
//! of a lane one after the other. A row is deleted after it was told; a crash between the two tells it
//! again, which the event's id lets everybody drop.
//!
//! When realtime is away its rows wait, and jobs go on: the two loops know nothing of each other. What is told of a busy
//! channel is [gathered](super::busy).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use diesel_async::AsyncPgConnection;
use futures_util::future::join_all;

use super::busy::{Busy, RowKey, Rules, Step};
pub use super::store::OutboxRow as Row;
use super::store::{self, OutboxRow};
use super::{Bell, Command};
use crate::broker::Broker;
use crate::clock::{Clock, monotonic};
use crate::db::Db;
use crate::db::leader::{Office, in_time, lead};
use crate::error::Result;
use crate::realtime::Realtime;
use crate::task::{CancellationToken, TaskTracker, supervise};

/// Rows read at once. A row is a batch of events, so this is many events.
const ROWS: usize = 64;
/// Wait after a failure, doubled up to the second while nothing succeeds.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));
/// How long a stopping relay may take to finish its round, so that nothing is told twice for no need.
const GRACE: Duration = Duration::from_secs(3);

/// What the relay needs.
#[derive(Clone)]
pub struct Relay {
    pub db: Db,
    pub clock: Clock,
    pub bell: Bell,
    pub realtime: Arc<dyn Realtime>,
    /// Set where jobs leave the database.
    pub broker: Option<Arc<dyn Broker>>,
    pub poll: Duration,
    /// When a channel is told in frames.
    pub busy: Rules,
}

/// What waits, by lane.
type Lanes = BTreeMap<i16, Busy>;

impl Relay {
    /// Starts the loops; they end at `stop`.
    pub fn start(self, tracker: &TaskTracker, stop: &CancellationToken) {
        let (relay, token) = (self.clone(), stop.clone());
        supervise(tracker, "relay realtime", stop.clone(), move || {
            relay.clone().run(Sink::Realtime, token.clone())
        });
        if self.broker.is_some() {
            let token = stop.clone();
            supervise(tracker, "relay jobs", stop.clone(), move || {
                self.clone().run(Sink::Jobs, token.clone())
            });
        }
    }

    async fn run(self, sink: Sink, stop: CancellationToken) {
        let mut wait = BACKOFF.0;
        while !stop.is_cancelled() {
            let overdue = async {
                stop.cancelled().await;
                tokio::time::sleep(GRACE).await;
            };
            let outcome = tokio::select! {
                () = overdue => return,
                outcome = self.lead(sink, &mut wait, &stop) => outcome,
            };
            if let Err(error) = outcome {
                metrics::counter!("parlor_relay_failures_total", "sink" => sink.name()).increment(1);
                tracing::warn!(sink = sink.name(), error = ?error, "the relay waits");
            }
            tokio::select! { () = stop.cancelled() => return, () = tokio::time::sleep(wait) => {} }
            wait = (wait * 2).min(BACKOFF.1);
        }
    }

    /// Waits for the lock, then relays until something fails, or, between two rounds, until `stop`.
    async fn lead(&self, sink: Sink, wait: &mut Duration, stop: &CancellationToken) -> Result<()> {
        let led = lead(&self.db, sink.office(), "SET synchronous_commit = off", stop).await?;
        let Some(conn) = led else { return Ok(()) };
        tracing::info!(sink = sink.name(), "this process relays");
        let bell = match sink {
            Sink::Realtime => &self.bell.realtime,
            Sink::Jobs => &self.bell.jobs,
        };
        let (mut floor, mut lanes) = (Floor::new(), Lanes::new());
        while !stop.is_cancelled() {
            let told = match sink {
                Sink::Realtime => self.realtime_round(&conn, &mut floor, &mut lanes).await?,
                Sink::Jobs => self.jobs_round(&conn).await?,
            };
            if told > 0 {
                *wait = BACKOFF.0;
            }
            // Fewer than asked for were all there were: what came since has rung.
            if told < ROWS {
                let due = lanes.values().filter_map(Busy::next).min();
                let until_due = due.map(|due| due.saturating_duration_since(monotonic()));
                let wait = until_due.map_or(self.poll, |due| due.min(self.poll));
                tokio::select! {
                    () = stop.cancelled() => {}
                    _ = tokio::time::timeout(wait, bell.notified()) => {}
                }
            }
        }
        self.tell(&conn, &mut lanes, BTreeMap::new(), true).await.map(drop)
    }

    /// Tells what there is and what has waited long enough; gives how many rows there were.
    async fn realtime_round(
        &self,
        conn: &AsyncPgConnection,
        floor: &mut Floor,
        lanes: &mut Lanes,
    ) -> Result<usize> {
        let waiting = lanes.values().flat_map(Busy::rows).collect();
        let rows = in_time(store::next_realtime(conn, floor.get(), waiting, ROWS as i64)).await?;
        let count = rows.len();
        let mut by_lane: BTreeMap<i16, Vec<OutboxRow>> = BTreeMap::new();
        for row in rows {
            lanes.entry(row.lane).or_insert_with(|| Busy::new(self.busy, monotonic()));
            by_lane.entry(row.lane).or_default().push(row);
        }
        floor.told(self.tell(conn, lanes, by_lane, false).await?);
        Ok(count)
    }

    /// Tells rows and frames, lane beside lane, and forgets what was told. Gives the highest row of it.
    async fn tell(
        &self,
        conn: &AsyncPgConnection,
        lanes: &mut Lanes,
        mut rows: BTreeMap<i16, Vec<OutboxRow>>,
        all: bool,
    ) -> Result<Option<i64>> {
        let telling = lanes.iter_mut().map(|(lane, busy)| {
            let rows = rows.remove(lane).unwrap_or_default();
            async move {
                let mut told = Vec::new();
                let outcome = self.tell_lane(busy, rows, all, &mut told).await;
                (told, outcome)
            }
        });
        let (mut told, mut failure) = (Vec::new(), None);
        for (done, outcome) in join_all(telling).await {
            told.extend(done);
            failure = failure.or(outcome.err());
        }
        if !told.is_empty() {
            in_time(store::delete(conn, &told)).await?;
        }
        // What waits is forgotten with the failure, and read again.
        failure.map_or_else(|| Ok(told.iter().map(|(_, id)| *id).max()), Err)
    }

    /// Tells a lane's rows in order and stops at the first that can't be told now.
    async fn tell_lane(
        &self,
        busy: &mut Busy,
        rows: Vec<OutboxRow>,
        all: bool,
        told: &mut Vec<RowKey>,
    ) -> Result<()> {
        for row in rows {
            let commands = serde_json::from_str::<Vec<Command>>(&row.payload).unwrap_or_else(|error| {
                tracing::error!(row = row.id, %error, "an outbox row is unreadable and was dropped");
                Vec::new()
            });
            let step = busy.take((row.app_id, row.id), commands, monotonic())?;
            self.carry_out(busy, step, told).await?;
            let lag = (self.clock.now() - row.created_at).to_std().unwrap_or_default();
            metrics::histogram!("parlor_relay_lag_seconds").record(lag.as_secs_f64());
        }
        let step = busy.due(monotonic(), all)?;
        self.carry_out(busy, step, told).await
    }

    async fn carry_out(&self, busy: &mut Busy, mut step: Step, told: &mut Vec<RowKey>) -> Result<()> {
        let commands = std::mem::take(&mut step.commands);
        if !commands.is_empty() {
            self.realtime.carry_out(commands).await?;
        }
        told.extend(busy.told(&step));
        Ok(())
    }

    async fn jobs_round(&self, conn: &AsyncPgConnection) -> Result<usize> {
        let Some(broker) = &self.broker else { return Ok(0) };
        let rows = in_time(store::next_jobs(conn, ROWS as i64)).await?;
        if rows.is_empty() {
            return Ok(0);
        }
        broker.publish(&rows).await?;
        let told: Vec<_> = rows.iter().map(|row| (row.app_id, row.id)).collect();
        in_time(store::delete(conn, &told)).await?;
        Ok(told.len())
    }
}

/// From which id on the relay looks. Rows that were told leave dead entries in the index, which a look from the
/// beginning steps over one by one until they are swept; but a row that is committed late has a lower id than some
/// that were told. So the floor is what was told a while ago, and now and then there is none.
struct Floor {
    id: i64,
    next: i64,
    raised: Instant,
    lifted: Instant,
}

/// How much later than its neighbours a row is usually committed at the most.
const LATE: Duration = Duration::from_millis(100);
/// How often the relay looks for rows that were later still.
const LATER: Duration = Duration::from_millis(500);

impl Floor {
    fn new() -> Self {
        Self { id: 0, next: 0, raised: monotonic(), lifted: monotonic() }
    }

    fn get(&mut self) -> i64 {
        let now = monotonic();
        if now.duration_since(self.lifted) >= LATER {
            self.lifted = now;
            return 0;
        }
        if now.duration_since(self.raised) >= LATE {
            self.raised = now;
            self.id = self.next;
        }
        self.id
    }

    fn told(&mut self, highest: Option<i64>) {
        self.next = self.next.max(highest.unwrap_or(0));
    }
}

#[derive(Clone, Copy)]
enum Sink {
    Realtime,
    Jobs,
}

impl Sink {
    fn name(self) -> &'static str {
        match self {
            Self::Realtime => "realtime",
            Self::Jobs => "jobs",
        }
    }

    fn office(self) -> Office {
        match self {
            Self::Realtime => Office::Realtime,
            Self::Jobs => Office::Jobs,
        }
    }
}

/// Rows that wait, and the age of the oldest.
pub async fn backlog(db: &Db, clock: &Clock) -> Result<(i64, Duration)> {
    let tx = db.system().await?;
    let (count, oldest) = store::backlog(tx.conn()?).await?;
    tx.commit().await?;
    let age = oldest.and_then(|oldest| (clock.now() - oldest).to_std().ok()).unwrap_or_default();
    Ok((count, age))
}
