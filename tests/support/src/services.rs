//! Services of a test's own, which it may stop, kill and start without disturbing others.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use tokio::process::Command;
use uuid::Uuid;

/// How a service ends.
#[derive(Clone, Copy, Debug)]
pub enum How {
    /// It finishes what it does.
    Graceful,
    /// Without a chance to tidy up.
    Kill,
}

/// Private services in a folder of their own, started and stopped by `script/services`.
pub struct Services {
    folder: PathBuf,
    which: &'static str,
    settings: BTreeMap<String, String>,
}

impl Services {
    /// Starts `postgres`, `rabbitmq`, `centrifugo` or `all`, and waits until they answer.
    pub async fn start(which: &'static str) -> Self {
        Self::start_with(which, &["--fast"]).await
    }

    /// The same, which also speak TLS.
    pub async fn start_with_tls(which: &'static str) -> Self {
        Self::start_with(which, &["--fast", "--tls"]).await
    }

    async fn start_with(which: &'static str, options: &[&str]) -> Self {
        let folder = std::env::temp_dir().join(format!("parlor-services-{}", Uuid::new_v4().simple()));
        let mut services = Self { folder, which, settings: BTreeMap::new() };
        let printed = services.call("start", which, options).await;
        for line in printed.lines() {
            if let Some((name, value)) = line.split_once('=') {
                services.settings.insert(name.to_owned(), value.to_owned());
            }
        }
        services
    }

    /// What `start` printed under this name, such as `PARLOR_TEST_AMQP_URL`; the same after every start.
    pub fn setting(&self, name: &str) -> &str {
        match self.settings.get(name) {
            Some(value) => value,
            None => panic!("script/services printed no {name}"),
        }
    }

    /// Stops one of them.
    pub async fn stop(&self, which: &str, how: How) {
        let how = match how {
            How::Graceful => "graceful",
            How::Kill => "kill",
        };
        self.call("stop", which, &[how]).await;
    }

    /// Starts one again, at its old address and with its old data.
    pub async fn resume(&self, which: &str) {
        self.call("start", which, &[]).await;
    }

    async fn call(&self, command: &str, which: &str, more: &[&str]) -> String {
        let output =
            Command::new(script()).arg(command).arg(which).arg(&self.folder).args(more).output().await;
        match output {
            Ok(output) if output.status.success() => String::from_utf8_lossy(&output.stdout).into_owned(),
            Ok(output) => {
                panic!("script/services {command} {which}: {}", String::from_utf8_lossy(&output.stderr))
            }
            Err(error) => panic!("script/services: {error}"),
        }
    }
}

impl Drop for Services {
    fn drop(&mut self) {
        let mut stop = std::process::Command::new(script());
        let _ = stop.args(["stop", self.which]).arg(&self.folder).arg("kill").output();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../script/services")
}
