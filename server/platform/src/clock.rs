//! The only place that asks the machine for the time, so that tests can set it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{DateTime, Utc};

/// Gives the time. Clones share one offset.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    offset_ms: Arc<AtomicI64>,
}

impl Clock {
    /// UTC, cut to microseconds, which is what PostgreSQL keeps.
    #[expect(clippy::disallowed_methods, reason = "this is the place that the lint points to")]
    pub fn now(&self) -> DateTime<Utc> {
        let now = Utc::now() + chrono::Duration::milliseconds(self.offset_ms.load(Ordering::Relaxed));
        DateTime::from_timestamp_micros(now.timestamp_micros()).unwrap_or(now)
    }

    /// Moves the clock by so many milliseconds, forwards or backwards.
    pub fn shift_ms(&self, milliseconds: i64) {
        self.offset_ms.fetch_add(milliseconds, Ordering::Relaxed);
    }
}

/// A monotonic instant, for durations that are only measured.
#[expect(clippy::disallowed_methods, reason = "this is the place that the lint points to")]
pub fn monotonic() -> std::time::Instant {
    std::time::Instant::now()
}
