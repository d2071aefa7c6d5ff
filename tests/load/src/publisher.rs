//! One connection that publishes to a realtime server by Centrifugo's HTTP API.

use anyhow::{Result, ensure};
use chrono::SubsecRound;
use serde_json::json;

use crate::drive::Post;
use crate::http::{Http, request};
use crate::template::Template;
use crate::{clock, stamp};

const STAMP: &str = "ssssssssssssssssss";

/// Where publications go.
pub struct Target<'a> {
    /// `host:port` of the server's API.
    pub host: &'a str,
    /// Path under which its methods are.
    pub path: &'a str,
    pub key: &'a str,
    pub channel: &'a str,
}

/// A connection to the API.
pub struct Publisher {
    http: Http,
    template: Template,
}

impl Publisher {
    /// Connects, with the envelope of a message of 100 characters as the payload.
    pub async fn connect(target: &Target<'_>) -> Result<Self> {
        let body = json!({"channel": target.channel, "data": envelope()}).to_string();
        let path = format!("{}/publish", target.path.trim_end_matches('/'));
        let key = format!("X-API-Key: {}", target.key);
        let bytes = request("POST", target.host, &path, &[&key], body.as_bytes());
        Ok(Self { http: Http::connect(target.host).await?, template: Template::new(bytes, &[STAMP])? })
    }
}

impl Post for Publisher {
    async fn post(&mut self, stamp: u64) -> Result<()> {
        stamp::write(self.template.place(0), stamp);
        let answer = self.http.exchange(self.template.bytes()).await?;
        let said = answer.success()?;
        // Some errors come with status 200.
        ensure!(!said.starts_with(b"{\"error"), "a publication failed: {}", String::from_utf8_lossy(said));
        Ok(())
    }
}

/// What Parlor publishes when a message was sent, as `parlor_protocol::Envelope` writes it.
fn envelope() -> serde_json::Value {
    let id = |last: u8| format!("01890a5d-ac96-774b-bcce-b302099a80{last:02x}");
    let now = clock::utc().trunc_subsecs(6);
    json!({
        "id": id(1), "type": "message.new", "channel_id": id(2), "seq": 1042, "prev_seq": 1041, "created_at": now,
        "data": {"message": {
            "id": id(3), "channel_id": id(2), "user": {"id": "sender-01", "name": null, "image": null},
            "text": format!("{STAMP:<100}"), "attachments": [], "mentions": [], "custom": {},
            "parent_id": null, "reply_to_id": null, "reactions": [], "poll": null,
            "pinned": null, "seq": 1042, "updated_seq": 1042, "ordinal": 1040,
            "created_at": now, "edited_at": null, "deleted_at": null,
        }},
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_payload_is_an_envelope_with_a_message_and_room_for_the_stamp() {
        assert_eq!(STAMP.len(), stamp::LEN);
        let envelope: parlor_protocol::event::Envelope = serde_json::from_value(envelope()).unwrap();
        let message: parlor_protocol::Message =
            serde_json::from_value(envelope.data["message"].clone()).unwrap();
        assert_eq!(message.text.len(), 100);
    }
}
