//! Polls: a message that asks, and its votes.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{UserId, UserRef};

/// A poll as its reader sees it. The message's text is the question, and replies in its thread are the comments.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(example = crate::examples::poll))]
pub struct Poll {
    /// What one can vote for, in the order in which it was added.
    pub options: Vec<PollOption>,
    /// How many users voted.
    pub voters: i64,
    /// How many options one user may vote for; 1 is a single choice.
    pub max_votes: u32,
    /// Whether nobody learns who voted for what.
    pub anonymous: bool,
    /// Whether everybody who may vote may add options.
    pub suggestions: bool,
    /// From when on nobody votes any more.
    pub closes_at: Option<DateTime<Utc>>,
    /// When it was closed by hand.
    pub closed_at: Option<DateTime<Utc>>,
}

impl Poll {
    /// Whether nobody may vote any more.
    pub fn is_closed(&self, now: DateTime<Utc>) -> bool {
        self.closed_at.is_some() || self.closes_at.is_some_and(|end| end <= now)
    }
}

/// Something to vote for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
pub struct PollOption {
    /// Unique in the poll, and never used again: "1" is the first.
    pub id: String,
    /// What it says.
    pub text: String,
    /// Users who voted for it.
    pub votes: i64,
    /// Who added it later; `null` for what the author asked.
    pub suggested_by: Option<UserId>,
}

/// A poll to send with a message.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(example = crate::examples::create_poll))]
#[serde(deny_unknown_fields)]
pub struct CreatePoll {
    /// 2 to 20 texts of 1 to 100 characters, each once.
    pub options: Vec<String>,
    /// How many options one user may vote for, 1 unless given.
    #[serde(default = "one")]
    pub max_votes: u32,
    /// Whether nobody learns who voted for what.
    #[serde(default)]
    pub anonymous: bool,
    /// Whether everybody who may vote may add options, up to 50.
    #[serde(default)]
    pub suggestions: bool,
    /// From when on nobody votes any more. Clients show by it that the poll is closed; no event says so.
    #[serde(default)]
    pub closes_at: Option<DateTime<Utc>>,
}

fn one() -> u32 {
    1
}

/// What a user votes for from now on.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(example = crate::examples::vote))]
#[serde(deny_unknown_fields)]
pub struct Vote {
    /// Ids of options, as many as the poll allows; none takes the vote back.
    pub options: Vec<String>,
    /// On whose behalf; only from the customer's server, which must say it.
    #[serde(default)]
    pub user_id: Option<UserId>,
}

/// An option to add.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(example = crate::examples::suggest_option))]
#[serde(deny_unknown_fields)]
pub struct SuggestOption {
    /// 1 to 100 characters. One that says the same already stays as it is.
    pub text: String,
    /// On whose behalf; only from the customer's server, which must say it.
    #[serde(default)]
    pub user_id: Option<UserId>,
}

/// A vote that was cast.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(example = crate::examples::poll_vote))]
pub struct PollVote {
    /// Who voted.
    pub user: UserRef,
    /// Id of the option.
    pub option: String,
    /// When.
    pub created_at: DateTime<Utc>,
}
