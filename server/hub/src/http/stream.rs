//! A response that does not end: the server's side of an emulated connection.
//!
//! hyper asks for the next piece only while the socket takes them; what queues meanwhile is bounded as
//! for a WebSocket. There is no close frame, so the reason of a disconnect goes out as a push.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body_util::Either;
use hyper::Response;
use hyper::body::{Body, Frame};
use hyper::header::{self, HeaderName, HeaderValue};
use tokio::sync::Notify;

use super::Answer;
use crate::client::Client;
use crate::codes::Disconnect;
use crate::commands::handle_frame;
use crate::hub::Hub;
use crate::outbound::Drained;
use crate::protocol::message::Framing;
use crate::protocol::reply;
use crate::stats::add;

/// Messages and bytes handed to hyper at once.
const PIECES: usize = 64;
const BYTES: usize = 16_384;

pub(crate) struct Stream {
    hub: Arc<Hub>,
    client: Arc<Client>,
    /// Sent before anything else: it makes proxies and browsers pass on the head.
    greeting: Option<Bytes>,
    ended: bool,
}

/// Opens a connection with its first frame, which should be the connect command.
pub(super) fn open_stream(hub: &Arc<Hub>, abort: Arc<Notify>, framing: Framing, frame: &[u8]) -> Answer {
    let client = hub.open(framing);
    // The first of a keep-alive socket; a socket has one endless response only.
    let set = client.abort.set(abort);
    debug_assert!(set.is_ok());
    handle_frame(hub, &client, frame);
    let (greeting, kind) = match framing {
        Framing::Events => (Some(Bytes::from_static(b"\r\n")), "text/event-stream; charset=utf-8"),
        _ => (None, "text/plain; charset=utf-8"),
    };
    let mut response =
        Response::new(Either::Right(Stream { hub: Arc::clone(hub), client, greeting, ended: false }));
    for (name, value) in [
        (header::CONTENT_TYPE, kind),
        (header::CACHE_CONTROL, "private, no-cache, no-store, must-revalidate, max-age=0"),
        (header::PRAGMA, "no-cache"),
        // nginx would collect the response before passing it on.
        (HeaderName::from_static("x-accel-buffering"), "no"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

impl Body for Stream {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let this = self.get_mut();
        if this.ended {
            return Poll::Ready(None);
        }
        if let Some(greeting) = this.greeting.take() {
            return Poll::Ready(Some(Ok(Frame::data(greeting))));
        }
        let mut batch = Vec::new();
        let bytes = match this.client.outbound.drain(cx, &mut batch, PIECES, BYTES) {
            Drained::Empty => return Poll::Pending,
            Drained::Messages if batch.len() == 1 => batch.pop().unwrap_or_default(),
            Drained::Messages => Bytes::from(batch.concat()),
            Drained::Killed => {
                this.ended = true;
                return Poll::Ready(None);
            }
            Drained::Closing(reason) => {
                this.ended = true;
                this.hub.detach(&this.client);
                if reason == Disconnect::CONNECTION_CLOSED {
                    return Poll::Ready(None);
                }
                reply::disconnect(&reason).framed(this.client.framing)
            }
        };
        add(&this.hub.counters.bytes_sent, bytes.len() as u64);
        Poll::Ready(Some(Ok(Frame::data(bytes))))
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.hub.forget(&self.client);
    }
}
