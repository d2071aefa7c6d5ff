//! The writers: each gathers what is waiting and writes it in one transaction.
//!
//! While a transaction commits, the next sends gather; that is the whole art, there is no timer. Each writer
//! owns one connection, on which its statements stay prepared, and makes a new one after a failure. When the
//! database is away every send is refused within the time of one connection attempt; nothing is kept in
//! memory for later, because the caller keeps it and retries with the same id.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use diesel_async::AsyncPgConnection;
use futures_util::FutureExt;
use parlor_platform::clock::{Clock, monotonic};
use parlor_platform::config::Config;
use parlor_platform::db::Db;
use parlor_platform::outbox::Bell;
use parlor_platform::task::{CancellationToken, TaskTracker, spawn};
use parlor_platform::{Error, Result};
use parlor_protocol::{AppId, ErrorCode};
use tokio::sync::{mpsc, oneshot};

use super::batch::{self, Answer, Warm, WriteError};
use super::{Item, Sent};
use crate::{Desk, pending};

/// Sends that may wait for one writer before more are refused.
const QUEUE: usize = 8_192;
/// A batch that takes longer than this has lost its database.
const PATIENCE: Duration = Duration::from_secs(6);
/// How often a batch is read again after a message id was used at the same moment elsewhere.
const CONFLICTS: usize = 5;

struct Waiting {
    item: Item,
    answer: oneshot::Sender<Result<Answer>>,
}

/// Gives sends to the writers.
#[derive(Clone)]
pub struct Sender {
    writers: Arc<[mpsc::Sender<Waiting>]>,
    desk: Desk,
}

impl Sender {
    /// Starts the writers. At `stop` they finish what they took.
    pub fn start(
        config: &Config,
        db: &Db,
        clock: &Clock,
        bell: &Bell,
        tracker: &TaskTracker,
        stop: &CancellationToken,
    ) -> Self {
        let writers = (0..config.send_writers())
            .map(|_| {
                let (queue, waiting) = mpsc::channel(QUEUE);
                let writer = Writer {
                    db: db.clone(),
                    clock: clock.clone(),
                    bell: bell.clone(),
                    lanes: config.lanes(),
                    batch: config.chat.send_batch,
                    wait: Duration::from_millis(config.database.wait_timeout_ms),
                    conn: None,
                };
                let (token, stop) = (tracker.token(), stop.clone());
                spawn("message writer", async move {
                    let _counted = token;
                    writer.run(waiting, stop).await;
                });
                queue
            })
            .collect();
        let desk = Desk { db: db.clone(), clock: clock.clone(), bell: bell.clone(), lanes: config.lanes() };
        Self { writers, desk }
    }

    /// Sends one message and waits until it is durable. One that needs approval is kept until it is approved.
    pub async fn send(&self, item: Item) -> Result<Sent> {
        match self.write(item).await? {
            Answer::Sent(sent) => Ok(sent),
            Answer::Waits(item) => pending::hold(&self.desk, *item).await,
        }
    }

    async fn write(&self, item: Item) -> Result<Answer> {
        let mut hasher = DefaultHasher::new();
        item.channel.hash(&mut hasher);
        let at = usize::try_from(hasher.finish() % self.writers.len().max(1) as u64).unwrap_or(0);
        let writer = self.writers.get(at).ok_or_else(batch::unavailable)?;
        let (answer, answered) = oneshot::channel();
        writer.try_send(Waiting { item, answer }).map_err(|_| batch::unavailable())?;
        answered.await.map_err(|_| batch::unavailable())?
    }
}

struct Writer {
    db: Db,
    clock: Clock,
    bell: Bell,
    lanes: i16,
    batch: usize,
    /// How long a new connection may take.
    wait: Duration,
    /// With which of its statements are prepared.
    conn: Option<(AsyncPgConnection, Warm)>,
}

impl Writer {
    async fn run(mut self, mut waiting: mpsc::Receiver<Waiting>, stop: CancellationToken) {
        let mut taken = Vec::with_capacity(self.batch);
        loop {
            let count = tokio::select! {
                biased;
                count = waiting.recv_many(&mut taken, self.batch) => count,
                () = stop.cancelled() => 0,
            };
            if count == 0 {
                return;
            }
            let mut apps: BTreeMap<AppId, Vec<Waiting>> = BTreeMap::new();
            for send in taken.drain(..) {
                apps.entry(send.item.app).or_default().push(send);
            }
            let mut away = None;
            for (app, sends) in apps {
                match &away {
                    None => away = self.write(app, sends).await,
                    // One wait for a database that is away is enough for everybody in the batch.
                    Some(error) => refuse(sends, error),
                }
            }
        }
    }

    /// Writes one app's sends. Gives the error if the database is away.
    async fn write(&mut self, app: AppId, sends: Vec<Waiting>) -> Option<Error> {
        let started = monotonic();
        let (items, answers): (Vec<Item>, Vec<_>) =
            sends.into_iter().map(|send| (send.item, send.answer)).unzip();
        let outcomes = match self.guarded(app, &items).await {
            Ok(outcomes) => outcomes,
            Err(error) if items.len() > 1 && !is_away(&error) => self.one_by_one(app, &items).await,
            Err(error) => items.iter().map(|_| Err(error.clone())).collect(),
        };
        self.bell.ring();
        metrics::histogram!("parlor_send_batch_size").record(items.len() as f64);
        metrics::histogram!("parlor_send_batch_seconds").record(started.elapsed().as_secs_f64());
        let errors = outcomes.iter().filter_map(|outcome| outcome.as_ref().err());
        let away = errors.into_iter().find(|error| is_away(error)).cloned();
        for (answer, outcome) in answers.into_iter().zip(outcomes) {
            // A caller that has gone away retries, or not.
            let _ = answer.send(outcome);
        }
        away
    }

    /// One that the database can't take must not refuse its neighbours.
    async fn one_by_one(&mut self, app: AppId, items: &[Item]) -> Vec<Result<Answer>> {
        let mut outcomes: Vec<Result<Answer>> = Vec::with_capacity(items.len());
        for item in items {
            let outcome = match outcomes.last() {
                Some(Err(error)) if is_away(error) => Err(error.clone()),
                _ => {
                    let alone = self.guarded(app, std::slice::from_ref(item)).await;
                    alone.and_then(|mut one| one.pop().unwrap_or_else(|| Err(batch::unavailable())))
                }
            };
            outcomes.push(outcome);
        }
        outcomes
    }

    /// A panic fails the batch, not the writer; the connection that it held is gone with it.
    async fn guarded(&mut self, app: AppId, items: &[Item]) -> Result<Vec<Result<Answer>>> {
        match AssertUnwindSafe(self.attempt(app, items)).catch_unwind().await {
            Ok(outcome) => outcome,
            Err(_) => Err(Error::internal("writing a batch panicked")),
        }
    }

    async fn attempt(&mut self, app: AppId, items: &[Item]) -> Result<Vec<Result<Answer>>> {
        for _ in 0..CONFLICTS {
            let (conn, warm) = match self.conn.take() {
                Some(conn) => conn,
                None => {
                    let connect = self.db.dedicated("SELECT 1");
                    (
                        tokio::time::timeout(self.wait, connect).await.map_err(Error::unavailable)??,
                        Warm::default(),
                    )
                }
            };
            let write = batch::write(&conn, warm, app, items, self.lanes, self.clock.now());
            match tokio::time::timeout(PATIENCE, write).await {
                Ok(Ok((outcomes, warm))) => {
                    self.conn = Some((conn, warm));
                    return Ok(outcomes);
                }
                Ok(Err(WriteError::Conflict)) => self.conn = Some((conn, warm)),
                Ok(Err(WriteError::Failed(error))) => return Err(error),
                Err(late) => return Err(Error::unavailable(late)),
            }
        }
        Err(batch::unavailable())
    }
}

fn is_away(error: &Error) -> bool {
    error.code() == ErrorCode::Unavailable
}

fn refuse(sends: Vec<Waiting>, error: &Error) {
    for send in sends {
        let _ = send.answer.send(Err(error.clone()));
    }
}
