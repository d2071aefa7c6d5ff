//! What the replies of a batch do to their threads. Pure: no clock, no database.
//!
//! The channel's lock is held, so nobody else counts in its threads meanwhile. What a reply makes of its thread is told
//! with it; the roots, and who takes part from now on, are written with the batch.

use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::{DateTime, Utc};
use parlor_platform::{Error, Result};
use parlor_protocol::limits::THREAD_PARTICIPANTS;
use parlor_protocol::{ThreadSummary, UserRef};
use uuid::Uuid;

use super::Item;
use super::plan::Known;

/// The threads that a batch replies in.
#[derive(Debug, Default)]
pub struct Threads<'a> {
    pub roots: BTreeMap<Uuid, Root>,
    /// Who takes part from now on, by root and user.
    pub readers: BTreeMap<(Uuid, &'a str), Reader>,
}

/// A thread after the replies so far.
#[derive(Debug)]
pub struct Root {
    /// `seq` of its newest reply.
    pub seq: i64,
    pub summary: ThreadSummary,
}

/// One who takes part in a thread.
#[derive(Debug, PartialEq, Eq)]
pub struct Reader {
    pub channel: Uuid,
    /// How far they have read: up to their own newest reply, or, without one, if the thread is new to them.
    pub seq: i64,
    pub ordinal: i64,
    /// Their replies in this batch, and the `seq` of the first.
    pub replies: i32,
    pub first: Option<i64>,
}

/// Who had replied before, by root and user.
pub type Replied = HashSet<(Uuid, String)>;

impl<'a> Threads<'a> {
    /// Takes a message in; if it is a reply, gives its thread as it is after it.
    pub fn take(
        &mut self,
        item: &'a Item,
        by: &UserRef,
        seq: i64,
        now: DateTime<Utc>,
        (known, replied): (&'a HashMap<Uuid, Known>, &Replied),
    ) -> Result<Option<ThreadSummary>> {
        let Some(id) = item.content.parent_id.map(|parent| parent.0) else { return Ok(None) };
        if item.content.visible_to.is_some() {
            // It is not told to all, so the thread does not change; its place is after the replies so far.
            let stored = || known.get(&id).map(|known| known.row.thread_summary());
            return Ok(Some(match self.roots.get(&id) {
                Some(root) => root.summary.clone(),
                None => stored().transpose()?.flatten().unwrap_or_default(),
            }));
        }
        let (channel, user) = (item.channel.0, item.user.as_str());
        let unread_from = |seq: i64, ordinal: i64| Reader { channel, seq, ordinal, replies: 0, first: None };
        if !self.roots.contains_key(&id) {
            let row = &known.get(&id).ok_or_else(|| Error::internal("a reply without a root"))?.row;
            let summary = row.thread_summary()?.unwrap_or_default();
            if summary.ordinal == 0 {
                // With the first reply the author of the root takes part, and has read none of it.
                self.readers.insert((id, row.user_id.as_str()), unread_from(row.seq, 0));
            }
            self.roots.insert(id, Root { seq, summary });
        }
        let root = self.roots.get_mut(&id).ok_or_else(|| Error::internal("a root is gone"))?;
        let heard = i64::from(item.is_heard());
        let ordinal = root.summary.ordinal + heard;
        for mentioned in &item.content.mentions {
            self.readers.entry((id, mentioned.as_str())).or_insert(unread_from(seq - 1, ordinal - heard));
        }
        let own = self.readers.entry((id, user)).or_insert(unread_from(seq, ordinal));
        let is_new = own.replies == 0 && !replied.contains(&(id, user.to_owned()));
        (own.seq, own.ordinal) = (seq, ordinal);
        own.replies += 1;
        own.first = own.first.or(Some(seq));

        root.seq = seq;
        let summary = &mut root.summary;
        summary.ordinal = ordinal;
        summary.reply_count += 1;
        summary.last_reply_at = Some(now);
        if is_new {
            summary.participant_count += 1;
            if summary.participants.len() < THREAD_PARTICIPANTS {
                summary.participants.push(by.clone());
            }
        }
        Ok(Some(summary.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use parlor_protocol::{AppId, ChannelId, MessageId, UserId};
    use serde_json::json;

    use crate::messages::store::MessageRow;

    fn user(id: &str) -> UserRef {
        UserRef { id: UserId::new(id).unwrap(), name: None, image: None }
    }

    fn item(root: MessageId, by: &str, mentions: &[&str]) -> Item {
        let content = json!({ "text": "x", "parent_id": root, "mentions": mentions });
        Item {
            app: AppId(Uuid::nil()),
            channel: ChannelId(Uuid::nil()),
            user: UserId::new(by).unwrap(),
            by_server: false,
            id: MessageId::new(),
            content: serde_json::from_value(content).unwrap(),
            forwarded_from: None,
            approved: false,
            fingerprint: 0,
        }
    }

    fn known(root: MessageId) -> HashMap<Uuid, Known> {
        let row = MessageRow {
            id: root.0,
            channel_id: Uuid::nil(),
            user_id: "ann".into(),
            seq: 5,
            updated_seq: 5,
            ordinal: 1,
            text: "root".into(),
            attachments: None,
            mentions: None,
            custom: None,
            parent_id: None,
            reply_to_id: None,
            created_at: DateTime::UNIX_EPOCH,
            edited_at: None,
            deleted_at: None,
            erased: false,
            reactions: None,
            pinned: None,
            poll: None,
            in_timeline: true,
            thread_ordinal: None,
            reply_count: None,
            participant_count: None,
            last_reply_at: None,
            quoted: None,
            forwarded_from: None,
            content_type: None,
            content: None,
            group_mentions: None,
            silent: false,
            visible_to: None,
            participants: None,
            name: None,
            image: None,
        };
        HashMap::from([(root.0, Known { row, fingerprint: 0, own_reactions: Vec::new() })])
    }

    #[test]
    fn replies_of_a_batch_count_one_after_the_other() {
        let root = MessageId::new();
        let (known, replied) = (known(root), Replied::new());
        let items = [item(root, "ben", &["eve"]), item(root, "eve", &[]), item(root, "ben", &["dan"])];
        let mut threads = Threads::default();
        let mut told = Vec::new();
        for (seq, item) in (7..).zip(&items) {
            let by = user(item.user.as_str());
            let after = threads.take(item, &by, seq, DateTime::UNIX_EPOCH, (&known, &replied)).unwrap();
            let after = after.unwrap();
            told.push((after.ordinal, after.reply_count, after.participant_count));
        }
        assert_eq!(told, [(1, 1, 1), (2, 2, 2), (3, 3, 2)]);
        assert_eq!(threads.roots[&root.0].seq, 9);
        let pointer = |who: &str| {
            let reader = &threads.readers[&(root.0, who)];
            (reader.seq, reader.ordinal, reader.replies, reader.first)
        };
        assert_eq!(pointer("ann"), (5, 0, 0, None), "who wrote the root has read none");
        assert_eq!(pointer("ben"), (9, 3, 2, Some(7)));
        assert_eq!(pointer("eve"), (8, 2, 1, Some(8)), "a reply moves further than a mention");
        assert_eq!(pointer("dan"), (8, 2, 0, None), "the mention itself is unread");
    }

    #[test]
    fn silent_replies_do_not_count_as_unread_and_those_not_for_all_not_at_all() {
        let root = MessageId::new();
        let (known, replied) = (known(root), Replied::new());
        let mut items = [item(root, "ben", &[]), item(root, "ben", &[]), item(root, "eve", &["dan"])];
        items[0].content.visible_to = Some(vec![UserId::new("eve").unwrap()]);
        items[1].content.visible_to = Some(vec![UserId::new("eve").unwrap()]);
        items[2].content.silent = true;
        let mut threads = Threads::default();
        let mut told = Vec::new();
        for (seq, item) in (7..).zip(&items) {
            let by = user(item.user.as_str());
            let after =
                threads.take(item, &by, seq, DateTime::UNIX_EPOCH, (&known, &replied)).unwrap().unwrap();
            told.push((after.ordinal, after.reply_count, after.participant_count));
        }
        assert_eq!(told, [(0, 0, 0), (0, 0, 0), (0, 1, 1)]);
        assert_eq!(threads.roots[&root.0].seq, 9);
        let dan = &threads.readers[&(root.0, "dan")];
        assert_eq!((dan.seq, dan.ordinal), (8, 0), "a silent mention is followed, and not unread");
    }

    #[test]
    fn at_most_ten_are_named_and_all_are_counted() {
        let root = MessageId::new();
        let known = known(root);
        let replied = Replied::from([(root.0, "u3".to_owned())]);
        let items: Vec<Item> = (0..12).map(|n| item(root, &format!("u{n}"), &[])).collect();
        let mut threads = Threads::default();
        for (seq, item) in (7..).zip(&items) {
            let by = user(item.user.as_str());
            threads.take(item, &by, seq, DateTime::UNIX_EPOCH, (&known, &replied)).unwrap();
        }
        let summary = &threads.roots[&root.0].summary;
        assert_eq!((summary.participants.len(), summary.participant_count), (THREAD_PARTICIPANTS, 11));
    }
}
