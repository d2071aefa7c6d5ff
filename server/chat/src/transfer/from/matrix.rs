//! A Matrix room as Element exports it: one JSON object with the room's name and its events in `messages`.
//!
//! Edits and redactions are applied to the message that they are about; files are links to where they were (`mxc://…`). What
//! refers to an event that is not there, or comes later, stands without it. Encrypted events that could not be read are left
//! out.

mod people;

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use parlor_platform::crypto::sha256;
use parlor_protocol::limits::{ATTACHMENTS, REACTION_CHARS, TEXT_CHARS};
use parlor_protocol::transfer::{Line, MessageLine, ReactionLine};
use parlor_protocol::{Custom, GroupMentions, UserId};
use serde_json::Value;

use people::{members, people};

use super::{channel, file, name, slug, text};

/// The lines of a room.
pub fn room(export: &Value) -> Vec<Line> {
    let events: Vec<&Value> =
        export.get("messages").and_then(Value::as_array).into_iter().flatten().collect();
    let room = events.iter().find_map(|event| text(event, "/room_id"));
    let room = room.or_else(|| text(export, "/room_name")).unwrap_or("room");
    let cid = format!("team:{}", short(room));
    let creator = text(export, "/room_creator");
    let mut lines = people(&events, creator);
    let mut line = channel(cid.clone());
    line.name = text(export, "/room_name").map(name);
    line.created_by = creator.map(user_of);
    line.created_at = events.iter().filter_map(|event| time(event)).min();
    if let Some(topic) = text(export, "/topic") {
        line.custom.0.insert("topic".to_owned(), topic.chars().take(500).collect::<String>().into());
    }
    lines.push(Line::Channel(line));
    lines.extend(members(&cid, &events, creator));
    lines.extend(messages(&cid, &events));
    lines
}

/// A room's id as a slug; one that is too long, or not only of what slugs are of, by its hash.
fn short(room: &str) -> String {
    let plain = slug(room.trim_start_matches('!').split(':').next().unwrap_or(room));
    let hash = sha256(&[room.as_bytes()]);
    let hash: String = hash.iter().take(6).map(|byte| format!("{byte:02x}")).collect();
    format!("{}-{hash}", plain.chars().take(48).collect::<String>())
}

/// A user's id; one that is too long by its hash.
fn user_of(id: &str) -> UserId {
    let hash = || {
        let hash: String =
            sha256(&[id.as_bytes()]).iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        format!("mx-{hash}")
    };
    match UserId::new(id) {
        Ok(id) => id,
        // A hash is short and without control characters.
        Err(_) => UserId::new(hash()).unwrap_or_else(|_| unreachable!("a hash is an id")),
    }
}

fn time(event: &Value) -> Option<DateTime<Utc>> {
    event.get("origin_server_ts").and_then(Value::as_i64).and_then(DateTime::from_timestamp_millis)
}

/// What later events say of earlier ones, by the earlier one's id.
#[derive(Default)]
struct Later<'a> {
    edits: HashMap<&'a str, &'a Value>,
    redactions: HashMap<&'a str, Option<DateTime<Utc>>>,
}

impl<'a> Later<'a> {
    fn of(events: &[&'a Value]) -> Self {
        let mut later = Self::default();
        for event in events {
            let related = text(event, "/content/m.relates_to/event_id");
            match (text(event, "/type"), text(event, "/content/m.relates_to/rel_type"), related) {
                (Some("m.room.message"), Some("m.replace"), Some(id)) => {
                    later.edits.insert(id, event);
                }
                (Some("m.room.redaction"), ..) => {
                    let id = text(event, "/redacts").or_else(|| text(event, "/content/redacts"));
                    if let Some(id) = id {
                        later.redactions.insert(id, time(event));
                    }
                }
                _ => {}
            }
            if let (Some(id), Some(because)) =
                (text(event, "/event_id"), event.pointer("/unsigned/redacted_because"))
            {
                later.redactions.entry(id).or_insert(time(because));
            }
        }
        later
    }

    fn redacted(&self, id: &str) -> bool {
        self.redactions.contains_key(id)
    }
}

fn messages(cid: &str, events: &[&Value]) -> Vec<Line> {
    let later = Later::of(events);
    let mut lines = Vec::new();
    // Messages so far, and whether they are replies in a thread.
    let mut seen: HashMap<&str, bool> = HashMap::new();
    let mut reacted: HashSet<(&str, &str, &str)> = HashSet::new();
    for event in events {
        let (Some(id), Some(sender), Some(at)) =
            (text(event, "/event_id"), text(event, "/sender"), time(event))
        else {
            continue;
        };
        match text(event, "/type") {
            Some("m.room.message" | "m.sticker") => {
                if let Some(line) = message(cid, event, (id, sender, at), &later, &seen) {
                    seen.insert(id, line.parent_id.is_some());
                    lines.push(Line::Message(Box::new(line)));
                }
            }
            Some("m.reaction") if !later.redacted(id) => {
                let to = text(event, "/content/m.relates_to/event_id").filter(|to| seen.contains_key(to));
                let key = text(event, "/content/m.relates_to/key");
                let key = key.filter(|key| {
                    key.chars().count() <= REACTION_CHARS && !key.contains(char::is_whitespace)
                });
                if let (Some(to), Some(key)) = (to, key)
                    && reacted.insert((to, sender, key))
                {
                    lines.push(Line::Reaction(ReactionLine {
                        message_id: to.to_owned(),
                        user_id: user_of(sender),
                        kind: key.to_owned(),
                        score: 1,
                        created_at: Some(at),
                    }));
                }
            }
            _ => {}
        }
    }
    lines
}

fn message(
    cid: &str,
    event: &Value,
    (id, sender, at): (&str, &str, DateTime<Utc>),
    later: &Later<'_>,
    seen: &HashMap<&str, bool>,
) -> Option<MessageLine> {
    let relation = text(event, "/content/m.relates_to/rel_type");
    if relation == Some("m.replace") || seen.contains_key(id) {
        return None;
    }
    let thread = text(event, "/content/m.relates_to/event_id").filter(|_| relation == Some("m.thread"));
    let parent = thread.filter(|root| seen.get(root) == Some(&false));
    let quoted = text(event, "/content/m.relates_to/m.in_reply_to/event_id");
    let falls_back =
        event.pointer("/content/m.relates_to/is_falling_back").and_then(Value::as_bool) == Some(true);
    let quoted = quoted.filter(|quoted| seen.contains_key(quoted) && !falls_back);
    let mut line = MessageLine {
        id: id.to_owned(),
        channel: cid.to_owned(),
        user_id: user_of(sender),
        text: String::new(),
        content_type: None,
        content: None,
        attachments: Vec::new(),
        mentions: Vec::new(),
        group_mentions: GroupMentions::default(),
        custom: Custom::default(),
        parent_id: parent.map(str::to_owned),
        show_in_channel: false,
        reply_to_id: quoted.map(str::to_owned),
        silent: false,
        visible_to: None,
        poll: None,
        votes: Vec::new(),
        pinned: None,
        forwarded_from: None,
        created_at: at,
        edited_at: None,
        deleted_at: None,
    };
    if let Some(redacted_at) = later.redactions.get(id) {
        line.deleted_at = Some(redacted_at.unwrap_or(at));
        return Some(line);
    }
    // Only who wrote it edits it.
    let edit = later.edits.get(id).filter(|edit| text(edit, "/sender") == Some(sender));
    let content = match edit {
        Some(edit) => {
            line.edited_at = time(edit);
            edit.pointer("/content/m.new_content")?
        }
        None => event.get("content")?,
    };
    let body = text(content, "/body").unwrap_or_default();
    let body = if line.reply_to_id.is_some() || quoted.is_some() { without_fallback(body) } else { body };
    let url = text(content, "/url").or_else(|| text(content, "/file/url"));
    let kind = match (text(event, "/type"), text(content, "/msgtype")) {
        (Some("m.sticker"), _) | (_, Some("m.image")) => Some("image"),
        (_, Some("m.video")) => Some("video"),
        (_, Some("m.audio")) => Some("audio"),
        (_, Some("m.file")) => Some("file"),
        _ => None,
    };
    match (kind, url) {
        (Some(kind), Some(url)) => {
            let size = content.pointer("/info/size").and_then(Value::as_i64);
            let file = file(kind, url, Some(body), text(content, "/info/mimetype"), size);
            line.attachments = vec![file];
            line.attachments.truncate(ATTACHMENTS);
        }
        _ if text(content, "/msgtype") == Some("m.emote") => line.text = format!("_{body}_"),
        _ => body.clone_into(&mut line.text),
    }
    line.text = line.text.chars().take(TEXT_CHARS).collect();
    (!line.text.trim().is_empty() || !line.attachments.is_empty()).then_some(line)
}

/// Older clients begin a reply with what it quotes: lines of `> …`, and an empty one.
fn without_fallback(body: &str) -> &str {
    let mut rest = body;
    while let Some((line, after)) = rest.split_once('\n') {
        if !line.starts_with("> ") {
            break;
        }
        rest = after;
    }
    if rest.len() < body.len() { rest.trim_start_matches('\n') } else { body }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn event(id: &str, sender: &str, kind: &str, content: Value) -> Value {
        json!({ "type": kind, "event_id": id, "sender": sender, "room_id": "!abc:hs.example",
            "origin_server_ts": 1_600_000_000_000_i64, "content": content })
    }

    fn said(id: &str, sender: &str, body: &str, relation: Value) -> Value {
        event(
            id,
            sender,
            "m.room.message",
            json!({ "msgtype": "m.text", "body": body, "m.relates_to": relation }),
        )
    }

    fn lines(events: Vec<Value>) -> Vec<Value> {
        let export = json!({ "room_name": "Hall", "room_creator": "@ann:hs.example", "topic": "All", "messages": events });
        room(&export).iter().map(|line| serde_json::to_value(line).unwrap()).collect()
    }

    fn of<'a>(lines: &'a [Value], kind: &str) -> Vec<&'a Value> {
        lines.iter().filter_map(|line| line.get(kind)).collect()
    }

    const ANN: &str = "@ann:hs.example";
    const BEN: &str = "@ben:hs.example";

    #[test]
    fn a_room_has_its_people() {
        let mut came =
            event("$1", ANN, "m.room.member", json!({ "membership": "join", "displayname": "Ann" }));
        came["state_key"] = json!(ANN);
        let mut left = event("$2", BEN, "m.room.member", json!({ "membership": "leave" }));
        left["state_key"] = json!(BEN);
        let lines = lines(vec![came, left]);
        assert_eq!(of(&lines, "user")[0], &json!({ "id": ANN, "name": "Ann" }));
        assert_eq!(of(&lines, "user")[1], &json!({ "id": BEN, "name": BEN }));
        let channel = of(&lines, "channel")[0];
        assert_eq!((&channel["name"], &channel["custom"]["topic"]), (&json!("Hall"), &json!("All")));
        assert!(channel["cid"].as_str().unwrap().starts_with("team:abc-"), "{channel}");
        let members = of(&lines, "member");
        assert_eq!((members.len(), &members[0]["role"]), (1, &json!("owner")));
    }

    #[test]
    fn edits_redactions_threads_and_reactions_are_applied() {
        let mut redaction = event("$r", ANN, "m.room.redaction", json!({}));
        redaction["redacts"] = json!("$3");
        let edit = event(
            "$e",
            ANN,
            "m.room.message",
            json!({ "msgtype": "m.text", "body": "* b",
            "m.new_content": { "msgtype": "m.text", "body": "b" }, "m.relates_to": { "rel_type": "m.replace", "event_id": "$1" } }),
        );
        let foreign = event(
            "$f",
            BEN,
            "m.room.message",
            json!({ "body": "* x",
            "m.new_content": { "body": "x" }, "m.relates_to": { "rel_type": "m.replace", "event_id": "$2" } }),
        );
        let react = |id: &str, to: &str| {
            event(
                id,
                BEN,
                "m.reaction",
                json!({ "m.relates_to": {
            "rel_type": "m.annotation", "event_id": to, "key": "👍" } }),
            )
        };
        let lines = lines(vec![
            said("$1", ANN, "a", Value::Null),
            said(
                "$2",
                ANN,
                "reply",
                json!({ "rel_type": "m.thread", "event_id": "$1", "is_falling_back": true, "m.in_reply_to": { "event_id": "$1" } }),
            ),
            said("$3", BEN, "secret", Value::Null),
            said("$4", BEN, "> <@ann:hs.example> a\n\nyes", json!({ "m.in_reply_to": { "event_id": "$1" } })),
            said("$5", BEN, "lost", json!({ "rel_type": "m.thread", "event_id": "$nowhere" })),
            edit,
            foreign,
            redaction,
            react("$x", "$1"),
            react("$y", "$1"),
            react("$z", "$nowhere"),
        ]);
        let messages = of(&lines, "message");
        assert_eq!(messages.len(), 5);
        assert_eq!((&messages[0]["text"], messages[0]["edited_at"].is_string()), (&json!("b"), true));
        assert_eq!((&messages[1]["parent_id"], &messages[1]["reply_to_id"]), (&json!("$1"), &Value::Null));
        assert_eq!((&messages[2]["text"], messages[2]["deleted_at"].is_string()), (&json!(""), true));
        assert_eq!((&messages[3]["text"], &messages[3]["reply_to_id"]), (&json!("yes"), &json!("$1")));
        assert_eq!(messages[4]["parent_id"], Value::Null);
        assert_eq!(messages[1]["text"], "reply", "only who wrote it edits it");
        assert_eq!(of(&lines, "reaction").len(), 1);
    }

    #[test]
    fn files_are_links() {
        let file = event(
            "$1",
            ANN,
            "m.room.message",
            json!({ "msgtype": "m.image", "body": "x.png",
            "url": "mxc://hs.example/1", "info": { "mimetype": "image/png", "size": 9 } }),
        );
        let lines = lines(vec![file]);
        assert_eq!(
            of(&lines, "message")[0]["attachments"],
            json!([{ "type": "image", "uri": "mxc://hs.example/1", "name": "x.png", "mime_type": "image/png", "file_size": 9 }])
        );
        assert_eq!(user_of(&format!("@{}:hs", "x".repeat(80))).as_str().len(), 35);
    }
}
