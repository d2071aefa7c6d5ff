//! `parlor app`: the tenants.

use clap::Subcommand;
use parlor_chat::apps::admin::{self, NewApp};
use parlor_platform::config::{Config, Mode};
use parlor_platform::keys::NewKey;
use parlor_protocol::{AppId, ErrorCode};
use serde_json::json;

use crate::wiring::Parts;
use crate::{cause, print};

#[derive(Subcommand)]
pub enum AppCommand {
    /// Create an app and its first key. The secret is shown this once.
    Create {
        /// Its name.
        name: String,
        /// Requests a second that it may make.
        #[arg(long, default_value_t = 100)]
        rate_limit: i32,
        /// Let visitors in as guests.
        #[arg(long)]
        guests: bool,
        /// Where events are sent to.
        #[arg(long)]
        webhook_url: Option<String>,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// List all apps with their public keys.
    List {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Make a new key. The old ones go on working for a while.
    RotateKey {
        /// The app's id.
        app: AppId,
        /// Hours that the old keys go on working.
        #[arg(long, default_value_t = 24, value_parser = clap::value_parser!(u32).range(..=8_760))]
        overlap_hours: u32,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Refuse every request of an app, and end its realtime connections.
    Suspend {
        /// The app's id.
        app: AppId,
        /// Take the suspension back.
        #[arg(long)]
        undo: bool,
    },
}

/// Does it.
pub async fn run(config: Config, command: AppCommand) -> anyhow::Result<()> {
    let parts = Parts::patient(config).map_err(cause)?;
    let (db, keys, now) = (&parts.db, &parts.keys, parts.clock.now());
    match command {
        AppCommand::Create { name, rate_limit, guests, webhook_url, json } => {
            let insecure = webhook_url.as_ref().is_some_and(|url| !url.starts_with("https://"));
            anyhow::ensure!(
                !(insecure && parts.config.server.mode == Mode::Production),
                "in production a webhook's URL must be https"
            );
            let new = NewApp { name, rate_limit_rps: rate_limit, guests_enabled: guests, webhook_url };
            let (app, key) = admin::create(db, keys, new, now).await.map_err(cause)?;
            show(app, &key, json);
        }
        AppCommand::List { json } => {
            let apps = admin::list(db).await.map_err(cause)?;
            if json {
                print(&serde_json::to_string_pretty(&apps)?);
            } else {
                for app in apps {
                    let keys: Vec<_> = app.keys.iter().map(|key| key.id.as_str()).collect();
                    print(&format!(
                        "{}  {}  {} requests/s  {}",
                        app.id,
                        app.name,
                        app.rate_limit_rps,
                        keys.join(" ")
                    ));
                }
            }
        }
        AppCommand::RotateKey { app, overlap_hours, json } => {
            let overlap = chrono::Duration::hours(i64::from(overlap_hours));
            let key =
                admin::rotate_key(db, keys, app, overlap, now).await.map_err(|error| unknown(app, error))?;
            show(app, &key, json);
        }
        AppCommand::Suspend { app, undo } => {
            let at = (!undo).then_some(now);
            admin::suspend(db, &parts.config, app, at).await.map_err(|error| unknown(app, error))?;
            print(if undo { "the app is served again" } else { "the app is suspended" });
        }
    }
    Ok(())
}

fn unknown(app: AppId, error: parlor_platform::Error) -> anyhow::Error {
    match error.code() {
        ErrorCode::NotFound => anyhow::anyhow!("there is no app {app}"),
        _ => cause(error),
    }
}

fn show(app: AppId, key: &NewKey, as_json: bool) {
    if as_json {
        print(&json!({ "app_id": app, "public_key": key.id, "secret": key.secret }).to_string());
    } else {
        print(&format!(
            "app id      {app}\npublic key  {}\nsecret      {}\n\nKeep the secret on your server; it is not shown again.",
            key.id, key.secret
        ));
    }
}
