//! An app's share of the pool, so that one tenant can't hold every connection while all others wait.
//!
//! Who has its share in use waits as it would for the pool, and is told the same if that takes too long. What belongs
//! to no tenant has no share, nor have jobs: keys are read and queues are worked off however busy an app is.

use std::sync::Arc;
use std::time::Duration;

use moka::sync::Cache;
use parlor_protocol::AppId;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::config;
use crate::error::{Error, Result};

/// Apps that are remembered. One that is forgotten while it holds connections gets a second share until they are back.
const APPS: u64 = 10_000;
/// Far longer than a transaction.
const IDLE: Duration = Duration::from_secs(600);

/// The shares of all apps. Clones have the same ones.
#[derive(Clone)]
pub(super) struct Shares {
    size: usize,
    apps: Cache<AppId, Arc<Semaphore>>,
}

impl Shares {
    pub fn new(config: &config::Database) -> Self {
        Self {
            size: size(config.pool_size, config.app_connections),
            apps: Cache::builder().max_capacity(APPS).time_to_idle(IDLE).build(),
        }
    }

    /// Leave to hold one more connection, until it is dropped. Waits for as long as the caller does.
    pub async fn take(&self, app: AppId) -> Result<OwnedSemaphorePermit> {
        let share = self.apps.get_with(app, || Arc::new(Semaphore::new(self.size)));
        share.acquire_owned().await.map_err(Error::internal)
    }
}

fn size(pool: usize, configured: usize) -> usize {
    match configured {
        0 => (pool - (pool / 4).max(1)).max(1),
        connections => connections.min(pool),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_three_quarters_of_the_pool_unless_it_is_set() {
        for (pool, configured, expected) in
            [(16, 0, 12), (5, 0, 4), (3, 0, 2), (2, 0, 1), (1, 0, 1), (16, 3, 3), (16, 99, 16)]
        {
            assert_eq!(size(pool, configured), expected, "{configured} of {pool}");
        }
    }
}
