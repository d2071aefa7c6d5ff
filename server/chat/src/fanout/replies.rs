//! Word on the users' own channels: "there are new replies in that thread, so many are unread".
//!
//! For those who follow the thread, can read it, and are connected, in threads that at most as many follow as a channel
//! may have members to be told of. [Coalesced](super::coalesce), with the counts as they are at that moment. This is a
//! hint that may be lost; a client that reconnects asks for its threads.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use parlor_platform::broker::{Binding, Consumer, Delivery};
use parlor_platform::clock::Clock;
use parlor_platform::config::Config;
use parlor_platform::db::Db;
use parlor_platform::outbox::Command;
use parlor_platform::realtime::Realtime;
use parlor_platform::task::{CancellationToken, TaskTracker, supervise};
use parlor_platform::{Error, Result};
use parlor_protocol::{AppId, ChannelId, EventType, UserId, event};
use serde_json::json;
use uuid::Uuid;

use super::coalesce::{News, Pending};
use super::{AT_ONCE, REPLIED_TOPIC, ReplyEvent, ReplyEvents};
use crate::channels::change::hint;
use crate::threads::store as threads;
use crate::users::store::user_id;

pub const BINDING: Binding = Binding { name: "replies", topics: &[REPLIED_TOPIC], at_once: AT_ONCE };

/// A thread: its channel, and its root.
type Subject = (ChannelId, Uuid);

/// Collects what is new in threads and tells it.
#[derive(Clone)]
pub struct Replies {
    db: Db,
    clock: Clock,
    config: Arc<Config>,
    realtime: Arc<dyn Realtime>,
    news: Pending<Subject>,
}

impl Replies {
    /// Starts telling, until `stop`.
    pub fn start(
        db: Db,
        clock: Clock,
        config: Arc<Config>,
        realtime: Arc<dyn Realtime>,
        tracker: &TaskTracker,
        stop: &CancellationToken,
    ) -> Self {
        let this = Self { db, clock, config, realtime, news: Pending::default() };
        let (teller, token) = (this.clone(), stop.clone());
        supervise(tracker, "replies", stop.clone(), move || teller.clone().tell(token.clone()));
        this
    }

    async fn tell(self, stop: CancellationToken) {
        while let Some(rounds) = self.news.next(&stop).await {
            for (app, users) in rounds {
                if let Err(error) = self.tell_users(app, &users).await {
                    tracing::debug!(?error, "users were not told of replies");
                }
            }
            self.news.rest(&stop).await;
        }
    }

    async fn tell_users(&self, app: AppId, users: &[(UserId, News<Subject>)]) -> Result<()> {
        let pairs: Vec<(Uuid, &str)> = users
            .iter()
            .flat_map(|(user, threads)| threads.keys().map(move |(_, root)| (*root, user.as_str())))
            .collect();
        let tx = self.db.tenant_for_job(app).await?;
        let rows = threads::unread_of(&tx, &pairs).await?;
        tx.commit().await?;
        let unread: HashMap<(Uuid, String), i64> =
            rows.into_iter().map(|(root, user, unread)| ((root, user), unread)).collect();
        let mut commands = Vec::new();
        for (user, threads) in users {
            for ((channel, root), (message, seq)) in threads {
                let unread = unread.get(&(*root, user.as_str().to_owned())).copied().unwrap_or(0);
                let data = json!({
                    "channel_id": channel, "parent_id": root, "message_id": message, "seq": seq, "unread": unread,
                });
                let envelope = hint(EventType::NotificationThreadReply, *channel, self.clock.now(), data);
                commands.push(Command::publish(event::user_topic(app, user), &envelope)?);
            }
        }
        self.realtime.carry_out(commands).await
    }
}

#[async_trait]
impl Consumer for Replies {
    fn binding(&self) -> Binding {
        BINDING
    }

    async fn handle(&self, app: AppId, jobs: &[Delivery]) -> Result<()> {
        // Newest first; who wrote the newest may still have to hear of the one before it.
        let mut newest: HashMap<Uuid, Vec<ReplyEvent>> = HashMap::new();
        for job in jobs {
            let replies: ReplyEvents = serde_json::from_str(&job.payload).map_err(Error::internal)?;
            for event in replies.events {
                newest.entry(event.parent_id.0).or_default().push(event);
            }
        }
        for events in newest.values_mut() {
            events.sort_unstable_by_key(|event| std::cmp::Reverse(event.seq));
        }
        let roots: Vec<Uuid> = newest.keys().copied().collect();
        let tx = self.db.tenant_for_job(app).await?;
        let followers = threads::followers(&tx, &roots, self.config.chat.fanout_members).await?;
        tx.commit().await?;
        for (root, user) in followers {
            let user = user_id(user)?;
            let by_others = |events: &'_ Vec<ReplyEvent>| {
                let event = events.iter().find(|event| event.user_id != user);
                event.map(|event| (event.channel_id, (event.message_id, event.seq)))
            };
            let Some((channel, news)) = newest.get(&root).and_then(by_others) else { continue };
            if self.realtime.is_connected(&event::realtime_user(app, &user)) == Some(false) {
                continue;
            }
            self.news.add(app, user, (channel, root), news);
        }
        Ok(())
    }
}
