//! Frames from clients, and the close frame.
//!
//! Decoding is a pure function of the bytes at hand; it unmasks in place. What RFC 6455 forbids (unmasked
//! or reserved, a fragmented or long control frame, a length that is not minimal) is an error, and a
//! length above the limit is one before any of the payload was read.

use bytes::Bytes;

use crate::codes::Disconnect;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Opcode {
    Continuation,
    Text,
    Binary,
    Close,
    Ping,
    Pong,
}

/// The header of a frame whose bytes are all there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    pub fin: bool,
    pub opcode: Opcode,
    /// Where the payload begins.
    pub start: usize,
    /// Where the frame ends.
    pub end: usize,
}

/// Decodes and unmasks the first frame of `input`; `None` if it is not complete.
pub(crate) fn decode(input: &mut [u8], limit: usize) -> Result<Option<Frame>, Disconnect> {
    let [first, second, rest @ ..] = &*input else { return Ok(None) };
    let (first, second) = (*first, *second);
    let opcode = match first & 0x0F {
        0x0 => Opcode::Continuation,
        0x1 => Opcode::Text,
        0x2 => Opcode::Binary,
        0x8 => Opcode::Close,
        0x9 => Opcode::Ping,
        0xA => Opcode::Pong,
        _ => return Err(Disconnect::PROTOCOL_ERROR),
    };
    let fin = first & 0x80 != 0;
    let control = first & 0x08 != 0;
    let short = usize::from(second & 0x7F);
    if first & 0x70 != 0 || second & 0x80 == 0 || (control && (!fin || short > 125)) {
        return Err(Disconnect::PROTOCOL_ERROR);
    }
    let (length, header) = match (short, rest) {
        (126, [a, b, ..]) => (u64::from(u16::from_be_bytes([*a, *b])), 4),
        (127, [a, b, c, d, e, f, g, h, ..]) => (u64::from_be_bytes([*a, *b, *c, *d, *e, *f, *g, *h]), 10),
        (126 | 127, _) => return Ok(None),
        (short, _) => (short as u64, 2),
    };
    if (short == 126 && length < 126) || (short == 127 && length <= u64::from(u16::MAX)) {
        return Err(Disconnect::PROTOCOL_ERROR);
    }
    let length = usize::try_from(length).ok().filter(|length| *length <= limit).ok_or(Disconnect::TOO_BIG)?;
    let start = header + 4;
    let end = start + length;
    if input.len() < end {
        return Ok(None);
    }
    let mask = [input[header], input[header + 1], input[header + 2], input[header + 3]];
    unmask(&mut input[start..end], mask);
    Ok(Some(Frame { fin, opcode, start, end }))
}

fn unmask(payload: &mut [u8], mask: [u8; 4]) {
    let wide = u64::from(u32::from_ne_bytes(mask)) * 0x1_0000_0001;
    let (chunks, rest) = payload.as_chunks_mut::<8>();
    for chunk in chunks {
        *chunk = (u64::from_ne_bytes(*chunk) ^ wide).to_ne_bytes();
    }
    for (byte, key) in rest.iter_mut().zip(mask.iter().cycle()) {
        *byte ^= key;
    }
}

/// Whether a close frame's payload is one that a client may send.
pub(crate) fn close_is_valid(payload: &[u8]) -> bool {
    match payload {
        [] => true,
        [_] => false,
        [a, b, reason @ ..] => {
            let code = u16::from_be_bytes([*a, *b]);
            let known = matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999);
            known && std::str::from_utf8(reason).is_ok()
        }
    }
}

/// A close frame of the server; `None` has no code.
pub(crate) fn close(reason: Option<&Disconnect>) -> Bytes {
    let Some(disconnect) = reason else { return Bytes::from_static(&[0x88, 0]) };
    let mut text: &str = &disconnect.reason;
    while text.len() > 123 {
        text = &text[..text.floor_char_boundary(text.len().min(124) - 1)];
    }
    control(0x88, &[&disconnect.code.to_be_bytes(), text.as_bytes()].concat())
}

/// The answer to a ping frame.
pub(crate) fn pong(payload: &[u8]) -> Bytes {
    control(0x8A, payload)
}

fn control(first: u8, payload: &[u8]) -> Bytes {
    let mut frame = Vec::with_capacity(2 + payload.len());
    frame.extend_from_slice(&[first, payload.len() as u8]);
    frame.extend_from_slice(payload);
    Bytes::from(frame)
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A frame as a client sends it.
    pub(crate) fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
        let mut frame = vec![first];
        match payload.len() {
            length @ 0..126 => frame.push(0x80 | length as u8),
            length @ 126..65_536 => {
                frame.push(0xFE);
                frame.extend_from_slice(&(length as u16).to_be_bytes());
            }
            length => {
                frame.push(0xFF);
                frame.extend_from_slice(&(length as u64).to_be_bytes());
            }
        }
        let mask = [0x12, 0x34, 0x56, 0x78];
        frame.extend_from_slice(&mask);
        frame.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, key)| byte ^ key));
        frame
    }

    #[test]
    fn lengths_of_every_form() {
        for length in [0usize, 1, 7, 8, 9, 125, 126, 65_535, 65_536] {
            let payload: Vec<u8> = (0..length).map(|i| i as u8).collect();
            let mut input = masked(0x82, &payload);
            for cut in [0, 1, 3, input.len() - 1] {
                assert_eq!(decode(&mut input.clone()[..cut], 1 << 20), Ok(None));
            }
            let frame = decode(&mut input, 1 << 20).unwrap().unwrap();
            assert_eq!((frame.fin, frame.opcode, frame.end), (true, Opcode::Binary, input.len()));
            assert_eq!(&input[frame.start..frame.end], payload);
        }
    }

    #[test]
    fn what_the_rfc_forbids() {
        for input in [
            &[0x81u8, 0x02, 1, 2][..],             // not masked
            &[0xC1, 0x80, 0, 0, 0, 0],             // a reserved bit
            &[0x83, 0x80, 0, 0, 0, 0],             // an unknown opcode
            &[0x09, 0x80, 0, 0, 0, 0],             // a fragmented ping
            &[0x89, 0xFE, 0, 126],                 // a long ping
            &[0x81, 0xFE, 0, 125],                 // not minimal
            &[0x81, 0xFF, 0, 0, 0, 0, 0, 0, 1, 1], // not minimal
        ] {
            assert_eq!(decode(&mut input.to_vec(), 1 << 20), Err(Disconnect::PROTOCOL_ERROR), "{input:x?}");
        }
        let huge = [0x81, 0xFF, 0xFF, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(decode(&mut huge.to_vec(), 1 << 20), Err(Disconnect::TOO_BIG));
    }

    #[test]
    fn close_frames() {
        assert!(close_is_valid(&[]) && close_is_valid(&[0x03, 0xE8]) && close_is_valid(&[0x0D, 0xAC, b'x']));
        for bad in [&[3u8][..], &[0x03, 0xED], &[0, 0], &[0x03, 0xE8, 0xFF]] {
            assert!(!close_is_valid(bad), "{bad:x?}");
        }
        let long = Disconnect::new(4000, "é".repeat(100));
        let frame = close(Some(&long));
        assert_eq!(usize::from(frame[1]), frame.len() - 2);
        assert!(frame.len() <= 127 && std::str::from_utf8(&frame[4..]).is_ok());
    }

    proptest! {
        #[test]
        fn hostile_bytes_never_panic(mut bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            if let Ok(Some(frame)) = decode(&mut bytes, 1024) {
                prop_assert!(frame.start <= frame.end && frame.end <= bytes.len());
            }
        }

        #[test]
        fn every_payload_survives(payload in proptest::collection::vec(any::<u8>(), 0..600)) {
            let mut input = masked(0x81, &payload);
            let frame = decode(&mut input, 1024).unwrap().unwrap();
            prop_assert_eq!(&input[frame.start..frame.end], &payload[..]);
        }
    }
}
