//! Exchange and queues: their names, and their declaration.
//!
//! - `{prefix}.events`: the topic exchange that jobs are published to.
//! - `{prefix}.{consumer}`: a consumer's queue, bound to its topics. What was handed out too often without an
//!   answer, because the worker crashed on it each time, goes to the dead-letter queue by itself.
//! - `{prefix}.{consumer}.retry.{ms}`: a rung. Nobody consumes it; what is in it goes back to the consumer's
//!   queue after so many milliseconds. There is a queue per wait because only the head of a queue expires.
//! - `{prefix}.{consumer}.dead`: the dead-letter queue.
//!
//! All are quorum queues, which keep what they confirmed as long as a majority of nodes has its disk, and all
//! move messages on "at least once": the source lets go when the target has confirmed. RabbitMQ refuses to
//! declare a queue again with other arguments, so names and arguments stay as they are. A changed ladder has
//! other names; an old rung runs empty by itself.

use lapin::options::{ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable, ShortString};
use lapin::{Channel, ExchangeKind};

use super::away;
use crate::broker::Binding;
use crate::config;
use crate::error::{Error, Result};

/// Deliveries without an answer before a message counts as one that crashes its worker. A stopped worker's
/// unfinished messages count too, so it is well above the number of restarts that one message may see.
const DELIVERY_LIMIT: i64 = 20;
/// The dead-letter queue is looked through without taking from it, which counts as a delivery, and RabbitMQ
/// 4 drops a message after 20 of them if no limit is set. There is no "unlimited" that both 3.10 and 4 know.
const NO_DELIVERY_LIMIT: i64 = 1_000_000_000;

pub(super) struct Topology {
    prefix: String,
    ladder: Vec<u64>,
    pub(super) bindings: Vec<Binding>,
}

impl Topology {
    pub(super) fn new(config: &config::Broker, bindings: Vec<Binding>) -> Self {
        Self { prefix: config.prefix.clone(), ladder: config.retry_ladder_ms.clone(), bindings }
    }

    pub(super) fn exchange(&self) -> Result<ShortString> {
        name(format!("{}.events", self.prefix))
    }

    pub(super) fn queue(&self, consumer: &str) -> Result<ShortString> {
        name(format!("{}.{consumer}", self.prefix))
    }

    pub(super) fn dead(&self, consumer: &str) -> Result<ShortString> {
        name(format!("{}.{consumer}.dead", self.prefix))
    }

    fn rung(&self, consumer: &str, ms: u64) -> Result<ShortString> {
        name(format!("{}.{consumer}.retry.{ms}", self.prefix))
    }

    /// Where a job waits after so many attempts; `None` when there was the last.
    pub(super) fn rung_after(&self, consumer: &str, attempts: i64) -> Result<Option<ShortString>> {
        let step = usize::try_from(attempts - 1).ok().and_then(|step| self.ladder.get(step));
        step.map(|ms| self.rung(consumer, *ms)).transpose()
    }

    /// Whether a consumer that we know hears the topic.
    pub(super) fn is_heard(&self, topic: &str) -> bool {
        self.bindings.iter().any(|binding| binding.topics.contains(&topic))
    }

    pub(super) async fn declare(&self, channel: &Channel) -> Result<()> {
        self.declare_exchange(channel).await?;
        for binding in &self.bindings {
            self.declare_consumer(channel, binding).await?;
        }
        Ok(())
    }

    pub(super) async fn declare_exchange(&self, channel: &Channel) -> Result<()> {
        let options = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
        channel
            .exchange_declare(self.exchange()?, ExchangeKind::Topic, options, FieldTable::default())
            .await
            .map_err(away)
    }

    /// A consumer's queues, targets first, and its bindings.
    pub(super) async fn declare_consumer(&self, channel: &Channel, binding: &Binding) -> Result<()> {
        let (queue, dead) = (self.queue(binding.name)?, self.dead(binding.name)?);
        quorum_queue(channel, &dead, NO_DELIVERY_LIMIT, None, None).await?;
        quorum_queue(channel, &queue, DELIVERY_LIMIT, Some(&dead), None).await?;
        for ms in &self.ladder {
            let rung = self.rung(binding.name, *ms)?;
            quorum_queue(channel, &rung, NO_DELIVERY_LIMIT, Some(&queue), Some(*ms)).await?;
        }
        for topic in binding.topics {
            let (queue, topic) = (queue.clone(), name(*topic)?);
            let options = QueueBindOptions::default();
            channel
                .queue_bind(queue, self.exchange()?, topic, options, FieldTable::default())
                .await
                .map_err(away)?;
        }
        Ok(())
    }
}

async fn quorum_queue(
    channel: &Channel,
    queue: &ShortString,
    delivery_limit: i64,
    dead_letters_to: Option<&ShortString>,
    ttl_ms: Option<u64>,
) -> Result<()> {
    let mut arguments = FieldTable::default();
    let text = |text: &str| AMQPValue::LongString(text.into());
    arguments.insert("x-queue-type".into(), text("quorum"));
    arguments.insert("x-delivery-limit".into(), AMQPValue::LongLongInt(delivery_limit));
    if let Some(target) = dead_letters_to {
        arguments.insert("x-dead-letter-exchange".into(), text(""));
        arguments.insert("x-dead-letter-routing-key".into(), text(target.as_str()));
        arguments.insert("x-dead-letter-strategy".into(), text("at-least-once"));
        // What "at least once" asks for; without a length limit it never happens.
        arguments.insert("x-overflow".into(), text("reject-publish"));
    }
    if let Some(ms) = ttl_ms {
        let ms = i64::try_from(ms).map_err(Error::internal)?;
        arguments.insert("x-message-ttl".into(), AMQPValue::LongLongInt(ms));
    }
    channel.queue_declare(queue.clone(), QueueDeclareOptions::durable(), arguments).await.map_err(away)?;
    Ok(())
}

/// Names in AMQP have at most 255 bytes.
pub(super) fn name(text: impl Into<String>) -> Result<ShortString> {
    ShortString::try_new(text).map_err(|error| Error::internal(format!("a name for RabbitMQ: {error}")))
}
