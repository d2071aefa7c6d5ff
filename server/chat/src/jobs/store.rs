//! The queries of jobs.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Int4, Jsonb, Nullable, Text, Timestamptz, Untyped, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use parlor_platform::db::{TenantTx, prepared};
use parlor_platform::schema::jobs;
use parlor_platform::{Error, Result};
use parlor_protocol::job::{JobError, JobKind, JobState};
use parlor_protocol::{Job, JobId};
use serde_json::Value;
use uuid::Uuid;

/// A row of the table without what is to be done.
#[derive(HasQuery)]
#[diesel(table_name = jobs)]
pub struct JobRow {
    id: Uuid,
    kind: String,
    state: String,
    total: i32,
    done: i32,
    failed: i32,
    errors: Value,
    created_at: DateTime<Utc>,
    finished_at: Option<DateTime<Utc>>,
}

impl JobRow {
    /// As it stands on the wire.
    pub fn into_job(self) -> Result<Job> {
        Ok(Job {
            id: self.id.into(),
            kind: JobKind::parse(&self.kind)
                .ok_or_else(|| Error::internal("a stored kind of job is unknown"))?,
            state: JobState::parse(&self.state)
                .ok_or_else(|| Error::internal("a stored state of a job is unknown"))?,
            total: self.total,
            done: self.done,
            failed: self.failed,
            errors: serde_json::from_value(self.errors).map_err(Error::internal)?,
            created_at: self.created_at,
            finished_at: self.finished_at,
        })
    }
}

/// One job.
pub async fn find(tx: &TenantTx, id: JobId) -> Result<Option<JobRow>> {
    Ok(JobRow::query()
        .filter(jobs::app_id.eq(tx.app()).and(jobs::id.eq(id.0)))
        .first(&mut tx.conn()?)
        .await
        .optional()?)
}

/// A new job with what is to be done.
pub async fn insert(tx: &TenantTx, job: &Job, request: Value) -> Result<()> {
    diesel::insert_into(jobs::table)
        .values((
            jobs::app_id.eq(tx.app()),
            jobs::id.eq(job.id.0),
            jobs::kind.eq(job.kind.as_str()),
            jobs::state.eq(job.state.as_str()),
            jobs::request.eq(request),
            jobs::total.eq(job.total),
            jobs::created_at.eq(job.created_at),
        ))
        .execute(&mut tx.conn()?)
        .await?;
    Ok(())
}

/// What is to be done; `None` once nothing is.
pub async fn request(tx: &TenantTx, id: JobId) -> Result<Option<Value>> {
    let request = jobs::table
        .find((tx.app(), id.0))
        .select(jobs::request)
        .first::<Option<Value>>(&mut tx.conn()?)
        .await
        .optional()?;
    Ok(request.flatten())
}

/// How far a job is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Queryable)]
pub struct Place {
    pub total: i32,
    pub done: i32,
    pub failed: i32,
}

/// How far a job is that has work left, holding its row.
pub async fn lock(tx: &TenantTx, id: JobId) -> Result<Option<Place>> {
    Ok(jobs::table
        .find((tx.app(), id.0))
        .filter(jobs::finished_at.is_null())
        .select((jobs::total, jobs::done, jobs::failed))
        .for_no_key_update()
        .first::<Place>(&mut tx.conn()?)
        .await
        .optional()?)
}

/// Counts items that were worked off. The caller holds the row.
pub async fn advance(
    tx: &TenantTx,
    id: JobId,
    place: Place,
    state: JobState,
    errors: &[JobError],
    finished_at: Option<DateTime<Utc>>,
) -> Result<()> {
    prepared::<Untyped>(
        "UPDATE jobs j SET done = v.done, failed = v.failed, state = v.state, errors = j.errors || v.errors, \
             finished_at = v.finished_at, request = CASE WHEN v.finished_at IS NULL THEN j.request END \
         FROM (SELECT ? AS app, ? AS id, ? AS done, ? AS failed, ? AS state, ? AS errors, ? AS finished_at) v \
         WHERE j.app_id = v.app AND j.id = v.id",
    )
    .bind::<SqlUuid, _>(tx.app())
    .bind::<SqlUuid, _>(id.0)
    .bind::<Int4, _>(place.done)
    .bind::<Int4, _>(place.failed)
    .bind::<Text, _>(state.as_str())
    .bind::<Jsonb, _>(serde_json::to_value(errors).map_err(Error::internal)?)
    .bind::<Nullable<Timestamptz>, _>(finished_at)
    .execute(&mut tx.conn()?)
    .await?;
    Ok(())
}
