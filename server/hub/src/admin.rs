//! The server's side of the API: what Centrifugo offers over HTTP, here as methods.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::channel::stream::Range;
use crate::channel::{Options, StreamPosition};
use crate::client::Phase;
use crate::codes::{CommandError, Disconnect, Unsubscribe};
use crate::commands::subscribe::Joining;
use crate::config::millis;
use crate::hub::Hub;
use crate::protocol::reply::{self, Object};
use crate::task::lock;

/// Options of [`Hub::subscribe`].
#[derive(Clone, Debug, Default)]
pub struct SubscribeOptions<'a> {
    /// Only this connection of the user.
    pub client: Option<&'a str>,
    /// Shown to others as `chan_info`.
    pub info: Option<Box<RawValue>>,
    /// Given to the client with the subscription.
    pub data: Option<Box<RawValue>>,
    /// Unix seconds at which the subscription ends.
    pub expire_at: Option<u64>,
}

/// A subscriber, as others see it.
#[derive(Clone, Debug, Deserialize)]
pub struct ClientInfo {
    /// The user's id.
    #[serde(default)]
    pub user: String,
    /// The connection's id.
    pub client: String,
    /// `info` of the connection token.
    pub conn_info: Option<Box<RawValue>>,
    /// `info` of the subscription token.
    pub chan_info: Option<Box<RawValue>>,
}

/// How many subscribers a channel has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PresenceStats {
    /// Connections.
    pub num_clients: usize,
    /// Distinct users.
    pub num_users: usize,
}

/// A publication kept in the history.
#[derive(Clone, Debug, Deserialize)]
pub struct Publication {
    /// Its number in the stream.
    #[serde(default)]
    pub offset: u64,
    /// The published JSON.
    pub data: Box<RawValue>,
    /// Who published it, if a client did.
    pub info: Option<ClientInfo>,
    /// Tags of the publish.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
}

/// Which part of a channel's history.
#[derive(Clone, Debug, Default)]
pub struct HistoryRange {
    /// At most so many; 0 returns only the position.
    pub limit: usize,
    /// After this position (before it when `reverse`).
    pub since: Option<StreamPosition>,
    /// Newest first.
    pub reverse: bool,
}

/// A page of a channel's history and the channel's position.
#[derive(Clone, Debug)]
pub struct History {
    /// In the order that was asked for.
    pub publications: Vec<Publication>,
    /// The newest position.
    pub position: StreamPosition,
}

impl Hub {
    /// Subscribes the user's connections to a channel; those that are subscribed already are left alone.
    /// As in Centrifugo, this subscription does not survive a reconnect.
    ///
    /// # Errors
    /// [`CommandError::UNKNOWN_CHANNEL`], or [`CommandError::EXPIRED`] if `expire_at` is over.
    pub fn subscribe(
        &self,
        user: &str,
        channel: &str,
        options: &SubscribeOptions<'_>,
    ) -> Result<(), CommandError> {
        let namespace = self.namespace(channel)?.clone();
        for client in self.users.connections(user) {
            if options.client.is_some_and(|only| only != client.id.to_string()) {
                continue;
            }
            let mut state = lock(&client.state);
            if state.phase != Phase::Connected || state.find(channel).is_some() {
                continue;
            }
            if state.subscriptions.len() >= self.config().channel_limit {
                client.close(Disconnect::CHANNEL_LIMIT);
                continue;
            }
            let joining = Joining {
                channel,
                options: Options::from(&*namespace),
                info: options.info.clone(),
                data: options.data.clone(),
                expires: options.expire_at,
                recover: None,
                server_side: true,
                from_token: false,
                expiry_shown: false,
            };
            self.join(&client, &mut state, joining, |joined| {
                Some(reply::push(channel, "subscribe", 96, |draft| joined.write_push(draft.json())))
            })?;
        }
        Ok(())
    }

    /// Takes a channel away from the user's connections (code 2000: they do not come back by themselves).
    /// Without `client` they do not come back with a token that was made before, either.
    pub fn unsubscribe(&self, user: &str, channel: &str, client: Option<&str>) {
        if client.is_none() {
            self.shut.subscriber(user, channel, self.config().clock.unix_ms());
        }
        for connection in self.users.connections(user) {
            if client.is_some_and(|only| only != connection.id.to_string()) {
                continue;
            }
            let mut state = lock(&connection.state);
            if let Some(index) = state.find(channel) {
                let subscription = state.subscriptions.swap_remove(index);
                self.leave(subscription);
                self.send(&connection, &reply::unsubscribe(channel, Unsubscribe::SERVER));
            }
        }
    }

    /// Ends the user's connections, except those in `whitelist`; with `client`, only that one. The usual
    /// reason is [`Disconnect::FORCE_NO_RECONNECT`].
    /// If it is for all of them, a token that was made before opens no new one.
    pub fn disconnect(&self, user: &str, client: Option<&str>, reason: &Disconnect, whitelist: &[&str]) {
        if client.is_none() && whitelist.is_empty() {
            self.shut.user(user, self.config().clock.unix_ms());
        }
        for connection in self.users.connections(user) {
            let id = connection.id.to_string();
            if client.is_none_or(|only| only == id) && !whitelist.contains(&id.as_str()) {
                connection.close(reason.clone());
            }
        }
    }

    /// Ends the connections of all users whose id begins with `prefix`, and lets none of them back with a token that was
    /// made before. Centrifugo has nothing like it.
    pub fn disconnect_all(&self, prefix: &str, reason: &Disconnect) {
        self.shut.prefix(prefix, self.config().clock.unix_ms());
        for connection in self.users.with_prefix(prefix) {
            connection.close(reason.clone());
        }
    }

    /// Moves the expiry of the user's connections to `expire_at` (Unix seconds, `None` for never); if that
    /// is over, ends them (3005).
    pub fn refresh(&self, user: &str, client: Option<&str>, expire_at: Option<u64>) {
        for connection in self.users.connections(user) {
            if client.is_some_and(|only| only != connection.id.to_string()) {
                continue;
            }
            let Some(ttl) = expire_at.map(|at| self.ttl(at)).unwrap_or(Some(0)) else {
                connection.close(Disconnect::EXPIRED);
                continue;
            };
            let mut state = lock(&connection.state);
            state.timers.expiry = match expire_at {
                Some(at) => self.deadline(at, millis(self.config().expired_close_delay)),
                None => 0,
            };
            self.reschedule(&connection, &mut state);
            let message = reply::push("", "refresh", 32, |draft| {
                let mut object = Object::new(draft.json());
                reply::expiry(&mut object, expire_at.map(|_| ttl));
                object.end();
            });
            self.send(&connection, &message);
        }
    }

    /// Ends the user's connections as expired (3005).
    pub fn expire(&self, user: &str, client: Option<&str>) {
        self.disconnect(user, client, &Disconnect::EXPIRED, &[]);
    }

    /// Who is subscribed, by connection id.
    ///
    /// # Errors
    /// [`CommandError::UNKNOWN_CHANNEL`]; [`CommandError::NOT_AVAILABLE`] if the namespace keeps no presence.
    pub fn presence(&self, channel: &str) -> Result<BTreeMap<String, ClientInfo>, CommandError> {
        let infos = self.presence_infos(channel)?;
        let parsed = infos.iter().filter_map(|info| serde_json::from_str::<ClientInfo>(info).ok());
        Ok(parsed.map(|info| (info.client.clone(), info)).collect())
    }

    /// The client info objects of a channel's subscribers.
    fn presence_infos(&self, channel: &str) -> Result<Vec<Box<str>>, CommandError> {
        if !self.namespace(channel)?.presence {
            return Err(CommandError::NOT_AVAILABLE);
        }
        let infos = self.with_existing(channel, |_, state| {
            let present = state.subscribers.iter().filter(|(_, s)| s.options.presence);
            present.filter_map(|(_, subscriber)| subscriber.info.clone()).collect()
        });
        Ok(infos.unwrap_or_default())
    }

    /// How many are subscribed.
    ///
    /// # Errors
    /// As [`Hub::presence`].
    pub fn presence_stats(&self, channel: &str) -> Result<PresenceStats, CommandError> {
        if !self.namespace(channel)?.presence {
            return Err(CommandError::NOT_AVAILABLE);
        }
        let stats = self.with_existing(channel, |_, state| {
            let present = || state.subscribers.iter().map(|(_, s)| s).filter(|s| s.options.presence);
            let users: std::collections::HashSet<&str> = present().map(|s| s.client.user()).collect();
            PresenceStats { num_clients: present().count(), num_users: users.len() }
        });
        Ok(stats.unwrap_or_default())
    }

    /// A page of the history.
    ///
    /// # Errors
    /// [`CommandError::UNKNOWN_CHANNEL`]; [`CommandError::NOT_AVAILABLE`] without history;
    /// [`CommandError::UNRECOVERABLE_POSITION`] if `since` is of another epoch;
    /// [`CommandError::BAD_REQUEST`] for what lies before offset 0.
    pub fn history(&self, channel: &str, range: &HistoryRange) -> Result<History, CommandError> {
        let since = range.since.as_ref().map(|position| (position.offset, position.epoch.as_str()));
        let (publications, position) =
            self.history_page(channel, &Range { since, limit: range.limit, reverse: range.reverse })?;
        let parsed = publications.iter().filter_map(|publication| serde_json::from_slice(publication).ok());
        Ok(History { publications: parsed.collect(), position })
    }

    pub(crate) fn history_page(
        &self,
        channel: &str,
        range: &Range<'_>,
    ) -> Result<(Vec<Bytes>, StreamPosition), CommandError> {
        if !self.namespace(channel)?.keeps_history() {
            return Err(CommandError::NOT_AVAILABLE);
        }
        if range.reverse && range.since.is_some_and(|(offset, _)| offset == 0) {
            return Err(CommandError::BAD_REQUEST);
        }
        self.with_channel(channel, |_, state| {
            let stream = state.stream(self.scope());
            let epoch = stream.epoch().text();
            if range.since.is_some_and(|(_, since)| !since.is_empty() && since != epoch) {
                return Err(CommandError::UNRECOVERABLE_POSITION);
            }
            Ok((stream.read(range), StreamPosition { offset: stream.top(), epoch }))
        })?
    }

    /// Forgets a channel's publications; its position stays.
    ///
    /// # Errors
    /// As [`Hub::history`].
    pub fn history_remove(&self, channel: &str) -> Result<(), CommandError> {
        if !self.namespace(channel)?.keeps_history() {
            return Err(CommandError::NOT_AVAILABLE);
        }
        self.with_existing(channel, |_, state| state.clear_history());
        Ok(())
    }

    /// Starts a new epoch: positions of all clients become unrecoverable, and subscribers are told so
    /// (unsubscribe 2500, they come back; server-side subscriptions: disconnect 3010).
    ///
    /// # Errors
    /// [`CommandError::UNKNOWN_CHANNEL`].
    pub fn history_reset(&self, channel: &str) -> Result<(), CommandError> {
        self.namespace(channel)?;
        let subscribers = self.with_existing(channel, |_, state| {
            state.reset_stream();
            let positioned = state.subscribers.iter().filter(|(_, s)| s.options.positioned());
            positioned.map(|(_, s)| (s.client.clone(), s.server_side)).collect::<Vec<_>>()
        });
        for (client, server_side) in subscribers.unwrap_or_default() {
            if server_side {
                client.close(Disconnect::INSUFFICIENT_STATE);
                continue;
            }
            let mut state = lock(&client.state);
            if let Some(index) = state.find(channel) {
                let subscription = state.subscriptions.swap_remove(index);
                self.leave(subscription);
                self.send(&client, &reply::unsubscribe(channel, Unsubscribe::INSUFFICIENT_STATE));
            }
        }
        Ok(())
    }

    /// Channels with subscribers whose names begin with `prefix`, and how many each has.
    pub fn channels(&self, prefix: &str) -> BTreeMap<String, usize> {
        let all = self.channels.all().into_iter().filter(|channel| channel.name.starts_with(prefix));
        all.map(|channel| (channel.name.to_string(), lock(&channel.state).subscribers.len()))
            .filter(|(_, subscribers)| *subscribers > 0)
            .collect()
    }

    /// Seconds from now to `expire_at` (Unix seconds); `None` if it is over.
    pub(crate) fn ttl(&self, expire_at: u64) -> Option<u64> {
        let now = self.config().clock.unix_ms() / 1000;
        expire_at.checked_sub(now).filter(|ttl| *ttl > 0)
    }

    /// `expire_at` (Unix seconds) and a grace (ms) as a deadline of the monotonic clock.
    pub(crate) fn deadline(&self, expire_at: u64, grace: u64) -> u64 {
        let left = expire_at.saturating_mul(1000).saturating_sub(self.config().clock.unix_ms());
        self.now().saturating_add(left).saturating_add(grace)
    }
}
