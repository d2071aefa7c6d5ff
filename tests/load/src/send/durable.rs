//! Durable sends in a closed loop, between two measurements of PostgreSQL's own inserts.

use anyhow::Result;

use super::Stage;
use super::check::{Ledger, drain};
use crate::drive::{Closed, Run};
use crate::floor::Inserts;
use crate::plan::Plan;
use crate::process::cpu_seconds;
use crate::report::{Figure, Report, Target};
use crate::sender::Sender;
use crate::world::{SENDERS, sender};

/// Measures, and gives the rate of all senders over all channels.
pub async fn run(plan: &Plan, stage: &Stage, report: &mut Report) -> Result<f64> {
    let mut ledger = Ledger::open(&stage.parlor.database).await?;
    let mut rate = 0.0;
    let mut full = None;
    for (name, clients) in [("1", 1), ("16", 16), ("64", SENDERS), ("hot", SENDERS)] {
        let before = match full.take() {
            Some(floor) => floor,
            None => stage.floor.measure(clients, plan.floor_s).await?,
        };
        let senders = connect(stage, name == "hot", clients).await?;
        let run = closed(plan, stage, &format!("send.{name}"), senders, &mut ledger, report).await?;
        drain(&format!("send.{name}"), plan, &stage.parlor.database, report).await?;
        let mut floors = vec![before];
        if plan.floor_around || clients == SENDERS {
            floors.push(stage.floor.measure(clients, plan.floor_s).await?);
        }
        compare(name, clients, &run, &floors, report);
        if name == "64" {
            rate = run.rate;
            full = floors.pop();
        }
    }
    ledger.settle("send", &stage.parlor.database, report).await?;
    Ok(rate)
}

/// So many of the senders, spread so that they reach all channels.
pub async fn connect(stage: &Stage, hot: bool, clients: usize) -> Result<Vec<Sender>> {
    let mut senders = Vec::with_capacity(clients);
    for index in (0..SENDERS).step_by(SENDERS / clients) {
        let hot_channel = std::slice::from_ref(&stage.world.hot);
        let channels = if hot { hot_channel } else { &stage.world.channels[index] };
        senders.push(Sender::connect(&stage.parlor, &sender(index), channels, index).await?);
    }
    Ok(senders)
}

async fn closed(
    plan: &Plan,
    stage: &Stage,
    name: &str,
    senders: Vec<Sender>,
    ledger: &mut Ledger,
    report: &mut Report,
) -> Result<Run> {
    let pid = stage.parlor.server.pid()?;
    let mut closed = Closed::start(senders, None);
    tokio::time::sleep(plan.warm_up).await;
    let cpu = || [cpu_seconds(pid).ok(), cpu_seconds(std::process::id()).ok()];
    let before = cpu();
    closed.begin();
    tokio::time::sleep(plan.send).await;
    let after = cpu();
    let (senders, run) = closed.end().await?;
    ledger.add(senders);
    for (who, (before, after)) in ["server", "generator"].into_iter().zip(before.into_iter().zip(after)) {
        let cpu =
            after.zip(before).map(|(after, before)| (after - before) * 1e6 / run.latency.count() as f64);
        report.add_some(format!("{name}.{who}_cpu_per_send"), cpu, "µs");
    }
    Ok(run)
}

fn compare(name: &str, clients: usize, run: &Run, floors: &[Inserts], report: &mut Report) {
    let mean = |of: fn(&Inserts) -> f64| floors.iter().map(of).sum::<f64>() / floors.len() as f64;
    let floor = mean(|floor| floor.per_second);
    let floor_p50 = mean(|floor| floor.latency.ms(0.5).unwrap_or(f64::NAN));
    if name != "hot" {
        report.add(Figure::new(format!("floor.{clients}.rate"), floor, "rows/s"));
        report.add(Figure::new(format!("floor.{clients}.p50"), floor_p50, "ms"));
    }
    let rate = Figure::new(format!("send.{name}.rate"), run.rate, "sends/s");
    let rate = rate.against(format!("floor.{clients}.rate"), floor);
    report.add(match name {
        "64" => rate.target(Target::RatioAtLeast(1.0)),
        "hot" => rate.target(Target::RatioAtLeast(0.8)),
        _ => rate,
    });
    if let Some(p50) = run.latency.ms(0.5) {
        let p50 = Figure::new(format!("send.{name}.ack_p50"), p50, "ms");
        let p50 = p50.against(format!("floor.{clients}.p50"), floor_p50);
        report.add(if name == "1" { p50.target(Target::Above(2.0)) } else { p50 });
    }
    report.add_some(format!("send.{name}.ack_p99"), run.latency.ms(0.99), "ms");
    report.add_some(format!("send.{name}.ack_p99_9"), run.latency.ms(0.999), "ms");
}
