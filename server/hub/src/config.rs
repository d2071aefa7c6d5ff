//! The hub's settings. Defaults are Centrifugo's where it has the same option, so that moving to a
//! cluster changes no behaviour.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::{Clock, SystemClock};

/// What channels of one namespace may do. The namespace is what stands before the first `:`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Namespace {
    /// Keep who is subscribed, and answer `presence`.
    pub presence: bool,
    /// Announce who subscribes and who leaves.
    pub join_leave: bool,
    /// Send these announcements to every subscriber, not only to those that ask.
    pub force_push_join_leave: bool,
    /// Publications kept per channel; 0 keeps none.
    pub history_size: usize,
    /// How long publications are kept after the last one.
    pub history_ttl: Duration,
    /// Every subscription may recover what it missed.
    pub force_recovery: bool,
    /// Every subscription knows its position.
    pub force_positioning: bool,
    /// Any authenticated client may subscribe without a token.
    pub allow_subscribe_for_client: bool,
    /// A subscriber may ask for presence.
    pub allow_presence_for_subscriber: bool,
    /// A subscriber may ask for history.
    pub allow_history_for_subscriber: bool,
    /// Any authenticated client may publish.
    pub allow_publish_for_client: bool,
}

impl Namespace {
    /// The namespace of chat channels: presence, join and leave, 300 publications for 5 minutes, by which who was away
    /// recovers. Nobody asks for history beyond that: who came late may not read all of it.
    pub fn chat() -> Self {
        Self {
            presence: true,
            join_leave: true,
            force_push_join_leave: true,
            history_size: 300,
            history_ttl: Duration::from_secs(300),
            force_recovery: true,
            allow_presence_for_subscriber: true,
            ..Self::default()
        }
    }

    pub(crate) fn keeps_history(&self) -> bool {
        self.history_size > 0 && !self.history_ttl.is_zero()
    }
}

/// A user came or went. See [`HubConfig::on_presence`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PresenceChange {
    /// The user's id; empty for an anonymous connection.
    pub user: Arc<str>,
    /// The connection's id, as the client sees it.
    pub client: String,
    /// For a new connection `info` of its token, as JSON.
    pub info: Option<Box<str>>,
    /// `true` for a new connection, `false` for one that ended.
    pub connected: bool,
    /// Connections of this user after the change: 1 after the first came, 0 after the last went.
    pub connections: usize,
}

/// Called on every connect and disconnect, outside of all locks, on the connection's task: it must not
/// block. Two changes of one user may overtake each other; ask [`crate::Hub::is_connected`] for the truth.
pub type PresenceHook = Arc<dyn Fn(PresenceChange) + Send + Sync>;

/// Everything that can be set.
#[derive(Clone)]
pub struct HubConfig {
    /// HMAC secret of connection and subscription tokens (HS256).
    pub token_secret: Vec<u8>,
    /// The secret before the last rotation; its tokens stay valid while it is set.
    pub token_previous_secret: Option<Vec<u8>>,
    /// If set, tokens must carry this `aud`.
    pub token_audience: Option<String>,
    /// If set, tokens must carry this `iss`.
    pub token_issuer: Option<String>,
    /// Accept a connect command without a token, as the user with the empty id.
    pub allow_anonymous: bool,
    /// Origins of browsers: exact, or a pattern with `*`. The hub's own host is always allowed.
    pub allowed_origins: Vec<String>,
    /// Namespaces by name.
    pub namespaces: HashMap<String, Namespace>,
    /// Options of channels without a namespace.
    pub without_namespace: Namespace,
    /// Time between two pings of the server.
    pub ping_interval: Duration,
    /// Time a client has to answer a ping.
    pub pong_timeout: Duration,
    /// Time a client has for its connect command.
    pub stale_close_delay: Duration,
    /// Grace after a connection's expiry, for the refresh to arrive.
    pub expired_close_delay: Duration,
    /// Grace after a subscription's expiry.
    pub expired_sub_close_delay: Duration,
    /// Time for the HTTP head or the WebSocket handshake.
    pub handshake_timeout: Duration,
    /// Time a closing connection has to drain, and a shutdown to finish.
    pub close_timeout: Duration,
    /// Channels per client.
    pub channel_limit: usize,
    /// Bytes of a channel's name.
    pub channel_max_length: usize,
    /// Bytes of one message from a client.
    pub message_size_limit: usize,
    /// Bytes that wait for one client before it counts as too slow.
    pub queue_size_limit: usize,
    /// Publications that one recovery may return; beyond it nothing is recovered.
    pub recovery_limit: usize,
    /// Publications that one history call may return.
    pub history_limit: usize,
    /// How long an idle channel's position (epoch, offset) is remembered. Centrifugo has 30 days; we
    /// forget after one, so that memory does not grow with every channel that ever spoke.
    pub history_meta_ttl: Duration,
    /// How long the result of a publish with an idempotency key is remembered.
    pub idempotency_ttl: Duration,
    /// Sockets in all.
    pub max_connections: usize,
    /// Connections per user id; 0 is no limit.
    pub user_connection_limit: usize,
    /// Source of time.
    pub clock: Arc<dyn Clock>,
    /// Told of every connect and disconnect.
    pub on_presence: Option<PresenceHook>,
}

impl HubConfig {
    /// Defaults with this HMAC secret; the namespaces `chat` and `canvas` exist.
    pub fn new(token_secret: impl Into<Vec<u8>>) -> Self {
        Self {
            token_secret: token_secret.into(),
            token_previous_secret: None,
            token_audience: None,
            token_issuer: None,
            allow_anonymous: false,
            allowed_origins: Vec::new(),
            namespaces: HashMap::from([
                ("chat".to_owned(), Namespace::chat()),
                ("canvas".to_owned(), Namespace::chat()),
            ]),
            without_namespace: Namespace::default(),
            ping_interval: Duration::from_secs(25),
            pong_timeout: Duration::from_secs(8),
            stale_close_delay: Duration::from_secs(10),
            expired_close_delay: Duration::from_secs(25),
            expired_sub_close_delay: Duration::from_secs(25),
            handshake_timeout: Duration::from_secs(5),
            close_timeout: Duration::from_secs(5),
            channel_limit: 128,
            channel_max_length: 255,
            message_size_limit: 65_536,
            queue_size_limit: 1_048_576,
            recovery_limit: 300,
            history_limit: 300,
            history_meta_ttl: Duration::from_secs(24 * 3600),
            idempotency_ttl: Duration::from_secs(300),
            max_connections: 100_000,
            user_connection_limit: 0,
            clock: Arc::new(SystemClock::new()),
            on_presence: None,
        }
    }
}

/// Milliseconds of a duration; all times inside the hub are integers.
pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
