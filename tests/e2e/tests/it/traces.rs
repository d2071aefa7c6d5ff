//! Spans of requests, as a collector gets them.

use std::sync::{Arc, Mutex};

use parlor_e2e::{Method, Mode, Server};
use parlor_test_support::until;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Takes whatever is posted to it and says 200.
struct Collector {
    endpoint: String,
    /// Heads and bodies of requests, one after the other.
    taken: Arc<Mutex<Vec<u8>>>,
}

impl Collector {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let taken = Arc::new(Mutex::new(Vec::new()));
        let keep = taken.clone();
        parlor_platform::task::spawn("collector", async move {
            while let Ok((socket, _)) = listener.accept().await {
                parlor_platform::task::spawn("collector's connection", take(socket, keep.clone()));
            }
        });
        Self { endpoint, taken }
    }

    fn has(&self, part: &[u8]) -> bool {
        self.taken.lock().unwrap().windows(part.len()).any(|window| window == part)
    }
}

async fn take(mut socket: TcpStream, keep: Arc<Mutex<Vec<u8>>>) {
    let (mut pending, mut buffer) = (Vec::new(), vec![0; 65_536]);
    while let Ok(read @ 1..) = socket.read(&mut buffer).await {
        pending.extend_from_slice(&buffer[..read]);
        let Some(head) = pending.windows(4).position(|end| end == b"\r\n\r\n") else { continue };
        let text = String::from_utf8_lossy(&pending[..head]).to_lowercase();
        let length = text.lines().find_map(|line| line.strip_prefix("content-length: "));
        let end = head + 4 + length.unwrap().parse::<usize>().unwrap();
        if pending.len() >= end {
            keep.lock().unwrap().extend(pending.drain(..end));
            socket.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await.unwrap();
        }
    }
}

/// A field of a span as protobuf has it: `KeyValue { key = 1, value = 2 { string_value = 1 } }`.
fn text_field(key: &str, value: &str) -> Vec<u8> {
    let length = |text: &str| u8::try_from(text.len()).unwrap();
    let mut field = vec![0x0A, length(key)];
    field.extend_from_slice(key.as_bytes());
    field.extend_from_slice(&[0x12, length(value) + 2, 0x0A, length(value)]);
    field.extend_from_slice(value.as_bytes());
    field
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_a_span_with_its_route_status_and_id() {
    let collector = Collector::start().await;
    let settings =
        [("PARLOR_TELEMETRY_OTLP_ENDPOINT", collector.endpoint.as_str()), ("OTEL_BSP_SCHEDULE_DELAY", "50")];
    let server = Server::start_with(Mode::Embedded, &settings).await;
    let ann = server.app("acme").await.user("ann").await;
    let id = "a-request-of-this-test";
    ann.with_header(Method::POST, "/realtime/connection", ("X-Request-Id", id), json!({})).await.gives(200);
    until("the span arrives", async || collector.has(&text_field("request_id", id))).await;
    assert!(collector.has(b"POST /v1/traces HTTP/1.1"));
    assert!(collector.has(&text_field("service.name", "parlor")));
    assert!(collector.has(b"POST /api/v1/realtime/connection"), "its name");
    assert!(collector.has(&text_field("http.route", "/api/v1/realtime/connection")));
    assert!(collector.has(&text_field("http.request.method", "POST")));
    // 200 as a varint in `int_value = 3`.
    assert!(collector.has(b"http.response.status_code\x12\x03\x18\xC8\x01"));
}
