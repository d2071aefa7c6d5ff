//! Slack's export: `users.json`, `channels.json`, `groups.json`, `mpims.json`, `dms.json`, and a folder for each
//! conversation with a file for each day.
//!
//! Conversations keep their ids as slugs; messages are named by conversation and `ts`, which is unique only there. Files are
//! links to where Slack keeps them. Messages without a text or a file, joins and leaves and the like are left out.

mod mrkdwn;

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use parlor_protocol::limits::{ATTACHMENTS, MENTIONS, TEXT_CHARS};
use parlor_protocol::transfer::{Line, MemberLine, MessageLine, ReactionLine};
use parlor_protocol::{Custom, GroupMentions, Role, UserId};
use serde_json::{Map, Value};

use super::{channel, image, name, slug, text, user};

/// A file of the export that says which conversations there are, and the prefix of a conversation's folder where its name
/// is not the folder's.
pub const CONVERSATIONS: [&str; 4] = ["channels.json", "groups.json", "mpims.json", "dms.json"];

/// Users. Bots and who is named only by messages get lines from [`author`].
pub fn users(list: &Value) -> Vec<Line> {
    let line = |of: &Value| {
        let mut line = user(UserId::new(text(of, "/id")?).ok()?);
        let shown = text(of, "/profile/display_name")
            .or_else(|| text(of, "/profile/real_name"))
            .or_else(|| text(of, "/real_name"))
            .or_else(|| text(of, "/name"));
        line.name = shown.map(name);
        line.image = image(text(of, "/profile/image_192").or_else(|| text(of, "/profile/image_72")));
        if of.get("deleted").and_then(Value::as_bool) == Some(true) {
            let at = of.get("updated").and_then(Value::as_i64).unwrap_or(0);
            line.deactivated_at = DateTime::from_timestamp(at, 0);
        }
        Some(Line::User(line))
    };
    list.as_array().into_iter().flatten().filter_map(line).collect()
}

/// A conversation: its lines, its cid, and the folder of its messages.
pub struct Conversation {
    pub lines: Vec<Line>,
    pub cid: String,
    pub folder: String,
}

/// Conversations of a file.
pub fn conversations(file: &str, list: &Value) -> Vec<Conversation> {
    list.as_array().into_iter().flatten().filter_map(|of| conversation(file, of)).collect()
}

fn conversation(file: &str, of: &Value) -> Option<Conversation> {
    let id = text(of, "/id")?;
    let direct = matches!(file, "dms.json" | "mpims.json");
    let cid = format!("{}:{}", if direct { "messaging" } else { "team" }, slug(id));
    let members = of.get("members").and_then(Value::as_array).into_iter().flatten();
    let members: Vec<UserId> =
        members.filter_map(Value::as_str).filter_map(|id| UserId::new(id).ok()).collect();
    let created = of.get("created").and_then(Value::as_i64).and_then(|at| DateTime::from_timestamp(at, 0));
    let mut line = channel(cid.clone());
    line.created_at = created;
    line.created_by = text(of, "/creator").and_then(|id| UserId::new(id).ok());
    if direct {
        let mut distinct = members.clone();
        distinct.sort_unstable();
        distinct.dedup();
        if (2..=parlor_protocol::limits::DISTINCT_MEMBERS).contains(&distinct.len()) {
            line.distinct = distinct;
        }
    } else {
        line.name = text(of, "/name").map(name);
        line.config.frozen = of.get("is_archived").and_then(Value::as_bool) == Some(true);
        line.config.open = file == "channels.json";
        for (key, pointer) in [("topic", "/topic/value"), ("purpose", "/purpose/value")] {
            if let Some(value) = text(of, pointer) {
                let value: String = value.chars().take(500).collect();
                line.custom.0.insert(key.to_owned(), value.into());
            }
        }
    }
    let creator = line.created_by.clone();
    let mut lines = vec![Line::Channel(line)];
    lines.extend(members.into_iter().map(|user_id| {
        let owns = !direct && creator.as_ref() == Some(&user_id);
        let role = if owns { Role::Owner } else { Role::Member };
        Line::Member(MemberLine { channel: cid.clone(), user_id, role, joined_at: created })
    }));
    // Conversations of two have a folder of their id, the others one of their name.
    let folder = if file == "dms.json" { id } else { text(of, "/name")? };
    Some(Conversation { lines, cid, folder: folder.to_owned() })
}

/// A line for who wrote a message and is in no list of users: a bot, or somebody of another workspace.
pub fn author(message: &Value) -> Option<Line> {
    let id = UserId::new(author_id(message)?).ok()?;
    let shown = text(message, "/user_profile/display_name")
        .or_else(|| text(message, "/user_profile/real_name"))
        .or_else(|| text(message, "/bot_profile/name"))
        .or_else(|| text(message, "/username"));
    let mut line = user(id);
    line.name = shown.map(name);
    Some(Line::User(line))
}

fn author_id(message: &Value) -> Option<&str> {
    text(message, "/user").or_else(|| text(message, "/bot_id"))
}

/// Reads an export from one file to the next: who is known by now, and what was said.
#[derive(Default)]
pub struct Reader {
    known: HashSet<String>,
    said: HashSet<String>,
}

impl Reader {
    /// Of `users.json`.
    pub fn users(&mut self, list: &Value) -> Vec<Line> {
        let mut lines = users(list);
        lines.retain(|line| self.is_new(line));
        lines
    }

    /// A conversation, after those of its members whom no list names.
    pub fn conversation(&mut self, conversation: Conversation) -> Vec<Line> {
        self.said.clear();
        let ids = conversation.lines.iter().filter_map(|line| match line {
            Line::Channel(line) => line.created_by.clone(),
            Line::Member(line) => Some(line.user_id.clone()),
            _ => None,
        });
        let mut lines: Vec<Line> = ids.map(|id| Line::User(user(id))).collect();
        lines.retain(|line| self.is_new(line));
        lines.extend(conversation.lines);
        lines
    }

    /// A message of the conversation, after its author where no list names them. A reply to what is not there stands by
    /// itself.
    pub fn message(&mut self, cid: &str, of: &Value) -> Vec<Line> {
        let mut lines: Vec<Line> = author(of).into_iter().filter(|line| self.is_new(line)).collect();
        lines.extend(message(cid, of, |user| self.known.contains(user)));
        for line in &mut lines {
            if let Line::Message(line) = line {
                if line.parent_id.as_ref().is_some_and(|root| !self.said.contains(root)) {
                    line.parent_id = None;
                    line.show_in_channel = false;
                }
                if line.parent_id.is_none() {
                    self.said.insert(line.id.clone());
                }
            }
        }
        lines
    }

    fn is_new(&mut self, line: &Line) -> bool {
        matches!(line, Line::User(user) if self.known.insert(user.id.as_str().to_owned()))
    }
}

/// Kinds of messages that people or bots wrote; the others tell what happened in a channel.
const SAID: [&str; 5] = ["bot_message", "me_message", "file_share", "thread_broadcast", "file_comment"];

/// The lines of a message: itself, and its reactions. `known` says who is registered.
pub fn message(cid: &str, of: &Value, known: impl Fn(&str) -> bool) -> Vec<Line> {
    lines(cid, of, &known).unwrap_or_default()
}

fn lines(cid: &str, of: &Value, known: &impl Fn(&str) -> bool) -> Option<Vec<Line>> {
    let subtype = text(of, "/subtype");
    if subtype.is_some_and(|subtype| !SAID.contains(&subtype)) {
        return None;
    }
    let ts = text(of, "/ts")?;
    let user_id = UserId::new(author_id(of)?).ok().filter(|user| known(user.as_str()))?;
    let (mut body, mentioned) = mrkdwn::to_markdown(text(of, "/text").unwrap_or_default());
    if subtype == Some("me_message") {
        body = format!("_{body}_");
    }
    let attachments = attachments(of);
    if body.trim().is_empty() && attachments.is_empty() {
        return None;
    }
    let mut mentions: Vec<UserId> = Vec::new();
    for user in mentioned.iter().filter(|user| known(user)).filter_map(|user| UserId::new(user).ok()) {
        if !mentions.contains(&user) && mentions.len() < MENTIONS {
            mentions.push(user);
        }
    }
    let parent = text(of, "/thread_ts").filter(|root| *root != ts);
    let id = format!("{cid}/{ts}");
    let line = MessageLine {
        id: id.clone(),
        channel: cid.to_owned(),
        user_id,
        text: body.chars().take(TEXT_CHARS).collect(),
        content_type: None,
        content: None,
        attachments,
        mentions,
        group_mentions: GroupMentions::default(),
        custom: Custom::default(),
        parent_id: parent.map(|root| format!("{cid}/{root}")),
        show_in_channel: parent.is_some() && subtype == Some("thread_broadcast"),
        reply_to_id: None,
        silent: false,
        visible_to: None,
        poll: None,
        votes: Vec::new(),
        pinned: None,
        forwarded_from: None,
        created_at: time(ts)?,
        edited_at: text(of, "/edited/ts").and_then(time),
        deleted_at: None,
    };
    let mut lines = vec![Line::Message(Box::new(line))];
    for reaction in of.get("reactions").and_then(Value::as_array).into_iter().flatten() {
        let Some(kind) = text(reaction, "/name") else { continue };
        let users = reaction.get("users").and_then(Value::as_array).into_iter().flatten();
        for user in users.filter_map(Value::as_str).filter(|user| known(user)) {
            let Ok(user_id) = UserId::new(user) else { continue };
            let kind = format!(":{}:", kind.chars().take(48).collect::<String>());
            let message_id = id.clone();
            lines.push(Line::Reaction(ReactionLine {
                message_id,
                user_id,
                kind,
                score: 1,
                created_at: None,
            }));
        }
    }
    Some(lines)
}

fn attachments(of: &Value) -> Vec<Custom> {
    let file = |file: &Value| {
        let url = text(file, "/permalink").or_else(|| text(file, "/url_private"))?;
        let mime = text(file, "/mimetype");
        let kind = mime.and_then(|mime| mime.split('/').next());
        let kind = kind.filter(|kind| ["image", "video", "audio"].contains(kind)).unwrap_or("file");
        let title = text(file, "/title").or_else(|| text(file, "/name"));
        Some(super::file(kind, url, title, mime, file.get("size").and_then(Value::as_i64)))
    };
    let files = of.get("files").and_then(Value::as_array).into_iter().flatten().filter_map(file);
    let shared = |one: &Value| {
        let url = text(one, "/original_url").or_else(|| text(one, "/from_url"))?;
        let title = text(one, "/title").or_else(|| text(one, "/fallback"));
        let mut fields = Map::new();
        fields.insert("type".to_owned(), "link".into());
        fields.insert("url".to_owned(), image(Some(url))?.into());
        fields.extend(title.map(|title| ("title".to_owned(), super::title(title))));
        Some(Custom(fields))
    };
    let links = of.get("attachments").and_then(Value::as_array).into_iter().flatten().filter_map(shared);
    files
        .chain(links)
        .filter(|one| {
            crate::validate::content("", std::slice::from_ref(one), &[], &Custom::default()).is_ok()
        })
        .take(ATTACHMENTS)
        .collect()
}

/// `1355517523.000005`: seconds, and a number that tells messages of a moment apart.
fn time(ts: &str) -> Option<DateTime<Utc>> {
    let (seconds, rest) = ts.split_once('.').unwrap_or((ts, "0"));
    let micros: u32 = rest.get(..6.min(rest.len()))?.parse().ok()?;
    DateTime::from_timestamp(seconds.parse().ok()?, micros.checked_mul(1_000)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn values(lines: &[Line]) -> Vec<Value> {
        lines.iter().map(|line| serde_json::to_value(line).unwrap()).collect()
    }

    #[test]
    fn users_have_the_name_that_is_shown() {
        let list = json!([
            { "id": "U1", "name": "ann", "deleted": false, "profile": { "display_name": "", "real_name": "Ann B.",
                "image_72": "https://a.example/72.png" } },
            { "id": "U2", "name": "ben", "deleted": true, "updated": 1_600_000_000, "profile": { "display_name": "Ben" } },
            { "name": "without id" },
        ]);
        assert_eq!(
            values(&users(&list)),
            [
                json!({ "user": { "id": "U1", "name": "Ann B.", "image": "https://a.example/72.png" } }),
                json!({ "user": { "id": "U2", "name": "Ben", "deactivated_at": "2020-09-13T12:26:40Z" } }),
            ]
        );
    }

    #[test]
    fn conversations_have_members_and_a_folder() {
        let list = json!([{ "id": "C1", "name": "general", "created": 1_600_000_000, "creator": "U1", "is_archived": true,
            "members": ["U1", "U2"], "topic": { "value": "All" }, "purpose": { "value": "" } }]);
        let all = conversations("channels.json", &list);
        assert_eq!((all[0].cid.as_str(), all[0].folder.as_str()), ("team:C1", "general"));
        let lines = values(&all[0].lines);
        assert_eq!(lines[0]["channel"]["name"], "general");
        assert_eq!(lines[0]["channel"]["custom"], json!({ "topic": "All" }));
        assert_eq!(lines[0]["channel"]["config"]["frozen"], true);
        assert_eq!(lines[1]["member"]["role"], "owner");
        assert_eq!(lines[2]["member"]["role"], "member");

        let list = json!([{ "id": "D1", "created": 1_600_000_000, "members": ["U2", "U1"] }]);
        let direct = conversations("dms.json", &list);
        assert_eq!((direct[0].cid.as_str(), direct[0].folder.as_str()), ("messaging:D1", "D1"));
        assert_eq!(values(&direct[0].lines)[0]["channel"]["distinct"], json!(["U1", "U2"]));
    }

    #[test]
    fn a_message_has_thread_edit_files_and_reactions() {
        let of = json!({
            "type": "message", "user": "U1", "ts": "1600000001.000200", "thread_ts": "1600000000.000100",
            "subtype": "thread_broadcast", "text": "*see* <@U2> and <@U9>", "edited": { "user": "U1", "ts": "1600000002.000000" },
            "files": [{ "permalink": "https://s.example/f", "title": "Plan", "mimetype": "image/png", "size": 7 }, { "id": "gone" }],
            "reactions": [{ "name": "+1", "users": ["U2", "U9"], "count": 2 }],
        });
        let lines = values(&message("team:C1", &of, |user| user != "U9"));
        assert_eq!(
            lines,
            [
                json!({ "message": {
                    "id": "team:C1/1600000001.000200", "channel": "team:C1", "user_id": "U1",
                    "text": "**see** @U2 and @U9", "mentions": ["U2"], "parent_id": "team:C1/1600000000.000100",
                    "show_in_channel": true, "created_at": "2020-09-13T12:26:41.000200Z",
                    "edited_at": "2020-09-13T12:26:42Z",
                    "attachments": [{ "type": "image", "url": "https://s.example/f", "name": "Plan", "mime_type": "image/png", "file_size": 7 }],
                } }),
                json!({ "reaction": { "message_id": "team:C1/1600000001.000200", "user_id": "U2", "type": ":+1:" } }),
            ]
        );
    }

    #[test]
    fn a_reply_to_what_is_gone_stands_by_itself() {
        let mut reader = Reader::default();
        assert_eq!(reader.users(&json!([{ "id": "U1", "name": "ann" }])).len(), 1);
        let list = json!([{ "id": "C1", "name": "general", "creator": "U1", "members": ["U1", "U7"] }]);
        let conversation = conversations("channels.json", &list).remove(0);
        let lines = values(&reader.conversation(conversation));
        assert_eq!(lines[0], json!({ "user": { "id": "U7" } }), "whom no list names");
        assert_eq!(lines.len(), 4);
        let said = |ts: &str, root: &str| json!({ "user": "U8", "ts": ts, "thread_ts": root, "text": "x" });
        let first = values(&reader.message("team:C1", &said("2.000000", "1.000000")));
        assert_eq!((first.len(), &first[1]["message"]["parent_id"]), (2, &Value::Null));
        let reply = values(&reader.message("team:C1", &said("3.000000", "2.000000")));
        assert_eq!((reply.len(), &reply[0]["message"]["parent_id"]), (1, &json!("team:C1/2.000000")));
    }

    #[test]
    fn what_nobody_said_is_left_out() {
        let all = |_: &str| true;
        for of in [
            json!({ "user": "U1", "ts": "1.0", "subtype": "channel_join", "text": "joined" }),
            json!({ "user": "U1", "ts": "1.0", "text": " " }),
            json!({ "ts": "1.0", "text": "nobody" }),
            json!({ "user": "U1", "text": "no time" }),
        ] {
            assert!(message("team:C1", &of, all).is_empty(), "{of}");
        }
        let bot = json!({ "bot_id": "B1", "username": "Builds", "ts": "1.0", "subtype": "bot_message", "text": "ok" });
        assert_eq!(message("team:C1", &bot, all).len(), 1);
        assert_eq!(values(&[author(&bot).unwrap()]), [json!({ "user": { "id": "B1", "name": "Builds" } })]);
    }
}
