//! Removing the rows of messages that are gone, a few hundred in a transaction.
//!
//! Each step may be done twice: what is removed is not there the second time.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use parlor_platform::broker::{Binding, Consumer, Delivery};
use parlor_platform::clock::monotonic;
use parlor_platform::{Error, Result};
use parlor_protocol::{AppId, ChannelId, UserId};
use uuid::Uuid;

use super::{BINDING, Stage, Step, TOPIC, store};
use crate::channels::store as channels;
use crate::fanout::lock_flags;
use crate::jobs::Steps;
use crate::messages::store as messages;
use crate::tasks;
use crate::users::store::user_id;

/// How long one delivery works.
const WORK: Duration = Duration::from_secs(1);
/// Messages of one step.
const MESSAGES: i64 = 500;
/// Members of one step: each may have thousands of flags.
const MEMBERS: i64 = 10;
/// A send that is repeated so much later makes another message.
const REPEATED: chrono::Duration = chrono::Duration::days(1);

/// The worker.
pub struct Removal {
    pub steps: Steps,
}

#[async_trait]
impl Consumer for Removal {
    fn binding(&self) -> Binding {
        BINDING
    }

    async fn handle(&self, app: AppId, jobs: &[Delivery]) -> Result<()> {
        for delivery in jobs {
            let step: Step = serde_json::from_str(&delivery.payload).map_err(Error::internal)?;
            self.work(app, step, delivery).await?;
        }
        Ok(())
    }
}

impl Removal {
    async fn work(&self, app: AppId, first: Step, delivery: &Delivery) -> Result<()> {
        let (began, mut step) = (monotonic(), first);
        while began.elapsed() < WORK {
            match self.step(app, step).await? {
                Some(next) => step = next,
                None => return Ok(()),
            }
        }
        self.steps.go_on(app, BINDING.name, delivery, (&step.channel_id.0, TOPIC, &step)).await
    }

    /// Does what comes next, and gives what comes after it.
    async fn step(&self, app: AppId, mut step: Step) -> Result<Option<Step>> {
        step.stage = match step.stage {
            Stage::Tasks => {
                if self.tasks(app, &step).await? {
                    Stage::Tasks
                } else {
                    Stage::Messages(step.upto)
                }
            }
            Stage::Messages(from) => {
                let (next, youngest) = self.messages(app, &step, from).await?;
                step.again = step.again.max(youngest.map(|sent| sent + REPEATED));
                next.map_or(Stage::Flags(None), Stage::Messages)
            }
            Stage::Flags(after) => {
                match self.flags(app, step.channel_id, step.upto, after, step.again).await? {
                    Some(member) => Stage::Flags(Some(member)),
                    None => return Ok(None),
                }
            }
        };
        Ok(Some(step))
    }

    /// Ends tasks that were made of the messages. `true`: there may be more.
    async fn tasks(&self, app: AppId, step: &Step) -> Result<bool> {
        let (now, mut entries) = (self.steps.clock.now(), self.steps.entries());
        let tx = self.steps.db.tenant_for_job(app).await?;
        if channels::lock(&tx, step.channel_id).await?.is_none() {
            return Ok(false);
        }
        let more = tasks::forget_up_to(&tx, step.channel_id, step.upto, &mut entries, now).await?;
        self.steps.commit(tx, entries, now).await?;
        Ok(more)
    }

    /// Erases messages, and removes the rows of those that are old enough. Gives where to go on, and when the youngest of
    /// those that were left was sent.
    async fn messages(
        &self,
        app: AppId,
        step: &Step,
        from: i64,
    ) -> Result<(Option<i64>, Option<DateTime<Utc>>)> {
        let now = self.steps.clock.now();
        let tx = self.steps.db.tenant_for_job(app).await?;
        let rows = store::doomed(&tx, step.channel_id, from, MESSAGES).await?;
        let Some(last) = rows.last() else { return Ok((None, None)) };
        let next = last.seq - 1;
        let fresh: Vec<Uuid> = rows.iter().filter(|row| !row.erased).map(|row| row.id).collect();
        store::erase(&tx, &fresh, true, now).await?;
        while messages::forget_quoted(&tx, &fresh).await? == messages::QUOTED_AT_ONCE {}
        let (old, young): (Vec<_>, Vec<_>) = rows.iter().partition(|row| row.created_at < now - REPEATED);
        let old: Vec<Uuid> = old.into_iter().map(|row| row.id).collect();
        store::remove(&tx, &old).await?;
        tx.commit().await?;
        Ok((Some(next), young.into_iter().map(|row| row.created_at).max()))
    }

    /// Ends the flags of some members, and gives the last of them. After the last member the channel is done.
    async fn flags(
        &self,
        app: AppId,
        channel: ChannelId,
        upto: i64,
        after: Option<UserId>,
        again: Option<DateTime<Utc>>,
    ) -> Result<Option<UserId>> {
        let tx = self.steps.db.tenant_for_job(app).await?;
        let users = store::members(&tx, channel, after.as_ref(), MEMBERS).await?;
        if users.is_empty() {
            store::swept(&tx, channel, upto, again).await?;
        } else {
            lock_flags(&tx, [channel.0].into()).await?;
            store::end_flags(&tx, channel, upto, &users).await?;
        }
        tx.commit().await?;
        users.into_iter().next_back().map(user_id).transpose()
    }
}
