//! What workers need whose work is longer than one delivery: each works for a moment, and has another delivery made that
//! goes on, so that long work does not keep a worker from others.

use std::hash::Hash;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use parlor_platform::Result;
use parlor_platform::broker::Delivery;
use parlor_platform::clock::Clock;
use parlor_platform::config::Config;
use parlor_platform::db::{Db, TenantTx};
use parlor_platform::outbox::{Bell, Entries, inbox};
use parlor_protocol::AppId;
use serde::Serialize;

/// What such a worker needs. Clones share it.
#[derive(Clone)]
pub struct Steps {
    pub db: Db,
    pub clock: Clock,
    pub config: Arc<Config>,
    pub bell: Bell,
}

impl Steps {
    /// Nothing to tell yet.
    pub fn entries(&self) -> Entries {
        Entries::new(self.config.lanes())
    }

    /// Ends a transaction that may have something to tell.
    pub async fn commit(&self, tx: TenantTx, entries: Entries, now: DateTime<Utc>) -> Result<()> {
        entries.store(&tx, now).await?;
        tx.commit().await?;
        if !entries.is_empty() {
            self.bell.ring();
        }
        Ok(())
    }

    /// Has the rest done by another delivery, which is made once, however often this one comes.
    pub async fn go_on<K: Hash, P: Serialize>(
        &self,
        app: AppId,
        consumer: &str,
        delivery: &Delivery,
        (key, topic, payload): (&K, &'static str, &P),
    ) -> Result<()> {
        let (now, mut entries) = (self.clock.now(), self.entries());
        let tx = self.db.tenant_for_job(app).await?;
        let new = inbox::first_time(&tx, consumer, std::iter::once(delivery.event_id), now).await?;
        if !new.is_empty() {
            entries.job(key, topic, payload)?;
        }
        self.commit(tx, entries, now).await
    }
}
