//! `parlor dev` on a data directory of the test's own.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use parlor_test_support::{free_port, until};
use serde_json::json;
use tokio::process::{Child, Command};

use crate::client::Client;
use crate::server::{binary, reqwest_client};

/// A running `parlor dev`.
pub struct DevServer {
    process: Option<Child>,
    data: PathBuf,
    url: String,
}

impl DevServer {
    /// Starts it and waits until it is ready.
    pub async fn start(data: &Path) -> Self {
        let mut dev = Self { process: None, data: data.to_owned(), url: String::new() };
        dev.launch().await;
        dev
    }

    /// A caller with this token, or with none.
    pub fn client(&self, token: Option<&str>) -> Client {
        Client::new(&self.url, token)
    }

    /// One of the demo app's people, with a token that everybody may get here.
    pub async fn person(&self, id: &str) -> Client {
        let anyone = reqwest_client();
        let request = anyone.post(format!("{}/dev/token", self.url)).json(&json!({ "user_id": id }));
        let answer = self.client(None).send(request).await.gives(200);
        self.client(answer["token"].as_str())
    }

    /// SIGKILL, then the same command again.
    pub async fn kill_and_restart(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = process.kill().await;
        }
        self.launch().await;
    }

    /// SIGTERM; returns when it has ended.
    pub async fn stop(&mut self) {
        let Some(mut process) = self.process.take() else { return };
        if let Some(pid) = process.id() {
            let _ = Command::new("kill").arg(pid.to_string()).status().await;
        }
        let ended = process.wait().await;
        assert!(ended.is_ok_and(|status| status.success()), "parlor dev did not end well");
    }

    async fn launch(&mut self) {
        let (api, hub) = (free_port(), free_port());
        self.url = format!("http://127.0.0.1:{api}");
        let mut command = Command::new(binary());
        command.arg("dev").arg("--data").arg(&self.data);
        command.args(["--listen", &format!("127.0.0.1:{api}"), "--hub-listen", &format!("127.0.0.1:{hub}")]);
        command.env("PARLOR_TELEMETRY_LOG", "warn").env("PARLOR_DATABASE_WAIT_TIMEOUT_MS", "20000");
        command.stdin(Stdio::null()).stdout(Stdio::null()).kill_on_drop(true);
        match command.spawn() {
            Ok(child) => self.process = Some(child),
            Err(error) => panic!("parlor dev: {error}"),
        }
        let (client, ready) = (reqwest_client(), format!("{}/readyz", self.url));
        until("parlor dev is ready", async || {
            client.get(&ready).send().await.is_ok_and(|answer| answer.status().is_success())
        })
        .await;
    }
}

impl Drop for DevServer {
    /// A failed test must not leave a cluster running: it survives the server by design.
    fn drop(&mut self) {
        if let Some(process) = &mut self.process {
            let _ = process.start_kill();
        }
        let file = self.data.join("pg/postmaster.pid");
        let pid = std::fs::read_to_string(file).ok().and_then(|text| text.lines().next().map(str::to_owned));
        if let Some(pid) = pid {
            // SIGINT is PostgreSQL's fast shutdown.
            let _ = std::process::Command::new("kill").args(["-INT", &pid]).status();
        }
    }
}
