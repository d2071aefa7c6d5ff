//! The request line and the headers that decide which transport a socket becomes.

use httparse::{EMPTY_HEADER, Header, Status};

/// Headers that are read; a request with more is refused.
pub(crate) const MAX_HEADERS: usize = 64;

/// What matters of a request's head.
pub(crate) struct Head<'a> {
    pub method: &'a str,
    /// Without the query.
    pub path: &'a str,
    pub host: Option<&'a str>,
    pub origin: Option<&'a str>,
    /// `Connection: upgrade` and `Upgrade: websocket`.
    pub websocket: bool,
    pub version: Option<&'a str>,
    pub key: Option<&'a str>,
    pub protocols: Vec<&'a str>,
}

/// The parts of a comma-separated header.
pub(crate) fn tokens(value: &str) -> impl Iterator<Item = &str> {
    value.split(',').map(str::trim).filter(|token| !token.is_empty())
}

/// Parses the head and returns it with its length; `None` if it is not complete.
pub(crate) fn parse<'a>(
    bytes: &'a [u8],
    storage: &mut [Header<'a>; MAX_HEADERS],
) -> Result<Option<(Head<'a>, usize)>, httparse::Error> {
    *storage = [EMPTY_HEADER; MAX_HEADERS];
    let mut request = httparse::Request::new(storage);
    let Status::Complete(length) = request.parse(bytes)? else { return Ok(None) };
    let target = request.path.unwrap_or_default();
    let mut head = Head {
        method: request.method.unwrap_or_default(),
        path: target.split_once('?').map_or(target, |(path, _)| path),
        host: None,
        origin: None,
        websocket: false,
        version: None,
        key: None,
        protocols: Vec::new(),
    };
    let (mut upgrade, mut connection) = (false, false);
    for header in request.headers.iter() {
        let Ok(value) = std::str::from_utf8(header.value) else { continue };
        let is = |name: &str| header.name.eq_ignore_ascii_case(name);
        if is("upgrade") {
            upgrade |= tokens(value).any(|token| token.eq_ignore_ascii_case("websocket"));
        } else if is("connection") {
            connection |= tokens(value).any(|token| token.eq_ignore_ascii_case("upgrade"));
        } else if is("host") {
            head.host = Some(value);
        } else if is("origin") {
            head.origin = Some(value);
        } else if is("sec-websocket-version") {
            head.version = Some(value);
        } else if is("sec-websocket-key") {
            head.key = Some(value);
        } else if is("sec-websocket-protocol") {
            head.protocols.extend(tokens(value));
        }
    }
    head.websocket = upgrade && connection;
    Ok(Some((head, length)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_head_comes_whole_or_not_at_all() {
        let request = b"GET /connection/websocket?a=b HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\nrest";
        for cut in 0..request.len() - 4 {
            assert!(parse(&request[..cut], &mut [EMPTY_HEADER; MAX_HEADERS]).unwrap().is_none(), "{cut}");
        }
        let mut storage = [EMPTY_HEADER; MAX_HEADERS];
        let (head, length) = parse(request, &mut storage).unwrap().unwrap();
        assert_eq!((head.path, head.host, head.websocket), ("/connection/websocket", Some("h"), true));
        assert_eq!(&request[length..], b"rest");
    }

    proptest! {
        #[test]
        fn hostile_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut storage = [EMPTY_HEADER; MAX_HEADERS];
            let _ = parse(&bytes, &mut storage);
        }
    }
}
