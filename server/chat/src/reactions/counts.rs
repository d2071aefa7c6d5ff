//! What a reaction changes of the counts that a message shows. Pure.

use chrono::{DateTime, Utc};
use parlor_protocol::ReactionCount;

/// A reaction that a user has given to the message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    pub kind: String,
    pub score: i32,
    pub created_at: DateTime<Utc>,
}

/// What giving a reaction changes.
#[derive(Debug, PartialEq, Eq)]
pub struct Step {
    /// The counts after it.
    pub counts: Vec<ReactionCount>,
    /// The user's other types that it replaces.
    pub replaced: Vec<String>,
}

/// A user gives a reaction, `alone` or beside the others that they hold. `None`: it is as it was.
pub fn give(counts: &[ReactionCount], held: &[Held], kind: &str, score: i32, alone: bool) -> Option<Step> {
    let same = held.iter().find(|held| held.kind == kind);
    let others: Vec<&Held> = held.iter().filter(|held| alone && held.kind != kind).collect();
    if others.is_empty() && same.is_some_and(|held| held.score == score) {
        return None;
    }
    let mut counts = counts.to_vec();
    match same {
        Some(held) => add(&mut counts, kind, 0, i64::from(score) - i64::from(held.score)),
        None => add(&mut counts, kind, 1, i64::from(score)),
    }
    for other in &others {
        add(&mut counts, &other.kind, -1, -i64::from(other.score));
    }
    Some(Step { counts, replaced: others.into_iter().map(|held| held.kind.clone()).collect() })
}

/// A user takes a reaction back.
pub fn take_back(counts: &[ReactionCount], held: &Held) -> Vec<ReactionCount> {
    let mut counts = counts.to_vec();
    add(&mut counts, &held.kind, -1, -i64::from(held.score));
    counts
}

/// A type that nobody gives any more is gone; given again it is the newest.
fn add(counts: &mut Vec<ReactionCount>, kind: &str, users: i64, score: i64) {
    match counts.iter_mut().find(|shown| shown.kind == kind) {
        Some(shown) => {
            shown.count += users;
            shown.score += score;
        }
        None => counts.push(ReactionCount { kind: kind.to_owned(), count: users, score }),
    }
    counts.retain(|shown| shown.count > 0);
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use proptest::prelude::*;

    fn held(kind: &str, score: i32) -> Held {
        Held { kind: kind.to_owned(), score, created_at: DateTime::UNIX_EPOCH }
    }

    fn shown(counts: &[ReactionCount]) -> Vec<(&str, i64, i64)> {
        counts.iter().map(|shown| (shown.kind.as_str(), shown.count, shown.score)).collect()
    }

    #[test]
    fn a_repetition_changes_nothing_and_another_score_replaces_the_first() {
        let first = give(&[], &[], "clap", 3, false).unwrap();
        assert_eq!(shown(&first.counts), [("clap", 1, 3)]);
        assert_eq!(give(&first.counts, &[held("clap", 3)], "clap", 3, false), None);
        assert_eq!(give(&first.counts, &[held("clap", 3)], "clap", 3, true), None);
        let more = give(&first.counts, &[held("clap", 3)], "clap", 50, false).unwrap();
        assert_eq!((shown(&more.counts), more.replaced.len()), (vec![("clap", 1, 50)], 0));
    }

    #[test]
    fn one_alone_replaces_the_others_of_its_user() {
        let counts = [("a", 2, 2), ("b", 1, 5)].map(|(kind, count, score)| ReactionCount {
            kind: kind.to_owned(),
            count,
            score,
        });
        let step = give(&counts, &[held("a", 1), held("b", 5)], "c", 1, true).unwrap();
        assert_eq!(shown(&step.counts), [("a", 1, 1), ("c", 1, 1)]);
        assert_eq!(step.replaced, ["a", "b"]);
        let step = give(&counts, &[held("a", 1), held("b", 5)], "a", 1, true).unwrap();
        assert_eq!((shown(&step.counts), step.replaced), (vec![("a", 2, 2)], vec!["b".to_owned()]));
    }

    proptest! {
        /// Whatever happens in whatever order: counts are what a count of the rows gives, and none is zero.
        #[test]
        fn counts_are_those_of_the_rows(
            steps in prop::collection::vec((0..3_usize, 0..4_usize, 1..4_i32, any::<bool>(), any::<bool>()), 0..80)
        ) {
            let mut counts: Vec<ReactionCount> = Vec::new();
            let mut rows: [Vec<Held>; 3] = Default::default();
            for (user, kind, score, alone, gives) in steps {
                let (kind, mine) = (["a", "b", "c", "d"][kind], &mut rows[user]);
                if gives {
                    if let Some(step) = give(&counts, mine, kind, score, alone) {
                        mine.retain(|held| held.kind != kind && !step.replaced.contains(&held.kind));
                        mine.push(held(kind, score));
                        counts = step.counts;
                    }
                } else if let Some(at) = mine.iter().position(|held| held.kind == kind) {
                    counts = take_back(&counts, &mine.remove(at));
                }
                let mut counted: BTreeMap<&str, (i64, i64)> = BTreeMap::new();
                for held in rows.iter().flatten() {
                    let of = counted.entry(&held.kind).or_default();
                    *of = (of.0 + 1, of.1 + i64::from(held.score));
                }
                let mut shown = shown(&counts);
                shown.sort_unstable();
                let counted: Vec<_> = counted.into_iter().map(|(kind, (count, score))| (kind, count, score)).collect();
                prop_assert_eq!(shown, counted);
            }
        }
    }
}
