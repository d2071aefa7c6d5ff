//! Who was shut out lately.
//!
//! A token is checked without asking anybody, so one that was made before its user was disconnected, or lost a channel,
//! would let them back in for as long as it can be used. Tokens that say when they were made (`iat`) are compared with
//! what is remembered here, and refused as expired if they are older: the client then asks for a new one, and whoever
//! makes tokens knows who may have it. Centrifugo has nothing like it.
//!
//! Thousands may be shut out in a moment, and every connection asks. So nothing here looks through all that is
//! remembered, neither to find somebody nor to forget: there are two generations, and when the young one has lasted for
//! as long as it is to be remembered, it takes the place of the old one, which is forgotten as a whole.

use std::collections::HashMap;
use std::sync::Mutex;

use crate::task::lock;

/// How long it is remembered at the least; twice as long at the most, if others are shut out meanwhile. A token that can
/// be used for longer after it was made is let through again.
const REMEMBERED_MS: u64 = 120_000;

/// What is remembered, with the time in Unix milliseconds.
#[derive(Default)]
pub(crate) struct Shut(Mutex<Generations>);

#[derive(Default)]
struct Generations {
    /// When the young one began.
    began: u64,
    young: Noted,
    old: Noted,
}

/// When it was that somebody was shut out.
#[derive(Default)]
struct Noted {
    users: HashMap<String, u64>,
    /// Apart, since they can't be looked up. There are few: one for each app that was shut out as a whole.
    prefixes: HashMap<String, u64>,
    subscribers: HashMap<(String, String), u64>,
}

impl Shut {
    /// All connections of a user were ended.
    pub fn user(&self, user: &str, now: u64) {
        lock(&self.0).at(now).users.insert(user.to_owned(), now);
    }

    /// All connections of users whose id begins so were ended.
    pub fn prefix(&self, prefix: &str, now: u64) {
        lock(&self.0).at(now).prefixes.insert(prefix.to_owned(), now);
    }

    /// A channel was taken from a user.
    pub fn subscriber(&self, user: &str, channel: &str, now: u64) {
        lock(&self.0).at(now).subscribers.insert((user.to_owned(), channel.to_owned()), now);
    }

    /// Whether a connection token of this user that was made then is too old.
    pub fn refuses_user(&self, user: &str, made: Option<f64>) -> bool {
        self.any_after(made, |noted| {
            let prefixes = noted.prefixes.iter().filter(|(prefix, _)| user.starts_with(prefix.as_str()));
            prefixes.map(|(_, at)| *at).chain(noted.users.get(user).copied()).max()
        })
    }

    /// Whether a subscription token that was made then is too old.
    pub fn refuses_subscriber(&self, user: &str, channel: &str, made: Option<f64>) -> bool {
        let whom = (user.to_owned(), channel.to_owned());
        self.any_after(made, |noted| noted.subscribers.get(&whom).copied())
    }

    /// Whether somebody was shut out after a token was made; `last` says when.
    fn any_after(&self, made: Option<f64>, last: impl Fn(&Noted) -> Option<u64>) -> bool {
        let Some(made) = made else { return false };
        let generations = lock(&self.0);
        [&generations.young, &generations.old]
            .into_iter()
            .filter_map(last)
            .any(|at| made * 1000.0 < at as f64)
    }
}

impl Generations {
    /// Where to note what happens now.
    fn at(&mut self, now: u64) -> &mut Noted {
        // In both directions: a clock that was put back must not keep it from ending.
        if now.abs_diff(self.began) >= REMEMBERED_MS {
            self.old = std::mem::take(&mut self.young);
            self.began = now;
        }
        &mut self.young
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_made_before_is_refused_and_what_comes_after_is_not() {
        let shut = Shut::default();
        shut.user("a:ann", 10_000);
        shut.prefix("b:", 20_000);
        shut.subscriber("a:ben", "room", 30_000);
        for (user, made, refused) in [
            ("a:ann", Some(9.999), true),
            ("a:ann", Some(10.0), false),
            ("a:ann", None, false),
            ("a:anna", Some(1.0), false),
            ("b:cem", Some(19.0), true),
            ("b:cem", Some(20.5), false),
            ("a:ben", Some(1.0), false),
        ] {
            assert_eq!(shut.refuses_user(user, made), refused, "{user} {made:?}");
        }
        assert!(shut.refuses_subscriber("a:ben", "room", Some(29.9)));
        assert!(!shut.refuses_subscriber("a:ben", "room", Some(30.0)));
        assert!(!shut.refuses_subscriber("a:ben", "other", Some(1.0)));
        assert!(!shut.refuses_subscriber("a:ann", "room", Some(1.0)));
    }

    #[test]
    fn the_last_time_counts() {
        let shut = Shut::default();
        shut.user("a:ann", 10_000);
        shut.prefix("a:", 20_000);
        assert!(shut.refuses_user("a:ann", Some(19.0)), "her own time is not the last one");
        shut.user("a:ann", 30_000);
        assert!(shut.refuses_user("a:ann", Some(29.0)), "her own time is the last one");
        shut.user("a:ann", 40_000 + REMEMBERED_MS);
        assert!(shut.refuses_user("a:ann", Some(159.0)), "in the next generation too");
        assert!(!shut.refuses_user("a:ann", Some(160.0)));
    }

    #[test]
    fn it_is_remembered_for_as_long_as_it_says_and_then_forgotten() {
        const STEP: u64 = 1_000;
        let shut = Shut::default();
        let first = 7 * REMEMBERED_MS + 5 * STEP;
        for now in (first..first + 4 * REMEMBERED_MS).step_by(STEP as usize) {
            shut.user(&format!("user {now}"), now);
            shut.subscriber(&format!("user {now}"), "room", now);
            for age in (0..3 * REMEMBERED_MS).step_by(STEP as usize).take_while(|age| first + age <= now) {
                let user = format!("user {}", now - age);
                let before = Some((now - age - 1) as f64 / 1000.0);
                let refused =
                    (shut.refuses_user(&user, before), shut.refuses_subscriber(&user, "room", before));
                if age <= REMEMBERED_MS {
                    assert_eq!(refused, (true, true), "after {age} ms");
                } else if age >= 2 * REMEMBERED_MS {
                    assert_eq!(refused, (false, false), "after {age} ms");
                }
            }
        }
    }

    #[test]
    fn it_does_not_grow_for_ever() {
        let shut = Shut::default();
        for n in 0..10_240 {
            shut.user(&n.to_string(), n * 1_000);
            shut.prefix(&n.to_string(), n * 1_000);
            shut.subscriber(&n.to_string(), "room", n * 1_000);
        }
        let generations = lock(&shut.0);
        let most = usize::try_from(2 * REMEMBERED_MS / 1_000).unwrap();
        let of_both = |size: fn(&Noted) -> usize| size(&generations.young) + size(&generations.old);
        assert!(of_both(|noted| noted.users.len()) <= most);
        assert!(of_both(|noted| noted.prefixes.len()) <= most);
        assert!(of_both(|noted| noted.subscribers.len()) <= most);
    }
}
