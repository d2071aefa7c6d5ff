//! Taking a batch.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use parlor_platform::db::TenantTx;
use parlor_platform::outbox::Entries;
use parlor_platform::{Error, Result};
use parlor_protocol::job::{ChangeMembers, CreateChannels, Job, JobKind, JobState};
use parlor_protocol::limits::JOB_ITEMS;
use parlor_protocol::member::NewMember;
use parlor_protocol::{ChannelId, ErrorCode, JobId};

use super::{Step, TOPIC, Work, store};
use crate::channels::store as channels;

/// A job that creates channels.
pub async fn channels(
    tx: &TenantTx,
    request: CreateChannels,
    entries: &mut Entries,
    now: DateTime<Utc>,
) -> Result<Job> {
    let total = count(request.channels.len())?;
    take(tx, JobKind::Channels, total, &Work::Channels(request), entries, now).await
}

/// A job that changes a channel's members.
pub async fn members(
    tx: &TenantTx,
    channel: ChannelId,
    changes: ChangeMembers,
    entries: &mut Entries,
    now: DateTime<Utc>,
) -> Result<Job> {
    let total = count(changes.add.len() + changes.remove.len() + changes.roles.len())?;
    let names = |list: &[NewMember]| list.iter().map(|member| &member.user_id).collect::<HashSet<_>>().len();
    if names(&changes.add) < changes.add.len() || names(&changes.roles) < changes.roles.len() {
        return Err(Error::with(ErrorCode::InvalidRequest, "A user is named twice in a list."));
    }
    channels::find(tx, channel).await?.ok_or(ErrorCode::ChannelNotFound)?;
    take(tx, JobKind::Members, total, &Work::Members { channel, changes }, entries, now).await
}

fn count(items: usize) -> Result<i32> {
    if !(1..=JOB_ITEMS).contains(&items) {
        return Err(ErrorCode::BatchTooLarge.into());
    }
    i32::try_from(items).map_err(Error::internal)
}

async fn take(
    tx: &TenantTx,
    kind: JobKind,
    total: i32,
    work: &Work,
    entries: &mut Entries,
    now: DateTime<Utc>,
) -> Result<Job> {
    let job = Job {
        id: JobId::new(),
        kind,
        state: JobState::Waiting,
        total,
        done: 0,
        failed: 0,
        errors: Vec::new(),
        created_at: now,
        finished_at: None,
    };
    store::insert(tx, &job, serde_json::to_value(work).map_err(Error::internal)?).await?;
    entries.job(&job.id.0, TOPIC, &Step { job_id: job.id })?;
    Ok(job)
}
