//! When a user last did something: written at most once a minute, outside of the request.
//!
//! It decides who is long idle and so gets no rows of flags, and who may be connected to an outside realtime server; it
//! is not presence.

use std::sync::Arc;

use chrono::Duration;
use moka::future::Cache;
use parlor_platform::clock::Clock;
use parlor_platform::config::Config;
use parlor_platform::db::Db;
use parlor_platform::outbox::{Bell, Entries};
use parlor_platform::{Result, task};
use parlor_protocol::{AppId, UserId};
use tokio::sync::OnceCell;

use super::store;
use crate::fanout::{RETURNED_TOPIC, Returned};

/// Notes activity.
#[derive(Clone)]
pub struct Activity {
    db: Db,
    clock: Clock,
    config: Arc<Config>,
    bell: Bell,
    /// Set once it is written.
    recent: Cache<(AppId, UserId), Arc<OnceCell<()>>>,
}

impl Activity {
    /// Writes to `db`.
    pub fn new(db: Db, clock: Clock, config: Arc<Config>, bell: Bell) -> Self {
        let recent =
            Cache::builder().max_capacity(500_000).time_to_live(std::time::Duration::from_secs(60)).build();
        Self { db, clock, config, bell, recent }
    }

    /// The user is there now.
    pub async fn touch(&self, app: AppId, user: &UserId) {
        let entry = self.recent.entry((app, user.clone())).or_default().await;
        if entry.is_fresh() {
            let (this, user) = (self.clone(), user.clone());
            task::spawn("activity", async move {
                if let Err(error) = this.noted(app, &user).await {
                    tracing::debug!(?error, "activity was not noted");
                    this.recent.invalidate(&(app, user)).await;
                }
            });
        }
    }

    /// Returns when it is written that the user was there in the last minute.
    pub async fn noted(&self, app: AppId, user: &UserId) -> Result<()> {
        let entry = self.recent.entry((app, user.clone())).or_default().await;
        entry.value().get_or_try_init(|| self.write(app, user)).await.copied()
    }

    async fn write(&self, app: AppId, user: &UserId) -> Result<()> {
        let now = self.clock.now();
        let tx = self.db.tenant(app).await?;
        let before = store::note_activity(&tx, user, now).await?;
        let mut entries = Entries::new(self.config.lanes());
        let idle = Duration::days(i64::from(self.config.chat.idle_days));
        // Who was idle has no flags of what came meanwhile.
        if before.is_some_and(|before| before <= now - idle) {
            entries.job(user, RETURNED_TOPIC, &Returned { user_id: user.clone() })?;
        }
        entries.store(&tx, now).await?;
        tx.commit().await?;
        if !entries.is_empty() {
            self.bell.ring();
        }
        Ok(())
    }
}
