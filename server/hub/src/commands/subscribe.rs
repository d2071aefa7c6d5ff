//! `subscribe` and `unsubscribe`, and the one way into a channel for all kinds of subscriptions.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use serde_json::value::RawValue;

use super::checked_channel;
use crate::channel::{Options, Subscriber};
use crate::client::{Client, State, Subscription};
use crate::codes::{CommandError, Disconnect, Refusal};
use crate::config::{Namespace, millis};
use crate::hub::Hub;
use crate::protocol::command::{OfChannel, Subscribe};
use crate::protocol::message::Message;
use crate::protocol::reply::{self, Object};
use crate::stats::add;
use crate::token::{SubscriptionClaims, TokenError};

/// A subscription about to be made; everything has been checked.
pub(crate) struct Joining<'a> {
    pub channel: &'a str,
    pub options: Options,
    pub info: Option<Box<RawValue>>,
    pub data: Option<Box<RawValue>>,
    /// Unix seconds.
    pub expires: Option<u64>,
    /// Position after which publications were missed.
    pub recover: Option<(u64, &'a str)>,
    pub server_side: bool,
    pub from_token: bool,
    /// Whether the client is told of the expiry, because it is the one to refresh.
    pub expiry_shown: bool,
}

/// The result of a subscription.
#[derive(Default)]
pub(crate) struct Joined {
    ttl: Option<u64>,
    recoverable: bool,
    positioned: bool,
    epoch: String,
    offset: u64,
    was_recovering: bool,
    recovered: bool,
    publications: Vec<Bytes>,
    data: Option<Box<RawValue>>,
}

impl Joined {
    /// The protocol's `SubscribeResult`.
    pub fn write(&self, out: &mut Vec<u8>) {
        let mut object = Object::new(out);
        reply::expiry(&mut object, self.ttl);
        object.flag("recoverable", self.recoverable);
        if !self.epoch.is_empty() {
            object.string("epoch", &self.epoch);
        }
        if !self.publications.is_empty() {
            reply::publications(object.field("publications"), &self.publications);
        }
        object.flag("recovered", self.recovered).number("offset", self.offset);
        object.flag("positioned", self.positioned).raw("data", self.data.as_deref());
        object.flag("was_recovering", self.was_recovering);
        object.end();
    }

    /// The protocol's `Subscribe` push, of a subscription that the server made.
    pub fn write_push(&self, out: &mut Vec<u8>) {
        let mut object = Object::new(out);
        object.flag("recoverable", self.recoverable);
        if !self.epoch.is_empty() {
            object.string("epoch", &self.epoch);
        }
        object.number("offset", self.offset).flag("positioned", self.positioned);
        object.raw("data", self.data.as_deref());
        object.end();
    }

    fn size(&self) -> usize {
        160 + self.publications.iter().map(|p| p.len() + 1).sum::<usize>()
            + self.data.as_ref().map_or(0, |data| data.get().len())
    }
}

impl Hub {
    /// Joins a channel. Under the channel's lock: read what was missed, queue what `reply` makes of the
    /// result, join, announce. Nothing can be published in between.
    pub(crate) fn join(
        &self,
        client: &Arc<Client>,
        state: &mut State,
        joining: Joining<'_>,
        reply: impl FnOnce(&Joined) -> Option<Message>,
    ) -> Result<Joined, CommandError> {
        let Joining { options, .. } = joining;
        let mut joined =
            Joined { data: joining.data, was_recovering: joining.recover.is_some(), ..Joined::default() };
        let mut expiry = 0;
        if let Some(at) = joining.expires {
            let ttl = self.ttl(at).ok_or(CommandError::EXPIRED)?;
            joined.ttl = joining.expiry_shown.then_some(ttl);
            expiry = self.deadline(at, millis(self.config().expired_sub_close_delay));
        }
        let info = (options.presence || options.join_leave).then(|| {
            let (user, id) = (client.user(), client.id.to_string());
            reply::client_info(user, &id, state.info.as_deref(), joining.info.as_deref())
        });
        let scope = self.scope();
        let subscription = self.with_channel(joining.channel, |channel, channel_state| {
            if options.positioned() {
                let limit = self.config().recovery_limit;
                let stream = channel_state.stream(scope);
                joined.positioned = true;
                joined.recoverable = options.recovery;
                joined.epoch = stream.epoch().text();
                joined.offset = stream.top();
                if let (true, Some((offset, epoch))) = (options.recovery, joining.recover) {
                    let recovery = stream.recover(offset, epoch, limit);
                    if recovery.recovered {
                        // The client counts on from its own position through the publications.
                        joined.offset = offset;
                    }
                    joined.recovered = recovery.recovered;
                    joined.publications = recovery.publications;
                }
            }
            if let Some(message) = reply(&joined) {
                self.send(client, &message);
            }
            let subscriber =
                Subscriber { client: Arc::clone(client), options, server_side: joining.server_side, info };
            let slot = channel_state.subscribers.insert(subscriber);
            if options.join_leave
                && let Some(info) = &channel_state.subscribers[slot].info
            {
                channel_state.announce(channel, scope, "join", info);
            }
            Subscription {
                channel: Arc::clone(channel),
                slot,
                expiry,
                server_side: joining.server_side,
                from_token: joining.from_token,
            }
        })?;
        if joined.was_recovering && options.recovery {
            let counter =
                if joined.recovered { &self.counters.recovered } else { &self.counters.unrecovered };
            add(counter, 1);
        }
        self.subscribed.fetch_add(1, Ordering::Relaxed);
        state.subscriptions.push(subscription);
        if expiry > 0 {
            self.reschedule(client, state);
        }
        Ok(joined)
    }
}

pub(super) fn subscribe(
    hub: &Hub,
    client: &Arc<Client>,
    state: &mut State,
    id: u32,
    request: &Subscribe<'_>,
) -> Result<(), Refusal> {
    let (config, channel) = (hub.config(), request.channel.as_ref());
    // Delta compression is known and not offered; another kind is a broken client.
    let delta = request.delta.as_deref().unwrap_or_default();
    if channel.is_empty() || !matches!(delta, "" | "fossil") {
        return Err(Disconnect::BAD_REQUEST.into());
    }
    if channel.len() > config.channel_max_length {
        return Err(CommandError::BAD_REQUEST.into());
    }
    if state.find(channel).is_some() {
        return Err(CommandError::ALREADY_SUBSCRIBED.into());
    }
    if state.subscriptions.len() >= config.channel_limit {
        return Err(CommandError::LIMIT_EXCEEDED.into());
    }
    let namespace = checked_channel(hub, channel)?;
    let claims = authorise(hub, client, namespace, channel, request.token.as_deref().unwrap_or_default())?;
    let options = options(namespace, claims.as_ref(), client, request);
    let expires = claims.as_ref().and_then(SubscriptionClaims::expires);
    let (info, data) = claims.map_or((None, None), |claims| (claims.info, claims.data));
    let joining = Joining {
        channel,
        options,
        info,
        data,
        expires,
        recover: request.recover.then(|| (request.offset, request.epoch.as_deref().unwrap_or_default())),
        server_side: false,
        from_token: false,
        expiry_shown: true,
    };
    hub.join(client, state, joining, |joined| {
        Some(reply::result(id, "subscribe", joined.size(), |out| joined.write(out)))
    })?;
    Ok(())
}

/// A subscription token decides; without one the namespace may allow everybody.
fn authorise(
    hub: &Hub,
    client: &Client,
    namespace: &Namespace,
    channel: &str,
    token: &str,
) -> Result<Option<SubscriptionClaims>, Refusal> {
    if token.is_empty() {
        let allowed = namespace.allow_subscribe_for_client && !client.user().is_empty();
        return if allowed { Ok(None) } else { Err(CommandError::PERMISSION_DENIED.into()) };
    }
    let claims = hub.subscription_claims(token).map_err(|error| match error {
        TokenError::Expired => CommandError::TOKEN_EXPIRED,
        TokenError::Invalid => CommandError::PERMISSION_DENIED,
    })?;
    if !belongs(&claims, client, channel) {
        return Err(Disconnect::INVALID_TOKEN.into());
    }
    Ok(Some(claims))
}

/// A token is for one channel and one user, and perhaps one connection.
pub(super) fn belongs(claims: &SubscriptionClaims, client: &Client, channel: &str) -> bool {
    let bound = claims.client.as_deref().unwrap_or_default();
    claims.channel.as_deref() == Some(channel)
        && claims.sub == client.user()
        && (bound.is_empty() || bound == client.id.to_string())
}

/// The namespace's options, what the token overrides, and what the client asks for where it may.
fn options(
    namespace: &Namespace,
    claims: Option<&SubscriptionClaims>,
    client: &Client,
    request: &Subscribe<'_>,
) -> Options {
    let mut options = Options::from(namespace);
    if let Some(overrides) = claims.and_then(|claims| claims.r#override.as_ref()) {
        overrides.apply(&mut options);
    }
    let identified = !client.user().is_empty();
    let history = namespace.allow_history_for_subscriber && identified;
    options.positioning |= request.positioned && history;
    options.recovery |= request.recoverable && history;
    let presence = namespace.allow_presence_for_subscriber && identified;
    options.push_join_leave |= request.join_leave && namespace.join_leave && presence;
    options
}

pub(super) fn unsubscribe(
    hub: &Hub,
    client: &Arc<Client>,
    state: &mut State,
    id: u32,
    request: &OfChannel<'_>,
) -> Result<(), Refusal> {
    if request.channel.is_empty() {
        return Err(Disconnect::BAD_REQUEST.into());
    }
    if let Some(index) = state.find(&request.channel) {
        hub.leave(state.subscriptions.swap_remove(index));
    }
    hub.send(client, &reply::result(id, "unsubscribe", 2, |out| out.extend_from_slice(b"{}")));
    Ok(())
}
