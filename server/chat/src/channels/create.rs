//! get-or-create.
//!
//! A channel is found by its `cid`, or by its distinct members; two who create it at the same moment get the
//! same one, because the second insert waits for the first and then does nothing.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use parlor_platform::crypto::sha256;
use parlor_platform::db::TenantTx;
use parlor_platform::outbox::Entries;
use parlor_platform::{Error, Result};
use parlor_protocol::channel::CreateChannel;
use parlor_protocol::limits::DISTINCT_MEMBERS;
use parlor_protocol::member::NewMember;
use parlor_protocol::{Capability, Channel, ChannelId, ChannelType, ErrorCode, EventType, Role, UserId};
use uuid::Uuid;

use super::{access, store, view};
use crate::members::{self, Past, tell_users};
use crate::validate;
use crate::web::Caller;

/// Gives the channel and whether it is new.
pub async fn get_or_create(
    tx: &TenantTx,
    caller: &Caller,
    mut request: CreateChannel,
    entries: &mut Entries,
    now: DateTime<Utc>,
) -> Result<(Channel, bool)> {
    check(&request)?;
    request.tags = validate::tags(request.tags)?;
    let members = all_members(&request, caller.user());
    let names = || members.iter().map(|member| member.user_id.as_str()).collect();
    let distinct_key = request.distinct.then(|| distinct_key(request.kind, names()));
    if request.distinct && !(2..=DISTINCT_MEMBERS).contains(&members.len()) {
        return Err(ErrorCode::TooManyMembers.into());
    }
    let slug = request.id.clone().unwrap_or_else(|| Uuid::now_v7().simple().to_string());
    let cid = format!("{}:{slug}", request.kind.as_str());
    // Unknown members are an error before anything is written.
    members::require_active(tx, members.iter().map(|member| &member.user_id)).await?;
    let id = ChannelId::new();
    let json = |value: serde_json::Result<serde_json::Value>| value.map_err(Error::internal);
    let created = store::insert(
        tx,
        store::NewChannel {
            app_id: tx.app(),
            id: id.0,
            kind: request.kind.as_str(),
            cid: &cid,
            distinct_key: distinct_key.as_deref(),
            name: request.name.as_deref(),
            image: request.image.as_deref(),
            custom: json(serde_json::to_value(&request.custom))?,
            config: json(serde_json::to_value(&request.config))?,
            created_by: caller.user().map(UserId::as_str),
            // The creation with its members is the first change.
            seq: 1,
            member_count: i32::try_from(members.len()).unwrap_or(i32::MAX),
            created_at: now,
            updated_at: now,
            tags: &request.tags,
        },
    )
    .await?;
    if !created {
        let existing = match &distinct_key {
            Some(key) => store::id_by_members(tx, key).await?,
            None => store::id_by_cid(tx, &cid).await?,
        };
        let existing = existing.ok_or(ErrorCode::ChannelNotFound)?;
        if request.distinct {
            // Who left a direct channel comes back by asking for it again.
            store::lock(tx, existing).await?;
            members::come(tx, existing, &members, Past::AsBefore, entries, now).await?;
        }
        let access = access::require(tx, caller, existing, Capability::ReadChannel).await?;
        return Ok((view::channel(tx, caller.user(), access.row, now).await?, false));
    }
    store::retag(tx, id, &[], &request.tags).await?;
    let joins: Vec<_> = members.iter().map(members::store::Join::first).collect();
    members::store::insert(tx, id, &joins, now).await?;
    let users = members.iter().map(|member| &member.user_id);
    tell_users(entries, tx.app_id(), EventType::NotificationAddedToChannel, id, users, now)?;
    let row = store::find(tx, id).await?.ok_or_else(|| Error::internal("a new channel is gone"))?;
    Ok((view::channel(tx, caller.user(), row, now).await?, true))
}

fn check(request: &CreateChannel) -> Result<()> {
    validate::name(request.name.as_ref())?;
    validate::image(request.image.as_ref())?;
    validate::custom(&request.custom)?;
    validate::retention(request.config.retention_days)?;
    if request.id.as_deref().is_some_and(|slug| !validate::is_slug(slug)) {
        return Err(Error::with(ErrorCode::InvalidId, "A channel's `id` is 1 to 64 of `A-Z a-z 0-9 _ -`."));
    }
    if request.id.is_some() && request.distinct {
        return Err(Error::with(
            ErrorCode::InvalidRequest,
            "A distinct channel is named by its members, not by an `id`.",
        ));
    }
    if !request.members.is_empty() {
        validate::batch(request.members.len())?;
    }
    let mut roles: BTreeMap<&UserId, Role> = BTreeMap::new();
    for member in &request.members {
        if *roles.entry(&member.user_id).or_insert(member.role) != member.role {
            return Err(Error::with(
                ErrorCode::InvalidRequest,
                "A user is named twice, with different roles.",
            ));
        }
    }
    Ok(())
}

/// The members of the request, each once, and the caller as owner. In a distinct channel all are equal.
fn all_members(request: &CreateChannel, caller: Option<&UserId>) -> Vec<NewMember> {
    let mut seen = BTreeSet::new();
    let mut members = Vec::new();
    if let Some(caller) = caller {
        seen.insert(caller.clone());
        members.push(NewMember { user_id: caller.clone(), role: Role::Owner });
    }
    for member in &request.members {
        if seen.insert(member.user_id.clone()) {
            members.push(member.clone());
        }
    }
    if request.distinct {
        for member in &mut members {
            member.role = Role::Member;
        }
    }
    members
}

/// What a channel of exactly these members is found by.
pub fn distinct_key(kind: ChannelType, mut ids: Vec<&str>) -> String {
    ids.sort_unstable();
    ids.push(kind.as_str());
    let hash = sha256(&ids.iter().map(|id| id.as_bytes()).collect::<Vec<_>>());
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}
