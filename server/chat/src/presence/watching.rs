//! Word in a channel of who opened it and who no longer has it open, where its config wants that.
//!
//! Who asks for leave to hear such a channel puts it on a list; the [watch](super::watch) asks realtime every other second
//! who hears the channels of the list, and tells the difference. What a user does in between is told to nobody, and a
//! watch that has just begun tells nothing of who is there already.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use diesel_async::AsyncPgConnection;
use moka::sync::Cache;
use parlor_platform::Result;
use parlor_platform::clock::monotonic;
use parlor_platform::config::Config;
use parlor_platform::db::TenantTx;
use parlor_platform::db::leader::in_time;
use parlor_platform::outbox::Command;
use parlor_platform::realtime::Realtime;
use parlor_platform::token::USE_WITHIN_S;
use parlor_protocol::event::{channel_topic, parse_realtime_user};
use parlor_protocol::{AppId, ChannelId, EventType, UserRef};
use serde_json::json;

use super::recorder::Ground;
use super::store;
use crate::channels::access::Access;
use crate::channels::change::hint;
use crate::users::store as users;

/// Between two rounds.
const PERIOD: Duration = Duration::from_secs(2);
/// Channels that are asked about at once.
const AT_ONCE: usize = 200;
/// How often it is noted that somebody may hear a channel.
const LATELY: Duration = Duration::from_secs(60);

/// Channels that this process put on the list lately.
#[derive(Clone)]
pub struct Listed(Cache<ChannelId, ()>);

impl Default for Listed {
    fn default() -> Self {
        Self(Cache::builder().max_capacity(100_000).time_to_live(LATELY).build())
    }
}

impl Listed {
    /// Somebody was given leave to hear a channel.
    pub async fn note(
        &self,
        tx: &TenantTx,
        access: &Access,
        config: &Config,
        now: DateTime<Utc>,
    ) -> Result<()> {
        let settings = &access.channel.config;
        let is_told = settings.watching_events && access.row.member_count <= config.presence.watching_members;
        if !is_told || !self.0.entry(access.row.id()).or_insert(()).is_fresh() {
            return Ok(());
        }
        let lasts = i64::from(config.realtime.token_ttl_s) + USE_WITHIN_S;
        let slack = i64::try_from(2 * LATELY.as_secs()).unwrap_or(0);
        store::watch(tx, access.row.id(), now + chrono::Duration::seconds(lasts + slack)).await
    }
}

/// Who was there the last time.
#[derive(Default)]
pub struct Watching {
    seen: HashMap<ChannelId, BTreeSet<String>>,
    last: Option<Instant>,
}

impl Watching {
    /// Asks and tells, if it is time.
    pub async fn round(
        &mut self,
        ground: &Ground,
        realtime: &Arc<dyn Realtime>,
        conn: &AsyncPgConnection,
    ) -> Result<()> {
        if self.last.is_some_and(|last| monotonic().duration_since(last) < PERIOD) {
            return Ok(());
        }
        let is_first = self.last.is_none();
        self.last = Some(monotonic());
        let listed = in_time(store::watched(conn)).await?;
        for listed in listed.chunks(AT_ONCE) {
            let topics: Vec<String> = listed.iter().map(|(_, channel, _)| channel_topic(*channel)).collect();
            let Ok(present) = realtime.presence(&topics).await else { return Ok(()) };
            let mut apps: BTreeMap<AppId, Vec<_>> = BTreeMap::new();
            for ((app, channel, until), present) in listed.iter().zip(present) {
                let users = present.iter().filter_map(|one| parse_realtime_user(&one.user));
                let ids: BTreeSet<String> = users.map(|(_, user)| user.as_str().to_owned()).collect();
                apps.entry(*app).or_default().push((*channel, *until, ids));
            }
            for (app, channels) in apps {
                let commands = self.compare(ground, app, channels, is_first).await?;
                if !commands.is_empty() && realtime.carry_out(commands).await.is_err() {
                    tracing::debug!("who watches was told to nobody");
                }
            }
        }
        Ok(())
    }

    async fn compare(
        &mut self,
        ground: &Ground,
        app: AppId,
        channels: Vec<(ChannelId, DateTime<Utc>, BTreeSet<String>)>,
        is_first: bool,
    ) -> Result<Vec<Command>> {
        let now = ground.clock.now();
        let tx = ground.db.tenant_for_job(app).await?;
        let everybody: BTreeSet<&str> =
            channels.iter().flat_map(|(_, _, ids)| ids).map(String::as_str).collect();
        let visible = store::visible(&tx, &everybody.into_iter().collect::<Vec<_>>()).await?;
        let visible: BTreeSet<String> = visible.into_iter().collect();
        let (mut changed, mut over) = (Vec::new(), Vec::new());
        for (channel, until, ids) in channels {
            let ids: BTreeSet<String> = ids.intersection(&visible).cloned().collect();
            let first = if is_first { ids.clone() } else { BTreeSet::new() };
            let before = self.seen.insert(channel, ids.clone()).unwrap_or(first);
            if before != ids {
                changed.push((channel, before, ids));
            } else if ids.is_empty() && until <= now {
                over.push(channel);
            }
        }
        let asked: Vec<ChannelId> = changed.iter().map(|(channel, ..)| *channel).collect();
        let wanted = store::want_watchers(&tx, &asked, ground.config.presence.watching_members).await?;
        over.extend(asked.into_iter().filter(|channel| !wanted.contains(channel)));
        changed.retain(|(channel, ..)| wanted.contains(channel));
        let differ: BTreeSet<&str> = changed
            .iter()
            .flat_map(|(_, before, after)| before.symmetric_difference(after))
            .map(String::as_str)
            .collect();
        let people = users::active(&tx, &differ.into_iter().collect::<Vec<_>>()).await?;
        let people: BTreeMap<&str, &UserRef> = people.iter().map(|user| (user.id.as_str(), user)).collect();
        for channel in &over {
            self.seen.remove(channel);
        }
        store::unwatch(&tx, &over).await?;
        tx.commit().await?;
        let mut commands = Vec::new();
        for (channel, before, after) in changed {
            let mut count = before.len();
            for user in before.symmetric_difference(&after).filter_map(|id| people.get(id.as_str())) {
                let came = after.contains(user.id.as_str());
                count = if came { count + 1 } else { count.saturating_sub(1) };
                let kind = if came { EventType::UserWatchingStart } else { EventType::UserWatchingStop };
                let data = json!({ "user": user, "watcher_count": count });
                commands.push(Command::publish(channel_topic(channel), &hint(kind, channel, now, data))?);
            }
        }
        Ok(commands)
    }
}
