//! The two realtime servers that are compared: the embedded hub as a process of its own, and Centrifugo.
//!
//! Both have the namespace `chat` as Parlor ships it (history, recovery, presence, announced joins), and both are
//! published to by the same HTTP API.

use std::path::Path;

use anyhow::{Context, Result};
use tokio::process::Command;

use crate::centrifuge::{Signer, Subscriber};
use crate::crowd::Crowd;
use crate::http::split_url;
use crate::parlor::binary;
use crate::process::{self, Server, free_port};
use crate::publisher::{Publisher, Target};

/// A running realtime server.
pub struct Hub {
    /// `hub` or `centrifugo`.
    pub name: &'static str,
    pub pid: u32,
    url: String,
    api: String,
    key: String,
    signer: Signer,
    /// Kept running; Centrifugo was started by whoever started this bench.
    _server: Option<Server>,
}

impl Hub {
    /// Starts the embedded hub.
    pub async fn embedded(directory: &Path) -> Result<Self> {
        let program = binary("PARLOR_TEST_HUB_BIN", "examples/standalone")?;
        let clients = format!("127.0.0.1:{}", free_port()?);
        let api = format!("127.0.0.1:{}", free_port()?);
        let (secret, key) = ("a-secret-of-the-load-generator-only", "a-key-of-the-load-generator-only");
        let mut command = Command::new(program);
        command.args([&clients, &api, secret, key]);
        let mut server = Server::start(&mut command, &directory.join("hub.log"))?;
        server.listening(&clients).await?;
        server.listening(&api).await?;
        Ok(Self {
            name: "hub",
            pid: server.pid()?,
            url: format!("ws://{clients}/connection/websocket"),
            api: format!("http://{api}/api"),
            key: key.to_owned(),
            signer: Signer::new(secret),
            _server: Some(server),
        })
    }

    /// Finds the Centrifugo that the environment names.
    pub fn centrifugo() -> Result<Self> {
        let setting = |name: &str| {
            let name = format!("PARLOR_TEST_CENTRIFUGO_{name}");
            std::env::var(&name)
                .with_context(|| format!("{name} is not set, so there is no Centrifugo to compare with"))
        };
        let url = setting("WS_URL")?;
        let (_, port) = split_url(&url)?.0.rsplit_once(':').context("Centrifugo's address has no port")?;
        let pid = process::listener(port.parse()?).context("Centrifugo's process is not found")?;
        let (api, key, signer) = (setting("API_URL")?, setting("API_KEY")?, Signer::new(&setting("SECRET")?));
        Ok(Self { name: "centrifugo", pid, url, api, key, signer, _server: None })
    }

    /// Subscribers of one channel.
    pub async fn gather(&self, channel: &str, size: usize) -> Result<Crowd> {
        self.connect(size, Some(channel)).await
    }

    /// Clients that are connected, each with its own channel as every client of Parlor has, and hear nothing.
    pub async fn gather_idle(&self, size: usize) -> Result<Crowd> {
        self.connect(size, None).await
    }

    /// Connections that publish to `channel`.
    pub async fn publishers(&self, channel: &str, count: usize) -> Result<Vec<Publisher>> {
        let (host, path) = split_url(&self.api)?;
        let target = Target { host, path, key: &self.key, channel };
        let mut publishers = Vec::with_capacity(count);
        for _ in 0..count {
            publishers.push(Publisher::connect(&target).await?);
        }
        Ok(publishers)
    }

    async fn connect(&self, size: usize, channel: Option<&str>) -> Result<Crowd> {
        let subscriber = |_| {
            let user = uuid::Uuid::new_v4().to_string();
            let leave =
                |channel: &str| anyhow::Ok((channel.to_owned(), self.signer.subscription(&user, channel)?));
            let channel = channel.map(leave).transpose()?;
            Ok(Subscriber { url: self.url.clone(), token: self.signer.connection(&user)?, channel })
        };
        Crowd::gather((0..size).map(subscriber).collect::<Result<_>>()?).await
    }
}
