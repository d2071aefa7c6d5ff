//! Realtime delivery: the fast path, never the truth.
//!
//! Two implementations, both products: [`Centrifugo`] by its HTTP API, and [`Embedded`], the hub in this
//! process. The relay gives them commands in order; what they lose or repeat, clients see by `seq`.

mod centrifugo;
mod embedded;

use std::sync::Arc;

use async_trait::async_trait;

pub use self::centrifugo::Centrifugo;
pub use self::embedded::Embedded;

use crate::error::Result;
use crate::outbox::Command;
use crate::tls;

/// Somebody who hears a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Present {
    /// The connection's id.
    pub client: String,
    /// The user's id on realtime.
    pub user: String,
    /// `info` of the connection's token, as JSON.
    pub info: Option<String>,
}

/// How many hear a channel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Audience {
    pub clients: usize,
    pub users: usize,
}

/// A connection that came or went.
#[derive(Clone, Debug)]
pub struct Connection {
    pub present: Present,
    pub connected: bool,
}

/// Hears of connections, on their own task: it must not block.
pub type ConnectionHook = Arc<dyn Fn(Connection) + Send + Sync>;

/// A realtime server.
#[async_trait]
pub trait Realtime: Send + Sync {
    /// Carries out commands in their order. An error means "not now": the caller repeats all of them, and
    /// idempotency keys make the repetition harmless. A command that can never succeed is logged and passed over.
    async fn carry_out(&self, commands: Vec<Command>) -> Result<()>;

    /// Whether a user is connected; `None` where the server can't tell cheaply.
    fn is_connected(&self, realtime_user: &str) -> Option<bool>;

    /// Whether the server will tell of connections that come and go. One that can't is asked now and then
    /// who is [present](Self::presence).
    fn tells_of_connections(&self, hook: ConnectionHook) -> bool;

    /// Who hears each of these channels, in their order.
    async fn presence(&self, topics: &[String]) -> Result<Vec<Vec<Present>>>;

    /// How many hear a channel.
    async fn audience(&self, topic: &str) -> Result<Audience>;

    /// Whether the server answers.
    async fn ping(&self) -> Result<()>;
}

/// Whether an API's address asks for TLS, or stays on this machine. `None`: it is no address.
pub(crate) fn is_protected(url: &str) -> Option<bool> {
    let url = reqwest::Url::parse(url).ok()?;
    Some(url.scheme() == "https" || tls::is_local_host(url.host_str()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_leaves_the_machine_unprotected_is_known() {
        for (url, protected) in [
            ("http://127.0.0.1:9000/api", Some(true)),
            ("http://localhost:9000/api", Some(true)),
            ("http://[::1]:9000/api", Some(true)),
            ("http://centrifugo.internal:9000/api", Some(false)),
            ("http://localhost.evil.com/api", Some(false)),
            ("http://127.0.0.1@centrifugo.internal/api", Some(false)),
            ("https://centrifugo.internal/api", Some(true)),
            ("centrifugo.internal", None),
            ("unix:/run/centrifugo", None),
        ] {
            assert_eq!(is_protected(url), protected, "{url}");
        }
    }
}
