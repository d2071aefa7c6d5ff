//! The outbox: what was decided and has yet to be told.
//!
//! A handler collects [`Entries`] while it works and stores them in the transaction of its change; nothing
//! else of it touches another system. After the commit it wakes the relay ([`relay`]).
//!
//! **Order.** A change of a channel takes the channel's row lock before its entries get their ids, and keeps
//! it until the commit: for one channel, ids are in the order of commits. All entries of a channel are in one
//! lane, and a lane is published in the order of ids, one row after the other.
//!
//! **Batches.** One row carries all that a transaction has to say in one lane. At a thousand sends a second
//! that is a few rows per commit instead of thousands.

pub mod busy;
pub mod inbox;
pub mod relay;
pub(crate) mod store;

use std::collections::BTreeMap;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use diesel_async::AsyncPgConnection;
use parlor_protocol::{AppId, ChannelId, Envelope, EventId, event};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tokio::sync::Notify;
use uuid::Uuid;

use crate::db::TenantTx;
use crate::error::{Error, Result};

/// One thing to tell the realtime server. The form is that of a command in Centrifugo's `batch`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    /// Everybody subscribed to one channel hears it.
    Publish(Publish),
    /// The same for several channels.
    Broadcast(Broadcast),
    /// A user may no longer hear a channel.
    Unsubscribe(Unsubscribe),
    /// A user's connections end.
    Disconnect(Disconnect),
    /// The connections of all users end whose id begins so. Only the embedded hub can do that.
    DisconnectAll(DisconnectAll),
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Publish {
    pub channel: String,
    pub data: Box<RawValue>,
    pub idempotency_key: String,
    /// Not kept for recovery: what is over when it was missed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub skip_history: bool,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Broadcast {
    pub channels: Vec<String>,
    pub data: Box<RawValue>,
    pub idempotency_key: String,
    /// See [`Publish::skip_history`].
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub skip_history: bool,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Unsubscribe {
    pub user: String,
    pub channel: String,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Disconnect {
    pub user: String,
    pub disconnect: DisconnectCode,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct DisconnectAll {
    pub prefix: String,
    pub disconnect: DisconnectCode,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DisconnectCode {
    pub code: u32,
    pub reason: String,
}

impl Command {
    /// Publishes an event under its id. What carries no `seq` is not kept for recovery.
    pub fn publish<D: Serialize>(topic: String, envelope: &Envelope<D>) -> Result<Self> {
        Ok(Self::Publish(Publish {
            channel: topic,
            data: raw(envelope)?,
            idempotency_key: envelope.id.to_string(),
            skip_history: envelope.seq.is_none(),
        }))
    }

    /// Publishes an event to several channels.
    pub fn broadcast<D: Serialize>(topics: Vec<String>, envelope: &Envelope<D>) -> Result<Self> {
        Self::to_several(topics, envelope, envelope.seq.is_none())
    }

    /// The same, kept for recovery though it carries no `seq`.
    pub fn kept_broadcast<D: Serialize>(topics: Vec<String>, envelope: &Envelope<D>) -> Result<Self> {
        Self::to_several(topics, envelope, false)
    }

    fn to_several<D: Serialize>(
        topics: Vec<String>,
        envelope: &Envelope<D>,
        skip_history: bool,
    ) -> Result<Self> {
        let (data, idempotency_key) = (raw(envelope)?, envelope.id.to_string());
        Ok(Self::Broadcast(Broadcast { channels: topics, data, idempotency_key, skip_history }))
    }
}

fn raw<T: Serialize>(value: &T) -> Result<Box<RawValue>> {
    serde_json::value::to_raw_value(value).map_err(Error::internal)
}

/// What a transaction has to tell, collected while it works.
#[derive(Default)]
pub struct Entries {
    lanes: i16,
    realtime: BTreeMap<i16, Vec<Command>>,
    jobs: Vec<(i16, &'static str, String)>,
}

impl Entries {
    /// Nothing yet, for so many lanes.
    pub fn new(lanes: i16) -> Self {
        Self { lanes, ..Self::default() }
    }

    /// An event of a channel, in the channel's lane.
    pub fn publish<D: Serialize>(&mut self, channel: ChannelId, envelope: &Envelope<D>) -> Result<()> {
        let command = Command::publish(event::channel_topic(channel), envelope)?;
        self.command(&channel.0, command);
        Ok(())
    }

    /// Any realtime command; what has the same key stays in order.
    pub fn command<K: Hash>(&mut self, key: &K, command: Command) {
        let lane = lane_of(key, self.lanes);
        self.realtime.entry(lane).or_default().push(command);
    }

    /// Work for the consumers of a topic.
    pub fn job<K: Hash, P: Serialize>(&mut self, key: &K, topic: &'static str, payload: &P) -> Result<()> {
        let payload = serde_json::to_string(payload).map_err(Error::internal)?;
        self.jobs.push((lane_of(key, self.lanes), topic, payload));
        Ok(())
    }

    /// Whether there is nothing to tell.
    pub fn is_empty(&self) -> bool {
        self.realtime.is_empty() && self.jobs.is_empty()
    }

    /// Stores the entries with the transaction.
    pub async fn store(&self, tx: &TenantTx, now: DateTime<Utc>) -> Result<()> {
        if self.is_empty() {
            return Ok(());
        }
        self.store_on(tx.conn()?, tx.app_id(), now).await
    }

    /// The same for who drives the transaction by hand; always one statement.
    pub async fn store_on(&self, conn: &AsyncPgConnection, app: AppId, now: DateTime<Utc>) -> Result<()> {
        store::insert(conn, app.0, &self.rows()?, now).await
    }

    fn rows(&self) -> Result<Vec<Row>> {
        let realtime = self.realtime.iter().map(|(lane, commands)| {
            let payload = serde_json::to_string(commands).map_err(Error::internal)?;
            Ok(Row { event_id: EventId::new().0, sink: Sink::Realtime, lane: *lane, topic: "", payload })
        });
        let jobs = self.jobs.iter().map(|(lane, topic, payload)| {
            let payload = payload.clone();
            Ok(Row { event_id: EventId::new().0, sink: Sink::Job, lane: *lane, topic, payload })
        });
        realtime.chain(jobs).collect()
    }
}

struct Row {
    event_id: Uuid,
    sink: Sink,
    lane: i16,
    topic: &'static str,
    payload: String,
}

#[derive(Clone, Copy)]
enum Sink {
    Realtime,
    Job,
}

impl Sink {
    fn as_str(self) -> &'static str {
        match self {
            Self::Realtime => "realtime",
            Self::Job => "job",
        }
    }
}

/// FNV-1a: the same on every node and in every version, which the standard hasher does not promise.
fn lane_of<K: Hash>(key: &K, lanes: i16) -> i16 {
    struct Fnv(u64);
    impl Hasher for Fnv {
        fn finish(&self) -> u64 {
            self.0
        }
        fn write(&mut self, bytes: &[u8]) {
            for byte in bytes {
                self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3);
            }
        }
    }
    let mut hasher = Fnv(0xcbf2_9ce4_8422_2325);
    key.hash(&mut hasher);
    i16::try_from(hasher.finish() % u64::from(lanes.max(1).unsigned_abs())).unwrap_or(0)
}

/// Rings the relay and the workers of this process after a commit.
#[derive(Clone, Default)]
pub struct Bell {
    pub(crate) realtime: Arc<Notify>,
    pub(crate) jobs: Arc<Notify>,
}

impl Bell {
    /// There is something in the outbox.
    pub fn ring(&self) {
        self.realtime.notify_one();
        // One worker: it takes what there is, and a further ring wakes a further one.
        self.jobs.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lanes_are_stable_and_all_used() {
        let mut used = std::collections::BTreeSet::new();
        for _ in 0..200 {
            let id = Uuid::now_v7();
            let lane = lane_of(&id, 8);
            assert_eq!(lane, lane_of(&id, 8));
            assert!((0..8).contains(&lane));
            used.insert(lane);
        }
        assert_eq!(used.len(), 8);
    }

    #[test]
    fn a_command_survives_the_trip_through_the_table() {
        let command = Command::Publish(Publish {
            channel: "chat:channel:1".into(),
            data: RawValue::from_string(r#"{"a": 1}"#.into()).unwrap(),
            idempotency_key: "k".into(),
            skip_history: false,
        });
        let text = serde_json::to_string(&[command]).unwrap();
        let back: Vec<Command> = serde_json::from_str(&text).unwrap();
        assert!(matches!(&back[0], Command::Publish(p) if p.data.get() == r#"{"a": 1}"#));
    }
}
