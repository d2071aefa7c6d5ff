//! Working an import off, chunk by chunk.

use std::collections::HashSet;

use chrono::{DateTime, Duration, Utc};
use parlor_platform::config::Config;
use parlor_platform::db::TenantTx;
use parlor_platform::{Error, Result};
use parlor_protocol::limits::{IMPORT_DAYS, IMPORT_REPORT_DAYS};
use parlor_protocol::transfer::{ImportState, Line};
use parlor_protocol::{AppId, ErrorCode, Import, ImportId};

use super::ahead::{Ahead, Reader};
use super::index::Indexing;
use super::source::Place;
use super::store::{self, Done, ImportRow, Next};
use super::{Numbered, Phase, Source, check, finish, messages, people, reactions, reads};
use crate::jobs::Steps;
use crate::search;
use crate::transfer::lines::Kind;

/// Channels that a step finishes.
const CHANNELS_AT_ONCE: i64 = 100;

/// Works imports off.
#[derive(Clone)]
pub struct Importer {
    pub steps: Steps,
}

/// What goes on beside the steps of an import, from one to the next.
#[derive(Default)]
pub struct Beside {
    ahead: Ahead,
    indexing: Option<Indexing>,
}

impl Beside {
    /// Up to where all are indexed. `waits`: when nothing else is left to do.
    async fn indexed(&mut self, row: &ImportRow, waits: bool) -> Result<Place> {
        let Some(indexing) = &mut self.indexing else { return Ok(row.indexed()) };
        let came = if waits { indexing.wait().await } else { indexing.came() };
        match came {
            // The step has a connection, and goes on; the next begins it again.
            Err(error) if error.code() == ErrorCode::Unavailable => {
                self.indexing = None;
                Ok(row.indexed())
            }
            came => came,
        }
    }
}

/// What a step works on.
pub(super) struct Batch<'a> {
    pub tx: &'a TenantTx,
    pub import: ImportId,
    pub config: &'a Config,
    pub now: DateTime<Utc>,
    pub done: Done,
    /// What the search indexes.
    pub messages: Vec<search::Source>,
}

impl Importer {
    /// Looks at all lines; where none is wrong, and unless it is a dry run, the import runs from then on.
    pub async fn check(&self, app: AppId, id: ImportId, source: &Source) -> Result<Import> {
        let found = check::all(&self.steps.db, app, source, self.steps.clock.now()).await?;
        let now = self.steps.clock.now();
        let tx = self.steps.db.tenant_for_job(app).await?;
        let row = store::lock(&tx, id).await?.ok_or(ErrorCode::ImportNotFound)?;
        if row.state()? == ImportState::Checking {
            if found.refused.count == 0 && !row.dry_run {
                store::begin(&tx, id, ImportState::Running, false, now + Duration::days(IMPORT_REPORT_DAYS))
                    .await?;
            } else {
                let counts = serde_json::to_value(&found.counts).map_err(Error::internal)?;
                store::report(&tx, id, counts, &found.refused, found.lines).await?;
                let state = if found.refused.count == 0 { ImportState::Open } else { ImportState::Failed };
                store::end(&tx, id, state, now, now + Duration::days(IMPORT_DAYS)).await?;
            }
        }
        let row = store::find(&tx, id).await?.ok_or(ErrorCode::ImportNotFound)?;
        tx.commit().await?;
        row.into_import()
    }

    /// Does what comes next; `false` when nothing is left.
    pub async fn step(&self, app: AppId, id: ImportId, source: &Source, beside: &mut Beside) -> Result<bool> {
        let now = self.steps.clock.now();
        let tx = self.steps.db.tenant_for_job(app).await?;
        let Some(row) = store::lock(&tx, id).await? else { return Ok(false) };
        if row.state()? != ImportState::Running {
            return Ok(false);
        }
        let Some(phase) = row.phase() else {
            store::forget_parts(&tx, id).await?;
            store::end(&tx, id, ImportState::Done, now, now + Duration::days(IMPORT_REPORT_DAYS)).await?;
            tx.commit().await?;
            return Ok(false);
        };
        let mut entries = self.steps.entries();
        let mut batch = Batch {
            tx: &tx,
            import: id,
            config: &self.steps.config,
            now,
            done: Done::default(),
            messages: Vec::new(),
        };
        let begin = || Indexing::begin(&self.steps.db, app, source, &row);
        beside.indexing.get_or_insert_with(begin).catch_up(&row).await;
        let next = match phase {
            Phase::Finish => {
                let channels = store::take_channels(&tx, id, CHANNELS_AT_ONCE).await?;
                finish::channels(&tx, &channels, &mut entries, now).await?;
                (!channels.is_empty()).then(Place::default)
            }
            Phase::Lines(kind) => {
                let reader = Reader { db: self.steps.db.clone(), app, source: source.clone(), kind, now };
                let found = beside.ahead.take(&tx, reader, row.place()).await?;
                batch.done.refused = found.refused;
                write(&mut batch, found.lines).await?;
                (!found.is_end).then_some(found.next)
            }
            Phase::Search => None,
        };
        let indexed = beside.indexed(&row, phase == Phase::Search).await?;
        // The last phase is nothing else.
        let next = if phase == Phase::Search && indexed != Place::END { Some(indexed) } else { next };
        let Batch { done, messages, .. } = batch;
        let wrote = phase == Phase::Lines(Kind::Message);
        let (phase, at) = next.map_or((row.phase + 1, Place::default()), |at| (row.phase, at));
        store::advance(&tx, &row, Next { phase, at, indexed }, done).await?;
        self.steps.commit(tx, entries, now).await?;
        if let Some(indexing) = beside.indexing.as_mut().filter(|_| wrote) {
            indexing.add(next.unwrap_or(Place::END), Some(messages)).await;
        }
        Ok(true)
    }
}

/// Writes lines of one kind.
async fn write(batch: &mut Batch<'_>, lines: Vec<Numbered<Line>>) -> Result<()> {
    let (mut users, mut channels, mut members) = (Vec::new(), Vec::new(), Vec::new());
    let (mut sent, mut reacted, mut read) = (Vec::new(), Vec::new(), Vec::new());
    for (number, line) in lines {
        match line {
            Line::User(line) => users.push((number, line)),
            Line::Channel(line) => channels.push((number, line)),
            Line::Member(line) => members.push((number, line)),
            Line::Message(line) => sent.push((number, *line)),
            Line::Reaction(line) => reacted.push((number, line)),
            Line::Read(line) => read.push((number, line)),
        }
    }
    if !users.is_empty() {
        people::users(batch, users).await?;
    }
    if !channels.is_empty() {
        people::channels(batch, channels).await?;
    }
    if !members.is_empty() {
        people::members(batch, members).await?;
    }
    if !sent.is_empty() {
        messages::messages(batch, sent).await?;
    }
    if !reacted.is_empty() {
        reactions::reactions(batch, reacted).await?;
    }
    if !read.is_empty() {
        reads::reads(batch, read).await?;
    }
    Ok(())
}

/// Each once, in the order of their text.
pub(super) fn distinct<'a>(texts: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let set: HashSet<&str> = texts.collect();
    let mut list: Vec<&str> = set.into_iter().collect();
    list.sort_unstable();
    list
}
