//! The open loop's schedule: when each send is due, whatever became of those before it.
//!
//! A thread of its own sleeps from one due moment to the next, because tokio's timers count whole milliseconds.
//! It hands out permits; a sender that gets one takes the next slot. Latency is counted from the moment that
//! the slot was due: a sender that comes late, or none being free, is part of what is measured.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;

use crate::clock;

/// Slots closer together than this are released together.
const TICK: Duration = Duration::from_micros(250);

/// How long slots that nobody was free for are kept after the last one was due.
const GRACE: Duration = Duration::from_secs(2);

/// A schedule that runs. Clones share its slots.
#[derive(Clone)]
pub struct Pace {
    permits: Arc<Semaphore>,
    taken: Arc<AtomicU64>,
    start: Instant,
    interval: Duration,
    slots: u64,
}

impl Pace {
    /// Starts a schedule of `rate` slots a second, which ends after `length`.
    pub fn start(rate: f64, length: Duration) -> std::io::Result<Self> {
        let pace = Self {
            permits: Arc::new(Semaphore::new(0)),
            taken: Arc::default(),
            start: clock::now(),
            interval: Duration::from_secs_f64(1.0 / rate),
            slots: (rate * length.as_secs_f64()) as u64,
        };
        let runner = pace.clone();
        std::thread::Builder::new().name("pace".to_owned()).spawn(move || runner.run())?;
        Ok(pace)
    }

    /// The next slot's due moment, once it has come; `None` after the last.
    pub async fn next(&self) -> Option<Instant> {
        self.permits.acquire().await.ok()?.forget();
        Some(self.due(self.taken.fetch_add(1, Ordering::Relaxed)))
    }

    /// Slots that were due and that nobody took before the end.
    pub fn missed(&self) -> u64 {
        self.slots.saturating_sub(self.taken.load(Ordering::Relaxed))
    }

    fn due(&self, slot: u64) -> Instant {
        self.start + Duration::from_secs_f64(self.interval.as_secs_f64() * slot as f64)
    }

    fn run(&self) {
        let mut released = 0;
        while released < self.slots {
            let now = clock::now();
            let passed = now.saturating_duration_since(self.start).as_secs_f64();
            let due = ((passed / self.interval.as_secs_f64()) as u64 + 1).min(self.slots);
            if due > released {
                self.permits.add_permits((due - released) as usize);
                released = due;
            }
            let wait = self.due(released).saturating_duration_since(now);
            std::thread::sleep(wait.max(TICK));
        }
        // What is late is still sent, but a server that can't keep up shall not hold the bench for ever.
        let end = clock::now() + GRACE;
        while self.permits.available_permits() > 0 && clock::now() < end {
            std::thread::sleep(Duration::from_millis(1));
        }
        self.permits.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_slot_comes_once_and_none_before_it_is_due() {
        let pace = Pace::start(2_000.0, Duration::from_millis(100)).unwrap();
        let mut slots = Vec::new();
        while let Some(due) = pace.next().await {
            assert!(due <= clock::now());
            slots.push(due);
        }
        assert_eq!((slots.len(), pace.missed()), (200, 0));
        assert!(slots.is_sorted());
        assert_eq!(slots[199].duration_since(slots[0]).as_micros(), 199 * 500);
    }
}
