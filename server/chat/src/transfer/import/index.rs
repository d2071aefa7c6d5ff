//! Puts what was written into the index of the search, beside the writing of what follows.
//!
//! It goes through the lines behind the messages, never past what is committed. Its transactions end before the one of the
//! step, which notes how far it came: what was indexed and not noted is indexed again.

use std::borrow::Cow;
use std::cmp::Ordering;

use parlor_platform::db::Db;
use parlor_platform::task::{self, CancellationToken};
use parlor_platform::{Error, Result};
use parlor_protocol::AppId;
use serde::Deserialize;
use tokio::sync::oneshot;
use tokio_util::sync::DropGuard;
use uuid::Uuid;

use super::source::{Chunk, Place, Size};
use super::store::ImportRow;
use super::{Phase, Source};
use crate::search;
use crate::transfer::lines::{Kind, message_id};

/// Bytes of lines whose messages are indexed together. Little, because a step waits for what was begun.
const BITE: usize = 64 * 1024;

/// Indexing that goes on while a step does something else.
pub struct Indexing {
    came: oneshot::Receiver<Result<Place>>,
    // Dropped with a step that fails, which ends it, too.
    end: DropGuard,
}

impl Indexing {
    /// Indexes messages that were written before this step.
    pub fn begin(db: &Db, app: AppId, source: &Source, row: &ImportRow) -> Self {
        let messages = Phase::Lines(Kind::Message).number();
        let until = match row.phase.cmp(&messages) {
            Ordering::Less => Place::default(),
            Ordering::Equal => row.place(),
            Ordering::Greater => Place::END,
        };
        let (db, source, mut at) = (db.clone(), source.clone(), row.indexed());
        let end = CancellationToken::new();
        let ended = end.clone();
        let (tell, came) = oneshot::channel();
        task::spawn("import_index", async move {
            let result = async {
                while at < until {
                    at = bite(&db, app, &source, at, until).await?;
                    if ended.is_cancelled() {
                        break;
                    }
                }
                Ok(at)
            };
            // Nobody listens after a step that failed.
            let _ = tell.send(result.await);
        });
        Self { came, end: end.drop_guard() }
    }

    /// Ends it soon, and gives up to where all are indexed.
    pub async fn end(self) -> Result<Place> {
        drop(self.end);
        self.came.await.map_err(Error::internal)?
    }
}

/// Indexes the next messages, and gives the place after them.
async fn bite(db: &Db, app: AppId, source: &Source, at: Place, until: Place) -> Result<Place> {
    let tx = db.tenant_for_job(app).await?;
    let Some(mut chunk) = source.chunk(&tx, at, Size::of(BITE)).await? else { return Ok(Place::END) };
    if chunk.next > until {
        // Both are in one part; where `at` is the end of the part before, the chunk begins with it.
        let at = if at.part == until.part { at } else { Place { part: until.part, offset: 0, ..at } };
        let size = Size::of(BITE).within(usize::try_from(until.offset - at.offset).map_err(Error::internal)?);
        let Some(shorter) = source.chunk(&tx, at, size).await? else { return Ok(until) };
        chunk = shorter;
    }
    let ids = ids(&chunk);
    if !ids.is_empty() {
        search::begin_many(&tx).await?;
        search::write(&tx, app, &ids).await?;
        tx.commit_lazily().await?;
    }
    Ok(chunk.next)
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
