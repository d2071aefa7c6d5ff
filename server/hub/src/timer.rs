//! Deadlines of connections: pings, pongs, expiries.
//!
//! One wheel for all instead of a timer per connection: an idle connection costs eight bytes here, and
//! nothing runs for it until its slot comes up. The wheel turns four times a second, which is exact
//! enough for deadlines of seconds, and reaches 64 s ahead; a later deadline is looked at and put back.
//! A client may stand in several slots, only the one that it remembers counts.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::client::{Client, Phase, State, Timers};
use crate::codes::{Disconnect, Unsubscribe};
use crate::config::millis;
use crate::hub::Hub;
use crate::protocol::reply;
use crate::stats::add;
use crate::task::lock;

/// Milliseconds between two turns.
pub(crate) const TICK: u64 = 250;
const SLOTS: u64 = 256;

pub(crate) struct Wheel {
    slots: Vec<Mutex<Vec<u64>>>,
    /// The last tick that was processed.
    turned: Mutex<u64>,
    jitter: AtomicU64,
}

impl Wheel {
    pub fn new(now: u64) -> Self {
        Self {
            slots: (0..SLOTS).map(|_| Mutex::default()).collect(),
            turned: Mutex::new(now / TICK),
            jitter: AtomicU64::new(uuid::Uuid::new_v4().as_u64_pair().0),
        }
    }

    /// Puts the client where its next deadline is. To be called with its state locked.
    pub fn schedule(&self, client: &Client, timers: &mut Timers, subscriptions: u64, now: u64) {
        let deadline = timers.next(subscriptions);
        if deadline == 0 {
            return;
        }
        let current = now / TICK;
        let tick = deadline.div_ceil(TICK).clamp(current + 1, current + SLOTS - 1);
        if timers.tick > current && timers.tick <= tick {
            return;
        }
        timers.tick = tick;
        lock(&self.slots[(tick % SLOTS) as usize]).push(client.number);
    }

    /// A time between half of `interval` and all of it, so that connections that came together do not
    /// ping together.
    pub fn spread(&self, interval: u64) -> u64 {
        // A Weyl sequence covers the range evenly, which is all that is needed.
        let step = self.jitter.fetch_add(0x9E37_79B9_7F4A_7C15, Ordering::Relaxed);
        interval / 2 + (step >> 11) % (interval / 2).max(1)
    }

    /// Takes the clients whose slots have come up, with their ticks.
    fn turn(&self, now: u64) -> Vec<(u64, u64)> {
        let mut turned = lock(&self.turned);
        let current = now / TICK;
        let mut due = Vec::new();
        for tick in (*turned + 1).max((current + 1).saturating_sub(SLOTS))..=current {
            let slot = std::mem::take(&mut *lock(&self.slots[(tick % SLOTS) as usize]));
            due.extend(slot.into_iter().map(|number| (number, tick)));
        }
        *turned = current.max(*turned);
        due
    }
}

impl Hub {
    /// Does what is due: pings, timeouts, expiry of tokens and of history. [`Hub::serve`] calls it four
    /// times a second; a test with a [`crate::ManualClock`] calls it itself.
    pub fn tick(&self) {
        let now = self.now();
        for (number, tick) in self.wheel.turn(now) {
            if let Some(client) = self.connections.get(number) {
                let mut state = lock(&client.state);
                // A client whose clock jumped past its slot is due as well.
                if state.timers.tick % SLOTS == tick % SLOTS {
                    state.timers.tick = 0;
                    self.on_timer(&client, &mut state, now);
                    let earliest = earliest(&state);
                    self.wheel.schedule(&client, &mut state.timers, earliest, now);
                    drop(state);
                    // An HTTP stream whose socket is full does not notice by itself that it is closing.
                    if client.outbound.is_closing() {
                        self.detach(&client);
                    }
                }
            }
        }
        self.channels.sweep((now / TICK) as usize, now);
    }

    fn on_timer(&self, client: &Client, state: &mut State, now: u64) {
        let due = |deadline: u64| deadline > 0 && deadline <= now;
        let config = self.config();
        if due(state.timers.kill) {
            state.timers = Timers::default();
            client.outbound.kill();
            if let Some(abort) = client.abort.get() {
                abort.notify_one();
            }
            return;
        }
        if due(state.timers.stale) {
            state.timers.stale = 0;
            client.close(Disconnect::STALE);
        }
        if state.phase != Phase::Connected {
            return;
        }
        if due(state.timers.expiry) {
            state.timers.expiry = 0;
            client.close(Disconnect::EXPIRED);
        }
        if due(state.timers.pong) {
            state.timers.pong = 0;
            if state.timers.awaiting_pong {
                add(&self.counters.no_pong, 1);
                client.close(Disconnect::NO_PONG);
            }
        }
        if due(state.timers.ping) {
            state.timers.ping = now + millis(config.ping_interval);
            state.timers.awaiting_pong = true;
            if !config.pong_timeout.is_zero() {
                state.timers.pong = now + millis(config.pong_timeout);
            }
            self.send_ping(client);
        }
        let over: Vec<usize> =
            (0..state.subscriptions.len()).rev().filter(|i| due(state.subscriptions[*i].expiry)).collect();
        for index in over {
            let subscription = state.subscriptions.swap_remove(index);
            let (channel, server_side) = (subscription.channel.clone(), subscription.server_side);
            self.leave(subscription);
            if server_side {
                client.close(Disconnect::SUBSCRIPTION_EXPIRED);
            } else {
                self.send(client, &reply::unsubscribe(&channel.name, Unsubscribe::EXPIRED));
            }
        }
    }
}

/// The earliest expiry of a client's subscriptions, 0 for none.
pub(crate) fn earliest(state: &State) -> u64 {
    state.subscriptions.iter().map(|s| s.expiry).filter(|expiry| *expiry > 0).min().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::message::Framing;

    #[test]
    fn a_deadline_comes_up_once_and_never_early() {
        let wheel = Wheel::new(1_000);
        let client = Client::new(7, Framing::WebSocket);
        let mut timers = Timers { ping: 5_100, ..Timers::default() };
        wheel.schedule(&client, &mut timers, 0, 1_000);
        wheel.schedule(&client, &mut timers, 0, 1_000);
        assert!(wheel.turn(5_000).is_empty());
        assert_eq!(wheel.turn(5_250), [(7, 21)]);
        assert!(wheel.turn(9_000).is_empty());
    }

    #[test]
    fn an_earlier_deadline_overtakes_and_a_far_one_is_looked_at_within_a_turn() {
        let wheel = Wheel::new(0);
        let client = Client::new(7, Framing::WebSocket);
        let mut timers = Timers { expiry: 3_600_000, ..Timers::default() };
        wheel.schedule(&client, &mut timers, 0, 0);
        assert_eq!(timers.tick, 255);
        wheel.schedule(&client, &mut timers, 2_000, 0);
        assert_eq!(timers.tick, 8);
        assert_eq!(wheel.turn(2_000).len(), 1);
        assert_eq!(wheel.turn(64_000).len(), 1);
    }

    #[test]
    fn pings_spread_over_half_an_interval() {
        let wheel = Wheel::new(0);
        let times: Vec<u64> = (0..1000).map(|_| wheel.spread(25_000)).collect();
        assert!(times.iter().all(|t| (12_500..25_000).contains(t)));
        assert!(times.iter().filter(|t| **t < 18_750).count().abs_diff(500) < 50);
    }
}
