//! Who may do what, as pure functions of role, channel type and config.

use parlor_platform::{Error, Result};
use parlor_protocol::{Capability, ChannelConfig, ChannelType, ErrorCode, Role};

/// One who acts on a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Actor {
    /// The customer's server may do everything.
    Server,
    /// A member.
    Member(Role),
    /// A user of the app who is no member.
    Outsider,
}

/// What an actor may do.
pub fn capabilities(actor: Actor, kind: ChannelType, config: &ChannelConfig) -> Vec<Capability> {
    use Capability as C;
    const ALL: [Capability; 19] = [
        C::ReadChannel,
        C::SendMessage,
        C::MentionAll,
        C::SendEphemeral,
        C::ApproveMessages,
        C::React,
        C::UpdateOwnMessage,
        C::DeleteOwnMessage,
        C::DeleteAnyMessage,
        C::ReadEdits,
        C::PinMessage,
        C::FreezeChannel,
        C::UpdateChannel,
        C::AddMembers,
        C::RemoveMembers,
        C::UpdateRoles,
        C::TruncateChannel,
        C::DeleteChannel,
        C::TransferOwnership,
    ];
    ALL.into_iter().filter(|capability| may(actor, *capability, kind, config)).collect()
}

/// Whether an actor may do one thing.
pub fn may(actor: Actor, capability: Capability, kind: ChannelType, config: &ChannelConfig) -> bool {
    use Capability as C;
    let livestream = kind == ChannelType::Livestream;
    let role = match actor {
        Actor::Server => return true,
        Actor::Member(role) => role,
        // Everybody may look at a livestream; to speak one joins.
        Actor::Outsider => return livestream && capability == C::ReadChannel,
    };
    match capability {
        C::ReadChannel | C::DeleteOwnMessage => true,
        C::SendMessage | C::React | C::UpdateOwnMessage => {
            let speaks = role >= Role::Member || livestream;
            speaks && (!config.frozen || role >= Role::Admin)
        }
        C::PinMessage => {
            // Among people who write to each other everybody may hold up what matters to them.
            let equals = kind == ChannelType::Messaging && role >= Role::Member && !config.frozen;
            equals || role >= Role::Moderator
        }
        C::MentionAll => {
            let speaks = role >= Role::Member && !livestream && !config.mention_all_restricted;
            speaks || role >= Role::Moderator
        }
        C::DeleteAnyMessage
        | C::ReadEdits
        | C::SendEphemeral
        | C::ApproveMessages
        | C::FreezeChannel
        | C::RemoveMembers => role >= Role::Moderator,
        C::UpdateChannel | C::AddMembers | C::UpdateRoles | C::TruncateChannel => role >= Role::Admin,
        C::DeleteChannel | C::TransferOwnership => role == Role::Owner,
    }
}

/// Refuses what an actor may not do, with the reason.
pub fn require(
    actor: Actor,
    capability: Capability,
    kind: ChannelType,
    config: &ChannelConfig,
) -> Result<()> {
    if may(actor, capability, kind, config) {
        return Ok(());
    }
    let thawed = ChannelConfig { frozen: false, ..config.clone() };
    Err(match actor {
        Actor::Outsider => ErrorCode::NotAMember.into(),
        _ if may(actor, capability, kind, &thawed) => ErrorCode::ChannelFrozen.into(),
        _ => Error::new(ErrorCode::Forbidden),
    })
}

/// Refuses new words of whose messages need approval where nobody would be asked: what was approved is what the channel
/// reads.
pub fn require_no_approval(actor: Actor, kind: ChannelType, config: &ChannelConfig) -> Result<()> {
    if config.messages_need_approval && !may(actor, Capability::ApproveMessages, kind, config) {
        return Err(ErrorCode::ApprovalNeeded.into());
    }
    Ok(())
}

/// Whether an actor may give `to` to a member who has `from` (`None`: who is none yet).
///
/// Admins and owners give what is below their own role to whom is below it; only owners make owners.
pub fn may_set_role(actor: Actor, from: Option<Role>, to: Role) -> bool {
    match actor {
        Actor::Server | Actor::Member(Role::Owner) => true,
        Actor::Member(own) => own >= Role::Admin && to < own && from.is_none_or(|from| from < own),
        Actor::Outsider => false,
    }
}

/// Whether an actor may remove a member of this role.
pub fn may_remove(actor: Actor, target: Role) -> bool {
    match actor {
        Actor::Server | Actor::Member(Role::Owner) => true,
        Actor::Member(own) => own >= Role::Moderator && target < own,
        Actor::Outsider => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Capability as C;

    const OPEN: ChannelConfig = ChannelConfig {
        frozen: false,
        open: false,
        typing_disabled: false,
        hide_history_for_new_members: false,
        read_receipts_disabled: false,
        delivery_receipts_disabled: false,
        retention_days: None,
        watching_events: false,
        mention_all_restricted: false,
        messages_need_approval: false,
    };
    const FROZEN: ChannelConfig = ChannelConfig { frozen: true, ..OPEN };

    #[test]
    fn each_role_may_what_its_line_says() {
        let lines: [(Capability, [bool; 5]); 19] = [
            // guest, member, moderator, admin, owner
            (C::ReadChannel, [true, true, true, true, true]),
            (C::SendMessage, [false, true, true, true, true]),
            (C::MentionAll, [false, true, true, true, true]),
            (C::SendEphemeral, [false, false, true, true, true]),
            (C::ApproveMessages, [false, false, true, true, true]),
            (C::React, [false, true, true, true, true]),
            (C::UpdateOwnMessage, [false, true, true, true, true]),
            (C::DeleteOwnMessage, [true, true, true, true, true]),
            (C::DeleteAnyMessage, [false, false, true, true, true]),
            (C::ReadEdits, [false, false, true, true, true]),
            (C::PinMessage, [false, false, true, true, true]),
            (C::FreezeChannel, [false, false, true, true, true]),
            (C::RemoveMembers, [false, false, true, true, true]),
            (C::UpdateChannel, [false, false, false, true, true]),
            (C::AddMembers, [false, false, false, true, true]),
            (C::UpdateRoles, [false, false, false, true, true]),
            (C::TruncateChannel, [false, false, false, true, true]),
            (C::DeleteChannel, [false, false, false, false, true]),
            (C::TransferOwnership, [false, false, false, false, true]),
        ];
        for (capability, line) in lines {
            for (role, expected) in Role::ALL.into_iter().zip(line) {
                let actual = may(Actor::Member(role), capability, ChannelType::Team, &OPEN);
                assert_eq!(actual, expected, "{role:?} {capability:?}");
            }
            assert!(may(Actor::Server, capability, ChannelType::Team, &FROZEN));
            assert!(!may(Actor::Outsider, capability, ChannelType::Team, &OPEN));
        }
    }

    #[test]
    fn a_frozen_channel_hears_only_admins() {
        let code = |role| {
            require(Actor::Member(role), C::SendMessage, ChannelType::Team, &FROZEN)
                .err()
                .map(|error| error.code())
        };
        assert_eq!(code(Role::Member), Some(ErrorCode::ChannelFrozen));
        assert_eq!(code(Role::Moderator), Some(ErrorCode::ChannelFrozen));
        assert_eq!(code(Role::Guest), Some(ErrorCode::Forbidden));
        assert_eq!(code(Role::Admin), None);
    }

    #[test]
    fn everybody_may_read_a_livestream_and_its_guests_speak() {
        assert!(may(Actor::Outsider, C::ReadChannel, ChannelType::Livestream, &OPEN));
        assert!(!may(Actor::Outsider, C::SendMessage, ChannelType::Livestream, &OPEN));
        assert!(may(Actor::Member(Role::Guest), C::SendMessage, ChannelType::Livestream, &OPEN));
        assert!(may(Actor::Member(Role::Guest), C::React, ChannelType::Livestream, &OPEN));
    }

    #[test]
    fn in_messaging_channels_every_member_pins_while_they_are_not_frozen() {
        let pin = |role, config: &ChannelConfig| {
            require(Actor::Member(role), C::PinMessage, ChannelType::Messaging, config)
                .err()
                .map(|error| error.code())
        };
        assert_eq!(pin(Role::Guest, &OPEN), Some(ErrorCode::Forbidden));
        assert_eq!(pin(Role::Member, &OPEN), None);
        assert_eq!(pin(Role::Member, &FROZEN), Some(ErrorCode::ChannelFrozen));
        assert_eq!(pin(Role::Moderator, &FROZEN), None);
    }

    #[test]
    fn nobody_raises_anybody_to_their_own_role_but_owners() {
        let admin = Actor::Member(Role::Admin);
        assert!(may_set_role(admin, Some(Role::Member), Role::Moderator));
        assert!(!may_set_role(admin, Some(Role::Member), Role::Admin));
        assert!(!may_set_role(admin, Some(Role::Owner), Role::Member));
        assert!(!may_set_role(Actor::Member(Role::Moderator), None, Role::Guest));
        assert!(may_set_role(Actor::Member(Role::Owner), Some(Role::Owner), Role::Owner));
        assert!(may_remove(Actor::Member(Role::Moderator), Role::Member));
        assert!(!may_remove(Actor::Member(Role::Moderator), Role::Moderator));
    }
}
