//! How long and how much, for a figure to be trusted or for a look within a minute.

use std::time::{Duration, Instant};

use crate::clock;

/// Durations and numbers of a run.
pub struct Plan {
    /// How often everything is repeated; figures are medians.
    pub rounds: usize,
    /// Whether the floor is measured after each of our runs and not only before; around a figure with a target it
    /// always is.
    pub floor_around: bool,
    /// Whole seconds of each run of `pgbench`.
    pub floor_s: u64,
    /// Before each measurement.
    pub warm_up: Duration,
    /// Closed loop of sends.
    pub send: Duration,
    /// How long the outbox may take to empty after it.
    pub drain: Duration,
    /// Open loop at half the rate.
    pub open: Duration,
    /// How long PostgreSQL is away.
    pub outage: Duration,
    /// Closed loop to one room.
    pub room: Duration,
    /// Closed loop of publications to a hub.
    pub saturated: Duration,
    /// Open loop of publications to a hub.
    pub steady: Duration,
    /// Before memory is read.
    pub settle: Duration,
    /// Run over which a hub's memory must stay flat.
    pub memory: Duration,
    /// Messages of the database in which unread counts are asked for.
    pub unread_messages: i64,
    /// Messages that are due in the same second.
    pub scheduled_messages: i64,
    /// Messages and channels of the database in which an app starts and comes back.
    pub query_messages: i64,
    pub query_channels: i64,
    /// Messages of a history that moves in.
    pub imported_messages: usize,
    /// Parts of which one of these is in the name; all, if there are none.
    pub only: Vec<String>,
    /// When parts that have not begun are left out.
    pub deadline: Option<Instant>,
}

impl Plan {
    /// A look: ends within 50 seconds.
    pub fn quick() -> Self {
        Self {
            rounds: 1,
            floor_around: false,
            floor_s: 1,
            warm_up: Duration::from_millis(200),
            send: Duration::from_millis(1_000),
            drain: Duration::from_millis(1_200),
            open: Duration::from_secs(3),
            outage: Duration::from_secs(3),
            room: Duration::from_millis(800),
            saturated: Duration::from_millis(800),
            steady: Duration::from_millis(1_600),
            settle: Duration::from_millis(300),
            memory: Duration::from_millis(1_500),
            unread_messages: 100_000,
            scheduled_messages: 2_000,
            query_messages: 200_000,
            query_channels: 10_000,
            imported_messages: 50_000,
            only: Vec::new(),
            deadline: Some(clock::now() + Duration::from_secs(45)),
        }
    }

    /// Figures to quote: half an hour.
    pub fn full() -> Self {
        Self {
            rounds: 3,
            floor_around: true,
            floor_s: 5,
            warm_up: Duration::from_secs(1),
            send: Duration::from_secs(6),
            drain: Duration::from_secs(30),
            open: Duration::from_secs(20),
            outage: Duration::from_secs(10),
            room: Duration::from_secs(4),
            saturated: Duration::from_secs(6),
            steady: Duration::from_secs(12),
            settle: Duration::from_secs(3),
            memory: Duration::from_secs(600),
            unread_messages: 1_000_000,
            scheduled_messages: 10_000,
            query_messages: 5_000_000,
            query_channels: 100_000,
            imported_messages: 1_000_000,
            only: Vec::new(),
            deadline: None,
        }
    }

    /// Whether this part is wanted.
    pub fn wants(&self, part: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|word| part.contains(word.as_str()))
    }

    /// What is left until the deadline.
    pub fn left(&self) -> Duration {
        const NO_DEADLINE: Duration = Duration::from_secs(3600);
        self.deadline.map_or(NO_DEADLINE, |deadline| deadline.saturating_duration_since(clock::now()))
    }
}
