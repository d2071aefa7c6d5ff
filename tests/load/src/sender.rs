//! One user that sends messages on one kept connection.

use anyhow::{Result, bail, ensure};
use uuid::Uuid;

use crate::drive::Post;
use crate::http::{Http, request};
use crate::parlor::Parlor;
use crate::stamp;
use crate::template::Template;

/// Characters of a message's text, like the row of the floor.
const TEXT: usize = 100;
/// Placeholders of the length of a UUID's text.
const CHANNEL: &str = "cccccccccccccccccccccccccccccccccccc";
const MESSAGE: &str = "mmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmm";
const STAMP: &str = "ssssssssssssssssss";

/// A user with a connection.
pub struct Sender {
    http: Http,
    template: Template,
    channels: Vec<String>,
    turn: usize,
    /// The message that is on its way.
    pending: Option<Uuid>,
    /// Ids of messages that the server said it has.
    pub acked: Vec<Uuid>,
}

impl Sender {
    /// Connects `user`, who sends to these channels in turn, from the `turn`th on.
    pub async fn connect(parlor: &Parlor, user: &str, channels: &[String], turn: usize) -> Result<Self> {
        ensure!(!channels.is_empty() && STAMP.len() == stamp::LEN, "{user} has no channel to send to");
        let text = format!("{STAMP}{}", " durable".repeat(TEXT)).chars().take(TEXT).collect::<String>();
        let body = format!("{{\"id\":\"{MESSAGE}\",\"text\":\"{text}\"}}");
        let path = format!("/api/v1/channels/{CHANNEL}/messages");
        let authorization = format!("Authorization: Bearer {}", parlor.token(user)?);
        let bytes = request("POST", &parlor.host, &path, &[&authorization], body.as_bytes());
        Ok(Self {
            http: Http::connect(&parlor.host).await?,
            template: Template::new(bytes, &[CHANNEL, MESSAGE, STAMP])?,
            channels: channels.to_vec(),
            turn,
            pending: None,
            acked: Vec::new(),
        })
    }
}

impl Sender {
    /// Sends the next message, or the last once more if it was refused. Gives a refusal's status and what it said.
    pub async fn attempt(&mut self, stamp: u64) -> Result<Option<(u16, String)>> {
        let id = match self.pending {
            Some(id) => id,
            None => {
                let channel = &self.channels[self.turn % self.channels.len()];
                self.turn += 1;
                self.template.place(0).copy_from_slice(channel.as_bytes());
                let id = Uuid::now_v7();
                id.hyphenated().encode_lower(self.template.place(1));
                stamp::write(self.template.place(2), stamp);
                id
            }
        };
        self.pending = Some(id);
        let answer = self.http.exchange(self.template.bytes()).await?;
        if !(200..300).contains(&answer.status) {
            let said = String::from_utf8_lossy(answer.body).chars().take(500).collect();
            return Ok(Some((answer.status, said)));
        }
        self.pending = None;
        self.acked.push(id);
        Ok(None)
    }
}

impl Post for Sender {
    async fn post(&mut self, stamp: u64) -> Result<()> {
        match self.attempt(stamp).await? {
            None => Ok(()),
            Some((status, said)) => bail!("the server answered {status}: {said}"),
        }
    }
}
