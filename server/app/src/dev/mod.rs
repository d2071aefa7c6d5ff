//! `parlor dev`: everything on one machine, for trying it out and for tests.
//!
//! A data directory holds a private PostgreSQL cluster and the secrets that were made for it. The same
//! directory is used again after a crash: a cluster that is still running is taken over, one that died is
//! started and recovers. Tokens for the demo app's users are given to everybody, so this listens on loopback
//! and is nothing for production.

mod demo;
mod directory;
mod postgres;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;
use parlor_platform::{config, db, telemetry};

pub use demo::{DemoApp, demo, routes};
pub use directory::Directory;

use crate::{cause, print, run};

/// How `parlor dev` runs.
#[derive(Args)]
pub struct Options {
    /// Where the cluster and its secrets are.
    #[arg(long, default_value_os_t = directory::default_path())]
    data: PathBuf,
    /// Where the API and the demo page listen.
    #[arg(long, default_value = "127.0.0.1:8000")]
    listen: SocketAddr,
    /// Where the embedded realtime hub listens.
    #[arg(long, default_value = "127.0.0.1:8001")]
    hub_listen: SocketAddr,
    /// The built demo page.
    #[arg(long, default_value = "examples/demo/dist")]
    page: PathBuf,
}

/// Runs until a signal comes.
pub async fn run(file: Option<&Path>, options: Options) -> anyhow::Result<()> {
    for (what, address) in [("--listen", options.listen), ("--hub-listen", options.hub_listen)] {
        anyhow::ensure!(
            address.ip().is_loopback(),
            "{what} must be a loopback address: anybody may get a token here"
        );
        // Said before anything is started; the real bind follows.
        drop(
            std::net::TcpListener::bind(address)
                .with_context(|| format!("cannot listen on {address} ({what})"))?,
        );
    }
    let directory = Directory::open(&options.data)?;
    // Stopped when this function is left, by whichever way.
    let postgres = postgres::start(&directory).await?;
    let settings = settings(&options, &directory, &postgres.url());
    let config = config::load(file, settings)?;
    let _traces = telemetry::start_logs(&config.telemetry).map_err(cause)?;
    directory.write_settings(&shared(&config))?;
    let applied = db::migrate(&config.database).await.map_err(cause)?;
    if !applied.is_empty() {
        print(&format!("applied {} migrations", applied.len()));
    }
    run::serve(config, run::Extra { demo: Some(directory.clone()) }).await
}

/// What another command must know to speak to the same cluster.
fn shared(config: &config::Config) -> toml::Table {
    let master_keys = config.security.master_keys.iter().map(|key| key.expose());
    toml::toml! {
        [database]
        url = (config.database.url.expose())
        [security]
        master_keys = (master_keys.collect::<Vec<_>>())
        [realtime]
        token_secret = (config.realtime.token_secret.expose())
    }
}

/// The environment, completed by what a development server is.
fn settings(options: &Options, directory: &Directory, database_url: &str) -> BTreeMap<String, String> {
    let mut settings: BTreeMap<String, String> = std::env::vars().collect();
    let api = format!("http://{}", options.listen);
    let origins = [api.clone(), api.replace("127.0.0.1", "localhost"), "http://localhost:5173".to_owned()];
    let page = if options.page.join("index.html").is_file() {
        options.page.display().to_string()
    } else {
        String::new()
    };
    let secrets = directory.secrets();
    for (name, value) in [
        ("PARLOR_DATABASE_URL", database_url.to_owned()),
        ("PARLOR_SECURITY_MASTER_KEYS", secrets.master_key.clone()),
        ("PARLOR_REALTIME_TOKEN_SECRET", secrets.token_secret.clone()),
        ("PARLOR_SERVER_LISTEN", options.listen.to_string()),
        ("PARLOR_SERVER_PUBLIC_URL", api),
        ("PARLOR_SERVER_STATIC_DIR", page),
        ("PARLOR_REALTIME_LISTEN", options.hub_listen.to_string()),
        ("PARLOR_REALTIME_PUBLIC_URL", format!("ws://{}", options.hub_listen)),
    ] {
        settings.insert(name.to_owned(), value);
    }
    // These a developer may set.
    settings.entry("PARLOR_SERVER_ALLOWED_ORIGINS".to_owned()).or_insert_with(|| origins.join(","));
    // A laptop that compiles at the same time is slow, and nobody waits behind this one.
    settings.entry("PARLOR_DATABASE_WAIT_TIMEOUT_MS".to_owned()).or_insert_with(|| "5000".to_owned());
    settings.entry("PARLOR_TELEMETRY_LOG_FORMAT".to_owned()).or_insert_with(|| "text".to_owned());
    settings
}
