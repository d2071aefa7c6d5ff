//! A real hub on a port of its own, with a clock that stands still, and a raw peer that speaks JSON.

#![expect(dead_code, reason = "each test file uses its part")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use jsonwebtoken::{EncodingKey, Header, encode};
use parlor_hub::{Hub, HubConfig, ManualClock, PresenceChange, PublishOptions, StreamPosition};
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

/// Unix seconds at which every test begins.
pub const NOW: u64 = 1_800_000_000;
pub const SECRET: &str = "secret";
/// Only a test that hangs gets there.
const PATIENCE: Duration = Duration::from_secs(20);

pub struct TestHub {
    pub hub: Arc<Hub>,
    pub clock: Arc<ManualClock>,
    pub address: SocketAddr,
    pub presence: mpsc::UnboundedReceiver<PresenceChange>,
    shutdown: oneshot::Sender<()>,
    served: JoinHandle<std::io::Result<()>>,
}

pub async fn patiently<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.unwrap_or_else(|_| panic!("waited in vain for {what}"))
}

/// A signed token.
pub fn token(claims: &Value) -> String {
    encode(&Header::default(), claims, &EncodingKey::from_secret(SECRET.as_bytes())).unwrap()
}

pub fn raw(value: &Value) -> Box<RawValue> {
    to_raw_value(value).unwrap()
}

impl TestHub {
    pub async fn start() -> Self {
        Self::with(|_| {}).await
    }

    pub async fn with(change: impl FnOnce(&mut HubConfig)) -> Self {
        let clock = Arc::new(ManualClock::new(NOW * 1000));
        let (sender, presence) = mpsc::unbounded_channel();
        let mut config = HubConfig::new(SECRET);
        config.clock = clock.clone();
        config.on_presence = Some(Arc::new(move |change| drop(sender.send(change))));
        change(&mut config);
        let hub = Hub::new(config);
        let listener = parlor_hub::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = listener.local_addr().unwrap();
        let (shutdown, ended) = oneshot::channel();
        let serving = Arc::clone(&hub).serve(listener, async move { drop(ended.await) });
        #[expect(clippy::disallowed_methods, reason = "a test")]
        let served = tokio::spawn(serving);
        Self { hub, clock, address, presence, shutdown, served }
    }

    /// Lets time pass.
    pub fn advance(&self, seconds: u64) {
        self.clock.advance(seconds * 1000);
        self.hub.tick();
    }

    pub fn publish(&self, channel: &str, data: &Value) -> StreamPosition {
        self.hub.publish(channel, &raw(data), &PublishOptions::default()).unwrap()
    }

    /// Waits until a user's number of connections has changed to `connections`.
    pub async fn until_connections(&mut self, user: &str, connections: usize) {
        loop {
            let change = patiently("a presence change", self.presence.recv()).await.unwrap();
            if &*change.user == user && change.connections == connections {
                return;
            }
        }
    }

    /// A socket that has not said who it is.
    pub async fn dial(&self) -> Peer {
        let url = format!("ws://{}/connection/websocket", self.address).into_client_request().unwrap();
        let (socket, _) = patiently("a handshake", connect_async(url)).await.unwrap();
        Peer { socket, waiting: Vec::new(), next_id: 1, user: String::new() }
    }

    /// A connected user.
    pub async fn connect(&self, user: &str) -> Peer {
        let (peer, _) = self.connect_with(user, json!({}), json!({})).await;
        peer
    }

    /// A connected user, with more claims and more of a connect command; also the result.
    pub async fn connect_with(&self, user: &str, mut claims: Value, mut command: Value) -> (Peer, Value) {
        let mut peer = self.dial().await;
        peer.user = user.to_owned();
        claims["sub"] = json!(user);
        command["token"] = json!(token(&claims));
        let reply = peer.call("connect", command).await;
        assert!(reply["error"].is_null(), "{reply}");
        (peer, reply["connect"].clone())
    }

    /// Tells everybody to come back later, and waits for the end.
    pub async fn shut_down(self) {
        self.shutdown.send(()).unwrap();
        patiently("the shutdown", self.served).await.unwrap().unwrap();
    }
}

pub struct Peer {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    /// Messages of a frame that held several.
    waiting: Vec<Value>,
    next_id: u32,
    pub user: String,
}

impl Peer {
    pub async fn send_text(&mut self, text: impl Into<String>) {
        // A peer that was cut off meanwhile finds out when it reads.
        drop(self.socket.send(Message::text(text.into())).await);
    }

    pub async fn send(&mut self, message: Message) {
        drop(self.socket.send(message).await);
    }

    /// The next message, or the close code and reason.
    pub async fn receive(&mut self) -> Result<Value, (u16, String)> {
        loop {
            if !self.waiting.is_empty() {
                return Ok(self.waiting.remove(0));
            }
            match patiently("a message", self.socket.next()).await {
                Some(Ok(Message::Text(text))) => {
                    self.waiting = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
                }
                Some(Ok(Message::Close(Some(frame)))) => {
                    // Sends our half of the goodbye.
                    drop(self.socket.flush().await);
                    return Err((frame.code.into(), frame.reason.to_string()));
                }
                Some(Ok(Message::Close(None))) | Some(Err(_)) | None => return Err((0, String::new())),
                Some(Ok(_)) => {}
            }
        }
    }

    pub async fn message(&mut self) -> Value {
        self.receive().await.unwrap()
    }

    /// The next push of a kind; other messages are passed over.
    pub async fn push(&mut self, kind: &str) -> Value {
        loop {
            let message = self.message().await;
            if !message["push"][kind].is_null() {
                return message["push"][kind].clone();
            }
        }
    }

    /// Data of the next `count` publications.
    pub async fn publications(&mut self, count: usize) -> Vec<Value> {
        let mut data = Vec::new();
        while data.len() < count {
            data.push(self.push("pub").await["data"].clone());
        }
        data
    }

    /// The close code and reason; messages before it are passed over.
    pub async fn closed(&mut self) -> (u16, String) {
        loop {
            if let Err(closed) = self.receive().await {
                return closed;
            }
        }
    }

    /// Sends a command and returns its reply; pushes before it are passed over.
    pub async fn call(&mut self, method: &str, parameters: Value) -> Value {
        let id = self.next_id;
        self.next_id += 1;
        self.send_text(json!({"id": id, method: parameters}).to_string()).await;
        loop {
            let message = self.receive().await.unwrap_or_else(|closed| json!({"id": id, "closed": closed.0}));
            if message["id"] == json!(id) {
                return message;
            }
        }
    }

    /// Like [`Peer::call`]; the code of the error reply, or of the close.
    pub async fn refused(&mut self, method: &str, parameters: Value) -> u64 {
        let reply = self.call(method, parameters).await;
        let code = reply["error"]["code"].as_u64().or(reply["closed"].as_u64());
        code.unwrap_or_else(|| panic!("was not refused: {reply}"))
    }

    /// Subscribes with a token; `extra` goes into the command.
    pub async fn subscribe_with(&mut self, channel: &str, mut claims: Value, mut extra: Value) -> Value {
        claims["sub"] = json!(self.user);
        claims["channel"] = json!(channel);
        extra["channel"] = json!(channel);
        extra["token"] = json!(token(&claims));
        let reply = self.call("subscribe", extra).await;
        assert!(reply["error"].is_null() && reply["closed"].is_null(), "{reply}");
        reply["subscribe"].clone()
    }

    pub async fn subscribe(&mut self, channel: &str) -> Value {
        self.subscribe_with(channel, json!({}), json!({})).await
    }
}
