//! What is to be written of who came, went and did something, gathered.
//!
//! When a server comes back, everybody connects within seconds. So nobody writes for themselves: what is new waits here,
//! one entry a user, and goes out some hundred users at a time, each batch in one transaction of a handful of
//! statements. The first of a quiet moment waits for nothing. What could not be written is kept and tried again; what a
//! process takes with it when it is killed, the [watch](super::watch) finds out.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use moka::sync::Cache;
use parlor_platform::Result;
use parlor_platform::clock::Clock;
use parlor_platform::config::Config;
use parlor_platform::db::{Db, TenantTx};
use parlor_platform::outbox::{Bell, Entries};
use parlor_platform::realtime::{Connection, Realtime};
use parlor_platform::task::{CancellationToken, TaskTracker, supervise};
use parlor_protocol::{AppId, Device, UserId};
use tokio::sync::Notify;
use uuid::Uuid;

use super::sessions::{Key, Sessions};
use super::state::PresenceRow;
use super::{store, tell};

/// Users of one transaction.
const AT_ONCE: usize = 500;
/// Between two rounds.
const PAUSE: Duration = Duration::from_millis(100);
/// After a failure.
const BACKOFF: Duration = Duration::from_secs(1);
/// A user's activity is noted no more often.
const LATELY: Duration = Duration::from_secs(60);

/// Takes what is to be written, and writes it. Clones are one recorder.
#[derive(Clone)]
pub struct Recorder {
    shared: Arc<Shared>,
    /// Who was active lately.
    lately: Cache<(AppId, UserId), ()>,
    /// Whether sessions are told by connections; else they begin with their token.
    by_connections: bool,
}

#[derive(Default)]
struct Shared {
    news: Mutex<News>,
    wake: Notify,
}

#[derive(Default)]
struct News {
    sessions: Sessions,
    users: BTreeMap<AppId, BTreeMap<UserId, OfUser>>,
}

/// What is new of a user.
#[derive(Default)]
struct OfUser {
    active: bool,
    sessions: HashMap<Uuid, Turn>,
}

/// The last that happened to a session.
#[derive(Clone, Copy)]
enum Turn {
    Began(Device),
    Ended { closed: bool },
}

/// What writing needs.
#[derive(Clone)]
pub struct Ground {
    pub db: Db,
    pub clock: Clock,
    pub config: Arc<Config>,
    pub bell: Bell,
}

impl Recorder {
    /// Starts writing, until `stop`; what is there then is written still.
    pub fn start(
        ground: Ground,
        realtime: &Arc<dyn Realtime>,
        tracker: &TaskTracker,
        stop: &CancellationToken,
    ) -> Self {
        let shared: Arc<Shared> = Arc::default();
        let hears = shared.clone();
        let by_connections = realtime.tells_of_connections(Arc::new(move |change| hears.connection(&change)));
        let lately = Cache::builder().max_capacity(500_000).time_to_live(LATELY).build();
        let (writes, token) = (shared.clone(), stop.clone());
        supervise(tracker, "presence", stop.clone(), move || {
            write(ground.clone(), writes.clone(), token.clone())
        });
        Self { shared, lately, by_connections }
    }

    /// A token was made for a session: where connections can't be heard of, it begins with that.
    pub fn token(&self, app: AppId, user: &UserId, session: Uuid, device: Device) {
        if !self.by_connections {
            self.began(app, user, session, device);
        }
    }

    /// A session is there.
    pub fn began(&self, app: AppId, user: &UserId, session: Uuid, device: Device) {
        self.shared.note(app, user, |of| {
            of.sessions.insert(session, Turn::Began(device));
        });
    }

    /// A client says goodbye.
    pub fn closed(&self, app: AppId, user: &UserId, session: Uuid) {
        self.shared.note(app, user, |of| {
            of.sessions.insert(session, Turn::Ended { closed: true });
        });
    }

    /// A user did something.
    pub fn active(&self, app: AppId, user: &UserId) {
        if self.lately.entry((app, user.clone())).or_insert(()).is_fresh() {
            self.shared.note(app, user, |of| of.active = true);
        }
    }
}

impl Shared {
    fn connection(&self, change: &Connection) {
        let mut news = self.lock();
        let turn = if change.connected {
            news.sessions.came(&change.present).map(|(key, device)| (key, Turn::Began(device)))
        } else {
            news.sessions.went(&change.present.client).map(|key| (key, Turn::Ended { closed: false }))
        };
        let Some((Key { app, user, session }, turn)) = turn else { return };
        let of = news.users.entry(app).or_default().entry(user).or_default();
        of.sessions.insert(session, turn);
        drop(news);
        self.wake.notify_one();
    }

    fn note(&self, app: AppId, user: &UserId, what: impl FnOnce(&mut OfUser)) {
        let mut news = self.lock();
        what(news.users.entry(app).or_default().entry(user.clone()).or_default());
        drop(news);
        self.wake.notify_one();
    }

    fn take(&self) -> BTreeMap<AppId, BTreeMap<UserId, OfUser>> {
        std::mem::take(&mut self.lock().users)
    }

    /// Puts back what was not written; what came since is newer.
    fn put_back(&self, app: AppId, users: Vec<(UserId, OfUser)>) {
        let mut news = self.lock();
        let of_app = news.users.entry(app).or_default();
        for (user, old) in users {
            let of = of_app.entry(user).or_default();
            of.active |= old.active;
            for (session, turn) in old.sessions {
                of.sessions.entry(session).or_insert(turn);
            }
        }
        drop(news);
        self.wake.notify_one();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, News> {
        self.news.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn write(ground: Ground, shared: Arc<Shared>, stop: CancellationToken) {
    loop {
        let ending = tokio::select! { () = stop.cancelled() => true, () = shared.wake.notified() => false };
        let mut failed = false;
        for (app, users) in shared.take() {
            let mut users = users.into_iter();
            loop {
                let some: Vec<_> = users.by_ref().take(AT_ONCE).collect();
                if some.is_empty() {
                    break;
                }
                if let Err(error) = write_some(&ground, app, &some).await {
                    tracing::debug!(?error, "presence was not written");
                    failed = true;
                    shared.put_back(app, some);
                }
            }
        }
        if ending {
            return;
        }
        let pause = if failed { BACKOFF } else { PAUSE };
        tokio::select! { () = stop.cancelled() => {}, () = tokio::time::sleep(pause) => {} }
    }
}

async fn write_some(ground: &Ground, app: AppId, news: &[(UserId, OfUser)]) -> Result<()> {
    let now = ground.clock.now();
    let grace = chrono::Duration::milliseconds(i64::from(ground.config.presence.grace_ms));
    let tx = ground.db.tenant_for_job(app).await?;
    let ids: Vec<&str> = news.iter().map(|(user, _)| user.as_str()).collect();
    let before = store::lock(&tx, &ids).await?;
    let (mut began, mut ended) = (Vec::new(), Vec::new());
    let mut after = Vec::new();
    for (user, of) in news {
        // One who is gone has no sessions.
        let Ok(at) = before.binary_search_by(|(id, _)| id.as_str().cmp(user.as_str())) else { continue };
        let mut row = before[at].1.clone();
        for (session, turn) in &of.sessions {
            let session = (user.as_str(), *session);
            match *turn {
                Turn::Began(device) => {
                    row.came(now);
                    began.push((session, device));
                }
                Turn::Ended { closed } => ended.push((session, closed)),
            }
        }
        if of.active {
            row.active(now);
        }
        after.push((user.as_str().to_owned(), row));
    }
    // In one order for everybody who holds several.
    began.sort_unstable_by_key(|(session, _)| *session);
    store::open(&tx, &began, now).await?;
    let ending = store::Ending { at: now, settle_at: now + grace, connected_before: now };
    store::end(&tx, &ended, ending).await?;
    changed(ground, tx, &before, &after, now).await
}

/// Writes what differs, tells it, and commits.
pub async fn changed(
    ground: &Ground,
    tx: TenantTx,
    before: &[(String, PresenceRow)],
    after: &[(String, PresenceRow)],
    now: DateTime<Utc>,
) -> Result<()> {
    let mut entries = Entries::new(ground.config.lanes());
    tell::write(&tx, before, after, &mut entries, now).await?;
    entries.store(&tx, now).await?;
    tx.commit().await?;
    if !entries.is_empty() {
        ground.bell.ring();
    }
    Ok(())
}
