//! Looking at all lines before one is written: whether each holds by itself, and whether what it names is there, in the
//! lines or in the app.
//!
//! What was named is kept as hashes, so memory grows by a few dozen bytes a line and not with their length.

use std::collections::hash_map::RandomState;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::BuildHasher;

use chrono::{DateTime, Utc};
use parlor_platform::Result;
use parlor_platform::db::{Db, TenantTx};
use parlor_protocol::transfer::Line;
use parlor_protocol::{AppId, ErrorCode};
use uuid::Uuid;

use super::ahead::{Ahead, Reader};
use super::people::known_users;
use super::run::distinct;
use super::source::{Place, Source};
use super::{Numbered, Refused, messages, store, write};
use crate::transfer::lines::{Kind, message_id};

/// What was found.
#[derive(Debug, Default)]
pub struct Found {
    pub refused: Refused,
    /// Lines of each kind.
    pub counts: BTreeMap<&'static str, i64>,
    /// Lines altogether.
    pub lines: i64,
}

/// Looks at all lines.
pub async fn all(db: &Db, app: AppId, source: &Source, now: DateTime<Utc>) -> Result<Found> {
    let mut check = Check { hasher: RandomState::new(), ..Check::default() };
    let mut ahead = Ahead::default();
    for kind in Kind::ALL {
        let mut at = Place::default();
        loop {
            let tx = db.tenant_for_job(app).await?;
            let reader = Reader { db: db.clone(), app, source: source.clone(), kind, now };
            let found = ahead.take(&tx, reader, at).await?;
            at = found.next;
            if found.is_end {
                tx.commit_lazily().await?;
                break;
            }
            check.found.refused.add(found.refused);
            check.named(&tx, &found.lines).await?;
            tx.commit_lazily().await?;
        }
        check.found.lines = at.line;
    }
    check.found.refused.first.sort_by_key(|error| error.line);
    Ok(check.found)
}

#[derive(Default)]
struct Check {
    hasher: RandomState,
    users: HashSet<u64>,
    channels: HashSet<u64>,
    /// By message: its channel, and what may hang on it.
    messages: HashMap<u64, (u64, Hold)>,
    found: Found,
}

impl Check {
    fn hash(&self, text: &str) -> u64 {
        self.hasher.hash_one(text)
    }

    /// Whether what these lines name is there. Lines of one kind.
    async fn named(&mut self, tx: &TenantTx, lines: &[Numbered<Line>]) -> Result<()> {
        let elsewhere = self.elsewhere(tx, lines).await?;
        for (number, line) in lines {
            let kind = kind(line);
            match self.line(line, &elsewhere) {
                Ok(()) => *self.found.counts.entry(kind.plural()).or_default() += 1,
                Err(error) => self.found.refused.error(*number, &error),
            }
        }
        Ok(())
    }

    /// What of that is in the app.
    async fn elsewhere(&self, tx: &TenantTx, lines: &[Numbered<Line>]) -> Result<Elsewhere> {
        let mut users = Vec::new();
        let (mut cids, mut messages) = (Vec::new(), Vec::new());
        for (_, line) in lines {
            users.extend(users_of(line).into_iter().filter(|user| !self.users.contains(&self.hash(user))));
            cids.extend(channel_of(line).filter(|cid| !self.channels.contains(&self.hash(cid))));
            let named = messages_of(line).into_iter();
            messages.extend(named.filter(|id| !self.messages.contains_key(&self.hash(id))));
        }
        let cids = distinct(cids.into_iter());
        let ids: Vec<Uuid> = distinct(messages.into_iter()).into_iter().map(|id| message_id(id).0).collect();
        let channels: HashMap<Uuid, String> =
            store::channels_of(tx, &cids).await?.into_iter().map(|(cid, id)| (id, cid)).collect();
        let known = write::known(tx, &ids).await?;
        Ok(Elsewhere {
            users: known_users(tx, distinct(users.into_iter())).await?,
            messages: known
                .into_iter()
                .map(|known| (known.id, (known.channel, Hold::of(known.parent.is_some(), known.answerable))))
                .collect(),
            cids: channels.values().cloned().collect(),
        })
    }

    fn line(&mut self, line: &Line, elsewhere: &Elsewhere) -> Result<()> {
        for user in users_of(line) {
            if !self.users.contains(&self.hash(user)) && !elsewhere.users.contains(user) {
                return Err(parlor_platform::Error::with(
                    ErrorCode::UserUnknown,
                    format!("There is no user {user:?}."),
                ));
            }
        }
        if let Some(cid) = channel_of(line)
            && !self.channels.contains(&self.hash(cid))
            && !elsewhere.cids.contains(cid)
        {
            return Err(ErrorCode::ChannelNotFound.into());
        }
        match line {
            Line::User(user) => drop(self.users.insert(self.hash(user.id.as_str()))),
            Line::Channel(channel) => drop(self.channels.insert(self.hash(&channel.cid))),
            Line::Message(message) => {
                let channel = self.hash(&message.channel);
                for (id, is_parent) in [(&message.parent_id, true), (&message.reply_to_id, false)] {
                    let Some(id) = id else { continue };
                    let here = self.messages.get(&self.hash(id)).copied();
                    let fits = match here {
                        Some((its, hold)) => its == channel && hold.holds(is_parent),
                        // Of another channel of the app: the import refuses it.
                        None => {
                            let known = elsewhere.messages.get(&message_id(id).0);
                            known.is_some_and(|(_, hold)| hold.holds(is_parent))
                        }
                    };
                    if !fits {
                        return Err(ErrorCode::InvalidThread.into());
                    }
                }
                let hold = Hold::of(message.parent_id.is_some(), message.visible_to.is_none());
                let entry = (channel, hold);
                if self.messages.insert(self.hash(&message.id), entry).is_some() {
                    return Err(ErrorCode::MessageIdReused.into());
                }
            }
            Line::Reaction(_) | Line::Read(_) => {
                for id in messages_of(line) {
                    let here = self.messages.contains_key(&self.hash(id));
                    if !here && !elsewhere.messages.contains_key(&message_id(id).0) {
                        return Err(ErrorCode::MessageNotFound.into());
                    }
                }
            }
            Line::Member(_) => {}
        }
        Ok(())
    }
}

/// What lines name that is in the app.
struct Elsewhere {
    users: HashSet<String>,
    cids: HashSet<String>,
    messages: HashMap<Uuid, (Uuid, Hold)>,
}

/// What may hang on a message.
#[derive(Clone, Copy, Debug)]
enum Hold {
    Nothing,
    /// It is a reply itself.
    Quotations,
    All,
}

impl Hold {
    fn of(is_reply: bool, answerable: bool) -> Self {
        match (answerable, is_reply) {
            (false, _) => Self::Nothing,
            (true, true) => Self::Quotations,
            (true, false) => Self::All,
        }
    }

    /// Whether there may be a reply to it, or a quotation of it.
    fn holds(self, reply: bool) -> bool {
        match self {
            Self::Nothing => false,
            Self::Quotations => !reply,
            Self::All => true,
        }
    }
}

fn kind(line: &Line) -> Kind {
    match line {
        Line::User(_) => Kind::User,
        Line::Channel(_) => Kind::Channel,
        Line::Member(_) => Kind::Member,
        Line::Message(_) => Kind::Message,
        Line::Reaction(_) => Kind::Reaction,
        Line::Read(_) => Kind::Read,
    }
}

/// Users that a line names.
fn users_of(line: &Line) -> Vec<&str> {
    match line {
        Line::User(_) => Vec::new(),
        Line::Channel(channel) => channel.created_by.iter().map(|user| user.as_str()).collect(),
        Line::Member(member) => vec![member.user_id.as_str()],
        Line::Message(message) => messages::named(message).map(|user| user.as_str()).collect(),
        Line::Reaction(reaction) => vec![reaction.user_id.as_str()],
        Line::Read(read) => vec![read.user_id.as_str()],
    }
}

/// The channel that a line names.
fn channel_of(line: &Line) -> Option<&str> {
    match line {
        Line::User(_) | Line::Channel(_) | Line::Reaction(_) => None,
        Line::Member(member) => Some(&member.channel),
        Line::Message(message) => Some(&message.channel),
        Line::Read(read) => Some(&read.channel),
    }
}

/// Messages that a line names, but for its own.
fn messages_of(line: &Line) -> Vec<&str> {
    match line {
        Line::Message(message) => {
            [&message.parent_id, &message.reply_to_id].into_iter().flatten().map(String::as_str).collect()
        }
        Line::Reaction(reaction) => vec![&reaction.message_id],
        Line::Read(read) => {
            [&read.message_id, &read.hidden_up_to].into_iter().flatten().map(String::as_str).collect()
        }
        Line::User(_) | Line::Channel(_) | Line::Member(_) => Vec::new(),
    }
}
