//! Making, naming and filling groups.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use parlor_platform::db::TenantTx;
use parlor_platform::{Error, Result};
use parlor_protocol::group::CreateUserGroup;
use parlor_protocol::limits::GROUP_MEMBERS;
use parlor_protocol::{ErrorCode, UserGroup, UserGroupId, UserId};

use super::store;
use crate::users::store as users;
use crate::validate;

/// Makes a group; `false`: this id is a group already, which stays as it is.
pub async fn create(
    tx: &TenantTx,
    request: CreateUserGroup,
    now: DateTime<Utc>,
) -> Result<(UserGroup, bool)> {
    let CreateUserGroup { id, name, user_ids } = request;
    check_name(&name)?;
    if !user_ids.is_empty() {
        validate::batch(user_ids.len())?;
    }
    let id = id.unwrap_or_default();
    let created = store::insert(tx, id, &name, now).await?;
    if created && !user_ids.is_empty() {
        fill(tx, id, &user_ids, now).await?;
    }
    Ok((find(tx, id).await?, created))
}

/// Gives a group another name.
pub async fn rename(tx: &TenantTx, id: UserGroupId, name: &str, now: DateTime<Utc>) -> Result<UserGroup> {
    check_name(name)?;
    let old = store::lock(tx, id).await?.ok_or(ErrorCode::GroupNotFound)?;
    if old.name != name {
        store::rename(tx, id, name, now).await?;
    }
    find(tx, id).await
}

/// Adds users; those who are in it stay.
pub async fn add(
    tx: &TenantTx,
    id: UserGroupId,
    user_ids: &[UserId],
    now: DateTime<Utc>,
) -> Result<UserGroup> {
    validate::batch(user_ids.len())?;
    store::lock(tx, id).await?.ok_or(ErrorCode::GroupNotFound)?;
    fill(tx, id, user_ids, now).await?;
    find(tx, id).await
}

/// Takes a user out. Who is not in it is no error.
pub async fn remove(tx: &TenantTx, id: UserGroupId, user: &UserId) -> Result<()> {
    store::lock(tx, id).await?.ok_or(ErrorCode::GroupNotFound)?;
    let gone = store::remove(tx, id, user).await?;
    store::count(tx, id, -gone).await?;
    Ok(())
}

/// A group as it is.
pub async fn find(tx: &TenantTx, id: UserGroupId) -> Result<UserGroup> {
    Ok(store::find(tx, id).await?.ok_or(ErrorCode::GroupNotFound)?.into())
}

/// The caller holds the group's row.
async fn fill(tx: &TenantTx, id: UserGroupId, user_ids: &[UserId], now: DateTime<Utc>) -> Result<()> {
    let ids: BTreeSet<&str> = user_ids.iter().map(UserId::as_str).collect();
    let ids: Vec<&str> = ids.into_iter().collect();
    if users::of(tx, &ids).await?.len() < ids.len() {
        return Err(ErrorCode::UserUnknown.into());
    }
    let come = store::add(tx, id, &ids, now).await?;
    if store::count(tx, id, come).await? > GROUP_MEMBERS {
        return Err(ErrorCode::TooManyMembers.into());
    }
    Ok(())
}

fn check_name(name: &str) -> Result<()> {
    if name.trim().is_empty() || name.chars().any(char::is_control) {
        return Err(Error::with(ErrorCode::InvalidRequest, "A group has a name."));
    }
    validate::name(Some(&name.to_owned()))
}
