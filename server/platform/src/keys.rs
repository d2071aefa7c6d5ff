//! API keys: who is calling, by which key, for which app.
//!
//! A key is a public half (`pk_…`, the `kid` of tokens) and a secret (`sk_…`) that signs the app's user
//! tokens and authenticates its server. The secret is needed in the clear to verify tokens, so it is kept
//! under envelope encryption. What a key opens is cached; a change is announced on the notification channel
//! `parlor_cache` and forgotten within [`TTL`] in any case.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use futures_util::StreamExt;
use moka::future::Cache;
use parlor_protocol::{AppId, ErrorCode, UserId};
use subtle::ConstantTimeEq;

use crate::crypto::{Vault, new_secret};
use crate::db::{Db, SystemTx, TenantTx};
use crate::error::{Error, Result};
use crate::schema::{api_keys, apps, users};
use crate::task::CancellationToken;

/// How long a change may go unnoticed where its announcement was lost.
pub const TTL: Duration = Duration::from_secs(30);

/// Hexadecimal digits of a key's id.
const KEY_DIGITS: usize = 24;

/// A key with the app that it belongs to.
#[derive(Debug)]
pub struct Key {
    pub id: String,
    pub secret: Vec<u8>,
    pub expires_at: Option<DateTime<Utc>>,
    pub app: AppId,
    pub suspended: bool,
    pub revoked_before: Option<DateTime<Utc>>,
    pub rate_limit_rps: u32,
    pub guests_enabled: bool,
}

/// What a request needs to know of its user.
#[derive(Clone, Debug)]
pub struct UserStanding {
    pub deactivated: bool,
    /// Whether it is a visitor.
    pub guest: bool,
    pub revoked_before: Option<DateTime<Utc>>,
}

/// A key that was just made. The secret is shown this once.
pub struct NewKey {
    pub id: String,
    pub secret: String,
}

/// Keys and users' standing, from the database and from memory.
#[derive(Clone)]
pub struct Keys {
    db: Db,
    vault: Vault,
    keys: Cache<String, Option<Arc<Key>>>,
    users: Cache<(AppId, UserId), Option<UserStanding>>,
}

impl Keys {
    /// Reads keys that `vault` can open.
    pub fn new(db: Db, vault: Vault) -> Self {
        let keys = Cache::builder().max_capacity(10_000).time_to_live(TTL).build();
        let users = Cache::builder().max_capacity(200_000).time_to_live(TTL).build();
        Self { db, vault, keys, users }
    }

    /// The key of this public half; expired keys and unknown ones are `invalid_token`.
    pub async fn find(&self, id: &str, now: DateTime<Utc>) -> Result<Arc<Key>> {
        // What can't be a key costs no query.
        let digits = id.strip_prefix("pk_").unwrap_or_default();
        if digits.len() != KEY_DIGITS || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(ErrorCode::InvalidToken.into());
        }
        let key = self
            .keys
            .try_get_with(id.to_owned(), self.load(id))
            .await
            .map_err(|error: Arc<Error>| (*error).clone())?;
        key.filter(|key| key.expires_at.is_none_or(|end| end > now))
            .ok_or_else(|| ErrorCode::InvalidToken.into())
    }

    /// The key whose secret this is.
    pub async fn find_by_secret(&self, secret: &str, now: DateTime<Utc>) -> Result<Arc<Key>> {
        let id = secret
            .strip_prefix("sk_")
            .and_then(|rest| rest.split_once('_'))
            .map(|(id, _)| format!("pk_{id}"));
        let key = self.find(&id.ok_or(ErrorCode::InvalidToken)?, now).await?;
        if bool::from(key.secret.ct_eq(secret.as_bytes())) {
            Ok(key)
        } else {
            Err(ErrorCode::InvalidToken.into())
        }
    }

    /// How a user stands; `None` if never registered.
    pub async fn standing(&self, app: AppId, user: &UserId) -> Result<Option<UserStanding>> {
        let standing = self.cached_standing(app, user).await?;
        if standing.is_none() {
            // Only who is there is remembered: who is registered next must be known at once, on every node.
            self.users.invalidate(&(app, user.clone())).await;
        }
        Ok(standing)
    }

    async fn cached_standing(&self, app: AppId, user: &UserId) -> Result<Option<UserStanding>> {
        self.users
            .try_get_with((app, user.clone()), async {
                let tx = self.db.tenant(app).await?;
                let row = users::table
                    .find((app.0, user.as_str()))
                    .select((users::deactivated_at, users::guest, users::revoked_before))
                    .first::<(Option<DateTime<Utc>>, bool, Option<DateTime<Utc>>)>(&mut tx.conn()?)
                    .await
                    .optional()?;
                tx.commit().await?;
                Ok(row.map(|(deactivated, guest, revoked_before)| UserStanding {
                    deactivated: deactivated.is_some(),
                    guest,
                    revoked_before,
                }))
            })
            .await
            .map_err(|error: Arc<Error>| (*error).clone())
    }

    /// Makes a key inside the caller's transaction.
    pub async fn create(&self, tx: &TenantTx, now: DateTime<Utc>) -> Result<NewKey> {
        let id: String = uuid::Uuid::new_v4().simple().to_string().chars().take(KEY_DIGITS).collect();
        let secret = format!("sk_{id}_{}", new_secret());
        let id = format!("pk_{id}");
        let sealed = self.vault.seal(secret.as_bytes(), &place(tx.app_id(), &id))?;
        diesel::insert_into(api_keys::table)
            .values((
                api_keys::app_id.eq(tx.app()),
                api_keys::id.eq(&id),
                api_keys::secret_ciphertext.eq(sealed),
                api_keys::created_at.eq(now),
            ))
            .execute(&mut tx.conn()?)
            .await?;
        Ok(NewKey { id, secret })
    }

    /// The newest key of an app that does not expire, for signing.
    pub async fn signing_key(&self, app: AppId, now: DateTime<Utc>) -> Result<Arc<Key>> {
        let tx = self.db.tenant(app).await?;
        let id = api_keys::table
            .filter(api_keys::app_id.eq(app.0).and(api_keys::expires_at.is_null()))
            .order((api_keys::created_at.desc(), api_keys::id))
            .select(api_keys::id)
            .first::<String>(&mut tx.conn()?)
            .await
            .optional()?;
        tx.commit().await?;
        self.find(&id.ok_or_else(|| Error::internal("the app has no key"))?, now).await
    }

    /// Acts on an announcement: `key:…`, `user:{app}:…`, or `all`.
    pub async fn forget(&self, what: &str) {
        match what.split_once(':') {
            Some(("key", id)) => self.keys.invalidate(id).await,
            Some(("user", rest)) => {
                if let Some((app, user)) = rest.split_once(':')
                    && let (Ok(app), Ok(user)) = (app.parse(), user.parse())
                {
                    self.users.invalidate(&(app, user)).await;
                }
            }
            _ => {
                self.keys.invalidate_all();
                self.users.invalidate_all();
            }
        }
    }

    /// Hears announcements of all nodes until `stop`. After a lost connection everything is forgotten.
    pub async fn listen(self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            if let Ok(mut conn) = self.db.dedicated("LISTEN parlor_cache").await {
                self.forget("all").await;
                let mut announcements = std::pin::pin!(conn.notifications_stream());
                while let Some(Ok(announcement)) =
                    tokio::select! { () = stop.cancelled() => None, next = announcements.next() => next }
                {
                    self.forget(&announcement.payload).await;
                }
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(Duration::from_secs(1)) => {}
            }
        }
    }

    async fn load(&self, id: &str) -> Result<Option<Arc<Key>>> {
        let tx = self.db.system().await?;
        let row = find_key(&tx, id).await?;
        tx.commit().await?;
        let Some((key, app)) = row else { return Ok(None) };
        let secret = self.vault.open(&key.secret_ciphertext, &place(AppId(app.id), id))?;
        Ok(Some(Arc::new(Key {
            id: id.to_owned(),
            secret,
            expires_at: key.expires_at,
            app: AppId(app.id),
            suspended: app.suspended_at.is_some(),
            revoked_before: app.revoked_before,
            rate_limit_rps: u32::try_from(app.rate_limit_rps).unwrap_or(1).max(1),
            guests_enabled: app.guests_enabled,
        })))
    }
}

#[derive(HasQuery)]
#[diesel(table_name = api_keys)]
struct KeyRow {
    secret_ciphertext: Vec<u8>,
    expires_at: Option<DateTime<Utc>>,
}

#[derive(HasQuery)]
#[diesel(table_name = apps)]
struct AppRow {
    id: uuid::Uuid,
    suspended_at: Option<DateTime<Utc>>,
    revoked_before: Option<DateTime<Utc>>,
    rate_limit_rps: i32,
    guests_enabled: bool,
}

async fn find_key(tx: &SystemTx, id: &str) -> Result<Option<(KeyRow, AppRow)>> {
    Ok(api_keys::table
        .inner_join(apps::table.on(apps::id.eq(api_keys::app_id)))
        .filter(api_keys::id.eq(id))
        .select((KeyRow::as_select(), AppRow::as_select()))
        .first(&mut tx.conn()?)
        .await
        .optional()?)
}

fn place(app: AppId, id: &str) -> String {
    format!("api_keys/{app}/{id}")
}

/// Announces, with the transaction, that caches must forget something.
pub async fn announce(tx: &TenantTx, what: &str) -> Result<()> {
    diesel::select(pg_notify("parlor_cache", what)).execute(&mut tx.conn()?).await?;
    Ok(())
}

diesel::define_sql_function! {
    fn pg_notify(channel: diesel::sql_types::Text, payload: diesel::sql_types::Text);
}
