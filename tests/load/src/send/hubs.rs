//! The embedded hub beside Centrifugo: the same subscribers, the same payload, one after the other.

use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::{Result, ensure};

use crate::clock;
use crate::crowd::Crowd;
use crate::drive::{self, Closed};
use crate::hub::Hub;
use crate::pace::Pace;
use crate::plan::Plan;
use crate::process::{cpu_seconds, resident_kib};
use crate::report::{Figure, Report, Target};
use crate::stats::{Latency, slope};

const SUBSCRIBERS: usize = 100;
/// Connections that publish.
const PUBLISHERS: usize = 4;
/// Publications that are on their way at the same time.
const WINDOW: usize = 64;
/// Moderate load, at which latency and processor time are compared.
const STEADY_DELIVERIES: f64 = 20_000.0;

/// What one of the two did.
struct Outcome {
    name: &'static str,
    saturated: f64,
    saturated_cpu: f64,
    latency: Latency,
    cpu: f64,
}

/// Measures both, in turns who is first.
pub async fn run(plan: &Plan, directory: &Path, round: usize, report: &mut Report) -> Result<()> {
    let hub = Hub::embedded(directory).await?;
    let centrifugo = Hub::centrifugo().map_err(|error| report.note(format!("{error:#}"))).ok();
    let mut servers: Vec<&Hub> = std::iter::once(&hub).chain(&centrifugo).collect();
    if round % 2 == 1 {
        servers.reverse();
    }
    let mut outcomes = Vec::new();
    for server in servers {
        outcomes.push(measure(plan, server, report).await?);
    }
    let of = |name| outcomes.iter().find(|outcome| outcome.name == name);
    let (ours, theirs) = (of("hub"), of("centrifugo"));
    tell(
        "deliveries",
        "deliveries/s",
        Target::RatioAtLeast(1.3),
        ours,
        theirs,
        |of| Some(of.saturated),
        report,
    );
    tell("p99", "ms", Target::RatioAtMost(1.0), ours, theirs, |of| of.latency.ms(0.99), report);
    tell("cpu_per_delivery", "µs", Target::RatioAtMost(0.7), ours, theirs, |of| Some(of.cpu), report);
    for outcome in &outcomes {
        report.add_some(format!("{}.p50", outcome.name), outcome.latency.ms(0.5), "ms");
        report.add(Figure::new(
            format!("{}.cpu_per_delivery_saturated", outcome.name),
            outcome.saturated_cpu,
            "µs",
        ));
    }
    if round == 0 { memory(plan, &hub, report).await } else { Ok(()) }
}

fn tell(
    what: &str,
    unit: &'static str,
    target: Target,
    ours: Option<&Outcome>,
    theirs: Option<&Outcome>,
    of: fn(&Outcome) -> Option<f64>,
    report: &mut Report,
) {
    let theirs = theirs.and_then(of);
    report.add_some(format!("centrifugo.{what}"), theirs, unit);
    if let Some(ours) = ours.and_then(of) {
        let figure = Figure::new(format!("hub.{what}"), ours, unit);
        report.add(match theirs {
            Some(theirs) => figure.against(format!("centrifugo.{what}"), theirs).target(target),
            None => figure,
        });
    }
}

async fn measure(plan: &Plan, hub: &Hub, report: &mut Report) -> Result<Outcome> {
    let channel = format!("chat:channel:{}", uuid::Uuid::new_v4());
    let crowd = hub.gather(&channel, SUBSCRIBERS).await?;
    let delivered = || crowd.tally().delivered.load(Ordering::Relaxed);

    crowd.tally().window.add_permits(WINDOW);
    let publishers = hub.publishers(&channel, PUBLISHERS).await?;
    let mut closed = Closed::start(publishers, Some(crowd.tally().window.clone()));
    tokio::time::sleep(plan.warm_up).await;
    let (start, before, cpu) = (clock::now(), delivered(), cpu_seconds(hub.pid)?);
    closed.begin();
    tokio::time::sleep(plan.saturated).await;
    let (seconds, count) = (clock::now().duration_since(start).as_secs_f64(), (delivered() - before) as f64);
    let saturated_cpu = (cpu_seconds(hub.pid)? - cpu) * 1e6 / count;
    closed.end().await?;
    ensure!(quiet(&crowd).await, "{}: deliveries are missing", hub.name);
    crowd.tally().take();

    let (before, cpu) = (delivered(), cpu_seconds(hub.pid)?);
    let sent = publish(plan.steady, hub, &channel, STEADY_DELIVERIES, report).await?;
    let expected = before + sent * crowd.size();
    let complete = crowd.tally().arrived(expected, Duration::from_secs(5)).await;
    ensure!(complete, "{}: deliveries are missing", hub.name);
    crowd.complete()?;
    let cpu = (cpu_seconds(hub.pid)? - cpu) * 1e6 / (delivered() - before) as f64;
    let (latency, _) = crowd.tally().take();
    Ok(Outcome { name: hub.name, saturated: count / seconds, saturated_cpu, latency, cpu })
}

/// Publishes by the clock, and gives the number of publications.
async fn publish(
    length: Duration,
    hub: &Hub,
    channel: &str,
    deliveries: f64,
    report: &mut Report,
) -> Result<u64> {
    let publishers = hub.publishers(channel, PUBLISHERS).await?;
    let pace = Pace::start(deliveries / SUBSCRIBERS as f64, length)?;
    let (_, run) = drive::open(publishers, pace).await?;
    if run.missed > 0 {
        report.note(format!("{}: {} publications were due and never made", hub.name, run.missed));
    }
    Ok(run.latency.count())
}

/// Waits until nothing is on its way any more: every permit of the window has come back.
async fn quiet(crowd: &Crowd) -> bool {
    let end = clock::now() + Duration::from_secs(5);
    while crowd.tally().window.available_permits() < WINDOW {
        if clock::now() > end {
            return false;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    true
}

/// Whether the hub's memory stays flat while it delivers.
async fn memory(plan: &Plan, hub: &Hub, report: &mut Report) -> Result<()> {
    let channel = format!("chat:channel:{}", uuid::Uuid::new_v4());
    let _crowd = hub.gather(&channel, SUBSCRIBERS).await?;
    // The channel's history fills up first: 300 publications.
    publish(Duration::from_secs(2), hub, &channel, STEADY_DELIVERIES, report).await?;
    let start = clock::now();
    let sample = async {
        let mut samples = Vec::new();
        loop {
            samples.push((clock::now().duration_since(start).as_secs_f64() / 60.0, resident_kib(hub.pid)?));
            if clock::now().duration_since(start) >= plan.memory {
                return anyhow::Ok(samples);
            }
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
    };
    let (samples, _) =
        tokio::try_join!(sample, publish(plan.memory, hub, &channel, STEADY_DELIVERIES, report))?;
    report.add_some("hub.memory", samples.last().map(|(_, kib)| kib / 1024.0), "MiB");
    report.add_some("hub.memory_growth", slope(&samples), "KiB/min");
    Ok(())
}
