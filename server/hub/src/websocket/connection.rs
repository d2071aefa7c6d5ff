//! The task of one WebSocket: reads commands, writes what is queued, says goodbye.
//!
//! A hand-written future instead of `select!` over streams, because its size is what an idle connection
//! costs: a socket, two pointers and a few empty vectors.
//!
//! States: *open*; *closing* once the hub has given a reason (the close frame goes out after what was
//! queued, then we wait for the peer's, at most `close_timeout`); *done*. Whatever way it ends, `Drop`
//! leaves the channels and the registry.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::Future;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;

use super::frame::close;
use super::input::{Event, Input};
use crate::client::Client;
use crate::codes::Disconnect;
use crate::commands::handle_frame;
use crate::hub::Hub;
use crate::outbound::Drained;
use crate::protocol::message::Framing;
use crate::stats::add;

/// Bytes read at once, per worker thread.
const READ: usize = 65_536;
/// Messages and bytes written at once.
const PIECES: usize = 64;
const WRITE: usize = 65_536;
/// Reads before other tasks get their turn.
const READS: usize = 8;

thread_local! {
    static SCRATCH: RefCell<Vec<u8>> = RefCell::new(vec![0; READ]);
    static BATCH: RefCell<Vec<Bytes>> = RefCell::new(Vec::with_capacity(PIECES));
}

pub(crate) struct Connection {
    stream: TcpStream,
    hub: Arc<Hub>,
    client: Arc<Client>,
    input: Input,
    /// What the socket did not take.
    unsent: VecDeque<Bytes>,
    phase: Phase,
    _permit: OwnedSemaphorePermit,
}

enum Read {
    Some,
    None,
    Over,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Open,
    /// Our close frame is on its way; what the peer says no longer matters.
    Closing,
    /// The peer's close frame came: finish as soon as everything is written.
    Answered,
}

impl Connection {
    /// Takes over a socket after the handshake; `first` are bytes that came with it.
    pub fn new(stream: TcpStream, hub: Arc<Hub>, permit: OwnedSemaphorePermit, first: &mut [u8]) -> Self {
        let client = hub.open(Framing::WebSocket);
        let mut connection = Self {
            stream,
            hub,
            client,
            input: Input::default(),
            unsent: VecDeque::new(),
            phase: Phase::Open,
            _permit: permit,
        };
        connection.feed(first);
        connection
    }

    fn feed(&mut self, bytes: &mut [u8]) {
        let Self { hub, client, input, unsent, phase, .. } = self;
        add(&hub.counters.bytes_received, bytes.len() as u64);
        if *phase == Phase::Answered {
            return;
        }
        let open = *phase == Phase::Open;
        let result = input.feed(bytes, hub.config().message_size_limit, &mut |event| match event {
            Event::Message(message) => {
                if open {
                    handle_frame(hub, client, message);
                }
                true
            }
            Event::Answer(frame) => {
                // Bounded by what one read holds: reading stops while the socket takes nothing.
                if open {
                    unsent.push_back(frame);
                }
                true
            }
            Event::Closed => {
                if open {
                    unsent.push_back(close(None));
                }
                *phase = Phase::Answered;
                client.close(Disconnect::CONNECTION_CLOSED);
                false
            }
        });
        if let Err(disconnect) = result {
            client.close(disconnect);
            *input = Input::default();
            if !open {
                *phase = Phase::Answered;
            }
        }
    }

    /// Reads until the socket is empty. Ready means that the connection is over.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        for _ in 0..READS {
            let read = SCRATCH.with_borrow_mut(|scratch| {
                // Not `try_read`: a short read tells this that the socket is empty, without asking again.
                let mut buffer = ReadBuf::new(scratch);
                let read = Pin::new(&mut self.stream).poll_read(cx, &mut buffer);
                let bytes = buffer.filled_mut();
                match read {
                    Poll::Ready(Ok(())) if !bytes.is_empty() => {
                        self.feed(bytes);
                        Read::Some
                    }
                    Poll::Ready(_) => Read::Over,
                    Poll::Pending => Read::None,
                }
            });
            match read {
                Read::Some => {}
                Read::None => return Poll::Pending,
                Read::Over => return Poll::Ready(()),
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Writes all that is queued. Ready means that the connection is over.
    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            if !self.unsent.is_empty() {
                match self.write_unsent() {
                    Ok(()) => continue,
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    Err(_) => return Poll::Ready(()),
                }
                if self.client.outbound.watch(cx) {
                    return Poll::Ready(());
                }
                match self.stream.poll_write_ready(cx) {
                    Poll::Ready(Ok(())) => continue,
                    Poll::Ready(Err(_)) => return Poll::Ready(()),
                    Poll::Pending => return Poll::Pending,
                }
            }
            if self.phase == Phase::Answered {
                return Poll::Ready(());
            }
            let drained = BATCH.with_borrow_mut(|batch| {
                batch.clear();
                let drained = self.client.outbound.drain(cx, batch, PIECES, WRITE);
                if drained == Drained::Messages
                    && let Err(error) = write(&self.stream, batch, &self.hub)
                {
                    if error.kind() != io::ErrorKind::WouldBlock {
                        return Drained::Killed;
                    }
                    self.unsent.extend(batch.drain(..));
                }
                batch.clear();
                drained
            });
            match drained {
                Drained::Messages => {}
                Drained::Killed => return Poll::Ready(()),
                Drained::Empty => return Poll::Pending,
                Drained::Closing(reason) => match self.phase {
                    Phase::Open => {
                        self.unsent.push_back(close(Some(&reason)));
                        self.phase = Phase::Closing;
                    }
                    Phase::Closing | Phase::Answered => return Poll::Pending,
                },
            }
        }
    }

    /// Writes once; what was taken leaves `unsent`.
    fn write_unsent(&mut self) -> io::Result<()> {
        BATCH.with_borrow_mut(|batch| {
            batch.clear();
            batch.extend(self.unsent.drain(..self.unsent.len().min(PIECES)));
            let result = write(&self.stream, batch, &self.hub);
            for rest in batch.drain(..).rev() {
                self.unsent.push_front(rest);
            }
            if self.unsent.is_empty() {
                self.unsent = VecDeque::new();
            }
            result
        })
    }
}

/// Writes once, all pieces in one call; what was taken leaves `batch`. A socket that took a part only is
/// full: `WouldBlock`.
fn write(stream: &TcpStream, batch: &mut Vec<Bytes>, hub: &Hub) -> io::Result<()> {
    let mut written = if let [single] = batch.as_slice() {
        stream.try_write(single)?
    } else {
        let mut slices = [IoSlice::new(&[]); PIECES];
        for (slice, piece) in slices.iter_mut().zip(batch.iter()) {
            *slice = IoSlice::new(piece);
        }
        stream.try_write_vectored(&slices[..batch.len().min(PIECES)])?
    };
    add(&hub.counters.bytes_sent, written as u64);
    let whole = batch.iter().take_while(|piece| {
        let fits = piece.len() <= written;
        written -= if fits { piece.len() } else { 0 };
        fits
    });
    let whole = whole.count();
    batch.drain(..whole);
    match batch.first_mut() {
        None => Ok(()),
        Some(first) => {
            first.advance(written);
            Err(io::ErrorKind::WouldBlock.into())
        }
    }
}

impl Future for Connection {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        // A peer that reads nothing and sends pings all the same waits with them: its answers are not
        // collected here without end.
        let reading = this.unsent.len() < PIECES;
        if reading && this.poll_read(cx).is_ready() {
            return Poll::Ready(());
        }
        let written = this.poll_write(cx);
        if !reading && this.unsent.len() < PIECES {
            cx.waker().wake_by_ref();
        }
        if this.client.outbound.is_closing() {
            this.hub.detach(&this.client);
        }
        written
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.hub.forget(&self.client);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_idle_connection_is_small() {
        assert!(size_of::<Connection>() <= 192, "{}", size_of::<Connection>());
        assert!(size_of::<Client>() <= 448, "{}", size_of::<Client>());
    }
}
