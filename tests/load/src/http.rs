//! A minimal HTTP/1.1 client: one kept connection, requests that are built before the clock runs, answers of which
//! only the status and the length are read.
//!
//! The load generator shares its cores with the server that it measures, so it must cost little beside it.

use anyhow::{Context, Result, bail, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Bytes of an answer that are believed.
const LONGEST: usize = 16 * 1024 * 1024;

/// A kept connection.
pub struct Http {
    stream: TcpStream,
    input: Vec<u8>,
}

/// What the server answered.
#[derive(Debug)]
pub struct Answer<'a> {
    pub status: u16,
    pub body: &'a [u8],
}

impl Http {
    /// Connects to `host:port`.
    pub async fn connect(address: &str) -> Result<Self> {
        let stream = TcpStream::connect(address).await.with_context(|| format!("connecting to {address}"))?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, input: vec![0; 4096] })
    }

    /// Sends a whole request as it stands and waits for the answer.
    pub async fn exchange(&mut self, request: &[u8]) -> Result<Answer<'_>> {
        self.stream.write_all(request).await?;
        let (mut filled, mut head) = (0, None);
        loop {
            let read = self.stream.read(&mut self.input[filled..]).await?;
            ensure!(read > 0, "the server closed the connection before it had answered");
            filled += read;
            if head.is_none() {
                head = parse_head(&self.input[..filled])?;
            }
            let needed = head.as_ref().map_or(filled + 1, |head| head.length + head.body);
            match &head {
                Some(head) if filled == needed => {
                    return Ok(Answer { status: head.status, body: &self.input[head.length..needed] });
                }
                Some(_) => ensure!(filled < needed, "the server sent more than it announced"),
                None => {}
            }
            ensure!(needed <= LONGEST, "the answer is too long");
            if self.input.len() < needed {
                self.input.resize(needed.next_power_of_two(), 0);
            }
        }
    }
}

impl Answer<'_> {
    /// Fails, with what the server said, unless it succeeded.
    pub fn success(&self) -> Result<&[u8]> {
        if !(200..300).contains(&self.status) {
            let said: String = String::from_utf8_lossy(self.body).chars().take(500).collect();
            bail!("the server answered {}: {said}", self.status);
        }
        Ok(self.body)
    }
}

/// The part of an answer before its body.
#[derive(Debug, PartialEq)]
pub struct Head {
    pub status: u16,
    /// Bytes of the head itself.
    pub length: usize,
    /// Bytes of the body.
    pub body: usize,
}

/// Reads an answer's head; `None` while it is incomplete.
pub fn parse_head(input: &[u8]) -> Result<Option<Head>> {
    let mut headers = [httparse::EMPTY_HEADER; 48];
    let mut answer = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(length) = answer.parse(input).context("this is no HTTP answer")? else {
        return Ok(None);
    };
    let status = answer.code.context("an answer without a status")?;
    let mut body = None;
    for header in answer.headers.iter() {
        if header.name.eq_ignore_ascii_case("content-length") {
            let text = std::str::from_utf8(header.value).unwrap_or_default();
            body = Some(text.trim().parse().context("a Content-Length that is no number")?);
        } else if header.name.eq_ignore_ascii_case("transfer-encoding") {
            bail!("answers with a Transfer-Encoding are not read");
        }
    }
    // An answer without a length lasts until the connection ends, which here is the 101, or has no body.
    Ok(Some(Head { status, length, body: body.unwrap_or(0) }))
}

/// A request's bytes; `headers` are whole lines.
pub fn request(method: &str, host: &str, path: &str, headers: &[&str], body: &[u8]) -> Vec<u8> {
    let mut bytes = format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\n").into_bytes();
    for header in headers.iter().filter(|header| !header.is_empty()) {
        bytes.extend_from_slice(header.as_bytes());
        bytes.extend_from_slice(b"\r\n");
    }
    if !body.is_empty() {
        bytes.extend_from_slice(
            format!("Content-Type: application/json\r\nContent-Length: {}\r\n", body.len()).as_bytes(),
        );
    }
    bytes.extend_from_slice(b"\r\n");
    bytes.extend_from_slice(body);
    bytes
}

/// Splits `scheme://host:port/path` into `host:port` and `/path`.
pub fn split_url(url: &str) -> Result<(&str, &str)> {
    let (_, rest) = url.split_once("://").with_context(|| format!("{url} is no URL"))?;
    Ok(rest.find('/').map_or((rest, "/"), |slash| rest.split_at(slash)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_are_read_once_they_are_complete() {
        let answer = b"HTTP/1.1 201 Created\r\ncontent-length: 5\r\nX-A: b\r\n\r\nhello";
        for end in 0..answer.len() - 5 {
            assert_eq!(parse_head(&answer[..end]).unwrap(), None, "{end} bytes");
        }
        let head = Head { status: 201, length: answer.len() - 5, body: 5 };
        assert_eq!(parse_head(answer).unwrap(), Some(head));
    }

    #[test]
    fn an_answer_may_have_no_body_but_none_of_unknown_length() {
        let head = parse_head(b"HTTP/1.1 204 No Content\r\n\r\n").unwrap().unwrap();
        assert_eq!((head.status, head.body), (204, 0));
        for bad in [
            &b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"[..],
            b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n",
            b"PING\r\n\r\n",
        ] {
            assert!(parse_head(bad).is_err(), "{}", String::from_utf8_lossy(bad));
        }
    }

    #[test]
    fn requests_and_urls() {
        assert_eq!(
            request("POST", "h:1", "/a", &["X-K: v", ""], b"{}"),
            b"POST /a HTTP/1.1\r\nHost: h:1\r\nX-K: v\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
        );
        assert_eq!(split_url("ws://127.0.0.1:80/a/b").unwrap(), ("127.0.0.1:80", "/a/b"));
        assert_eq!(split_url("http://h").unwrap(), ("h", "/"));
        assert!(split_url("h").is_err());
    }

    #[tokio::test]
    async fn an_answer_in_pieces_is_put_together_and_the_connection_is_kept() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let server = crate::task::Group::start([async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let body = "x".repeat(10_000);
            let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n{body}");
            for _ in 0..2 {
                let _ = stream.read(&mut [0; 512]).await.unwrap();
                for piece in answer.as_bytes().chunks(3_000) {
                    stream.write_all(piece).await.unwrap();
                    stream.flush().await.unwrap();
                    tokio::task::yield_now().await;
                }
            }
            Ok(())
        }]);
        let mut http = Http::connect(&address).await.unwrap();
        for _ in 0..2 {
            let answer = http.exchange(&request("GET", &address, "/", &[], b"")).await.unwrap();
            assert_eq!((answer.status, answer.body.len()), (200, 10_000));
        }
        server.join().await.unwrap();
        assert!(http.exchange(b"GET / HTTP/1.1\r\n\r\n").await.is_err(), "the server has gone");
    }
}
