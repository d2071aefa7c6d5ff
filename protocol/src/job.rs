//! Work that is too much for one request: taken at once, done in the background, asked after by id.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::channel::CreateChannel;
use crate::member::NewMember;
use crate::{ErrorCode, JobId, UserId};

/// Channels to create: each as its own request would, so that one that exists is left as it is.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(example = crate::examples::create_channels))]
#[serde(deny_unknown_fields)]
pub struct CreateChannels {
    /// 1 to 1,000.
    pub channels: Vec<CreateChannel>,
}

/// Changes of a channel's members: 1 to 1,000 in all three lists together, worked off in this order.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(example = crate::examples::change_members))]
#[serde(deny_unknown_fields)]
pub struct ChangeMembers {
    /// Who comes. Those who are members already are left as they are.
    #[serde(default)]
    pub add: Vec<NewMember>,
    /// Who goes.
    #[serde(default)]
    pub remove: Vec<UserId>,
    /// Who has which role from now on.
    #[serde(default)]
    pub roles: Vec<NewMember>,
}

/// The job that was made, or that the same `Idempotency-Key` made before.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(example = crate::examples::accepted_job))]
pub struct AcceptedJob {
    /// As it was when it was made. Ask for its progress by its id.
    pub job: Job,
}

/// A job and how far it is.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(example = crate::examples::job))]
pub struct Job {
    /// The job's id.
    pub id: JobId,
    /// What it does.
    pub kind: JobKind,
    /// Where it is.
    pub state: JobState,
    /// Items of the request.
    pub total: i32,
    /// Items that succeeded.
    pub done: i32,
    /// Items that were refused.
    pub failed: i32,
    /// The first 100 that were refused.
    pub errors: Vec<JobError>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When the last item was worked off.
    pub finished_at: Option<DateTime<Utc>>,
}

/// What a job does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum JobKind {
    /// Creates channels.
    Channels,
    /// Changes a channel's members.
    Members,
}

impl JobKind {
    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Channels => "channels",
            Self::Members => "members",
        }
    }

    /// The kind of this name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Channels, Self::Members].into_iter().find(|kind| kind.as_str() == name)
    }
}

/// Where a job is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    /// Nothing was done yet.
    Waiting,
    /// Some of it was.
    Running,
    /// All items were worked off, also where some were refused.
    Done,
    /// It ended before its last item: what it works on is gone, as the last of its errors says.
    Failed,
}

impl JobState {
    /// All states.
    pub const ALL: [Self; 4] = [Self::Waiting, Self::Running, Self::Done, Self::Failed];

    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
        }
    }

    /// The state of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == name)
    }
}

/// Why an item was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
pub struct JobError {
    /// Its place in the request, from 0; of changes of members counted through all three lists.
    pub index: i32,
    /// Code of the error table.
    pub code: ErrorCode,
}
