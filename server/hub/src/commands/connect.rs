//! `connect`: authenticates, and restores or makes the subscriptions that the server decided on.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::subscribe::{Joined, Joining};
use crate::channel::Options;
use crate::client::{Client, Phase, State};
use crate::codes::{CommandError, Disconnect, Refusal};
use crate::config::millis;
use crate::hub::Hub;
use crate::protocol::command::Connect;
use crate::protocol::message::Framing;
use crate::protocol::reply::{self, Object};
use crate::stats::add;
use crate::token::{ConnectionClaims, TokenError};

/// A subscription that comes with the connection.
#[derive(Default)]
struct Wanted {
    options: Options,
    info: Option<Box<serde_json::value::RawValue>>,
    data: Option<Box<serde_json::value::RawValue>>,
    from_token: bool,
}

/// Returns how many connections the user has now.
pub(super) fn connect(
    hub: &Hub,
    client: &Arc<Client>,
    state: &mut State,
    id: u32,
    request: &Connect<'_>,
) -> Result<usize, Refusal> {
    if state.phase != Phase::Connecting {
        return Err(Disconnect::BAD_REQUEST.into());
    }
    let config = hub.config();
    let claims = match request.token.as_deref() {
        Some(token) if !token.is_empty() => Some(verify(hub, token)?),
        _ if config.allow_anonymous => None,
        _ => return Err(Disconnect::BAD_REQUEST.into()),
    };
    let expires = claims.as_ref().and_then(ConnectionClaims::expires);
    let (user, info, mut wanted) = match claims {
        Some(claims) => (Arc::from(claims.sub.as_str()), claims.info.clone(), of_token(hub, claims)?),
        None => (Arc::from(""), None, BTreeMap::new()),
    };
    of_request(hub, &user, request, &mut wanted)?;
    if wanted.len() > config.channel_limit {
        return Err(Disconnect::CHANNEL_LIMIT.into());
    }
    let ttl = match expires {
        Some(at) => Some(hub.ttl(at).ok_or(CommandError::EXPIRED)?),
        None => None,
    };
    let user = client.user.get_or_init(|| user);
    let connections = hub.users.add(user, client, config.user_connection_limit).ok_or_else(|| {
        add(&hub.counters.refused, 1);
        Disconnect::CONNECTION_LIMIT
    })?;
    state.phase = Phase::Connected;
    state.info = info;
    hub.connected.fetch_add(1, Ordering::Relaxed);
    add(&hub.counters.connected, 1);

    let mut joined = Vec::with_capacity(wanted.len());
    for (channel, wanted) in wanted {
        let resume =
            request.subs.as_ref().and_then(|subs| subs.get(channel.as_str())).and_then(Option::as_ref);
        let joining = Joining {
            channel: &channel,
            options: wanted.options,
            info: wanted.info,
            data: wanted.data,
            expires: None,
            recover: resume.filter(|r| r.recover).map(|r| (r.offset, r.epoch.as_deref().unwrap_or_default())),
            server_side: true,
            from_token: wanted.from_token,
            expiry_shown: false,
        };
        // All that could refuse it was checked above.
        let result = hub.join(client, state, joining, |_| None).map_err(|_| Disconnect::SERVER_ERROR)?;
        joined.push((channel, result));
    }
    let now = hub.now();
    state.timers.stale = 0;
    if !config.ping_interval.is_zero() {
        state.timers.ping = now + hub.wheel.spread(millis(config.ping_interval));
    }
    if let Some(at) = expires {
        state.timers.expiry = hub.deadline(at, millis(config.expired_close_delay));
    }
    hub.reschedule(client, state);
    let message = reply::result(id, "connect", 160, |out| write(hub, client, ttl, &joined, out));
    // Publications of the subscriptions above may be queued already; this reply announces them.
    client.outbound.push_front(message.framed(client.framing));
    Ok(connections)
}

pub(super) fn verify(hub: &Hub, token: &str) -> Result<ConnectionClaims, Refusal> {
    hub.connection_claims(token).map_err(|error| match error {
        TokenError::Expired => CommandError::TOKEN_EXPIRED.into(),
        TokenError::Invalid => Disconnect::INVALID_TOKEN.into(),
    })
}

/// `subs` of the token, or its older form `channels`.
fn of_token(hub: &Hub, claims: ConnectionClaims) -> Result<BTreeMap<String, Wanted>, Refusal> {
    let mut wanted = BTreeMap::new();
    let subs = claims.subs.unwrap_or_default();
    if subs.is_empty() {
        for channel in claims.channels.unwrap_or_default() {
            let options = Options::from(&**hub.namespace(&channel)?);
            wanted.insert(channel, Wanted { options, from_token: true, ..Wanted::default() });
        }
    }
    for (channel, claim) in subs {
        let mut options = Options::from(&**hub.namespace(&channel)?);
        if let Some(overrides) = &claim.r#override {
            overrides.apply(&mut options);
        }
        wanted.insert(channel, Wanted { options, info: claim.info, data: claim.data, from_token: true });
    }
    wanted.remove("");
    Ok(wanted)
}

/// Channels that the client names itself: only those that it could also subscribe to without a token.
fn of_request(
    hub: &Hub,
    user: &str,
    request: &Connect<'_>,
    wanted: &mut BTreeMap<String, Wanted>,
) -> Result<(), Refusal> {
    for channel in request.subs.iter().flat_map(|subs| subs.keys()).map(Cow::as_ref) {
        let Ok(namespace) = hub.namespace(channel) else { return Err(Disconnect::BAD_REQUEST.into()) };
        let allowed = namespace.allow_subscribe_for_client
            && !user.is_empty()
            && !channel.is_empty()
            && channel.is_ascii()
            && channel.len() <= hub.config().channel_max_length;
        if allowed && !wanted.contains_key(channel) {
            let options = Options::from(&**namespace);
            wanted.insert(channel.to_owned(), Wanted { options, ..Wanted::default() });
        }
    }
    Ok(())
}

fn write(hub: &Hub, client: &Client, ttl: Option<u64>, joined: &[(String, Joined)], out: &mut Vec<u8>) {
    let config = hub.config();
    let mut object = Object::new(out);
    object.string("client", &client.id.to_string()).string("version", env!("CARGO_PKG_VERSION"));
    reply::expiry(&mut object, ttl);
    if !joined.is_empty() {
        let mut subs = Object::new(object.field("subs"));
        for (channel, result) in joined {
            result.write(subs.key(channel));
        }
        subs.end();
    }
    object.number("ping", config.ping_interval.as_secs());
    object.flag("pong", !config.ping_interval.is_zero() && !config.pong_timeout.is_zero());
    if client.framing != Framing::WebSocket {
        object.string("session", &client.session.to_string()).string("node", &hub.node.to_string());
    }
    object.end();
}
