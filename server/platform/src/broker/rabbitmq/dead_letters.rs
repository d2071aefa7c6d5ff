//! The dead-letter queues: looking, and giving another run.
//!
//! AMQP has no way to look at a message without taking it. We take messages without acknowledging them and
//! give them back; for the moment in between others don't see them, so a replay that runs at the same time
//! as a listing may find fewer. A replayed message is acknowledged after its copy is confirmed: a crash in
//! between leaves both, and the consumer's inbox drops the second. Where a replay ends it can't know from the
//! length of the queue, which lags behind, so it marks its copies and stops at the first that came back.

use std::sync::Arc;

use lapin::message::BasicGetMessage;
use lapin::options::{BasicAckOptions, BasicGetOptions, BasicNackOptions};
use lapin::types::ShortString;
use lapin::{Channel, Connection};
use parlor_protocol::EventId;
use uuid::Uuid;

use super::link::{Link, answered};
use super::publisher::Outlet;
use super::topology::Topology;
use super::{away, message};
use crate::broker::DeadLetter;
use crate::error::Result;

/// Up to so many dead letters of all consumers, oldest first.
pub(super) async fn list(link: &Link, topology: &Topology, limit: usize) -> Result<Vec<DeadLetter>> {
    let connection = link.connection().await?;
    answered(&connection, list_on(connection.clone(), topology, limit)).await
}

/// Puts dead letters back into their consumers' queues, with the whole ladder before them.
pub(super) async fn replay(link: &Link, topology: &Topology, event: Option<EventId>) -> Result<usize> {
    let connection = link.connection().await?;
    answered(&connection, replay_on(connection.clone(), topology, event)).await
}

async fn list_on(connection: Arc<Connection>, topology: &Topology, limit: usize) -> Result<Vec<DeadLetter>> {
    let channel = connection.create_channel().await.map_err(away)?;
    topology.declare(&channel).await?;
    let mut letters = Vec::new();
    for binding in &topology.bindings {
        let queue = topology.dead(binding.name)?;
        let mut taken = Vec::new();
        while taken.len() < limit {
            let Some(message) = take(&channel, &queue).await? else { break };
            taken.push(message::dead_letter(binding.name, &message.properties));
        }
        give_back(&channel).await?;
        letters.append(&mut taken);
    }
    channel.close(200, "".into()).await.map_err(away)?;
    letters.sort_by_key(|letter| letter.died_at);
    letters.truncate(limit);
    Ok(letters)
}

async fn replay_on(
    connection: Arc<Connection>,
    topology: &Topology,
    event: Option<EventId>,
) -> Result<usize> {
    let mut outlet = Outlet::open(connection).await?;
    let channel = outlet.channel().clone();
    topology.declare(&channel).await?;
    let (replay, mut count) = (Uuid::new_v4().to_string(), 0);
    for binding in &topology.bindings {
        let (queue, dead) = (topology.queue(binding.name)?, topology.dead(binding.name)?);
        while let Some(message) = take(&channel, &dead).await? {
            if message::is_from_replay(&message.properties, &replay) {
                // It has died again already, and all behind it died later.
                break;
            }
            let id = message::event_id(&message.properties);
            if event.is_none_or(|event| id == Some(event.0)) {
                let properties = message::for_replay(&message.properties, &replay);
                outlet.put(queue.clone(), properties, &message.data).await?;
                message.ack(BasicAckOptions::default()).await.map_err(away)?;
                count += 1;
            }
        }
        give_back(&channel).await?;
    }
    channel.close(200, "".into()).await.map_err(away)?;
    Ok(count)
}

async fn take(channel: &Channel, queue: &ShortString) -> Result<Option<BasicGetMessage>> {
    channel.basic_get(queue.clone(), BasicGetOptions::default()).await.map_err(away)
}

/// All that was taken on this channel and not acknowledged. Tag 0 means all.
async fn give_back(channel: &Channel) -> Result<()> {
    let all = BasicNackOptions { multiple: true, requeue: true };
    channel.basic_nack(0, all).await.map_err(away)
}
