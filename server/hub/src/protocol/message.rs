//! One message to clients, in the framing of each transport.
//!
//! A publication to 10,000 subscribers is encoded once: [`Message`] holds the finished WebSocket frame,
//! and subscribers share it by reference count. The two HTTP framings are made from the same bytes, only
//! if somebody needs them. A publication's JSON in the history is a slice of that same allocation.

use std::cell::OnceCell;
use std::ops::Range;

use bytes::Bytes;

/// How a transport delimits messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    /// A text frame (RFC 6455 section 5.2), unmasked as a server must.
    WebSocket,
    /// JSON and a newline.
    Lines,
    /// A server-sent event.
    Events,
}

impl Framing {
    /// The server's ping: an empty reply.
    pub fn ping(self) -> Bytes {
        Bytes::from_static(match self {
            Self::WebSocket => b"\x81\x02{}",
            Self::Lines => b"{}\n",
            Self::Events => b"data: {}\n\n",
        })
    }
}

/// Room for the longest header of an unmasked frame.
const HEADER: usize = 10;
const TEXT_FIN: u8 = 0x81;

/// Collects the JSON of one message behind room for its frame header.
pub(crate) struct Draft {
    buffer: Vec<u8>,
}

impl Draft {
    pub fn with_capacity(json: usize) -> Self {
        let mut buffer = Vec::with_capacity(HEADER + json);
        buffer.resize(HEADER, 0);
        Self { buffer }
    }

    /// Where the next byte goes, for [`Message::slice`].
    pub fn position(&self) -> usize {
        self.buffer.len()
    }

    pub fn json(&mut self) -> &mut Vec<u8> {
        &mut self.buffer
    }

    pub fn finish(mut self) -> Message {
        let length = self.buffer.len() - HEADER;
        let mut header = [0u8; HEADER];
        header[0] = TEXT_FIN;
        let used = if length < 126 {
            header[1] = length as u8;
            2
        } else if let Ok(length) = u16::try_from(length) {
            header[1] = 126;
            header[2..4].copy_from_slice(&length.to_be_bytes());
            4
        } else {
            header[1] = 127;
            header[2..10].copy_from_slice(&(length as u64).to_be_bytes());
            10
        };
        let start = HEADER - used;
        self.buffer[start..HEADER].copy_from_slice(&header[..used]);
        let whole = Bytes::from(self.buffer);
        Message { frame: whole.slice(start..), whole, lines: OnceCell::new(), events: OnceCell::new() }
    }
}

/// A finished message; cheap to hand to many clients.
pub(crate) struct Message {
    whole: Bytes,
    frame: Bytes,
    lines: OnceCell<Bytes>,
    events: OnceCell<Bytes>,
}

impl Message {
    pub fn framed(&self, framing: Framing) -> Bytes {
        match framing {
            Framing::WebSocket => self.frame.clone(),
            Framing::Lines => self.lines.get_or_init(|| self.wrap(b"", b"\n")).clone(),
            Framing::Events => self.events.get_or_init(|| self.wrap(b"data: ", b"\n\n")).clone(),
        }
    }

    /// A part of the JSON, between two [`Draft::position`]s, sharing the allocation.
    pub fn slice(&self, range: Range<usize>) -> Bytes {
        self.whole.slice(range)
    }

    fn wrap(&self, before: &[u8], after: &[u8]) -> Bytes {
        let json = &self.whole[HEADER..];
        let mut out = Vec::with_capacity(before.len() + json.len() + after.len());
        out.extend_from_slice(before);
        out.extend_from_slice(json);
        out.extend_from_slice(after);
        Bytes::from(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_message_in_three_framings() {
        for length in [2usize, 125, 126, 65_535, 65_536] {
            let mut draft = Draft::with_capacity(length);
            draft.json().extend(std::iter::repeat_n(b'x', length));
            let message = draft.finish();
            let frame = message.framed(Framing::WebSocket);
            let header = frame.len() - length;
            assert_eq!(
                header,
                if length < 126 {
                    2
                } else if length < 65_536 {
                    4
                } else {
                    10
                }
            );
            assert_eq!(frame[0], 0x81);
            assert!(frame[header..].iter().all(|b| *b == b'x'));
            assert_eq!(message.framed(Framing::Lines).len(), length + 1);
            assert!(message.framed(Framing::Events).starts_with(b"data: x"));
            assert!(message.framed(Framing::Events).ends_with(b"x\n\n"));
        }
    }
}
