//! The hub itself: who is connected, which channels exist, and the way from a publish to the queues.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use serde_json::value::RawValue;
use tokio::sync::{Semaphore, watch};
use uuid::Uuid;

use crate::channel::{self, Channel, PublishOptions, Scope, StreamPosition};
use crate::client::{Client, Phase, Subscription};
use crate::codes::{CommandError, Disconnect};
use crate::config::{HubConfig, Namespace, PresenceChange, millis};
use crate::outbound::Pushed;
use crate::protocol::message::{Framing, Message};
use crate::registry::{Channels, Connections, Users};
use crate::shut::Shut;
use crate::stats::{Counters, Stats, add};
use crate::task::lock;
use crate::timer::{Wheel, earliest};
use crate::token::{ConnectionClaims, SubscriptionClaims, TokenError, Verifier};

/// The embedded realtime hub. Share it in an [`Arc`]; every method takes `&self` and returns at once.
pub struct Hub {
    config: HubConfig,
    namespaces: HashMap<String, Arc<Namespace>>,
    without_namespace: Arc<Namespace>,
    verifier: Verifier,
    pub(crate) shut: Shut,
    /// This process's id, which HTTP emulation sends back.
    pub(crate) node: Uuid,
    pub(crate) channels: Channels,
    pub(crate) users: Users,
    pub(crate) connections: Connections,
    pub(crate) wheel: Wheel,
    pub(crate) counters: Counters,
    pub(crate) permits: Arc<Semaphore>,
    pub(crate) shutdown: watch::Sender<bool>,
    next_number: AtomicU64,
    pub(crate) connected: AtomicUsize,
    pub(crate) subscribed: AtomicUsize,
}

/// Sizes at this moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Info {
    /// Connections with a successful connect command.
    pub num_clients: usize,
    /// Distinct users among them.
    pub num_users: usize,
    /// Channels with at least one subscriber.
    pub num_channels: usize,
    /// Subscriptions.
    pub num_subscriptions: usize,
}

impl Hub {
    /// A hub with no connections. Nothing runs until [`Hub::serve`].
    pub fn new(config: HubConfig) -> Arc<Self> {
        let now = config.clock.monotonic_ms();
        Arc::new(Self {
            namespaces: config.namespaces.iter().map(|(k, v)| (k.clone(), Arc::new(v.clone()))).collect(),
            without_namespace: Arc::new(config.without_namespace.clone()),
            verifier: Verifier::new(&config),
            shut: Shut::default(),
            node: Uuid::new_v4(),
            channels: Channels::new(),
            users: Users::new(),
            connections: Connections::new(),
            wheel: Wheel::new(now),
            counters: Counters::default(),
            permits: Arc::new(Semaphore::new(config.max_connections.min(Semaphore::MAX_PERMITS))),
            shutdown: watch::Sender::new(false),
            next_number: AtomicU64::new(1),
            connected: AtomicUsize::new(0),
            subscribed: AtomicUsize::new(0),
            config,
        })
    }

    /// The claims of a connection token that is good now.
    pub(crate) fn connection_claims(&self, token: &str) -> Result<ConnectionClaims, TokenError> {
        let claims = self.verifier.connection(token, self.config.clock.unix_ms())?;
        let refused = self.shut.refuses_user(&claims.sub, claims.iat);
        if refused { Err(TokenError::Expired) } else { Ok(claims) }
    }

    /// The claims of a subscription token that is good now.
    pub(crate) fn subscription_claims(&self, token: &str) -> Result<SubscriptionClaims, TokenError> {
        let claims = self.verifier.subscription(token, self.config.clock.unix_ms())?;
        let channel = claims.channel.as_deref().unwrap_or_default();
        let refused = self.shut.refuses_subscriber(&claims.sub, channel, claims.iat);
        if refused { Err(TokenError::Expired) } else { Ok(claims) }
    }

    pub(crate) fn config(&self) -> &HubConfig {
        &self.config
    }

    /// Counters since the start.
    pub fn stats(&self) -> Stats {
        self.counters.snapshot()
    }

    /// Sizes now. Walks all channels: for dashboards, not for requests.
    pub fn info(&self) -> Info {
        let occupied = |channel: &Arc<Channel>| !lock(&channel.state).subscribers.is_empty();
        Info {
            num_clients: self.connected.load(Ordering::Relaxed),
            num_users: self.users.len(),
            num_channels: self.channels.all().iter().filter(|channel| occupied(channel)).count(),
            num_subscriptions: self.subscribed.load(Ordering::Relaxed),
        }
    }

    /// Whether the user has at least one connection.
    pub fn is_connected(&self, user: &str) -> bool {
        self.users.contains(user)
    }

    /// Publishes JSON into a channel: appends to its history and queues it for every subscriber.
    ///
    /// # Errors
    /// [`CommandError::UNKNOWN_CHANNEL`] if the namespace does not exist.
    pub fn publish(
        &self,
        channel: &str,
        data: &RawValue,
        options: &PublishOptions<'_>,
    ) -> Result<StreamPosition, CommandError> {
        self.publish_as(channel, data, options, None)
    }

    /// Publishes the same JSON into several channels, one after the other, each with its own result.
    pub fn broadcast(
        &self,
        channels: &[&str],
        data: &RawValue,
        options: &PublishOptions<'_>,
    ) -> Vec<Result<StreamPosition, CommandError>> {
        channels.iter().map(|channel| self.publish(channel, data, options)).collect()
    }

    pub(crate) fn publish_as(
        &self,
        name: &str,
        data: &RawValue,
        options: &PublishOptions<'_>,
        publisher: Option<&str>,
    ) -> Result<StreamPosition, CommandError> {
        let namespace = self.namespace(name)?;
        if name.len() > self.config.channel_max_length {
            return Err(CommandError::BAD_REQUEST);
        }
        if !namespace.keeps_history() || options.skip_history {
            // Nobody there and nothing to keep: the channel need not exist.
            return Ok(self
                .with_existing(name, |channel, state| {
                    state.publish(channel, self.scope(), data, options, publisher)
                })
                .unwrap_or_default());
        }
        self.with_channel(name, |channel, state| {
            state.publish(channel, self.scope(), data, options, publisher)
        })
    }

    pub(crate) fn now(&self) -> u64 {
        self.config.clock.monotonic_ms()
    }

    pub(crate) fn scope(&self) -> Scope<'_> {
        Scope { config: &self.config, counters: &self.counters, now: self.now() }
    }

    /// The options of a channel's namespace: what stands before the first `:`.
    pub(crate) fn namespace(&self, channel: &str) -> Result<&Arc<Namespace>, CommandError> {
        match channel.split_once(':') {
            Some((namespace, _)) => self.namespaces.get(namespace).ok_or(CommandError::UNKNOWN_CHANNEL),
            None => Ok(&self.without_namespace),
        }
    }

    /// Runs `f` under the channel's lock; the channel is made if it does not exist.
    pub(crate) fn with_channel<R>(
        &self,
        name: &str,
        f: impl FnOnce(&Arc<Channel>, &mut channel::State) -> R,
    ) -> Result<R, CommandError> {
        let namespace = self.namespace(name)?;
        loop {
            let channel = self.channels.get_or_insert(name, namespace);
            let mut state = lock(&channel.state);
            if !state.gone {
                return Ok(f(&channel, &mut state));
            }
        }
    }

    /// Runs `f` under the channel's lock, if the channel exists.
    pub(crate) fn with_existing<R>(
        &self,
        name: &str,
        f: impl FnOnce(&Arc<Channel>, &mut channel::State) -> R,
    ) -> Option<R> {
        let channel = self.channels.get(name)?;
        let mut state = lock(&channel.state);
        (!state.gone).then(|| f(&channel, &mut state))
    }

    /// Queues a message for one client.
    pub(crate) fn send(&self, client: &Client, message: &Message) {
        let pushed = client.outbound.push(message.framed(client.framing), self.config.queue_size_limit);
        if pushed == Pushed::Overflow {
            add(&self.counters.slow_consumers, 1);
        }
    }

    /// The server's ping: an empty reply.
    pub(crate) fn send_ping(&self, client: &Client) {
        if client.outbound.push(client.framing.ping(), self.config.queue_size_limit) == Pushed::Overflow {
            add(&self.counters.slow_consumers, 1);
        }
    }

    /// A new connection, which has `stale_close_delay` for its connect command.
    pub(crate) fn open(&self, framing: Framing) -> Arc<Client> {
        let client = Arc::new(Client::new(self.next_number.fetch_add(1, Ordering::Relaxed), framing));
        self.connections.insert(&client);
        let now = self.now();
        let mut state = lock(&client.state);
        state.timers.stale = now + millis(self.config.stale_close_delay);
        self.wheel.schedule(&client, &mut state.timers, 0, now);
        drop(state);
        if *self.shutdown.borrow() {
            client.close(Disconnect::SHUTDOWN);
        }
        client
    }

    /// The client leaves its channels; its socket has `close_timeout` to drain. May be called twice.
    pub(crate) fn detach(&self, client: &Arc<Client>) {
        let mut state = lock(&client.state);
        if state.phase == Phase::Closed {
            return;
        }
        let was_connected = state.phase == Phase::Connected;
        state.phase = Phase::Closed;
        let now = self.now();
        let tick = state.timers.tick;
        state.timers = crate::client::Timers {
            kill: now + millis(self.config.close_timeout),
            tick,
            ..Default::default()
        };
        let subscriptions = std::mem::take(&mut state.subscriptions);
        self.wheel.schedule(client, &mut state.timers, 0, now);
        drop(state);
        for subscription in subscriptions {
            self.leave(subscription);
        }
        if was_connected {
            self.connected.fetch_sub(1, Ordering::Relaxed);
            let left = self.users.remove(client);
            self.presence_changed(client, None, false, left);
        }
    }

    /// The transport is gone.
    pub(crate) fn forget(&self, client: &Arc<Client>) {
        client.close(Disconnect::CONNECTION_CLOSED);
        self.detach(client);
        self.connections.remove(client);
    }

    /// Ends a subscription at the channel's side.
    pub(crate) fn leave(&self, subscription: Subscription) {
        let scope = self.scope();
        let Subscription { channel, slot, .. } = subscription;
        let mut state = lock(&channel.state);
        state.leave(&channel, scope, slot);
        let idle = state.expire(scope.now);
        drop(state);
        self.subscribed.fetch_sub(1, Ordering::Relaxed);
        if idle {
            self.channels.release(&channel, scope.now);
        }
    }

    pub(crate) fn presence_changed(
        &self,
        client: &Client,
        info: Option<Box<str>>,
        connected: bool,
        connections: usize,
    ) {
        if let Some(hook) = &self.config.on_presence {
            let user = client.user.get().cloned().unwrap_or_else(|| Arc::from(""));
            hook(PresenceChange { user, client: client.id.to_string(), info, connected, connections });
        }
    }

    /// Puts the client into the timer wheel again after one of its deadlines changed.
    pub(crate) fn reschedule(&self, client: &Client, state: &mut crate::client::State) {
        let earliest = earliest(state);
        self.wheel.schedule(client, &mut state.timers, earliest, self.now());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;
    use crate::registry::SHARDS;
    use crate::timer::TICK;

    #[test]
    fn channels_that_nobody_needs_are_forgotten() {
        let clock = Arc::new(ManualClock::new(0));
        let mut config = HubConfig::new("secret");
        config.clock = clock.clone();
        let hub = Hub::new(config);
        let data = serde_json::value::to_raw_value(&1).unwrap();
        let options = PublishOptions { idempotency_key: Some("k"), ..PublishOptions::default() };
        for n in 0..1000 {
            hub.publish(&format!("chat:{n}"), &data, &options).unwrap();
            hub.publish(&format!("{n}"), &data, &options).unwrap();
        }
        assert_eq!(hub.channels.all().len(), 1000);
        clock.advance(millis(hub.config().history_meta_ttl));
        for _ in 0..SHARDS {
            clock.advance(TICK);
            hub.tick();
        }
        assert!(hub.channels.all().is_empty());
    }
}
