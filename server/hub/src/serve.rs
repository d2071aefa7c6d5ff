//! Accepting sockets, and letting go of them.
//!
//! A socket is first a *handshake* task with a deadline; it becomes a small WebSocket task or an HTTP
//! task. A permit per socket is both the limit of connections and the way to wait for the last to end.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use httparse::EMPTY_HEADER;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

use crate::codes::Disconnect;
use crate::http::head::{self, MAX_HEADERS};
use crate::http::{self, origin};
use crate::hub::Hub;
use crate::stats::add;
use crate::task::spawn;
use crate::timer::TICK;
use crate::websocket::connection::Connection;
use crate::websocket::handshake;

/// Bytes of a request's head.
const MAX_HEAD: usize = 16_384;
/// Connections that the kernel keeps until we accept them: everybody reconnects after a restart.
const BACKLOG: u32 = 4096;
/// What a typical head needs.
const HEAD: usize = 2048;

/// Binds a listener with a backlog for many clients that come at once.
///
/// # Errors
/// Those of the operating system: the port is taken, the address is not ours.
pub fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// What a socket turned out to be.
enum Handshake {
    WebSocket { answer: Vec<u8>, head: usize },
    Http,
    Refused(u16, &'static str),
}

impl Hub {
    /// Serves clients until `shutdown` resolves; then tells all of them to come back later (3001) and
    /// waits for them to go, at most `close_timeout`. Returns early only if the listener breaks.
    ///
    /// # Errors
    /// Never for a single connection; only if the listener's local address is lost.
    pub async fn serve(
        self: Arc<Self>,
        listener: TcpListener,
        shutdown: impl Future<Output = ()>,
    ) -> io::Result<()> {
        tracing::info!(address = %listener.local_addr()?, "realtime hub listens");
        let mut shutdown = pin!(shutdown);
        let mut ticks = interval(Duration::from_millis(TICK));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            tokio::select! {
                biased;
                () = &mut shutdown => break,
                _ = ticks.tick() => self.tick(),
                accepted = listener.accept() => match accepted {
                    Ok((socket, _)) => self.accept(socket),
                    Err(error) => {
                        // Out of file descriptors, most likely: accepting again at once would spin.
                        tracing::warn!(%error, "cannot accept a connection");
                        sleep(Duration::from_millis(50)).await;
                    }
                },
            }
        }
        drop(listener);
        self.shutdown.send_replace(true);
        for client in self.connections.all() {
            client.close(Disconnect::SHUTDOWN);
        }
        let most = u32::try_from(self.config().max_connections).unwrap_or(u32::MAX);
        let mut gone = pin!(timeout(self.config().close_timeout, self.permits.acquire_many(most)));
        loop {
            tokio::select! {
                _ = &mut gone => return Ok(()),
                _ = ticks.tick() => self.tick(),
            }
        }
    }

    fn accept(self: &Arc<Self>, socket: TcpStream) {
        add(&self.counters.accepted, 1);
        // Small messages are the rule, and each is complete: do not wait for more to send.
        if socket.set_nodelay(true).is_err() {
            return;
        }
        let hub = Arc::clone(self);
        match Arc::clone(&self.permits).try_acquire_owned() {
            Ok(permit) => drop(spawn(hub.welcome(socket, permit))),
            Err(_) => {
                add(&self.counters.refused, 1);
                drop(spawn(async move {
                    let deadline = hub.config().handshake_timeout;
                    drop(timeout(deadline, refuse(socket, 503, "too many connections")).await);
                }));
            }
        }
    }

    async fn welcome(self: Arc<Self>, mut socket: TcpStream, permit: OwnedSemaphorePermit) {
        let deadline = self.config().handshake_timeout;
        let mut buffer = Vec::with_capacity(HEAD);
        let Ok(Ok(handshake)) = timeout(deadline, self.read_head(&socket, &mut buffer)).await else { return };
        match handshake {
            Handshake::WebSocket { answer, head } => {
                if matches!(timeout(deadline, socket.write_all(&answer)).await, Ok(Ok(()))) {
                    drop(spawn(Connection::new(socket, self, permit, &mut buffer[head..])));
                }
            }
            Handshake::Http => drop(spawn(http::serve(self, socket, permit, buffer))),
            Handshake::Refused(status, text) => drop(timeout(deadline, refuse(socket, status, text)).await),
        }
    }

    async fn read_head(&self, socket: &TcpStream, buffer: &mut Vec<u8>) -> io::Result<Handshake> {
        loop {
            socket.readable().await?;
            match socket.try_read_buf(buffer) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
                Err(error) => return Err(error),
            }
            let mut storage = [EMPTY_HEADER; MAX_HEADERS];
            let (head, length) = match head::parse(buffer, &mut storage) {
                Ok(Some(parsed)) => parsed,
                Ok(None) if buffer.len() < MAX_HEAD => continue,
                Ok(None) => return Ok(Handshake::Refused(431, "the request's head is too large")),
                Err(_) => return Ok(Handshake::Refused(400, "not an HTTP request")),
            };
            if head.path != "/connection/websocket" {
                return Ok(Handshake::Http);
            }
            if !origin::is_allowed(head.origin, head.host, &self.config().allowed_origins) {
                return Ok(Handshake::Refused(403, "this origin is not allowed"));
            }
            return Ok(match handshake::accept(&head) {
                Ok(accepted) => Handshake::WebSocket { answer: accepted.answer(), head: length },
                Err((status, text)) => Handshake::Refused(status, text),
            });
        }
    }
}

async fn refuse(mut socket: TcpStream, status: u16, text: &str) -> io::Result<()> {
    let phrase = match status {
        400 => "Bad Request",
        403 => "Forbidden",
        426 => "Upgrade Required\r\nSec-WebSocket-Version: 13",
        431 => "Request Header Fields Too Large",
        _ => "Service Unavailable",
    };
    let answer = format!(
        "HTTP/1.1 {status} {phrase}\r\nContent-Type: text/plain\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{text}",
        text.len()
    );
    socket.write_all(answer.as_bytes()).await?;
    socket.shutdown().await
}
