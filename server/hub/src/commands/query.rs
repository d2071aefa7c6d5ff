//! `publish`, `presence`, `presence_stats` and `history` of clients, where the namespace allows them.

use std::sync::Arc;

use super::checked_channel;
use crate::channel::PublishOptions;
use crate::channel::stream::Range;
use crate::client::{Client, State};
use crate::codes::{CommandError, Disconnect, Refusal};
use crate::hub::Hub;
use crate::protocol::command::{History, OfChannel, Publish};
use crate::protocol::reply::{self, Object};

pub(super) fn publish(
    hub: &Hub,
    client: &Arc<Client>,
    state: &State,
    id: u32,
    request: &Publish<'_>,
) -> Result<(), Refusal> {
    let data = request.data.ok_or(Disconnect::BAD_REQUEST)?;
    let namespace = checked_channel(hub, &request.channel)?;
    if !namespace.allow_publish_for_client || client.user().is_empty() {
        return Err(CommandError::PERMISSION_DENIED.into());
    }
    let publisher = reply::client_info(client.user(), &client.id.to_string(), state.info.as_deref(), None);
    hub.publish_as(&request.channel, data, &PublishOptions::default(), Some(&publisher))?;
    hub.send(client, &reply::result(id, "publish", 2, |out| out.extend_from_slice(b"{}")));
    Ok(())
}

/// Whether the client may see a channel's presence: it must be subscribed, and not anonymous.
fn may_see_presence(hub: &Hub, client: &Client, state: &State, channel: &str) -> Result<(), Refusal> {
    let namespace = checked_channel(hub, channel)?;
    if !namespace.presence {
        return Err(CommandError::NOT_AVAILABLE.into());
    }
    let allowed = namespace.allow_presence_for_subscriber && state.find(channel).is_some();
    if allowed && !client.user().is_empty() { Ok(()) } else { Err(CommandError::PERMISSION_DENIED.into()) }
}

pub(super) fn presence(
    hub: &Hub,
    client: &Arc<Client>,
    state: &State,
    id: u32,
    request: &OfChannel<'_>,
) -> Result<(), Refusal> {
    may_see_presence(hub, client, state, &request.channel)?;
    let present = hub.presence(&request.channel)?;
    let message = reply::result(id, "presence", 160 * present.len(), |out| {
        let mut result = Object::new(out);
        let mut map = Object::new(result.field("presence"));
        for (id, info) in &present {
            let info =
                reply::client_info(&info.user, id, info.conn_info.as_deref(), info.chan_info.as_deref());
            map.key(id).extend_from_slice(info.as_bytes());
        }
        map.end();
        result.end();
    });
    hub.send(client, &message);
    Ok(())
}

pub(super) fn presence_stats(
    hub: &Hub,
    client: &Arc<Client>,
    state: &State,
    id: u32,
    request: &OfChannel<'_>,
) -> Result<(), Refusal> {
    may_see_presence(hub, client, state, &request.channel)?;
    let stats = hub.presence_stats(&request.channel)?;
    let message = reply::result(id, "presence_stats", 48, |out| {
        let mut object = Object::new(out);
        reply::number(object.field("num_clients"), stats.num_clients as u64);
        reply::number(object.field("num_users"), stats.num_users as u64);
        object.end();
    });
    hub.send(client, &message);
    Ok(())
}

pub(super) fn history(
    hub: &Hub,
    client: &Arc<Client>,
    state: &State,
    id: u32,
    request: &History<'_>,
) -> Result<(), Refusal> {
    let channel = request.channel.as_ref();
    let namespace = checked_channel(hub, channel)?;
    if !namespace.keeps_history() {
        return Err(CommandError::NOT_AVAILABLE.into());
    }
    let allowed = namespace.allow_history_for_subscriber && state.find(channel).is_some();
    if !allowed || client.user().is_empty() {
        return Err(CommandError::PERMISSION_DENIED.into());
    }
    // A negative limit means "all", as far as the server allows.
    let most = hub.config().history_limit;
    let limit = usize::try_from(request.limit).unwrap_or(most).min(most);
    let since =
        request.since.as_ref().map(|since| (since.offset, since.epoch.as_deref().unwrap_or_default()));
    let (publications, position) =
        hub.history_page(channel, &Range { since, limit, reverse: request.reverse })?;
    let size = publications.iter().map(|p| p.len() + 1).sum::<usize>() + 64;
    let message = reply::result(id, "history", size, |out| {
        let mut object = Object::new(out);
        reply::publications(object.field("publications"), &publications);
        object.string("epoch", &position.epoch).number("offset", position.offset);
        object.end();
    });
    hub.send(client, &message);
    Ok(())
}
