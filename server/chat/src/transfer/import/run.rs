//! Working an import off, chunk by chunk.

use std::collections::HashSet;

use chrono::{DateTime, Duration, Utc};
use parlor_platform::config::Config;
use parlor_platform::db::TenantTx;
use parlor_platform::{Error, Result};
use parlor_protocol::limits::{IMPORT_DAYS, IMPORT_REPORT_DAYS};
use parlor_protocol::transfer::{ImportState, Line};
use parlor_protocol::{AppId, Import, ImportId};

use super::source::{Chunk, Place};
use super::store::{self, Done, ImportRow};
use super::{Numbered, Phase, Refused, Source, check, finish, messages, people, reactions, reads};
use crate::jobs::Steps;
use crate::search;
use crate::transfer::lines::{self, Kind};

/// Channels that a step finishes.
const CHANNELS_AT_ONCE: i64 = 100;

/// Works imports off.
#[derive(Clone)]
pub struct Importer {
    pub steps: Steps,
}

/// What a step works on.
pub(super) struct Batch<'a> {
    pub tx: &'a TenantTx,
    pub import: ImportId,
    pub config: &'a Config,
    pub now: DateTime<Utc>,
    pub done: Done,
}

impl Importer {
    /// Looks at all lines; where none is wrong, and unless it is a dry run, the import runs from then on.
    pub async fn check(&self, app: AppId, id: ImportId, source: &Source) -> Result<Import> {
        let found = check::all(&self.steps.db, app, source, self.steps.clock.now()).await?;
        let now = self.steps.clock.now();
        let tx = self.steps.db.tenant_for_job(app).await?;
        let row = store::lock(&tx, id).await?.ok_or(parlor_protocol::ErrorCode::ImportNotFound)?;
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
        let row = store::find(&tx, id).await?.ok_or(parlor_protocol::ErrorCode::ImportNotFound)?;
        tx.commit().await?;
        row.into_import()
    }

    /// Does what comes next; `false` when nothing is left.
    pub async fn step(&self, app: AppId, id: ImportId, source: &Source) -> Result<bool> {
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
        let mut batch = Batch { tx: &tx, import: id, config: &self.steps.config, now, done: Done::default() };
        let next = match phase {
            Phase::Finish => {
                let channels = store::take_channels(&tx, id, CHANNELS_AT_ONCE).await?;
                finish::channels(&tx, &channels, &mut entries, now).await?;
                (!channels.is_empty()).then(Place::default)
            }
            Phase::Lines(kind) => {
                let chunk = with_lines(&tx, source, row.place(), kind).await?;
                match chunk {
                    Some(chunk) => {
                        let lines = read(&chunk, kind, now, &mut batch.done.refused);
                        write(&mut batch, lines).await?;
                        Some(chunk.next)
                    }
                    None => None,
                }
            }
            Phase::Search => {
                let chunk = with_lines(&tx, source, row.place(), Kind::Message).await?;
                match chunk {
                    Some(chunk) => {
                        let mut ids: Vec<_> = read(&chunk, Kind::Message, now, &mut Refused::default())
                            .iter()
                            .filter_map(|(_, line)| match line {
                                Line::Message(message) => Some(lines::message_id(&message.id).0),
                                _ => None,
                            })
                            .collect();
                        ids.sort_unstable();
                        ids.dedup();
                        search::write(&tx, app, &ids).await?;
                        Some(chunk.next)
                    }
                    None => None,
                }
            }
        };
        let done = batch.done;
        self.note(&tx, &row, next, done).await?;
        self.steps.commit(tx, entries, now).await?;
        Ok(true)
    }

    /// The next place, or the beginning of the next phase.
    async fn note(&self, tx: &TenantTx, row: &ImportRow, next: Option<Place>, done: Done) -> Result<()> {
        match next {
            Some(at) => store::advance(tx, row, row.phase, at, done).await,
            None => store::advance(tx, row, row.phase + 1, Place::default(), done).await,
        }
    }
}

/// The next chunk that has lines of a kind; those in between are skipped.
async fn with_lines(tx: &TenantTx, source: &Source, mut at: Place, kind: Kind) -> Result<Option<Chunk>> {
    while let Some(chunk) = source.chunk(tx, at).await? {
        if chunk.lines().any(|(_, line)| Kind::of(line) == Some(kind)) {
            return Ok(Some(chunk));
        }
        at = chunk.next;
    }
    Ok(None)
}

/// The lines of a kind; those that don't hold are refused.
fn read(chunk: &Chunk, kind: Kind, now: DateTime<Utc>, refused: &mut Refused) -> Vec<Numbered<Line>> {
    let mut lines = Vec::new();
    for (number, line) in chunk.lines().filter(|(_, line)| Kind::of(line) == Some(kind)) {
        match lines::read(line, now) {
            Ok(line) => lines.push((number, line)),
            Err(error) => refused.error(number, &error),
        }
    }
    lines
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
