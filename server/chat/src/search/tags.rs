//! What a search filters by, as words of the index. No text has them: they begin with a control character.

use chrono::{DateTime, Utc};
use parlor_protocol::{AppId, ChannelId};

/// Days in a bucket of each size: eight of one make the next.
const SIZES: [i64; 4] = [1, 8, 64, 512];

/// Everything of an app.
pub fn app(app: AppId) -> String {
    format!("\u{1}a{}", app.0.simple())
}

/// Everything of a channel.
pub fn channel(channel: ChannelId) -> String {
    format!("\u{1}c{}", channel.0.simple())
}

/// What a user wrote.
pub fn author(user: &str) -> String {
    format!("\u{1}u{user}")
}

/// What mentions a user.
pub fn mention(user: &str) -> String {
    format!("\u{1}m{user}")
}

/// What has an attachment of a `type`, which is short in what was sent.
pub fn attachment(kind: &str) -> String {
    format!("\u{1}k{kind}")
}

/// The buckets of a time.
pub fn days(at: DateTime<Utc>) -> [String; 4] {
    let day = day_of(at);
    [0, 1, 2, 3].map(|size| bucket(size, day / SIZES[size]))
}

/// Steps back in time from `until`, newest first: each is a list of buckets, one of which the message is in. Together
/// they are everything from `since` on.
pub fn steps(since: DateTime<Utc>, until: DateTime<Utc>) -> Vec<Vec<String>> {
    let (first, last) = (day_of(since), day_of(until));
    let mut steps = vec![vec![bucket(0, last)]];
    for (size, days) in SIZES.iter().enumerate() {
        let at = last / days;
        // The last size goes back as far as there is anything; the others to the beginning of the next larger bucket.
        let from = if size + 1 == SIZES.len() { 0 } else { at / 8 * 8 };
        let from = from.max(first / days);
        let step: Vec<String> = (from..at).rev().map(|number| bucket(size, number)).collect();
        if !step.is_empty() {
            steps.push(step);
        }
    }
    steps
}

fn bucket(size: usize, number: i64) -> String {
    format!("\u{1}d{size}{number}")
}

fn day_of(at: DateTime<Utc>) -> i64 {
    at.timestamp().div_euclid(86_400).max(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Whatever the times: each is in exactly one step if it is not after the end, and not before the beginning.
        #[test]
        fn each_day_is_in_one_step(first in 0i64..30_000, length in 0i64..9_000, within in 0i64..9_000) {
            let at = |day: i64| DateTime::from_timestamp(day * 86_400 + 7, 0).unwrap();
            let (last, day) = (first + length, first + within.min(length));
            let steps = steps(at(first), at(last));
            let tags = days(at(day));
            let found = steps.iter().flatten().filter(|bucket| tags.contains(bucket)).count();
            prop_assert_eq!(found, 1);
            prop_assert!(steps.len() <= 5);
        }
    }
}
