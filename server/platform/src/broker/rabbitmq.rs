//! RabbitMQ: jobs leave the outbox and wait in quorum queues.
//!
//! **Path of a job.** The relay [publishes](publisher) rows to a topic exchange and forgets them once the
//! broker has confirmed that they are on the disks of a majority. Each [consumer] has a queue of its own. A
//! failed attempt becomes a copy in the queue of the next rung of the ladder, which gives it back when its
//! time is over; after the last rung it goes to the consumer's [dead-letter queue](dead_letters). The
//! [topology] names and declares all of them.
//!
//! **When something fails.** Nothing is forgotten before its successor is confirmed: the outbox row before
//! the message, the message before its copy on a rung. A crash in between repeats a job, and the event's id,
//! which never changes, lets the consumer's inbox drop it. Without RabbitMQ the process runs on: rows stay in
//! the outbox, workers wait for the [link], which comes back by itself. We rebuild connections rather than
//! let the library recover them: it keeps our old delivery tags, and never revives a channel that the broker
//! closed.

mod consumer;
mod dead_letters;
mod link;
mod message;
mod publisher;
mod topology;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use parlor_protocol::EventId;
use tokio::time::timeout;

pub(crate) use link::is_protected;

use self::consumer::Worker;
use self::link::Link;
use self::publisher::Publisher;
use self::topology::Topology;
use super::{Binding, Broker, Consumer, DeadLetter};
use crate::clock::Clock;
use crate::config;
use crate::error::{Error, Result};
use crate::outbox::relay::Row;
use crate::task::{self, CancellationToken, TaskTracker, supervise};

/// How long a ping waits for an answer.
const PING: Duration = Duration::from_secs(2);

/// Quorum queues in RabbitMQ.
pub struct RabbitMq {
    topology: Arc<Topology>,
    clock: Clock,
    concurrency: usize,
    /// Publishing and consuming have a connection each: a broker that is short of memory stops reading from
    /// connections that publish, and acknowledgements must still get through.
    publishing: Arc<Link>,
    consuming: Arc<Link>,
    publisher: Publisher,
}

impl RabbitMq {
    /// RabbitMQ at the configured address; connects to nothing yet.
    ///
    /// `bindings` are all consumers of the system, whichever process runs them: their queues must exist
    /// before a publication counts as taken.
    pub fn new(config: &config::Broker, clock: Clock, bindings: Vec<Binding>) -> Result<Self> {
        let topology = Arc::new(Topology::new(config, bindings));
        let publishing = Arc::new(Link::new(config, "publisher")?);
        Ok(Self {
            publisher: Publisher::new(publishing.clone(), topology.clone()),
            consuming: Arc::new(Link::new(config, "consumers")?),
            concurrency: config.concurrency,
            topology,
            clock,
            publishing,
        })
    }

    async fn answers(&self) -> Result<()> {
        let connection = self.publishing.connection().await?;
        if connection.status().blocked() {
            return Err(Error::unavailable("RabbitMQ takes nothing in: it is short of memory or disk"));
        }
        let channel = connection.create_channel().await.map_err(away)?;
        self.topology.declare_exchange(&channel).await?;
        channel.close(200, "".into()).await.map_err(away)
    }
}

#[async_trait]
impl Broker for RabbitMq {
    async fn publish(&self, rows: &[Row]) -> Result<()> {
        self.publisher.publish(rows).await
    }

    /// Each consumer works on up to `broker.concurrency` jobs at once, so that a slow one holds up no other.
    fn start(
        self: Arc<Self>,
        consumers: Vec<Arc<dyn Consumer>>,
        tracker: &TaskTracker,
        stop: &CancellationToken,
    ) {
        let working = TaskTracker::new();
        for consumer in consumers {
            let worker = Arc::new(Worker {
                link: self.consuming.clone(),
                topology: self.topology.clone(),
                clock: self.clock.clone(),
                concurrency: self.concurrency,
                consumer,
            });
            let token = stop.clone();
            supervise(&working, worker.consumer.binding().name, stop.clone(), move || {
                worker.clone().run(token.clone())
            });
        }
        let (counted, stop) = (tracker.token(), stop.clone());
        task::spawn("the end of consumers", async move {
            stop.cancelled().await;
            working.close();
            working.wait().await;
            self.consuming.close().await;
            drop(counted);
        });
    }

    async fn dead_letters(&self, limit: usize) -> Result<Vec<DeadLetter>> {
        dead_letters::list(&self.publishing, &self.topology, limit).await
    }

    async fn replay(&self, event: Option<EventId>) -> Result<usize> {
        dead_letters::replay(&self.publishing, &self.topology, event).await
    }

    async fn ping(&self) -> Result<()> {
        timeout(PING, self.answers()).await.map_err(|_| Error::unavailable("RabbitMQ does not answer"))?
    }
}

/// Whatever the library says, the caller may try again.
fn away(error: lapin::Error) -> Error {
    Error::unavailable(format!("RabbitMQ: {error}"))
}
