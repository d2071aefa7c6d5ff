//! How load is made: closed loops, in which each connection waits for its answer before the next request, and open
//! ones, in which requests are due by a schedule.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use tokio::sync::Semaphore;

use crate::clock;
use crate::pace::Pace;
use crate::stats::Latency;
use crate::task::Group;

/// One connection that posts messages.
pub trait Post: Send + 'static {
    /// Posts a message that carries this stamp, and waits for the answer.
    fn post(&mut self, stamp: u64) -> impl Future<Output = Result<()>> + Send;
}

/// What a run did.
#[derive(Default)]
pub struct Run {
    /// Answers within the measured time, a second.
    pub rate: f64,
    /// From the request, or from when it was due, to the answer.
    pub latency: Latency,
    /// Requests that were due and never made.
    pub missed: u64,
}

/// A closed loop that runs until it is told to stop.
pub struct Closed<P> {
    tasks: Group<(P, Latency)>,
    stop: Arc<AtomicBool>,
    measured: Arc<AtomicBool>,
    begun: Instant,
}

impl<P: Post> Closed<P> {
    /// Starts posting on all connections; each post takes one permit of the window, if there is one.
    pub fn start(posts: Vec<P>, window: Option<Arc<Semaphore>>) -> Self {
        let (stop, measured) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let tasks = Group::start(
            posts
                .into_iter()
                .map(|post| closed(post, window.clone(), Arc::clone(&stop), Arc::clone(&measured))),
        );
        Self { tasks, stop, measured, begun: clock::now() }
    }

    /// From here on it is measured.
    pub fn begin(&mut self) {
        self.begun = clock::now();
        self.measured.store(true, Ordering::Relaxed);
    }

    /// Ends it. Gives the connections back.
    pub async fn end(self) -> Result<(Vec<P>, Run)> {
        self.measured.store(false, Ordering::Relaxed);
        let seconds = clock::now().duration_since(self.begun).as_secs_f64();
        self.stop.store(true, Ordering::Relaxed);
        let (posts, latency) = collect(self.tasks.join().await?);
        Ok((posts, Run { rate: latency.count() as f64 / seconds, latency, missed: 0 }))
    }
}

async fn closed<P: Post>(
    mut post: P,
    window: Option<Arc<Semaphore>>,
    stop: Arc<AtomicBool>,
    measured: Arc<AtomicBool>,
) -> Result<(P, Latency)> {
    let mut latency = Latency::default();
    while !stop.load(Ordering::Relaxed) {
        if let Some(window) = &window {
            // A subscriber that got nothing for so long would hold the loop for ever.
            let permit = tokio::time::timeout(Duration::from_secs(10), window.acquire()).await;
            permit.context("nothing was delivered for ten seconds")??.forget();
        }
        let start = clock::now();
        post.post(clock::nanos(start)).await?;
        if measured.load(Ordering::Relaxed) {
            latency.record(clock::as_nanos(clock::now().duration_since(start)));
        }
    }
    Ok((post, latency))
}

/// Posts by the schedule until it ends, on whichever connection is free. Gives the connections back.
pub async fn open<P: Post>(posts: Vec<P>, pace: Pace) -> Result<(Vec<P>, Run)> {
    let start = clock::now();
    let tasks = Group::start(posts.into_iter().map(|mut post| {
        let pace = pace.clone();
        async move {
            let mut latency = Latency::default();
            while let Some(due) = pace.next().await {
                post.post(clock::nanos(due)).await?;
                latency.record(clock::as_nanos(clock::now().duration_since(due)));
            }
            Ok((post, latency))
        }
    }));
    let (posts, latency) = collect(tasks.join().await?);
    let seconds = clock::now().duration_since(start).as_secs_f64();
    Ok((posts, Run { rate: latency.count() as f64 / seconds, latency, missed: pace.missed() }))
}

fn collect<P>(results: Vec<(P, Latency)>) -> (Vec<P>, Latency) {
    let mut all = Latency::default();
    let posts = results.into_iter().map(|(post, latency)| {
        all.merge(&latency);
        post
    });
    (posts.collect(), all)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Slow(u64);

    impl Post for Slow {
        async fn post(&mut self, _stamp: u64) -> Result<()> {
            tokio::time::sleep(Duration::from_millis(20)).await;
            self.0 += 1;
            Ok(())
        }
    }

    #[tokio::test]
    async fn an_open_loop_counts_the_wait_for_a_free_connection() {
        // Fifty due at once on one connection that takes 20 ms each would hide the queue in a closed loop.
        let pace = Pace::start(10_000.0, Duration::from_millis(5)).unwrap();
        let (posts, run) = open(vec![Slow(0)], pace).await.unwrap();
        assert_eq!((posts[0].0, run.latency.count(), run.missed), (50, 50, 0));
        assert!(run.latency.ms(0.5).unwrap() > 20.0 * 20.0, "the 25th waited for 24 others");
    }

    #[tokio::test]
    async fn a_closed_loop_goes_no_further_than_its_window() {
        let window = Arc::new(Semaphore::new(3));
        let mut closed = Closed::start(vec![Slow(0), Slow(0)], Some(Arc::clone(&window)));
        tokio::time::sleep(Duration::from_millis(150)).await;
        assert_eq!(window.available_permits(), 0);
        window.add_permits(100);
        closed.begin();
        tokio::time::sleep(Duration::from_millis(100)).await;
        let (posts, run) = closed.end().await.unwrap();
        let posted: u64 = posts.iter().map(|post| post.0).sum();
        assert!(posted > 3 && run.latency.count() > 0 && run.latency.ms(0.5).unwrap() >= 20.0);
    }
}
