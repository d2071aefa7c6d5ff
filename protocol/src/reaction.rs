//! Reactions: what one says to a message with a sign.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{UserId, UserRef};

/// How often a message was given one type of reaction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
pub struct ReactionCount {
    /// The emoji or shortcode.
    #[serde(rename = "type")]
    pub kind: String,
    /// Users who gave it.
    pub count: i64,
    /// Sum of their scores.
    pub score: i64,
}

/// One user's reaction to a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(example = crate::examples::reaction))]
pub struct Reaction {
    /// The emoji or shortcode.
    #[serde(rename = "type")]
    pub kind: String,
    /// Whose it is.
    pub user: UserRef,
    /// How strong it is, as of claps: 1 to 1,000.
    pub score: i32,
    /// When it was first given; another score leaves this as it is.
    pub created_at: DateTime<Utc>,
}

/// A reaction to give. The same again changes nothing.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(example = crate::examples::add_reaction))]
#[serde(deny_unknown_fields)]
pub struct AddReaction {
    /// Any emoji or shortcode: 1 to 50 characters, none of them a space or a control character. Also read as `emoji`.
    #[serde(rename = "type", alias = "emoji")]
    pub kind: String,
    /// How strong it is, as of claps: 1 to 1,000, 1 unless given. Replaces the score of the same reaction.
    #[serde(default = "once")]
    pub score: i32,
    /// Whether it replaces the user's other reactions to the message.
    #[serde(default)]
    pub enforce_unique: bool,
    /// On whose behalf; only from the customer's server, which must say it.
    #[serde(default)]
    pub user_id: Option<UserId>,
}

fn once() -> i32 {
    1
}
