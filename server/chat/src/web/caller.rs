//! Who calls. The tenant comes from here and from nowhere else.
//!
//! `Authorization: Bearer` carries a user's JWT or the server's secret. The JWT names its key in the header
//! `kid`; tokens made without one name it in `X-Api-Key`. Each caller pays from the app's budget of
//! requests, a user also from their own; who only types pays from budgets apart ([`Purse`]).

use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;

use actix_web::http::header;
use actix_web::{FromRequest, HttpMessage, HttpRequest, dev::Payload, web};
use chrono::{DateTime, Utc};
use parlor_platform::keys::Key;
use parlor_platform::rate_limit::Budget;
use parlor_platform::token::{self, UserClaims};
use parlor_platform::{Error, Result};
use parlor_protocol::{AppId, ErrorCode, UserId};

use crate::{Chat, Purse};

/// A user with a valid token.
#[derive(Clone, Debug)]
pub struct UserCaller {
    pub app: AppId,
    pub user: UserId,
    /// Whether it is a visitor.
    pub guest: bool,
}

/// A user who tells that they type, which costs nothing of what they may send.
pub struct TypingCaller(pub UserCaller);

/// The customer's server.
#[derive(Clone, Debug)]
pub struct ServerCaller {
    pub app: AppId,
    pub key: Arc<Key>,
}

/// Either.
#[derive(Clone, Debug)]
pub enum Caller {
    User(UserCaller),
    Server(ServerCaller),
}

impl Caller {
    /// The tenant.
    pub fn app(&self) -> AppId {
        match self {
            Self::User(caller) => caller.app,
            Self::Server(caller) => caller.app,
        }
    }

    /// The user, if it is one.
    pub fn user(&self) -> Option<&UserId> {
        match self {
            Self::User(caller) => Some(&caller.user),
            Self::Server(_) => None,
        }
    }

    /// Whether it is the customer's server.
    pub fn is_server(&self) -> bool {
        matches!(self, Self::Server(_))
    }

    /// For whom it acts: a user for itself, the server for the user that it must name.
    pub fn acts_for(&self, named: Option<UserId>) -> Result<UserId> {
        match (self, named) {
            (Self::User(caller), None) => Ok(caller.user.clone()),
            (Self::Server(_), Some(user)) => Ok(user),
            (Self::User(_), Some(_)) => {
                Err(Error::with(ErrorCode::ServerOnly, "Only the customer's server names a `user_id`."))
            }
            (Self::Server(_), None) => Err(Error::with(
                ErrorCode::InvalidRequest,
                "The server must say with `user_id` for whom it acts.",
            )),
        }
    }

    /// The user, if it is a visitor.
    pub fn guest(&self) -> Option<&UserId> {
        match self {
            Self::User(caller) if caller.guest => Some(&caller.user),
            _ => None,
        }
    }

    /// Refuses visitors, who see what they were let into and nothing else.
    pub fn require_no_guest(&self) -> Result<()> {
        if self.guest().is_some() { Err(ErrorCode::GuestForbidden.into()) } else { Ok(()) }
    }
}

/// The address of the caller, for routes that need no token.
pub struct ClientAddress(pub IpAddr);

/// The budget that the answer's headers report.
pub fn caller_budget(request: &HttpRequest) -> Option<Budget> {
    request.extensions().get::<Budget>().copied()
}

async fn authenticate(request: &HttpRequest, purse: Purse) -> Result<Caller> {
    let chat = state(request)?;
    let authorization = request.headers().get(header::AUTHORIZATION).ok_or(ErrorCode::MissingToken)?;
    let credential = authorization
        .to_str()
        .ok()
        .and_then(|value| value.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, credential)| credential.trim())
        .ok_or_else(|| Error::with(ErrorCode::MissingToken, "Send `Authorization: Bearer …`."))?;
    let now = chat.clock.now();
    let caller = if credential.starts_with("sk_") {
        let key = chat.keys.find_by_secret(credential, now).await?;
        admit(&chat, &key, request, purse)?;
        Caller::Server(ServerCaller { app: key.app, key })
    } else {
        Caller::User(user(request, &chat, credential, purse, now).await?)
    };
    Ok(caller)
}

async fn user(
    request: &HttpRequest,
    chat: &Chat,
    credential: &str,
    purse: Purse,
    now: DateTime<Utc>,
) -> Result<UserCaller> {
    let key_id = match token::key_id(credential)? {
        Some(id) => id,
        None => api_key(request).ok_or_else(|| {
            Error::with(ErrorCode::InvalidToken, "The token names no key: set `kid` or `X-Api-Key`.")
        })?,
    };
    let key = chat.keys.find(&key_id, now).await?;
    let claims = token::verify_user(credential, &key.secret, now)?;
    admit(chat, &key, request, purse)?;
    revoked(&claims, key.revoked_before)?;
    let standing = chat.keys.standing(key.app, &claims.user).await?.ok_or(ErrorCode::UserNotRegistered)?;
    revoked(&claims, standing.revoked_before)?;
    if standing.deactivated {
        return Err(ErrorCode::UserDeactivated.into());
    }
    let rps = chat.config.server.user_rate_limit_rps;
    spend(request, rps, chat.limits.user.check((key.app, claims.user.clone(), purse), rps))?;
    chat.activity.touch(key.app, &claims.user).await;
    Ok(UserCaller { app: key.app, user: claims.user, guest: standing.guest })
}

fn revoked(claims: &UserClaims, before: Option<DateTime<Utc>>) -> Result<()> {
    let is = before.is_some_and(|before| claims.issued_at < before.timestamp_millis() as f64 / 1000.0);
    if is { Err(ErrorCode::TokenRevoked.into()) } else { Ok(()) }
}

/// The app may be served, and has requests left.
fn admit(chat: &Chat, key: &Key, request: &HttpRequest, purse: Purse) -> Result<()> {
    if key.suspended {
        return Err(ErrorCode::AppSuspended.into());
    }
    spend(request, key.rate_limit_rps, chat.limits.app.check((key.app, purse), key.rate_limit_rps))
}

/// Notes what is left of a budget for the answer's headers, also where it is nothing.
fn spend(request: &HttpRequest, limit: u32, checked: Result<Budget>) -> Result<()> {
    let spent = Budget { limit, remaining: 0, reset_s: 1 };
    request.extensions_mut().insert(checked.as_ref().copied().unwrap_or(spent));
    checked.map(drop)
}

fn state(request: &HttpRequest) -> Result<web::Data<Chat>> {
    request.app_data::<web::Data<Chat>>().cloned().ok_or_else(|| Error::internal("no chat state"))
}

/// The public key that the caller names.
pub fn api_key(request: &HttpRequest) -> Option<String> {
    request.headers().get("X-Api-Key").and_then(|value| value.to_str().ok()).map(str::to_owned)
}

type Extracted<T> = Pin<Box<dyn Future<Output = Result<T, actix_web::Error>>>>;

/// Extracts a kind of caller: who is authenticated, from which budget they pay, and which of them it is.
macro_rules! extract {
    ($kind:ty, $purse:expr, $of:expr) => {
        impl FromRequest for $kind {
            type Error = actix_web::Error;
            type Future = Extracted<Self>;

            fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
                let request = request.clone();
                Box::pin(async move {
                    let of: fn(Caller) -> Result<Self> = $of;
                    Ok(of(authenticate(&request, $purse).await?)?)
                })
            }
        }
    };
}

extract!(Caller, Purse::Requests, Ok);
extract!(UserCaller, Purse::Requests, only_user);
extract!(TypingCaller, Purse::Typing, |caller| only_user(caller).map(Self));
extract!(ServerCaller, Purse::Requests, |caller| match caller {
    Caller::Server(server) => Ok(server),
    Caller::User(_) => Err(ErrorCode::ServerOnly.into()),
});

fn only_user(caller: Caller) -> Result<UserCaller> {
    match caller {
        Caller::User(user) => Ok(user),
        Caller::Server(_) => Err(ErrorCode::UserOnly.into()),
    }
}

impl FromRequest for ClientAddress {
    type Error = actix_web::Error;
    type Future = std::future::Ready<Result<Self, actix_web::Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        std::future::ready(client_address(request).map(Self).map_err(Into::into))
    }
}

/// The peer, or what the outermost of our own proxies saw.
fn client_address(request: &HttpRequest) -> Result<IpAddr> {
    let proxies = state(request)?.config.server.trusted_proxies;
    let peer = request.peer_addr().map_or(IpAddr::from([0, 0, 0, 0]), |address| address.ip());
    if proxies == 0 {
        return Ok(peer);
    }
    // Some proxies add to the line, others add a line.
    let lines = request.headers().get_all("X-Forwarded-For").filter_map(|value| value.to_str().ok());
    let hops: Vec<&str> = lines.flat_map(|line| line.split(',')).map(str::trim).collect();
    let client = hops.len().checked_sub(proxies).and_then(|at| hops.get(at)).and_then(|hop| hop.parse().ok());
    Ok(client.unwrap_or(peer))
}
