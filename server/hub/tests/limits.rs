//! What one client, one user and one hub may use up.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::io::ErrorKind;

use parlor_hub::Namespace;
use serde_json::json;
use support::{TestHub, patiently, token};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const ROOM: &str = "chat:channel:1";

#[tokio::test]
async fn channels_of_a_client() {
    let hub = TestHub::with(|config| {
        config.channel_limit = 3;
        let open = Namespace { allow_subscribe_for_client: true, ..Namespace::default() };
        config.namespaces.insert("open".into(), open);
    })
    .await;
    let mut peer = hub.connect("ann").await;
    for n in 0..3 {
        assert!(
            peer.call("subscribe", json!({"channel": format!("open:{n}")})).await["subscribe"].is_object()
        );
    }
    assert_eq!(peer.refused("subscribe", json!({"channel": "open:3"})).await, 106);
    peer.call("unsubscribe", json!({"channel": "open:0"})).await;
    assert!(peer.call("subscribe", json!({"channel": "open:3"})).await["subscribe"].is_object());
    let mut greedy = hub.dial().await;
    let channels: Vec<String> = (0..4).map(|n| format!("open:{n}")).collect();
    let command = json!({"token": token(&json!({"sub": "bob", "channels": channels}))});
    assert_eq!(greedy.refused("connect", command).await, 3505);
}

#[tokio::test]
async fn connections_of_a_user_and_of_all() {
    let mut hub = TestHub::with(|config| {
        config.user_connection_limit = 1;
        config.max_connections = 3;
    })
    .await;
    let first = hub.connect("ann").await;
    let mut second = hub.dial().await;
    assert_eq!(second.refused("connect", json!({"token": token(&json!({"sub": "ann"}))})).await, 3504);
    drop(first);
    hub.until_connections("ann", 0).await;
    let _ann = hub.connect("ann").await;
    let _bob = hub.connect("bob").await;
    let mut refused = String::new();
    while !refused.starts_with("HTTP/1.1 503") {
        // Sockets of those that were refused above may take a moment to be gone.
        refused = http(&hub, "GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
        let _carl = TcpStream::connect(hub.address).await.unwrap();
    }
}

#[tokio::test]
async fn a_message_above_the_limit() {
    let hub = TestHub::start().await;
    let mut peer = hub.connect("ann").await;
    peer.send_text("x".repeat(65_537)).await;
    assert_eq!(peer.closed().await.0, 1009);
}

/// A client that stops reading is cut off when its queue is full; what it got until then is in order.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_consumer_is_cut_off_and_others_do_not_notice() {
    let hub = TestHub::with(|config| config.queue_size_limit = 100_000).await;
    let mut slow = hub.connect("slow").await;
    slow.subscribe(ROOM).await;
    let payload = "x".repeat(10_000);
    let mut published = 0u64;
    while hub.hub.stats().slow_consumers == 0 {
        published = hub.publish(ROOM, &json!(payload)).offset;
        assert!(published < 10_000, "the kernel buffered {published} messages");
        tokio::task::yield_now().await;
    }
    let mut quick = hub.connect("quick").await;
    quick.subscribe(ROOM).await;
    hub.publish(ROOM, &json!(1));
    assert_eq!(quick.publications(1).await, [json!(1)]);
    let mut seen = 0;
    let closed = loop {
        match slow.receive().await {
            Ok(message) if message["push"]["pub"].is_object() => {
                seen += 1;
                assert_eq!(message["push"]["pub"]["offset"], seen);
            }
            Ok(_) => {}
            Err(closed) => break closed,
        }
    };
    assert_eq!(closed, (3008, "slow".into()));
    assert!(seen < published);
}

/// Sends a request and reads until the server closes.
async fn http(hub: &TestHub, request: &str) -> String {
    let mut socket = TcpStream::connect(hub.address).await.unwrap();
    let mut answer = Vec::new();
    // A server that refuses may close before it has read everything.
    drop(socket.write_all(request.as_bytes()).await);
    match patiently("an answer", socket.read_to_end(&mut answer)).await {
        Err(error) if error.kind() != ErrorKind::ConnectionReset => panic!("{error}"),
        _ => String::from_utf8(answer).unwrap(),
    }
}

#[tokio::test]
async fn handshakes_that_are_refused() {
    let hub = TestHub::with(|config| config.allowed_origins = vec!["https://good.example".into()]).await;
    let handshake = |extra: &str| {
        format!(
            "GET /connection/websocket HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{extra}\r\n"
        )
    };
    for (request, status) in [
        (handshake("Origin: https://evil.example\r\n"), "403"),
        (handshake("Sec-WebSocket-Protocol: centrifuge-protobuf\r\n"), "400"),
        ("GET /connection/websocket HTTP/1.1\r\nHost: x\r\n\r\n".into(), "400"),
        ("nonsense\r\n\r\n".into(), "400"),
        (format!("GET / HTTP/1.1\r\nX: {}", "x".repeat(20_000)), "431"),
        ("GET /nowhere HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".into(), "404"),
        ("GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".into(), "200"),
        ("GET /emulation HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".into(), "405"),
    ] {
        let answer = http(&hub, &request).await;
        assert_eq!(answer.get(9..12), Some(status), "{answer}");
    }
}

/// As behind a reverse proxy that keeps its connections.
#[tokio::test]
async fn a_handshake_on_a_socket_that_was_used_before() {
    let hub = TestHub::start().await;
    let mut socket = TcpStream::connect(hub.address).await.unwrap();
    let mut buffer = vec![0; 4096];
    socket.write_all(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let read = patiently("health", socket.read(&mut buffer)).await.unwrap();
    assert!(buffer[..read].starts_with(b"HTTP/1.1 200"));
    let request = format!("ws://{}/connection/websocket", hub.address);
    let (mut websocket, _) =
        patiently("a handshake", tokio_tungstenite::client_async(request, socket)).await.unwrap();
    futures_util::SinkExt::send(
        &mut websocket,
        tokio_tungstenite::tungstenite::Message::text(
            json!({"id": 1, "connect": {"token": token(&json!({"sub": "ann"}))}}).to_string(),
        ),
    )
    .await
    .unwrap();
    let reply = patiently("a reply", futures_util::StreamExt::next(&mut websocket)).await.unwrap().unwrap();
    assert!(reply.into_text().unwrap().contains("\"connect\""));
}

/// A client that sends pings and reads nothing is made to wait, and is served again when it reads.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_pings_waits_for_its_answers() {
    let hub = TestHub::start().await;
    let socket = TcpStream::connect(hub.address).await.unwrap();
    let (mut from, mut to) = socket.into_split();
    let handshake = "GET /connection/websocket HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                     Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    let command = json!({"id": 1, "connect": {"token": token(&json!({"sub": "ann"}))}}).to_string();
    let length = u16::try_from(command.len()).unwrap().to_be_bytes();
    // Masked with zeros: still masked, and easy to write.
    let text = [&[0x81, 0xFE][..], &length, &[0; 4], command.as_bytes()].concat();
    let ping = [&[0x89u8, 0x80 | 125][..], &[0; 4], &[b'p'; 125]].concat();
    let flood = [handshake.as_bytes(), &ping.repeat(150_000), &text].concat();
    #[expect(clippy::disallowed_methods, reason = "a test")]
    let writer = tokio::spawn(async move { to.write_all(&flood).await.map(|()| to) });
    let mut sent = (0, 0);
    while sent.0 == 0 || sent.1 < 2_000 {
        let now = hub.hub.stats().bytes_sent;
        sent = if now == sent.0 { (now, sent.1 + 1) } else { (now, 0) };
        tokio::task::yield_now().await;
    }
    let (mut buffer, mut answer) = (vec![0; 65_536], Vec::new());
    while !answer.windows(9).any(|part| part == b"\"connect\"") {
        let read = patiently("answers", from.read(&mut buffer)).await.unwrap();
        assert!(read > 0);
        answer = [&answer[answer.len().saturating_sub(8)..], &buffer[..read]].concat();
    }
    drop(writer.await.unwrap().unwrap());
}
