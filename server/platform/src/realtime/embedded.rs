//! The hub in this process.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use parlor_hub::{ClientInfo, Hub, HubConfig, Namespace, PublishOptions};

use super::{Audience, Connection, ConnectionHook, Present, Realtime};
use crate::config;
use crate::error::{Error, Result};
use crate::outbox::{Command, DisconnectCode};

/// The embedded hub, with the same channel options as the Centrifugo configuration in `deploy/`.
#[derive(Clone)]
pub struct Embedded {
    hub: Arc<Hub>,
    /// Set before the hub is served.
    hook: Arc<OnceLock<ConnectionHook>>,
}

impl Embedded {
    /// A hub that takes tokens of the configured secret and pages of the allowed origins.
    pub fn new(config: &config::Config) -> Self {
        let mut hub = HubConfig::new(config.realtime.token_secret.expose());
        let previous = &config.realtime.token_previous_secret;
        hub.token_previous_secret = (!previous.is_empty()).then(|| previous.expose().into());
        hub.allowed_origins = config.server.allowed_origins.clone();
        hub.allowed_origins.push(config.server.public_url.trim_end_matches('/').to_owned());
        hub.ping_interval = Duration::from_secs(30);
        hub.pong_timeout = Duration::from_secs(10);
        hub.max_connections = config.realtime.max_connections;
        hub.user_connection_limit = config.realtime.user_connections;
        // Who joins a chat channel is told by `member.added`; announcing every connection to every other
        // one is quadratic when all reconnect.
        // Who looks at a channel is told by the API, which leaves out who is invisible.
        let chat = Namespace {
            join_leave: false,
            force_push_join_leave: false,
            allow_presence_for_subscriber: false,
            ..Namespace::chat()
        };
        hub.namespaces.insert("chat".to_owned(), chat);
        let hook: Arc<OnceLock<ConnectionHook>> = Arc::default();
        let told = hook.clone();
        hub.on_presence = Some(Arc::new(move |change| {
            if let Some(hook) = told.get() {
                let (user, info) = (change.user.as_ref().to_owned(), change.info.map(String::from));
                let present = Present { client: change.client, user, info };
                hook(Connection { present, connected: change.connected });
            }
        }));
        Self { hub: Hub::new(hub), hook }
    }

    /// The hub itself, to be served.
    pub fn hub(&self) -> &Arc<Hub> {
        &self.hub
    }

    fn publish(&self, channel: &str, data: &serde_json::value::RawValue, options: &PublishOptions<'_>) {
        if let Err(error) = self.hub.publish(channel, data, options) {
            metrics::counter!("parlor_realtime_refused_total").increment(1);
            tracing::error!(channel, ?error, "the hub refused a publication");
        }
    }
}

#[async_trait]
impl Realtime for Embedded {
    async fn carry_out(&self, commands: Vec<Command>) -> Result<()> {
        for command in commands {
            match command {
                Command::Publish(publish) => {
                    let options = options(&publish.idempotency_key, publish.skip_history);
                    self.publish(&publish.channel, &publish.data, &options);
                }
                Command::Broadcast(broadcast) => {
                    let options = options(&broadcast.idempotency_key, broadcast.skip_history);
                    for channel in &broadcast.channels {
                        self.publish(channel, &broadcast.data, &options);
                    }
                }
                Command::Unsubscribe(command) => self.hub.unsubscribe(&command.user, &command.channel, None),
                Command::Disconnect(command) => {
                    self.hub.disconnect(&command.user, None, &reason(command.disconnect)?, &[]);
                }
                Command::DisconnectAll(command) => {
                    self.hub.disconnect_all(&command.prefix, &reason(command.disconnect)?);
                }
            }
        }
        Ok(())
    }

    fn is_connected(&self, realtime_user: &str) -> Option<bool> {
        Some(self.hub.is_connected(realtime_user))
    }

    fn tells_of_connections(&self, hook: ConnectionHook) -> bool {
        self.hook.set(hook).is_ok()
    }

    async fn presence(&self, topics: &[String]) -> Result<Vec<Vec<Present>>> {
        let present = |info: ClientInfo| Present {
            client: info.client,
            user: info.user,
            info: info.conn_info.map(|info| info.get().to_owned()),
        };
        let of = |topic: &String| {
            let clients = self.hub.presence(topic).map_err(refused)?;
            Ok(clients.into_values().map(present).collect())
        };
        topics.iter().map(of).collect()
    }

    async fn audience(&self, topic: &str) -> Result<Audience> {
        let stats = self.hub.presence_stats(topic).map_err(refused)?;
        Ok(Audience { clients: stats.num_clients, users: stats.num_users })
    }

    async fn ping(&self) -> Result<()> {
        Ok(())
    }
}

fn refused(error: parlor_hub::CommandError) -> Error {
    Error::internal(format!("the hub refused: {error:?}"))
}

fn reason(why: DisconnectCode) -> Result<parlor_hub::Disconnect> {
    let code = u16::try_from(why.code).map_err(Error::internal)?;
    Ok(parlor_hub::Disconnect::new(code, why.reason))
}

fn options(idempotency_key: &str, skip_history: bool) -> PublishOptions<'_> {
    PublishOptions { idempotency_key: Some(idempotency_key), skip_history, ..PublishOptions::default() }
}
