//! Background tasks: named, logged when they panic, ended together.

use std::future::Future;

use futures_util::FutureExt;
use tokio::task::JoinHandle;
pub use tokio_util::sync::CancellationToken;
pub use tokio_util::task::TaskTracker;

/// Spawns a task. A panic in it is logged with the task's name and ends only the task.
#[expect(clippy::disallowed_methods, reason = "this is the place that the lint points to")]
pub fn spawn<F>(name: &'static str, future: F) -> JoinHandle<()>
where
    F: Future<Output = ()> + Send + 'static,
{
    tokio::spawn(async move {
        if std::panic::AssertUnwindSafe(future).catch_unwind().await.is_err() {
            tracing::error!(task = name, "a background task panicked");
            metrics::counter!("parlor_task_panics_total", "task" => name).increment(1);
        }
    })
}

/// Runs `work` again and again until `stop`. After a panic it starts anew, a second later.
pub fn supervise<F, Fut>(tracker: &TaskTracker, name: &'static str, stop: CancellationToken, mut work: F)
where
    F: FnMut() -> Fut + Send + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    let token = tracker.token();
    spawn(name, async move {
        let _counted = token;
        while !stop.is_cancelled() {
            let run = spawn(name, work());
            let _ = run.await;
            if !stop.is_cancelled() {
                tracing::warn!(task = name, "a background task ended and is started again");
                tokio::select! {
                    () = stop.cancelled() => {}
                    () = tokio::time::sleep(std::time::Duration::from_secs(1)) => {}
                }
            }
        }
    });
}
