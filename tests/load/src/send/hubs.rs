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
/// Turns of each of the two.
const TURNS: u32 = 2;
/// Moderate load, at which latency and processor time are compared.
const STEADY_DELIVERIES: f64 = 20_000.0;

/// KiB a minute that are called flat; an idle connection has two.
const FLAT: f64 = 16.0;

/// What one of the two did, in all its turns.
#[derive(Default)]
struct Outcome {
    saturated: Work,
    steady: Work,
    latency: Latency,
}

/// Deliveries and what they took.
#[derive(Default)]
struct Work {
    deliveries: f64,
    seconds: f64,
    cpu_seconds: f64,
}

impl Outcome {
    fn rate(&self) -> Option<f64> {
        Some(self.saturated.deliveries / self.saturated.seconds)
    }

    fn p99(&self) -> Option<f64> {
        self.latency.ms(0.99)
    }

    fn cpu(&self) -> Option<f64> {
        Some(self.steady.cpu_seconds * 1e6 / self.steady.deliveries)
    }
}

/// Measures both by turns: one, the other, the other, the one.
pub async fn run(plan: &Plan, directory: &Path, round: usize, report: &mut Report) -> Result<()> {
    let hub = Hub::embedded(directory).await?;
    let (mut ours, mut theirs) = (Outcome::default(), None);
    match Hub::centrifugo() {
        Ok(centrifugo) => {
            let other = theirs.insert(Outcome::default());
            let mut turns = [true, false, false, true];
            if round % 2 == 1 {
                turns = turns.map(|embedded| !embedded);
            }
            for embedded in turns {
                let (server, outcome) = if embedded { (&hub, &mut ours) } else { (&centrifugo, &mut *other) };
                measure(plan, server, outcome, report).await?;
            }
        }
        Err(error) => {
            report.note(format!("{error:#}"));
            measure(plan, &hub, &mut ours, report).await?;
        }
    }
    let both = (&ours, theirs.as_ref());
    tell("deliveries", "deliveries/s", Target::RatioAtLeast(1.3), both, Outcome::rate, report);
    tell("p99", "ms", Target::RatioAtMost(1.0), both, Outcome::p99, report);
    tell("cpu_per_delivery", "µs", Target::RatioAtMost(0.7), both, Outcome::cpu, report);
    for (name, outcome) in std::iter::once(("hub", &ours)).chain(theirs.iter().map(|of| ("centrifugo", of))) {
        report.add_some(format!("{name}.p50"), outcome.latency.ms(0.5), "ms");
        let cpu = outcome.saturated.cpu_seconds * 1e6 / outcome.saturated.deliveries;
        report.add(Figure::new(format!("{name}.cpu_per_delivery_saturated"), cpu, "µs"));
    }
    Ok(())
}

fn tell(
    what: &str,
    unit: &'static str,
    target: Target,
    (ours, theirs): (&Outcome, Option<&Outcome>),
    of: fn(&Outcome) -> Option<f64>,
    report: &mut Report,
) {
    let theirs = theirs.and_then(of);
    report.add_some(format!("centrifugo.{what}"), theirs, unit);
    if let Some(ours) = of(ours) {
        let figure = Figure::new(format!("hub.{what}"), ours, unit);
        report.add(match theirs {
            Some(theirs) => figure.against(format!("centrifugo.{what}"), theirs).target(target),
            None => figure,
        });
    }
}

async fn measure(plan: &Plan, hub: &Hub, outcome: &mut Outcome, report: &mut Report) -> Result<()> {
    let channel = format!("chat:channel:{}", uuid::Uuid::new_v4());
    let crowd = hub.gather(&channel, SUBSCRIBERS).await?;
    let delivered = || crowd.tally().delivered.load(Ordering::Relaxed);

    crowd.tally().window.add_permits(WINDOW);
    let publishers = hub.publishers(&channel, PUBLISHERS).await?;
    let mut closed = Closed::start(publishers, Some(crowd.tally().window.clone()));
    tokio::time::sleep(plan.warm_up).await;
    let (start, before, cpu) = (clock::now(), delivered(), cpu_seconds(hub.pid)?);
    closed.begin();
    tokio::time::sleep(plan.saturated / TURNS).await;
    outcome.saturated.seconds += clock::now().duration_since(start).as_secs_f64();
    outcome.saturated.deliveries += (delivered() - before) as f64;
    outcome.saturated.cpu_seconds += cpu_seconds(hub.pid)? - cpu;
    closed.end().await?;
    ensure!(quiet(&crowd).await, "{}: deliveries are missing", hub.name);
    crowd.tally().take();

    let (before, cpu) = (delivered(), cpu_seconds(hub.pid)?);
    let sent = publish(plan.steady / TURNS, hub, &channel, STEADY_DELIVERIES, report).await?;
    let complete = crowd.tally().arrived(before + sent * crowd.size(), Duration::from_secs(5)).await;
    ensure!(complete, "{}: deliveries are missing", hub.name);
    crowd.complete()?;
    outcome.steady.deliveries += (delivered() - before) as f64;
    outcome.steady.cpu_seconds += cpu_seconds(hub.pid)? - cpu;
    outcome.latency.merge(&crowd.tally().take().0);
    Ok(())
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
pub async fn memory(plan: &Plan, directory: &Path, report: &mut Report) -> Result<()> {
    let hub = &Hub::embedded(directory).await?;
    let channel = format!("chat:channel:{}", uuid::Uuid::new_v4());
    let _crowd = hub.gather(&channel, SUBSCRIBERS).await?;
    // The channel's history fills up first: 300 publications.
    publish(Duration::from_millis(500), hub, &channel, 4.0 * STEADY_DELIVERIES, report).await?;
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
    if let Some(growth) = slope(&samples) {
        let growth = Figure::new("hub.memory_growth", growth, "KiB/min");
        // Over less than minutes it is the allocator that is measured.
        let long = plan.memory >= Duration::from_secs(60);
        report.add(if long { growth.target(Target::AtMost(FLAT)) } else { growth });
    }
    Ok(())
}
