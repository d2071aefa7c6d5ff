//! The poll of a line. Pure.

use parlor_platform::Result;
use parlor_protocol::limits::{POLL_OPTION_CHARS, POLL_OPTIONS};
use parlor_protocol::transfer::MessageLine;
use parlor_protocol::{ErrorCode, Poll, UserId};

/// Whether nobody says who voted, so that the poll keeps how many did.
pub fn keeps_counts(poll: &Poll, message: &MessageLine) -> bool {
    poll.anonymous && message.votes.is_empty()
}

/// Whether the poll holds, and what was voted in it.
pub fn check(poll: &Poll, message: &MessageLine) -> Result<()> {
    let mut ids: Vec<&str> = poll.options.iter().map(|option| option.id.as_str()).collect();
    ids.sort_unstable();
    let distinct = ids.windows(2).all(|pair| pair[0] != pair[1]);
    let texts = poll.options.iter().all(|option| {
        (1..=POLL_OPTION_CHARS).contains(&option.text.chars().count()) && (1..=20).contains(&option.id.len())
    });
    let most = usize::try_from(poll.max_votes).unwrap_or(usize::MAX);
    // Counts stay where nobody says who voted. Each voter gave one vote at least, and `max_votes` at most.
    let (voters, each) = (poll.voters, i64::from(poll.max_votes));
    let counted = (0..=i64::from(u32::MAX)).contains(&voters)
        && poll.options.iter().all(|option| (0..=voters).contains(&option.votes))
        && (voters..=voters.saturating_mul(each))
            .contains(&poll.options.iter().map(|option| option.votes).sum());
    let counts = !keeps_counts(poll, message) || counted;
    let asks = (2..=POLL_OPTIONS).contains(&ids.len()) && (1..=POLL_OPTIONS).contains(&most);
    if !distinct || !texts || !asks || !counts {
        return Err(ErrorCode::InvalidPoll.into());
    }
    let mut voters: Vec<&UserId> = message.votes.iter().map(|vote| &vote.user_id).collect();
    voters.sort_unstable();
    let once = voters.windows(2).all(|pair| pair[0] != pair[1]);
    let fits = message.votes.iter().all(|vote| {
        let mut options = vote.options.clone();
        options.sort_unstable();
        options.dedup();
        options.len() == vote.options.len()
            && (1..=most).contains(&options.len())
            && options.iter().all(|option| ids.binary_search(&option.as_str()).is_ok())
    });
    if once && fits { Ok(()) } else { Err(ErrorCode::InvalidVote.into()) }
}

#[cfg(test)]
mod tests {
    use parlor_protocol::ErrorCode;
    use serde_json::{Value, json};

    use crate::transfer::lines::tests::{code, message};

    #[test]
    fn votes_name_options_of_the_poll() {
        let poll = json!({
            "options": [{ "id": "1", "text": "a", "votes": 0, "suggested_by": null },
                { "id": "2", "text": "b", "votes": 0, "suggested_by": null }],
            "voters": 0, "max_votes": 1, "anonymous": false, "suggestions": false, "closes_at": null, "closed_at": null,
        });
        let vote =
            |options: Value| json!({ "poll": poll, "votes": [{ "user_id": "ann", "options": options }] });
        assert_eq!(code(message(vote(json!(["1"])))), None);
        for wrong in [json!([]), json!(["3"]), json!(["1", "2"]), json!(["1", "1"])] {
            assert_eq!(code(message(vote(wrong))), Some(ErrorCode::InvalidVote));
        }
    }

    #[test]
    fn an_anonymous_poll_keeps_counts_that_can_be() {
        let poll = |votes: [i64; 2], voters: i64, max_votes: i64, anonymous: bool| {
            let option =
                |id: &str, votes| json!({ "id": id, "text": id, "votes": votes, "suggested_by": null });
            json!({ "poll": { "options": [option("1", votes[0]), option("2", votes[1])], "voters": voters,
                "max_votes": max_votes, "anonymous": anonymous, "suggestions": false, "closes_at": null,
                "closed_at": null } })
        };
        for (votes, voters, most, fits) in [
            ([0, 0], 0, 1, true),
            ([2, 1], 3, 1, true),
            ([2, 1], 2, 2, true),
            ([2, 1], 2, 1, false),
            ([1, 0], 3, 1, false),
            ([-1, 1], 0, 1, false),
            ([3, 0], 2, 2, false),
            ([i64::MAX, i64::MAX], i64::MAX, 2, false),
        ] {
            let expected = (!fits).then_some(ErrorCode::InvalidPoll);
            assert_eq!(code(message(poll(votes, voters, most, true))), expected, "{votes:?} of {voters}");
            assert_eq!(code(message(poll(votes, voters, most, false))), None, "counted anew");
        }
    }
}
