//! The server under test: one process with embedded hub and queue, on its own database, limits out of the way.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use tokio::process::Command;

use crate::postgres::Database;
use crate::process::{Server, free_port};
use crate::rest::Api;

/// More than any generator here asks for.
const NO_LIMIT: &str = "1000000";
/// Thirty-two bytes that protect nothing: the database lives as long as the bench.
const MASTER_KEY: &str = "cGFybG9yLWxvYWQtYmVuY2gtbWFzdGVyLWtleS0wMDE=";

/// A running server, its database, and an app in it.
pub struct Parlor {
    pub database: Database,
    pub server: Server,
    /// `host:port` of the API.
    pub host: String,
    /// Public half of the app's key.
    pub key: String,
    /// The app's secret.
    pub secret: String,
    /// The app's id.
    pub app: String,
    settings: Vec<(&'static str, String)>,
}

impl Parlor {
    /// Makes the database, migrates it, makes an app, starts the server.
    pub async fn start(admin_url: &str, directory: &Path) -> Result<Self> {
        let database = Database::create(admin_url, "send").await?;
        let host = format!("127.0.0.1:{}", free_port()?);
        let realtime = format!("127.0.0.1:{}", free_port()?);
        let settings = vec![
            ("PARLOR_DATABASE_URL", database.url()?),
            ("PARLOR_SERVER_LISTEN", host.clone()),
            ("PARLOR_SERVER_PUBLIC_URL", format!("http://{host}")),
            ("PARLOR_SERVER_USER_RATE_LIMIT_RPS", NO_LIMIT.to_owned()),
            ("PARLOR_SERVER_IP_RATE_LIMIT_RPS", NO_LIMIT.to_owned()),
            ("PARLOR_SECURITY_MASTER_KEYS", MASTER_KEY.to_owned()),
            ("PARLOR_REALTIME_LISTEN", realtime.clone()),
            ("PARLOR_REALTIME_PUBLIC_URL", format!("ws://{realtime}")),
            ("PARLOR_REALTIME_TOKEN_SECRET", "a-secret-of-the-load-generator-only".to_owned()),
            ("PARLOR_TELEMETRY_LOG", "warn".to_owned()),
        ];
        let command = |arguments: &[&str]| command(&settings, arguments);
        run(command(&["migrate"])?).await?;
        let app = run(command(&["app", "create", "bench", "--rate-limit", NO_LIMIT, "--json"])?).await?;
        let app: Value = serde_json::from_str(&app).with_context(|| format!("`app create` printed {app}"))?;
        let key = find(&app, "pk_").context("`app create` printed no key")?;
        let secret = find(&app, "sk_").context("`app create` printed no secret")?;
        let id = app["app_id"].as_str().context("`app create` printed no id")?.to_owned();
        let mut server = Server::start(&mut command(&["serve"])?, &directory.join("parlor.log"))?;
        server.listening(&host).await?;
        server.listening(&realtime).await?;
        Ok(Self { database, server, host, key, secret, app: id, settings })
    }

    /// Runs a subcommand on the same database, and gives what it printed.
    pub async fn run(&self, arguments: &[&str]) -> Result<String> {
        run(command(&self.settings, arguments)?).await
    }

    /// A connection that speaks as the app's own server.
    pub async fn api(&self) -> Result<Api> {
        Api::connect(&self.host, &self.secret).await
    }

    /// A user's token.
    pub fn token(&self, user: &str) -> Result<String> {
        crate::centrifuge::user_token(&self.key, &self.secret, user)
    }
}

/// A program: named by the environment, or beside this one.
pub fn binary(variable: &str, name: &str) -> Result<PathBuf> {
    if let Some(path) = std::env::var_os(variable) {
        return Ok(path.into());
    }
    let path = std::env::current_exe()?.parent().context("a program without a directory")?.join(name);
    ensure!(path.exists(), "{} is not built, and {variable} names no other", path.display());
    Ok(path)
}

fn command(settings: &[(&str, String)], arguments: &[&str]) -> Result<Command> {
    let mut command = Command::new(binary("PARLOR_TEST_BIN", "parlor")?);
    command.args(arguments).envs(settings.iter().map(|(name, value)| (name, value)));
    Ok(command)
}

async fn run(mut command: Command) -> Result<String> {
    let output = command.kill_on_drop(true).output().await.context("starting parlor")?;
    if !output.status.success() {
        bail!("{:?} failed:\n{}", command.as_std(), String::from_utf8_lossy(&output.stderr));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The first text in `value` that begins so.
fn find(value: &Value, prefix: &str) -> Option<String> {
    match value {
        Value::String(text) if text.starts_with(prefix) => Some(text.clone()),
        Value::Array(items) => items.iter().find_map(|item| find(item, prefix)),
        Value::Object(fields) => fields.values().find_map(|field| find(field, prefix)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_found_by_their_prefix() {
        let printed = serde_json::json!({"id": "1", "keys": [{"id": "pk_1", "secret": "sk_1_x"}]});
        assert_eq!(find(&printed, "pk_").as_deref(), Some("pk_1"));
        assert_eq!(find(&printed, "sk_").as_deref(), Some("sk_1_x"));
        assert_eq!(find(&printed, "xx_"), None);
    }
}
