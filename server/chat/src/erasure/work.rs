//! Working a deletion off.

use std::collections::BTreeMap;
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
use parlor_protocol::{AppId, ChannelId, DeletionId, ErrorCode, EventType, MessageId, UserId};
use serde_json::json;
use uuid::Uuid;

use super::messages::{self, Looked, Replacement};
use super::start::cached;
use super::store::{self, DeletionRow};
use super::{BINDING, Phase, Step, TOPIC, rest};
use crate::channels::change::Change;
use crate::channels::store as channels;
use crate::jobs::Steps;
use crate::members;
use crate::messages::delete::delete;
use crate::search;
use crate::transfer::import::store as imports;
use crate::users::store as users;
use crate::users::store::user_id;
use crate::web::{Caller, ServerCaller};
use crate::{content, removal};

/// How long one delivery works.
const WORK: Duration = Duration::from_secs(1);
/// Memberships that a step ends.
const CHANNELS: i64 = 20;
/// Messages that a step looks at, and changes at the most; each that is erased is a change by itself.
const LOOKED_AT: i64 = 5_000;
const RENAMED: usize = 200;
const ERASED: usize = 25;

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
enum Next {
    /// It goes on in this phase, after this message.
    Here(Option<Uuid>),
    /// The phase is over.
    Phase,
    /// The messages are to be looked through again.
    Again,
    /// Nothing is left.
    End,
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
        let mut step = Changing {
            tx: &tx,
            caller,
            user: user_id(user)?,
            ghost,
            mode: row.mode()?,
            entries: self.steps.entries(),
            messages: 0,
            now,
        };
        let forget = cached(caller.app(), &step.user);
        let next = step.run(&row).await?;
        let entries = step.entries;
        let messages = step.messages;
        match next {
            Next::Here(after) => store::advance(&tx, row.id, row.phase, after, messages).await?,
            Next::Phase => store::advance(&tx, row.id, row.phase + 1, None, messages).await?,
            Next::Again => store::advance(&tx, row.id, row.phase - 1, None, messages).await?,
            Next::End => {
                store::end(&tx, row.id, now).await?;
                keys::announce(&tx, &forget).await?;
            }
        }
        self.steps.commit(tx, entries, now).await?;
        if matches!(next, Next::End) {
            // Whoever has the id next is somebody else.
            self.keys.forget(&forget).await;
            return Ok(false);
        }
        Ok(true)
    }
}

/// One step.
struct Changing<'a> {
    tx: &'a TenantTx,
    caller: &'a Caller,
    user: UserId,
    ghost: String,
    mode: DeletionMode,
    entries: Entries,
    messages: i64,
    now: DateTime<Utc>,
}

impl Changing<'_> {
    async fn run(&mut self, row: &DeletionRow) -> Result<Next> {
        let user = self.user.as_str().to_owned();
        match Phase::at(row.phase)? {
            Phase::Own => {
                let rows = store::forget_own(self.tx, &user).await?;
                Ok(if rows == 0 { Next::Phase } else { Next::Here(None) })
            }
            Phase::Members => {
                let channels = store::channels_of(self.tx, &user, CHANNELS).await?;
                for channel in &channels {
                    let channel = ChannelId(*channel);
                    if channels::find(self.tx, channel).await?.is_some() {
                        members::remove(
                            self.tx,
                            self.caller,
                            channel,
                            &self.user,
                            &mut self.entries,
                            self.now,
                        )
                        .await?;
                    }
                }
                store::forget_members(self.tx, &user, &channels).await?;
                Ok(if channels.is_empty() { Next::Phase } else { Next::Here(None) })
            }
            Phase::Messages => self.messages(row.after.unwrap_or_default()).await,
            Phase::Rest => {
                self.tx.without_time_limit().await?;
                if store::has_messages(self.tx, &user).await? {
                    return Ok(Next::Again);
                }
                rest::forget(self.tx, &user, &self.ghost).await?;
                Ok(Next::End)
            }
        }
    }

    async fn messages(&mut self, after: Uuid) -> Result<Next> {
        let looked = messages::look(self.tx, self.user.as_str(), after, LOOKED_AT).await?;
        let Some(last) = looked.last().map(|(id, ..)| *id) else { return Ok(Next::Phase) };
        let most = if self.mode == DeletionMode::Hard { ERASED } else { RENAMED };
        let named: Vec<Looked> =
            looked.into_iter().filter(|(_, own, names, _)| *own || *names).take(most).collect();
        // Those that were not looked at yet come with the next step.
        let after = if named.len() == most { named.last().map_or(last, |(id, ..)| *id) } else { last };
        self.messages += i64::try_from(named.iter().filter(|(_, own, ..)| *own).count()).unwrap_or(i64::MAX);
        // In the order in which senders hold them.
        let mut ids: Vec<Uuid> = named.iter().map(|(.., channel)| *channel).collect();
        ids.sort_unstable();
        ids.dedup();
        imports::lock_channels(self.tx, &ids).await?;
        if self.mode == DeletionMode::Hard {
            for (id, ..) in named.iter().filter(|(_, own, ..)| *own) {
                match delete(self.tx, self.caller, MessageId(*id), true, &mut self.entries, self.now).await {
                    Ok(_) => {}
                    // Erased before, or in a channel that was deleted.
                    Err(error) if error.code().status() < 500 => {
                        removal::store::erase(self.tx, &[*id], false, self.now).await?;
                    }
                    Err(error) => return Err(error),
                }
            }
        }
        self.rename(&named).await?;
        Ok(Next::Here(Some(after)))
    }

    /// Puts the ghost in the user's place, channel by channel.
    async fn rename(&mut self, looked: &[Looked]) -> Result<()> {
        let mut of_channels: BTreeMap<Uuid, Vec<Uuid>> = BTreeMap::new();
        for (id, _, _, channel) in looked {
            of_channels.entry(*channel).or_default().push(*id);
        }
        let name = users::shown(self.tx, &self.user).await?.and_then(|user| user.name);
        let named = pattern(self.user.as_str(), name.as_deref());
        let (user, ghost) = (self.user.as_str().to_owned(), self.ghost.clone());
        let by = Replacement { user: &user, ghost: &ghost, named: &named };
        for (channel, ids) in of_channels {
            // One number for each message, and one for the event: who holds what was before sees a gap, and pulls.
            let steps = i32::try_from(ids.len() + 1).map_err(Error::internal)?;
            let mut steps = Change::begin_steps(self.tx, ChannelId(channel), steps, self.now).await?;
            let told = steps.pop().ok_or(ErrorCode::ChannelNotFound)?;
            let rows: Vec<(Uuid, i64)> = ids.iter().copied().zip(steps.iter().map(Change::seq)).collect();
            messages::rename(self.tx, &by, &rows).await?;
            messages::rename_edits(self.tx, &by, &ids).await?;
            self.rename_in_documents(&ids).await?;
            let changed = search::ChangedEvent { messages: ids.into_iter().map(MessageId).collect() };
            self.entries.job(&channel, search::TOPIC_CHANGED, &changed)?;
            let data = json!({ "user_id": self.user, "mode": self.mode });
            told.tell(&mut self.entries, EventType::UserDeleted, data)?;
        }
        Ok(())
    }

    /// The same in the documents that messages, and their former versions, consist of.
    async fn rename_in_documents(&self, ids: &[Uuid]) -> Result<()> {
        let mut renamed = Vec::new();
        for (id, seq, document) in messages::documents(self.tx, ids).await? {
            if let Some((document, text)) = content::without(&document, self.user.as_str(), &self.ghost)? {
                renamed.push(((id, seq, document), text));
            }
        }
        messages::write_documents(self.tx, &renamed).await
    }
}

/// How texts name a user, as a pattern of PostgreSQL: by id or by name, after an @.
fn pattern(id: &str, name: Option<&str>) -> String {
    let escaped = |text: &str| {
        let mut out = String::new();
        for char in text.chars() {
            if !char.is_alphanumeric() {
                out.push('\\');
            }
            out.push(char);
        }
        out
    };
    let names = [Some(id), name].into_iter().flatten().filter(|name| !name.trim().is_empty());
    let names: Vec<String> = names.map(escaped).collect();
    format!("@({})(?![[:alnum:]_])", names.join("|"))
}

#[cfg(test)]
mod tests {
    use super::pattern;

    #[test]
    fn a_name_is_no_pattern() {
        assert_eq!(pattern("a.b", Some("Ann (x)")), "@(a\\.b|Ann\\ \\(x\\))(?![[:alnum:]_])");
        assert_eq!(pattern("ann", Some(" ")), "@(ann)(?![[:alnum:]_])");
        assert_eq!(pattern("ann", None), "@(ann)(?![[:alnum:]_])");
    }
}
