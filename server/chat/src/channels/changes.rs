//! What changed in a channel after a `seq`: how a client that missed an event catches up.
//!
//! State based: rows whose `updated_seq` is past the reader's, so ten edits of a message are one row. Messages,
//! members and tasks are merged by `updated_seq`; where one list was cut short the answer ends there, and the next
//! call goes on from that `seq`.

use chrono::{DateTime, Utc};
use parlor_platform::Result;
use parlor_platform::db::TenantTx;
use parlor_protocol::channel::ChannelChanges;
use parlor_protocol::limits::BATCH;
use parlor_protocol::{Capability, ChannelId, Member, Message, Task};

use super::{access, view};
use crate::members::store as members;
use crate::messages::{store as messages, view as message_view};
use crate::tasks::store as tasks;
use crate::web::{Caller, one_more};

/// All members that a channel was created with share its first `seq`: the creator, and a batch.
const TIES: i64 = BATCH as i64;

/// At most `limit` messages and as many members and tasks after `since`, but for members that share a `seq`.
pub async fn changes(
    tx: &TenantTx,
    caller: &Caller,
    id: ChannelId,
    since: i64,
    limit: usize,
    now: DateTime<Utc>,
) -> Result<ChannelChanges> {
    let access = access::require(tx, caller, id, Capability::ReadChannel).await?;
    let row_seq = access.row.seq;
    let channel = view::channel(tx, caller.user(), access.row, now).await?;
    let fresh = messages::new_since(tx, id, since, caller.user(), one_more(limit)).await?;
    let changed = messages::changed_since(tx, id, since, caller.user(), one_more(limit)).await?;
    let people = members::changed_since(tx, id, since, one_more(limit) + TIES).await?;
    let work = tasks::changed_since(tx, id, since, one_more(limit)).await?;
    let ends = [
        cut(fresh.iter().map(|row| row.updated_seq), limit),
        cut(changed.iter().map(|row| row.updated_seq), limit),
        cut(people.iter().map(|row| row.updated_seq), limit),
        cut(work.iter().map(|row| row.updated_seq), limit),
    ];
    // Each list was read at a moment of its own, so none vouches for what is past the channel's `seq`.
    let end = ends.into_iter().flatten().min().map(|end| end.min(row_seq.max(since)));
    let seq = end.unwrap_or(row_seq.max(since));
    let within = |updated_seq: i64| end.is_none_or(|end| updated_seq <= end);
    let mut messages: Vec<Message> = fresh
        .into_iter()
        .chain(changed)
        .filter(|row| within(row.updated_seq))
        .map(messages::MessageRow::into_message)
        .collect::<Result<_>>()?;
    messages.sort_by_key(|message| message.updated_seq);
    let messages = message_view::messages(tx, caller.user(), messages, now).await?;
    let members: Vec<Member> = people
        .into_iter()
        .filter(|row| within(row.updated_seq))
        .map(|row| row.seen_by(caller.user()))
        .collect::<Result<_>>()?;
    let tasks: Vec<Task> = work
        .into_iter()
        .filter(|row| within(row.updated_seq))
        .map(tasks::TaskRow::into_task)
        .collect::<Result<_>>()?;
    Ok(ChannelChanges { channel, messages, members, tasks, seq, more: end.is_some() })
}

/// The last `updated_seq` that fits, if the list is longer than a page. Rows that share a `seq` stay together:
/// the cut is before the first that does not fit, or, where all share one, after them, so that it moves on.
fn cut(seqs: impl Iterator<Item = i64>, full: usize) -> Option<i64> {
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
