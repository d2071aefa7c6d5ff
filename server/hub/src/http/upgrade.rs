//! A WebSocket handshake that is not the first request of its socket.
//!
//! Browsers open a socket for it; a reverse proxy with kept-alive connections may not. Then hyper reads
//! the request, and gives the socket back for the task that every other WebSocket has.

use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{Either, Full};
use hyper::body::Incoming;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;

use super::head::{Head, tokens};
use super::rewind::Rewind;
use super::{Answer, empty};
use crate::hub::Hub;
use crate::stats::add;
use crate::task::spawn;
use crate::websocket::connection::Connection;
use crate::websocket::handshake;

pub(super) fn upgrade(hub: &Arc<Hub>, mut request: Request<Incoming>) -> Answer {
    let upgraded = hyper::upgrade::on(&mut request);
    let accepted = match handshake::accept(&head(&request)) {
        Ok(accepted) => accepted,
        Err((status, text)) => return super::text(StatusCode::from_u16(status).unwrap_or_default(), text),
    };
    let Ok(permit) = Arc::clone(&hub.permits).try_acquire_owned() else {
        add(&hub.counters.refused, 1);
        return empty(StatusCode::SERVICE_UNAVAILABLE);
    };
    let hub = Arc::clone(hub);
    drop(spawn(async move {
        let Ok(upgraded) = upgraded.await else { return };
        if let Ok(parts) = upgraded.downcast::<TokioIo<Rewind>>() {
            let mut first = parts.read_buf.to_vec();
            let socket = parts.io.into_inner().into_socket();
            drop(spawn(Connection::new(socket, hub, permit, &mut first)));
        }
    }));
    let mut response = Response::new(Either::Left(Full::new(Bytes::new())));
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    for (name, value) in accepted.headers() {
        if let Ok(value) = HeaderValue::from_str(value) {
            response.headers_mut().insert(HeaderName::from_static(name), value);
        }
    }
    response
}

fn head(request: &Request<Incoming>) -> Head<'_> {
    let headers: &HeaderMap = request.headers();
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let has = |name: &str, token: &str| {
        text(name).is_some_and(|value| tokens(value).any(|other| other.eq_ignore_ascii_case(token)))
    };
    Head {
        method: request.method().as_str(),
        path: request.uri().path(),
        host: text("host"),
        origin: text("origin"),
        websocket: has("upgrade", "websocket") && has("connection", "upgrade"),
        version: text("sec-websocket-version"),
        key: text("sec-websocket-key"),
        protocols: text("sec-websocket-protocol").map(|value| tokens(value).collect()).unwrap_or_default(),
    }
}
