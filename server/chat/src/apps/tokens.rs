//! Making and revoking users' tokens.

use chrono::{DateTime, Duration, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use parlor_platform::keys::{Key, announce};
use parlor_platform::schema::apps;
use parlor_platform::{Error, Result, token};
use parlor_protocol::event::realtime_user;
use parlor_protocol::token::{CreateToken, RevokeTokens, UserToken};
use parlor_protocol::{ErrorCode, User};

use crate::Chat;
use crate::realtime::{REVOKED, disconnect, disconnect_app};
use crate::users;

const LIFETIME_S: u32 = 3_600;
const LIFETIME_MIN_S: u32 = 60;
const LIFETIME_MAX_S: u32 = 30 * 24 * 3_600;

/// Registers or updates the user and signs a token for it.
pub async fn create(chat: &Chat, key: &Key, request: CreateToken) -> Result<UserToken> {
    let lifetime = request.expires_in.unwrap_or(LIFETIME_S);
    if !(LIFETIME_MIN_S..=LIFETIME_MAX_S).contains(&lifetime) {
        return Err(Error::with(ErrorCode::InvalidRequest, "`expires_in` is 60 to 2592000 seconds."));
    }
    let now = chat.clock.now();
    let tx = chat.db.tenant(key.app).await?;
    let user = users::upsert(&tx, &[request.user], false, now).await?.pop();
    let user = user.ok_or_else(|| Error::internal("no user was upserted"))?;
    if user.deactivated_at.is_some() {
        return Err(ErrorCode::UserDeactivated.into());
    }
    tx.commit().await?;
    chat.keys.forget(&format!("user:{}:{}", key.app, user.id)).await;
    sign(key, user, now, lifetime)
}

/// Signs a token for a user that is registered.
pub fn sign(key: &Key, user: User, now: DateTime<Utc>, lifetime_s: u32) -> Result<UserToken> {
    let expires_at = now + Duration::seconds(i64::from(lifetime_s));
    let token = token::sign_user(&key.id, &key.secret, &user.id, now, expires_at)?;
    Ok(UserToken { token, expires_at, user })
}

/// Makes older tokens worthless and ends the realtime connections made with them.
pub async fn revoke(chat: &Chat, key: &Key, request: RevokeTokens) -> Result<()> {
    let now = chat.clock.now();
    let tx = chat.db.tenant(key.app).await?;
    let forget = match &request.user_id {
        Some(user) => {
            if !users::store::revoke_tokens(&tx, user, now).await? {
                return Err(ErrorCode::UserNotFound.into());
            }
            let mut entries = chat.entries();
            entries.command(user, disconnect(realtime_user(key.app, user), REVOKED));
            entries.store(&tx, now).await?;
            format!("user:{}:{user}", key.app)
        }
        None => {
            diesel::update(apps::table.find(key.app.0))
                .set(apps::revoked_before.eq(now))
                .execute(&mut tx.conn()?)
                .await?;
            disconnect_app(&tx, &chat.config, REVOKED, now).await?;
            "all".to_owned()
        }
    };
    announce(&tx, &forget).await?;
    tx.commit().await?;
    chat.bell.ring();
    chat.keys.forget(&forget).await;
    Ok(())
}
