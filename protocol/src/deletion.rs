//! The end of a user.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{DeletionId, UserId};

/// How a user is deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum DeletionMode {
    /// Shut out, as deactivated; nothing is lost, and reactivating undoes it.
    #[default]
    Soft,
    /// The user and all their messages are erased.
    Hard,
    /// The messages stay, under a nameless user.
    Anonymise,
}

impl DeletionMode {
    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Soft => "soft",
            Self::Hard => "hard",
            Self::Anonymise => "anonymise",
        }
    }

    /// The mode of this name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Soft, Self::Hard, Self::Anonymise].into_iter().find(|mode| mode.as_str() == name)
    }
}

/// That a user was or is being deleted. It stays as a record, in which nothing tells who it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(example = crate::examples::user_deletion))]
pub struct UserDeletion {
    /// The deletion's id.
    pub id: DeletionId,
    /// How.
    pub mode: DeletionMode,
    /// Hexadecimal SHA-256 of the app's id, a colon, and the user's id.
    pub subject: String,
    /// The id of the key that asked for it; `null` if the user did.
    pub requested_by: Option<String>,
    /// The nameless user who takes the user's place; `null` for `soft`.
    pub ghost_id: Option<UserId>,
    /// Messages that were erased, or given to the ghost, so far.
    pub messages: i64,
    /// When it was asked for; from then on the user is shut out.
    pub created_at: DateTime<Utc>,
    /// When nothing was left of the user. Until then nobody may have the user's id.
    pub finished_at: Option<DateTime<Utc>>,
}
