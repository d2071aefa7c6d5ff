//! The protocol: what each command does.
//!
//! A command is answered with its result, with an error (the connection lives on), or with the end of
//! the connection, exactly as Centrifugo decides between the two: what a correct client may run into is
//! an error, what only a broken or hostile one sends is a disconnect.

mod connect;
mod query;
mod refresh;
pub(crate) mod subscribe;

use std::sync::Arc;

use crate::client::{Client, Phase, State};
use crate::codes::{CommandError, Disconnect, Refusal};
use crate::hub::Hub;
use crate::protocol::command::{Command, lines, parse};
use crate::protocol::reply;
use crate::task::lock;

/// What a command leads to after the client's lock is released.
enum Outcome {
    Done,
    /// The connect command succeeded; so many connections has the user now.
    Connected(usize),
}

/// Handles one frame: one or more commands. After a refusal that ends the connection the rest is ignored.
pub(crate) fn handle_frame(hub: &Hub, client: &Arc<Client>, frame: &[u8]) {
    let mut empty = true;
    for line in lines(frame) {
        empty = false;
        let proceed = match parse(line) {
            Some(command) => handle(hub, client, command),
            None => {
                client.close(Disconnect::BAD_REQUEST);
                false
            }
        };
        if !proceed {
            return;
        }
    }
    if empty {
        client.close(Disconnect::BAD_REQUEST);
    }
}

fn handle(hub: &Hub, client: &Arc<Client>, command: Command<'_>) -> bool {
    if client.outbound.is_closing() {
        return false;
    }
    let id = command.id;
    let connecting = command.connect.is_some();
    let mut state = lock(&client.state);
    if state.phase == Phase::Unusable {
        // The client may have sent more before it read the error; it knows what to do when it does.
        return false;
    }
    let result = dispatch(hub, client, &mut state, command);
    let proceed = match result {
        Ok(Outcome::Done) => true,
        Ok(Outcome::Connected(connections)) => {
            let info = state.info.as_ref().map(|info| info.get().into());
            drop(state);
            hub.presence_changed(client, info, true, connections);
            return true;
        }
        Err(Refusal::Error(error)) => {
            if connecting {
                state.phase = Phase::Unusable;
            }
            hub.send(client, &reply::error(id, error));
            !connecting
        }
        Err(Refusal::Disconnect(disconnect)) => {
            client.close(disconnect);
            false
        }
    };
    drop(state);
    proceed
}

fn dispatch(
    hub: &Hub,
    client: &Arc<Client>,
    state: &mut State,
    command: Command<'_>,
) -> Result<Outcome, Refusal> {
    let id = command.id;
    match state.phase {
        Phase::Connected => {}
        Phase::Connecting if command.connect.is_some() => {}
        Phase::Connecting | Phase::Unusable => return Err(Disconnect::BAD_REQUEST.into()),
        Phase::Closed => return Err(Disconnect::CONNECTION_CLOSED.into()),
    }
    if id == 0 && command.send.is_none() {
        return pong(state).map(|()| Outcome::Done);
    }
    if let Some(request) = command.connect {
        return connect::connect(hub, client, state, id, &request).map(Outcome::Connected);
    }
    if let Some(request) = command.subscribe {
        subscribe::subscribe(hub, client, state, id, &request)?;
    } else if let Some(request) = command.unsubscribe {
        subscribe::unsubscribe(hub, client, state, id, &request)?;
    } else if let Some(request) = command.publish {
        query::publish(hub, client, state, id, &request)?;
    } else if let Some(request) = command.presence {
        query::presence(hub, client, state, id, &request)?;
    } else if let Some(request) = command.presence_stats {
        query::presence_stats(hub, client, state, id, &request)?;
    } else if let Some(request) = command.history {
        query::history(hub, client, state, id, &request)?;
    } else if command.rpc.is_some() {
        return Err(CommandError::NOT_AVAILABLE.into());
    } else if command.send.is_some() {
        // A `send` has no reply that could carry an error.
        return Err(Disconnect::NOT_AVAILABLE.into());
    } else if let Some(request) = command.refresh {
        refresh::refresh(hub, client, state, id, &request)?;
    } else if let Some(request) = command.sub_refresh {
        refresh::sub_refresh(hub, client, state, id, &request)?;
    } else if command.ping.is_some() {
        // Of protocol version 1; Centrifugo 5 disconnects, older clients are glad of the answer.
        hub.send(client, &reply::result(id, "ping", 2, |out| out.extend_from_slice(b"{}")));
    } else {
        return Err(Disconnect::BAD_REQUEST.into());
    }
    Ok(Outcome::Done)
}

/// The answer to our ping; one that nobody asked for is a protocol error.
fn pong(state: &mut State) -> Result<(), Refusal> {
    if !std::mem::take(&mut state.timers.awaiting_pong) {
        return Err(Disconnect::BAD_REQUEST.into());
    }
    Ok(())
}

/// A channel name that a client may use: known namespace, ASCII.
fn checked_channel<'h>(hub: &'h Hub, channel: &str) -> Result<&'h crate::config::Namespace, Refusal> {
    if channel.is_empty() {
        return Err(Disconnect::BAD_REQUEST.into());
    }
    let namespace = hub.namespace(channel)?;
    if !channel.is_ascii() {
        return Err(CommandError::BAD_REQUEST.into());
    }
    Ok(namespace)
}
