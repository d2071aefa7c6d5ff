//! The only place that asks the machine for the time.
//!
//! What is measured is measured on one monotonic clock, in nanoseconds since this process began, so that a
//! number written into a message by a sender can be compared by a subscriber.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};

/// A moment of the monotonic clock.
#[expect(clippy::disallowed_methods, reason = "this is the place that the lint points to")]
pub fn now() -> Instant {
    Instant::now()
}

/// Wall clock, for tokens and to compare with the server's `created_at`; both run on one machine.
#[expect(clippy::disallowed_methods, reason = "this is the place that the lint points to")]
pub fn utc() -> DateTime<Utc> {
    Utc::now()
}

/// When this process first asked; [`nanos`] counts from here.
pub fn epoch() -> Instant {
    static EPOCH: OnceLock<Instant> = OnceLock::new();
    *EPOCH.get_or_init(now)
}

/// Nanoseconds from [`epoch`] to `moment`.
pub fn nanos(moment: Instant) -> u64 {
    as_nanos(moment.saturating_duration_since(epoch()))
}

/// Nanoseconds of a duration; 584 years fit.
pub fn as_nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
