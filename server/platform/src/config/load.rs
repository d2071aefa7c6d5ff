//! Merges defaults, file and environment into one table, then reads it strictly.

use std::path::Path;

use toml::{Table, Value};

use super::Config;

const DEFAULTS: &str = include_str!("default.toml");

/// Names that operators know from elsewhere.
const ALIASES: [(&str, &str, &str); 5] = [
    ("DATABASE_URL", "database", "url"),
    ("AMQP_URL", "broker", "amqp_url"),
    ("CENTRIFUGO_API_URL", "realtime", "centrifugo_api_url"),
    ("CENTRIFUGO_API_KEY", "realtime", "centrifugo_api_key"),
    ("CENTRIFUGO_TOKEN_SECRET", "realtime", "token_secret"),
];

/// Variables of ours that are no settings.
const NOT_SETTINGS: [&str; 4] = ["PARLOR_CONFIG", "PARLOR_CACHE", "PARLOR_BIN", "PARLOR_TEST_"];

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file is not there or not readable.
    #[error("cannot read the configuration file {path}: {source}")]
    File { path: String, source: std::io::Error },
    /// The file or a variable is not of the form that the setting wants.
    #[error("{origin}: {message}")]
    Invalid { origin: String, message: String },
    /// Settings that are not safe in production.
    #[error("these settings are not safe in production:\n{}", .0.iter().map(|line| format!("  - {line}")).collect::<Vec<_>>().join("\n"))]
    Unsafe(Vec<String>),
}

/// Reads the defaults, the file if there is one, and the variables.
pub fn load(
    file: Option<&Path>,
    environment: impl IntoIterator<Item = (String, String)>,
) -> Result<Config, ConfigError> {
    let invalid = |origin: &str, message: String| ConfigError::Invalid { origin: origin.to_owned(), message };
    let mut table: Table =
        DEFAULTS.parse().map_err(|e: toml::de::Error| invalid("defaults", e.to_string()))?;
    if let Some(path) = file {
        let shown = path.display().to_string();
        let text = std::fs::read_to_string(path)
            .map_err(|source| ConfigError::File { path: shown.clone(), source })?;
        let from_file: Table = text.parse().map_err(|e: toml::de::Error| invalid(&shown, e.to_string()))?;
        for (section, keys) in from_file {
            let Value::Table(keys) = keys else {
                return Err(invalid(&shown, format!("{section} is not a section")));
            };
            for (key, value) in keys {
                set(&mut table, &section, &key, value).map_err(|message| invalid(&shown, message))?;
            }
        }
    }
    // Aliases first: our own names win. Sorted, so that an error does not depend on chance.
    let mut variables: Vec<_> = environment.into_iter().collect();
    variables.sort();
    for (name, section, key) in ALIASES {
        if let Some((_, text)) = variables.iter().find(|(variable, _)| variable == name) {
            set_from_text(&mut table, section, key, text).map_err(|message| invalid(name, message))?;
        }
    }
    for (name, text) in &variables {
        let Some(rest) = name.strip_prefix("PARLOR_") else { continue };
        if NOT_SETTINGS.iter().any(|other| name.starts_with(other)) {
            continue;
        }
        let (section, key) = rest.split_once('_').unwrap_or((rest, ""));
        set_from_text(&mut table, &section.to_lowercase(), &key.to_lowercase(), text)
            .map_err(|message| invalid(name, message))?;
    }
    let config: Config = Value::Table(table)
        .try_into()
        .map_err(|e: toml::de::Error| invalid("configuration", e.message().to_owned()))?;
    config.validate()?;
    Ok(config)
}

fn set(table: &mut Table, section: &str, key: &str, value: Value) -> Result<(), String> {
    let known = table
        .get_mut(section)
        .and_then(Value::as_table_mut)
        .and_then(|keys| keys.get_mut(key))
        .ok_or_else(|| format!("there is no setting {section}.{key}"))?;
    *known = value;
    Ok(())
}

/// The default's type says how the text is read.
fn set_from_text(table: &mut Table, section: &str, key: &str, text: &str) -> Result<(), String> {
    let default = table.get(section).and_then(|keys| keys.get(key));
    let wrong = |wanted: &str| format!("{section}.{key} must be {wanted}");
    let items = || text.split(',').map(str::trim).filter(|item| !item.is_empty());
    let value = match default {
        Some(Value::Integer(_)) => Value::Integer(text.parse().map_err(|_| wrong("a whole number"))?),
        Some(Value::Boolean(_)) => Value::Boolean(text.parse().map_err(|_| wrong("true or false"))?),
        Some(Value::Array(old)) if old.first().is_some_and(Value::is_integer) => Value::Array(
            items()
                .map(|item| item.parse().map(Value::Integer).map_err(|_| wrong("whole numbers with commas")))
                .collect::<Result<_, _>>()?,
        ),
        Some(Value::Array(_)) => Value::Array(items().map(|item| Value::String(item.to_owned())).collect()),
        _ => Value::String(text.to_owned()),
    };
    set(table, section, key, value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
        load(None, variables.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())))
    }

    #[test]
    fn the_environment_overrides_the_defaults() {
        let config = with(&[
            ("DATABASE_URL", "postgres://a"),
            ("PARLOR_DATABASE_POOL_SIZE", "3"),
            ("PARLOR_SERVER_ALLOWED_ORIGINS", "https://a.example, https://b.example"),
            ("PARLOR_BROKER_RETRY_LADDER_MS", "1,2"),
        ])
        .unwrap();
        assert_eq!(config.database.url.expose(), "postgres://a");
        assert_eq!(config.database.pool_size, 3);
        assert_eq!(config.server.allowed_origins, ["https://a.example", "https://b.example"]);
        assert_eq!(config.broker.retry_ladder_ms, [1, 2]);
    }

    #[test]
    fn a_misspelt_or_wrong_setting_is_an_error_that_names_it() {
        for (variables, part) in [
            (("PARLOR_DATABASE_PULL_SIZE", "3"), "database.pull_size"),
            (("PARLOR_DATABASE_POOL_SIZE", "many"), "whole number"),
            (("PARLOR_REALTIME_KIND", "carrier-pigeon"), "carrier-pigeon"),
        ] {
            let message = with(&[variables]).unwrap_err().to_string();
            assert!(message.contains(part), "{message}");
        }
    }

    #[test]
    fn production_names_every_unsafe_setting() {
        let message = with(&[
            ("PARLOR_SERVER_MODE", "production"),
            ("PARLOR_SERVER_ALLOWED_ORIGINS", "*"),
            ("PARLOR_REALTIME_KIND", "centrifugo"),
        ])
        .unwrap_err()
        .to_string();
        for part in ["allowed_origins", "public_url", "master_keys", "token_secret", "centrifugo_api_key"] {
            assert!(message.contains(part), "{part} is missing in: {message}");
        }
    }

    #[test]
    fn production_wants_tls_to_other_hosts_unless_the_network_is_private() {
        let plain = [
            ("PARLOR_SERVER_MODE", "production"),
            ("DATABASE_URL", "postgres://u@db.internal/d"),
            ("PARLOR_BROKER_KIND", "rabbitmq"),
            ("AMQP_URL", "amqp://u:p@mq.internal/%2f"),
        ];
        let complaints = |variables: &[(&str, &str)]| {
            let said = with(variables).unwrap_err().to_string();
            [said.contains("database.url"), said.contains("broker.amqp_url")]
        };
        assert_eq!(complaints(&plain), [true, true]);
        let mut private = plain.to_vec();
        private.push(("PARLOR_SERVER_TRUSTED_NETWORK", "true"));
        assert_eq!(complaints(&private), [false, false]);
        let protected = [
            plain[0],
            ("DATABASE_URL", "postgres://u@db.internal/d?sslmode=verify-full"),
            plain[2],
            ("AMQP_URL", "amqps://u:p@mq.internal/%2f"),
        ];
        assert_eq!(complaints(&protected), [false, false]);
    }

    #[test]
    fn secrets_are_not_printed() {
        let config = with(&[("DATABASE_URL", "postgres://u:hunter2@h/d")]).unwrap();
        assert!(!format!("{config:?}").contains("hunter2"));
        assert!(!toml::to_string(&config).unwrap().contains("hunter2"));
    }
}
