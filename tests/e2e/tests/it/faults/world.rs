//! A small app with listeners, and the checker.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use parlor_e2e::{Applied, Client, Heard, Listener, Replica, Server};
use parlor_platform::task::{self, CancellationToken};
use parlor_test_support::until;
use tokio::sync::{Mutex, oneshot};
use uuid::Uuid;

use super::load::Ack;

const CHANNELS: usize = 4;
/// Senders, each in one channel: several a channel, so that they compete for its order.
const SENDERS: usize = 16;

/// An app, its people and channels.
pub struct World {
    /// Who sends, and where.
    pub senders: Vec<(Client, String)>,
    pub channels: Vec<String>,
    reader: Client,
}

#[derive(QueryableByName)]
struct Stored {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    channel_id: Uuid,
    #[diesel(sql_type = BigInt)]
    seq: i64,
}

#[derive(QueryableByName)]
struct ChannelSeq {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = BigInt)]
    seq: i64,
}

impl World {
    pub async fn new(server: &Server) -> Self {
        let app = server.app("acme").await;
        let reader = app.user("reader").await;
        let mut people = Vec::new();
        for n in 0..4 {
            people.push(app.user(&format!("sender-{n}")).await);
        }
        let everybody: Vec<&Client> = people.iter().chain([&reader]).collect();
        let mut channels = Vec::new();
        for _ in 0..CHANNELS {
            channels.push(app.channel(&everybody).await);
        }
        let senders = (0..SENDERS)
            .map(|n| (people[n % people.len()].clone(), channels[(n / people.len()) % CHANNELS].clone()))
            .collect();
        Self { senders, channels, reader }
    }

    /// One that listens to every channel and follows the rule of `prev_seq`.
    pub async fn follow(&self) -> Follower {
        let listener = Listener::connect(&self.reader).await;
        let mut replicas = BTreeMap::new();
        for channel in &self.channels {
            listener.subscribe(channel).await;
            replicas.insert(channel.clone(), Replica::snapshot(&self.reader, channel, &[]).await);
        }
        Follower::start(listener, self.reader.clone(), replicas)
    }

    /// The checker, once the load has ended and the server is whole: acknowledged ⊆ stored, ids once, `seq` without
    /// gaps, and the follower's state equal to the history.
    pub async fn check(&self, server: &Server, acks: &[Ack], follower: Follower) {
        server.settled().await;
        let mut conn = server.db.admin().await;
        let stored: Vec<Stored> =
            diesel::sql_query("SELECT id, channel_id, seq FROM messages ORDER BY channel_id, seq")
                .load(&mut conn)
                .await
                .unwrap();
        let ends: Vec<ChannelSeq> =
            diesel::sql_query("SELECT id, seq FROM channels").load(&mut conn).await.unwrap();
        let places: BTreeMap<Uuid, (Uuid, i64)> =
            stored.iter().map(|row| (row.id, (row.channel_id, row.seq))).collect();
        assert_eq!(places.len(), stored.len(), "an id is stored twice");
        for ack in acks {
            let place = Some(&(ack.channel, ack.seq));
            assert_eq!(places.get(&ack.id), place, "what was acknowledged is not what is stored: {ack:?}");
        }
        let acked: BTreeSet<Uuid> = acks.iter().map(|ack| ack.id).collect();
        assert_eq!(acked.len(), acks.len(), "an id was acknowledged to two senders");
        // Every sender tried until it had its answer.
        assert_eq!(acked.len(), stored.len(), "stored, and nobody sent it");
        for end in &ends {
            let seqs: Vec<i64> =
                stored.iter().filter(|row| row.channel_id == end.id).map(|row| row.seq).collect();
            // The channel's creation was its first change.
            assert_eq!(seqs, (2..=end.seq).collect::<Vec<_>>(), "channel {}", end.id);
        }
        let ends = ends.into_iter().map(|end| (end.id.to_string(), end.seq)).collect();
        for (channel, held) in follower.finish(ends).await {
            let history: Vec<(Uuid, i64)> = stored
                .iter()
                .filter(|row| row.channel_id.to_string() == channel)
                .map(|row| (row.id, row.seq))
                .collect();
            let timeline: Vec<(Uuid, i64)> =
                held.messages.values().map(|message| (message.id.0, message.seq)).collect();
            assert!(timeline == history, "the follower holds {} of {}", timeline.len(), history.len());
        }
    }
}

/// Applies what it hears as it hears it, and pulls where it must.
pub struct Follower {
    held: Arc<Mutex<BTreeMap<String, Replica>>>,
    stop: CancellationToken,
    ended: oneshot::Receiver<()>,
}

impl Follower {
    fn start(listener: Listener, reader: Client, replicas: BTreeMap<String, Replica>) -> Self {
        let (held, stop) = (Arc::new(Mutex::new(replicas)), CancellationToken::new());
        let (end, ended) = oneshot::channel();
        let (shared, stopped) = (held.clone(), stop.clone());
        task::spawn("follower", async move {
            let mut seen = 0;
            while !stopped.is_cancelled() {
                let heard = listener.heard_since(seen);
                seen += heard.len();
                let mut held = shared.lock().await;
                for heard in heard {
                    take_in(&mut held, &reader, heard).await;
                }
                drop(held);
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            listener.close().await;
            let _ = end.send(());
        });
        Self { held, stop, ended }
    }

    /// Waits until it holds these `seq`s and gives what it holds.
    async fn finish(mut self, ends: BTreeMap<String, i64>) -> BTreeMap<String, Replica> {
        until("the follower holds everything", async || {
            let failed = matches!(self.ended.try_recv(), Err(oneshot::error::TryRecvError::Closed));
            assert!(!failed, "the follower found something wrong; its panic is above");
            self.held.lock().await.iter().all(|(channel, held)| ends.get(channel) == Some(&held.seq))
        })
        .await;
        self.stop.cancel();
        assert!(self.ended.await.is_ok(), "the follower found something wrong; its panic is above");
        std::mem::take(&mut *self.held.lock().await)
    }
}

async fn take_in(held: &mut BTreeMap<String, Replica>, reader: &Client, heard: Heard) {
    let (topic, must_pull) = match &heard {
        Heard::Event { topic, envelope } => {
            let Some(replica) = held.get_mut(topic.trim_start_matches("chat:channel:")) else { return };
            (topic, replica.apply(envelope) == Applied::Gap)
        }
        Heard::Subscribed { topic, recovered: Some(false) } => (topic, true),
        _ => return,
    };
    let channel = topic.trim_start_matches("chat:channel:");
    let Some(replica) = held.get_mut(channel).filter(|_| must_pull) else { return };
    loop {
        match replica.pull(reader, channel).await {
            Ok(false) => return,
            Ok(true) => {}
            // Away: again in a moment, as a client would.
            Err(()) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}
