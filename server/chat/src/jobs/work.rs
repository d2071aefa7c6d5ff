//! Working a job off.

use std::collections::HashSet;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use parlor_platform::broker::{Binding, Consumer, Delivery};
use parlor_platform::clock::monotonic;
use parlor_platform::db::TenantTx;
use parlor_platform::keys::Keys;
use parlor_platform::outbox::Entries;
use parlor_platform::{Error, Result};
use parlor_protocol::channel::CreateChannel;
use parlor_protocol::job::{ChangeMembers, CreateChannels, JobError, JobState};
use parlor_protocol::limits::{BATCH, JOB_ERRORS};
use parlor_protocol::member::NewMember;
use parlor_protocol::{AppId, ChannelId, ErrorCode, JobId, UserId};

use super::store::{self, Place};
use super::{BINDING, Step, Steps, TOPIC, Work};
use crate::channels::{create, store as channels};
use crate::members::{self, Past};
use crate::users::store as users;
use crate::web::{Caller, ServerCaller};

/// How long one delivery works.
const WORK: Duration = Duration::from_secs(1);

/// The worker.
pub struct Jobs {
    pub steps: Steps,
    pub keys: Keys,
}

/// What a step does: items that are worked off together.
enum Items<'a> {
    Create(&'a CreateChannel),
    Add(ChannelId, &'a [NewMember]),
    Remove(ChannelId, &'a UserId),
    Role(ChannelId, &'a NewMember),
}

impl Items<'_> {
    fn count(&self) -> i32 {
        match self {
            Self::Add(_, members) => i32::try_from(members.len()).unwrap_or(i32::MAX),
            _ => 1,
        }
    }
}

impl Work {
    /// What comes after so many items; `None` at the end.
    fn after(&self, items: usize) -> Option<Items<'_>> {
        match self {
            Self::Channels(CreateChannels { channels }) => channels.get(items).map(Items::Create),
            Self::Members { channel, changes: ChangeMembers { add, remove, roles } } => {
                if let Some(members @ [_, ..]) = add.get(items..) {
                    let members = members.get(..BATCH).unwrap_or(members);
                    return Some(Items::Add(*channel, members));
                }
                let items = items - add.len();
                if let Some(user) = remove.get(items) {
                    return Some(Items::Remove(*channel, user));
                }
                roles.get(items - remove.len()).map(|member| Items::Role(*channel, member))
            }
        }
    }
}

#[async_trait]
impl Consumer for Jobs {
    fn binding(&self) -> Binding {
        BINDING
    }

    async fn handle(&self, app: AppId, jobs: &[Delivery]) -> Result<()> {
        for delivery in jobs {
            let Step { job_id } = serde_json::from_str(&delivery.payload).map_err(Error::internal)?;
            self.work(app, job_id, delivery).await?;
        }
        Ok(())
    }
}

impl Jobs {
    async fn work(&self, app: AppId, id: JobId, delivery: &Delivery) -> Result<()> {
        let tx = self.steps.db.tenant_for_job(app).await?;
        let request = store::request(&tx, id).await?;
        tx.commit().await?;
        let Some(request) = request else { return Ok(()) };
        let work: Work = serde_json::from_value(request).map_err(Error::internal)?;
        let key = self.keys.signing_key(app, self.steps.clock.now()).await?;
        let caller = Caller::Server(ServerCaller { app, key });
        let began = monotonic();
        while began.elapsed() < WORK {
            if !self.step(&caller, id, &work).await? {
                return Ok(());
            }
        }
        self.steps.go_on(app, BINDING.name, delivery, (&id.0, TOPIC, &Step { job_id: id })).await
    }

    /// Does what comes next, and gives whether more may come.
    async fn step(&self, caller: &Caller, id: JobId, work: &Work) -> Result<bool> {
        let now = self.steps.clock.now();
        let mut entries = self.steps.entries();
        let tx = self.steps.db.tenant_for_job(caller.app()).await?;
        let Some(place) = store::lock(&tx, id).await? else { return Ok(false) };
        let at = place.done + place.failed;
        let items = usize::try_from(at).ok().and_then(|at| work.after(at));
        let items = items.ok_or_else(|| Error::internal("a job has more items than work"))?;
        match run(&tx, caller, at, &items, &mut entries, now).await {
            Ok(refused) => {
                let more = count(&tx, id, place, items.count(), &refused, now).await?;
                self.steps.commit(tx, entries, now).await?;
                Ok(more)
            }
            // What was written of it goes with its transaction.
            Err(error) if error.code().status() < 500 => {
                drop(tx);
                self.refused(caller.app(), id, place, &items, error.code(), now).await
            }
            Err(error) => Err(error),
        }
    }

    /// Counts items that were refused as a whole. Without its channel no change of members can be made: that is the end.
    async fn refused(
        &self,
        app: AppId,
        id: JobId,
        place: Place,
        items: &Items<'_>,
        code: ErrorCode,
        now: DateTime<Utc>,
    ) -> Result<bool> {
        let tx = self.steps.db.tenant_for_job(app).await?;
        // Somebody else may have had a turn meanwhile.
        if store::lock(&tx, id).await? != Some(place) {
            return Ok(true);
        }
        let at = place.done + place.failed;
        let over = code == ErrorCode::ChannelNotFound && !matches!(items, Items::Create(_));
        let more = if over {
            let place = Place { failed: place.total - place.done, ..place };
            let error = [JobError { index: at, code }];
            store::advance(&tx, id, place, JobState::Failed, &error, Some(now)).await?;
            false
        } else {
            let refused: Vec<_> = (at..at + items.count()).map(|index| JobError { index, code }).collect();
            count(&tx, id, place, items.count(), &refused, now).await?
        };
        tx.commit().await?;
        Ok(more)
    }
}

/// Counts so many items, some of which were refused. Gives whether there are more.
async fn count(
    tx: &TenantTx,
    id: JobId,
    place: Place,
    items: i32,
    refused: &[JobError],
    now: DateTime<Utc>,
) -> Result<bool> {
    let failed = i32::try_from(refused.len()).map_err(Error::internal)?;
    let room = JOB_ERRORS.saturating_sub(usize::try_from(place.failed).map_err(Error::internal)?);
    let kept = refused.get(..room).unwrap_or(refused);
    let place = Place { done: place.done + items - failed, failed: place.failed + failed, ..place };
    let more = place.done + place.failed < place.total;
    let (state, finished_at) = if more { (JobState::Running, None) } else { (JobState::Done, Some(now)) };
    store::advance(tx, id, place, state, kept, finished_at).await?;
    Ok(more)
}

/// Does these items; gives those of them that were refused. An error refuses all of them.
async fn run(
    tx: &TenantTx,
    caller: &Caller,
    at: i32,
    items: &Items<'_>,
    entries: &mut Entries,
    now: DateTime<Utc>,
) -> Result<Vec<JobError>> {
    match items {
        Items::Create(channel) => {
            create::get_or_create(tx, caller, (*channel).clone(), entries, now).await?;
            Ok(Vec::new())
        }
        Items::Add(channel, list) => {
            channels::lock(tx, *channel).await?.ok_or(ErrorCode::ChannelNotFound)?;
            let ids: Vec<&str> = list.iter().map(|member| member.user_id.as_str()).collect();
            let active: HashSet<UserId> =
                users::active(tx, &ids).await?.into_iter().map(|user| user.id).collect();
            let (known, unknown): (Vec<_>, Vec<_>) =
                (at..).zip(*list).partition(|(_, member)| active.contains(&member.user_id));
            let known: Vec<NewMember> = known.into_iter().map(|(_, member)| member.clone()).collect();
            members::enter(tx, *channel, &known, Past::Shown, entries, now).await?;
            let refused = |(index, _)| JobError { index, code: ErrorCode::UserUnknown };
            Ok(unknown.into_iter().map(refused).collect())
        }
        Items::Remove(channel, user) => {
            members::remove(tx, caller, *channel, user, entries, now).await?;
            Ok(Vec::new())
        }
        Items::Role(channel, member) => {
            members::set_role(tx, caller, *channel, &member.user_id, member.role, entries, now).await?;
            Ok(Vec::new())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn work_goes_on_after_any_item() {
        let user = |n: usize| format!("u{n}");
        let add: Vec<_> = (0..150).map(|n| json!({ "user_id": user(n) })).collect();
        let work = json!({ "members": { "channel": ChannelId::new(), "changes": {
            "add": add, "remove": ["r0", "r1"], "roles": [{ "user_id": "u0", "role": "admin" }],
        } } });
        let work: Work = serde_json::from_value(work).unwrap();
        let said = |at: usize| match work.after(at)? {
            Items::Create(_) => None,
            Items::Add(_, members) => Some(format!("{} from {}", members.len(), members[0].user_id.as_str())),
            Items::Remove(_, user) => Some(user.as_str().to_owned()),
            Items::Role(_, member) => Some(member.role.as_str().to_owned()),
        };
        let expected = [
            (0, Some("100 from u0")),
            (100, Some("50 from u100")),
            (149, Some("1 from u149")),
            (150, Some("r0")),
            (151, Some("r1")),
            (152, Some("admin")),
            (153, None),
        ];
        for (at, items) in expected {
            assert_eq!(said(at).as_deref(), items, "after {at}");
        }
    }
}
