//! What imported replies do to a thread. Pure.

use std::collections::{BTreeMap, HashSet};

use chrono::{DateTime, Utc};
use parlor_protocol::limits::THREAD_PARTICIPANTS;
use uuid::Uuid;

/// A thread that gets replies.
#[derive(Clone, Debug, Default)]
pub struct Thread {
    pub channel: Uuid,
    /// Who wrote the root.
    pub author: String,
    /// Replies so far, deleted ones included; and before the import.
    pub ordinal: i64,
    pub before: i64,
    /// Replies that are there.
    pub reply_count: i32,
    pub people: i32,
    /// Who came first, at most ten.
    pub participants: Vec<String>,
    pub last_reply_at: Option<DateTime<Utc>>,
    /// `seq` of the newest reply.
    pub seq: i64,
    /// Who had replied before.
    pub replied: HashSet<String>,
    /// Who replies now: how often, and the `seq` of the first time.
    pub readers: BTreeMap<String, (i32, Option<i64>)>,
}

impl Thread {
    /// One more reply, which all may read; gives its place in the thread. A deleted one only takes a place, and a silent one
    /// has that of the one before.
    pub fn reply(&mut self, by: &str, (deleted, silent): (bool, bool), seq: i64, at: DateTime<Utc>) -> i64 {
        self.ordinal += i64::from(!silent);
        self.seq = seq;
        let reader = self.readers.entry(by.to_owned()).or_default();
        if !deleted {
            reader.0 += 1;
            reader.1 = reader.1.or(Some(seq));
            self.reply_count += 1;
            self.last_reply_at = Some(at);
            if self.replied.insert(by.to_owned()) {
                self.people += 1;
                if self.participants.len() < THREAD_PARTICIPANTS {
                    self.participants.push(by.to_owned());
                }
            }
        }
        self.ordinal
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_are_counted_and_deleted_ones_keep_their_place() {
        let at = |second: i64| DateTime::from_timestamp(second, 0).unwrap();
        let mut thread = Thread { replied: HashSet::from(["ann".to_owned()]), ..Thread::default() };
        thread.people = 1;
        let replies = [
            ("ben", (false, false)),
            ("eve", (true, false)),
            ("ann", (false, false)),
            ("ben", (false, false)),
            ("ann", (false, true)),
        ];
        let places =
            replies.into_iter().zip(10..).map(|((by, how), seq)| thread.reply(by, how, seq, at(seq)));
        let places: Vec<i64> = places.collect();
        assert_eq!(places, [1, 2, 3, 4, 4]);
        assert_eq!((thread.reply_count, thread.people, thread.seq), (4, 2, 14));
        assert_eq!(thread.participants, ["ben"]);
        assert_eq!(thread.last_reply_at, Some(at(14)));
        assert_eq!(thread.readers["ben"], (2, Some(10)));
        assert_eq!(thread.readers["eve"], (0, None));
    }
}
