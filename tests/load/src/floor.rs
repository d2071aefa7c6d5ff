//! What PostgreSQL itself can do: `pgbench` inserting one message-sized row a transaction.
//!
//! The least that a durable send must cost: text of 100 bytes, a UUID as primary key, the timeline's index, and a
//! commit that waits for the disk. The same cluster, settings and way of connecting as the server's own.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use tokio::process::Command;
use tokio_postgres::config::{Config, Host};

use crate::postgres::Database;
use crate::stats::Latency;

const TABLE: &str = "CREATE TABLE floor_messages (
    id uuid PRIMARY KEY, channel_id bigint NOT NULL, seq bigint GENERATED ALWAYS AS IDENTITY, text text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now());
CREATE INDEX floor_timeline ON floor_messages (channel_id, seq);";
const SCRIPT: &str = "\\set channel random(1, 200)
INSERT INTO floor_messages (id, channel_id, text) VALUES (gen_random_uuid(), :channel, repeat('x', 100));
";

/// A database in which the floor is measured.
pub struct Floor {
    database: Database,
    pgbench: PathBuf,
    directory: PathBuf,
}

/// A measured floor.
pub struct Inserts {
    pub per_second: f64,
    pub latency: Latency,
}

impl Floor {
    /// Prepares it; its files go into `directory`.
    pub async fn prepare(admin_url: &str, directory: &Path) -> Result<Self> {
        let database = Database::create(admin_url, "floor").await?;
        database.sql.batch_execute(TABLE).await?;
        std::fs::write(directory.join("floor.sql"), SCRIPT)?;
        let bin = std::env::var_os("PARLOR_TEST_PG_BIN").map(PathBuf::from).unwrap_or_default();
        Ok(Self { database, pgbench: bin.join("pgbench"), directory: directory.to_owned() })
    }

    /// Inserts with so many clients for so many whole seconds; with many clients for one more, because pgbench counts
    /// the time that it takes to connect them.
    pub async fn measure(&self, clients: usize, seconds: u64) -> Result<Inserts> {
        let seconds = seconds + u64::from(clients > 16);
        let url = self.database.url()?;
        let config: Config = url.parse()?;
        let host = match config.get_hosts().first() {
            Some(Host::Tcp(host)) => host.clone(),
            _ => "127.0.0.1".to_owned(),
        };
        let log = self.directory.join("floor");
        let output = Command::new(&self.pgbench)
            .args([
                "-n",
                "-M",
                "prepared",
                "-l",
                "-c",
                &clients.to_string(),
                "-j",
                &clients.min(2).to_string(),
            ])
            .args(["-T", &seconds.to_string(), "-f"])
            .arg(self.directory.join("floor.sql"))
            .arg("--log-prefix")
            .arg(&log)
            .args(["-h", &host, "-p", &config.get_ports().first().unwrap_or(&5432).to_string()])
            .args(["-U", config.get_user().unwrap_or("postgres")])
            .arg(config.get_dbname().context("a database URL without a name")?)
            .env("PGPASSWORD", String::from_utf8_lossy(config.get_password().unwrap_or_default()).as_ref())
            .kill_on_drop(true)
            .output()
            .await
            .with_context(|| format!("running {}", self.pgbench.display()))?;
        if !output.status.success() {
            bail!("pgbench failed: {}", String::from_utf8_lossy(&output.stderr));
        }
        let per_second = parse_tps(&String::from_utf8_lossy(&output.stdout))?;
        Ok(Inserts { per_second, latency: self.latencies()? })
    }

    /// Removes its database.
    pub async fn remove(self) -> Result<()> {
        self.database.drop().await
    }

    fn latencies(&self) -> Result<Latency> {
        let mut latency = Latency::default();
        for entry in std::fs::read_dir(&self.directory)?.flatten() {
            if entry.file_name().to_string_lossy().starts_with("floor.")
                && entry.path().extension() != Some("sql".as_ref())
            {
                let log = std::fs::read_to_string(entry.path())?;
                log.lines().filter_map(parse_latency).for_each(|nanos| latency.record(nanos));
                std::fs::remove_file(entry.path())?;
            }
        }
        Ok(latency)
    }
}

fn parse_tps(output: &str) -> Result<f64> {
    let line = output.lines().find_map(|line| line.strip_prefix("tps = "));
    let number = line.and_then(|line| line.split(' ').next()?.parse().ok());
    number.context("pgbench said no rate: on a busy machine, connecting takes all of its time")
}

/// A line of pgbench's log: client, transaction, microseconds, …
fn parse_latency(line: &str) -> Option<u64> {
    Some(line.split(' ').nth(2)?.parse::<u64>().ok()? * 1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_pgbench_prints_is_read() {
        let output = "latency average = 1.1 ms\ntps = 13702.25 (without initial connection time)\n";
        assert_eq!(parse_tps(output).unwrap(), 13702.25);
        assert!(parse_tps("connection refused").is_err());
        assert_eq!(parse_latency("0 199 2241 0 1175850568 995598"), Some(2_241_000));
        assert_eq!(parse_latency(""), None);
    }
}
