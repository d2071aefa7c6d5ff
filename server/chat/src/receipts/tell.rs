//! Telling channels what has arrived, gathered so that none hears it more often than a few times a second.
//!
//! Each process gathers what was said to it. It is a hint that may be lost: pointers are read with the members.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use parlor_platform::Result;
use parlor_platform::clock::Clock;
use parlor_platform::outbox::Command;
use parlor_platform::realtime::Realtime;
use parlor_platform::task::{CancellationToken, TaskTracker, supervise};
use parlor_protocol::receipt::DeliveryState;
use parlor_protocol::{ChannelId, EventType, UserId, event};
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::channels::change::hint;

/// The wait between two times.
const PAUSE: Duration = Duration::from_millis(250);
/// Members that one event names.
const DELIVERIES: usize = 100;

type News = HashMap<ChannelId, BTreeMap<UserId, DeliveryState>>;

/// What nobody was told yet. Clones share it.
#[derive(Clone)]
pub struct Deliveries {
    news: Arc<Mutex<News>>,
    wake: Arc<Notify>,
    clock: Clock,
    realtime: Arc<dyn Realtime>,
}

impl Deliveries {
    /// Starts telling, until `stop`.
    pub fn start(
        clock: Clock,
        realtime: Arc<dyn Realtime>,
        tracker: &TaskTracker,
        stop: &CancellationToken,
    ) -> Self {
        let this = Self { news: Arc::default(), wake: Arc::default(), clock, realtime };
        let (teller, token) = (this.clone(), stop.clone());
        supervise(tracker, "deliveries", stop.clone(), move || teller.clone().tell(token.clone()));
        this
    }

    /// A member's pointer has moved; of several moves the farthest is told.
    pub fn add(&self, channel: ChannelId, user: &UserId, state: DeliveryState) {
        let mut news = self.news.lock().unwrap_or_else(PoisonError::into_inner);
        let known = news.entry(channel).or_default().entry(user.clone()).or_insert(state);
        if known.delivered_seq < state.delivered_seq {
            *known = state;
        }
        drop(news);
        self.wake.notify_one();
    }

    /// The wait comes after the telling: what is first is told at once.
    async fn tell(self, stop: CancellationToken) {
        loop {
            tokio::select! { () = stop.cancelled() => return, () = self.wake.notified() => {} }
            let news = std::mem::take(&mut *self.news.lock().unwrap_or_else(PoisonError::into_inner));
            if let Err(error) = self.publish(news).await {
                tracing::debug!(?error, "deliveries were not told");
            }
            tokio::select! { () = stop.cancelled() => return, () = tokio::time::sleep(PAUSE) => {} }
        }
    }

    async fn publish(&self, news: News) -> Result<()> {
        let mut commands = Vec::with_capacity(news.len());
        for (channel, members) in news {
            let shown = |(user, state): (UserId, DeliveryState)| json!({ "user_id": user, "delivered_seq": state.delivered_seq, "delivered_at": state.delivered_at });
            let deliveries: Vec<Value> = members.into_iter().map(shown).collect();
            for some in deliveries.chunks(DELIVERIES) {
                let data = json!({ "deliveries": some });
                let envelope = hint(EventType::MessageDelivered, channel, self.clock.now(), data);
                commands.push(Command::publish(event::channel_topic(channel), &envelope)?);
            }
        }
        self.realtime.carry_out(commands).await
    }
}
