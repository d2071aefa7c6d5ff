//! The conversation.
//!
//! One folder a resource: `routes.rs` is thin (extract, call, answer), a file for each operation that has
//! rules, `store.rs` for its queries. Changes of a channel take its row lock, get the next `seq`, and tell
//! the outbox in the same transaction; see [`channels::change`]. Sending is special, because one hot channel
//! must not be limited by a lock that is held across an fsync: see [`messages::send`].

pub mod access_codes;
pub mod apps;
pub mod changes;
pub mod channels;
pub mod content;
pub mod drafts;
pub mod due;
pub mod edits;
pub mod ephemeral;
pub mod erasure;
pub mod fanout;
pub mod groups;
pub mod invites;
pub mod jobs;
pub mod live_locations;
pub mod members;
pub mod membership;
pub mod mentions;
pub mod messages;
pub mod pending;
pub mod permissions;
pub mod pins;
pub mod polls;
pub mod presence;
pub mod query;
pub mod reactions;
pub mod reads;
pub mod realtime;
pub mod receipts;
pub mod reminders;
pub mod removal;
pub mod scheduled;
pub mod search;
pub mod stars;
pub mod sync;
pub mod tasks;
pub mod threads;
pub mod tombstones;
pub mod transfer;
pub mod undelete;
pub mod users;
pub mod validate;
pub mod web;

use std::sync::Arc;
use std::time::Duration;

use actix_web::http::Method;
use chrono::{DateTime, Utc};
use moka::future::Cache;
use parlor_platform::Result;
use parlor_platform::clock::Clock;
use parlor_platform::config::Config;
use parlor_platform::db::{Db, TenantTx};
use parlor_platform::keys::Keys;
use parlor_platform::outbox::{Bell, Entries};
use parlor_platform::rate_limit::RateLimit;
use parlor_platform::realtime::Realtime;
use parlor_platform::task::{CancellationToken, TaskTracker};
use parlor_platform::token::RealtimeTokens;
use parlor_protocol::{AppId, ChannelId, UserId};

/// What the handlers share. Clones are cheap.
#[derive(Clone)]
pub struct Chat {
    pub config: Arc<Config>,
    pub db: Db,
    pub clock: Clock,
    pub keys: Keys,
    pub bell: Bell,
    pub realtime: Arc<dyn Realtime>,
    pub tokens: RealtimeTokens,
    pub limits: Limits,
    pub sender: messages::send::Sender,
    /// Rung when something is due earlier than before.
    pub alarm: due::Alarm,
    /// Takes who came, went and did something.
    pub presence: presence::Recorder,
    watchers: presence::watchers::Crowds,
    listed: presence::Listed,
    activity: users::activity::Activity,
    deliveries: receipts::Deliveries,
    typing: realtime::typing::Throttle,
    desk: Desk,
    cids: Cache<(AppId, String), ChannelId>,
}

/// What the platform gives to the chat.
pub struct Foundation {
    pub config: Arc<Config>,
    pub db: Db,
    pub clock: Clock,
    pub keys: Keys,
    pub bell: Bell,
    pub realtime: Arc<dyn Realtime>,
}

/// Rate limits by what they count.
#[derive(Clone, Default)]
pub struct Limits {
    pub app: RateLimit<(AppId, Purse)>,
    pub user: RateLimit<(AppId, UserId, Purse)>,
    pub address: RateLimit<std::net::IpAddr>,
}

/// Which budget a request is paid from. Each is as large as the app's or the user's limit says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Purse {
    /// Everything that the API does.
    Requests,
    /// Typing, of which there is much: it must not keep anybody from sending.
    Typing,
}

impl Chat {
    /// Puts the parts together and starts the writers of messages.
    pub fn start(ground: Foundation, tracker: &TaskTracker, stop: &CancellationToken) -> Self {
        let Foundation { config, db, clock, keys, bell, realtime } = ground;
        let tokens = RealtimeTokens::new(config.realtime.token_secret.expose(), config.realtime.token_ttl_s);
        let sender = messages::send::Sender::start(&config, &db, &clock, &bell, tracker, stop);
        let ground = presence::Ground {
            db: db.clone(),
            clock: clock.clone(),
            config: config.clone(),
            bell: bell.clone(),
        };
        let activity = users::activity::Activity::start(ground.clone(), tracker, stop);
        let deliveries = receipts::Deliveries::start(clock.clone(), realtime.clone(), tracker, stop);
        let presence = presence::Recorder::start(ground, &realtime, tracker, stop);
        let (watchers, listed) = (presence::watchers::Crowds::default(), presence::Listed::default());
        let cids = Cache::builder().max_capacity(100_000).time_to_live(Duration::from_secs(30));
        let cids = cids.support_invalidation_closures().build();
        let (limits, typing) = (Limits::default(), realtime::typing::Throttle::default());
        let alarm = due::Alarm::default();
        let desk = Desk { db: db.clone(), clock: clock.clone(), bell: bell.clone(), lanes: config.lanes() };
        Self {
            config,
            db,
            clock,
            keys,
            bell,
            realtime,
            tokens,
            limits,
            sender,
            alarm,
            presence,
            watchers,
            listed,
            activity,
            deliveries,
            typing,
            desk,
            cids,
        }
    }

    /// After a channel was deleted its cid may name another one.
    pub fn forget_cids(&self, app: AppId) {
        let _ = self.cids.invalidate_entries_if(move |(of, _), _| *of == app);
    }

    /// One transaction that changes something of an app: what `work` has to tell is stored with its rows, and after
    /// the commit the relay is woken.
    pub async fn change<T>(
        &self,
        app: AppId,
        work: impl AsyncFnOnce(&TenantTx, &mut Entries, DateTime<Utc>) -> Result<T>,
    ) -> Result<T> {
        self.desk.change(app, work).await
    }
}

/// Where changes are made.
#[derive(Clone)]
pub struct Desk {
    pub db: Db,
    pub clock: Clock,
    pub bell: Bell,
    pub lanes: i16,
}

impl Desk {
    /// See [`Chat::change`].
    pub async fn change<T>(
        &self,
        app: AppId,
        work: impl AsyncFnOnce(&TenantTx, &mut Entries, DateTime<Utc>) -> Result<T>,
    ) -> Result<T> {
        let now = self.clock.now();
        let mut entries = Entries::new(self.lanes);
        let tx = self.db.tenant(app).await?;
        let outcome = work(&tx, &mut entries, now).await?;
        entries.store(&tx, now).await?;
        tx.commit().await?;
        if !entries.is_empty() {
            self.bell.ring();
        }
        Ok(outcome)
    }
}

/// Older spellings of an address: the alias, the address, and the methods that it has.
pub const ALIASES: [(&str, &str, &[Method]); 3] = [
    ("/rooms/{id}/messages", "/channels/{id}/messages", &[Method::GET, Method::POST]),
    ("/messages/room/{id}", "/channels/{id}/messages", &[Method::GET]),
    ("/messages/{id}/react", "/messages/{id}/reactions", &[Method::POST]),
];

/// Adds every route of the API below `/api/v1`.
pub fn routes(config: &mut utoipa_actix_web::service_config::ServiceConfig<'_>) {
    // What is asked for most stands first: a request is compared with one pattern after the other.
    messages::routes::configure(config);
    reads::routes::configure(config);
    apps::routes::configure(config);
    // Before the addresses with an id: `query` is none.
    query::configure(config);
    sync::routes::configure(config);
    // Before the users: `/users/search` is no id.
    search::configure(config);
    presence::routes::configure(config);
    groups::routes::configure(config);
    users::routes::configure(config);
    erasure::routes::configure(config);
    transfer::routes::configure(config);
    members::routes::configure(config);
    membership::routes::configure(config);
    invites::routes::configure(config);
    access_codes::routes::configure(config);
    jobs::routes::configure(config);
    edits::routes::configure(config);
    undelete::routes::configure(config);
    receipts::routes::configure(config);
    live_locations::routes::configure(config);
    ephemeral::configure(config);
    pending::routes::configure(config);
    reactions::routes::configure(config);
    pins::routes::configure(config);
    polls::routes::configure(config);
    stars::routes::configure(config);
    drafts::routes::configure(config);
    scheduled::routes::configure(config);
    reminders::routes::configure(config);
    threads::routes::configure(config);
    tasks::routes::configure(config);
    removal::routes::configure(config);
    channels::routes::configure(config);
    realtime::routes::configure(config);
}
