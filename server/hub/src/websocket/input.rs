//! From bytes to messages: cuts the byte stream into frames, joins fragments, answers control frames.

use bytes::Bytes;

use super::frame::{Opcode, close_is_valid, decode, pong};
use crate::codes::Disconnect;

/// What is kept of a connection's input between two reads; nothing, as a rule.
#[derive(Default)]
pub(crate) struct Input {
    /// The beginning of a frame that has not come whole.
    partial: Vec<u8>,
    /// A message in fragments.
    fragments: Option<Box<Fragments>>,
}

struct Fragments {
    text: bool,
    payload: Vec<u8>,
}

/// Something that the connection must react to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Event<'a> {
    /// A whole message.
    Message(&'a [u8]),
    /// A frame to send back.
    Answer(Bytes),
    /// The peer says goodbye.
    Closed,
}

impl Input {
    /// Feeds bytes that were read. `react` returns whether to go on.
    pub fn feed(
        &mut self,
        bytes: &mut [u8],
        limit: usize,
        react: &mut dyn FnMut(Event<'_>) -> bool,
    ) -> Result<(), Disconnect> {
        if self.partial.is_empty() {
            let used = self.consume(bytes, limit, react)?;
            self.partial.extend_from_slice(&bytes[used..]);
            return Ok(());
        }
        let mut buffer = std::mem::take(&mut self.partial);
        buffer.extend_from_slice(bytes);
        let used = self.consume(&mut buffer, limit, react)?;
        if used < buffer.len() {
            buffer.drain(..used);
            self.partial = buffer;
        }
        Ok(())
    }

    /// Returns how many bytes were used.
    fn consume(
        &mut self,
        bytes: &mut [u8],
        limit: usize,
        react: &mut dyn FnMut(Event<'_>) -> bool,
    ) -> Result<usize, Disconnect> {
        let mut used = 0;
        while let Some(frame) = decode(&mut bytes[used..], limit)? {
            let payload = &bytes[used + frame.start..used + frame.end];
            used += frame.end;
            let proceed = match (frame.opcode, &mut self.fragments) {
                (Opcode::Ping, _) => react(Event::Answer(pong(payload))),
                (Opcode::Pong, _) => true,
                (Opcode::Close, _) if close_is_valid(payload) => react(Event::Closed),
                (Opcode::Text | Opcode::Binary, None) => {
                    let text = frame.opcode == Opcode::Text;
                    if frame.fin {
                        message(text, payload, react)?
                    } else {
                        self.fragments = Some(Box::new(Fragments { text, payload: payload.to_vec() }));
                        true
                    }
                }
                (Opcode::Continuation, Some(fragments)) => {
                    if fragments.payload.len() + payload.len() > limit {
                        return Err(Disconnect::TOO_BIG);
                    }
                    fragments.payload.extend_from_slice(payload);
                    match self.fragments.take_if(|_| frame.fin) {
                        Some(whole) => message(whole.text, &whole.payload, react)?,
                        None => true,
                    }
                }
                _ => return Err(Disconnect::PROTOCOL_ERROR),
            };
            if !proceed {
                return Ok(bytes.len());
            }
        }
        Ok(used)
    }

    #[cfg(test)]
    fn is_idle(&self) -> bool {
        self.partial.capacity() == 0 && self.fragments.is_none()
    }
}

fn message(text: bool, payload: &[u8], react: &mut dyn FnMut(Event<'_>) -> bool) -> Result<bool, Disconnect> {
    if text && std::str::from_utf8(payload).is_err() {
        return Err(Disconnect::INVALID_PAYLOAD);
    }
    Ok(react(Event::Message(payload)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::frame::tests::masked;
    use super::*;

    fn feed(input: &mut Input, bytes: &[u8]) -> Result<Vec<String>, Disconnect> {
        let mut events = Vec::new();
        input.feed(&mut bytes.to_vec(), 1000, &mut |event| {
            events.push(match event {
                Event::Message(payload) => String::from_utf8_lossy(payload).into_owned(),
                Event::Answer(_) => "answer".into(),
                Event::Closed => "closed".into(),
            });
            true
        })?;
        Ok(events)
    }

    #[test]
    fn a_message_byte_by_byte_leaves_nothing_behind() {
        let mut input = Input::default();
        let frames = [masked(0x81, b"one"), masked(0x81, b"two")].concat();
        let events: Vec<String> =
            frames.iter().flat_map(|byte| feed(&mut input, &[*byte]).unwrap()).collect();
        assert_eq!(events, ["one", "two"]);
        assert!(input.is_idle());
    }

    #[test]
    fn fragments_with_a_ping_between() {
        let mut input = Input::default();
        let frames =
            [masked(0x01, b"he"), masked(0x89, b"p"), masked(0x00, b"l"), masked(0x80, b"lo")].concat();
        assert_eq!(feed(&mut input, &frames).unwrap(), ["answer", "hello"]);
        assert!(input.is_idle());
    }

    #[test]
    fn broken_sequences() {
        for (frames, expected) in [
            (vec![masked(0x80, b"x")], Disconnect::PROTOCOL_ERROR),
            (vec![masked(0x01, b"x"), masked(0x81, b"y")], Disconnect::PROTOCOL_ERROR),
            (vec![masked(0x81, &[0xFF])], Disconnect::INVALID_PAYLOAD),
            (vec![masked(0x01, &[b'x'; 600]), masked(0x80, &[b'x'; 600])], Disconnect::TOO_BIG),
            (vec![masked(0x81, &[b'x'; 1001])], Disconnect::TOO_BIG),
            (vec![masked(0x88, &[1])], Disconnect::PROTOCOL_ERROR),
        ] {
            assert_eq!(feed(&mut Input::default(), &frames.concat()), Err(expected));
        }
    }

    proptest! {
        #[test]
        fn any_cut_gives_the_same_messages(payloads in proptest::collection::vec("[a-z]{0,200}", 0..5), step in 1usize..50) {
            let frames: Vec<u8> = payloads.iter().flat_map(|p| masked(0x81, p.as_bytes())).collect();
            let mut input = Input::default();
            let events: Vec<String> = frames.chunks(step).flat_map(|chunk| feed(&mut input, chunk).unwrap()).collect();
            prop_assert_eq!(events, payloads);
        }
    }
}
