//! Puts what was written into the index of the search, beside the writing of what follows.
//!
//! It takes messages from memory, each step's when that is committed. What a step of another process wrote, or one before a
//! crash, it finds by the lines behind the messages. A step notes how far it came: what was indexed and not noted is
//! indexed again.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::time::Duration;

use parlor_platform::db::Db;
use parlor_platform::task::{self, CancellationToken};
use parlor_platform::{Error, Result};
use parlor_protocol::AppId;
use serde::Deserialize;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::DropGuard;
use uuid::Uuid;

use super::source::{Chunk, Place, Size};
use super::store::ImportRow;
use super::{Phase, Source};
use crate::search;
use crate::transfer::lines::{Kind, message_id};

/// Bytes of lines whose messages are indexed together, and messages from memory.
const BITE: usize = 64 * 1024;
const BITE_MESSAGES: usize = 250;
/// Steps whose messages may wait for it, before the next has to.
const AHEAD: usize = 2;
/// How long the last step waits before it notes how far the indexing came.
const NOTE: Duration = Duration::from_secs(1);

/// Indexing that goes on while steps follow each other.
pub struct Indexing {
    steps: mpsc::Sender<Written>,
    /// Up to where it knows that messages were written.
    told: Place,
    came: watch::Receiver<Result<Place>>,
    // Dropped after a step that failed, which ends it, too.
    _end: DropGuard,
}

/// What was written up to a place.
struct Written {
    until: Place,
    /// `None`: what the lines before it say.
    messages: Option<Vec<search::Source>>,
}

impl Indexing {
    /// Goes on from where it was noted to be.
    pub fn begin(db: &Db, app: AppId, source: &Source, row: &ImportRow) -> Self {
        let work = Work { db: db.clone(), app, source: source.clone(), end: CancellationToken::new() };
        let end = work.end.clone().drop_guard();
        let (steps, written) = mpsc::channel(AHEAD);
        let at = row.indexed();
        let (tell, came) = watch::channel(Ok(at));
        task::spawn("import_index", async move {
            if let Err(error) = work.all(at, written, &tell).await {
                tell.send_modify(|came| *came = Err(error));
            }
        });
        Self { steps, told: at, came, _end: end }
    }

    /// Catches up with what it was not given: steps of another process, and those before it began.
    pub async fn catch_up(&mut self, row: &ImportRow) {
        let until = match row.phase.cmp(&Phase::Lines(Kind::Message).number()) {
            Ordering::Less => Place::default(),
            Ordering::Equal => row.place(),
            Ordering::Greater => Place::END,
        };
        if self.told < until {
            self.add(until, None).await;
        }
    }

    /// Takes what a step wrote, once it is committed; waits while the indexing is more than a few steps behind.
    pub async fn add(&mut self, until: Place, messages: Option<Vec<search::Source>>) {
        self.told = until;
        // If it ended, `came` says why.
        let _ = self.steps.send(Written { until, messages }).await;
    }

    /// Up to where all are indexed.
    pub fn came(&self) -> Result<Place> {
        self.came.borrow().clone()
    }

    /// The same, when it is at its end or a while has passed.
    pub async fn wait(&mut self) -> Result<Place> {
        let ended = self.came.wait_for(|came| came.as_ref().map_or(true, |place| *place == Place::END));
        // A panic has ended it, too.
        if let Ok(Err(_)) = tokio::time::timeout(NOTE, ended).await {
            return Err(Error::internal("the indexing of an import ended"));
        }
        self.came()
    }
}

/// What the indexing needs.
struct Work {
    db: Db,
    app: AppId,
    source: Source,
    end: CancellationToken,
}

impl Work {
    async fn all(
        &self,
        mut at: Place,
        mut steps: mpsc::Receiver<Written>,
        tell: &watch::Sender<Result<Place>>,
    ) -> Result<()> {
        while let Some(Written { until, messages }) = steps.recv().await {
            let Some(mut messages) = messages else {
                at = self.lines(at, until, tell).await?;
                continue;
            };
            // The order in which others index, too.
            messages.sort_unstable_by_key(|message| message.id);
            let mut messages = messages.into_iter().peekable();
            while messages.peek().is_some() && !self.end.is_cancelled() {
                self.put(messages.by_ref().take(BITE_MESSAGES).collect()).await?;
            }
            if self.end.is_cancelled() {
                break;
            }
            at = until;
            tell.send_modify(|came| *came = Ok(at));
        }
        Ok(())
    }

    /// Indexes the messages of lines between two places, unless it is ended before.
    async fn lines(&self, mut at: Place, until: Place, tell: &watch::Sender<Result<Place>>) -> Result<Place> {
        while at < until && !self.end.is_cancelled() {
            at = self.bite(at, until).await?;
            tell.send_modify(|came| *came = Ok(at));
        }
        Ok(at)
    }

    /// Indexes messages as they were when they were written: what has changed them since indexes them itself.
    async fn put(&self, messages: Vec<search::Source>) -> Result<()> {
        let ids: Vec<Uuid> = messages.iter().map(|message| message.id).collect();
        let tx = self.db.tenant_for_job(self.app).await?;
        search::begin_many(&tx).await?;
        if search::put(&tx, self.app, messages).await.is_ok() {
            return tx.commit_lazily().await;
        }
        // Some were erased meanwhile: what is there is read.
        drop(tx);
        let tx = self.db.tenant_for_job(self.app).await?;
        search::write(&tx, self.app, &ids).await?;
        tx.commit_lazily().await
    }

    /// Indexes the messages of the next lines, and gives the place after them.
    async fn bite(&self, at: Place, until: Place) -> Result<Place> {
        let Self { db, app, source, .. } = self;
        let tx = db.tenant_for_job(*app).await?;
        let Some(mut chunk) = source.chunk(&tx, at, Size::of(BITE)).await? else { return Ok(Place::END) };
        if chunk.next > until {
            // Both are in one part; where `at` is the end of the part before, the chunk begins with it.
            let at = if at.part == until.part { at } else { Place { part: until.part, offset: 0, ..at } };
            let size =
                Size::of(BITE).within(usize::try_from(until.offset - at.offset).map_err(Error::internal)?);
            let Some(shorter) = source.chunk(&tx, at, size).await? else { return Ok(until) };
            chunk = shorter;
        }
        let ids = ids(&chunk);
        if !ids.is_empty() {
            search::begin_many(&tx).await?;
            search::write(&tx, *app, &ids).await?;
            tx.commit_lazily().await?;
        }
        Ok(chunk.next)
    }
}

/// Ids of the messages, in their order. Of lines that were refused, too: they are in no table, or they are another one's.
fn ids(chunk: &Chunk) -> Vec<Uuid> {
    #[derive(Deserialize)]
    struct Line<'a> {
        #[serde(borrow)]
        message: Message<'a>,
    }
    #[derive(Deserialize)]
    struct Message<'a> {
        #[serde(borrow)]
        id: Cow<'a, str>,
    }
    let lines = chunk.lines().filter(|(_, line)| Kind::of(line) == Some(Kind::Message));
    let mut ids: Vec<Uuid> = lines
        .filter_map(|(_, line)| serde_json::from_slice::<Line<'_>>(line).ok())
        .map(|line| message_id(&line.message.id).0)
        .collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}
