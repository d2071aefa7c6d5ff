//! `parlor-load query`, `sync` and `search`: what an app asks at its start, after it was away, and when somebody looks for
//! something.
//!
//! The rows are made by SQL in a database of the bench's own; the questions are asked through the API on one connection, so
//! the time of a request is the server's and the way on loopback.

mod query;
mod search;
mod sync;

pub use query::run as query;
pub use search::run as search;
pub use sync::run as sync;

use std::path::Path;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::clock;
use crate::http::{Http, request};
use crate::parlor::Parlor;
use crate::report::Report;
use crate::stats::Latency;

/// Who asks.
const READER: &str = "reader";

/// A server on a database with these rows.
struct Stage {
    parlor: Parlor,
    http: Http,
    token: String,
}

impl Stage {
    async fn set(directory: &Path, rows: &str, tables: &str) -> Result<Self> {
        let admin_url = std::env::var("PARLOR_TEST_PG_ADMIN_URL")
            .context("PARLOR_TEST_PG_ADMIN_URL is not set; script/bench sets it")?;
        let parlor = Parlor::start(&admin_url, directory).await?;
        parlor.database.sql.batch_execute(rows).await.context("making the rows")?;
        parlor.database.sql.batch_execute(&format!("VACUUM ANALYZE {tables}")).await?;
        let token = parlor.token(READER)?;
        let http = Http::connect(&parlor.host).await?;
        Ok(Self { parlor, http, token })
    }

    /// The bytes of a request of the reader's.
    fn post(&self, path: &str, body: &Value, headers: &[&str]) -> Vec<u8> {
        let authorization = format!("Authorization: Bearer {}", self.token);
        let headers: Vec<&str> =
            std::iter::once(authorization.as_str()).chain(headers.iter().copied()).collect();
        request("POST", &self.parlor.host, &format!("/api/v1{path}"), &headers, body.to_string().as_bytes())
    }

    /// The bytes of a question of who has this token or secret.
    fn get(&self, path: &str, bearer: &str) -> Vec<u8> {
        let authorization = format!("Authorization: Bearer {bearer}");
        request("GET", &self.parlor.host, &format!("/api/v1{path}"), &[&authorization], b"")
    }

    /// Asks, and gives the answer's bytes with the time that it took.
    async fn ask(&mut self, request: &[u8]) -> Result<(Vec<u8>, u64)> {
        let start = clock::now();
        let answer = self.http.exchange(request).await?;
        let nanos = clock::as_nanos(clock::now().duration_since(start));
        Ok((answer.success()?.to_vec(), nanos))
    }

    /// Asks the same so many times, after a few that warm up.
    async fn repeat(&mut self, request: &[u8], times: usize) -> Result<Latency> {
        let mut latency = Latency::default();
        for round in 0..times + 10 {
            let (_, nanos) = self.ask(request).await?;
            if round >= 10 {
                latency.record(nanos);
            }
        }
        Ok(latency)
    }

    async fn clear(self, report: &mut Report) -> Result<()> {
        self.parlor.server.panics().into_iter().for_each(|panic| report.note(format!("the server: {panic}")));
        drop(self.parlor.server);
        self.parlor.database.drop().await
    }
}
