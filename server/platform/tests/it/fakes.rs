//! The other side of the relay: a realtime server and a broker that write down what they are told.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use parlor_platform::broker::{Broker, Consumer, DeadLetter};
use parlor_platform::outbox::Command;
use parlor_platform::outbox::relay::Row;
use parlor_platform::realtime::{Audience, ConnectionHook, Present, Realtime};
use parlor_platform::task::{CancellationToken, TaskTracker};
use parlor_platform::{Error, Result};
use parlor_protocol::EventId;

/// How a fake answers.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Mood {
    Well,
    /// Takes nothing.
    Away,
    /// Takes it, and never says so.
    Silent,
    /// Takes every second call; of the others, every second time only the answer is lost.
    Flaky,
}

/// One publication.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    pub channel: String,
    pub number: usize,
    pub key: String,
}

pub struct Fake<T> {
    mood: Mutex<Mood>,
    calls: Mutex<usize>,
    told: Mutex<Vec<T>>,
    stops: Mutex<CancellationToken>,
}

pub type FakeRealtime = Fake<Told>;
/// Keeps payloads.
pub type FakeBroker = Fake<String>;

impl<T: Clone> Fake<T> {
    pub fn new(mood: Mood) -> Arc<Self> {
        Arc::new(Self {
            mood: Mutex::new(mood),
            calls: Mutex::default(),
            told: Mutex::default(),
            stops: Mutex::default(),
        })
    }

    /// What it is told next is the last before this stop.
    pub fn stops(&self, stop: &CancellationToken) {
        *self.stops.lock().unwrap() = stop.clone();
    }

    pub fn becomes(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }

    pub fn told(&self) -> Vec<T> {
        self.told.lock().unwrap().clone()
    }

    pub fn calls(&self) -> usize {
        *self.calls.lock().unwrap()
    }

    async fn hear(&self, what: Vec<T>) -> Result<()> {
        let call = {
            let mut calls = self.calls.lock().unwrap();
            *calls += 1;
            *calls
        };
        let mood = *self.mood.lock().unwrap();
        let (takes, answers) = match mood {
            Mood::Well => (true, true),
            Mood::Away => (false, true),
            Mood::Silent => (true, false),
            Mood::Flaky => (call % 4 != 1, true),
        };
        if takes {
            self.told.lock().unwrap().extend(what);
            self.stops.lock().unwrap().cancel();
        }
        if !answers {
            std::future::pending::<()>().await;
        }
        let good = takes && !(mood == Mood::Flaky && call % 2 == 1);
        if good { Ok(()) } else { Err(Error::unavailable("not now")) }
    }
}

#[async_trait]
impl Realtime for FakeRealtime {
    async fn carry_out(&self, commands: Vec<Command>) -> Result<()> {
        let told = commands.into_iter().map(|command| match command {
            Command::Publish(publish) => Told {
                channel: publish.channel,
                number: publish.data.get().parse().unwrap(),
                key: publish.idempotency_key,
            },
            other => panic!("the tests only publish, not {other:?}"),
        });
        self.hear(told.collect()).await
    }

    fn is_connected(&self, _realtime_user: &str) -> Option<bool> {
        None
    }

    fn tells_of_connections(&self, _hook: ConnectionHook) -> bool {
        false
    }

    async fn presence(&self, topics: &[String]) -> Result<Vec<Vec<Present>>> {
        Ok(vec![Vec::new(); topics.len()])
    }

    async fn audience(&self, _topic: &str) -> Result<Audience> {
        Ok(Audience::default())
    }

    async fn ping(&self) -> Result<()> {
        Ok(())
    }
}

#[async_trait]
impl Broker for FakeBroker {
    async fn publish(&self, rows: &[Row]) -> Result<()> {
        self.hear(rows.iter().map(|row| row.payload.clone()).collect()).await
    }

    fn start(self: Arc<Self>, _: Vec<Arc<dyn Consumer>>, _: &TaskTracker, _: &CancellationToken) {}

    async fn dead_letters(&self, _limit: usize) -> Result<Vec<DeadLetter>> {
        Ok(Vec::new())
    }

    async fn replay(&self, _event: Option<EventId>) -> Result<usize> {
        Ok(0)
    }

    async fn ping(&self) -> Result<()> {
        Ok(())
    }
}
