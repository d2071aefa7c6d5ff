//! A private PostgreSQL cluster, made and run with the installed binaries.
//!
//! It listens on loopback with a password of its own. PostgreSQL refuses to run as root; then it runs as the
//! system's `postgres` user, who owns its directory. A server that was killed leaves the cluster running: it
//! is found by its pid file and taken over.

use std::os::unix::fs::{OpenOptionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, bail, ensure};

use super::Directory;

/// The oldest version that the schema needs.
const OLDEST: u32 = 15;

/// A running cluster; dropping it stops the cluster.
pub struct Postgres {
    tools: Tools,
    data: PathBuf,
    port: u16,
    password: String,
}

/// The binaries, and who runs them.
struct Tools {
    bin: PathBuf,
    version: u32,
    /// User and group where we are root.
    account: Option<(u32, u32)>,
}

/// Whether this process is root.
pub fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout == b"0\n")
}

/// Starts the directory's cluster, making it first if there is none.
pub async fn start(directory: &Directory) -> anyhow::Result<Postgres> {
    let data = directory.path().join("pg");
    let made_by =
        std::fs::read_to_string(data.join("PG_VERSION")).ok().and_then(|text| text.trim().parse().ok());
    let tools = Tools::find(made_by)?;
    tools.let_in(directory.path())?;
    let password = directory.secrets().database_password.clone();
    if made_by.is_none() {
        tools.init(directory.path(), &data, &password)?;
    }
    let port = match tools.running(&data)? {
        Some(port) => port,
        None => tools.launch(directory.path(), &data)?,
    };
    let postgres = Postgres { tools, data, port, password };
    postgres.create_database()?;
    Ok(postgres)
}

impl Postgres {
    /// Where and as whom to connect.
    pub fn url(&self) -> String {
        format!("postgres://parlor:{}@127.0.0.1:{}/parlor", self.password, self.port)
    }

    fn create_database(&self) -> anyhow::Result<()> {
        let maintenance = format!("postgres://parlor:{}@127.0.0.1:{}/postgres", self.password, self.port);
        let sql = "SELECT 'CREATE DATABASE parlor' WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'parlor')\\gexec";
        let mut psql = self.tools.command("psql");
        psql.args(["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1"])
            .arg(&maintenance)
            .stdin(Stdio::piped());
        let mut child =
            psql.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().context("cannot run psql")?;
        if let Some(mut input) = child.stdin.take() {
            std::io::Write::write_all(&mut input, sql.as_bytes())?;
        }
        let output = child.wait_with_output()?;
        ensure!(
            output.status.success(),
            "cannot create the database: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        );
        Ok(())
    }
}

impl Drop for Postgres {
    /// It can do without, so a failure is only logged.
    fn drop(&mut self) {
        let stopped = self.tools.run("pg_ctl", |pg_ctl| {
            pg_ctl.args(["stop", "--mode=fast", "--wait", "--pgdata"]).arg(&self.data)
        });
        if let Err(error) = stopped {
            tracing::warn!(%error, "the private PostgreSQL was not stopped");
        }
    }
}

impl Tools {
    /// The newest installed binaries, or those of the version that made the cluster.
    fn find(made_by: Option<u32>) -> anyhow::Result<Self> {
        let installed = installed();
        let fitting = installed
            .iter()
            .filter(|(version, _)| made_by.map_or(*version >= OLDEST, |made| *version == made));
        let Some((version, bin)) = fitting.max_by_key(|(version, _)| *version).cloned() else {
            let found: Vec<_> = installed.iter().map(|(version, _)| version.to_string()).collect();
            let found = if found.is_empty() { "none".to_owned() } else { found.join(", ") };
            match made_by {
                Some(made) => bail!(
                    "the data directory belongs to PostgreSQL {made}, which is not installed (found: {found}); \
                     install it, or use another --data"
                ),
                None => bail!(
                    "PostgreSQL {OLDEST} or newer is not installed (found: {found}); \
                     run script/bootstrap, or apt-get install postgresql, or brew install postgresql"
                ),
            }
        };
        let account = if is_root() {
            let id = |flag| -> anyhow::Result<u32> {
                let output = Command::new("id").args([flag, "postgres"]).output()?;
                String::from_utf8_lossy(&output.stdout).trim().parse().context(
                    "PostgreSQL does not run as root, and there is no user \"postgres\" to run it: run parlor as another user",
                )
            };
            Some((id("-u")?, id("-g")?))
        } else {
            None
        };
        Ok(Self { bin, version, account })
    }

    /// The server's user must be able to reach its directory.
    fn let_in(&self, directory: &Path) -> anyhow::Result<()> {
        if let Some((user, _)) = self.account {
            let reach =
                self.command("sh").args(["-c", "cd \"$0\""]).arg(directory).stderr(Stdio::null()).status()?;
            ensure!(
                reach.success(),
                "the user \"postgres\" (uid {user}), who runs PostgreSQL because you are root, cannot enter {}; \
                 use a --data that everybody may enter, such as /var/lib/parlor/dev",
                directory.display()
            );
        }
        Ok(())
    }

    fn init(&self, directory: &Path, data: &Path, password: &str) -> anyhow::Result<()> {
        crate::print(&format!("making a PostgreSQL {} cluster in {}", self.version, directory.display()));
        // Made beside and renamed: a crash half-way leaves nothing that looks like a cluster.
        // A name of its own for each attempt: the initdb of one that was killed may still be at work.
        let attempt = uuid::Uuid::now_v7().simple();
        remove_attempts(directory);
        let beside = directory.join(format!("pg.new.{attempt}"));
        std::fs::create_dir(&beside).context("cannot make a directory for the cluster")?;
        let password_file = directory.join(format!("pg.password.{attempt}"));
        let mut file =
            std::fs::OpenOptions::new().create_new(true).write(true).mode(0o600).open(&password_file)?;
        std::io::Write::write_all(&mut file, password.as_bytes())?;
        if let Some((user, group)) = self.account {
            chown(&beside, Some(user), Some(group))?;
            chown(&password_file, Some(user), Some(group))?;
        }
        let made = self.run("initdb", |initdb| {
            initdb
                .args(["--username=parlor", "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8"])
                .arg(format!("--pwfile={}", password_file.display()))
                .arg("--pgdata")
                .arg(&beside)
        });
        std::fs::remove_file(&password_file)?;
        made?;
        std::fs::rename(&beside, data).context("cannot put the new cluster in its place")
    }

    /// The port of a cluster that runs already; a stale pid file is removed.
    fn running(&self, data: &Path) -> anyhow::Result<Option<u16>> {
        let file = data.join("postmaster.pid");
        let Ok(text) = std::fs::read_to_string(&file) else { return Ok(None) };
        let lines: Vec<&str> = text.lines().collect();
        let pid = lines.first().and_then(|pid| pid.trim().parse::<u32>().ok());
        // The pid may have gone to another process since: pg_ctl knows.
        let runs = || self.run("pg_ctl", |pg_ctl| pg_ctl.args(["status", "--pgdata"]).arg(data)).is_ok();
        if pid.is_some_and(is_alive) && runs() {
            let port = lines.get(3).and_then(|port| port.trim().parse().ok());
            return port.map(Some).context("postmaster.pid names no port");
        }
        std::fs::remove_file(&file).context("cannot remove a stale postmaster.pid")?;
        Ok(None)
    }

    fn launch(&self, directory: &Path, data: &Path) -> anyhow::Result<u16> {
        // Asked of the kernel and given back: somebody may take it in between, so it is tried a few times.
        let mut failure = anyhow::anyhow!("no attempt");
        for _ in 0..3 {
            let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
            let log = data.join("server.log");
            let options = format!(
                "-c listen_addresses=127.0.0.1 -c port={port} -c unix_socket_directories='' -c max_connections=200"
            );
            let started = self.run("pg_ctl", |pg_ctl| {
                pg_ctl
                    .args(["start", "--wait", "--timeout=120", "--silent", "--pgdata"])
                    .arg(data)
                    .arg("--log")
                    .arg(&log)
                    .arg("-o")
                    .arg(&options)
            });
            match started {
                Ok(()) => return Ok(port),
                Err(error) => {
                    failure =
                        error.context(format!("the private PostgreSQL did not start; see {}", log.display()))
                }
            }
        }
        Err(failure.context(format!("with the data directory {}", directory.display())))
    }

    fn run<F>(&self, program: &str, arguments: F) -> anyhow::Result<()>
    where
        F: FnOnce(&mut Command) -> &mut Command,
    {
        let mut command = self.command(program);
        // The server inherits these: a pipe would stay open as long as it runs.
        let errors = tempfile(program)?;
        arguments(&mut command).stdin(Stdio::null()).stdout(Stdio::null()).stderr(errors.1);
        let status =
            command.status().with_context(|| format!("cannot run {}", self.bin.join(program).display()))?;
        let said = std::fs::read_to_string(&errors.0).unwrap_or_default();
        let _ = std::fs::remove_file(&errors.0);
        ensure!(status.success(), "{program} failed: {}", said.trim());
        Ok(())
    }

    fn command(&self, program: &str) -> Command {
        let path = self.bin.join(program);
        let mut command = Command::new(if path.exists() { path } else { PathBuf::from(program) });
        // Where everybody may be, and in a group of its own: Ctrl-C is for us, we stop the cluster in order.
        command.current_dir("/").process_group(0).env("LC_ALL", "C.UTF-8");
        if let Some((user, group)) = self.account {
            command.uid(user).gid(group);
        }
        command
    }
}

/// What attempts left that were killed.
fn remove_attempts(directory: &Path) {
    for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with("pg.new") {
            let _ = std::fs::remove_dir_all(entry.path());
        } else if name.starts_with("pg.password") {
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

fn tempfile(name: &str) -> anyhow::Result<(PathBuf, std::fs::File)> {
    let path = std::env::temp_dir().join(format!("parlor-{name}-{}", uuid::Uuid::now_v7()));
    let file = std::fs::File::create_new(&path)?;
    Ok((path, file))
}

/// A process that is there and is no zombie: where nothing reaps, a dead server keeps its pid.
fn is_alive(pid: u32) -> bool {
    match std::fs::read_to_string(format!("/proc/{pid}/stat")) {
        Ok(stat) => !stat.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with('Z')),
        Err(_) if Path::new("/proc/self").exists() => false,
        Err(_) => {
            Command::new("kill").args(["-0", &pid.to_string()]).status().is_ok_and(|status| status.success())
        }
    }
}

/// Versions that are installed, with their folders: Debian's, Homebrew's, and what is in PATH.
fn installed() -> Vec<(u32, PathBuf)> {
    let mut folders: Vec<PathBuf> = Vec::new();
    for root in ["/usr/lib/postgresql", "/opt/homebrew/opt", "/usr/local/opt"] {
        let entries = std::fs::read_dir(root).into_iter().flatten().flatten();
        folders.extend(entries.map(|entry| entry.path().join("bin")));
    }
    folders.extend(std::env::var_os("PATH").iter().flat_map(std::env::split_paths));
    let mut found = Vec::new();
    for bin in folders.into_iter().filter(|bin| bin.join("initdb").is_file() && bin.join("pg_ctl").is_file())
    {
        let Ok(output) = Command::new(bin.join("pg_ctl")).arg("--version").output() else { continue };
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let number = text.split_whitespace().find(|word| word.starts_with(|c: char| c.is_ascii_digit()));
        if let Some(version) =
            number.and_then(|number| number.split('.').next()).and_then(|major| major.parse().ok())
        {
            found.push((version, bin));
        }
    }
    found
}
