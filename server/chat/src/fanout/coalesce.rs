//! What is to be told to users, gathered so that none hears more often than [`PER_SECOND`] times a second.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use parlor_platform::task::CancellationToken;
use parlor_protocol::{AppId, MessageId, UserId};
use tokio::sync::Notify as Wake;

/// How often a user hears at the most.
const PER_SECOND: u32 = 4;
/// Users whose counts are asked for, and who are told, at once.
const USERS_AT_ONCE: usize = 200;

/// Subjects with something new, and the newest message of each with its `seq`.
pub type News<K> = HashMap<K, (MessageId, i64)>;
type Dirty<K> = BTreeMap<AppId, BTreeMap<UserId, News<K>>>;

/// News that nobody was told yet. Clones share them.
#[derive(Clone)]
pub struct Pending<K> {
    dirty: Arc<Mutex<Dirty<K>>>,
    wake: Arc<Wake>,
}

impl<K> Default for Pending<K> {
    fn default() -> Self {
        Self { dirty: Arc::default(), wake: Arc::default() }
    }
}

impl<K: Copy + Eq + Hash> Pending<K> {
    /// There is something new for a user; of several the newest is told.
    pub fn add(&self, app: AppId, user: UserId, subject: K, newest: (MessageId, i64)) {
        let mut dirty = self.dirty.lock().unwrap_or_else(PoisonError::into_inner);
        let known = dirty.entry(app).or_default().entry(user).or_default().entry(subject).or_insert(newest);
        if known.1 < newest.1 {
            *known = newest;
        }
        drop(dirty);
        self.wake.notify_one();
    }

    /// Waits for news and takes them, for some users of one app at a time; `None` at the end.
    pub async fn next(&self, stop: &CancellationToken) -> Option<Vec<(AppId, Vec<(UserId, News<K>)>)>> {
        tokio::select! { () = stop.cancelled() => return None, () = self.wake.notified() => {} }
        let dirty = std::mem::take(&mut *self.dirty.lock().unwrap_or_else(PoisonError::into_inner));
        let mut rounds = Vec::new();
        for (app, users) in dirty {
            let mut users = users.into_iter();
            loop {
                let some: Vec<_> = users.by_ref().take(USERS_AT_ONCE).collect();
                if some.is_empty() {
                    break;
                }
                rounds.push((app, some));
            }
        }
        Some(rounds)
    }

    /// The wait comes after the telling: a first message is told at once.
    pub async fn rest(&self, stop: &CancellationToken) {
        let wait = Duration::from_secs(1) / PER_SECOND;
        tokio::select! { () = stop.cancelled() => {}, () = tokio::time::sleep(wait) => {} }
    }
}
