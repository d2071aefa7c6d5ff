//! What the operator does with apps, from the command line.

use chrono::{DateTime, Duration, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use parlor_platform::config::Config;
use parlor_platform::db::Db;
use parlor_platform::keys::{Keys, NewKey, announce};
use parlor_platform::schema::{api_keys, apps};
use parlor_platform::{Error, Result};
use parlor_protocol::token::{ApiKey, App};
use parlor_protocol::{AppId, ErrorCode};

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
    if new.rate_limit_rps < 1 {
        return Err(Error::with(ErrorCode::InvalidRequest, "the rate limit is at least 1"));
    }
    let id = AppId::new();
    let tx = db.tenant(id).await?;
    diesel::insert_into(apps::table)
        .values((
            apps::id.eq(id.0),
            apps::name.eq(new.name),
            apps::webhook_url.eq(new.webhook_url),
            apps::rate_limit_rps.eq(new.rate_limit_rps),
            apps::guests_enabled.eq(new.guests_enabled),
            apps::created_at.eq(now),
        ))
        .execute(&mut tx.conn()?)
        .await?;
    let key = keys.create(&tx, now).await?;
    tx.commit().await?;
    Ok((id, key))
}

/// All tenants, oldest first.
pub async fn list(db: &Db) -> Result<Vec<App>> {
    let tx = db.system().await?;
    let ids = apps::table
        .select(apps::id)
        .order((apps::created_at, apps::id))
        .load::<uuid::Uuid>(&mut tx.conn()?)
        .await?;
    tx.commit().await?;
    let mut all = Vec::with_capacity(ids.len());
    for id in ids {
        all.push(get(db, AppId(id)).await?);
    }
    Ok(all)
}

/// One tenant.
pub async fn get(db: &Db, app: AppId) -> Result<App> {
    let tx = db.tenant(app).await?;
    let (name, webhook_url, rate_limit_rps, guests_enabled, created_at) = apps::table
        .find(app.0)
        .select((apps::name, apps::webhook_url, apps::rate_limit_rps, apps::guests_enabled, apps::created_at))
        .first::<(String, Option<String>, i32, bool, DateTime<Utc>)>(&mut tx.conn()?)
        .await
        .optional()?
        .ok_or(ErrorCode::NotFound)?;
    let keys = api_keys::table
        .filter(api_keys::app_id.eq(app.0))
        .order((api_keys::created_at, api_keys::id))
        .select((api_keys::id, api_keys::created_at, api_keys::expires_at))
        .load::<(String, DateTime<Utc>, Option<DateTime<Utc>>)>(&mut tx.conn()?)
        .await?;
    tx.commit().await?;
    let keys =
        keys.into_iter().map(|(id, created_at, expires_at)| ApiKey { id, created_at, expires_at }).collect();
    Ok(App { id: app, name, webhook_url, rate_limit_rps, guests_enabled, created_at, keys })
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
    let known =
        apps::table.find(app.0).select(apps::id).first::<uuid::Uuid>(&mut tx.conn()?).await.optional()?;
    known.ok_or(ErrorCode::NotFound)?;
    let end = now + overlap;
    let old = diesel::update(api_keys::table)
        .filter(api_keys::app_id.eq(app.0))
        .filter(api_keys::expires_at.is_null().or(api_keys::expires_at.gt(end)))
        .set(api_keys::expires_at.eq(end))
        .returning(api_keys::id)
        .get_results::<String>(&mut tx.conn()?)
        .await?;
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
    let rows = diesel::update(apps::table.find(app.0))
        .set(apps::suspended_at.eq(at))
        .execute(&mut tx.conn()?)
        .await?;
    if rows == 0 {
        return Err(ErrorCode::NotFound.into());
    }
    if let Some(now) = at {
        realtime::disconnect_app(&tx, config, realtime::SUSPENDED, now).await?;
    }
    announce(&tx, "all").await?;
    tx.commit().await
}
