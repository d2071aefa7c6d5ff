//! Results of publishes that carried an idempotency key, so that a retried publish delivers once.

use std::collections::{HashMap, VecDeque};

use super::StreamPosition;

#[derive(Default)]
pub(crate) struct Results {
    by_key: HashMap<Box<str>, StreamPosition>,
    /// Oldest first, with the time at which each ends.
    order: VecDeque<(u64, Box<str>)>,
}

impl Results {
    pub fn get(&self, key: &str) -> Option<&StreamPosition> {
        self.by_key.get(key)
    }

    pub fn insert(&mut self, key: &str, position: StreamPosition, until: u64) {
        self.by_key.insert(key.into(), position);
        self.order.push_back((until, key.into()));
    }

    /// Forgets what is over; returns whether nothing is left.
    pub fn expire(&mut self, now: u64) -> bool {
        while self.order.front().is_some_and(|(until, _)| *until <= now) {
            if let Some((_, key)) = self.order.pop_front() {
                self.by_key.remove(&key);
            }
        }
        if self.order.is_empty() && self.order.capacity() > 0 {
            *self = Self::default();
        }
        self.order.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_lives_for_its_time() {
        let mut results = Results::default();
        let position = StreamPosition { offset: 4, epoch: "e".into() };
        results.insert("k", position.clone(), 100);
        assert!(!results.expire(99));
        assert_eq!(results.get("k"), Some(&position));
        assert!(results.expire(100));
        assert_eq!(results.get("k"), None);
    }
}
