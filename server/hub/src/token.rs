//! JSON Web Tokens of connections and subscriptions, with Centrifugo's claims.
//!
//! Only HS256, and the token's header has no say in it. Signature first, then claims; the time comes
//! from the hub's clock, so a test can let a token run out. The previous secret stays valid while it is
//! configured, which is how a secret is rotated without disconnecting anybody.

use std::collections::HashMap;

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use crate::config::HubConfig;

/// Why a token was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TokenError {
    /// Wrong signature, shape, audience or issuer.
    Invalid,
    /// Its time is over, or has not begun.
    Expired,
}

#[derive(Deserialize)]
struct Switch {
    #[serde(default)]
    value: bool,
}

/// Overrides of the namespace's options for one subscription: `{"presence": {"value": false}}`.
#[derive(Deserialize, Default)]
pub(crate) struct Override {
    presence: Option<Switch>,
    join_leave: Option<Switch>,
    force_push_join_leave: Option<Switch>,
    force_recovery: Option<Switch>,
    force_positioning: Option<Switch>,
}

impl Override {
    pub fn apply(&self, options: &mut crate::channel::Options) {
        for (switch, option) in [
            (&self.presence, &mut options.presence),
            (&self.join_leave, &mut options.join_leave),
            (&self.force_push_join_leave, &mut options.push_join_leave),
            (&self.force_recovery, &mut options.recovery),
            (&self.force_positioning, &mut options.positioning),
        ] {
            if let Some(switch) = switch {
                *option = switch.value;
            }
        }
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

#[derive(Deserialize)]
struct Registered {
    exp: Option<f64>,
    nbf: Option<f64>,
    aud: Option<Audience>,
    iss: Option<String>,
}

/// One entry of the claim `subs`.
#[derive(Deserialize)]
pub(crate) struct SubscriptionClaim {
    pub info: Option<Box<RawValue>>,
    pub data: Option<Box<RawValue>>,
    pub r#override: Option<Override>,
}

/// Claims of a connection token.
#[derive(Deserialize)]
pub(crate) struct ConnectionClaims {
    #[serde(default)]
    pub sub: String,
    pub info: Option<Box<RawValue>>,
    #[serde(default)]
    pub channels: Option<Vec<String>>,
    #[serde(default)]
    pub subs: Option<HashMap<String, SubscriptionClaim>>,
    /// Only a subscription token may have it.
    #[serde(default)]
    channel: Option<String>,
    /// When it was made, in Unix seconds.
    pub iat: Option<f64>,
    exp: Option<f64>,
    expire_at: Option<i64>,
}

/// Claims of a subscription token.
#[derive(Deserialize)]
pub(crate) struct SubscriptionClaims {
    #[serde(default)]
    pub sub: String,
    #[serde(default)]
    pub channel: Option<String>,
    #[serde(default)]
    pub client: Option<String>,
    pub info: Option<Box<RawValue>>,
    pub data: Option<Box<RawValue>>,
    pub r#override: Option<Override>,
    /// When it was made, in Unix seconds.
    pub iat: Option<f64>,
    exp: Option<f64>,
    expire_at: Option<i64>,
}

/// Unix seconds at which the session ends; `None` for never. `expire_at` overrules `exp`, and 0 means
/// that the token is checked once and the session does not end.
fn expiry(exp: Option<f64>, expire_at: Option<i64>) -> Option<u64> {
    match expire_at {
        Some(at) => u64::try_from(at).ok().filter(|at| *at > 0),
        None => exp.map(|exp| exp as u64),
    }
}

impl ConnectionClaims {
    pub fn expires(&self) -> Option<u64> {
        expiry(self.exp, self.expire_at)
    }
}

impl SubscriptionClaims {
    pub fn expires(&self) -> Option<u64> {
        expiry(self.exp, self.expire_at)
    }
}

/// Verifies tokens.
pub(crate) struct Verifier {
    keys: Vec<DecodingKey>,
    validation: Validation,
    audience: Option<String>,
    issuer: Option<String>,
}

impl Verifier {
    pub fn new(config: &HubConfig) -> Self {
        let mut validation = Validation::new(Algorithm::HS256);
        // Times, audience and issuer are checked below: by our clock, and in Centrifugo's order.
        validation.required_spec_claims.clear();
        validation.validate_exp = false;
        validation.validate_nbf = false;
        validation.validate_aud = false;
        let secrets = std::iter::once(&config.token_secret).chain(&config.token_previous_secret);
        Self {
            // An empty secret would accept what anybody signs.
            keys: secrets.filter(|s| !s.is_empty()).map(|s| DecodingKey::from_secret(s)).collect(),
            validation,
            audience: config.token_audience.clone(),
            issuer: config.token_issuer.clone(),
        }
    }

    pub fn connection(&self, token: &str, unix_ms: u64) -> Result<ConnectionClaims, TokenError> {
        let (registered, claims): (Registered, ConnectionClaims) = self.open(token)?;
        if claims.channel.as_deref().is_some_and(|channel| !channel.is_empty()) {
            return Err(TokenError::Invalid);
        }
        check_times(&registered, unix_ms)?;
        Ok(claims)
    }

    pub fn subscription(&self, token: &str, unix_ms: u64) -> Result<SubscriptionClaims, TokenError> {
        let (registered, claims): (Registered, SubscriptionClaims) = self.open(token)?;
        check_times(&registered, unix_ms)?;
        if claims.channel.as_deref().unwrap_or_default().is_empty() {
            return Err(TokenError::Invalid);
        }
        Ok(claims)
    }

    fn open<T: DeserializeOwned>(&self, token: &str) -> Result<(Registered, T), TokenError> {
        let mut payload: Option<Box<RawValue>> = None;
        for key in &self.keys {
            match decode::<Box<RawValue>>(token, key, &self.validation) {
                Ok(data) => {
                    payload = Some(data.claims);
                    break;
                }
                Err(error) if matches!(error.kind(), ErrorKind::InvalidSignature) => {}
                Err(_) => return Err(TokenError::Invalid),
            }
        }
        let payload = payload.ok_or(TokenError::Invalid)?;
        let registered: Registered = serde_json::from_str(payload.get()).map_err(|_| TokenError::Invalid)?;
        let claims = serde_json::from_str(payload.get()).map_err(|_| TokenError::Invalid)?;
        if let Some(wanted) = &self.audience {
            let matches = match &registered.aud {
                Some(Audience::One(one)) => one == wanted,
                Some(Audience::Many(many)) => many.contains(wanted),
                None => false,
            };
            if !matches {
                return Err(TokenError::Invalid);
            }
        }
        if self.issuer.is_some() && self.issuer != registered.iss {
            return Err(TokenError::Invalid);
        }
        Ok((registered, claims))
    }
}

fn check_times(registered: &Registered, unix_ms: u64) -> Result<(), TokenError> {
    let now = unix_ms as f64 / 1000.0;
    let expired = registered.exp.is_some_and(|exp| exp <= now);
    let early = registered.nbf.is_some_and(|nbf| nbf >= now);
    if expired || early { Err(TokenError::Expired) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use jsonwebtoken::{EncodingKey, Header, encode};
    use serde_json::{Value, json};

    use super::*;

    const NOW: u64 = 1_700_000_000_000;

    fn sign(claims: &Value, secret: &str, algorithm: Algorithm) -> String {
        encode(&Header::new(algorithm), claims, &EncodingKey::from_secret(secret.as_bytes())).unwrap()
    }

    fn verifier() -> Verifier {
        let mut config = HubConfig::new("new");
        config.token_previous_secret = Some(b"old".to_vec());
        Verifier::new(&config)
    }

    #[test]
    fn connection_tokens() {
        let cases = [
            (json!({"sub": "ann"}), "new", Algorithm::HS256, Ok(None)),
            (json!({"sub": "ann", "exp": 1_700_000_100}), "old", Algorithm::HS256, Ok(Some(1_700_000_100))),
            (json!({"sub": "ann", "exp": 1_700_000_100, "expire_at": 0}), "new", Algorithm::HS256, Ok(None)),
            (json!({"sub": "ann", "exp": 1_700_000_000}), "new", Algorithm::HS256, Err(TokenError::Expired)),
            (json!({"sub": "ann", "nbf": 1_700_000_001}), "new", Algorithm::HS256, Err(TokenError::Expired)),
            (json!({"sub": "ann"}), "other", Algorithm::HS256, Err(TokenError::Invalid)),
            (json!({"sub": "ann"}), "new", Algorithm::HS512, Err(TokenError::Invalid)),
            (json!({"sub": "ann", "channel": "chat:a"}), "new", Algorithm::HS256, Err(TokenError::Invalid)),
            (json!({"sub": 5}), "new", Algorithm::HS256, Err(TokenError::Invalid)),
        ];
        for (claims, secret, algorithm, expected) in cases {
            let result = verifier().connection(&sign(&claims, secret, algorithm), NOW);
            assert_eq!(result.map(|c| c.expires()), expected, "{claims}");
        }
    }

    #[test]
    fn a_header_that_says_none_is_refused() {
        let token = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbm4ifQ.";
        assert_eq!(verifier().connection(token, NOW).map(|_| ()), Err(TokenError::Invalid));
    }

    #[test]
    fn audience_and_issuer_bind_when_configured() {
        let mut config = HubConfig::new("new");
        config.token_audience = Some("chat".into());
        config.token_issuer = Some("parlor".into());
        let verifier = Verifier::new(&config);
        let open = |claims: Value| verifier.connection(&sign(&claims, "new", Algorithm::HS256), NOW).is_ok();
        assert!(open(json!({"aud": ["x", "chat"], "iss": "parlor"})));
        assert!(!open(json!({"aud": "x", "iss": "parlor"})));
        assert!(!open(json!({"aud": "chat"})));
    }
}
