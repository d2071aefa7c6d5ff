//! Invitations: who may become a member by saying so.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{ChannelId, ChannelType, Role, UserRef};

/// An invitation. Until it is accepted the user is no member: they neither count, nor hear, read or send anything.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(example = crate::examples::invite))]
pub struct Invite {
    /// Where to.
    pub channel: ChannelCard,
    /// Who is invited.
    pub user: UserRef,
    /// Who invited; `null` if the customer's server did.
    pub invited_by: Option<UserRef>,
    /// The role that the user will have.
    pub role: Role,
    /// What became of it.
    pub state: InviteState,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// Until when it can be answered.
    pub expires_at: DateTime<Utc>,
    /// The invited user's own `seq` of its last change.
    pub user_seq: i64,
}

/// What somebody who is invited may see of a channel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
pub struct ChannelCard {
    /// The channel's id.
    pub id: ChannelId,
    /// `type:slug`.
    pub cid: String,
    /// What kind of conversation it is.
    #[serde(rename = "type")]
    pub kind: ChannelType,
    /// Display name.
    pub name: Option<String>,
    /// URL of a picture.
    pub image: Option<String>,
    /// Members at present.
    pub member_count: i32,
}

/// What became of an invitation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum InviteState {
    /// It waits for an answer.
    Pending,
    /// The user became a member.
    Accepted,
    /// The user does not want to.
    Rejected,
    /// It was taken back.
    Revoked,
    /// Nobody answered in time.
    Expired,
}

impl InviteState {
    /// All states.
    pub const ALL: [Self; 5] = [Self::Pending, Self::Accepted, Self::Rejected, Self::Revoked, Self::Expired];

    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Accepted => "accepted",
            Self::Rejected => "rejected",
            Self::Revoked => "revoked",
            Self::Expired => "expired",
        }
    }

    /// The state of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == name)
    }
}
