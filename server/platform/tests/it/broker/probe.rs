//! A consumer that writes down what it hears, and does what the test says.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use async_trait::async_trait;
use futures_util::future::BoxFuture;
use parlor_platform::Result;
use parlor_platform::broker::{Binding, Consumer, Delivery};
use parlor_platform::clock::monotonic;
use parlor_protocol::{AppId, EventId};

/// One attempt.
#[derive(Clone, Copy, Debug)]
pub struct Heard {
    pub number: usize,
    pub event: EventId,
    /// The first is 1.
    pub attempt: usize,
    pub at: Instant,
}

type Work = Box<dyn Fn(Heard) -> BoxFuture<'static, Result<()>> + Send + Sync>;

pub struct Probe {
    binding: Binding,
    work: Work,
    heard: Mutex<Vec<Heard>>,
}

impl Probe {
    pub fn new<F, Fut>(name: &'static str, topics: &'static [&'static str], work: F) -> Arc<Self>
    where
        F: Fn(Heard) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<()>> + Send + 'static,
    {
        Arc::new(Self {
            binding: Binding { name, topics, at_once: 1 },
            work: Box::new(move |heard| Box::pin(work(heard))),
            heard: Mutex::default(),
        })
    }

    /// One that always succeeds.
    pub fn content(name: &'static str, topics: &'static [&'static str]) -> Arc<Self> {
        Self::new(name, topics, async |_| Ok(()))
    }

    pub fn heard(&self) -> Vec<Heard> {
        self.heard.lock().unwrap().clone()
    }

    /// How often each number was heard.
    pub fn counts(&self) -> BTreeMap<usize, usize> {
        let mut counts = BTreeMap::new();
        for heard in self.heard() {
            *counts.entry(heard.number).or_default() += 1;
        }
        counts
    }
}

/// A consumer that takes eight jobs at once, all or none of which it does.
pub struct Choir {
    /// What a group must not have in it.
    pub poison: usize,
    /// What it was given, a group at a time.
    pub heard: Mutex<Vec<Vec<usize>>>,
    /// What it has done.
    pub done: Mutex<Vec<usize>>,
}

impl Choir {
    pub fn new(poison: usize) -> Arc<Self> {
        Arc::new(Self { poison, heard: Mutex::default(), done: Mutex::default() })
    }
}

#[async_trait]
impl Consumer for Choir {
    fn binding(&self) -> Binding {
        Binding { name: "choir", topics: &["test.a", "test.b"], at_once: 8 }
    }

    async fn handle(&self, app: AppId, jobs: &[Delivery]) -> Result<()> {
        let app_and_topic = |job: &Delivery| (job.app, job.topic.clone());
        assert!(jobs.iter().all(|job| app_and_topic(job) == app_and_topic(&jobs[0])), "{jobs:?}");
        assert_eq!(app, jobs[0].app);
        let numbers: Vec<usize> = jobs.iter().map(number).collect();
        self.heard.lock().unwrap().push(numbers.clone());
        if numbers.contains(&self.poison) {
            return Err(parlor_platform::Error::internal("this fails"));
        }
        self.done.lock().unwrap().extend(numbers);
        Ok(())
    }
}

fn number(job: &Delivery) -> usize {
    let payload: serde_json::Value = serde_json::from_str(&job.payload).unwrap();
    usize::try_from(payload["n"].as_u64().unwrap()).unwrap()
}

#[async_trait]
impl Consumer for Probe {
    fn binding(&self) -> Binding {
        self.binding
    }

    async fn handle(&self, _app: AppId, jobs: &[Delivery]) -> Result<()> {
        let [delivery] = jobs else { panic!("one at a time, not {}", jobs.len()) };
        let number = number(delivery);
        let heard = {
            let mut all = self.heard.lock().unwrap();
            let attempt = 1 + all.iter().filter(|heard| heard.event == delivery.event_id).count();
            let heard = Heard { number, event: delivery.event_id, attempt, at: monotonic() };
            all.push(heard);
            heard
        };
        (self.work)(heard).await
    }
}
