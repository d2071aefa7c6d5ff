//! Working a deletion off.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use parlor_platform::broker::{Binding, Consumer, Delivery};
use parlor_platform::clock::monotonic;
use parlor_platform::db::TenantTx;
use parlor_platform::keys::{self, Keys};
use parlor_platform::outbox::Entries;
use parlor_platform::{Error, Result};
use parlor_protocol::deletion::DeletionMode;
use parlor_protocol::{AppId, ChannelId, DeletionId, EventType, UserId};
use serde_json::json;
use uuid::Uuid;

use super::messages::Replacement;
use super::start::cached;
use super::store::{self, DeletionRow};
use super::{BINDING, Phase, Step, TOPIC, created, rename, rest};
use crate::channels::change::Change;
use crate::channels::{store as channels, view};
use crate::jobs::Steps;
use crate::members;
use crate::users::store::user_id;
use crate::web::{Caller, ServerCaller};

/// How long one delivery works.
const WORK: Duration = Duration::from_secs(1);
/// Channels that a step holds.
const CHANNELS: i64 = 20;

/// The worker.
pub struct Erasures {
    pub steps: Steps,
    pub keys: Keys,
}

#[async_trait]
impl Consumer for Erasures {
    fn binding(&self) -> Binding {
        BINDING
    }

    async fn handle(&self, app: AppId, jobs: &[Delivery]) -> Result<()> {
        for delivery in jobs {
            let Step { deletion_id } = serde_json::from_str(&delivery.payload).map_err(Error::internal)?;
            self.work(app, deletion_id, delivery).await?;
        }
        Ok(())
    }
}

/// Where a step left the work.
pub enum Next {
    /// It goes on in this phase, after this message.
    Here(Option<Uuid>),
    /// The phase is over.
    Phase,
}

impl Erasures {
    async fn work(&self, app: AppId, id: DeletionId, delivery: &Delivery) -> Result<()> {
        let key = self.keys.signing_key(app, self.steps.clock.now()).await?;
        let caller = Caller::Server(ServerCaller { app, key });
        let began = monotonic();
        while began.elapsed() < WORK {
            if !self.step(&caller, id).await? {
                return Ok(());
            }
        }
        self.steps.go_on(app, BINDING.name, delivery, (&id.0, TOPIC, &Step { deletion_id: id })).await
    }

    /// Does what comes next, and gives whether more may come.
    async fn step(&self, caller: &Caller, id: DeletionId) -> Result<bool> {
        let now = self.steps.clock.now();
        let tx = self.steps.db.tenant_for_job(caller.app()).await?;
        let Some(row) = store::lock(&tx, id).await? else { return Ok(false) };
        let (Some(user), Some(ghost)) = (row.user_id.clone(), row.ghost_id.clone()) else {
            return Err(Error::internal("a deletion has nobody to delete"));
        };
        let user = user_id(user)?;
        let phase = Phase::at(row.phase)?;
        match phase {
            Phase::Rest => return self.rest(tx, &row, &user, &ghost).await,
            Phase::User => return self.end(tx, &row, &user, now).await,
            Phase::Own | Phase::Members | Phase::Messages | Phase::Channels => {}
        }
        let mut step = Changing {
            tx: &tx,
            caller,
            user,
            ghost,
            mode: row.mode()?,
            entries: self.steps.entries(),
            messages: 0,
            now,
        };
        let next = step.run(phase, &row).await?;
        let (entries, messages) = (step.entries, step.messages);
        match next {
            Next::Here(after) => store::advance(&tx, row.id, row.phase, after, messages).await?,
            Next::Phase => store::advance(&tx, row.id, row.phase + 1, None, messages).await?,
        }
        self.steps.commit(tx, entries, now).await?;
        Ok(true)
    }

    /// Is made of transactions of its own, and the deletion's row is not held meanwhile: two that do it at once do no harm.
    async fn rest(&self, tx: TenantTx, row: &DeletionRow, user: &UserId, ghost: &str) -> Result<bool> {
        let named = rename::pattern_of(&tx, user, &[]).await?;
        let app = tx.app_id();
        tx.commit().await?;
        let by = Replacement { user: user.as_str(), ghost, named: &named };
        rest::forget(&self.steps.db, app, &by).await?;
        let tx = self.steps.db.tenant_for_job(app).await?;
        let still = store::lock(&tx, row.id.into()).await?;
        if still.is_some_and(|still| still.phase == row.phase) {
            store::advance(&tx, row.id, row.phase + 1, None, 0).await?;
        }
        tx.commit().await?;
        Ok(true)
    }

    /// Removes the user, and notes that nothing is left.
    async fn end(&self, tx: TenantTx, row: &DeletionRow, user: &UserId, now: DateTime<Utc>) -> Result<bool> {
        let app = tx.app_id();
        if !rest::remove_user(&tx, user.as_str()).await? {
            drop(tx);
            // What a request had begun before the user was shut out has come since. All of it again, after a while.
            let tx = self.steps.db.tenant_for_job(app).await?;
            store::advance(&tx, row.id, 0, None, 0).await?;
            tx.commit().await?;
            return Err(Error::internal("something still refers to a user who is being deleted"));
        }
        let forget = cached(app, user);
        store::end(&tx, row.id, now).await?;
        keys::announce(&tx, &forget).await?;
        tx.commit().await?;
        // Whoever has the id next is somebody else.
        self.keys.forget(&forget).await;
        Ok(false)
    }
}

/// One step.
pub struct Changing<'a> {
    pub tx: &'a TenantTx,
    pub caller: &'a Caller,
    pub user: UserId,
    pub ghost: String,
    pub mode: DeletionMode,
    pub entries: Entries,
    pub messages: i64,
    pub now: DateTime<Utc>,
}

impl Changing<'_> {
    async fn run(&mut self, phase: Phase, row: &DeletionRow) -> Result<Next> {
        match phase {
            Phase::Own => {
                let rows = store::forget_own(self.tx, self.user.as_str()).await?;
                Ok(if rows == 0 { Next::Phase } else { Next::Here(None) })
            }
            Phase::Members => self.leave().await,
            Phase::Messages => self.messages(row.after.unwrap_or_default()).await,
            Phase::Channels => self.forget_creator().await,
            Phase::Rest | Phase::User => Ok(Next::Phase),
        }
    }

    /// Ends one membership: who holds a channel and a user must not wait for another channel.
    async fn leave(&mut self) -> Result<Next> {
        let Some(channel) = store::channel_of(self.tx, self.user.as_str()).await? else {
            return Ok(Next::Phase);
        };
        if channels::find(self.tx, channel).await?.is_some() {
            members::remove(self.tx, self.caller, channel, &self.user, &mut self.entries, self.now).await?;
        }
        store::forget_member(self.tx, self.user.as_str(), channel).await?;
        Ok(Next::Here(None))
    }

    /// Nobody created these channels any more; clients are told.
    async fn forget_creator(&mut self) -> Result<Next> {
        let ids = created::by(self.tx, self.user.as_str(), CHANNELS).await?;
        if ids.is_empty() {
            return Ok(Next::Phase);
        }
        let held = channels::lock_each(self.tx, &ids).await?;
        created::forget(self.tx, &ids).await?;
        for (id, ..) in held {
            let change = Change::begin(self.tx, ChannelId(id), 0, self.now).await?;
            let channel = view::shared(change.row.clone())?;
            change.tell(&mut self.entries, EventType::ChannelUpdated, json!({ "channel": channel }))?;
        }
        Ok(Next::Here(None))
    }
}
