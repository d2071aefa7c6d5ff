//! What an imported message keeps of the one that it quotes.

use std::collections::HashMap;

use parlor_platform::{Error, Result};
use parlor_protocol::limits::QUOTED_CHARS;
use parlor_protocol::message::Quoted;
use parlor_protocol::transfer::MessageLine;
use parlor_protocol::{Custom, MessageId, UserId, UserRef};
use serde_json::Value;
use uuid::Uuid;

use super::write::Known;

/// Names and pictures of users, by id.
pub type People = HashMap<String, (Option<String>, Option<String>)>;

/// Of a message of the same chunk.
pub fn of_line((id, seq): (Uuid, i64), line: &MessageLine, people: &People) -> Result<Value> {
    let there = line.deleted_at.is_none();
    let text = if there { line.text.as_str() } else { "" };
    let attachments: &[Custom] = if there { &line.attachments } else { &[] };
    let kinds = attachments.iter().filter_map(|one| one.0.get("type").and_then(Value::as_str));
    snapshot(Quoted {
        id: MessageId(id),
        seq,
        user: user(line.user_id.as_str(), people)?,
        text: text.chars().take(QUOTED_CHARS).collect(),
        attachments: kinds.map(str::to_owned).collect(),
        created_at: line.created_at,
        erased: false,
    })
}

/// Of a message that was there before.
pub fn of_known(id: Uuid, known: &Known, people: &People) -> Result<Value> {
    snapshot(Quoted {
        id: MessageId(id),
        seq: known.seq,
        user: user(&known.author, people)?,
        text: known.text.clone(),
        attachments: known.kinds.clone(),
        created_at: known.created_at,
        erased: false,
    })
}

fn snapshot(quoted: Quoted) -> Result<Value> {
    serde_json::to_value(quoted).map_err(Error::internal)
}

fn user(id: &str, people: &People) -> Result<UserRef> {
    let (name, image) = people.get(id).cloned().unwrap_or_default();
    Ok(UserRef { id: UserId::new(id).map_err(Error::internal)?, name, image })
}
