//! When a user last did something: written at most once a minute, outside of the request, for all who are waiting in one
//! statement.
//!
//! It decides who is long idle and so gets no rows of flags, and who may be connected to an outside realtime server; it
//! is not presence.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use moka::future::Cache;
use parlor_platform::outbox::Entries;
use parlor_platform::task::{CancellationToken, TaskTracker, supervise};
use parlor_platform::{Error, Result};
use parlor_protocol::{AppId, UserId};
use tokio::sync::{Notify, OnceCell, oneshot};

use super::store::{self, user_id};
use crate::fanout::{RETURNED_TOPIC, Returned};
use crate::presence::Ground;

/// Users of one statement.
const AT_ONCE: usize = 500;

/// Notes activity. Clones are one.
#[derive(Clone)]
pub struct Activity {
    /// Set once it is written.
    recent: Cache<(AppId, UserId), Arc<OnceCell<()>>>,
    waiting: Arc<Waiting>,
}

/// Users to write, and who waits to hear whether that was done.
type Users = BTreeMap<UserId, Vec<oneshot::Sender<bool>>>;

#[derive(Default)]
struct Waiting {
    users: Mutex<BTreeMap<AppId, Users>>,
    wake: Notify,
}

impl Activity {
    /// Starts writing, until `stop`.
    pub fn start(ground: Ground, tracker: &TaskTracker, stop: &CancellationToken) -> Self {
        let recent = Cache::builder().max_capacity(500_000).time_to_live(Duration::from_secs(60)).build();
        let waiting: Arc<Waiting> = Arc::default();
        let (writes, token) = (waiting.clone(), stop.clone());
        supervise(tracker, "activity", stop.clone(), move || {
            write(ground.clone(), writes.clone(), token.clone())
        });
        Self { recent, waiting }
    }

    /// The user is there now.
    pub async fn touch(&self, app: AppId, user: &UserId) {
        let entry = self.recent.entry((app, user.clone())).or_default().await;
        if entry.is_fresh() {
            // Nobody waits for it: what could not be written is written a minute later.
            self.waiting.lock().entry(app).or_default().entry(user.clone()).or_default();
            self.waiting.wake.notify_one();
        }
    }

    /// Returns when it is written that the user was there in the last minute.
    pub async fn noted(&self, app: AppId, user: &UserId) -> Result<()> {
        let entry = self.recent.entry((app, user.clone())).or_default().await;
        let write = async {
            let (done, written) = oneshot::channel();
            self.waiting.lock().entry(app).or_default().entry(user.clone()).or_default().push(done);
            self.waiting.wake.notify_one();
            match written.await {
                Ok(true) => Ok(()),
                _ => Err(Error::unavailable("activity was not noted").retry_after(1)),
            }
        };
        entry.value().get_or_try_init(|| write).await.copied()
    }
}

impl Waiting {
    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<AppId, Users>> {
        self.users.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes what waits; while it does, the next gather.
async fn write(ground: Ground, waiting: Arc<Waiting>, stop: CancellationToken) {
    loop {
        let ending = tokio::select! { () = stop.cancelled() => true, () = waiting.wake.notified() => false };
        let apps = std::mem::take(&mut *waiting.lock());
        for (app, users) in apps {
            let mut users = users.into_iter();
            loop {
                let some: Vec<_> = users.by_ref().take(AT_ONCE).collect();
                if some.is_empty() {
                    break;
                }
                let ids: Vec<&str> = some.iter().map(|(user, _)| user.as_str()).collect();
                let written = note(&ground, app, &ids).await;
                if let Err(error) = &written {
                    tracing::debug!(?error, "activity was not noted");
                }
                for done in some.into_iter().flat_map(|(_, waiting)| waiting) {
                    let _ = done.send(written.is_ok());
                }
            }
        }
        if ending {
            return;
        }
    }
}

async fn note(ground: &Ground, app: AppId, ids: &[&str]) -> Result<()> {
    let now = ground.clock.now();
    let idle = chrono::Duration::days(i64::from(ground.config.chat.idle_days));
    let tx = ground.db.tenant_for_job(app).await?;
    let mut entries = Entries::new(ground.config.lanes());
    for (user, before) in store::note_activity(&tx, ids, now).await? {
        // Who was idle has no flags of what came meanwhile.
        if before <= now - idle {
            let user_id = user_id(user)?;
            entries.job(&user_id.clone(), RETURNED_TOPIC, &Returned { user_id })?;
        }
    }
    entries.store(&tx, now).await?;
    tx.commit().await?;
    if !entries.is_empty() {
        ground.bell.ring();
    }
    Ok(())
}
