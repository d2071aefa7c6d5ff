//! Realtime delivery: the fast path, never the truth.
//!
//! Two implementations, both products: [`Centrifugo`] by its HTTP API, and [`Embedded`], the hub in this
//! process. The relay gives them commands in order; what they lose or repeat, clients see by `seq`.

mod centrifugo;
mod embedded;

use std::net::IpAddr;

use async_trait::async_trait;

pub use self::centrifugo::Centrifugo;
pub use self::embedded::Embedded;

use crate::error::Result;
use crate::outbox::Command;

/// A realtime server.
#[async_trait]
pub trait Realtime: Send + Sync {
    /// Carries out commands in their order. An error means "not now": the caller repeats all of them, and
    /// idempotency keys make the repetition harmless. A command that can never succeed is logged and passed over.
    async fn carry_out(&self, commands: Vec<Command>) -> Result<()>;

    /// Whether a user is connected; `None` where the server can't tell cheaply.
    fn is_connected(&self, realtime_user: &str) -> Option<bool>;

    /// Whether the server answers.
    async fn ping(&self) -> Result<()>;
}

/// Whether an API's address asks for TLS, or stays on this machine. `None`: it is no address.
pub(crate) fn is_protected(url: &str) -> Option<bool> {
    let url = reqwest::Url::parse(url).ok()?;
    let host = url.host_str()?.trim_matches(['[', ']']);
    let stays = host == "localhost" || host.parse().is_ok_and(|address: IpAddr| address.is_loopback());
    Some(stays || url.scheme() == "https")
}
