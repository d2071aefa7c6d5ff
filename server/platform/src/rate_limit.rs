//! Rate limits by GCRA, in this process: per app, per user, and per address where there is no token.
//!
//! A limit of n requests a second lets a burst of n through and then one every 1/n s.

use std::hash::Hash;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use governor::clock::{Clock as _, DefaultClock};
use governor::middleware::StateInformationMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use moka::sync::Cache;
use parlor_protocol::ErrorCode;

use crate::error::{Error, Result};

type Limiter = RateLimiter<NotKeyed, InMemoryState, DefaultClock, StateInformationMiddleware>;

/// What the answer's headers say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Requests in a burst.
    pub limit: u32,
    /// Requests left at this moment.
    pub remaining: u32,
    /// Seconds until the whole burst is there again.
    pub reset_s: u32,
}

/// One kind of limit, with a bucket for each key.
#[derive(Clone)]
pub struct RateLimit<K: Hash + Eq + Send + Sync + 'static> {
    buckets: Cache<(K, u32), Arc<Limiter>>,
}

impl<K: Hash + Eq + Send + Sync + 'static> Default for RateLimit<K> {
    fn default() -> Self {
        // A bucket that nobody used for a minute is full again, so it need not be kept.
        Self { buckets: Cache::builder().max_capacity(500_000).time_to_idle(Duration::from_secs(60)).build() }
    }
}

impl<K: Hash + Eq + Send + Sync + 'static> RateLimit<K> {
    /// Takes one request of `key` out of its bucket of `per_second`.
    pub fn check(&self, key: K, per_second: u32) -> Result<Budget> {
        let rate = NonZeroU32::new(per_second).unwrap_or(NonZeroU32::MIN);
        let limiter = self.buckets.get_with((key, per_second), || {
            Arc::new(RateLimiter::direct(Quota::per_second(rate)).with_middleware())
        });
        match limiter.check() {
            Ok(state) => {
                let remaining = state.remaining_burst_capacity();
                let used = rate.get().saturating_sub(remaining);
                Ok(Budget { limit: rate.get(), remaining, reset_s: used.div_ceil(rate.get()) })
            }
            Err(denied) => {
                let wait = denied.wait_time_from(DefaultClock::default().now());
                let seconds = u32::try_from(wait.as_millis().div_ceil(1000)).unwrap_or(u32::MAX).max(1);
                Err(Error::new(ErrorCode::RateLimited).retry_after(seconds))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_and_the_next_is_refused_per_key() {
        let limit = RateLimit::<&str>::default();
        let first = limit.check("a", 3).unwrap();
        assert_eq!((first.limit, first.remaining), (3, 2));
        limit.check("a", 3).unwrap();
        limit.check("a", 3).unwrap();
        assert_eq!(limit.check("a", 3).unwrap_err().code(), ErrorCode::RateLimited);
        assert!(limit.check("b", 3).is_ok(), "another key has its own bucket");
    }
}
