//! Subscribers: many WebSockets on one thread, that count what arrives and when.
//!
//! One thread with one event loop, so that a thousand subscribers cost the machine little beside the server that
//! feeds them. The tally is shared with the publishers: it gives them leave to publish more as deliveries arrive,
//! so that a closed loop fills the server's queues only so far and no subscriber is cut off for being slow.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::sync::{Semaphore, oneshot};

use crate::centrifuge::Subscriber;
use crate::clock;
use crate::listen::listen;
use crate::stats::Latency;
use crate::task::{self, Group};

/// Connections that are opened at the same time.
const OPENING: usize = 64;

/// What arrived.
pub struct Tally {
    /// Messages that arrived, each counted once per subscriber.
    pub delivered: AtomicU64,
    /// Subscribers whose connection ended.
    pub gone: AtomicU64,
    /// From the stamp to the arrival, and by one subscriber from the envelope's `created_at` to the arrival.
    pub latencies: std::sync::Mutex<(Latency, Latency)>,
    /// Leave to publish: one permit back for each message that all have.
    pub window: Arc<Semaphore>,
}

impl Default for Tally {
    fn default() -> Self {
        Self {
            delivered: AtomicU64::default(),
            gone: AtomicU64::default(),
            latencies: std::sync::Mutex::default(),
            window: Arc::new(Semaphore::new(0)),
        }
    }
}

impl Tally {
    /// The latencies so far, which begin anew.
    pub fn take(&self) -> (Latency, Latency) {
        let mut latencies = self.latencies.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        std::mem::take(&mut *latencies)
    }

    /// Waits until so many have arrived in all; `false` if they have not in time.
    pub async fn arrived(&self, count: u64, limit: Duration) -> bool {
        let end = clock::now() + limit;
        while self.delivered.load(Ordering::Relaxed) < count {
            if clock::now() >= end {
                return false;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        true
    }
}

/// Subscribers that are connected. They leave when this is dropped.
pub struct Crowd {
    tally: Arc<Tally>,
    size: usize,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Crowd {
    /// Connects them all.
    pub async fn gather(subscribers: Vec<Subscriber>) -> Result<Self> {
        let (tally, size) = (Arc::new(Tally::default()), subscribers.len());
        let (stop, stopped) = oneshot::channel();
        let (ready, gathered) = oneshot::channel();
        let shared = Arc::clone(&tally);
        let run = move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let Ok(runtime) = runtime else { return };
            runtime.block_on(async {
                let _ = ready.send(open_all(subscribers, &shared).await);
                let _ = stopped.await;
            });
        };
        let thread = std::thread::Builder::new().name("crowd".to_owned()).spawn(run)?;
        let crowd = Self { tally, size, stop: Some(stop), thread: Some(thread) };
        gathered.await.context("the crowd's thread ended")??;
        Ok(crowd)
    }

    /// What arrived.
    pub fn tally(&self) -> &Arc<Tally> {
        &self.tally
    }

    /// How many they are.
    pub fn size(&self) -> u64 {
        self.size as u64
    }

    /// Fails if the server cut somebody off: the figures would be those of a smaller crowd.
    pub fn complete(&self) -> Result<()> {
        match self.tally.gone.load(Ordering::Relaxed) {
            0 => Ok(()),
            gone => bail!("{gone} of {} subscribers lost their connection", self.size),
        }
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        self.stop.take();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

async fn open_all(subscribers: Vec<Subscriber>, tally: &Arc<Tally>) -> Result<()> {
    let opening = Arc::new(Semaphore::new(OPENING));
    let size = subscribers.len() as u64;
    let opened = subscribers.into_iter().enumerate().map(|(index, subscriber)| {
        let (tally, opening) = (Arc::clone(tally), Arc::clone(&opening));
        async move {
            let permit = opening.acquire_owned().await?;
            let socket = subscriber.open().await.with_context(|| format!("subscriber {index}"))?;
            drop(permit);
            task::spawn(async move {
                // Whoever ends the crowd drops this task; coming back means that the server ended it.
                let _ = listen(socket, &tally, size, index == 0).await;
                tally.gone.fetch_add(1, Ordering::Relaxed);
            });
            Ok(())
        }
    });
    Group::start(opened).join().await?;
    Ok(())
}
