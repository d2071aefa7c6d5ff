//! Which channels an answer is about. Pure: no clock, no database.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use parlor_protocol::limits::{SYNC_BEHIND, SYNC_CHANGED, SYNC_CHANNELS, SYNC_HELD};
use uuid::Uuid;

use super::store::Membership;
use crate::changes::Since;

/// What one answer says of channels, each in one of the lists, the most recently active first.
#[derive(Debug, Default, PartialEq)]
pub struct Plan {
    /// Those that begin anew.
    pub fresh: Vec<Uuid>,
    /// Those with rows that changed.
    pub changed: Vec<(Uuid, i64)>,
    /// Those of which only what is the user's own has changed.
    pub touched: Vec<Uuid>,
    /// Those that are held and can't be read any more.
    pub left: Vec<Uuid>,
    /// Whether there are more, for the next answers.
    pub more: bool,
}

/// `readable` is what the user may read, the most recently active first; `touched` are the memberships that changed. What is
/// not held begins anew if it was active after `floor`. As many changes are taken as `rows` says, and of a channel with
/// more than that as many as fit.
pub fn plan(
    held: &BTreeMap<Uuid, i64>,
    readable: &[Membership],
    touched: &[Uuid],
    floor: DateTime<Utc>,
    rows: i64,
) -> Plan {
    let known: BTreeSet<Uuid> = readable.iter().map(|channel| channel.channel).collect();
    let mut plan =
        Plan { left: held.keys().filter(|id| !known.contains(*id)).copied().collect(), ..Plan::default() };
    let touched: BTreeSet<Uuid> = touched.iter().copied().collect();
    // Room is kept for those whose membership changed, because that is not told again.
    let must = touched.iter().filter(|id| !held.contains_key(*id)).count();
    let mut room = SYNC_CHANNELS.saturating_sub(must);
    let mut taken = 0;
    for channel in readable {
        let (id, is_touched) = (channel.channel, touched.contains(&channel.channel));
        let behind = held.get(&id).map(|seq| channel.seq - seq);
        match behind {
            None if is_touched => plan.fresh.push(id),
            None if channel.active_at <= floor => {}
            Some(0) if !is_touched => {}
            Some(0) => plan.touched.push(id),
            Some(changes @ 1..=SYNC_BEHIND) => {
                let is_first = plan.changed.is_empty();
                if plan.changed.len() < SYNC_CHANGED && (is_first || taken + changes <= rows) {
                    taken += changes;
                    plan.changed.push((id, channel.seq - changes));
                } else {
                    plan.more = true;
                    if is_touched {
                        plan.touched.push(id);
                    }
                }
            }
            // Too far behind, ahead of what there is, or not held.
            Some(_) | None => match room.checked_sub(1) {
                Some(left) => {
                    room = left;
                    plan.fresh.push(id);
                }
                None => {
                    plan.more = true;
                    if is_touched {
                        plan.touched.push(id);
                    }
                }
            },
        }
    }
    plan
}

/// Changes that the user has not been told of, of all channels that go on from what is held.
pub fn behind(held: &BTreeMap<Uuid, i64>, readable: &[Membership]) -> i64 {
    let distance =
        |channel: &Membership| held.get(&channel.channel).map_or(0, |seq| (channel.seq - seq).max(0));
    readable.iter().map(distance).filter(|changes| *changes <= SYNC_BEHIND).sum()
}

/// Lets go of the least recently active channels beyond what a cursor follows. Gives which.
pub fn release(held: &mut BTreeMap<Uuid, i64>, readable: &[Membership]) -> Vec<Uuid> {
    if held.len() <= SYNC_HELD {
        return Vec::new();
    }
    let kept: BTreeSet<Uuid> = readable
        .iter()
        .map(|channel| channel.channel)
        .filter(|id| held.contains_key(id))
        .take(SYNC_HELD)
        .collect();
    let released: Vec<Uuid> = held.keys().filter(|id| !kept.contains(*id)).copied().collect();
    held.retain(|id, _| kept.contains(id));
    released
}

/// From where on the changed channels are read.
pub fn since(changed: &[(Uuid, i64)], readable: &[Membership]) -> Vec<Since> {
    let readable: HashMap<Uuid, &Membership> =
        readable.iter().map(|channel| (channel.channel, channel)).collect();
    let since = |(id, seq): &(Uuid, i64)| {
        readable.get(id).map(|channel| Since {
            channel: *id,
            seq: *seq,
            history_from_seq: channel.history_from_seq,
            channel_seq: channel.seq,
        })
    };
    changed.iter().filter_map(since).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).unwrap()
    }

    fn id(n: u128) -> Uuid {
        Uuid::from_u128(n)
    }

    fn channel(n: u128, seq: i64, active: i64) -> Membership {
        Membership { channel: id(n), seq, active_at: at(active), user_seq: 0, history_from_seq: 0 }
    }

    fn of(held: &[(u128, i64)], readable: &[Membership], touched: &[u128], rows: i64) -> Plan {
        let held = held.iter().map(|(n, seq)| (id(*n), *seq)).collect();
        let touched: Vec<Uuid> = touched.iter().map(|n| id(*n)).collect();
        plan(&held, readable, &touched, at(100), rows)
    }

    #[test]
    fn each_channel_is_told_as_what_became_of_it() {
        let readable = [
            channel(1, 9, 500),    // changed
            channel(2, 5, 400),    // as it was
            channel(3, 5, 300),    // settings
            channel(4, 5, 200),    // not held, active
            channel(5, 5, 90),     // not held, quiet
            channel(6, 5, 80),     // not held, joined
            channel(7, 2, 70),     // the database was set back
            channel(8, 2_000, 60), // too far behind
        ];
        let held = [(1, 5), (2, 5), (3, 5), (7, 5), (8, 5), (9, 5)];
        let plan = of(&held, &readable, &[3, 6], 100);
        assert_eq!(plan.changed, [(id(1), 5)]);
        assert_eq!(plan.touched, [id(3)]);
        assert_eq!(plan.fresh, [id(4), id(6), id(7), id(8)]);
        assert_eq!((plan.left, plan.more), (vec![id(9)], false));
    }

    #[test]
    fn an_answer_takes_as_many_changes_as_it_may_and_one_channel_in_any_case() {
        let readable = [channel(1, 50, 500), channel(2, 60, 400), channel(3, 10, 300)];
        let held = [(1, 0), (2, 0), (3, 0)];
        let taken = |rows| of(&held, &readable, &[], rows).changed.len();
        assert_eq!((taken(1), taken(59), taken(110), taken(120)), (1, 1, 2, 3));
        assert!(of(&held, &readable, &[2], 59).more);
        // Its membership is told now, though its rows come later.
        assert_eq!(of(&held, &readable, &[2], 50).touched, [id(2)]);
    }

    #[test]
    fn those_that_begin_anew_are_told_in_pages_and_memberships_first() {
        let readable: Vec<Membership> = (0..100).map(|n| channel(n, 5, 1_000 - n as i64)).collect();
        let plan = of(&[], &readable, &[98, 99], 100);
        assert_eq!((plan.fresh.len(), plan.more), (SYNC_CHANNELS, true));
        assert!(plan.fresh.contains(&id(98)) && plan.fresh.contains(&id(99)));
    }

    #[test]
    fn a_cursor_lets_go_of_what_was_quiet_longest() {
        let readable: Vec<Membership> = (0..1_001).map(|n| channel(n, 5, 5_000 - n as i64)).collect();
        let mut held: BTreeMap<Uuid, i64> = readable.iter().map(|channel| (channel.channel, 5)).collect();
        assert_eq!(behind(&held, &readable), 0);
        assert_eq!(release(&mut held, &readable), [id(1_000)]);
        assert_eq!((held.len(), release(&mut held, &readable)), (SYNC_HELD, Vec::new()));
    }
}
