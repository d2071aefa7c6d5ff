//! A connection that comes back.
//!
//! It is made when it is first wanted, and again when it was lost. Between two attempts lie 0.2 s, doubled up
//! to 5 s; who asks in between is told at once that there is none, or [waits](Link::patiently). The wait is
//! written down before an attempt begins, so that a caller who gives up half way does not make the next one
//! knock at once.

use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use lapin::tcp::OwnedTLSConfig;
use lapin::uri::{AMQPScheme, AMQPUri};
use lapin::{Connection, ConnectionProperties};
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep_until, timeout};

use super::away;
use crate::config;
use crate::error::{Error, Result};
use crate::tls;

/// First and longest wait between two attempts.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(5));
/// How long connecting may take.
const CONNECT: Duration = Duration::from_secs(10);
/// Seconds after which a silent connection is asked for a sign of life; after twice as long it is lost.
const HEARTBEAT: u16 = 10;

/// How often a waiter looks whether its connection still lives.
pub(super) const LOOK: Duration = Duration::from_millis(250);

/// Waits for an answer as long as the connection lives. The library answers all who wait when a connection
/// ends, but who begins to wait at that very moment may be passed over for ever.
pub(super) async fn answered<T>(connection: &Connection, call: impl Future<Output = Result<T>>) -> Result<T> {
    let mut call = pin!(call);
    loop {
        match timeout(LOOK, &mut call).await {
            Ok(outcome) => return outcome,
            Err(_) if connection.status().connected() => {}
            Err(_) => return Err(Error::unavailable("the connection to RabbitMQ was lost")),
        }
    }
}

/// Doubles a wait up to its limit.
pub(super) struct Backoff(Duration);

impl Backoff {
    pub(super) fn new() -> Self {
        Self(BACKOFF.0)
    }

    pub(super) fn next(&mut self) -> Duration {
        let wait = self.0;
        self.0 = (wait * 2).min(BACKOFF.1);
        wait
    }
}

/// Whether an address asks for TLS, or stays on this machine. `None`: it is no address.
pub(crate) fn is_protected(url: &str) -> Option<bool> {
    let uri: AMQPUri = url.parse().ok()?;
    Some(uri.scheme == AMQPScheme::AMQPS || tls::is_local_host(&uri.authority.host))
}

pub(super) struct Link {
    uri: AMQPUri,
    tls: OwnedTLSConfig,
    name: String,
    state: Mutex<State>,
}

struct State {
    connection: Option<Arc<Connection>>,
    backoff: Backoff,
    not_before: Instant,
}

impl Link {
    pub(super) fn new(config: &config::Broker, role: &str) -> Result<Self> {
        let mut uri: AMQPUri = config
            .amqp_url
            .expose()
            .parse()
            .map_err(|error| Error::internal(format!("broker.amqp_url is no AMQP address: {error}")))?;
        uri.query.heartbeat.get_or_insert(HEARTBEAT);
        let authorities = match config.tls_ca_file.as_str() {
            "" => None,
            file => Some(tls::authorities(Path::new(file))?),
        };
        let tls = OwnedTLSConfig { identity: None, cert_chain: authorities };
        let state = State { connection: None, backoff: Backoff::new(), not_before: Instant::now() };
        Ok(Self { uri, tls, name: format!("{} {role}", config.prefix), state: Mutex::new(state) })
    }

    /// The connection, made if there is none.
    pub(super) async fn connection(&self) -> Result<Arc<Connection>> {
        let mut state = self.state.lock().await;
        if let Some(connection) =
            state.connection.as_ref().filter(|connection| connection.status().connected())
        {
            return Ok(connection.clone());
        }
        state.connection = None;
        if Instant::now() < state.not_before {
            return Err(Error::unavailable("RabbitMQ was not there a moment ago"));
        }
        state.not_before = Instant::now() + state.backoff.next();
        let properties = ConnectionProperties::default().with_connection_name(self.name.as_str().into());
        let runtime = lapin::runtime::default_runtime().map_err(Error::internal)?;
        let connecting =
            Connection::connect_uri_with_config(self.uri.clone(), properties, self.tls.clone(), runtime);
        let connection = timeout(CONNECT, connecting)
            .await
            .map_err(|_| Error::unavailable("RabbitMQ does not answer"))?
            .map_err(away)?;
        tracing::info!(connection = self.name, "connected to RabbitMQ");
        state.backoff = Backoff::new();
        let connection = Arc::new(connection);
        state.connection = Some(connection.clone());
        Ok(connection)
    }

    /// The connection, however long it takes.
    pub(super) async fn patiently(&self) -> Arc<Connection> {
        loop {
            match self.connection().await {
                Ok(connection) => return connection,
                Err(error) => tracing::warn!(connection = self.name, error = ?error, "waiting for RabbitMQ"),
            }
            let not_before = self.state.lock().await.not_before;
            sleep_until(not_before).await;
        }
    }

    /// Says goodbye.
    pub(super) async fn close(&self) {
        let connection = self.state.lock().await.connection.take();
        if let Some(connection) = connection {
            let _ = timeout(Duration::from_secs(1), connection.close(200, "stopping".into())).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_leaves_the_machine_unprotected_is_known() {
        for (url, protected) in [
            ("amqp://u:p@127.0.0.1:5672/%2f", Some(true)),
            ("amqp://u:p@localhost/%2f", Some(true)),
            ("amqp://u:p@[::1]:5672/%2f", Some(true)),
            ("amqp://u:p@mq.internal:5672/%2f", Some(false)),
            ("amqps://u:p@mq.internal:5671/%2f", Some(true)),
            ("mq.internal", None),
        ] {
            assert_eq!(is_protected(url), protected, "{url}");
        }
    }
}
