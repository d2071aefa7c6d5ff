//! Where the hub takes its time from.
//!
//! Timers, history and idempotency run on a monotonic clock, so a step of the wall clock neither
//! disconnects everybody nor keeps a dead connection. Only tokens are compared with the wall clock,
//! because their claims are Unix times. A test sets both through [`ManualClock`] and never sleeps.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// A source of time.
pub trait Clock: Send + Sync + 'static {
    /// Milliseconds on a clock that never goes back; its zero is arbitrary.
    fn monotonic_ms(&self) -> u64;
    /// Milliseconds since the Unix epoch (UTC).
    fn unix_ms(&self) -> u64;
}

/// The machine's clocks.
pub struct SystemClock {
    started: Instant,
}

impl SystemClock {
    /// Starts the monotonic clock at zero.
    #[expect(clippy::disallowed_methods, reason = "the one place of this crate that reads the clock")]
    pub fn new() -> Self {
        Self { started: Instant::now() }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    fn monotonic_ms(&self) -> u64 {
        // From 1 ms on, so that 0 can stand for "no deadline".
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX).saturating_add(1)
    }

    #[expect(clippy::disallowed_methods, reason = "the one place of this crate that reads the clock")]
    fn unix_ms(&self) -> u64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    }
}

/// A clock that stands still until it is told to move. For tests; drive timers with [`crate::Hub::tick`].
pub struct ManualClock {
    elapsed: AtomicU64,
    unix_start: u64,
}

impl ManualClock {
    /// A clock whose wall time is `unix_ms` (milliseconds since the Unix epoch).
    pub fn new(unix_ms: u64) -> Self {
        Self { elapsed: AtomicU64::new(1), unix_start: unix_ms }
    }

    /// Moves both clocks forward by `ms` milliseconds.
    pub fn advance(&self, ms: u64) {
        self.elapsed.fetch_add(ms, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn monotonic_ms(&self) -> u64 {
        self.elapsed.load(Ordering::SeqCst)
    }

    fn unix_ms(&self) -> u64 {
        self.unix_start + self.elapsed.load(Ordering::SeqCst) - 1
    }
}
