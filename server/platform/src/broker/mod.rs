//! Jobs: what happens after a change, outside of the request.
//!
//! A [`Consumer`] hears topics of the outbox. Two brokers carry the jobs, both products: the embedded one,
//! where workers claim rows of the outbox table, and RabbitMQ. Both deliver at least once, retry on a ladder
//! and end in a dead-letter queue that can be listed and replayed; consumers make effects happen once by the
//! [inbox](crate::outbox::inbox).

mod embedded;
mod rabbitmq;

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use parlor_protocol::{AppId, EventId};
use serde::Serialize;

pub use embedded::Embedded;
pub use rabbitmq::RabbitMq;
pub(crate) use rabbitmq::is_protected;

use crate::error::Result;
use crate::outbox::relay::Row;
use crate::task::{CancellationToken, TaskTracker};

/// A job as a consumer gets it.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// Whose it is.
    pub app: AppId,
    /// The same on every attempt.
    pub event_id: EventId,
    /// Routing key, such as `chat.message.sent`.
    pub topic: String,
    /// JSON.
    pub payload: String,
}

/// How a consumer is bound to the broker; known also where it does not run.
#[derive(Clone, Copy, Debug)]
pub struct Binding {
    /// Names its queue and its inbox entries; never changed.
    pub name: &'static str,
    /// What it hears.
    pub topics: &'static [&'static str],
    /// Jobs of one app that it takes at once, where the broker has them at hand.
    pub at_once: usize,
}

/// Something that hears jobs.
#[async_trait]
pub trait Consumer: Send + Sync {
    /// Its name, and what it hears.
    fn binding(&self) -> Binding;
    /// Does the work of some jobs of one app, as many as its binding says at the most, all or nothing. After an error
    /// each is handled alone; the error of one alone is retried on the ladder.
    async fn handle(&self, app: AppId, jobs: &[Delivery]) -> Result<()>;
}

/// A job that failed for good.
#[derive(Clone, Debug, Serialize)]
pub struct DeadLetter {
    /// Names it for a replay.
    pub event_id: EventId,
    pub app: AppId,
    /// Queue of the consumer that failed; empty where all of them share one.
    pub consumer: String,
    pub topic: String,
    pub attempts: i64,
    pub error: String,
    pub died_at: Option<DateTime<Utc>>,
}

/// Carries jobs.
#[async_trait]
pub trait Broker: Send + Sync {
    /// Takes rows of the outbox over. Returns only when all of them are safe.
    async fn publish(&self, rows: &[Row]) -> Result<()>;
    /// Works off jobs until `stop`.
    fn start(
        self: Arc<Self>,
        consumers: Vec<Arc<dyn Consumer>>,
        tracker: &TaskTracker,
        stop: &CancellationToken,
    );
    /// The dead-letter queue, oldest first.
    async fn dead_letters(&self, limit: usize) -> Result<Vec<DeadLetter>>;
    /// Gives dead letters another run of the ladder: one, or all. Returns how many.
    async fn replay(&self, event: Option<EventId>) -> Result<usize>;
    /// Whether the broker answers.
    async fn ping(&self) -> Result<()>;
}

/// Runs a consumer on jobs of one app; a panic in it is a failed attempt like any other.
async fn guarded(consumer: &dyn Consumer, jobs: &[Delivery]) -> Result<()> {
    use futures_util::FutureExt;
    let Some(app) = jobs.first().map(|job| job.app) else { return Ok(()) };
    match std::panic::AssertUnwindSafe(consumer.handle(app, jobs)).catch_unwind().await {
        Ok(outcome) => outcome,
        Err(_) => Err(crate::error::Error::internal("the consumer panicked")),
    }
}
