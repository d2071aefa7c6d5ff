//! Pins: messages that a channel holds up.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::UserId;

/// That a message is pinned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
pub struct Pin {
    /// Since when.
    pub at: DateTime<Utc>,
    /// Who pinned it; `null` if the server did.
    pub by: Option<UserId>,
    /// From when on it counts and shows as not pinned; `null` if it stays.
    pub expires_at: Option<DateTime<Utc>>,
}

impl Pin {
    /// Whether its time has come.
    pub fn has_expired(&self, now: DateTime<Utc>) -> bool {
        self.expires_at.is_some_and(|at| at <= now)
    }
}

/// Pins a message, or gives a pinned one another end. The same again changes nothing.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(example = crate::examples::pin_message))]
#[serde(deny_unknown_fields)]
pub struct PinMessage {
    /// Until when, in the future; for good if left out.
    #[serde(default)]
    pub expires_at: Option<DateTime<Utc>>,
}
