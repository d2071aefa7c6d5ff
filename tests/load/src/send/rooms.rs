//! Deliveries a second to rooms of ten, a hundred and a thousand, each message a durable send first.

use std::sync::atomic::Ordering;

use anyhow::Result;
use parlor_protocol::event::channel_topic;
use parlor_protocol::token::{RealtimeConnection, SubscriptionToken};
use serde_json::{Value, json};

use super::Stage;
use super::check::{Ledger, drain};
use crate::centrifuge::Subscriber;
use crate::clock;
use crate::crowd::Crowd;
use crate::drive::Closed;
use crate::plan::Plan;
use crate::report::{Figure, Report};
use crate::rest::Api;
use crate::sender::Sender;
use crate::task::Group;
use crate::world::{ROOMS, listener};

/// Members of a room that send.
const SPEAKERS: usize = 10;
/// Messages that are on their way to a room at the same time.
const WINDOW: usize = 64;
/// Connections on which subscribers ask for their tokens.
const ASKING: usize = 8;

/// Measures each room.
pub async fn run(plan: &Plan, stage: &Stage, report: &mut Report) -> Result<()> {
    let mut ledger = Ledger::open(&stage.parlor.database).await?;
    for (room, size) in ROOMS.into_iter().enumerate() {
        let crowd = gather(stage, room).await?;
        crowd.tally().window.add_permits(WINDOW);
        let senders = room_senders(stage, room).await?;
        let mut closed = Closed::start(senders, Some(crowd.tally().window.clone()));
        tokio::time::sleep(plan.warm_up).await;
        let delivered = || crowd.tally().delivered.load(Ordering::Relaxed);
        let (start, before) = (clock::now(), delivered());
        closed.begin();
        tokio::time::sleep(plan.room).await;
        let (seconds, after) = (clock::now().duration_since(start).as_secs_f64(), delivered());
        let (senders, run) = closed.end().await?;
        crowd.complete()?;
        report.add(Figure::new(format!("room.{size}.rate"), run.rate, "sends/s"));
        let rate = (after - before) as f64 / seconds;
        report.add(Figure::new(format!("room.{size}.deliveries"), rate, "deliveries/s"));
        ledger.add(senders);
    }
    drain("room", plan, &stage.parlor.database, report).await?;
    ledger.settle("room", &stage.parlor.database, report).await
}

/// Connections of those who send to a room.
pub async fn room_senders(stage: &Stage, room: usize) -> Result<Vec<Sender>> {
    let mut senders = Vec::new();
    for index in 0..SPEAKERS.min(ROOMS[room]) {
        let channel = std::slice::from_ref(&stage.world.rooms[room]);
        senders.push(Sender::connect(&stage.parlor, &listener(index), channel, 0).await?);
    }
    Ok(senders)
}

/// All members of a room, subscribed to it as a client would.
pub async fn gather(stage: &Stage, room: usize) -> Result<Crowd> {
    let topic = channel_topic(stage.world.rooms[room].parse()?);
    let users: Vec<_> = (0..ROOMS[room]).map(listener).collect();
    let mut asking = Vec::new();
    for users in users.chunks(users.len().div_ceil(ASKING)) {
        let tokens = users.iter().map(|user| stage.parlor.token(user)).collect::<Result<Vec<_>>>()?;
        asking.push(subscribers(stage.parlor.api().await?, tokens, topic.clone()));
    }
    let subscribers = Group::start(asking).join().await?;
    Crowd::gather(subscribers.into_iter().flatten().collect()).await
}

async fn subscribers(mut api: Api, tokens: Vec<String>, topic: String) -> Result<Vec<Subscriber>> {
    let mut subscribers = Vec::with_capacity(tokens.len());
    for token in tokens {
        api.speak_for(&token);
        let connection: RealtimeConnection = api.post("/realtime/connection", &Value::Null).await?;
        let leave: SubscriptionToken = api.post("/realtime/subscription", &json!({"channel": topic})).await?;
        let channel = Some((topic.clone(), leave.token));
        subscribers.push(Subscriber { url: connection.url, token: connection.token, channel });
    }
    Ok(subscribers)
}
