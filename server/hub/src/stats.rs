//! Counters since the hub was made.

use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {
        #[derive(Default)]
        pub(crate) struct Counters { $(pub $name: AtomicU64),* }

        /// A snapshot of the counters; each only grows.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct Stats { $($(#[$doc])* pub $name: u64),* }

        impl Counters {
            pub fn snapshot(&self) -> Stats {
                Stats { $($name: self.$name.load(Ordering::Relaxed)),* }
            }
        }
    };
}

counters! {
    /// Sockets accepted.
    accepted,
    /// Connect commands that succeeded.
    connected,
    /// Connections refused because of a limit.
    refused,
    /// Publications.
    publishes,
    /// Publications answered from the idempotency cache.
    duplicate_publishes,
    /// Publications handed to a client's queue.
    deliveries,
    /// Recoveries that brought the client up to date.
    recovered,
    /// Recoveries that could not.
    unrecovered,
    /// Clients cut off because they read too slowly.
    slow_consumers,
    /// Clients cut off because they answered no ping.
    no_pong,
    /// Bytes written to WebSockets and streams.
    bytes_sent,
    /// Bytes read from WebSockets.
    bytes_received,
}

pub(crate) fn add(counter: &AtomicU64, n: u64) {
    counter.fetch_add(n, Ordering::Relaxed);
}
