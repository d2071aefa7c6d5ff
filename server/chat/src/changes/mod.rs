//! What changed in channels after a `seq`: how a client that missed events catches up.
//!
//! State based: rows whose `updated_seq` is past the reader's, so ten edits of a message are one row. Messages,
//! members and tasks of a channel are merged by `updated_seq`; where one list was cut short the channel's part ends
//! there, and the next call goes on from that `seq`. One channel is pulled by itself, many by [`crate::sync`].

mod store;

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use futures_util::try_join;
use parlor_platform::Result;
use parlor_platform::db::TenantTx;
use parlor_protocol::channel::ChannelChanges;
use parlor_protocol::limits::BATCH;
use parlor_protocol::{Capability, ChannelId, Member, Message, Task, UserId};
use uuid::Uuid;

use crate::channels::{access, view};
use crate::members::store::MemberRow;
use crate::messages::store::MessageRow;
use crate::messages::view as message_view;
use crate::tasks::store::TaskRow;
use crate::web::{Caller, one_more};

/// All members that a channel was created with share its first `seq`: the creator, and a batch.
const TIES: i64 = BATCH as i64;

/// From where on a channel is read.
#[derive(Clone, Copy, Debug)]
pub struct Since {
    pub channel: Uuid,
    /// What the reader holds.
    pub seq: i64,
    /// The first `seq` whose message the reader may read.
    pub history_from_seq: i64,
    /// The channel's own `seq`.
    pub channel_seq: i64,
}

/// What changed in a channel.
#[derive(Debug)]
pub struct Changed {
    pub messages: Vec<Message>,
    pub members: Vec<Member>,
    pub tasks: Vec<Task>,
    /// Roots among the messages that have, or had, a thread.
    pub roots: Vec<Uuid>,
    /// The reader holds everything up to here.
    pub seq: i64,
    /// Whether there is more after it.
    pub more: bool,
}

/// At most `limit` messages and as many members and tasks of one channel after `since`, but for members that share a
/// `seq`.
pub async fn changes(
    tx: &TenantTx,
    caller: &Caller,
    id: ChannelId,
    since: i64,
    limit: usize,
    now: DateTime<Utc>,
) -> Result<ChannelChanges> {
    let access = access::require(tx, caller, id, Capability::ReadChannel).await?;
    let since = Since {
        channel: id.0,
        seq: since,
        history_from_seq: access.history_from_seq(),
        channel_seq: access.row.seq,
    };
    let channel = view::channel(tx, caller.user(), access.row, now).await?;
    let mut all = of(tx, caller.user(), &[since], limit, now).await?;
    let changed = all.remove(&id.0).unwrap_or_else(|| Changed::none(since.channel_seq.max(since.seq)));
    let Changed { messages, members, tasks, seq, more, roots: _ } = changed;
    Ok(ChannelChanges { channel, messages, members, tasks, seq, more })
}

impl Changed {
    /// Of a channel that the reader holds as it is.
    pub fn none(seq: i64) -> Self {
        Self {
            messages: Vec::new(),
            members: Vec::new(),
            tasks: Vec::new(),
            roots: Vec::new(),
            seq,
            more: false,
        }
    }
}

/// The same of several channels, at most `limit` of each list of each channel. The number of statements does not depend
/// on the number of channels.
pub async fn of(
    tx: &TenantTx,
    reader: Option<&UserId>,
    channels: &[Since],
    limit: usize,
    now: DateTime<Utc>,
) -> Result<HashMap<Uuid, Changed>> {
    if channels.is_empty() {
        return Ok(HashMap::new());
    }
    let most = one_more(limit);
    let (fresh, changed, people, work) = try_join!(
        store::new_messages(tx, channels, reader, most),
        store::changed_messages(tx, channels, reader, most),
        store::members(tx, channels, most + TIES),
        store::tasks(tx, channels, reader, most),
    )?;
    let mut fresh = grouped(fresh, |row| row.channel_id);
    let mut changed = grouped(changed, |row| row.channel_id);
    let mut people = grouped(people, |row| row.channel_id);
    let mut work = grouped(work, |row| row.channel_id);
    let mut all = HashMap::new();
    let mut messages: Vec<Message> = Vec::new();
    for since in channels {
        let id = &since.channel;
        let rows = Rows {
            fresh: fresh.remove(id).unwrap_or_default(),
            changed: changed.remove(id).unwrap_or_default(),
            people: people.remove(id).unwrap_or_default(),
            work: work.remove(id).unwrap_or_default(),
        };
        let mut part = rows.merged(since, limit, reader)?;
        messages.append(&mut part.messages);
        all.insert(since.channel, part);
    }
    for message in message_view::messages(tx, reader, messages, now).await? {
        if let Some(part) = all.get_mut(&message.channel_id.0) {
            part.messages.push(message);
        }
    }
    Ok(all)
}

fn grouped<T>(rows: Vec<T>, channel: impl Fn(&T) -> Uuid) -> HashMap<Uuid, Vec<T>> {
    let mut groups: HashMap<Uuid, Vec<T>> = HashMap::new();
    for row in rows {
        groups.entry(channel(&row)).or_default().push(row);
    }
    groups
}

/// What the lists have of one channel, each in the order of `updated_seq`.
struct Rows {
    fresh: Vec<MessageRow>,
    changed: Vec<MessageRow>,
    people: Vec<MemberRow>,
    work: Vec<TaskRow>,
}

impl Rows {
    /// All that is no later than where the first list was cut.
    fn merged(self, since: &Since, limit: usize, reader: Option<&UserId>) -> Result<Changed> {
        let ends = [
            cut(self.fresh.iter().map(|row| row.updated_seq), limit),
            cut(self.changed.iter().map(|row| row.updated_seq), limit),
            cut(self.people.iter().map(|row| row.updated_seq), limit),
            cut(self.work.iter().map(|row| row.updated_seq), limit),
        ];
        // Nothing vouches for what is past the channel's `seq`.
        let last = since.channel_seq.max(since.seq);
        let end = ends.into_iter().flatten().min().map(|end| end.min(last));
        let within = |updated_seq: i64| end.is_none_or(|end| updated_seq <= end);
        let rows = self.fresh.into_iter().chain(self.changed).filter(|row| within(row.updated_seq));
        let mut rows: Vec<MessageRow> = rows.collect();
        rows.sort_by_key(|row| row.updated_seq);
        let is_root = |row: &&MessageRow| row.parent_id.is_none() && row.thread_ordinal.is_some();
        Ok(Changed {
            roots: rows.iter().filter(is_root).map(|row| row.id).collect(),
            messages: rows.into_iter().map(MessageRow::into_message).collect::<Result<_>>()?,
            members: self
                .people
                .into_iter()
                .filter(|row| within(row.updated_seq))
                .map(|row| row.seen_by(reader))
                .collect::<Result<_>>()?,
            tasks: self
                .work
                .into_iter()
                .filter(|row| within(row.updated_seq))
                .map(TaskRow::into_task)
                .collect::<Result<_>>()?,
            seq: end.unwrap_or(last),
            more: end.is_some(),
        })
    }
}

/// The last `seq` that fits, if the list is longer than a page. Rows that share a `seq` stay together: the cut is
/// before the first that does not fit, or, where all share one, after them, so that it moves on.
pub fn cut(seqs: impl Iterator<Item = i64>, full: usize) -> Option<i64> {
    let seqs: Vec<i64> = seqs.collect();
    let (first, beyond) = (*seqs.first()?, *seqs.get(full)?);
    Some(if first == beyond { beyond } else { beyond - 1 })
}

#[cfg(test)]
mod tests {
    use super::cut;

    #[test]
    fn a_list_is_cut_before_what_does_not_fit() {
        assert_eq!(cut([3, 4, 5].into_iter(), 3), None);
        assert_eq!(cut([3, 4, 9].into_iter(), 2), Some(8));
        assert_eq!(cut([3, 4, 4].into_iter(), 2), Some(3));
        assert_eq!(cut([1, 1, 1, 2].into_iter(), 2), Some(1), "a page that is all one change still moves on");
    }
}
