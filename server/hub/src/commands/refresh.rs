//! `refresh` and `sub_refresh`: a new token before the old one runs out.

use std::collections::HashSet;
use std::sync::Arc;

use super::connect::verify;
use super::subscribe::belongs;
use crate::client::{Client, State};
use crate::codes::{CommandError, Disconnect, Refusal};
use crate::config::millis;
use crate::hub::Hub;
use crate::protocol::command::{Refresh, SubRefresh};
use crate::protocol::message::Message;
use crate::protocol::reply::{self, Object};
use crate::token::{ConnectionClaims, TokenError};

pub(super) fn refresh(
    hub: &Hub,
    client: &Arc<Client>,
    state: &mut State,
    id: u32,
    request: &Refresh<'_>,
) -> Result<(), Refusal> {
    let token = request.token.as_deref().unwrap_or_default();
    if token.is_empty() {
        return Err(Disconnect::BAD_REQUEST.into());
    }
    let claims = verify(hub, token).map_err(|refusal| match refusal {
        // The client fetched it a moment ago: a token that is over already will not get better.
        Refusal::Error(CommandError::TOKEN_EXPIRED) => Disconnect::EXPIRED.into(),
        other => other,
    })?;
    if claims.sub != client.user() {
        return Err(Disconnect::INVALID_TOKEN.into());
    }
    if subscriptions_changed(state, &claims) {
        return Err(Disconnect::INSUFFICIENT_STATE.into());
    }
    let expires = claims.expires();
    let ttl = match expires {
        Some(at) => Some(hub.ttl(at).ok_or(CommandError::EXPIRED)?),
        None => None,
    };
    if let Some(at) = expires {
        state.timers.expiry = hub.deadline(at, millis(hub.config().expired_close_delay));
        hub.reschedule(client, state);
    } else {
        state.timers.expiry = 0;
    }
    if claims.info.is_some() {
        state.info = claims.info;
    }
    hub.send(client, &expiry(id, "refresh", ttl));
    Ok(())
}

/// Whether the new token grants other server-side subscriptions: then only a new connection puts it right.
fn subscriptions_changed(state: &State, claims: &ConnectionClaims) -> bool {
    let subs = claims.subs.iter().flat_map(|subs| subs.keys()).map(String::as_str);
    let granted: HashSet<&str> = if claims.subs.as_ref().is_some_and(|subs| !subs.is_empty()) {
        subs.collect()
    } else {
        claims.channels.iter().flatten().map(String::as_str).collect()
    };
    granted.iter().any(|channel| state.find(channel).is_none())
        || state.subscriptions.iter().any(|s| s.from_token && !granted.contains(&*s.channel.name))
}

pub(super) fn sub_refresh(
    hub: &Hub,
    client: &Arc<Client>,
    state: &mut State,
    id: u32,
    request: &SubRefresh<'_>,
) -> Result<(), Refusal> {
    if request.channel.is_empty() {
        return Err(Disconnect::BAD_REQUEST.into());
    }
    let index = state.find(&request.channel).ok_or(CommandError::PERMISSION_DENIED)?;
    if state.subscriptions[index].server_side {
        return Err(Disconnect::BAD_REQUEST.into());
    }
    let token = request.token.as_deref().unwrap_or_default();
    if token.is_empty() {
        return Err(CommandError::BAD_REQUEST.into());
    }
    let claims = match hub.subscription_claims(token) {
        Ok(claims) => claims,
        Err(TokenError::Invalid) => return Err(Disconnect::INVALID_TOKEN.into()),
        Err(TokenError::Expired) => return Err(CommandError::TOKEN_EXPIRED.into()),
    };
    if !belongs(&claims, client, &request.channel) {
        return Err(Disconnect::INVALID_TOKEN.into());
    }
    let expires = claims.expires();
    let ttl = match expires {
        Some(at) => Some(hub.ttl(at).ok_or(CommandError::EXPIRED)?),
        None => None,
    };
    let grace = millis(hub.config().expired_sub_close_delay);
    state.subscriptions[index].expiry = expires.map_or(0, |at| hub.deadline(at, grace));
    hub.reschedule(client, state);
    hub.send(client, &expiry(id, "sub_refresh", ttl));
    Ok(())
}

fn expiry(id: u32, method: &str, ttl: Option<u64>) -> Message {
    reply::result(id, method, 32, |out| {
        let mut object = Object::new(out);
        reply::expiry(&mut object, ttl);
        object.end();
    })
}
