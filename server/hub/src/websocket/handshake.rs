//! The opening handshake (RFC 6455 section 4.2).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest, Sha1};

use crate::http::head::Head;

const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// A handshake that was accepted.
pub(crate) struct Accepted {
    key: String,
    protocol: bool,
}

impl Accepted {
    /// Headers of the answer, which has status 101.
    pub fn headers(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let protocol = self.protocol.then_some(("sec-websocket-protocol", "centrifuge-json"));
        [("upgrade", "websocket"), ("connection", "Upgrade"), ("sec-websocket-accept", self.key.as_str())]
            .into_iter()
            .chain(protocol)
    }

    /// The whole answer.
    pub fn answer(&self) -> Vec<u8> {
        let mut answer = b"HTTP/1.1 101 Switching Protocols\r\n".to_vec();
        for (name, value) in self.headers() {
            answer.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
        }
        answer.extend_from_slice(b"\r\n");
        answer
    }
}

/// Checks an upgrade request; returns the answer, or the status and text that refuse it.
pub(crate) fn accept(head: &Head<'_>) -> Result<Accepted, (u16, &'static str)> {
    if head.method != "GET" || !head.websocket {
        return Err((400, "a WebSocket handshake is expected here"));
    }
    if head.version != Some("13") {
        return Err((426, "only WebSocket version 13 is spoken here"));
    }
    let key = head.key.filter(|key| STANDARD.decode(key).is_ok_and(|nonce| nonce.len() == 16));
    let Some(key) = key else { return Err((400, "Sec-WebSocket-Key is missing or malformed")) };
    let protocol = head.protocols.contains(&"centrifuge-json");
    if !protocol && head.protocols.contains(&"centrifuge-protobuf") {
        return Err((400, "centrifuge-protobuf is not offered: use centrifuge-json or no subprotocol"));
    }
    let key = STANDARD.encode(Sha1::new().chain_update(key.as_bytes()).chain_update(GUID).finalize());
    Ok(Accepted { key, protocol })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::head::parse;

    fn answer(headers: &str) -> Result<String, (u16, &'static str)> {
        let request = format!("GET /connection/websocket HTTP/1.1\r\nHost: x\r\n{headers}\r\n");
        let mut storage = [httparse::EMPTY_HEADER; 64];
        let (head, _) = parse(request.as_bytes(), &mut storage).unwrap().unwrap();
        accept(&head).map(|accepted| String::from_utf8(accepted.answer()).unwrap())
    }

    const GOOD: &str = "Upgrade: WebSocket\r\nConnection: keep-alive, Upgrade\r\nSec-WebSocket-Version: 13\r\n\
                        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

    #[test]
    fn the_example_of_the_rfc() {
        let answer = answer(GOOD).unwrap();
        assert!(answer.contains("sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"));
        assert!(answer.ends_with("\r\n\r\n"));
    }

    #[test]
    fn subprotocols() {
        let with = |protocols: &str| answer(&format!("{GOOD}Sec-WebSocket-Protocol: {protocols}\r\n"));
        assert!(with("x, centrifuge-json").unwrap().contains("protocol: centrifuge-json"));
        assert!(with("centrifuge-protobuf, centrifuge-json").unwrap().contains("protocol: centrifuge-json"));
        assert_eq!(with("centrifuge-protobuf").unwrap_err().0, 400);
        assert!(!with("x").unwrap().contains("protocol:"));
    }

    #[test]
    fn refusals() {
        assert_eq!(answer("").unwrap_err().0, 400);
        assert_eq!(answer(&GOOD.replace("13", "8")).unwrap_err().0, 426);
        assert_eq!(answer(&GOOD.replace("dGhl", "")).unwrap_err().0, 400);
    }
}
