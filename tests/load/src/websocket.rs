//! A minimal WebSocket client (RFC 6455): the handshake, whole text frames, pings.
//!
//! It announces no extension, so frames are neither compressed nor, by the servers measured here, fragmented.

use anyhow::{Context, Result, bail, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::http::{self, parse_head};

/// Bytes of the buffer of a busy connection, unless longer frames come.
const BUFFER: usize = 16 * 1024;
/// Bytes of a frame that are believed.
const LONGEST: usize = 4 * 1024 * 1024;

/// What a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Text,
    Close,
    Ping,
    Pong,
}

/// An open WebSocket with the bytes that were read from it.
pub struct WebSocket {
    stream: TcpStream,
    input: Vec<u8>,
    start: usize,
    end: usize,
}

impl WebSocket {
    /// Connects to `ws://host:port/path`.
    pub async fn connect(url: &str) -> Result<Self> {
        let (address, path) = http::split_url(url)?;
        let stream = TcpStream::connect(address).await.with_context(|| format!("connecting to {address}"))?;
        stream.set_nodelay(true)?;
        // A small buffer first: ten thousand idle connections hold one each.
        let mut socket = Self { stream, input: vec![0; 1024], start: 0, end: 0 };
        let headers = [
            "Connection: Upgrade",
            "Upgrade: websocket",
            "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Key: cGFybG9yLWxvYWQtMDAwMQ==",
        ];
        let hello = http::request("GET", address, path, &headers, b"");
        socket.stream.write_all(&hello).await?;
        loop {
            socket.fill().await?;
            if let Some(head) = parse_head(&socket.input[..socket.end])? {
                ensure!(head.status == 101, "{url} answered {} instead of 101", head.status);
                socket.start = head.length;
                return Ok(socket);
            }
        }
    }

    /// Sends a text frame.
    pub async fn send(&mut self, text: &str) -> Result<()> {
        let mut frame = Vec::with_capacity(text.len() + 14);
        write_frame(&mut frame, Kind::Text, text.as_bytes());
        Ok(self.stream.write_all(&frame).await?)
    }

    /// Answers a ping.
    pub async fn pong(&mut self) -> Result<()> {
        let mut frame = Vec::new();
        write_frame(&mut frame, Kind::Pong, b"");
        Ok(self.stream.write_all(&frame).await?)
    }

    /// The next frame among the bytes that were read already.
    pub fn next(&mut self) -> Result<Option<(Kind, &[u8])>> {
        let Some(frame) = parse_frame(&self.input[self.start..self.end])? else { return Ok(None) };
        let payload = self.start + frame.head..self.start + frame.head + frame.payload;
        self.start = payload.end;
        Ok(Some((frame.kind, &self.input[payload])))
    }

    /// Waits for more bytes.
    pub async fn fill(&mut self) -> Result<()> {
        self.input.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        if self.end == self.input.len() {
            ensure!(self.end < LONGEST, "the server sends a frame that is too long");
            self.input.resize(self.end * 2, 0);
        }
        let read = self.stream.read(&mut self.input[self.end..]).await?;
        ensure!(read > 0, "the server closed the connection");
        self.end += read;
        if self.end == self.input.len() && self.end < BUFFER {
            // More is coming than an idle connection gets: fewer and longer reads from now on.
            self.input.resize(BUFFER, 0);
        }
        Ok(())
    }
}

/// Where a frame's payload is, counted from its first byte.
#[derive(Debug, PartialEq)]
struct Frame {
    kind: Kind,
    head: usize,
    payload: usize,
}

/// The frame at the beginning of `input`; `None` while it is incomplete.
fn parse_frame(input: &[u8]) -> Result<Option<Frame>> {
    let [first, second, rest @ ..] = input else { return Ok(None) };
    let kind = match first {
        0x81 => Kind::Text,
        0x88 => Kind::Close,
        0x89 => Kind::Ping,
        0x8a => Kind::Pong,
        other => bail!("a frame that begins with {other:#x} is not expected here"),
    };
    let (head, payload) = match (second, rest) {
        (0x80.., _) => bail!("the server masks its frames"),
        (126, [a, b, ..]) => (4, u64::from(u16::from_be_bytes([*a, *b]))),
        (127, [a, b, c, d, e, f, g, h, ..]) => (10, u64::from_be_bytes([*a, *b, *c, *d, *e, *f, *g, *h])),
        (126 | 127, _) => return Ok(None),
        (short, _) => (2, u64::from(*short)),
    };
    let payload = usize::try_from(payload)?;
    ensure!(payload <= LONGEST, "the server sends a frame that is too long");
    Ok((input.len() >= head + payload).then_some(Frame { kind, head, payload }))
}

/// Appends a masked frame. The mask of zeros is a mask; a random one would protect proxies, of which there are none.
fn write_frame(out: &mut Vec<u8>, kind: Kind, payload: &[u8]) {
    out.push(match kind {
        Kind::Text => 0x81,
        Kind::Close => 0x88,
        Kind::Ping => 0x89,
        Kind::Pong => 0x8a,
    });
    match payload.len() {
        short @ 0..=125 => out.push(0x80 | short as u8),
        long @ 126..=0xffff => {
            out.push(0x80 | 126);
            out.extend_from_slice(&(long as u16).to_be_bytes());
        }
        longer => {
            out.push(0x80 | 127);
            out.extend_from_slice(&(longer as u64).to_be_bytes());
        }
    }
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(payload);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_of_every_length_form_are_read_once_complete() {
        for (payload, head) in [(0, 2), (125, 2), (126, 4), (65_535, 4), (65_536, 10)] {
            let mut masked = Vec::new();
            write_frame(&mut masked, Kind::Text, &vec![b'x'; payload]);
            // What a server would send: the same without the mask.
            let mut frame = masked[..head].to_vec();
            frame[1] &= 0x7f;
            frame.extend_from_slice(&masked[head + 4..]);
            let complete = frame.len();
            frame.extend_from_slice(b"\x89\x00");
            assert_eq!(parse_frame(&frame).unwrap(), Some(Frame { kind: Kind::Text, head, payload }));
            for end in [0, 1, head - 1, complete - 1] {
                assert_eq!(
                    parse_frame(&frame[..end.min(complete - 1)]).unwrap(),
                    None,
                    "{end} of {complete}"
                );
            }
        }
    }

    #[test]
    fn what_this_client_cannot_read_is_an_error() {
        for bad in [&[0x01, 1, b'a'][..], &[0x82, 0], &[0x81, 0x81, 0, 0, 0, 0, 0], &[0xc1, 1, b'a']] {
            assert!(parse_frame(bad).is_err(), "{bad:x?}");
        }
    }
}
