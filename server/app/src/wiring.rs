//! Which implementation stands behind each seam, from the configuration.

use std::sync::Arc;
use std::time::Duration;

use parlor_chat::due::{Alarm, Worker};
use parlor_chat::erasure::Erasures;
use parlor_chat::fanout::{Coalesced, Flags, Ground, Notify, Profiles, Quotes, Replies};
use parlor_chat::jobs::{Jobs, Steps};
use parlor_chat::messages::send::Sender;
use parlor_chat::presence::{self, Presences, Watch};
use parlor_chat::removal::{self, Removal};
use parlor_chat::transfer::Transfers;
use parlor_chat::{Chat, Foundation};
use parlor_platform::broker::{self, Binding, Broker, Consumer};
use parlor_platform::clock::Clock;
use parlor_platform::config::{BrokerKind, Config, RealtimeKind};
use parlor_platform::crypto::Vault;
use parlor_platform::db::Db;
use parlor_platform::keys::Keys;
use parlor_platform::outbox::Bell;
use parlor_platform::outbox::busy::Rules;
use parlor_platform::outbox::relay::Relay;
use parlor_platform::realtime::{self, Realtime};
use parlor_platform::task::{CancellationToken, TaskTracker};
use parlor_platform::{Error, Result};

/// All parts of one process.
pub struct Parts {
    pub config: Arc<Config>,
    pub db: Db,
    pub clock: Clock,
    pub keys: Keys,
    pub bell: Bell,
    pub realtime: Arc<dyn Realtime>,
    /// Set where realtime is in this process.
    pub hub: Option<realtime::Embedded>,
    pub broker: Arc<dyn Broker>,
    pub tracker: TaskTracker,
    /// No more requests: the writers finish what they took.
    pub stop: CancellationToken,
}

impl Parts {
    /// Puts the parts together; connects to nothing yet.
    pub fn new(config: Config) -> Result<Self> {
        let config = Arc::new(config);
        let master_keys: Vec<String> =
            config.security.master_keys.iter().map(|key| key.expose().to_owned()).collect();
        let vault = Vault::new(&master_keys).map_err(|why| {
            Error::internal(format!("security.master_keys: {why}; `parlor config new-master-key` makes one"))
        })?;
        if config.realtime.token_secret.is_empty() {
            return Err(Error::internal("realtime.token_secret is empty"));
        }
        let (clock, bell) = (Clock::default(), Bell::default());
        let db = Db::new(&config.database)?;
        let keys = Keys::new(db.clone(), vault);
        let (realtime, hub): (Arc<dyn Realtime>, _) = match config.realtime.kind {
            RealtimeKind::Embedded => {
                let embedded = realtime::Embedded::new(&config);
                (Arc::new(embedded.clone()), Some(embedded))
            }
            RealtimeKind::Centrifugo => (Arc::new(realtime::Centrifugo::new(&config.realtime)?), None),
        };
        let broker: Arc<dyn Broker> = match config.broker.kind {
            BrokerKind::Embedded => {
                Arc::new(broker::Embedded::new(db.clone(), clock.clone(), bell.clone(), &config.broker))
            }
            BrokerKind::Rabbitmq => {
                Arc::new(broker::RabbitMq::new(&config.broker, clock.clone(), bindings())?)
            }
        };
        let (tracker, stop) = (TaskTracker::new(), CancellationToken::new());
        Ok(Self { config, db, clock, keys, bell, realtime, hub, broker, tracker, stop })
    }

    /// For commands: a person waits for the database longer than a request would.
    pub fn patient(mut config: Config) -> Result<Self> {
        config.database.wait_timeout_ms = config.database.wait_timeout_ms.max(10_000);
        Self::new(config)
    }

    /// What the handlers share.
    pub fn chat(&self) -> Chat {
        let ground = Foundation {
            config: self.config.clone(),
            db: self.db.clone(),
            clock: self.clock.clone(),
            keys: self.keys.clone(),
            bell: self.bell.clone(),
            realtime: self.realtime.clone(),
        };
        Chat::start(ground, &self.tracker, &self.stop)
    }

    /// Starts the outbox's relay and what keeps caches and tables small.
    pub fn start_relay(&self) {
        let outside = self.config.broker.kind != BrokerKind::Embedded;
        let relay = Relay {
            db: self.db.clone(),
            clock: self.clock.clone(),
            bell: self.bell.clone(),
            realtime: self.realtime.clone(),
            broker: outside.then(|| self.broker.clone()),
            poll: Duration::from_millis(self.config.outbox.poll_ms),
            busy: Rules {
                above: self.config.outbox.busy_rate,
                window: Duration::from_millis(self.config.outbox.busy_window_ms),
            },
        };
        relay.start(&self.tracker, &self.stop);
    }

    /// What long work needs.
    pub fn steps(&self) -> Steps {
        Steps {
            db: self.db.clone(),
            clock: self.clock.clone(),
            config: self.config.clone(),
            bell: self.bell.clone(),
        }
    }

    /// Starts the consumers of jobs.
    pub fn start_consumers(&self) {
        let flags = Flags { db: self.db.clone(), clock: self.clock.clone(), config: self.config.clone() };
        let ground = Ground {
            db: self.db.clone(),
            clock: self.clock.clone(),
            config: self.config.clone(),
            realtime: self.realtime.clone(),
        };
        let profiles = Profiles {
            db: self.db.clone(),
            clock: self.clock.clone(),
            config: self.config.clone(),
            realtime: self.realtime.clone(),
        };
        let quotes = Quotes { db: self.db.clone() };
        let index = parlor_chat::search::Index { db: self.db.clone() };
        let steps = self.steps();
        let jobs = Jobs { steps: steps.clone(), keys: self.keys.clone() };
        let transfers = Transfers { steps: steps.clone() };
        let erasures = Erasures { steps: steps.clone(), keys: self.keys.clone() };
        let removal = Removal { steps };
        let consumers: Vec<Arc<dyn Consumer>> = vec![
            Coalesced::start(&ground, Notify, &self.tracker, &self.stop),
            Coalesced::start(&ground, Replies, &self.tracker, &self.stop),
            Arc::new(flags),
            Arc::new(profiles),
            Arc::new(quotes),
            Arc::new(index),
            Arc::new(jobs),
            Arc::new(removal),
            Coalesced::start(&ground, Presences, &self.tracker, &self.stop),
            Arc::new(transfers),
            Arc::new(erasures),
        ];
        debug_assert_eq!(
            consumers.iter().map(|consumer| consumer.binding().name).collect::<Vec<_>>(),
            bindings().iter().map(|binding| binding.name).collect::<Vec<_>>(),
        );
        self.broker.clone().start(consumers, &self.tracker, &self.stop);
    }

    /// Starts looking after who is there.
    pub fn start_watch(&self, chat: &Chat) {
        let ground = presence::Ground {
            db: self.db.clone(),
            clock: self.clock.clone(),
            config: self.config.clone(),
            bell: self.bell.clone(),
        };
        let watch = Watch { ground, realtime: self.realtime.clone(), recorder: chat.presence.clone() };
        watch.start(&self.tracker, &self.stop);
    }

    /// Starts doing what is due, with the writers of messages of this process.
    pub fn start_due(&self, sender: Sender, alarm: Alarm) {
        let worker = Worker {
            db: self.db.clone(),
            clock: self.clock.clone(),
            config: self.config.clone(),
            bell: self.bell.clone(),
            sender,
            alarm,
        };
        worker.start(&self.tracker, &self.stop);
    }

    /// Writers of messages for a process that takes no requests.
    pub fn sender(&self) -> Sender {
        Sender::start(&self.config, &self.db, &self.clock, &self.bell, &self.tracker, &self.stop)
    }
}

/// All consumers of the system, whichever process runs them: a queue must exist before something is published.
fn bindings() -> Vec<Binding> {
    let others = [
        parlor_chat::search::BINDING,
        parlor_chat::jobs::BINDING,
        removal::BINDING,
        presence::BINDING,
        parlor_chat::transfer::BINDING,
        parlor_chat::erasure::BINDING,
    ];
    parlor_chat::fanout::CONSUMERS.into_iter().chain(others).collect()
}
