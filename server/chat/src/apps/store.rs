//! The queries of apps.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use parlor_platform::db::{SystemTx, TenantTx};
use parlor_platform::schema::{api_keys, apps};
use parlor_platform::{Error, Result};
use parlor_protocol::AppId;
use parlor_protocol::token::{ApiKey, App, AppSettings};
use serde_json::Value;
use uuid::Uuid;

use super::admin::NewApp;

/// Writes the tenant.
pub async fn insert(tx: &TenantTx, new: NewApp, now: DateTime<Utc>) -> Result<()> {
    diesel::insert_into(apps::table)
        .values((
            apps::id.eq(tx.app()),
            apps::name.eq(new.name),
            apps::webhook_url.eq(new.webhook_url),
            apps::rate_limit_rps.eq(new.rate_limit_rps),
            apps::guests_enabled.eq(new.guests_enabled),
            apps::created_at.eq(now),
        ))
        .execute(&mut tx.conn()?)
        .await?;
    Ok(())
}

/// All tenants, oldest first.
pub async fn ids(tx: &SystemTx) -> Result<Vec<AppId>> {
    let ids = apps::table
        .select(apps::id)
        .order((apps::created_at, apps::id))
        .load::<Uuid>(&mut tx.conn()?)
        .await?;
    Ok(ids.into_iter().map(AppId).collect())
}

/// The tenant with its keys, oldest first.
pub async fn find(tx: &TenantTx) -> Result<Option<App>> {
    let app = apps::table
        .find(tx.app())
        .select((
            (apps::name, apps::webhook_url, apps::rate_limit_rps, apps::guests_enabled, apps::created_at),
            apps::settings,
        ))
        .first::<((String, Option<String>, i32, bool, DateTime<Utc>), Value)>(&mut tx.conn()?)
        .await
        .optional()?;
    let Some((columns, settings)) = app else { return Ok(None) };
    let (name, webhook_url, rate_limit_rps, guests_enabled, created_at) = columns;
    let settings = serde_json::from_value(settings).map_err(Error::internal)?;
    let keys = api_keys::table
        .filter(api_keys::app_id.eq(tx.app()))
        .order((api_keys::created_at, api_keys::id))
        .select((api_keys::id, api_keys::created_at, api_keys::expires_at))
        .load::<(String, DateTime<Utc>, Option<DateTime<Utc>>)>(&mut tx.conn()?)
        .await?;
    let keys =
        keys.into_iter().map(|(id, created_at, expires_at)| ApiKey { id, created_at, expires_at }).collect();
    Ok(Some(App {
        id: tx.app_id(),
        name,
        webhook_url,
        rate_limit_rps,
        guests_enabled,
        created_at,
        keys,
        settings,
    }))
}

/// What holds in all channels of the app.
pub async fn settings(tx: &TenantTx) -> Result<AppSettings> {
    let stored = apps::table.find(tx.app()).select(apps::settings).first::<Value>(&mut tx.conn()?).await?;
    serde_json::from_value(stored).map_err(Error::internal)
}

/// The same, holding the app's row.
pub async fn lock_settings(tx: &TenantTx) -> Result<AppSettings> {
    let stored = apps::table
        .find(tx.app())
        .select(apps::settings)
        .for_no_key_update()
        .first::<Value>(&mut tx.conn()?)
        .await?;
    serde_json::from_value(stored).map_err(Error::internal)
}

/// Writes them.
pub async fn set_settings(tx: &TenantTx, settings: &AppSettings) -> Result<()> {
    let settings = serde_json::to_value(settings).map_err(Error::internal)?;
    diesel::update(apps::table.find(tx.app()))
        .set(apps::settings.eq(settings))
        .execute(&mut tx.conn()?)
        .await?;
    Ok(())
}

/// Ends all keys that would work longer. Gives their ids.
pub async fn expire_keys(tx: &TenantTx, end: DateTime<Utc>) -> Result<Vec<String>> {
    Ok(diesel::update(api_keys::table)
        .filter(api_keys::app_id.eq(tx.app()))
        .filter(api_keys::expires_at.is_null().or(api_keys::expires_at.gt(end)))
        .set(api_keys::expires_at.eq(end))
        .returning(api_keys::id)
        .get_results(&mut tx.conn()?)
        .await?)
}

/// Suspends the tenant, or takes it back. `false`: there is none.
pub async fn set_suspended(tx: &TenantTx, at: Option<DateTime<Utc>>) -> Result<bool> {
    let rows = diesel::update(apps::table.find(tx.app()))
        .set(apps::suspended_at.eq(at))
        .execute(&mut tx.conn()?)
        .await?;
    Ok(rows == 1)
}

/// Refuses all tokens issued before now.
pub async fn revoke_tokens(tx: &TenantTx, now: DateTime<Utc>) -> Result<()> {
    diesel::update(apps::table.find(tx.app()))
        .set(apps::revoked_before.eq(now))
        .execute(&mut tx.conn()?)
        .await?;
    Ok(())
}
