//! HTTP streaming and server-sent events with emulation.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use parlor_hub::Disconnect;
use serde_json::{Value, json};
use support::{TestHub, patiently, token};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const ROOM: &str = "chat:channel:1";

/// A request and whatever has come of its answer.
struct Stream {
    socket: TcpStream,
    text: String,
}

impl Stream {
    async fn open(hub: &TestHub, method: &str, target: &str, headers: &str, body: &str) -> Self {
        let mut socket = TcpStream::connect(hub.address).await.unwrap();
        let length = body.len();
        let request = format!(
            "{method} {target} HTTP/1.1\r\nHost: hub\r\n{headers}Content-Length: {length}\r\n\r\n{body}"
        );
        socket.write_all(request.as_bytes()).await.unwrap();
        let mut stream = Self { socket, text: String::new() };
        stream.until("\r\n\r\n").await;
        stream
    }

    async fn more(&mut self) -> bool {
        let mut buffer = [0; 4096];
        let read = patiently("more of a stream", self.socket.read(&mut buffer)).await.unwrap();
        self.text.push_str(std::str::from_utf8(&buffer[..read]).unwrap());
        read > 0
    }

    async fn until(&mut self, part: &str) {
        while !self.text.contains(part) {
            assert!(self.more().await, "ended without {part}: {}", self.text);
        }
    }

    /// The next JSON object of the stream, whatever the framing.
    async fn message(&mut self) -> Value {
        loop {
            let start = self.text.find('{');
            let line = start.and_then(|start| Some((start, start + self.text[start..].find('\n')?)));
            if let Some((start, end)) = line {
                let message = serde_json::from_str(&self.text[start..end]).unwrap();
                self.text.drain(..=end);
                return message;
            }
            assert!(self.more().await, "ended: {}", self.text);
        }
    }
}

async fn status(hub: &TestHub, method: &str, target: &str, headers: &str, body: &str) -> (u16, String) {
    let stream = Stream::open(hub, method, target, headers, body).await;
    (stream.text[9..12].parse().unwrap(), stream.text)
}

fn connect(user: &str) -> String {
    json!({"id": 1, "connect": {"token": token(&json!({"sub": user}))}}).to_string()
}

async fn emulate(hub: &TestHub, reply: &Value, command: &Value) -> u16 {
    let (session, node) = (&reply["connect"]["session"], &reply["connect"]["node"]);
    let body = json!({"session": session, "node": node, "data": command.to_string()}).to_string();
    status(hub, "POST", "/emulation", "", &body).await.0
}

async fn a_whole_conversation(hub: &mut TestHub, mut stream: Stream, user: &str) {
    let connected = stream.message().await;
    assert!(connected["connect"]["session"].is_string() && connected["connect"]["node"].is_string());
    let claims = json!({"sub": user, "channel": ROOM});
    let subscribe = json!({"id": 2, "subscribe": {"channel": ROOM, "token": token(&claims)}});
    assert_eq!(emulate(hub, &connected, &subscribe).await, 204);
    assert_eq!(stream.message().await["id"], 2);
    assert_eq!(stream.message().await["push"]["join"]["info"]["user"], user);
    hub.publish(ROOM, &json!("hello"));
    assert_eq!(stream.message().await["push"]["pub"]["data"], "hello");
    hub.advance(25);
    assert_eq!(stream.message().await, json!({}));
    assert_eq!(emulate(hub, &connected, &json!({})).await, 204);
    hub.advance(9);
    assert!(hub.hub.is_connected(user));
    hub.hub.disconnect(user, None, &Disconnect::FORCE_NO_RECONNECT, &[]);
    let goodbye = json!({"push": {"disconnect": {"code": 3503, "reason": "force disconnect"}}});
    assert_eq!(stream.message().await, goodbye);
    hub.until_connections(user, 0).await;
    assert_eq!(emulate(hub, &connected, &subscribe).await, 204);
}

#[tokio::test]
async fn http_streaming() {
    let mut hub = TestHub::start().await;
    let stream = Stream::open(&hub, "POST", "/connection/http_stream", "", &connect("ann")).await;
    assert!(stream.text.to_lowercase().contains("x-accel-buffering: no"));
    a_whole_conversation(&mut hub, stream, "ann").await;
}

#[tokio::test]
async fn server_sent_events() {
    let mut hub = TestHub::start().await;
    let encoded: String = connect("bob").bytes().map(|byte| format!("%{byte:02X}")).collect();
    let get = Stream::open(&hub, "GET", &format!("/connection/sse?cf_connect={encoded}"), "", "").await;
    assert!(get.text.contains("text/event-stream"));
    a_whole_conversation(&mut hub, get, "bob").await;
    let post = Stream::open(&hub, "POST", "/connection/sse", "", &connect("ann")).await;
    a_whole_conversation(&mut hub, post, "ann").await;
}

#[tokio::test]
async fn a_stream_that_breaks_off_leaves() {
    let mut hub = TestHub::start().await;
    let mut stream = Stream::open(&hub, "POST", "/connection/http_stream", "", &connect("ann")).await;
    stream.message().await;
    drop(stream);
    hub.until_connections("ann", 0).await;
    assert!(!hub.hub.is_connected("ann"));
}

#[tokio::test]
async fn refusals() {
    let hub = TestHub::with(|config| config.allowed_origins = vec!["https://good.example".into()]).await;
    let mut bad =
        Stream::open(&hub, "POST", "/connection/http_stream", "", "{\"id\":1,\"connect\":{\"token\":\"x\"}}")
            .await;
    assert_eq!(bad.message().await["push"]["disconnect"]["code"], 3500);
    let big = "x".repeat(65_537);
    let node = json!({"node": "x", "session": "y", "data": "{}"}).to_string();
    for (method, target, headers, body, expected) in [
        ("POST", "/emulation", "", node.as_str(), 404),
        ("POST", "/emulation", "", "nonsense", 400),
        ("POST", "/emulation", "", &big, 413),
        ("GET", "/connection/sse", "", "", 400),
        ("GET", "/connection/http_stream", "", "", 405),
        ("POST", "/connection/http_stream", "Origin: https://evil.example\r\n", "{}", 403),
    ] {
        assert_eq!(status(&hub, method, target, headers, body).await.0, expected, "{method} {target}");
    }
    let asks = "Origin: https://good.example\r\nAccess-Control-Request-Headers: content-type\r\n";
    let (code, answer) = status(&hub, "OPTIONS", "/emulation", asks, "").await;
    assert_eq!(code, 200);
    for header in
        ["allow-origin: https://good.example", "allow-headers: content-type", "allow-credentials: true"]
    {
        assert!(answer.contains(&format!("access-control-{header}")), "{answer}");
    }
}
