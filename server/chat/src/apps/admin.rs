//! What the operator does with apps, from the command line.

use chrono::{DateTime, Duration, Utc};
use parlor_platform::config::Config;
use parlor_platform::db::Db;
use parlor_platform::keys::{Keys, NewKey, announce};
use parlor_platform::outbox::Entries;
use parlor_platform::{Error, Result};
use parlor_protocol::limits::NAME_CHARS;
use parlor_protocol::token::App;
use parlor_protocol::{AppId, ErrorCode};

use super::store;
use crate::realtime;

/// What an app is created with.
pub struct NewApp {
    pub name: String,
    pub rate_limit_rps: i32,
    pub guests_enabled: bool,
    pub webhook_url: Option<String>,
}

/// Creates a tenant and its first key.
pub async fn create(db: &Db, keys: &Keys, new: NewApp, now: DateTime<Utc>) -> Result<(AppId, NewKey)> {
    if !(1..=NAME_CHARS).contains(&new.name.trim().chars().count()) {
        let why = format!("the name of an app has 1 to {NAME_CHARS} characters");
        return Err(Error::with(ErrorCode::InvalidRequest, why));
    }
    if new.rate_limit_rps < 1 {
        return Err(Error::with(ErrorCode::InvalidRequest, "the rate limit is at least 1"));
    }
    let id = AppId::new();
    let tx = db.tenant(id).await?;
    store::insert(&tx, new, now).await?;
    let key = keys.create(&tx, now).await?;
    tx.commit().await?;
    Ok((id, key))
}

/// All tenants, oldest first.
pub async fn list(db: &Db) -> Result<Vec<App>> {
    let tx = db.system().await?;
    let ids = store::ids(&tx).await?;
    tx.commit().await?;
    let mut all = Vec::with_capacity(ids.len());
    for id in ids {
        all.push(get(db, id).await?);
    }
    Ok(all)
}

/// One tenant.
pub async fn get(db: &Db, app: AppId) -> Result<App> {
    let tx = db.tenant(app).await?;
    let found = store::find(&tx).await?.ok_or(ErrorCode::NotFound)?;
    tx.commit().await?;
    Ok(found)
}

/// Makes a new key; the others work for `overlap` more, then no longer.
pub async fn rotate_key(
    db: &Db,
    keys: &Keys,
    app: AppId,
    overlap: Duration,
    now: DateTime<Utc>,
) -> Result<NewKey> {
    let tx = db.tenant(app).await?;
    store::find(&tx).await?.ok_or(ErrorCode::NotFound)?;
    let old = store::expire_keys(&tx, now + overlap).await?;
    for id in old {
        announce(&tx, &format!("key:{id}")).await?;
    }
    let key = keys.create(&tx, now).await?;
    tx.commit().await?;
    Ok(key)
}

/// Suspends a tenant, which ends its realtime connections, or takes the suspension back.
pub async fn suspend(db: &Db, config: &Config, app: AppId, at: Option<DateTime<Utc>>) -> Result<()> {
    let tx = db.tenant(app).await?;
    if !store::set_suspended(&tx, at).await? {
        return Err(ErrorCode::NotFound.into());
    }
    if let Some(now) = at {
        let mut entries = Entries::new(config.lanes());
        realtime::disconnect_app(&tx, &mut entries, config, realtime::SUSPENDED, now).await?;
        entries.store(&tx, now).await?;
    }
    announce(&tx, "all").await?;
    tx.commit().await
}
