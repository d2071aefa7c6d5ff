//! Registering users, one or many.
//!
//! Customers repeat their users' data whenever they ask for a token, so what is known already is only read. The
//! number of statements does not depend on the number of users.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use parlor_platform::db::TenantTx;
use parlor_platform::outbox::Entries;
use parlor_platform::{Error, Result};
use parlor_protocol::user::UpsertUser;
use parlor_protocol::{ErrorCode, User, UserId};

use super::profile::{apply, changes_of, tell};
use super::store::{self, UserRow};
use crate::{erasure, validate};

/// Registers or updates users and gives them as they are now, in the order of the request.
pub async fn upsert(
    tx: &TenantTx,
    requests: &[UpsertUser],
    guest: bool,
    entries: &mut Entries,
    now: DateTime<Utc>,
) -> Result<Vec<User>> {
    check(requests)?;
    let ids: Vec<&str> = requests.iter().map(|request| request.id.as_str()).collect();
    let mut rows = by_id(store::of(tx, &ids).await?);
    // Who is being deleted is deactivated.
    if rows.values().any(|row| row.deactivated_at.is_some()) {
        erasure::require_none(tx, &ids).await?;
    }
    let known = |request: &UpsertUser| {
        let row = rows.get(request.id.as_str()).cloned();
        row.is_some_and(|mut row| !apply(&mut row, changes_of(request), now))
    };
    if !requests.iter().all(known) {
        store::insert(tx, requests, guest, now).await?;
        rows = by_id(store::lock(tx, &ids).await?);
        let mut changed = Vec::new();
        for request in requests {
            if let Some(row) = rows.get_mut(request.id.as_str())
                && apply(row, changes_of(request), now)
            {
                tell(entries, tx.app_id(), row, now)?;
                changed.push(row.clone());
            }
        }
        store::write_profiles(tx, &changed).await?;
    }
    let row = |id: &str| rows.remove(id).ok_or_else(|| Error::internal("an upserted user is gone"));
    ids.into_iter().map(row).map(|row| User::try_from(row?)).collect()
}

fn check(requests: &[UpsertUser]) -> Result<()> {
    validate::batch(requests.len())?;
    for request in requests {
        if UserId::RESERVED.contains(&request.id.as_str()) {
            return Err(ErrorCode::ReservedId.into());
        }
        validate::profile(&request.name, &request.image, &request.custom)?;
    }
    let distinct: HashSet<_> = requests.iter().map(|request| &request.id).collect();
    if distinct.len() != requests.len() {
        return Err(Error::with(ErrorCode::InvalidRequest, "A user is named twice in the batch."));
    }
    Ok(())
}

fn by_id(rows: Vec<UserRow>) -> HashMap<String, UserRow> {
    rows.into_iter().map(|row| (row.id.clone(), row)).collect()
}
