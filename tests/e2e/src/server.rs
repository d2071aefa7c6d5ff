//! One `parlor serve` (and `parlor work`, where jobs leave the process) on free ports.

use std::path::PathBuf;
use std::process::Stdio;

use parlor_platform::crypto;
use parlor_test_support::{Services, TestDb, free_port, setting, until};
use serde_json::Value;
use tokio::process::{Child, Command};

use crate::client::{Answer, App, Client};

/// Which pair of implementations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// The hub in the process, the outbox as the queue.
    Embedded,
    /// Centrifugo and RabbitMQ.
    Cluster,
}

impl Mode {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Embedded, Self::Cluster];
}

/// One more process on a server's data; it ends when this is dropped.
pub struct Node {
    _process: Child,
    /// `http://127.0.0.1:…`
    pub url: String,
}

/// One more process that works off jobs; it is killed when this is dropped.
pub struct Worker {
    _process: Child,
}

/// A running server.
pub struct Server {
    // Ends before its database goes.
    processes: Vec<Child>,
    pub mode: Mode,
    pub db: TestDb,
    /// `http://127.0.0.1:…`
    pub url: String,
    /// `ws://127.0.0.1:…` of the hub or of Centrifugo.
    pub realtime_url: String,
    variables: Vec<(String, String)>,
}

impl Server {
    /// Starts a server and waits until it is ready.
    pub async fn start(mode: Mode) -> Self {
        Self::start_with(mode, &[]).await
    }

    /// The same with settings of the test's own.
    pub async fn start_with(mode: Mode, settings: &[(&str, &str)]) -> Self {
        Self::start_where(mode, settings, setting).await
    }

    /// The same on services of the test's own, which it may stop.
    pub async fn start_on(services: &Services, mode: Mode, settings: &[(&str, &str)]) -> Self {
        Self::start_where(mode, settings, |name| services.setting(name).to_owned()).await
    }

    async fn start_where(mode: Mode, settings: &[(&str, &str)], setting: impl Fn(&str) -> String) -> Self {
        let db = TestDb::on(setting("PARLOR_TEST_PG_ADMIN_URL")).await;
        let (api, hub) = (free_port(), free_port());
        let mut variables = vec![
            ("PARLOR_DATABASE_URL".to_owned(), db.url()),
            ("PARLOR_SERVER_LISTEN".to_owned(), format!("127.0.0.1:{api}")),
            ("PARLOR_SERVER_PUBLIC_URL".to_owned(), format!("http://127.0.0.1:{api}")),
            // A busy machine may need long for a connection; tests that want to see it give up say so.
            ("PARLOR_DATABASE_WAIT_TIMEOUT_MS".to_owned(), "20000".to_owned()),
            ("PARLOR_SERVER_USER_RATE_LIMIT_RPS".to_owned(), "10000".to_owned()),
            ("PARLOR_SECURITY_MASTER_KEYS".to_owned(), crypto::new_master_key()),
            ("PARLOR_TELEMETRY_LOG".to_owned(), "warn".to_owned()),
        ];
        let realtime_url = match mode {
            Mode::Embedded => {
                variables.push(("PARLOR_REALTIME_TOKEN_SECRET".to_owned(), crypto::new_secret()));
                variables.push(("PARLOR_REALTIME_LISTEN".to_owned(), format!("127.0.0.1:{hub}")));
                format!("ws://127.0.0.1:{hub}")
            }
            Mode::Cluster => {
                let url = setting("PARLOR_TEST_CENTRIFUGO_WS_URL");
                let base = url.trim_end_matches("/connection/websocket").to_owned();
                for (name, value) in [
                    ("PARLOR_REALTIME_KIND", "centrifugo".to_owned()),
                    ("PARLOR_REALTIME_TOKEN_SECRET", setting("PARLOR_TEST_CENTRIFUGO_SECRET")),
                    ("PARLOR_REALTIME_CENTRIFUGO_API_URL", setting("PARLOR_TEST_CENTRIFUGO_API_URL")),
                    ("PARLOR_REALTIME_CENTRIFUGO_API_KEY", setting("PARLOR_TEST_CENTRIFUGO_API_KEY")),
                    ("PARLOR_BROKER_KIND", "rabbitmq".to_owned()),
                    ("PARLOR_BROKER_AMQP_URL", setting("PARLOR_TEST_AMQP_URL")),
                    // One RabbitMQ for all tests: each has queues of its own.
                    ("PARLOR_BROKER_PREFIX", format!("test-{}", uuid::Uuid::new_v4().simple())),
                ] {
                    variables.push((name.to_owned(), value));
                }
                base
            }
        };
        variables.push(("PARLOR_REALTIME_PUBLIC_URL".to_owned(), realtime_url.clone()));
        for (name, value) in settings {
            variables.retain(|(known, _)| known != name);
            variables.push(((*name).to_owned(), (*value).to_owned()));
        }
        let url = format!("http://127.0.0.1:{api}");
        let mut server = Self { mode, db, url, realtime_url, variables, processes: Vec::new() };
        server.launch().await;
        server
    }

    /// Starts the processes, the first time or after [`Self::kill`], on the same ports and data.
    pub async fn launch(&mut self) {
        self.begin();
        self.ready().await;
    }

    /// Starts the processes and does not wait: what they need may be away.
    pub fn begin(&mut self) {
        self.processes.push(self.spawn(&["serve"], &[]));
        if self.mode == Mode::Cluster {
            self.processes.push(self.spawn(&["work"], &[]));
        }
    }

    /// Waits until the server says that it can work.
    pub async fn ready(&self) {
        let client = reqwest_client();
        let ready = format!("{}/readyz", self.url);
        until("the server is ready", async || {
            client.get(&ready).send().await.is_ok_and(|answer| answer.status().is_success())
        })
        .await;
    }

    /// One more `parlor serve` on the same database and brokers, at an address of its own.
    pub async fn another_node(&self) -> Node {
        let port = free_port();
        let url = format!("http://127.0.0.1:{port}");
        let settings = [
            ("PARLOR_SERVER_LISTEN", format!("127.0.0.1:{port}")),
            ("PARLOR_SERVER_PUBLIC_URL", url.clone()),
        ];
        let process = self.spawn(&["serve"], &settings);
        let (client, ready) = (reqwest_client(), format!("{url}/readyz"));
        until("the node is ready", async || {
            client.get(&ready).send().await.is_ok_and(|answer| answer.status().is_success())
        })
        .await;
        Node { _process: process, url }
    }

    /// One more `parlor work` on the same database and brokers.
    pub fn another_worker(&self) -> Worker {
        Worker { _process: self.spawn(&["work"], &[]) }
    }

    /// Whether all processes live.
    pub fn is_running(&mut self) -> bool {
        self.processes.iter_mut().all(|process| matches!(process.try_wait(), Ok(None)))
    }

    /// SIGKILL to all processes; returns when they are gone.
    pub async fn kill(&mut self) {
        for mut process in self.processes.drain(..) {
            let _ = process.kill().await;
        }
    }

    /// SIGTERM to all processes; returns when they have ended, with whether all ended well.
    pub async fn terminate(&mut self) -> bool {
        let mut well = true;
        for mut process in self.processes.drain(..) {
            if let Some(pid) = process.id() {
                let _ = Command::new("kill").arg(pid.to_string()).status().await;
            }
            well &= process.wait().await.is_ok_and(|status| status.success());
        }
        well
    }

    /// Runs a subcommand with the server's settings and gives what it printed.
    pub async fn command(&self, arguments: &[&str]) -> Result<String, String> {
        let settings: Vec<(&str, &str)> =
            self.variables.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        parlor(arguments, &settings).await
    }

    /// Starts a subcommand with the server's settings and does not wait for it; it is killed when this is dropped.
    pub fn begin_command(&self, arguments: &[&str]) -> Child {
        self.spawn(arguments, &[])
    }

    /// What signs the tokens of realtime, for a test that makes some itself.
    pub fn realtime_secret(&self) -> &str {
        let secret = self.variables.iter().find(|(name, _)| name == "PARLOR_REALTIME_TOKEN_SECRET");
        secret.map_or("", |(_, secret)| secret)
    }

    /// Creates a tenant.
    pub async fn app(&self, name: &str) -> App {
        let arguments = ["app", "create", name, "--json", "--guests", "--rate-limit", "100000"];
        let printed = match self.command(&arguments).await {
            Ok(printed) => printed,
            Err(error) => panic!("parlor app create: {error}"),
        };
        let Ok(keys) = serde_json::from_str::<Value>(&printed) else { panic!("not JSON: {printed}") };
        let text = |key: &str| keys.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        App {
            id: text("app_id"),
            public_key: text("public_key"),
            secret: text("secret"),
            server: self.client(Some(&text("secret"))),
            url: self.url.clone(),
        }
    }

    /// A caller with this token, or with none.
    pub fn client(&self, token: Option<&str>) -> Client {
        Client::new(&self.url, token)
    }

    /// Waits until everything that was decided was told: the outbox is empty.
    pub async fn settled(&self) {
        let metrics = self.client(None);
        until("the outbox is empty", async || {
            let answer: Answer = metrics.at_root("/metrics").await;
            answer.text.lines().any(|line| line == "parlor_outbox_rows 0")
        })
        .await;
    }

    fn spawn(&self, arguments: &[&str], settings: &[(&str, String)]) -> Child {
        let mut command = Command::new(binary());
        command.args(arguments).envs(self.variables.iter().cloned()).envs(settings.iter().cloned());
        command.stdin(Stdio::null()).kill_on_drop(true);
        match command.spawn() {
            Ok(child) => child,
            Err(error) => panic!("{}: {error}; build it with `cargo build -p parlor`", binary().display()),
        }
    }
}

/// Runs the binary to its end with these settings: what it printed, or what it complained of.
pub async fn parlor(arguments: &[&str], settings: &[(&str, &str)]) -> Result<String, String> {
    let mut command = Command::new(binary());
    command.args(arguments).envs(settings.iter().copied()).stdin(Stdio::null()).kill_on_drop(true);
    let output = command.output().await.map_err(|error| error.to_string())?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
}

/// `parlor`, which `cargo build` puts two folders above this test.
pub(crate) fn binary() -> PathBuf {
    let test = match std::env::current_exe() {
        Ok(path) => path,
        Err(error) => panic!("where am I? {error}"),
    };
    let folder = test.ancestors().nth(2).unwrap_or(&test);
    folder.join("parlor")
}

#[expect(clippy::disallowed_methods, reason = "a test's client goes to loopback and nowhere else")]
pub(crate) fn reqwest_client() -> reqwest::Client {
    reqwest::Client::new()
}
