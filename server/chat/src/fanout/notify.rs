//! Word on the users' own channels: "there are new messages in that channel, so many are unread".
//!
//! For members of channels up to the configured size who are connected. [Coalesced](super::coalesce), with the counts
//! as they are at that moment. This is a hint that may be lost; a
//! client that reconnects asks for its counts.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use diesel::sql_types::{Array, Int4, Text, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use parlor_platform::Result;
use parlor_platform::broker::{Binding, Consumer, Delivery};
use parlor_platform::clock::Clock;
use parlor_platform::config::Config;
use parlor_platform::db::{Db, prepared};
use parlor_platform::outbox::Command;
use parlor_platform::realtime::Realtime;
use parlor_platform::task::{CancellationToken, TaskTracker, supervise};
use parlor_protocol::{AppId, ChannelId, EventType, UserId, event};
use serde_json::json;
use uuid::Uuid;

use super::coalesce::{News, Pending};
use super::{AT_ONCE, SENT_TOPIC, SentEvent};
use crate::channels::change::hint;
use crate::reads::store as reads;
use crate::users::store::user_id;

pub const BINDING: Binding = Binding { name: "notify", topics: &[SENT_TOPIC], at_once: AT_ONCE };

/// Collects what is new and tells it.
#[derive(Clone)]
pub struct Notify {
    db: Db,
    clock: Clock,
    config: Arc<Config>,
    realtime: Arc<dyn Realtime>,
    news: Pending<ChannelId>,
}

impl Notify {
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
        supervise(tracker, "notify", stop.clone(), move || teller.clone().tell(token.clone()));
        this
    }

    async fn tell(self, stop: CancellationToken) {
        while let Some(rounds) = self.news.next(&stop).await {
            for (app, users) in rounds {
                if let Err(error) = self.tell_users(app, &users).await {
                    tracing::debug!(?error, "users were not told");
                }
            }
            self.news.rest(&stop).await;
        }
    }

    async fn tell_users(&self, app: AppId, users: &[(UserId, News<ChannelId>)]) -> Result<()> {
        let readers: Vec<&str> = users.iter().map(|(user, _)| user.as_str()).collect();
        let tx = self.db.tenant_for_job(app).await?;
        let rows = reads::unread_of(&tx, &readers).await?;
        tx.commit().await?;
        let now = self.clock.now();
        let mut unread: HashMap<String, HashMap<Uuid, (i64, bool)>> = HashMap::new();
        for (user, row) in rows {
            unread.entry(user).or_default().insert(row.channel_id, (row.unread, row.muted(now)));
        }
        let mut commands = Vec::new();
        for (user, channels) in users {
            let unread = unread.remove(user.as_str()).unwrap_or_default();
            let total: i64 = unread.values().filter(|(_, muted)| !muted).map(|(count, _)| count).sum();
            for (channel, (message, seq)) in channels {
                let (count, muted) = unread.get(&channel.0).copied().unwrap_or_default();
                let data = json!({
                    "channel_id": channel, "message_id": message, "seq": seq, "unread": count, "muted": muted,
                    "total_unread": total,
                });
                let envelope = hint(EventType::NotificationMessageNew, *channel, now, data);
                commands.push(Command::publish(event::user_topic(app, user), &envelope)?);
            }
        }
        self.realtime.carry_out(commands).await
    }
}

#[async_trait]
impl Consumer for Notify {
    fn binding(&self) -> Binding {
        BINDING
    }

    async fn handle(&self, app: AppId, jobs: &[Delivery]) -> Result<()> {
        // Newest first; who wrote the newest may still have to hear of the one before it.
        let mut newest: HashMap<ChannelId, Vec<SentEvent>> = HashMap::new();
        for job in jobs {
            for event in super::sent(job)?.into_iter().filter(|event| !event.quiet) {
                newest.entry(event.channel_id).or_default().push(event);
            }
        }
        for events in newest.values_mut() {
            events.sort_unstable_by_key(|event| std::cmp::Reverse(event.seq));
        }
        let tx = self.db.tenant_for_job(app).await?;
        let members = prepared::<(SqlUuid, Text)>(
            "SELECT c.id, m.user_id FROM UNNEST(?) AS e (id) \
             CROSS JOIN LATERAL (SELECT id FROM channels WHERE app_id = ? AND id = e.id \
                 AND type <> 'livestream' AND member_count <= ? OFFSET 0) c \
             CROSS JOIN LATERAL (SELECT user_id FROM channel_members WHERE app_id = ? AND channel_id = c.id \
                 AND removed_at IS NULL OFFSET 0) m",
        )
        .bind::<Array<SqlUuid>, _>(newest.keys().map(|id| id.0).collect::<Vec<_>>())
        .bind::<SqlUuid, _>(app.0)
        .bind::<Int4, _>(self.config.chat.fanout_members)
        .bind::<SqlUuid, _>(app.0)
        .load::<(Uuid, String)>(&mut tx.conn()?)
        .await?;
        tx.commit().await?;
        for (channel, user) in members {
            let (channel, user) = (ChannelId(channel), user_id(user)?);
            let by_others = |events: &'_ Vec<SentEvent>| {
                events.iter().find(|event| event.user_id != user).map(|event| (event.message_id, event.seq))
            };
            let Some(news) = newest.get(&channel).and_then(by_others) else { continue };
            if self.realtime.is_connected(&event::realtime_user(app, &user)) == Some(false) {
                continue;
            }
            self.news.add(app, user, channel, news);
        }
        Ok(())
    }
}
