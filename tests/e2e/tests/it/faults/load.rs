//! Senders in a closed loop: each sends, waits for the answer, and sends the next. What fails is tried again with the
//! same id until it is acknowledged, for as long as that takes.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use parlor_e2e::Client;
use parlor_platform::clock::monotonic;
use parlor_platform::task;
use parlor_protocol::MessageId;
use reqwest::Method;
use serde_json::json;
use tokio::sync::mpsc;
use uuid::Uuid;

use super::world::World;

/// One acknowledged message.
#[derive(Clone, Debug)]
pub struct Ack {
    pub channel: Uuid,
    pub id: Uuid,
    pub seq: i64,
    /// It had been stored by an attempt that got no answer.
    pub was_stored: bool,
}

/// One attempt that was refused.
#[derive(Clone, Debug)]
pub struct Refusal {
    pub status: u16,
    pub retry_after: Option<String>,
    pub took: Duration,
}

#[derive(Default)]
struct Log {
    stop: AtomicBool,
    acked: AtomicU64,
    acks: Mutex<Vec<Ack>>,
    refusals: Mutex<Vec<Refusal>>,
}

/// Running senders.
pub struct Load {
    log: Arc<Log>,
    senders: mpsc::Receiver<()>,
}

impl Load {
    pub fn start(world: &World) -> Self {
        Self::from(world.senders.iter().cloned())
    }

    /// These senders, each into a channel.
    pub fn from(senders: impl Iterator<Item = (Client, String)>) -> Self {
        let log = Arc::new(Log::default());
        let (working, done) = mpsc::channel(1);
        for (sender, channel) in senders {
            let (log, working) = (log.clone(), working.clone());
            task::spawn("sender", async move {
                let _working = working;
                while !log.stop.load(Ordering::Relaxed) {
                    send(&sender, &channel, &log).await;
                }
            });
        }
        Self { log, senders: done }
    }

    /// How many were acknowledged so far.
    pub fn acked(&self) -> u64 {
        self.log.acked.load(Ordering::Relaxed)
    }

    /// Waits until so many more are acknowledged.
    pub async fn more(&self, count: u64) {
        let target = self.acked() + count;
        parlor_test_support::until("messages are acknowledged", async || self.acked() >= target).await;
    }

    /// What was refused so far.
    pub fn refusals(&self) -> Vec<Refusal> {
        self.log.refusals.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Lets everybody finish what they send, and gives what was acknowledged.
    pub async fn finish(mut self) -> Vec<Ack> {
        self.log.stop.store(true, Ordering::Relaxed);
        let ended = tokio::time::timeout(Duration::from_secs(60), self.senders.recv()).await;
        assert!(ended.is_ok(), "a message is not acknowledged a minute after the fault");
        std::mem::take(&mut *self.log.acks.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

async fn send(sender: &Client, channel: &str, log: &Log) {
    let id = MessageId::new();
    let body = json!({ "id": id, "text": format!("message {id}") });
    loop {
        let began = monotonic();
        let request = sender.request(Method::POST, &format!("/channels/{channel}/messages")).json(&body);
        let answer = sender.try_send(request.timeout(Duration::from_secs(20))).await;
        match answer {
            Ok(answer) if [200, 201].contains(&answer.status) => {
                assert_eq!(answer.json["id"], json!(id), "{}", answer.text);
                let ack = Ack {
                    channel: channel.parse().unwrap(),
                    id: id.0,
                    seq: answer.json["seq"].as_i64().unwrap(),
                    was_stored: answer.status == 200,
                };
                log.acks.lock().unwrap_or_else(PoisonError::into_inner).push(ack);
                log.acked.fetch_add(1, Ordering::Relaxed);
                return;
            }
            Ok(answer) => {
                let retry_after = answer.headers.get("retry-after").and_then(|value| value.to_str().ok());
                let refusal = Refusal {
                    status: answer.status,
                    retry_after: retry_after.map(str::to_owned),
                    took: began.elapsed(),
                };
                log.refusals.lock().unwrap_or_else(PoisonError::into_inner).push(refusal);
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            // Nobody there, or gone in the middle: whether it was stored is unknown.
            Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
}
