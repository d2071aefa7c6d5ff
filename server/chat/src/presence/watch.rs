//! The watch: one process of the cluster that looks after what nobody tells.
//!
//! Every half second it settles sessions whose grace is over, and choices that have ended. Now and then it goes through
//! all sessions, some hundred at a time, and asks realtime who hears the users' own channels: a session that is not among
//! them has ended, one that was thought to have ended and is among them goes on. On the way users who have done nothing
//! for a while are set to rest. Nothing is written of who is as they were. When realtime does not answer, nobody is taken
//! for gone.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use diesel_async::AsyncPgConnection;
use parlor_platform::Result;
use parlor_platform::clock::monotonic;
use parlor_platform::db::leader::{Office, in_time, lead};
use parlor_platform::realtime::Realtime;
use parlor_platform::task::{CancellationToken, TaskTracker, supervise};
use parlor_platform::token::USE_WITHIN_S;
use parlor_protocol::{AppId, Device, event};
use uuid::Uuid;

use super::recorder::{Ground, Recorder, changed};
use super::sessions::session_of;
use super::store::{self, Ending, SessionRow};
use super::watching::Watching;
use super::{ends, state};
use crate::users::store::user_id;

/// Between two rounds.
const TICK: Duration = Duration::from_millis(500);
/// After a failure.
const BACKOFF: Duration = Duration::from_secs(2);
/// Sessions looked at or settled at once.
const AT_ONCE: i64 = 500;
/// How long a client may take from its token to its connection.
const CONNECTING: chrono::Duration = chrono::Duration::seconds(10);
/// How long after its token a session that has ended may come back without asking for another.
const COMES_BACK: chrono::Duration = chrono::Duration::seconds(USE_WITHIN_S + 10);

/// What the watch needs.
#[derive(Clone)]
pub struct Watch {
    pub ground: Ground,
    pub realtime: Arc<dyn Realtime>,
    pub recorder: Recorder,
}

impl Watch {
    /// Starts watching, until `stop`.
    pub fn start(self, tracker: &TaskTracker, stop: &CancellationToken) {
        let token = stop.clone();
        supervise(tracker, "presence watch", stop.clone(), move || self.clone().run(token.clone()));
    }

    async fn run(self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            if let Err(error) = self.lead(&stop).await {
                tracing::debug!(?error, "the watch over presence waits");
            }
            tokio::select! { () = stop.cancelled() => {}, () = tokio::time::sleep(BACKOFF) => {} }
        }
    }

    async fn lead(&self, stop: &CancellationToken) -> Result<()> {
        let Some(conn) =
            lead(&self.ground.db, Office::Presence, "SET synchronous_commit = off", stop).await?
        else {
            return Ok(());
        };
        let period = Duration::from_millis(u64::from(self.ground.config.presence.check_ms));
        let mut looked = None;
        let mut watching = Watching::default();
        while !stop.is_cancelled() {
            self.settle(&conn).await?;
            ends::end(&self.ground, &conn).await?;
            if looked.is_none_or(|at| monotonic().duration_since(at) >= period) {
                looked = Some(monotonic());
                if let Err(error) = self.look(&conn).await {
                    tracing::debug!(?error, "nobody was looked after");
                }
            }
            watching.round(&self.ground, &self.realtime, &conn).await?;
            tokio::select! { () = stop.cancelled() => {}, () = tokio::time::sleep(TICK.min(period)) => {} }
        }
        Ok(())
    }

    /// Users whose last session has ended long enough ago are offline.
    async fn settle(&self, conn: &AsyncPgConnection) -> Result<()> {
        loop {
            let now = self.ground.clock.now();
            let rows = in_time(store::to_settle(conn, now, AT_ONCE)).await?;
            let all = rows.len() < AT_ONCE as usize;
            for (app, rows) in by_app(rows) {
                self.settle_some(app, &rows, now).await?;
            }
            if all {
                return Ok(());
            }
        }
    }

    async fn settle_some(&self, app: AppId, rows: &[SessionRow], now: DateTime<Utc>) -> Result<()> {
        let mut ended: BTreeMap<&str, DateTime<Utc>> = BTreeMap::new();
        for row in rows {
            let last = ended.entry(&row.user_id).or_insert(DateTime::UNIX_EPOCH);
            *last = row.ended_at.unwrap_or(now).max(*last);
        }
        let ids: Vec<&str> = ended.keys().copied().collect();
        let tx = self.ground.db.tenant_for_job(app).await?;
        let before = store::lock(&tx, &ids).await?;
        let grace = chrono::Duration::milliseconds(i64::from(self.ground.config.presence.grace_ms));
        let there: HashSet<String> = store::there(&tx, &ids, now - grace).await?.into_iter().collect();
        let mut after = before.clone();
        for (id, row) in &mut after {
            if let Some(at) = ended.get(id.as_str()).filter(|_| !there.contains(id)) {
                row.left(*at);
            }
        }
        let sessions: Vec<_> = rows.iter().map(|row| (row.user_id.as_str(), row.session_id)).collect();
        store::settle(&tx, &sessions, now - COMES_BACK, now + COMES_BACK).await?;
        changed(&self.ground, tx, &before, &after, now).await
    }

    /// Goes through all sessions.
    async fn look(&self, conn: &AsyncPgConnection) -> Result<()> {
        let mut after: Option<SessionRow> = None;
        loop {
            let rows = in_time(store::page(conn, after.as_ref(), AT_ONCE)).await?;
            let now = self.ground.clock.now();
            let present = self.present(&rows).await?;
            let all = rows.len() < AT_ONCE as usize;
            after = rows.last().cloned();
            for (app, rows) in by_app(rows) {
                self.compare(app, &rows, &present, now).await?;
            }
            if all {
                return Ok(());
            }
        }
    }

    /// The sessions of these users that realtime has.
    async fn present(&self, rows: &[SessionRow]) -> Result<HashSet<(AppId, String, Uuid)>> {
        let mut topics = Vec::new();
        for row in rows {
            topics.push(event::user_topic(AppId(row.app_id), &user_id(row.user_id.clone())?));
        }
        topics.dedup();
        if topics.is_empty() {
            return Ok(HashSet::new());
        }
        let present = self.realtime.presence(&topics).await?;
        let sessions = present.iter().flatten().filter_map(session_of);
        Ok(sessions.map(|(key, _)| (key.app, key.user.as_str().to_owned(), key.session)).collect())
    }

    async fn compare(
        &self,
        app: AppId,
        rows: &[SessionRow],
        present: &HashSet<(AppId, String, Uuid)>,
        now: DateTime<Utc>,
    ) -> Result<()> {
        let is_present = |row: &SessionRow| present.contains(&(app, row.user_id.clone(), row.session_id));
        let mut gone = Vec::new();
        for row in rows {
            match (row.ended_at.is_some(), is_present(row)) {
                (false, false) if row.connected_at <= now - CONNECTING => {
                    gone.push(((row.user_id.as_str(), row.session_id), false));
                }
                (true, true) => {
                    let device = Device::parse(&row.device).unwrap_or_default();
                    self.recorder.began(app, &user_id(row.user_id.clone())?, row.session_id, device);
                }
                _ => {}
            }
        }
        if !gone.is_empty() {
            let grace = chrono::Duration::milliseconds(i64::from(self.ground.config.presence.grace_ms));
            let tx = self.ground.db.tenant_for_job(app).await?;
            // One that connected in the meantime is there.
            let ending = Ending { at: now, settle_at: now + grace, connected_before: now - CONNECTING };
            store::end(&tx, &gone, ending).await?;
            tx.commit().await?;
        }
        self.rest(app, rows, now).await
    }

    /// Lets users rest who have done nothing for a while.
    async fn rest(&self, app: AppId, rows: &[SessionRow], now: DateTime<Utc>) -> Result<()> {
        let mut ids: Vec<&str> = rows.iter().map(|row| row.user_id.as_str()).collect();
        ids.dedup();
        let rules = &self.ground.config.presence;
        let rested = |row: &state::PresenceRow| {
            let mut row = row.clone();
            row.rest(now, rules);
            row
        };
        let tx = self.ground.db.tenant_for_job(app).await?;
        let known: HashMap<String, state::PresenceRow> = store::of(&tx, &ids).await?.into_iter().collect();
        ids.retain(|id| known.get(*id).is_some_and(|row| rested(row) != *row));
        if ids.is_empty() {
            return tx.commit().await;
        }
        // Again under the lock: they may have done something.
        let before = store::lock(&tx, &ids).await?;
        let after: Vec<_> = before.iter().map(|(id, row)| (id.clone(), rested(row))).collect();
        changed(&self.ground, tx, &before, &after, now).await
    }
}

fn by_app(rows: Vec<SessionRow>) -> BTreeMap<AppId, Vec<SessionRow>> {
    let mut apps: BTreeMap<AppId, Vec<SessionRow>> = BTreeMap::new();
    for row in rows {
        apps.entry(AppId(row.app_id)).or_default().push(row);
    }
    apps
}
