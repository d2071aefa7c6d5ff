//! The one place that starts tasks, and the lock that forgives a panic elsewhere.

use std::future::Future;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::task::JoinHandle;

/// Starts `future` on the current runtime. A panic ends that task alone: every connection cleans up
/// in its `Drop`.
#[expect(clippy::disallowed_methods, reason = "the one place of this crate that starts tasks")]
pub(crate) fn spawn<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    tokio::spawn(future)
}

/// Locks; what a panicking holder left behind is still used, since no invariant spans a panic point.
pub(crate) fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
