//! One connection as the hub sees it, whatever its transport.
//!
//! States: *connecting* (no valid connect command yet), *connected*, *unusable* (the connect command got
//! an error; the client is expected to go), *closed*. Commands of one client run under its state lock,
//! one at a time, also those that arrive over HTTP emulation.

use std::sync::{Arc, Mutex, OnceLock};

use serde_json::value::RawValue;
use tokio::sync::Notify;
use uuid::Uuid;

use crate::channel::Channel;
use crate::codes::Disconnect;
use crate::outbound::Outbound;
use crate::protocol::message::Framing;

pub(crate) struct Client {
    /// Key in the registry; also the timer wheel's.
    pub number: u64,
    /// The id that the protocol shows.
    pub id: Uuid,
    /// The secret that addresses this client over HTTP emulation; nil for WebSockets.
    pub session: Uuid,
    pub framing: Framing,
    /// Set by the connect command; empty for an anonymous connection.
    pub user: OnceLock<Arc<str>>,
    pub outbound: Outbound,
    pub state: Mutex<State>,
    /// Ends the task of an HTTP stream that does not drain.
    pub abort: OnceLock<Arc<Notify>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    Connecting,
    Connected,
    Unusable,
    Closed,
}

pub(crate) struct State {
    pub phase: Phase,
    pub info: Option<Box<RawValue>>,
    pub subscriptions: Vec<Subscription>,
    pub timers: Timers,
}

/// Deadlines in monotonic milliseconds; 0 is none.
#[derive(Default)]
pub(crate) struct Timers {
    pub stale: u64,
    pub ping: u64,
    pub pong: u64,
    pub expiry: u64,
    pub kill: u64,
    /// A ping is out and was not answered.
    pub awaiting_pong: bool,
    /// The wheel's tick that will look at this client.
    pub tick: u64,
}

pub(crate) struct Subscription {
    pub channel: Arc<Channel>,
    /// Where the channel keeps us.
    pub slot: usize,
    /// Deadline including the grace, 0 for none.
    pub expiry: u64,
    pub server_side: bool,
    /// Came with the connection token: a refreshed token must still have it.
    pub from_token: bool,
}

impl Client {
    pub fn new(number: u64, framing: Framing) -> Self {
        let session = if framing == Framing::WebSocket { Uuid::nil() } else { Uuid::new_v4() };
        Self {
            number,
            id: Uuid::new_v4(),
            session,
            framing,
            user: OnceLock::new(),
            outbound: Outbound::default(),
            state: Mutex::new(State {
                phase: Phase::Connecting,
                info: None,
                subscriptions: Vec::new(),
                timers: Timers::default(),
            }),
            abort: OnceLock::new(),
        }
    }

    pub fn user(&self) -> &str {
        self.user.get().map_or("", |user| user)
    }

    pub fn close(&self, reason: Disconnect) {
        self.outbound.close(reason);
    }
}

impl State {
    pub fn find(&self, channel: &str) -> Option<usize> {
        self.subscriptions.iter().position(|s| &*s.channel.name == channel)
    }
}

impl Timers {
    /// The next deadline, 0 for none. `subscriptions` is the earliest expiry among them.
    pub fn next(&self, subscriptions: u64) -> u64 {
        let deadlines = [self.stale, self.ping, self.pong, self.expiry, self.kill, subscriptions];
        deadlines.into_iter().filter(|deadline| *deadline > 0).min().unwrap_or(0)
    }
}
