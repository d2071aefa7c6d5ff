//! HTTP: the transports for networks that block WebSockets, and everything that is no upgrade.
//!
//! The same protocol with the two directions split ("emulation"): the server's side is a response that
//! does not end, newline-delimited JSON (`/connection/http_stream`) or server-sent events
//! (`/connection/sse`); each frame of the client is a `POST /emulation` that names the session from the
//! connect reply. These are few and short-lived next to WebSockets, so hyper serves them.

pub(crate) mod head;
pub(crate) mod origin;
mod rewind;
mod stream;
mod upgrade;

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::header::{self, HeaderValue};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde::Deserialize;
use tokio::net::TcpStream;
use tokio::sync::{Notify, OwnedSemaphorePermit};
use uuid::Uuid;

use self::rewind::Rewind;
use self::stream::{Stream, open_stream};
use crate::commands::handle_frame;
use crate::hub::Hub;
use crate::protocol::message::Framing;

/// hyper's smallest buffer; the first head was at most 16 KiB already.
const BUFFER: usize = 16_384;

/// A response with a short body, or one that does not end.
pub(crate) type Answer = Response<http_body_util::Either<Full<Bytes>, Stream>>;

/// Serves a socket as HTTP/1.1; `read` is what was read from it already.
pub(crate) async fn serve(hub: Arc<Hub>, socket: TcpStream, permit: OwnedSemaphorePermit, read: Vec<u8>) {
    let _permit = permit;
    let abort = Arc::new(Notify::new());
    let service = service_fn(|request| {
        let (hub, abort) = (Arc::clone(&hub), Arc::clone(&abort));
        async move { Ok::<_, Infallible>(answer(&hub, abort, request).await) }
    });
    let mut connection = pin!(
        hyper::server::conn::http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(hub.config().handshake_timeout)
            .max_buf_size(BUFFER)
            .serve_connection(TokioIo::new(Rewind::new(socket, read)), service)
            .with_upgrades()
    );
    let mut shutdown = hub.shutdown.subscribe();
    tokio::select! {
        result = connection.as_mut() => trace(result),
        () = abort.notified() => {}
        () = async { drop(shutdown.wait_for(|down| *down).await) } => {
            connection.as_mut().graceful_shutdown();
            tokio::select! {
                result = connection => trace(result),
                () = abort.notified() => {}
            }
        }
    }
}

fn trace(result: Result<(), hyper::Error>) {
    if let Err(error) = result {
        tracing::debug!(%error, "http connection ended");
    }
}

async fn answer(hub: &Arc<Hub>, abort: Arc<Notify>, request: Request<Incoming>) -> Answer {
    let text = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
    let origin = text(header::ORIGIN).map(str::to_owned);
    let asked = request.headers().get(header::ACCESS_CONTROL_REQUEST_HEADERS).cloned();
    let allowed = origin::is_allowed(origin.as_deref(), text(header::HOST), &hub.config().allowed_origins);
    let mut answer = if allowed { route(hub, abort, request).await } else { empty(StatusCode::FORBIDDEN) };
    let headers = answer.headers_mut();
    headers.insert(header::VARY, HeaderValue::from_static("Origin"));
    if let (true, Some(Ok(origin))) = (allowed, origin.map(HeaderValue::try_from)) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        if let Some(asked) = asked {
            headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, asked);
            headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("300"));
        }
    }
    answer
}

async fn route(hub: &Arc<Hub>, abort: Arc<Notify>, request: Request<Incoming>) -> Answer {
    match (request.uri().path(), request.method()) {
        ("/connection/websocket", _) => upgrade::upgrade(hub, request),
        ("/health", &Method::GET) => text(StatusCode::OK, "{}"),
        ("/connection/http_stream" | "/connection/sse" | "/emulation", &Method::OPTIONS) => {
            empty(StatusCode::OK)
        }
        ("/connection/http_stream", &Method::POST) => match body(hub, request).await {
            Ok(frame) => open_stream(hub, abort, Framing::Lines, &frame),
            Err(status) => empty(status),
        },
        ("/connection/sse", &Method::GET) => match connect_parameter(request.uri().query()) {
            Some(frame) => open_stream(hub, abort, Framing::Events, &frame),
            None => empty(StatusCode::BAD_REQUEST),
        },
        ("/connection/sse", &Method::POST) => match body(hub, request).await {
            Ok(frame) => open_stream(hub, abort, Framing::Events, &frame),
            Err(status) => empty(status),
        },
        ("/emulation", &Method::POST) => match body(hub, request).await {
            Ok(frame) => empty(emulate(hub, &frame)),
            Err(status) => empty(status),
        },
        ("/health" | "/connection/http_stream" | "/connection/sse" | "/emulation", _) => {
            empty(StatusCode::METHOD_NOT_ALLOWED)
        }
        _ => empty(StatusCode::NOT_FOUND),
    }
}

fn empty(status: StatusCode) -> Answer {
    text(status, "")
}

fn text(status: StatusCode, body: &'static str) -> Answer {
    let mut response =
        Response::new(http_body_util::Either::Left(Full::new(Bytes::from_static(body.as_bytes()))));
    *response.status_mut() = status;
    response
}

/// The whole body, if it is small and comes soon.
async fn body(hub: &Hub, request: Request<Incoming>) -> Result<Bytes, StatusCode> {
    let config = hub.config();
    let limited = Limited::new(request.into_body(), config.message_size_limit);
    match tokio::time::timeout(config.handshake_timeout, limited.collect()).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(StatusCode::PAYLOAD_TOO_LARGE),
        Ok(Err(_)) => Err(StatusCode::BAD_REQUEST),
        Err(_) => Err(StatusCode::REQUEST_TIMEOUT),
    }
}

#[derive(Deserialize)]
struct Emulation {
    #[serde(default)]
    session: String,
    #[serde(default)]
    node: String,
    /// The frame, as a string.
    #[serde(default)]
    data: String,
}

/// Feeds a frame to the session that it names. A session that is gone is no error: its stream has ended,
/// and the client sees that. Another node's is 404, which makes the client connect anew.
fn emulate(hub: &Hub, body: &[u8]) -> StatusCode {
    let Ok(request) = serde_json::from_slice::<Emulation>(body) else { return StatusCode::BAD_REQUEST };
    if request.node != hub.node.to_string() {
        return StatusCode::NOT_FOUND;
    }
    let session = Uuid::try_parse(&request.session).unwrap_or_default();
    if let Some(client) = hub.connections.by_session(session) {
        handle_frame(hub, &client, request.data.as_bytes());
    }
    StatusCode::NO_CONTENT
}

/// `cf_connect` of the query: the connect frame of an `EventSource`, which can only GET.
fn connect_parameter(query: Option<&str>) -> Option<Vec<u8>> {
    let value = query?.split('&').find_map(|pair| pair.strip_prefix("cf_connect="))?;
    (!value.is_empty()).then(|| percent_decode(value))
}

fn percent_decode(text: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let digit = |byte: u8| char::from(byte).to_digit(16);
        rest = match (*first, tail) {
            (b'%', [high, low, after @ ..]) if digit(*high).is_some() && digit(*low).is_some() => {
                let value = digit(*high).unwrap_or(0) * 16 + digit(*low).unwrap_or(0);
                out.push(value as u8);
                after
            }
            (b'+', _) => {
                out.push(b' ');
                tail
            }
            (byte, _) => {
                out.push(byte);
                tail
            }
        };
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_connect_parameter() {
        let value = |query: &str| connect_parameter(Some(query)).map(|v| String::from_utf8(v).unwrap());
        assert_eq!(value("a=b&cf_connect=%7B%22id%22%3A1%7D+x"), Some("{\"id\":1} x".into()));
        assert_eq!(value("cf_connect=100%"), Some("100%".into()));
        assert_eq!(value("cf_connect="), None);
        assert_eq!(connect_parameter(None), None);
    }
}
