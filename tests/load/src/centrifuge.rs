//! The client protocol that Centrifugo and the embedded hub speak, as far as a subscriber needs it, and their tokens.

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use crate::clock;
use crate::websocket::{Kind, WebSocket};

/// What a subscriber needs to hear a channel.
#[derive(Clone)]
pub struct Subscriber {
    /// WebSocket address.
    pub url: String,
    /// Connection token.
    pub token: String,
    /// A channel and the token for it, unless the subscriber only stays connected.
    pub channel: Option<(String, String)>,
}

impl Subscriber {
    /// Connects and subscribes.
    pub async fn open(&self) -> Result<WebSocket> {
        let mut socket = WebSocket::connect(&self.url).await?;
        call(&mut socket, 1, &json!({"id": 1, "connect": {"token": self.token}})).await?;
        if let Some((channel, token)) = &self.channel {
            let subscribe = json!({"id": 2, "subscribe": {"channel": channel, "token": token}});
            call(&mut socket, 2, &subscribe).await?;
        }
        Ok(socket)
    }
}

/// Sends a command and waits for its reply; pushes and pings that come in between are passed over.
async fn call(socket: &mut WebSocket, id: u64, command: &Value) -> Result<()> {
    socket.send(&command.to_string()).await?;
    loop {
        while let Some((kind, payload)) = socket.next()? {
            if kind == Kind::Close {
                bail!("the server closed: {}", String::from_utf8_lossy(payload.get(2..).unwrap_or_default()));
            }
            for line in payload.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
                if kind == Kind::Text && replied(line, id)? {
                    return Ok(());
                }
            }
        }
        socket.fill().await?;
    }
}

fn replied(line: &[u8], id: u64) -> Result<bool> {
    let reply: Value = serde_json::from_slice(line).context("a reply that is no JSON")?;
    if reply["id"] != id {
        return Ok(false);
    }
    match reply.get("error") {
        Some(error) => bail!("the server refused a command: {error}"),
        None => Ok(true),
    }
}

/// Signs tokens as Parlor does for its realtime server, for the runs in which there is no Parlor.
pub struct Signer(jsonwebtoken::EncodingKey);

impl Signer {
    /// Signs with the realtime server's secret.
    pub fn new(secret: &str) -> Self {
        Self(jsonwebtoken::EncodingKey::from_secret(secret.as_bytes()))
    }

    /// A connection that the server subscribes to the user's own channel, as every client of Parlor has.
    pub fn connection(&self, user: &str) -> Result<String> {
        let own = format!("chat:user:{user}");
        self.sign(&json!({"sub": user, "iat": iat(), "exp": iat() + 3600, "subs": {own: {}}}))
    }

    /// Leave to hear a channel.
    pub fn subscription(&self, user: &str, channel: &str) -> Result<String> {
        self.sign(&json!({"sub": user, "channel": channel, "iat": iat(), "exp": iat() + 3600}))
    }

    fn sign(&self, claims: &Value) -> Result<String> {
        Ok(jsonwebtoken::encode(&jsonwebtoken::Header::default(), claims, &self.0)?)
    }
}

/// A user's token, as an app's own server signs it.
pub fn user_token(key: &str, secret: &str, user: &str) -> Result<String> {
    let header = jsonwebtoken::Header { kid: Some(key.to_owned()), ..jsonwebtoken::Header::default() };
    let claims = json!({"sub": user, "iat": iat(), "exp": iat() + 86_400});
    Ok(jsonwebtoken::encode(&header, &claims, &jsonwebtoken::EncodingKey::from_secret(secret.as_bytes()))?)
}

fn iat() -> i64 {
    clock::utc().timestamp()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_reply_to_the_command_ends_the_wait() {
        for (line, expected) in [
            (r#"{"id":2,"subscribe":{}}"#, Some(true)),
            (r#"{"id":1,"connect":{}}"#, Some(false)),
            (r#"{"push":{"channel":"c"}}"#, Some(false)),
            ("{}", Some(false)),
            (r#"{"id":2,"error":{"code":103,"message":"permission denied"}}"#, None),
            ("no JSON", None),
        ] {
            assert_eq!(replied(line.as_bytes(), 2).ok(), expected, "{line}");
        }
    }
}
