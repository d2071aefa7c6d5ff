//! Settings: compiled-in defaults, then a file, then the environment. One struct per concern.
//!
//! `default.toml` beside this file is the documentation. Unknown keys are refused in files and in the
//! environment alike, so that a misspelt setting can't be silently ignored.

mod load;
mod validate;

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

pub use load::{ConfigError, load};

/// A text that is never printed.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Wraps a secret.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The secret itself.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether nothing was set.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.0.is_empty() { "(empty)" } else { "(redacted)" })
    }
}

impl Serialize for Secret {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(if self.0.is_empty() { "" } else { "(redacted)" })
    }
}

/// All settings. See `default.toml` for what each means.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// HTTP.
    pub server: Server,
    /// PostgreSQL.
    pub database: Database,
    /// Secrets at rest.
    pub security: Security,
    /// Realtime delivery.
    pub realtime: Realtime,
    /// Jobs.
    pub broker: Broker,
    /// The outbox's relay.
    pub outbox: Outbox,
    /// Sending and fan-out.
    pub chat: Chat,
    /// Who is there.
    pub presence: Presence,
    /// Logs.
    pub telemetry: Telemetry,
}

impl Config {
    /// Lanes of the outbox. The embedded hub is told in this process and in no time: there one sequence is enough, and
    /// a commit costs one row.
    pub fn lanes(&self) -> i16 {
        match self.realtime.kind {
            RealtimeKind::Embedded => 1,
            RealtimeKind::Centrifugo => self.outbox.lanes,
        }
    }

    /// Writers of sends. More than half as many as there are cores would leave each a smaller batch, and cost more.
    pub fn send_writers(&self) -> usize {
        match self.chat.send_writers {
            0 => (std::thread::available_parallelism().map_or(1, usize::from) / 2).max(1),
            writers => writers,
        }
    }
}

/// Whether unsafe settings are tolerated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// They are.
    Development,
    /// The server refuses to start.
    Production,
}

/// HTTP.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Server {
    pub mode: Mode,
    pub listen: SocketAddr,
    pub public_url: String,
    pub allowed_origins: Vec<String>,
    pub static_dir: String,
    pub workers: usize,
    pub trusted_proxies: usize,
    pub trusted_network: bool,
    pub shutdown_timeout_s: u64,
    pub ip_rate_limit_rps: u32,
    pub user_rate_limit_rps: u32,
}

/// PostgreSQL.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Database {
    pub url: Secret,
    pub tls_ca_file: String,
    pub pool_size: usize,
    pub app_connections: usize,
    pub statement_timeout_ms: u64,
    pub wait_timeout_ms: u64,
}

/// Secrets at rest.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Security {
    pub master_keys: Vec<Secret>,
}

/// Which realtime server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RealtimeKind {
    /// In this process.
    Embedded,
    /// By its HTTP API.
    Centrifugo,
}

/// Realtime delivery.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Realtime {
    pub kind: RealtimeKind,
    pub token_secret: Secret,
    pub token_previous_secret: Secret,
    pub token_ttl_s: u32,
    pub public_url: String,
    pub listen: SocketAddr,
    pub centrifugo_api_url: String,
    pub centrifugo_api_key: Secret,
    pub max_connections: usize,
    pub user_connections: usize,
}

/// Which queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum BrokerKind {
    /// The outbox table.
    Embedded,
    /// Quorum queues.
    Rabbitmq,
}

/// Jobs.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Broker {
    pub kind: BrokerKind,
    pub amqp_url: Secret,
    pub tls_ca_file: String,
    pub prefix: String,
    pub concurrency: usize,
    pub retry_ladder_ms: Vec<u64>,
}

/// The outbox's relay.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Outbox {
    pub lanes: i16,
    pub poll_ms: u64,
    pub busy_rate: u32,
    pub busy_window_ms: u64,
}

/// Who is there.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Presence {
    pub grace_ms: u32,
    pub check_ms: u32,
    pub idle_s: u32,
    pub away_s: u32,
    pub watching_members: i32,
}

/// Sending and fan-out.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Chat {
    pub send_batch: usize,
    pub send_writers: usize,
    pub fanout_members: i32,
    pub idle_days: i32,
    pub upkeep_s: u64,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// For people.
    Text,
}

/// Logs.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Telemetry {
    pub log: String,
    pub log_format: LogFormat,
    pub otlp_endpoint: String,
}
