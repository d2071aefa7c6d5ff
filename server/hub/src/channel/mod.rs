//! A channel: its subscribers, its recent publications, and one lock over both.
//!
//! That lock is the whole concurrency story. Publishing appends to the stream and to every subscriber's
//! queue under it; subscribing reads the stream, queues the reply and joins under it. So there is no
//! moment between "what I missed" and "what comes live" in which a publication could be lost or doubled,
//! and every subscriber sees one order. Nothing is written to a socket under the lock.
//!
//! Lock order: a client's state, then a channel, then a client's queue. A channel that nobody needs any
//! more is marked `gone` under its lock and leaves the map; who still holds it looks it up again.

mod idempotency;
pub(crate) mod stream;

use std::sync::{Arc, Mutex};

use serde_json::value::RawValue;
use slab::Slab;

use self::idempotency::Results;
use self::stream::Stream;
use crate::client::Client;
use crate::config::{HubConfig, Namespace, millis};
use crate::outbound::Pushed;
use crate::protocol::message::Message;
use crate::protocol::reply::{self, Object};
use crate::stats::{Counters, add};

/// A position in a channel's stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StreamPosition {
    /// Number of the newest publication, from 1; 0 if the channel keeps no history.
    pub offset: u64,
    /// Identity of the stream; empty if the channel keeps no history.
    pub epoch: String,
}

/// Options of a publish.
#[derive(Clone, Debug, Default)]
pub struct PublishOptions<'a> {
    /// A second publish into the channel with this key within five minutes delivers nothing and returns
    /// the first one's position.
    pub idempotency_key: Option<&'a str>,
    /// Deliver to who is there and keep nothing (typing, presence).
    pub skip_history: bool,
    /// Small strings that travel with the publication.
    pub tags: &'a [(&'a str, &'a str)],
}

/// What one subscription does, after the namespace, the token and the client's wishes were heard.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Options {
    pub presence: bool,
    pub join_leave: bool,
    pub push_join_leave: bool,
    pub recovery: bool,
    pub positioning: bool,
}

impl From<&Namespace> for Options {
    fn from(namespace: &Namespace) -> Self {
        Self {
            presence: namespace.presence,
            join_leave: namespace.join_leave,
            push_join_leave: namespace.force_push_join_leave,
            recovery: namespace.force_recovery,
            positioning: namespace.force_positioning,
        }
    }
}

impl Options {
    pub fn positioned(&self) -> bool {
        self.recovery || self.positioning
    }
}

pub(crate) struct Channel {
    pub name: Box<str>,
    pub namespace: Arc<Namespace>,
    pub state: Mutex<State>,
}

pub(crate) struct Subscriber {
    pub client: Arc<Client>,
    pub options: Options,
    pub server_side: bool,
    /// The client info object, for presence and announcements; absent if neither is on.
    pub info: Option<Box<str>>,
}

#[derive(Default)]
pub(crate) struct State {
    pub subscribers: Slab<Subscriber>,
    stream: Option<Box<Stream>>,
    results: Option<Box<Results>>,
    pub gone: bool,
}

impl Channel {
    pub fn new(name: &str, namespace: Arc<Namespace>) -> Self {
        Self { name: name.into(), namespace, state: Mutex::default() }
    }
}

/// What every operation on a channel needs from the hub.
#[derive(Clone, Copy)]
pub(crate) struct Scope<'a> {
    pub config: &'a HubConfig,
    pub counters: &'a Counters,
    /// Monotonic milliseconds.
    pub now: u64,
}

impl State {
    /// The stream, made on first use and remembered for `history_meta_ttl` from now.
    pub fn stream(&mut self, scope: Scope<'_>) -> &mut Stream {
        let stream = self.stream.get_or_insert_with(|| Box::new(Stream::new()));
        stream.expire(scope.now);
        stream.touch(scope.now + millis(scope.config.history_meta_ttl));
        stream
    }

    pub fn publish(
        &mut self,
        channel: &Channel,
        scope: Scope<'_>,
        data: &RawValue,
        options: &PublishOptions<'_>,
        publisher: Option<&str>,
    ) -> StreamPosition {
        if let Some(position) = options.idempotency_key.and_then(|key| self.first_result(key, scope.now)) {
            add(&scope.counters.duplicate_publishes, 1);
            return position;
        }
        let namespace = &channel.namespace;
        let mut position = StreamPosition::default();
        if namespace.keeps_history() && !options.skip_history {
            let stream = self.stream(scope);
            position = StreamPosition { offset: stream.top() + 1, epoch: stream.epoch().text() };
        }
        let mut span = 0..0;
        let room = data.get().len() + publisher.map_or(0, str::len) + 64 + 32 * options.tags.len();
        let message = reply::push(&channel.name, "pub", room, |draft| {
            span.start = draft.position();
            let mut object = Object::new(draft.json());
            object.raw("data", Some(data));
            if let Some(info) = publisher {
                object.field("info").extend_from_slice(info.as_bytes());
            }
            object.number("offset", position.offset);
            if !options.tags.is_empty() {
                let mut tags = Object::new(object.field("tags"));
                for (name, value) in options.tags {
                    reply::string(tags.key(name), value);
                }
                tags.end();
            }
            object.end();
            span.end = draft.position();
        });
        if position.offset > 0 {
            let until = scope.now + millis(namespace.history_ttl);
            self.stream(scope).append(message.slice(span), namespace.history_size, until);
        }
        if let Some(key) = options.idempotency_key {
            let until = scope.now + millis(scope.config.idempotency_ttl);
            self.results.get_or_insert_default().insert(key, position.clone(), until);
        }
        add(&scope.counters.publishes, 1);
        let delivered = self.fan_out(scope, &message, |_| true);
        add(&scope.counters.deliveries, delivered);
        position
    }

    fn first_result(&mut self, key: &str, now: u64) -> Option<StreamPosition> {
        let results = self.results.as_mut()?;
        results.expire(now);
        results.get(key).cloned()
    }

    /// Queues a message for subscribers; returns for how many.
    pub fn fan_out(&self, scope: Scope<'_>, message: &Message, wants: impl Fn(&Subscriber) -> bool) -> u64 {
        let limit = scope.config.queue_size_limit;
        let mut delivered = 0;
        for (_, subscriber) in &self.subscribers {
            if !wants(subscriber) {
                continue;
            }
            let client = &subscriber.client;
            match client.outbound.push(message.framed(client.framing), limit) {
                Pushed::Queued => delivered += 1,
                Pushed::Overflow => add(&scope.counters.slow_consumers, 1),
                Pushed::Closed => {}
            }
        }
        delivered
    }

    /// Tells subscribers who came (`join`) or went (`leave`).
    pub fn announce(&self, channel: &Channel, scope: Scope<'_>, kind: &str, info: &str) {
        if self.subscribers.iter().any(|(_, s)| s.options.push_join_leave) {
            let message = reply::membership(&channel.name, kind, info);
            self.fan_out(scope, &message, |subscriber| subscriber.options.push_join_leave);
        }
    }

    /// Removes a subscriber and announces it.
    pub fn leave(&mut self, channel: &Channel, scope: Scope<'_>, slot: usize) {
        let Some(subscriber) = self.subscribers.try_remove(slot) else { return };
        if self.subscribers.is_empty() {
            self.subscribers = Slab::new();
        }
        if let (true, Some(info)) = (subscriber.options.join_leave, &subscriber.info) {
            self.announce(channel, scope, "leave", info);
        }
    }

    /// Drops the publications; positions stay.
    pub fn clear_history(&mut self) {
        if let Some(stream) = &mut self.stream {
            stream.clear();
        }
    }

    /// Replaces the stream, which makes all positions unrecoverable.
    pub fn reset_stream(&mut self) {
        self.stream = None;
    }

    /// Forgets what is over; returns whether the channel is no longer needed. A stream that subscribers
    /// hold positions in is needed.
    pub fn expire(&mut self, now: u64) -> bool {
        if self.results.as_mut().is_some_and(|results| results.expire(now)) {
            self.results = None;
        }
        let position_over = self.stream.as_mut().is_none_or(|stream| stream.expire(now));
        self.subscribers.is_empty() && self.results.is_none() && position_over
    }
}
