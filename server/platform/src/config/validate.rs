//! What makes a configuration impossible, and what makes it unsafe in production.

use super::{BrokerKind, Config, ConfigError, Mode, RealtimeKind};
use crate::{broker, db, realtime};

/// A token secret shorter than this can be guessed (RFC 7518 asks for as many bytes as the hash has).
const SECRET_BYTES: usize = 32;

impl Config {
    /// Refuses impossible settings always, and unsafe ones in production mode.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let impossible = [
            (self.database.pool_size < 2, "database.pool_size must be at least 2"),
            (!(10..=1000).contains(&self.outbox.busy_window_ms), "outbox.busy_window_ms must be 10 to 1000"),
            (self.presence.check_ms < 100, "presence.check_ms must be at least 100"),
            (
                self.presence.idle_s < 120 || self.presence.away_s <= self.presence.idle_s,
                "presence.idle_s must be at least 120, and presence.away_s more than that",
            ),
            (self.outbox.lanes < 1, "outbox.lanes must be at least 1"),
            (self.chat.send_batch < 1 || self.chat.send_batch > 1000, "chat.send_batch must be 1 to 1000"),
            (self.chat.upkeep_s < 1, "chat.upkeep_s must be at least 1"),
            (self.broker.concurrency < 1, "broker.concurrency must be at least 1"),
            (self.broker.retry_ladder_ms.is_empty(), "broker.retry_ladder_ms needs at least one step"),
            (self.realtime.token_ttl_s < 60, "realtime.token_ttl_s must be at least 60"),
            (self.server.user_rate_limit_rps < 1, "server.user_rate_limit_rps must be at least 1"),
            (self.server.ip_rate_limit_rps < 1, "server.ip_rate_limit_rps must be at least 1"),
            (
                cfg!(not(feature = "otlp")) && !self.telemetry.otlp_endpoint.is_empty(),
                "telemetry.otlp_endpoint is set, and this build sends no traces (feature `otlp`)",
            ),
        ];
        if let Some((_, message)) = impossible.into_iter().find(|(wrong, _)| *wrong) {
            return Err(ConfigError::Invalid { origin: "configuration".into(), message: message.into() });
        }
        let problems = self.unsafe_settings();
        if self.server.mode == Mode::Production && !problems.is_empty() {
            return Err(ConfigError::Unsafe(problems));
        }
        Ok(())
    }

    fn unsafe_settings(&self) -> Vec<String> {
        let origins = &self.server.allowed_origins;
        let centrifugo = self.realtime.kind == RealtimeKind::Centrifugo;
        let rabbitmq = self.broker.kind == BrokerKind::Rabbitmq;
        let exposed = |is_protected| !self.server.trusted_network && is_protected == Some(false);
        [
            (origins.iter().any(|origin| origin == "*"), "server.allowed_origins is \"*\": name the origins"),
            (
                origins.iter().any(|origin| origin.starts_with("http://")),
                "server.allowed_origins has an http:// origin: use https",
            ),
            (!self.server.public_url.starts_with("https://"), "server.public_url must be https"),
            (!self.realtime.public_url.starts_with("wss://"), "realtime.public_url must be wss"),
            (self.security.master_keys.is_empty(), "security.master_keys is empty"),
            (
                self.realtime.token_secret.expose().len() < SECRET_BYTES,
                "realtime.token_secret must have at least 32 bytes",
            ),
            (
                (1..SECRET_BYTES).contains(&self.realtime.token_previous_secret.expose().len()),
                "realtime.token_previous_secret must have at least 32 bytes, or none",
            ),
            (
                centrifugo && self.realtime.centrifugo_api_key.expose().len() < 16,
                "realtime.centrifugo_api_key must have at least 16 bytes: Centrifugo's API must not be \
                 reachable without it",
            ),
            (
                exposed(db::is_protected(self.database.url.expose())),
                "database.url leaves this host without TLS: add ?sslmode=verify-full, or set \
                 server.trusted_network",
            ),
            (
                rabbitmq && exposed(broker::is_protected(self.broker.amqp_url.expose())),
                "broker.amqp_url leaves this host without TLS: use amqps://, or set server.trusted_network",
            ),
            (
                centrifugo && exposed(realtime::is_protected(&self.realtime.centrifugo_api_url)),
                "realtime.centrifugo_api_url leaves this host without TLS: use https://, or set \
                 server.trusted_network",
            ),
            (
                rabbitmq && self.broker.amqp_url.expose().contains("guest:guest@"),
                "broker.amqp_url uses RabbitMQ's default account",
            ),
        ]
        .into_iter()
        .filter(|(wrong, _)| *wrong)
        .map(|(_, message)| message.to_owned())
        .collect()
    }
}
