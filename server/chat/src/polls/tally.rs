//! What a poll is after a change, as pure functions.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use parlor_platform::{Error, Result};
use parlor_protocol::limits::{POLL_OPTION_CHARS, POLL_OPTIONS, POLL_OPTIONS_ASKED};
use parlor_protocol::poll::{CreatePoll, PollOption};
use parlor_protocol::{ErrorCode, Poll, UserId};

use crate::validate;

/// Refuses what can't be asked.
pub fn check(poll: &CreatePoll) -> Result<()> {
    let distinct: BTreeSet<&str> = poll.options.iter().map(|text| text.trim()).collect();
    validate::readable_time(poll.closes_at.as_ref(), ErrorCode::InvalidRequest)?;
    let counts = (2..=POLL_OPTIONS_ASKED).contains(&poll.options.len());
    let votes = usize::try_from(poll.max_votes).is_ok_and(|most| (1..=POLL_OPTIONS).contains(&most));
    let texts = poll.options.iter().all(|text| is_text(text));
    if counts && votes && texts && distinct.len() == poll.options.len() {
        Ok(())
    } else {
        Err(ErrorCode::InvalidPoll.into())
    }
}

/// The poll as it begins.
pub fn created(poll: CreatePoll) -> Poll {
    let CreatePoll { options, max_votes, anonymous, suggestions, closes_at } = poll;
    let option = |(number, text): (usize, String)| PollOption {
        id: number.to_string(),
        text: text.trim().to_owned(),
        votes: 0,
        suggested_by: None,
    };
    Poll {
        options: (1..).zip(options).map(option).collect(),
        voters: 0,
        max_votes,
        anonymous,
        suggestions,
        closes_at,
        closed_at: None,
    }
}

/// The poll after a user who voted for `old` votes for `new`, without repetitions; `None` if nothing changes.
pub fn voted(poll: &Poll, old: &[String], new: &[String], now: DateTime<Utc>) -> Result<Option<Poll>> {
    let (old, new): (BTreeSet<&String>, BTreeSet<&String>) = (old.iter().collect(), new.iter().collect());
    let unknown = new.iter().any(|id| poll.options.iter().all(|option| option.id != **id));
    if unknown || new.len() > usize::try_from(poll.max_votes).map_err(Error::internal)? {
        return Err(ErrorCode::InvalidVote.into());
    }
    // Before the end of the poll: a repetition of what was voted in time is answered.
    if old == new {
        return Ok(None);
    }
    if poll.is_closed(now) {
        return Err(ErrorCode::PollClosed.into());
    }
    let mut poll = poll.clone();
    for option in &mut poll.options {
        option.votes += i64::from(new.contains(&option.id)) - i64::from(old.contains(&option.id));
    }
    poll.voters += i64::from(!new.is_empty()) - i64::from(!old.is_empty());
    Ok(Some(poll))
}

/// The poll with one more option; `None` if it has that already.
pub fn suggested(poll: &Poll, text: &str, by: Option<&UserId>, now: DateTime<Utc>) -> Result<Option<Poll>> {
    let text = text.trim();
    if !is_text(text) {
        return Err(ErrorCode::InvalidPoll.into());
    }
    if poll.options.iter().any(|option| option.text == text) {
        return Ok(None);
    }
    if poll.is_closed(now) {
        return Err(ErrorCode::PollClosed.into());
    }
    if poll.options.len() >= POLL_OPTIONS {
        return Err(ErrorCode::InvalidPoll.into());
    }
    let mut poll = poll.clone();
    let id = (poll.options.len() + 1).to_string();
    poll.options.push(PollOption { id, text: text.to_owned(), votes: 0, suggested_by: by.cloned() });
    Ok(Some(poll))
}

fn is_text(text: &str) -> bool {
    (1..=POLL_OPTION_CHARS).contains(&text.trim().chars().count())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn poll(options: usize, max_votes: u32) -> CreatePoll {
        CreatePoll {
            options: (0..options).map(|number| format!("option {number}")).collect(),
            max_votes,
            anonymous: false,
            suggestions: true,
            closes_at: None,
        }
    }

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(second, 0).unwrap()
    }

    #[test]
    fn limits_hold_at_the_limit_and_one_past_it() {
        let good = |poll: &CreatePoll| check(poll).is_ok();
        assert!(good(&poll(2, 1)) && good(&poll(20, 50)));
        assert!(!good(&poll(1, 1)) && !good(&poll(21, 1)) && !good(&poll(2, 0)) && !good(&poll(2, 51)));
        let text = |text: String| CreatePoll { options: vec!["a".to_owned(), text], ..poll(2, 1) };
        assert!(good(&text("é".repeat(100))));
        for bad in ["é".repeat(101), " ".to_owned(), "a".to_owned(), " a ".to_owned()] {
            assert!(!good(&text(bad.clone())), "{bad:?}");
        }
        let full = created(poll(20, 1));
        let full =
            (20..50).fold(full, |poll, n| suggested(&poll, &format!("s {n}"), None, at(0)).unwrap().unwrap());
        assert_eq!(full.options.last().unwrap().id, "50");
        assert!(suggested(&full, "one more", None, at(0)).is_err());
    }

    #[test]
    fn nobody_votes_after_the_end_but_may_repeat_themselves() {
        let open = Poll { closes_at: Some(at(10)), ..created(poll(2, 1)) };
        let first = ["1".to_owned()];
        assert!(voted(&open, &[], &first, at(9)).unwrap().is_some());
        let late = voted(&open, &[], &first, at(10)).unwrap_err();
        assert_eq!(late.code(), ErrorCode::PollClosed);
        assert_eq!(voted(&open, &first, &first, at(10)).unwrap(), None);
        assert!(suggested(&open, "new", None, at(10)).is_err());
        let both = voted(&open, &[], &["1".to_owned(), "2".to_owned()], at(0)).unwrap_err();
        assert_eq!(both.code(), ErrorCode::InvalidVote);
    }

    proptest! {
        /// Whoever votes for what in which order: the counts are those of the votes.
        #[test]
        fn counts_are_those_of_the_votes(votes in prop::collection::vec((0usize..4, prop::collection::vec(1usize..5, 0..4)), 1..40)) {
            let mut poll = created(poll(4, 4));
            let mut model: BTreeMap<usize, BTreeSet<String>> = BTreeMap::new();
            for (user, options) in votes {
                let new: Vec<String> = options.iter().map(ToString::to_string).collect();
                let old: Vec<String> = model.get(&user).into_iter().flatten().cloned().collect();
                if let Some(next) = voted(&poll, &old, &new, at(0)).unwrap() {
                    poll = next;
                }
                model.insert(user, new.into_iter().collect());
            }
            for option in &poll.options {
                let expected = model.values().filter(|votes| votes.contains(&option.id)).count();
                prop_assert_eq!(option.votes, expected as i64);
            }
            prop_assert_eq!(poll.voters, model.values().filter(|votes| !votes.is_empty()).count() as i64);
        }
    }
}
