//! A place with an outbox and a broker, at which processes work.

use std::sync::Arc;
use std::time::Duration;

use parlor_platform::broker::{Broker, Consumer, Embedded, RabbitMq};
use parlor_platform::clock::Clock;
use parlor_platform::config::{self, Secret};
use parlor_platform::db::Db;
use parlor_platform::outbox::Bell;
use parlor_platform::outbox::busy::Rules;
use parlor_platform::outbox::relay::Relay;
use parlor_platform::task::{CancellationToken, TaskTracker};
use parlor_protocol::AppId;
use parlor_test_support::{TestDb, setting};
use uuid::Uuid;

use crate::fakes::{FakeRealtime, Mood};
use crate::outbox;

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Embedded,
    RabbitMq,
}

pub struct Site {
    pub test_db: TestDb,
    pub db: Db,
    pub app: AppId,
    pub config: config::Broker,
    kind: Kind,
}

/// One process: a broker with its consumers, and the relay that feeds it.
pub struct Process {
    pub broker: Arc<dyn Broker>,
    tracker: TaskTracker,
    stop: CancellationToken,
}

impl Site {
    pub async fn new(kind: Kind, ladder_ms: &[u64]) -> Self {
        let amqp_url = match kind {
            Kind::Embedded => String::new(),
            Kind::RabbitMq => setting("PARLOR_TEST_AMQP_URL"),
        };
        Self::at(kind, &amqp_url, ladder_ms).await
    }

    pub async fn at(kind: Kind, amqp_url: &str, ladder_ms: &[u64]) -> Self {
        let test_db = TestDb::new().await;
        let config = config::Broker {
            amqp_url: Secret::new(amqp_url),
            prefix: format!("test-{}", Uuid::new_v4().simple()),
            retry_ladder_ms: ladder_ms.to_vec(),
            ..config::load(None, []).unwrap().broker
        };
        let (db, app) = (test_db.db(), outbox::app(&test_db).await);
        Self { test_db, db, app, config, kind }
    }

    /// Starts a process. As in the server, all processes know all consumers; here all run them, too.
    pub fn process<C: Consumer + 'static>(&self, consumers: &[Arc<C>]) -> Process {
        let (tracker, stop, bell) = (TaskTracker::new(), CancellationToken::new(), Bell::default());
        let consumers: Vec<Arc<dyn Consumer>> =
            consumers.iter().map(|consumer| consumer.clone() as _).collect();
        let broker: Arc<dyn Broker> = match self.kind {
            Kind::Embedded => {
                Arc::new(Embedded::new(self.db.clone(), Clock::default(), bell.clone(), &self.config))
            }
            Kind::RabbitMq => {
                let bindings = consumers.iter().map(|consumer| consumer.binding()).collect();
                Arc::new(RabbitMq::new(&self.config, Clock::default(), bindings).unwrap())
            }
        };
        let relay = Relay {
            db: self.db.clone(),
            clock: Clock::default(),
            bell,
            realtime: FakeRealtime::new(Mood::Well),
            broker: (self.kind == Kind::RabbitMq).then(|| broker.clone()),
            poll: Duration::from_millis(10),
            busy: Rules { above: 20, window: Duration::from_millis(75) },
        };
        relay.start(&tracker, &stop);
        broker.clone().start(consumers, &tracker, &stop);
        Process { broker, tracker, stop }
    }

    pub async fn jobs(&self, topic: &'static str, numbers: impl IntoIterator<Item = usize>) {
        outbox::jobs(&self.db, self.app, topic, numbers).await;
    }
}

impl Process {
    pub fn ask_to_stop(&self) {
        self.stop.cancel();
        self.tracker.close();
    }

    pub async fn has_stopped(&self) {
        self.tracker.wait().await;
    }

    pub async fn end(&self) {
        self.ask_to_stop();
        self.has_stopped().await;
    }
}
