//! The recent publications of one channel.
//!
//! A position is `(epoch, offset)`. Offsets count from 1 without gaps; the epoch is random per stream, so
//! a client that comes back after the stream was forgotten is told so instead of being given other
//! people's offsets. Publications live for the history's time after the last one, the position longer.

use std::collections::VecDeque;

use bytes::Bytes;

/// Identity of a stream: 32 random bits, eight hexadecimal digits on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Epoch(u32);

impl Epoch {
    fn random() -> Self {
        Self(uuid::Uuid::new_v4().as_fields().0)
    }

    pub fn text(self) -> String {
        format!("{:08x}", self.0)
    }
}

pub(crate) struct Stream {
    epoch: Epoch,
    /// Offset of the newest publication; 0 before the first.
    top: u64,
    /// Finished publication objects; the last has offset `top`.
    entries: VecDeque<Bytes>,
    /// When the entries go, monotonic milliseconds.
    entries_until: u64,
    /// When the position goes.
    position_until: u64,
}

/// What a client missed.
pub(crate) struct Recovery {
    pub recovered: bool,
    pub publications: Vec<Bytes>,
}

/// Which part of the history to read.
pub(crate) struct Range<'a> {
    pub since: Option<(u64, &'a str)>,
    pub limit: usize,
    pub reverse: bool,
}

impl Stream {
    pub fn new() -> Self {
        Self { epoch: Epoch::random(), top: 0, entries: VecDeque::new(), entries_until: 0, position_until: 0 }
    }

    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    pub fn top(&self) -> u64 {
        self.top
    }

    /// Appends the publication with offset `top + 1`.
    pub fn append(&mut self, publication: Bytes, size: usize, until: u64) {
        self.top += 1;
        self.entries.push_back(publication);
        while self.entries.len() > size {
            self.entries.pop_front();
        }
        self.entries_until = until;
    }

    /// The stream was used: remember its position until then.
    pub fn touch(&mut self, position_until: u64) {
        self.position_until = position_until;
    }

    /// Forgets what is over; returns whether the position is over too.
    pub fn expire(&mut self, now: u64) -> bool {
        if self.entries_until <= now && !self.entries.is_empty() {
            self.clear();
        }
        self.position_until <= now
    }

    /// Drops the publications, keeps the position.
    pub fn clear(&mut self) {
        self.entries = VecDeque::new();
    }

    fn first(&self) -> u64 {
        self.top + 1 - self.entries.len() as u64
    }

    /// Everything after `offset`, or nothing at all: never a part.
    pub fn recover(&self, offset: u64, epoch: &str, limit: usize) -> Recovery {
        let none = |recovered| Recovery { recovered, publications: Vec::new() };
        if !epoch.is_empty() && epoch != self.epoch.text() {
            return none(false);
        }
        if offset == self.top {
            return none(true);
        }
        if offset > self.top || offset + 1 < self.first() || self.top - offset > limit as u64 {
            return none(false);
        }
        let skip = (offset + 1 - self.first()) as usize;
        Recovery { recovered: true, publications: self.entries.iter().skip(skip).cloned().collect() }
    }

    /// A page. As in Centrifugo, a position before the first publication reads from the first, and one
    /// that is not there reads nothing backwards.
    pub fn read(&self, range: &Range<'_>) -> Vec<Bytes> {
        let length = self.entries.len();
        let (from, count) = match (range.since, range.reverse) {
            (None, false) => (0, range.limit.min(length)),
            (None, true) => (length, range.limit.min(length)),
            (Some((offset, _)), false) => {
                let from = offset.saturating_add(1).saturating_sub(self.first()).min(length as u64) as usize;
                (from, range.limit.min(length - from))
            }
            (Some((offset, _)), true) => {
                let end =
                    if offset > self.first() && offset <= self.top + 1 { offset - self.first() } else { 0 };
                (end as usize, range.limit.min(end as usize))
            }
        };
        if range.reverse {
            self.entries.range(from - count..from).rev().cloned().collect()
        } else {
            self.entries.range(from..from + count).cloned().collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream(published: u64, size: usize) -> Stream {
        let mut stream = Stream::new();
        for offset in 1..=published {
            stream.append(Bytes::from(offset.to_string()), size, 1_000);
        }
        stream
    }

    fn text(publications: &[Bytes]) -> String {
        publications.iter().map(|p| String::from_utf8_lossy(p).into_owned()).collect::<Vec<_>>().join(",")
    }

    #[test]
    fn recovers_all_or_nothing() {
        let stream = stream(10, 5);
        for (offset, limit, expected) in [
            (10, 300, Some("")),
            (9, 300, Some("10")),
            (5, 300, Some("6,7,8,9,10")),
            (4, 300, None),
            (0, 300, None),
            (11, 300, None),
            (5, 4, None),
            (u64::MAX, 300, None),
        ] {
            let recovery = stream.recover(offset, "", limit);
            assert_eq!(recovery.recovered, expected.is_some(), "{offset}");
            assert_eq!(text(&recovery.publications), expected.unwrap_or_default(), "{offset}");
        }
        assert!(!stream.recover(10, "other", 300).recovered);
        assert!(stream.recover(10, &stream.epoch().text(), 300).recovered);
    }

    #[test]
    fn an_expired_history_recovers_only_those_who_missed_nothing() {
        let mut stream = stream(3, 5);
        stream.touch(5_000);
        assert!(!stream.expire(999));
        assert!(stream.recover(1, "", 300).recovered);
        assert!(!stream.expire(1_000));
        assert!(!stream.recover(2, "", 300).recovered);
        assert!(stream.recover(3, "", 300).recovered);
        assert!(stream.expire(5_000));
    }

    #[test]
    fn pages() {
        let stream = stream(10, 5);
        for (since, limit, reverse, expected) in [
            (None, 0, false, ""),
            (None, 2, false, "6,7"),
            (None, 2, true, "10,9"),
            (Some(7), 2, false, "8,9"),
            (Some(1), 2, false, "6,7"),
            (Some(10), 2, false, ""),
            (Some(99), 2, false, ""),
            (Some(8), 2, true, "7,6"),
            (Some(8), 9, true, "7,6"),
            (Some(6), 2, true, ""),
            (Some(11), 1, true, "10"),
            (Some(99), 1, true, ""),
        ] {
            let range = Range { since: since.map(|offset| (offset, "")), limit, reverse };
            assert_eq!(text(&stream.read(&range)), expected, "{since:?} {limit} {reverse}");
        }
    }
}
