//! Making and revoking users' tokens.

use chrono::{DateTime, Duration, Utc};
use parlor_platform::keys::{Key, announce};
use parlor_platform::{Error, Result, token};
use parlor_protocol::event::realtime_user;
use parlor_protocol::token::{CreateToken, RevokeTokens, UserToken};
use parlor_protocol::{ErrorCode, User};

use super::store;
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
    let (user, now) = chat
        .change(key.app, async |tx, entries, now| {
            let user = users::upsert(tx, &[request.user], false, entries, now).await?.pop();
            let user = user.ok_or_else(|| Error::internal("no user was upserted"))?;
            match user.deactivated_at {
                Some(_) => Err(ErrorCode::UserDeactivated.into()),
                None => Ok((user, now)),
            }
        })
        .await?;
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
    let forget = match &request.user_id {
        Some(user) => format!("user:{}:{user}", key.app),
        None => "all".to_owned(),
    };
    chat.change(key.app, async |tx, entries, now| {
        match &request.user_id {
            Some(user) if !users::store::revoke_tokens(tx, user, now).await? => {
                return Err(ErrorCode::UserNotFound.into());
            }
            Some(user) => entries.command(user, disconnect(realtime_user(key.app, user), REVOKED)),
            None => {
                store::revoke_tokens(tx, now).await?;
                disconnect_app(tx, entries, &chat.config, REVOKED, now).await?;
            }
        }
        announce(tx, &forget).await
    })
    .await?;
    chat.keys.forget(&forget).await;
    Ok(())
}
