//! Whom a message calls beside the users that it names: all members, those who are here, roles, groups of users.
//!
//! Sending only notes what was called: who that is, is found out by the keeper of flags ([`crate::fanout::Flags`]), so that
//! a send costs the same for ten members and for ten thousand. All members, and those who are here, are flagged in channels
//! up to the fan-out limit; in larger ones the message says that it calls them, and clients that read it see that.

pub mod store;

use parlor_platform::{Error, Result};
use parlor_protocol::limits::MENTION_ALL_MEMBERS;
use parlor_protocol::{Capability, ChannelConfig, ChannelType, ErrorCode, GroupMentions};

use crate::permissions::{Actor, may, require};

/// Refuses to call whom this actor may not call in a channel of so many members. Groups may be called by all.
pub fn allowed(
    actor: Actor,
    called: &GroupMentions,
    kind: ChannelType,
    config: &ChannelConfig,
    members: i32,
) -> Result<()> {
    if !called.calls_channel() {
        return Ok(());
    }
    require(actor, Capability::MentionAll, kind, config)?;
    let all = called.channel || called.here;
    if all && members > MENTION_ALL_MEMBERS && !may(actor, Capability::DeleteAnyMessage, kind, config) {
        let why = format!(
            "In a channel of more than {MENTION_ALL_MEMBERS} members only moderators call all of them."
        );
        return Err(Error::with(ErrorCode::Forbidden, why));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use parlor_protocol::{Role, UserGroupId};

    #[test]
    fn only_moderators_call_all_of_many() {
        let code = |role, called: &GroupMentions, members, restricted| {
            let config = ChannelConfig { mention_all_restricted: restricted, ..ChannelConfig::default() };
            allowed(Actor::Member(role), called, ChannelType::Team, &config, members)
                .err()
                .map(|error| error.code())
        };
        let channel = GroupMentions { channel: true, ..GroupMentions::default() };
        let here = GroupMentions { here: true, ..GroupMentions::default() };
        let roles = GroupMentions { roles: vec![Role::Admin], ..GroupMentions::default() };
        let groups = GroupMentions { groups: vec![UserGroupId::new()], ..GroupMentions::default() };
        for called in [&channel, &here] {
            assert_eq!(code(Role::Member, called, MENTION_ALL_MEMBERS, false), None);
            assert_eq!(
                code(Role::Member, called, MENTION_ALL_MEMBERS + 1, false),
                Some(ErrorCode::Forbidden)
            );
            assert_eq!(code(Role::Moderator, called, MENTION_ALL_MEMBERS + 1, false), None);
            assert_eq!(code(Role::Member, called, 2, true), Some(ErrorCode::Forbidden));
            assert_eq!(code(Role::Guest, called, 2, false), Some(ErrorCode::Forbidden));
        }
        assert_eq!(code(Role::Member, &roles, 100_000, false), None);
        assert_eq!(code(Role::Member, &roles, 2, true), Some(ErrorCode::Forbidden));
        assert_eq!(code(Role::Guest, &groups, 100_000, true), None);
    }
}
