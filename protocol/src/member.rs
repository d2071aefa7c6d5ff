//! Members of a channel, their roles, and what a role may do.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::membership::MemberSettings;
use crate::receipt::DeliveryState;
use crate::{Invite, MessageId, UserId, UserRef};

/// Roles, from least to most: `guest < member < moderator < admin < owner`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Reads, and speaks in livestream channels.
    Guest,
    /// Reads and speaks.
    Member,
    /// Also deletes others' messages, freezes, removes members.
    Moderator,
    /// Also changes the channel, adds members and sets roles below its own.
    Admin,
    /// Also deletes the channel and sets every role.
    Owner,
}

impl Role {
    /// All roles, least first.
    pub const ALL: [Self; 5] = [Self::Guest, Self::Member, Self::Moderator, Self::Admin, Self::Owner];

    /// The role's name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Guest => "guest",
            Self::Member => "member",
            Self::Moderator => "moderator",
            Self::Admin => "admin",
            Self::Owner => "owner",
        }
    }

    /// The role of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == name)
    }
}

/// What one may do in a channel. Computed by the server from role, channel type and config.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Capability {
    /// See the channel, its members and messages.
    ReadChannel,
    /// Send messages and typing events.
    SendMessage,
    /// Mention all members, those who are here, or a role.
    MentionAll,
    /// Show something to one member alone.
    SendEphemeral,
    /// See what waits for approval, approve and reject it; send without waiting.
    ApproveMessages,
    /// Give and take back reactions.
    React,
    /// Edit one's own messages.
    UpdateOwnMessage,
    /// Delete one's own messages.
    DeleteOwnMessage,
    /// Delete anybody's messages, and take back such a deletion.
    DeleteAnyMessage,
    /// See what messages said before they were edited.
    ReadEdits,
    /// Pin and unpin messages.
    PinMessage,
    /// Freeze and unfreeze the channel.
    FreezeChannel,
    /// Change name, image, custom data and config.
    UpdateChannel,
    /// Add members.
    AddMembers,
    /// Remove members of a lower role.
    RemoveMembers,
    /// Set roles below one's own.
    UpdateRoles,
    /// Remove the channel's messages for good.
    TruncateChannel,
    /// Delete the channel.
    DeleteChannel,
    /// Make somebody else the owner in one's own place.
    TransferOwnership,
}

/// A member of a channel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(example = crate::examples::member))]
pub struct Member {
    /// Who.
    pub user: UserRef,
    /// Role in this channel.
    pub role: Role,
    /// When the member joined.
    pub joined_at: DateTime<Utc>,
    /// Set when the membership ended; such members are only in change lists.
    pub removed_at: Option<DateTime<Utc>>,
    /// How far the member has read.
    #[serde(flatten)]
    pub read: ReadState,
    /// How far the member's devices have got messages.
    #[serde(flatten)]
    pub delivered: DeliveryState,
    /// The channel's `seq` of this row's last change.
    pub updated_seq: i64,
    /// What the member has set for itself alone. Only in their own view of a channel, never in what others see.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settings: Option<MemberSettings>,
}

/// A member's read pointer.
///
/// Sending moves the author's own to the message that was sent, without an event. Moving it takes no `seq` and is no
/// change of the channel, so change lists don't repeat a member because of it. Where read receipts are off, for the channel
/// or by the member, others see it as it is before the first message.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(example = crate::examples::read_state))]
pub struct ReadState {
    /// `seq` of the last message that was read; 0 before the first.
    pub read_seq: i64,
    /// Countable messages up to there. Unread is the channel's `ordinal` less this, less what was deleted since.
    pub read_ordinal: i64,
    /// When the pointer last moved.
    pub read_at: Option<DateTime<Utc>>,
    /// The message it points to.
    pub last_read_message_id: Option<MessageId>,
}

/// A member to add.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(example = crate::examples::new_member))]
#[serde(deny_unknown_fields)]
pub struct NewMember {
    /// Who.
    pub user_id: UserId,
    /// Role, `member` unless given.
    #[serde(default = "default_role")]
    pub role: Role,
}

fn default_role() -> Role {
    Role::Member
}

/// Members to add.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(example = crate::examples::add_members))]
#[serde(deny_unknown_fields)]
pub struct AddMembers {
    /// 1 to 100 members. Those who are members already are left as they are.
    pub members: Vec<NewMember>,
    /// Invite them instead: they become members when they accept.
    #[serde(default)]
    pub invite: bool,
    /// Until when the invitations can be answered: in the future, at most a year from now; 7 days if left out.
    #[serde(default)]
    pub expires_at: Option<DateTime<Utc>>,
    /// Whether the messages before they come stay hidden from them, also where the channel's config does not say so.
    #[serde(default)]
    pub hide_history: bool,
}

/// Who of the request is a member now, and who is invited.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(example = crate::examples::added_members))]
pub struct AddedMembers {
    /// The members, by user id.
    pub items: Vec<Member>,
    /// The open invitations, by user id.
    pub invites: Vec<Invite>,
    /// Always `null`: there is one page.
    #[cfg_attr(feature = "utoipa", schema(required))]
    pub next: Option<String>,
}

/// Who is to be the owner.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(example = crate::examples::transfer_ownership))]
#[serde(deny_unknown_fields)]
pub struct TransferOwnership {
    /// A member of the channel.
    pub user_id: UserId,
}

/// A new role.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(example = crate::examples::update_member))]
#[serde(deny_unknown_fields)]
pub struct UpdateMember {
    /// The role from now on.
    pub role: Role,
}

/// Moves the read pointer.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(example = crate::examples::mark_read))]
#[serde(deny_unknown_fields)]
pub struct MarkRead {
    /// Read up to and including this message; up to the newest if left out. Never moves backwards.
    #[serde(default)]
    pub message_id: Option<MessageId>,
}

/// Moves the read pointer back.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(example = crate::examples::mark_read))]
#[serde(deny_unknown_fields)]
pub struct MarkUnread {
    /// The first message that shall count as unread.
    pub message_id: MessageId,
}

/// A read pointer and what it leaves unread.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(example = crate::examples::read_result))]
pub struct ReadResult {
    /// The pointer as it is now.
    pub read: ReadState,
    /// Unread messages in the channel.
    pub unread: i64,
}

/// Unread counts of the calling user.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(example = crate::examples::unread_counts))]
pub struct UnreadCounts {
    /// Sum over all channels that are neither muted nor hidden.
    pub total: i64,
    /// Of these, messages that mention the user, by the flags that are kept per user; replies beside the timeline included.
    pub mentions_total: i64,
    /// Unread replies in all threads that the user follows. Those that are shown in their channel count there as well.
    pub threads_total: i64,
    /// Channels with at least one unread message or mention.
    pub channels: Vec<ChannelUnread>,
}

/// Unread messages of one channel.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
pub struct ChannelUnread {
    /// The channel.
    pub channel_id: crate::ChannelId,
    /// How many messages are unread.
    pub unread: i64,
    /// How many unread messages mention the user.
    pub mentions: i64,
    /// Whether the channel is muted: then it is not in the totals.
    pub muted: bool,
    /// Whether it is hidden: then it is not in the totals either.
    pub hidden: bool,
}
