//! A consumer's work.
//!
//! States of a message: ready in the queue → unacknowledged while a job runs → acknowledged; or, after an
//! error, copied to the next rung or the dead-letter queue, and acknowledged once the copy is confirmed. When
//! the connection is lost the broker gives all unacknowledged messages to others; jobs in hand are finished
//! before we ask for new ones, so that this process never runs one twice at the same time. At `stop` no more
//! are asked for, those in hand are finished and acknowledged, and the rest goes back to the queue.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use lapin::message::Delivery as Message;
use lapin::options::{BasicAckOptions, BasicCancelOptions, BasicConsumeOptions, BasicQosOptions};
use lapin::types::FieldTable;
use lapin::{Channel, Connection};
use parlor_protocol::AppId;
use tokio::sync::Mutex;
use tokio::time::timeout;

use super::link::{Backoff, LOOK, Link, answered};
use super::publisher::Outlet;
use super::topology::Topology;
use super::{away, message};
use crate::broker::{Consumer, Delivery, guarded};
use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::task::CancellationToken;

/// Messages in reserve for each that is worked on, at the least, so that a worker never waits for the network.
const PREFETCH: usize = 2;
/// How long opening a channel and declaring queues may take.
const OPEN: Duration = Duration::from_secs(30);
/// How long jobs in hand may go on after the connection was lost.
const AFTERMATH: Duration = Duration::from_secs(60);

pub(super) struct Worker {
    pub(super) consumer: Arc<dyn Consumer>,
    pub(super) link: Arc<Link>,
    pub(super) topology: Arc<Topology>,
    pub(super) clock: Clock,
    pub(super) concurrency: usize,
}

/// One stay on a connection.
struct Session<'a> {
    worker: &'a Worker,
    connection: Arc<Connection>,
    inlet: Channel,
    /// Copies go out on a channel of their own, one at a time: see the publisher on returned messages.
    outlet: Mutex<Outlet>,
}

impl Worker {
    pub(super) async fn run(self: Arc<Self>, stop: CancellationToken) {
        let mut backoff = Backoff::new();
        while !stop.is_cancelled() {
            let connection = tokio::select! {
                () = stop.cancelled() => return,
                connection = self.link.patiently() => connection,
            };
            let opening = answered(&connection, self.open(connection.clone()));
            let outcome = match timeout(OPEN, opening).await {
                Ok(Ok((session, deliveries))) => {
                    backoff = Backoff::new();
                    session.serve(deliveries, &stop).await
                }
                Ok(Err(error)) => Err(error),
                Err(_) => Err(Error::unavailable("RabbitMQ is too slow")),
            };
            if let Err(error) = outcome {
                let consumer = self.consumer.binding().name;
                tracing::warn!(consumer, error = ?error, "a consumer starts over");
                tokio::select! { () = stop.cancelled() => return, () = tokio::time::sleep(backoff.next()) => {} }
            }
        }
    }

    async fn open(&self, connection: Arc<Connection>) -> Result<(Session<'_>, lapin::Consumer)> {
        let binding = self.consumer.binding();
        let inlet = connection.create_channel().await.map_err(away)?;
        let outlet = Mutex::new(Outlet::open(connection.clone()).await?);
        self.topology.declare_exchange(&inlet).await?;
        self.topology.declare_consumer(&inlet, &binding).await?;
        let reserve = PREFETCH.max(binding.at_once);
        let prefetch = u16::try_from(self.concurrency.saturating_mul(reserve)).unwrap_or(u16::MAX);
        inlet.basic_qos(prefetch, BasicQosOptions::default()).await.map_err(away)?;
        let queue = self.topology.queue(binding.name)?;
        let (options, arguments) = (BasicConsumeOptions::default(), FieldTable::default());
        let deliveries = inlet.basic_consume(queue, "".into(), options, arguments).await.map_err(away)?;
        Ok((Session { worker: self, connection, inlet, outlet }, deliveries))
    }
}

impl Session<'_> {
    /// Works until `stop`, which is a success, or until the session is lost.
    async fn serve(&self, mut deliveries: lapin::Consumer, stop: &CancellationToken) -> Result<()> {
        let mut jobs = FuturesUnordered::new();
        // Taken from the broker and not begun; at the end they are left to it.
        let mut waiting: VecDeque<Vec<Message>> = VecDeque::new();
        let mut look = tokio::time::interval(LOOK);
        let outcome = loop {
            while jobs.len() < self.worker.concurrency
                && let Some(group) = waiting.pop_front()
            {
                jobs.push(self.work(group));
            }
            tokio::select! {
                () = stop.cancelled() => break Ok(()),
                _ = look.tick() => if !self.is_open() {
                    break Err(Error::unavailable("the connection to RabbitMQ was lost"));
                },
                message = deliveries.next(), if jobs.len() < self.worker.concurrency => match message {
                    Some(Ok(message)) => match self.at_hand(message, &mut deliveries) {
                        Ok(messages) => waiting.extend(grouped(messages)),
                        Err(error) => break Err(error),
                    },
                    Some(Err(error)) => break Err(away(error)),
                    None => break Err(Error::unavailable("RabbitMQ ended the subscription")),
                },
                Some(done) = jobs.next() => match done {
                    Ok(alone) => waiting.extend(alone.into_iter().map(|message| vec![message])),
                    Err(error) => break Err(error),
                },
            }
        };
        let finish = async {
            while let Some(done) = jobs.next().await {
                if let Err(error) = done {
                    let consumer = self.worker.consumer.binding().name;
                    tracing::warn!(consumer, error = ?error, "a job will be repeated");
                }
            }
        };
        if outcome.is_ok() {
            let cancel = self.inlet.basic_cancel(deliveries.tag(), BasicCancelOptions::default());
            let _ = answered(&self.connection, async { cancel.await.map_err(away) }).await;
            finish.await;
            let close = self.inlet.close(200, "stopping".into());
            let _ = answered(&self.connection, async { close.await.map_err(away) }).await;
        } else {
            let _ = timeout(AFTERMATH, finish).await;
        }
        outcome
    }

    /// A message, and those behind it that are here already, as many as the consumer takes at once.
    fn at_hand(&self, first: Message, deliveries: &mut lapin::Consumer) -> Result<Vec<Message>> {
        let mut messages = vec![first];
        while messages.len() < self.worker.consumer.binding().at_once {
            match deliveries.next().now_or_never() {
                Some(Some(Ok(message))) => messages.push(message),
                // What was taken is not acknowledged, and comes again.
                Some(Some(Err(error))) => return Err(away(error)),
                Some(None) | None => break,
            }
        }
        Ok(messages)
    }

    /// Works off messages that go together. Gives them back, to be worked off each alone, if that failed.
    async fn work(&self, messages: Vec<Message>) -> Result<Vec<Message>> {
        if messages.len() == 1 {
            for message in messages {
                self.job(message).await?;
            }
            return Ok(Vec::new());
        }
        let deliveries: Vec<Delivery> = messages.iter().filter_map(fresh).collect();
        if self.handle(&deliveries).await.is_err() {
            return Ok(messages);
        }
        for message in &messages {
            self.acknowledge(message).await?;
        }
        Ok(Vec::new())
    }

    async fn job(&self, message: Message) -> Result<()> {
        match message::decode(&message.properties, &message.data) {
            Ok((delivery, attempt)) => {
                if let Err(error) = self.handle(std::slice::from_ref(&delivery)).await {
                    self.fail(&message, &delivery, attempt, &error).await?;
                }
            }
            Err(wrong) => {
                metrics::counter!("parlor_jobs_failed_total", "topic" => "").increment(1);
                self.bury(&message, "undecodable", &wrong, 1).await?;
            }
        }
        self.acknowledge(&message).await
    }

    async fn acknowledge(&self, message: &Message) -> Result<()> {
        let acknowledge = async { message.ack(BasicAckOptions::default()).await.map_err(away) };
        if answered(&self.connection, acknowledge).await? {
            Ok(())
        } else {
            Err(Error::unavailable("the connection to RabbitMQ was lost before a job was acknowledged"))
        }
    }

    fn is_open(&self) -> bool {
        self.connection.status().connected() && self.inlet.status().connected()
    }

    /// Handles jobs of one app and topic.
    async fn handle(&self, jobs: &[Delivery]) -> Result<()> {
        let consumer = self.worker.consumer.as_ref();
        if !jobs.iter().all(|job| consumer.binding().topics.contains(&job.topic.as_str())) {
            // Bound by a newer version, which will get it from a rung, or by an older one.
            return Err(Error::internal("this version of the consumer does not know the topic"));
        }
        guarded(consumer, jobs).await
    }

    async fn fail(&self, message: &Message, job: &Delivery, attempt: i64, error: &Error) -> Result<()> {
        let consumer = self.worker.consumer.binding().name;
        tracing::warn!(consumer, topic = job.topic, event = %job.event_id, attempt, error = ?error, "a job failed");
        metrics::counter!("parlor_jobs_failed_total", "topic" => job.topic.clone()).increment(1);
        match self.worker.topology.rung_after(consumer, attempt)? {
            Some(rung) => {
                let properties = message::for_attempt(&message.properties, attempt + 1);
                self.outlet.lock().await.put(rung, properties, &message.data).await
            }
            None => {
                self.bury(message, "attempts_exhausted", &format!("{consumer}: {error:?}"), attempt).await
            }
        }
    }

    async fn bury(&self, message: &Message, reason: &str, error: &str, attempts: i64) -> Result<()> {
        let (consumer, now) = (self.worker.consumer.binding().name, self.worker.clock.now());
        tracing::error!(consumer, reason, error, "a job is given up");
        let properties = message::for_death(&message.properties, reason, error, attempts, now);
        let dead = self.worker.topology.dead(consumer)?;
        self.outlet.lock().await.put(dead, properties, &message.data).await
    }
}

/// The job of a message that nobody has tried yet.
fn fresh(message: &Message) -> Option<Delivery> {
    let decoded = message::decode(&message.properties, &message.data);
    decoded.ok().filter(|(_, attempt)| *attempt == 1 && !message.redelivered).map(|(delivery, _)| delivery)
}

/// Puts together what is of one app and topic. What was tried before may be poisoned: it comes alone, and last.
fn grouped(messages: Vec<Message>) -> impl Iterator<Item = Vec<Message>> {
    let mut groups: BTreeMap<(AppId, String), Vec<Message>> = BTreeMap::new();
    let mut alone = Vec::new();
    for message in messages {
        match fresh(&message) {
            Some(delivery) => groups.entry((delivery.app, delivery.topic)).or_default().push(message),
            None => alone.push(vec![message]),
        }
    }
    groups.into_values().chain(alone)
}
