//! JSON Web Tokens: users' tokens, signed with an app's secret, and realtime's, signed with ours.
//!
//! The algorithm is HS256 for every key and never taken from the header. Times are checked here, against
//! our clock, with a leeway for clocks that disagree.

use chrono::{DateTime, TimeZone, Utc};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use parlor_protocol::{AppId, ChannelId, ErrorCode, UserId, event};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::error::{Error, Result};

/// Seconds by which a customer's clock may be ahead or behind.
pub const LEEWAY_S: f64 = 10.0;
/// What the `aud` claim must be where there is one.
pub const AUDIENCE: &str = "parlor";

/// What a user's token says.
#[derive(Clone, Debug, PartialEq)]
pub struct UserClaims {
    /// Who.
    pub user: UserId,
    /// Seconds since 1970, with fractions where the issuer gives them.
    pub issued_at: f64,
}

#[derive(Deserialize)]
struct RawClaims {
    sub: Option<String>,
    user_id: Option<String>,
    exp: Option<f64>,
    iat: Option<f64>,
    nbf: Option<f64>,
    aud: Option<Audience>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

/// The key id in a token's header, without believing anything else in it.
pub fn key_id(token: &str) -> Result<Option<String>> {
    jsonwebtoken::decode_header(token).map(|header| header.kid).map_err(|_| ErrorCode::InvalidToken.into())
}

/// Checks a user's token against the secret of its key.
pub fn verify_user(token: &str, secret: &[u8], now: DateTime<Utc>) -> Result<UserClaims> {
    let invalid = |why: &str| Error::with(ErrorCode::InvalidToken, format!("The token {why}."));
    let mut validation = Validation::new(Algorithm::HS256);
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_aud = false;
    let claims = jsonwebtoken::decode::<RawClaims>(token, &DecodingKey::from_secret(secret), &validation)
        .map_err(|_| invalid("is not signed with HS256 by the secret of its key, or is malformed"))?
        .claims;
    let now = seconds(now);
    let expires_at = claims.exp.ok_or_else(|| invalid("has no `exp`"))?;
    let issued_at = claims.iat.ok_or_else(|| invalid("has no `iat`"))?;
    if expires_at + LEEWAY_S <= now {
        return Err(ErrorCode::TokenExpired.into());
    }
    if issued_at > now + LEEWAY_S || claims.nbf.is_some_and(|nbf| nbf > now + LEEWAY_S) {
        return Err(invalid("is not valid yet"));
    }
    let for_us = match &claims.aud {
        None => true,
        Some(Audience::One(audience)) => audience == AUDIENCE,
        Some(Audience::Many(audiences)) => audiences.iter().any(|audience| audience == AUDIENCE),
    };
    if !for_us {
        return Err(invalid("is meant for another audience"));
    }
    let user = match (claims.sub, claims.user_id) {
        (Some(sub), Some(user_id)) if sub != user_id => {
            return Err(invalid("has a `sub` and another `user_id`"));
        }
        (Some(user), _) | (None, Some(user)) => user,
        (None, None) => return Err(invalid("has no `sub`")),
    };
    let user = UserId::new(user).map_err(|_| invalid("has a `sub` that is no user id"))?;
    Ok(UserClaims { user, issued_at })
}

/// Signs a user's token with an app's secret.
pub fn sign_user(
    key: &str,
    secret: &[u8],
    user: &UserId,
    issued_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
) -> Result<String> {
    let mut header = Header::new(Algorithm::HS256);
    header.kid = Some(key.to_owned());
    // `iat` with milliseconds, so that a token made just after a revocation is told from one made before.
    let claims = json!({
        "sub": user, "user_id": user, "aud": AUDIENCE,
        "iat": seconds(issued_at), "exp": expires_at.timestamp(),
    });
    jsonwebtoken::encode(&header, &claims, &EncodingKey::from_secret(secret)).map_err(Error::internal)
}

/// Seconds in which a realtime token must be used. It outlives the right that it was given for by no more:
/// who is removed can't come back with an old one.
pub const USE_WITHIN_S: i64 = 60;

/// Makes tokens that Centrifugo, or the embedded hub, verifies by itself.
///
/// A token is used within a minute (`exp`), and what it opened lasts until `expire_at`, when the client must
/// show a new one.
#[derive(Clone)]
pub struct RealtimeTokens {
    key: EncodingKey,
    ttl: chrono::Duration,
}

#[derive(Serialize)]
struct SubscriptionClaims<'a> {
    sub: String,
    channel: &'a str,
    /// With milliseconds, as the hub compares it with when somebody was shut out.
    iat: f64,
    exp: i64,
    expire_at: i64,
    #[serde(rename = "override", skip_serializing_if = "Option::is_none")]
    overrides: Option<serde_json::Value>,
}

impl RealtimeTokens {
    /// Tokens signed with `secret` that live `ttl_s` seconds.
    pub fn new(secret: &str, ttl_s: u32) -> Self {
        Self {
            key: EncodingKey::from_secret(secret.as_bytes()),
            ttl: chrono::Duration::seconds(i64::from(ttl_s)),
        }
    }

    /// Lets a user connect. The user's own channel is subscribed to by the server on every connect.
    /// `capabilities` says for the reader what realtime itself can't check: the channels need tokens of their own.
    /// `info` is for the realtime server and whoever asks it with the key of its API.
    pub fn connection<I: Serialize>(
        &self,
        app: AppId,
        user: &UserId,
        info: &I,
        now: DateTime<Utc>,
    ) -> Result<(String, DateTime<Utc>)> {
        let expires_at = self.expiry(now)?;
        let mut channels = serde_json::Map::new();
        channels.insert(event::user_topic(app, user), json!({}));
        let claims = json!({
            "sub": event::realtime_user(app, user),
            "iat": seconds(now),
            "exp": now.timestamp() + USE_WITHIN_S,
            "expire_at": expires_at.timestamp(),
            "subs": channels,
            "info": info,
            "meta": {"app_id": app, "user_id": user, "capabilities": ["subscribe"]},
        });
        Ok((self.sign(&claims)?, expires_at))
    }

    /// Lets a user hear a channel; `recovers` also what was told shortly before.
    pub fn subscription(
        &self,
        app: AppId,
        user: &UserId,
        channel: ChannelId,
        recovers: bool,
        now: DateTime<Utc>,
    ) -> Result<(String, DateTime<Utc>)> {
        let expires_at = self.expiry(now)?;
        let claims = SubscriptionClaims {
            sub: event::realtime_user(app, user),
            channel: &event::channel_topic(channel),
            iat: seconds(now),
            exp: now.timestamp() + USE_WITHIN_S,
            expire_at: expires_at.timestamp(),
            overrides: (!recovers).then(|| json!({ "force_recovery": { "value": false } })),
        };
        Ok((self.sign(&claims)?, expires_at))
    }

    fn expiry(&self, now: DateTime<Utc>) -> Result<DateTime<Utc>> {
        Utc.timestamp_opt((now + self.ttl).timestamp(), 0)
            .single()
            .ok_or_else(|| Error::internal("the clock is out of range"))
    }

    fn sign<T: Serialize>(&self, claims: &T) -> Result<String> {
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), claims, &self.key).map_err(Error::internal)
    }
}

fn seconds(time: DateTime<Utc>) -> f64 {
    time.timestamp_millis() as f64 / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &[u8] = b"sk_test_0123456789012345678901234567890123";

    fn at(seconds: i64) -> DateTime<Utc> {
        Utc.timestamp_opt(seconds, 0).unwrap()
    }

    fn signed(claims: serde_json::Value, algorithm: Algorithm, secret: &[u8]) -> String {
        jsonwebtoken::encode(&Header::new(algorithm), &claims, &EncodingKey::from_secret(secret)).unwrap()
    }

    #[test]
    fn a_token_that_we_sign_is_valid_until_it_expires() {
        let user = UserId::new("ann").unwrap();
        let token = sign_user("pk_1", SECRET, &user, at(1000), at(2000)).unwrap();
        assert_eq!(key_id(&token).unwrap().as_deref(), Some("pk_1"));
        assert_eq!(verify_user(&token, SECRET, at(1500)).unwrap().user, user);
        assert_eq!(verify_user(&token, SECRET, at(2011)).unwrap_err().code(), ErrorCode::TokenExpired);
    }

    #[test]
    fn what_is_wrong_with_a_token_is_found() {
        let good = json!({"sub": "ann", "iat": 1000, "exp": 2000});
        let with = |key: &str, value: serde_json::Value| {
            let mut claims = good.clone();
            claims[key] = value;
            if claims[key].is_null() {
                claims.as_object_mut().unwrap().remove(key);
            }
            signed(claims, Algorithm::HS256, SECRET)
        };
        let none = format!("eyJhbGciOiJub25lIn0.{}.", with("sub", json!("ann")).split('.').nth(1).unwrap());
        for (name, token) in [
            ("another secret", signed(good.clone(), Algorithm::HS256, b"another")),
            ("another algorithm", signed(good.clone(), Algorithm::HS512, SECRET)),
            ("no algorithm", none),
            ("no exp", with("exp", json!(null))),
            ("no iat", with("iat", json!(null))),
            ("no sub", with("sub", json!(null))),
            ("empty sub", with("sub", json!(""))),
            ("not yet", with("nbf", json!(1600))),
            ("from the future", with("iat", json!(1600))),
            ("another audience", with("aud", json!("others"))),
            ("two users", with("user_id", json!("ben"))),
            ("not a token", "a.b.c".to_owned()),
        ] {
            let error = verify_user(&token, SECRET, at(1500)).expect_err(name);
            assert_eq!(error.code(), ErrorCode::InvalidToken, "{name}");
        }
        assert!(verify_user(&with("aud", json!(["x", "parlor"])), SECRET, at(1500)).is_ok());
    }
}
