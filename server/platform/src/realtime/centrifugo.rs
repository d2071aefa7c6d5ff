//! Centrifugo 5 and 6 by its HTTP server API.
//!
//! Commands of a row go out as one `batch`, carried out in order. With `X-Centrifugo-Error-Mode: transport`
//! errors of the call itself are HTTP statuses; in a batch each reply, and in a broadcast each response, has
//! its own error and is read.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::json;
use serde_json::value::RawValue;

use super::{Audience, ConnectionHook, Present, Realtime};
use crate::config;
use crate::error::{Error, Result};
use crate::http::internal_client;
use crate::outbox::Command;

/// Codes that a repetition may cure: 100 internal server error, 112 unrecoverable position is not among them.
const TEMPORARY: [u32; 1] = [100];

/// Centrifugo, reached by HTTP.
pub struct Centrifugo {
    client: reqwest::Client,
    url: String,
    key: String,
}

#[derive(Serialize)]
struct Batch<'a> {
    commands: &'a [Command],
}

#[derive(Deserialize)]
struct BatchResult {
    replies: Vec<Reply>,
}

#[derive(Deserialize)]
struct Reply {
    error: Option<ApiError>,
    broadcast: Option<BroadcastResult>,
}

#[derive(Deserialize)]
struct BroadcastResult {
    #[serde(default)]
    responses: Vec<Response>,
}

#[derive(Deserialize)]
struct PresenceBatch {
    replies: Vec<PresenceReply>,
}

#[derive(Deserialize)]
struct PresenceReply {
    error: Option<ApiError>,
    presence: Option<PresenceResult>,
}

#[derive(Deserialize)]
struct PresenceResult {
    #[serde(default)]
    presence: BTreeMap<String, Client>,
}

#[derive(Deserialize)]
struct Client {
    #[serde(default)]
    user: String,
    conn_info: Option<Box<RawValue>>,
}

#[derive(Deserialize)]
struct StatsAnswer {
    result: StatsResult,
}

#[derive(Default, Deserialize)]
struct StatsResult {
    #[serde(default)]
    num_clients: usize,
    #[serde(default)]
    num_users: usize,
}

#[derive(Deserialize)]
struct Response {
    error: Option<ApiError>,
}

#[derive(Clone, Deserialize)]
struct ApiError {
    code: u32,
    #[serde(default)]
    message: String,
}

impl Centrifugo {
    /// Centrifugo at the configured address; connects to nothing yet.
    pub fn new(config: &config::Realtime) -> Result<Self> {
        Ok(Self {
            client: internal_client(Duration::from_secs(5))?,
            url: config.centrifugo_api_url.trim_end_matches('/').to_owned(),
            key: config.centrifugo_api_key.expose().to_owned(),
        })
    }

    /// Sends commands in one call. `false`: Centrifugo can't take the call as a whole, now or later.
    async fn batch(&self, commands: &[Command]) -> Result<bool> {
        let response = self.call("batch", &Batch { commands }).await?;
        if matches!(response.status().as_u16(), 400 | 413) {
            return Ok(false);
        }
        let response = accepted("batch", response)?;
        let result: BatchResult = response.json().await.map_err(Error::unavailable)?;
        if result.replies.len() != commands.len() {
            return Err(Error::unavailable("Centrifugo answered another number of replies"));
        }
        for (command, reply) in commands.iter().zip(&result.replies) {
            let in_broadcast = reply.broadcast.iter().flat_map(|result| &result.responses);
            let errors =
                reply.error.iter().chain(in_broadcast.filter_map(|response| response.error.as_ref()));
            for error in errors {
                if TEMPORARY.contains(&error.code) {
                    return Err(Error::unavailable(format!("Centrifugo: {} {}", error.code, error.message)));
                }
                refused(command, error.code, &error.message);
            }
        }
        Ok(true)
    }

    async fn call<B: Serialize + Sync>(&self, method: &str, body: &B) -> Result<reqwest::Response> {
        self.client
            .post(format!("{}/{method}", self.url))
            .header("X-API-Key", &self.key)
            .header("X-Centrifugo-Error-Mode", "transport")
            .json(body)
            .send()
            .await
            .map_err(|error| Error::unavailable(format!("Centrifugo does not answer: {error}")))
    }
}

fn accepted(method: &str, response: reqwest::Response) -> Result<reqwest::Response> {
    if response.status().is_success() {
        return Ok(response);
    }
    Err(Error::unavailable(format!("Centrifugo answered {} to {method}", response.status())))
}

/// Says where a command went that can never be carried out; not what it said.
fn refused(command: &Command, code: u32, message: &str) {
    let target = match command {
        Command::Publish(publish) => publish.channel.as_str(),
        Command::Broadcast(broadcast) => broadcast.idempotency_key.as_str(),
        Command::Unsubscribe(command) => command.channel.as_str(),
        Command::Disconnect(command) => command.user.as_str(),
        Command::DisconnectAll(command) => command.prefix.as_str(),
    };
    metrics::counter!("parlor_realtime_refused_total").increment(1);
    tracing::error!(code, message, target, "Centrifugo refused a command");
}

fn present((client, of): (String, Client)) -> Present {
    Present { client, user: of.user, info: of.conn_info.map(|info| info.get().to_owned()) }
}

#[async_trait]
impl Realtime for Centrifugo {
    async fn carry_out(&self, commands: Vec<Command>) -> Result<()> {
        if self.batch(&commands).await? {
            return Ok(());
        }
        // Something in it is not to Centrifugo's taste: the others must not wait for it.
        for command in &commands {
            if !self.batch(std::slice::from_ref(command)).await? {
                refused(command, 0, "the request was refused");
            }
        }
        Ok(())
    }

    fn is_connected(&self, _realtime_user: &str) -> Option<bool> {
        None
    }

    fn tells_of_connections(&self, _hook: ConnectionHook) -> bool {
        // Its free edition has no hook for the end of a connection, and asks no proxy about one that shows a token.
        false
    }

    async fn presence(&self, topics: &[String]) -> Result<Vec<Vec<Present>>> {
        let commands: Vec<_> =
            topics.iter().map(|topic| json!({ "presence": { "channel": topic } })).collect();
        let response = self.call("batch", &json!({ "commands": commands })).await?;
        let answer: PresenceBatch = accepted("batch", response)?.json().await.map_err(Error::unavailable)?;
        if answer.replies.len() != topics.len() {
            return Err(Error::unavailable("Centrifugo answered another number of replies"));
        }
        let of = |reply: PresenceReply| match (reply.error, reply.presence) {
            (None, Some(result)) => Ok(result.presence.into_iter().map(present).collect()),
            (error, _) => {
                let error = error.map(|error| format!("{} {}", error.code, error.message));
                Err(Error::unavailable(format!("Centrifugo tells no presence: {error:?}")))
            }
        };
        answer.replies.into_iter().map(of).collect()
    }

    async fn audience(&self, topic: &str) -> Result<Audience> {
        let response = self.call("presence_stats", &json!({ "channel": topic })).await?;
        let answer: StatsAnswer =
            accepted("presence_stats", response)?.json().await.map_err(Error::unavailable)?;
        Ok(Audience { clients: answer.result.num_clients, users: answer.result.num_users })
    }

    async fn ping(&self) -> Result<()> {
        accepted("info", self.call("info", &serde_json::json!({})).await?).map(|_| ())
    }
}
