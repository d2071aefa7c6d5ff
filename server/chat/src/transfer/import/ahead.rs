//! Reads the lines of the next step while those of this one are written.

use chrono::{DateTime, Utc};
use parlor_platform::Result;
use parlor_platform::db::{Db, TenantTx};
use parlor_platform::task;
use parlor_protocol::AppId;
use parlor_protocol::transfer::Line;
use tokio::sync::oneshot;

use super::source::{Place, Size};
use super::{Numbered, Refused, Source};
use crate::transfer::lines::{self, Kind};

/// Bytes of lines that a step writes; of a kind that is rare among others, they are in more than one chunk.
const ENOUGH: usize = 512 * 1024;

/// Reads lines of a kind.
#[derive(Clone)]
pub struct Reader {
    pub db: Db,
    pub app: AppId,
    pub source: Source,
    pub kind: Kind,
    pub now: DateTime<Utc>,
}

/// Lines for a step.
#[derive(Default)]
pub struct Found {
    pub lines: Vec<Numbered<Line>>,
    /// Those that don't hold.
    pub refused: Refused,
    /// The place after them.
    pub next: Place,
    /// Whether there are none any more.
    pub is_end: bool,
}

/// What is being read for the step after this one. Only a saving: where it fails, or is not what that step needs, the step
/// reads by itself.
#[derive(Default)]
pub struct Ahead(Option<Reading>);

struct Reading {
    kind: Kind,
    at: Place,
    found: oneshot::Receiver<Result<Found>>,
}

impl Ahead {
    /// The next lines, about half a chunk of them; what follows is read from now on.
    pub async fn take(&mut self, tx: &TenantTx, reader: Reader, at: Place) -> Result<Found> {
        let reading = self.0.take().filter(|reading| reading.kind == reader.kind && reading.at == at);
        let ready = match reading {
            Some(reading) => reading.found.await.ok().and_then(Result::ok),
            None => None,
        };
        let found = match ready {
            Some(found) => found,
            None => reader.read(tx, at).await?,
        };
        if !found.is_end {
            self.0 = Some(Reading::begin(reader, found.next));
        }
        Ok(found)
    }
}

impl Reading {
    fn begin(reader: Reader, at: Place) -> Self {
        let (tell, found) = oneshot::channel();
        let kind = reader.kind;
        task::spawn("import_read", async move {
            // Nobody listens after a step that failed.
            let _ = tell.send(reader.read_apart(at).await);
        });
        Self { kind, at, found }
    }
}

impl Reader {
    async fn read_apart(&self, at: Place) -> Result<Found> {
        let tx = self.db.tenant_for_job(self.app).await?;
        let found = self.read(&tx, at).await?;
        tx.commit_lazily().await?;
        Ok(found)
    }

    /// What is no line of ours is told with the first kind.
    async fn read(&self, tx: &TenantTx, at: Place) -> Result<Found> {
        let mut found = Found { next: at, ..Found::default() };
        let mut bytes = 0;
        while bytes < ENOUGH
            && let Some(chunk) = self.source.chunk(tx, found.next, Size::CHUNK).await?
        {
            for (number, line) in chunk.lines() {
                if Kind::of(line).unwrap_or(Kind::User) != self.kind {
                    continue;
                }
                bytes += line.len();
                match lines::read(line, self.now) {
                    Ok(line) => found.lines.push((number, line)),
                    Err(error) => found.refused.error(number, &error),
                }
            }
            found.next = chunk.next;
        }
        found.is_end = bytes == 0;
        Ok(found)
    }
}
