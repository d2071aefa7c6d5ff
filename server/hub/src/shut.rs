//! Who was shut out lately.
//!
//! A token is checked without asking anybody, so one that was made before its user was disconnected, or lost a channel,
//! would let them back in for as long as it can be used. Tokens that say when they were made (`iat`) are compared with
//! what is remembered here, and refused as expired if they are older: the client then asks for a new one, and whoever
//! makes tokens knows who may have it. Centrifugo has nothing like it.

use std::collections::HashMap;
use std::sync::Mutex;

use crate::task::lock;

/// How long it is remembered. A token that can be used for longer after it was made is let through again.
const REMEMBERED_MS: u64 = 120_000;
/// Entries before the old ones are looked for.
const SWEEP: usize = 1_024;

#[derive(PartialEq, Eq, Hash)]
enum Whom {
    User(String),
    Prefix(String),
    Subscriber(String, String),
}

/// What is remembered, with the time in Unix milliseconds.
#[derive(Default)]
pub(crate) struct Shut(Mutex<HashMap<Whom, u64>>);

impl Shut {
    /// All connections of a user were ended.
    pub fn user(&self, user: &str, now: u64) {
        self.note(Whom::User(user.to_owned()), now);
    }

    /// All connections of users whose id begins so were ended.
    pub fn prefix(&self, prefix: &str, now: u64) {
        self.note(Whom::Prefix(prefix.to_owned()), now);
    }

    /// A channel was taken from a user.
    pub fn subscriber(&self, user: &str, channel: &str, now: u64) {
        self.note(Whom::Subscriber(user.to_owned(), channel.to_owned()), now);
    }

    fn note(&self, whom: Whom, now: u64) {
        let mut noted = lock(&self.0);
        if noted.len() >= SWEEP {
            noted.retain(|_, at| *at + REMEMBERED_MS > now);
        }
        noted.insert(whom, now);
    }

    /// Whether a connection token of this user that was made then is too old.
    pub fn refuses_user(&self, user: &str, made: Option<f64>) -> bool {
        let Some(made) = made else { return false };
        lock(&self.0).iter().any(|(whom, at)| {
            let meant = match whom {
                Whom::User(id) => id == user,
                Whom::Prefix(prefix) => user.starts_with(prefix.as_str()),
                Whom::Subscriber(..) => false,
            };
            meant && made * 1000.0 < *at as f64
        })
    }

    /// Whether a subscription token that was made then is too old.
    pub fn refuses_subscriber(&self, user: &str, channel: &str, made: Option<f64>) -> bool {
        let Some(made) = made else { return false };
        let whom = Whom::Subscriber(user.to_owned(), channel.to_owned());
        lock(&self.0).get(&whom).is_some_and(|at| made * 1000.0 < *at as f64)
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
    fn it_does_not_grow_for_ever() {
        let shut = Shut::default();
        for n in 0..10 * SWEEP {
            shut.user(&n.to_string(), n as u64 * 1_000);
        }
        assert!(lock(&shut.0).len() <= SWEEP + 1);
    }
}
