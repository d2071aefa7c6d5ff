//! Decides about a batch, from rows that were read under the channels' locks. Pure: no clock, no database.
//!
//! Every item gets an outcome. Accepted ones get the next `seq` of their channel, in the order of the batch;
//! refused ones take none, so the numbers stay gap-free.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use parlor_platform::{Error, Result};
use parlor_protocol::{Capability, ChannelConfig, ChannelType, ErrorCode, MessageId, Role, UserId, UserRef};
use uuid::Uuid;

use super::Item;
use super::threads::Replied;
use crate::content::attachments;
use crate::mentions;
use crate::messages::store::MessageRow;
use crate::permissions::{Actor, may, require};

/// A locked channel.
#[derive(Clone, Debug)]
pub struct ChannelState {
    pub kind: ChannelType,
    pub config: ChannelConfig,
    pub seq: i64,
    pub ordinal: i64,
    /// Messages up to here are gone.
    pub truncated_seq: i64,
    pub member_count: i32,
}

/// An item's sender.
#[derive(Clone, Debug)]
pub struct SenderState {
    pub user: UserRef,
    pub active: bool,
    pub role: Option<Role>,
    /// The first `seq` that the sender may read.
    pub history_from_seq: i64,
}

/// A message that the batch refers to: sent before under the same id, or parent, or quoted.
#[derive(Clone, Debug)]
pub struct Known {
    pub row: MessageRow,
    pub fingerprint: i64,
    /// Types of its author's own reactions.
    pub own_reactions: Vec<String>,
}

/// Channels and users who are in them.
pub type Present = HashSet<(Uuid, String)>;

/// What was read.
#[derive(Debug, Default)]
pub struct Facts {
    pub channels: HashMap<Uuid, ChannelState>,
    /// One for each item, in their order; `None` for a user that was never registered.
    pub senders: Vec<Option<SenderState>>,
    pub messages: HashMap<Uuid, Known>,
    /// Users that exist, of those who are mentioned or may read what not all may.
    pub mentioned: HashSet<String>,
    /// Of those who may read what not all may, and its author, who is in its channel.
    pub present: Present,
    /// Mentioned groups that exist.
    pub groups: HashSet<Uuid>,
    /// Who replied before in the threads that the batch replies in.
    pub replied: Replied,
}

impl Facts {
    /// Whether a user of those who may read what not all may reads its channel.
    pub fn reads(&self, item: &Item, user: &UserId) -> bool {
        let public = self.channels.get(&item.channel.0).is_some_and(|channel| channel.kind.is_public());
        public || self.present.contains(&(item.channel.0, user.as_str().to_owned()))
    }
}

/// What happens to an item.
#[derive(Debug)]
pub enum Outcome {
    /// It is written with these numbers.
    Accepted { seq: i64, ordinal: i64, countable: bool },
    /// It may be sent, and needs approval first.
    Waits,
    /// It is the same message as this one, which was sent before.
    Known(Box<Known>),
    /// It is the same message as the item at this place of the batch.
    SameAs(usize),
    /// It is not written.
    Refused(Error),
}

/// Decides about all items and moves the channels' numbers.
pub fn plan(items: &[Item], facts: &mut Facts, now: DateTime<Utc>) -> Vec<Outcome> {
    let mut first: HashMap<MessageId, usize> = HashMap::new();
    let mut outcomes: Vec<Outcome> = Vec::with_capacity(items.len());
    for (at, item) in items.iter().enumerate() {
        let outcome = match first.get(&item.id).copied() {
            Some(earlier) if matches!(outcomes.get(earlier), Some(Outcome::Accepted { .. })) => {
                match items.get(earlier) {
                    Some(other) if same(other.fingerprint, item.fingerprint) => Outcome::SameAs(earlier),
                    _ => Outcome::Refused(ErrorCode::MessageIdReused.into()),
                }
            }
            _ => {
                first.insert(item.id, at);
                decide(item, facts.senders.get(at).cloned().flatten(), facts, now)
            }
        };
        outcomes.push(outcome);
    }
    outcomes
}

fn same(one: i64, other: i64) -> bool {
    one == other
}

fn decide(item: &Item, sender: Option<SenderState>, facts: &mut Facts, now: DateTime<Utc>) -> Outcome {
    match check(item, sender, facts, now) {
        Ok(Fate::Known(known)) => Outcome::Known(known),
        Ok(Fate::Waits) => Outcome::Waits,
        Ok(Fate::Goes) => {
            let countable = item.is_countable();
            match facts.channels.get_mut(&item.channel.0) {
                None => Outcome::Refused(ErrorCode::ChannelNotFound.into()),
                Some(channel) => {
                    channel.seq += 1;
                    channel.ordinal += i64::from(countable);
                    Outcome::Accepted { seq: channel.seq, ordinal: channel.ordinal, countable }
                }
            }
        }
        Err(error) => Outcome::Refused(error),
    }
}

/// What becomes of an item that is not refused.
enum Fate {
    /// It was sent before.
    Known(Box<Known>),
    /// It needs approval.
    Waits,
    Goes,
}

fn check(item: &Item, sender: Option<SenderState>, facts: &Facts, now: DateTime<Utc>) -> Result<Fate> {
    let channel = facts.channels.get(&item.channel.0).ok_or(ErrorCode::ChannelNotFound)?;
    let unknown = if item.by_server { ErrorCode::UserUnknown } else { ErrorCode::UserNotRegistered };
    let sender = sender.ok_or(unknown)?;
    if !sender.active {
        return Err(if item.by_server { ErrorCode::UserUnknown } else { ErrorCode::UserDeactivated }.into());
    }
    let known = facts.messages.get(&item.id.0);
    if let Some(known) = known
        && same(known.fingerprint, item.fingerprint)
    {
        // A retry is answered whatever has changed since: it was acknowledged, or should have been.
        let mut known = known.clone();
        if known.row.seq <= channel.truncated_seq {
            known.row.erase();
        }
        known.row.forget_truncated(channel.truncated_seq)?;
        return Ok(Fate::Known(Box::new(known)));
    }
    let actor = match (item.by_server, sender.role) {
        (true, _) => Actor::Server,
        (false, Some(role)) => Actor::Member(role),
        (false, None) => Actor::Outsider,
    };
    require(actor, Capability::SendMessage, channel.kind, &channel.config)?;
    // After the rights: that an id is taken is for those to know who may send here.
    if known.is_some() {
        return Err(ErrorCode::MessageIdReused.into());
    }
    let here = |id: MessageId| {
        let known = facts.messages.get(&id.0).map(|known| &known.row);
        known
            .filter(|row| row.channel_id == item.channel.0 && row.seq > channel.truncated_seq)
            // What hangs on a message is shown to all, so on one that not all may read nothing hangs.
            .filter(|row| row.visible_to.is_none())
            .ok_or_else(|| Error::new(ErrorCode::InvalidThread))
    };
    if let Some(parent) = item.content.parent_id
        && here(parent)?.parent_id.is_some()
    {
        return Err(ErrorCode::InvalidThread.into());
    }
    // Nothing is quoted that was erased, or from before the sender's history.
    if let Some(quoted) = item.content.reply_to_id
        && let quoted = here(quoted)?
        && (quoted.erased || (quoted.seq < sender.history_from_seq && !item.by_server))
    {
        return Err(ErrorCode::InvalidThread.into());
    }
    if let Some(nobody) = item.named().find(|user| !facts.mentioned.contains(user.as_str())) {
        return Err(Error::with(ErrorCode::UserUnknown, format!("There is no user {:?}.", nobody.as_str())));
    }
    // What was approved was looked at when it began to wait.
    let asks = !item.by_server && !item.approved;
    if let Some(absent) = item.readers().find(|user| asks && !facts.reads(item, user)) {
        let why = format!("{:?} is not in the channel.", absent.as_str());
        return Err(Error::with(ErrorCode::InvalidVisibility, why));
    }
    let groups = &item.content.group_mentions;
    if groups.groups.iter().any(|group| !facts.groups.contains(&group.0)) {
        return Err(ErrorCode::GroupUnknown.into());
    }
    mentions::allowed(actor, groups, channel.kind, &channel.config, channel.member_count)?;
    attachments::live_until(&item.content.attachments, now)?;
    let waits = channel.config.messages_need_approval && !item.approved;
    if waits && !may(actor, Capability::ApproveMessages, channel.kind, &channel.config) {
        return Ok(Fate::Waits);
    }
    Ok(Fate::Goes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use parlor_protocol::{AppId, ChannelId};
    use proptest::prelude::*;

    fn item(channel: ChannelId, id: MessageId, fingerprint: i64) -> Item {
        Item {
            app: AppId(Uuid::nil()),
            channel,
            user: UserId::new("ann").unwrap(),
            by_server: false,
            id,
            content: serde_json::from_value(serde_json::json!({ "text": "hello" })).unwrap(),
            forwarded_from: None,
            approved: false,
            fingerprint,
        }
    }

    fn facts(channel: ChannelId, roles: Vec<Option<Role>>) -> Facts {
        let user = UserRef { id: UserId::new("ann").unwrap(), name: None, image: None };
        let state = ChannelState {
            kind: ChannelType::Team,
            config: ChannelConfig::default(),
            seq: 7,
            ordinal: 3,
            truncated_seq: 0,
            member_count: 1,
        };
        Facts {
            channels: HashMap::from([(channel.0, state)]),
            senders: roles
                .into_iter()
                .map(|role| Some(SenderState { user: user.clone(), active: true, role, history_from_seq: 0 }))
                .collect(),
            ..Facts::default()
        }
    }

    #[test]
    fn the_same_id_in_a_batch_is_one_message() {
        let (channel, id) = (ChannelId::new(), MessageId::new());
        let items = [item(channel, id, 1), item(channel, id, 1), item(channel, id, 2)];
        let outcomes = plan(&items, &mut facts(channel, vec![Some(Role::Member); 3]), DateTime::UNIX_EPOCH);
        assert!(matches!(outcomes[0], Outcome::Accepted { seq: 8, ordinal: 4, countable: true }));
        assert!(matches!(outcomes[1], Outcome::SameAs(0)));
        assert!(
            matches!(&outcomes[2], Outcome::Refused(error) if error.code() == ErrorCode::MessageIdReused)
        );
    }

    #[test]
    fn a_refused_first_does_not_answer_for_the_second() {
        let (channel, id) = (ChannelId::new(), MessageId::new());
        let items = [item(channel, id, 1), item(channel, id, 1)];
        let outcomes =
            plan(&items, &mut facts(channel, vec![None, Some(Role::Member)]), DateTime::UNIX_EPOCH);
        assert!(matches!(&outcomes[0], Outcome::Refused(error) if error.code() == ErrorCode::NotAMember));
        assert!(matches!(outcomes[1], Outcome::Accepted { seq: 8, .. }));
    }

    #[test]
    fn what_is_silent_or_not_for_all_counts_for_nobody() {
        let channel = ChannelId::new();
        let said = |extra: serde_json::Value| {
            let mut item = item(channel, MessageId::new(), 0);
            let mut body = serde_json::json!({ "text": "hello" });
            body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
            item.content = serde_json::from_value(body).unwrap();
            item
        };
        let items = [
            said(serde_json::json!({})),
            said(serde_json::json!({ "silent": true })),
            said(serde_json::json!({ "visible_to": ["ben"] })),
            said(serde_json::json!({})),
        ];
        let mut facts = facts(channel, vec![Some(Role::Member); 4]);
        facts.mentioned.insert("ben".into());
        facts.present.extend(["ann", "ben"].map(|user| (channel.0, user.to_owned())));
        let numbers =
            plan(&items, &mut facts, DateTime::UNIX_EPOCH).into_iter().map(|outcome| match outcome {
                Outcome::Accepted { seq, ordinal, countable } => (seq, ordinal, countable),
                other => panic!("{other:?}"),
            });
        assert_eq!(numbers.collect::<Vec<_>>(), [(8, 4, true), (9, 4, false), (10, 4, false), (11, 5, true)]);
    }

    #[test]
    fn users_let_nobody_read_who_is_not_there() {
        let fate = |kind, by_server| {
            let channel = ChannelId::new();
            let mut item = Item { by_server, ..item(channel, MessageId::new(), 0) };
            item.content.visible_to = Some(vec![UserId::new("ben").unwrap()]);
            let mut facts = facts(channel, vec![Some(Role::Member)]);
            facts.channels.get_mut(&channel.0).unwrap().kind = kind;
            facts.mentioned.insert("ben".into());
            facts.present.insert((channel.0, "ann".into()));
            plan(&[item], &mut facts, DateTime::UNIX_EPOCH).pop().unwrap()
        };
        assert!(
            matches!(fate(ChannelType::Team, false), Outcome::Refused(error) if error.code() == ErrorCode::InvalidVisibility)
        );
        assert!(matches!(fate(ChannelType::Team, true), Outcome::Accepted { .. }), "the server may");
        assert!(matches!(fate(ChannelType::Livestream, false), Outcome::Accepted { .. }), "all read those");
    }

    #[test]
    fn where_messages_need_approval_those_of_moderators_do_not() {
        let fate = |role, approved, by_server| {
            let channel = ChannelId::new();
            let item = Item { approved, by_server, ..item(channel, MessageId::new(), 0) };
            let mut facts = facts(channel, vec![role]);
            facts.channels.get_mut(&channel.0).unwrap().config.messages_need_approval = true;
            plan(&[item], &mut facts, DateTime::UNIX_EPOCH).pop().unwrap()
        };
        assert!(matches!(fate(Some(Role::Member), false, false), Outcome::Waits));
        assert!(matches!(fate(Some(Role::Member), true, false), Outcome::Accepted { .. }));
        assert!(matches!(fate(Some(Role::Moderator), false, false), Outcome::Accepted { .. }));
        assert!(matches!(fate(None, false, true), Outcome::Accepted { .. }));
        assert!(matches!(fate(None, false, false), Outcome::Refused(_)), "rights come first");
    }

    proptest! {
        /// Whatever is refused: accepted ones have consecutive numbers, and the channel ends at the last.
        #[test]
        fn numbers_are_gap_free(kinds in prop::collection::vec((0u8..4, any::<bool>()), 1..60)) {
            let channel = ChannelId::new();
            let ids: Vec<MessageId> = (0..10).map(|_| MessageId::new()).collect();
            let items: Vec<Item> = kinds.iter().enumerate().map(|(at, (kind, _))| {
                item(channel, ids[at % ids.len()], i64::from(*kind))
            }).collect();
            let roles = kinds.iter().map(|(_, member)| member.then_some(Role::Member)).collect();
            let mut facts = facts(channel, roles);
            let outcomes = plan(&items, &mut facts, DateTime::UNIX_EPOCH);
            let seqs: Vec<i64> = outcomes.iter().filter_map(|outcome| match outcome {
                Outcome::Accepted { seq, .. } => Some(*seq),
                _ => None,
            }).collect();
            let expected: Vec<i64> = (8..8 + seqs.len() as i64).collect();
            prop_assert_eq!(&seqs, &expected);
            prop_assert_eq!(facts.channels[&channel.0].seq, 7 + seqs.len() as i64);
        }
    }
}
