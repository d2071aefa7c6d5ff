//! Who the caller is in a channel, and whether that suffices.

use chrono::{DateTime, Utc};
use parlor_platform::db::TenantTx;
use parlor_platform::{Error, Result};
use parlor_protocol::{Capability, ChannelConfig, ChannelId, ChannelType, ErrorCode};

use super::store::{self, ChannelRow};
use crate::members::store::{self as members, MemberRow};
use crate::permissions::{self, Actor};
use crate::web::Caller;

/// A channel with what decides about access to it.
pub struct Access {
    pub row: ChannelRow,
    pub channel: Settings,
    pub actor: Actor,
    /// The caller's membership, if it is a member.
    pub membership: Option<MemberRow>,
}

impl Access {
    /// The first `seq` that the caller may read.
    pub fn history_from_seq(&self) -> i64 {
        let own = self.membership.as_ref().map_or(0, |member| member.settings.history_from_seq);
        own.max(self.row.first_seq())
    }

    /// Whether nothing that was said since then was before the caller's time in a channel that hides it from them.
    pub fn has_read_all_since(&self, time: DateTime<Utc>) -> bool {
        let comes_late = |member: &MemberRow| member.settings.history_from_seq > 0 && member.joined_at > time;
        !self.membership.as_ref().is_some_and(comes_late)
    }
}

/// Type and switches of a channel.
pub struct Settings {
    pub kind: ChannelType,
    pub config: ChannelConfig,
}

/// The channel, if the caller may do this in it.
pub async fn require(
    tx: &TenantTx,
    caller: &Caller,
    id: ChannelId,
    capability: Capability,
) -> Result<Access> {
    let row = store::find(tx, id).await?.ok_or(ErrorCode::ChannelNotFound)?;
    checked(tx, caller, row, capability).await
}

/// The same, holding the channel's row, for changes.
pub async fn require_locked(
    tx: &TenantTx,
    caller: &Caller,
    id: ChannelId,
    capability: Capability,
) -> Result<Access> {
    let row = store::lock(tx, id).await?.ok_or(ErrorCode::ChannelNotFound)?;
    checked(tx, caller, row, capability).await
}

/// Tells who may not read something that there is none: `unknown`, as of an id that nobody ever used.
pub fn or_unknown(error: Error, unknown: ErrorCode) -> Error {
    match error.code() {
        ErrorCode::ChannelNotFound | ErrorCode::NotAMember | ErrorCode::MessageNotFound => unknown.into(),
        _ => error,
    }
}

async fn checked(tx: &TenantTx, caller: &Caller, row: ChannelRow, capability: Capability) -> Result<Access> {
    let access = of(tx, caller, row).await?;
    permissions::require(access.actor, capability, access.channel.kind, &access.channel.config)?;
    Ok(access)
}

/// Who the caller is in this channel.
pub async fn of(tx: &TenantTx, caller: &Caller, row: ChannelRow) -> Result<Access> {
    let channel = Settings { kind: row.kind()?, config: row.config()? };
    let (actor, membership) = match caller.user() {
        None => (Actor::Server, None),
        Some(user) => match members::find(tx, row.id(), user).await? {
            Some(member) => (Actor::Member(member.role()?), Some(member)),
            None => (Actor::Outsider, None),
        },
    };
    Ok(Access { row, channel, actor, membership })
}
