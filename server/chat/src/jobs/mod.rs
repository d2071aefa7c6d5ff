//! Batches that are too much for one request, worked off in the background.
//!
//! A job is a row: what is to be done, and how many of its items were done or refused, in their order. So the row says where
//! the work goes on. Each step is a transaction that holds the row, does the next items, and counts them: a process that is
//! killed leaves whole steps behind, and whoever gets the delivery again goes on after the last. Two that work on one job
//! at the same moment take turns.
//!
//! A delivery works for a moment only, and then makes another one, so that a long job does not keep a worker from others.
//! What our database or process does wrong is tried again on the ladder of the broker; a job whose delivery is dead stays
//! where it is, and a replay of the dead letter takes it on.

mod create;
pub mod routes;
mod steps;
mod store;
mod work;

use parlor_platform::broker::Binding;
use parlor_protocol::job::{ChangeMembers, CreateChannels};
use parlor_protocol::{ChannelId, JobId};
use serde::{Deserialize, Serialize};

pub use steps::Steps;
pub use work::Jobs;

/// A job has work left.
const TOPIC: &str = "chat.job.step";

/// How the worker is bound.
pub const BINDING: Binding = Binding { name: "jobs", topics: &[TOPIC], at_once: 1 };

/// Which job.
#[derive(Debug, Serialize, Deserialize)]
struct Step {
    job_id: JobId,
}

/// What a job is to do.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Work {
    Channels(CreateChannels),
    Members { channel: ChannelId, changes: ChangeMembers },
}
