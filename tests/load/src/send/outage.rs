//! PostgreSQL stops under load and comes back: what senders are told meanwhile, and when the rate is what it was.
//!
//! On a database of its own, and last: a restart of the cluster ends every other connection to it.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use tokio::process::Command;

use super::Stage;
use super::check::Ledger;
use super::durable::connect;
use crate::clock;
use crate::drive::{Closed, Post};
use crate::floor::Floor;
use crate::parlor::Parlor;
use crate::plan::Plan;
use crate::report::{Figure, Report, Target};
use crate::sender::Sender;
use crate::world::{self, SENDERS};

/// A sender that was refused waits this long. Less than the `Retry-After` of a second, so as to see every refusal.
const PAUSE: Duration = Duration::from_millis(100);
/// The rate is looked at in steps of this length.
const STEP: Duration = Duration::from_millis(500);
/// Of the rate before, what counts as full.
const FULL: f64 = 0.9;

/// A sender that repeats what was refused, with the same id, until it is acknowledged.
struct Patient {
    sender: Sender,
    acked_at: Vec<Instant>,
    refusals: Vec<Duration>,
}

impl Post for Patient {
    async fn post(&mut self, stamp: u64) -> Result<()> {
        let mut start = clock::now();
        while let Some((status, said)) = self.sender.attempt(stamp).await? {
            ensure!(status == 503, "refused with {status}: {said}");
            self.refusals.push(clock::now().duration_since(start));
            tokio::time::sleep(PAUSE).await;
            start = clock::now();
        }
        self.acked_at.push(clock::now());
        Ok(())
    }
}

/// Measures it.
pub async fn run(plan: &Plan, directory: &std::path::Path, report: &mut Report) -> Result<()> {
    let Some(services) = std::env::var_os("PARLOR_TEST_SERVICES").map(PathBuf::from) else {
        report.note("left out: an outage needs the services of script/bench");
        return Ok(());
    };
    let admin_url = std::env::var("PARLOR_TEST_PG_ADMIN_URL")?;
    let parlor = Parlor::start(&admin_url, directory).await?;
    let world = world::build(&parlor).await?;
    let mut stage = Stage { floor: Floor::prepare(&admin_url, directory).await?, parlor, world };
    let mut ledger = Ledger::open(&stage.parlor.database).await?;
    let patient = |sender| Patient { sender, acked_at: Vec::new(), refusals: Vec::new() };
    let senders = connect(&stage, false, SENDERS).await?.into_iter().map(patient).collect();
    let closed = Closed::start(senders, None);
    tokio::time::sleep(plan.warm_up).await;
    let begun = clock::now();
    tokio::time::sleep(plan.open / 2).await;
    let stopped = clock::now();
    postgres(&services, &["stop", "immediate"]).await?;
    tokio::time::sleep(plan.outage).await;
    postgres(&services, &["start"]).await?;
    let back = clock::now();
    tokio::time::sleep(plan.open / 2 + Duration::from_secs(5)).await;
    let (patients, _) = closed.end().await?;
    let ended = clock::now();

    let acked: Vec<Instant> = patients.iter().flat_map(|patient| patient.acked_at.iter().copied()).collect();
    let rate = |from: Instant, to: Instant| {
        let count = acked.iter().filter(|at| (from..to).contains(at)).count();
        count as f64 / to.duration_since(from).as_secs_f64()
    };
    let before = rate(begun, stopped);
    report.add(Figure::new("outage.rate_before", before, "sends/s"));
    let steps = std::iter::successors(Some(back), |at| Some(*at + STEP)).take_while(|at| *at + STEP <= ended);
    let full = steps.map(|at| (at, rate(at, at + STEP))).find(|(_, rate)| *rate >= FULL * before);
    let (full, reached) = full.context("the rate did not come back while it was looked at")?;
    report.add(Figure::new("outage.rate_after", reached, "sends/s"));
    let seconds = full.duration_since(back).as_secs_f64();
    report.add(Figure::new("outage.full_rate_after", seconds, "s").target(Target::AtMost(5.0)));
    let refusals: Vec<f64> =
        patients.iter().flat_map(|patient| &patient.refusals).map(Duration::as_secs_f64).collect();
    report.add(Figure::new("outage.refused", refusals.len() as f64, "sends"));
    let slowest = refusals.iter().copied().fold(0.0, f64::max);
    report.add(Figure::new("outage.slowest_refusal", slowest, "s").target(Target::AtMost(1.0)));

    stage.parlor.database.reconnect().await?;
    ledger.add(patients.into_iter().map(|patient| patient.sender).collect());
    ledger.settle("outage", &stage.parlor.database, report).await?;
    stage.clear(report).await
}

/// Stops or starts the cluster, which keeps its address and its data.
async fn postgres(services: &std::path::Path, how: &[&str]) -> Result<()> {
    let script = std::env::var_os("PARLOR_TEST_SERVICES_SCRIPT").context("which script starts services?")?;
    let (verb, rest) = how.split_first().context("no verb")?;
    let status = Command::new(script)
        .args([verb, "postgres"])
        .arg(services)
        .args(rest)
        .stdout(std::process::Stdio::null())
        .status()
        .await
        .context("running script/services")?;
    ensure!(status.success(), "script/services {verb} postgres failed");
    Ok(())
}
