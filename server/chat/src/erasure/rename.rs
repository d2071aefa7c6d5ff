//! Messages of a deletion: the user's own are erased or become the nameless user's, others name the user no more.

use std::collections::BTreeMap;

use parlor_platform::db::TenantTx;
use parlor_platform::{Error, Result};
use parlor_protocol::deletion::DeletionMode;
use parlor_protocol::{ChannelId, ErrorCode, EventType, MessageId, UserId};
use serde_json::json;
use uuid::Uuid;

use super::messages::{self, Document, Looked, Replacement};
use super::tasks as named_tasks;
use super::work::{Changing, Next};
use crate::channels::change::Change;
use crate::channels::store as channels;
use crate::fanout::{ERASED_TOPIC, Erased};
use crate::messages::delete::delete;
use crate::messages::store::{QUOTED_AT_ONCE, forget_quoted};
use crate::users::store as users;
use crate::{content, removal, search, tasks};

/// Messages that a step looks at, and changes at the most; each that is erased is a change by itself.
const LOOKED_AT: i64 = 5_000;
const RENAMED: usize = 200;
const ERASED: usize = 25;

impl Changing<'_> {
    /// The next messages by id, and what hangs on them.
    pub async fn messages(&mut self, after: Uuid) -> Result<Next> {
        let named = pattern_of(self.tx, &self.user, &[]).await?;
        let (user, ghost) = (self.user.as_str().to_owned(), self.ghost.clone());
        let by = Replacement { user: &user, ghost: &ghost, named: &named };
        let looked = messages::look(self.tx, &by, after, LOOKED_AT).await?;
        let Some(last) = looked.last().map(|message| message.id) else { return Ok(Next::Phase) };
        let most = if self.mode == DeletionMode::Hard { ERASED } else { RENAMED };
        let found = looked.into_iter().filter(|message| message.own || message.names || message.task);
        let found: Vec<Looked> = found.take(most).collect();
        // Those that were not looked at yet come with the next step.
        let upto = if found.len() == most { found.last().map_or(last, |message| message.id) } else { last };
        let own = found.iter().filter(|message| message.own);
        self.messages += i64::try_from(own.clone().count()).unwrap_or(i64::MAX);
        // In the order in which senders hold them.
        let mut ids: Vec<Uuid> = found.iter().map(|message| message.channel).collect();
        ids.sort_unstable();
        ids.dedup();
        channels::lock_each(self.tx, &ids).await?;
        if self.mode == DeletionMode::Hard {
            for message in own {
                self.erase(message).await?;
            }
        }
        let mut of_channels: BTreeMap<Uuid, Vec<&Looked>> = BTreeMap::new();
        for message in &found {
            of_channels.entry(message.channel).or_default().push(message);
        }
        for (channel, found) in of_channels {
            self.rename(ChannelId(channel), by, &found).await?;
        }
        messages::rename_marks(self.tx, &by, after, upto).await?;
        Ok(Next::Here(Some(upto)))
    }

    async fn erase(&mut self, message: &Looked) -> Result<()> {
        let (tx, id) = (self.tx, MessageId(message.id));
        match delete(tx, self.caller, id, true, &mut self.entries, self.now).await {
            Ok(_) => Ok(()),
            // Erased before, or in a channel that was deleted.
            Err(error) if error.code().status() < 500 => {
                removal::store::erase(tx, &[message.id], false, self.now).await?;
                if forget_quoted(tx, &[message.id]).await? == QUOTED_AT_ONCE {
                    self.entries.job(&message.channel, ERASED_TOPIC, &Erased { message_id: id })?;
                }
                tasks::forget(tx, id, &mut self.entries, self.now).await
            }
            Err(error) => Err(error),
        }
    }

    /// Puts the ghost in the user's place in messages of a channel, in quotations of them, and in the tasks that were made
    /// of them.
    async fn rename(&mut self, channel: ChannelId, by: Replacement<'_>, found: &[&Looked]) -> Result<()> {
        let tx = self.tx;
        let messages = found.iter().filter(|message| message.own || message.names);
        let messages: Vec<Uuid> = messages.map(|message| message.id).collect();
        let documents = messages::documents(tx, &messages).await?;
        // A document names the user as its writer likes, and so does what was made of its text.
        let (mut labels, mut labelled) = (Vec::new(), Vec::new());
        for (id, _, document) in &documents {
            let names = content::labels(document, by.user);
            labelled.extend((!names.is_empty()).then_some(*id));
            labels.extend(names);
        }
        let named = pattern_of(tx, &self.user, &labels).await?;
        let widely = Replacement { named: &named, ..by };
        let quoting = messages::quoting(tx, &named, &labelled).await?;
        let made = found.iter().filter(|message| message.task).map(|message| message.id);
        let mut made: Vec<Uuid> = made.chain(labelled).collect();
        made.sort_unstable();
        made.dedup();
        let made = named_tasks::naming(tx, &widely, &made).await?;
        let changed = messages.len() + quoting.len() + made.len();
        if changed == 0 {
            return Ok(());
        }
        // One number for each row, and one for the event: who holds what was before sees a gap, and pulls.
        let steps = i32::try_from(changed + 1).map_err(Error::internal)?;
        let mut steps = Change::begin_steps(tx, channel, steps, self.now).await?;
        let told = steps.pop().ok_or(ErrorCode::ChannelNotFound)?;
        let mut seqs = steps.iter().map(Change::seq);
        let mut numbered = |ids: &[Uuid]| ids.iter().copied().zip(seqs.by_ref()).collect::<Vec<_>>();
        messages::rename(tx, &by, &numbered(&messages)).await?;
        messages::rename_edits(tx, &by, &messages).await?;
        messages::write_documents(tx, &renamed(documents, &by)?).await?;
        messages::rename_quoted(tx, &named, &numbered(&quoting)).await?;
        named_tasks::rename(tx, &widely, &numbered(&made)).await?;
        let changed = search::ChangedEvent { messages: messages.into_iter().map(MessageId).collect() };
        self.entries.job(&channel.0, search::TOPIC_CHANGED, &changed)?;
        let data = json!({ "user_id": self.user, "mode": self.mode });
        told.tell(&mut self.entries, EventType::UserDeleted, data)
    }
}

/// Of these documents, those that mention the user, with the ghost in the user's place and their texts.
fn renamed(documents: Vec<Document>, by: &Replacement<'_>) -> Result<Vec<(Document, String)>> {
    let mut renamed = Vec::new();
    for (id, seq, document) in documents {
        if let Some((document, text)) = content::without(&document, by.user, by.ghost)? {
            renamed.push(((id, seq, document), text));
        }
    }
    Ok(renamed)
}

/// How texts name a user, as a pattern of PostgreSQL: by id, by the name that they have, or as documents do, after an @.
pub async fn pattern_of(tx: &TenantTx, user: &UserId, labels: &[String]) -> Result<String> {
    let name = users::shown(tx, user).await?.and_then(|user| user.name);
    let names: Vec<&str> = name.iter().chain(labels).map(String::as_str).collect();
    Ok(pattern(user.as_str(), &names))
}

fn pattern(id: &str, names: &[&str]) -> String {
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
    let mut names: Vec<&str> = names.iter().copied().filter(|name| !name.trim().is_empty()).collect();
    names.push(id);
    // The longest first: a name may begin with another.
    names.sort_by(|one, other| other.len().cmp(&one.len()).then(one.cmp(other)));
    names.dedup();
    let names: Vec<String> = names.into_iter().map(escaped).collect();
    format!("@({})(?![[:alnum:]_])", names.join("|"))
}

#[cfg(test)]
mod tests {
    use super::pattern;

    #[test]
    fn a_name_is_no_pattern() {
        assert_eq!(pattern("a.b", &["Ann (x)"]), "@(Ann\\ \\(x\\)|a\\.b)(?![[:alnum:]_])");
        assert_eq!(pattern("ann", &[" "]), "@(ann)(?![[:alnum:]_])");
        assert_eq!(pattern("ann", &["Ann", "Annie", "ann"]), "@(Annie|Ann|ann)(?![[:alnum:]_])");
    }
}
