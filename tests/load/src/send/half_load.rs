//! Half the measured rate in an open loop, with a hundred subscribers in one of the rooms: how long a message takes
//! from when it was due to be sent until each of them has it.
//!
//! The rate is spread over all channels; a small part of it goes to the room, whose deliveries are measured.

use anyhow::{Result, ensure};

use super::Stage;
use super::check::{Ledger, drain};
use super::durable::connect;
use super::rooms::{gather, room_senders};
use crate::drive::{self, Run};
use crate::metrics::Buckets;
use crate::pace::Pace;
use crate::plan::Plan;
use crate::report::{Figure, Report, Target};
use crate::sender::Sender;
use crate::world::SENDERS;

/// Messages a second to the room.
const TO_ROOM: f64 = 50.0;
/// The room of a hundred.
const ROOM: usize = 1;
const LAG: &str = "parlor_relay_lag_seconds";

/// Measures at half of `rate`.
pub async fn run(plan: &Plan, stage: &Stage, rate: f64, report: &mut Report) -> Result<()> {
    let half = (rate / 2.0).max(TO_ROOM * 2.0);
    let mut ledger = Ledger::open(&stage.parlor.database).await?;
    let crowd = gather(stage, ROOM).await?;
    let loads = (connect(stage, false, SENDERS).await?, room_senders(stage, ROOM).await?);
    let (loads, _) = drive(loads, half, plan.warm_up).await?;
    ensure!(
        crowd.tally().arrived(acked(&loads.1) * crowd.size(), plan.drain).await,
        "deliveries are missing"
    );
    crowd.tally().take();

    let mut api = stage.parlor.api().await?;
    let before = Buckets::parse(&api.text("/metrics").await?, LAG);
    let ((all, room), (run, room_run)) = drive(loads, half, plan.open).await?;
    let expected = acked(&room) * crowd.size();
    crowd.tally().arrived(expected, plan.drain).await;
    let lag = Buckets::parse(&api.text("/metrics").await?, LAG).since(&before);
    crowd.complete()?;

    let delivered = crowd.tally().delivered.load(std::sync::atomic::Ordering::Relaxed);
    let (end_to_end, published) = crowd.tally().take();
    report.add(Figure::new("half.rate", half, "sends/s"));
    report.add(
        Figure::new("half.not_sent", (run.missed + room_run.missed) as f64, "sends")
            .target(Target::AtMost(0.0)),
    );
    report.add_some("half.ack_p50", run.latency.ms(0.5), "ms");
    report.add_some("half.ack_p99", run.latency.ms(0.99), "ms");
    let mut bounded = |id: &str, value: Option<f64>, bound: f64| {
        if let Some(value) = value {
            report.add(Figure::new(id, value, "ms").target(Target::AtMost(bound)));
        }
    };
    bounded("half.relay_lag_p99_within", lag.ms(0.99), 50.0);
    bounded("half.taken_to_received_p99", published.ms(0.99), 50.0);
    bounded("half.end_to_end_p50", end_to_end.ms(0.5), 5.0);
    bounded("half.end_to_end_p99", end_to_end.ms(0.99), 20.0);
    report.add_some("half.end_to_end_p99_9", end_to_end.ms(0.999), "ms");
    let missing = expected.saturating_sub(delivered) as f64;
    report.add(Figure::new("half.not_delivered", missing, "deliveries").target(Target::AtMost(0.0)));
    drain("half", plan, &stage.parlor.database, report).await?;
    ledger.add(all);
    ledger.add(room);
    ledger.settle("half", &stage.parlor.database, report).await
}

type Loads = (Vec<Sender>, Vec<Sender>);

async fn drive((all, room): Loads, rate: f64, length: std::time::Duration) -> Result<(Loads, (Run, Run))> {
    let background = drive::open(all, Pace::start(rate - TO_ROOM, length)?);
    let foreground = drive::open(room, Pace::start(TO_ROOM, length)?);
    let ((all, run), (room, room_run)) = tokio::try_join!(background, foreground)?;
    Ok(((all, room), (run, room_run)))
}

fn acked(senders: &[Sender]) -> u64 {
    senders.iter().map(|sender| sender.acked.len() as u64).sum()
}
