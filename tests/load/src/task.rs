//! The only place that spawns tasks.

use std::future::Future;

use anyhow::{Context, Result};
use tokio::task::JoinSet;

/// Starts a task that ends by itself.
#[expect(clippy::disallowed_methods, reason = "this is the place that the lint points to")]
pub fn spawn<F>(future: F)
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    tokio::spawn(future);
}

/// Tasks that end when this is dropped, so that a part of the bench that is given up leaves no load behind.
pub struct Group<T>(JoinSet<Result<T>>);

impl<T: Send + 'static> Group<T> {
    /// Starts all.
    pub fn start<F>(futures: impl IntoIterator<Item = F>) -> Self
    where
        F: Future<Output = Result<T>> + Send + 'static,
    {
        Self(futures.into_iter().collect())
    }

    /// Waits for all, in any order, and fails with the first that failed or panicked.
    pub async fn join(mut self) -> Result<Vec<T>> {
        let mut results = Vec::with_capacity(self.0.len());
        while let Some(result) = self.0.join_next().await {
            results.push(result.context("a task of the load generator panicked")??);
        }
        Ok(results)
    }
}
