//! Registering users, one or many.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use parlor_platform::db::TenantTx;
use parlor_platform::{Error, Result};
use parlor_protocol::user::UpsertUser;
use parlor_protocol::{ErrorCode, User};

use super::store;
use crate::validate;

/// Registers or updates users and gives them as they are now, in the order of the request.
pub async fn upsert(
    tx: &TenantTx,
    requests: &[UpsertUser],
    guest: bool,
    now: DateTime<Utc>,
) -> Result<Vec<User>> {
    validate::batch(requests.len())?;
    for request in requests {
        validate::profile(&request.name, &request.image, &request.custom)?;
    }
    let distinct: std::collections::HashSet<_> = requests.iter().map(|request| &request.id).collect();
    if distinct.len() != requests.len() {
        return Err(Error::with(ErrorCode::InvalidRequest, "A user is named twice in the batch."));
    }
    store::upsert(tx, requests, guest, now).await?;
    let mut users = HashMap::new();
    for request in requests {
        let row =
            store::find(tx, &request.id).await?.ok_or_else(|| Error::internal("an upserted user is gone"))?;
        users.insert(request.id.clone(), User::try_from(row)?);
    }
    Ok(requests.iter().filter_map(|request| users.remove(&request.id)).collect())
}
