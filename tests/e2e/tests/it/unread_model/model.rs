//! The channel as a person would describe it.

use super::PEOPLE;

#[derive(Clone, Debug)]
pub struct Said {
    pub id: String,
    pub seq: i64,
    pub countable: bool,
    pub deleted: bool,
    pub erased: bool,
}

/// The channel as a person would describe it.
#[derive(Debug, Default)]
pub struct Model {
    pub seq: i64,
    pub said: Vec<Said>,
    /// How far each member has read; `None` for who is no member.
    pub read: [Option<i64>; PEOPLE],
}

impl Model {
    pub fn unread(&self, who: usize) -> i64 {
        let past = |pointer: i64| {
            self.said.iter().filter(|said| said.countable && !said.deleted && said.seq > pointer).count()
                as i64
        };
        self.read[who].map_or(0, past)
    }

    pub fn ordinal(&self) -> i64 {
        self.said.iter().filter(|said| said.countable).count() as i64
    }
}
