//! `parlor-load send`: what a durable send costs, from the request to the commit to the last subscriber.
//!
//! Everything runs on one machine, on loopback, beside the floors that it is compared with: PostgreSQL's own
//! inserts for sends, Centrifugo for the embedded hub. A part that fails or does not fit into a quick run is left
//! out with a note, and never replaced by another number.

mod check;
mod durable;
mod half_load;
mod hubs;
mod idle;
mod outage;
mod rooms;
mod scheduled;
mod unread;

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::clock;
use crate::floor::Floor;
use crate::parlor::Parlor;
use crate::plan::Plan;
use crate::report::Report;
use crate::world::{self, World};

/// A part that would have less time than this is not begun.
const LEAST: Duration = Duration::from_secs(2);

/// What is done for every part.
const SETTING: [&str; 2] = ["the server", "clearing up"];

/// The server with all that is set up in it.
struct Stage {
    floor: Floor,
    parlor: Parlor,
    world: World,
}

impl Stage {
    async fn set(directory: &Path) -> Result<Self> {
        let admin_url = std::env::var("PARLOR_TEST_PG_ADMIN_URL")
            .context("PARLOR_TEST_PG_ADMIN_URL is not set; script/bench sets it")?;
        let parlor = Parlor::start(&admin_url, directory).await?;
        let world = world::build(&parlor).await?;
        Ok(Self { floor: Floor::prepare(&admin_url, directory).await?, parlor, world })
    }

    async fn clear(self, report: &mut Report) -> Result<()> {
        self.parlor.server.panics().into_iter().for_each(|panic| report.note(format!("the server: {panic}")));
        drop(self.parlor.server);
        self.parlor.database.drop().await?;
        self.floor.remove().await
    }
}

/// Measures everything into `report`. Files lie in `directory`.
pub async fn run(plan: &Plan, directory: &Path, report: &mut Report) {
    for round in 0..plan.rounds {
        eprintln!("round {} of {}", round + 1, plan.rounds);
        let mut stage = None;
        part("the server", plan, report, async |_| {
            stage = Some(Stage::set(directory).await?);
            Ok(())
        })
        .await;
        if let Some(stage) = stage {
            let mut rate = None;
            part("durable sends", plan, report, async |report| {
                rate = Some(durable::run(plan, &stage, report).await?);
                Ok(())
            })
            .await;
            if let Some(rate) = rate {
                part("half load", plan, report, async |report| {
                    half_load::run(plan, &stage, rate, report).await
                })
                .await;
            }
            part("rooms", plan, report, async |report| rooms::run(plan, &stage, report).await).await;
            part("scheduled messages", plan, report, async |report| {
                scheduled::run(plan, &stage, report).await
            })
            .await;
            if round + 1 == plan.rounds {
                part("unread counts", plan, report, async |report| unread::run(plan, &stage, report).await)
                    .await;
            }
            part("clearing up", plan, report, async |report| stage.clear(report).await).await;
        }
        if round == 0 {
            // Before Centrifugo did anything else: its memory does not shrink again.
            part("idle connections", plan, report, async |report| idle::run(plan, directory, report).await)
                .await;
        }
        part("the hub beside Centrifugo", plan, report, async |report| {
            hubs::run(plan, directory, round, report).await
        })
        .await;
    }
    part("memory", plan, report, async |report| hubs::memory(plan, directory, report).await).await;
    part("outage", plan, report, async |report| outage::run(plan, directory, report).await).await;
}

/// Runs a part within what is left of the time; what went wrong becomes a note.
async fn part(
    name: &str,
    plan: &Plan,
    report: &mut Report,
    measure: impl AsyncFnOnce(&mut Report) -> Result<()>,
) {
    if !SETTING.contains(&name) && !plan.wants(name) {
        return;
    }
    let left = plan.left();
    if left < LEAST {
        report.note(format!("left out for lack of time: {name}"));
        return;
    }
    let start = clock::now();
    match tokio::time::timeout(left, measure(report)).await {
        Ok(Ok(())) => eprintln!("{name}: {:.1} s", clock::now().duration_since(start).as_secs_f64()),
        Ok(Err(error)) => report.note(format!("{name}: {error:#}")),
        Err(_) => report.note(format!("broken off for lack of time: {name}")),
    }
}
