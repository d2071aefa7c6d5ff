//! Moving in, moving out, and the end of a user.

mod erasure;
mod export;
mod foreign;
mod import;
mod indexing;
mod meanwhile;
mod own;
mod times;
mod traces;
mod upload;

use std::path::{Path, PathBuf};

use parlor_e2e::{App, Server, until};
use serde_json::{Value, json};

/// A file of lines that is gone after the test.
struct Lines(PathBuf);

impl Lines {
    fn of(lines: &[Value]) -> Self {
        let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
        Self::text(&text)
    }

    fn text(text: &str) -> Self {
        let path = std::env::temp_dir().join(format!("parlor-test-{}.jsonl", uuid::Uuid::new_v4()));
        std::fs::write(&path, text).unwrap();
        Self(path)
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Imports a file, and gives the report.
async fn import(server: &Server, app: &App, path: &str) -> Value {
    let printed = server.command(&["import", "--app", &app.id, "--json", path]).await.unwrap();
    serde_json::from_str(&printed).unwrap()
}

/// All lines of an app.
async fn exported(server: &Server, app: &App) -> Vec<Value> {
    let printed = server.command(&["export", "--app", &app.id]).await.unwrap();
    lines_of(&printed)
}

fn lines_of(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The `what` of all lines that are one.
fn all<'a>(lines: &'a [Value], what: &str) -> Vec<&'a Value> {
    lines.iter().filter_map(|line| line.get(what)).collect()
}

/// A small history: a team with a thread, a quotation, reactions, an edit, a deletion and a poll, and two who talk.
fn history() -> Vec<Value> {
    let at = |minute: u32| format!("2020-05-01T10:{minute:02}:00Z");
    let said = |id: &str, channel: &str, by: &str, text: &str, minute: u32, more: Value| {
        let mut line =
            json!({ "id": id, "channel": channel, "user_id": by, "text": text, "created_at": at(minute) });
        line.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({ "message": line })
    };
    vec![
        // Messages first: lines of other kinds may come in any order.
        said("m1", "team:general", "ann", "hello @ben", 1, json!({ "mentions": ["ben"] })),
        said("m2", "team:general", "ben", "a reply", 2, json!({ "parent_id": "m1" })),
        said(
            "m3",
            "team:general",
            "eve",
            "also here",
            3,
            json!({ "parent_id": "m1", "show_in_channel": true }),
        ),
        said("m4", "team:general", "ben", "quoting", 4, json!({ "reply_to_id": "m1", "edited_at": at(5) })),
        said("m5", "team:general", "ann", "", 5, json!({ "deleted_at": at(6) })),
        said(
            "m6",
            "team:general",
            "ann",
            "lunch?",
            6,
            json!({
                "poll": { "options": [{ "id": "1", "text": "yes", "votes": 9, "suggested_by": null },
                        { "id": "2", "text": "no", "votes": 0, "suggested_by": null }],
                    "voters": 9, "max_votes": 1, "anonymous": false, "suggestions": false, "closes_at": null, "closed_at": null },
                "votes": [{ "user_id": "ben", "options": ["1"] }, { "user_id": "eve", "options": ["2"] }],
                "pinned": { "at": at(7), "by": "ann", "expires_at": null },
            }),
        ),
        said(
            "d1",
            "messaging:d",
            "ann",
            "only us",
            8,
            json!({ "attachments": [{ "type": "image", "url": "https://a.example/1.png" }] }),
        ),
        json!({ "reaction": { "message_id": "m1", "user_id": "ben", "type": "👍" } }),
        json!({ "reaction": { "message_id": "m1", "user_id": "eve", "type": "👍", "created_at": at(9) } }),
        json!({ "reaction": { "message_id": "m1", "user_id": "eve", "type": "clap", "score": 5 } }),
        json!({ "read": { "channel": "team:general", "user_id": "eve", "message_id": "m1", "read_at": at(9) } }),
        json!({ "member": { "channel": "team:general", "user_id": "ann", "role": "owner", "joined_at": at(0) } }),
        json!({ "member": { "channel": "team:general", "user_id": "ben", "joined_at": at(0) } }),
        json!({ "member": { "channel": "team:general", "user_id": "eve", "joined_at": at(0) } }),
        json!({ "member": { "channel": "messaging:d", "user_id": "ann", "joined_at": at(0) } }),
        json!({ "member": { "channel": "messaging:d", "user_id": "ben", "joined_at": at(0) } }),
        json!({ "channel": { "cid": "team:general", "name": "General", "tags": ["old"], "created_by": "ann", "created_at": at(0) } }),
        json!({ "channel": { "cid": "messaging:d", "distinct": ["ann", "ben"], "created_at": at(0) } }),
        json!({ "user": { "id": "ann", "name": "Ann", "created_at": at(0), "custom": { "from": "before" } } }),
        json!({ "user": { "id": "ben", "name": "Ben", "created_at": at(0) } }),
        json!({ "user": { "id": "eve", "name": "Eve", "created_at": at(0) } }),
    ]
}

/// Whether a channel's numbers hold: no `seq` is given twice, all are below the channel's, ordinals count what counts.
async fn holds(server: &Server) {
    let wrong = server
        .db
        .number(
            "SELECT count(*) FROM channels c CROSS JOIN LATERAL ( \
                 SELECT count(*) FILTER (WHERE countable) AS countable, count(DISTINCT seq) AS seqs, count(*) AS messages, \
                     coalesce(max(updated_seq), 0) AS last, coalesce(max(ordinal), 0) AS ordinal \
                 FROM messages m WHERE m.app_id = c.app_id AND m.channel_id = c.id) m \
             CROSS JOIN LATERAL (SELECT count(*) AS wrong FROM ( \
                 SELECT ordinal, count(*) FILTER (WHERE countable) OVER (PARTITION BY channel_id ORDER BY seq) AS counted \
                 FROM messages m WHERE m.app_id = c.app_id AND m.channel_id = c.id) o WHERE ordinal <> counted) o \
             CROSS JOIN LATERAL (SELECT count(*) AS members FROM channel_members x WHERE x.app_id = c.app_id \
                 AND x.channel_id = c.id AND x.removed_at IS NULL) x \
             WHERE c.ordinal <> m.countable OR m.seqs <> m.messages OR m.last > c.seq OR m.ordinal > c.ordinal \
                 OR o.wrong > 0 OR x.members <> c.member_count",
        )
        .await;
    assert_eq!(wrong, 0, "channels whose numbers don't hold");
    let wrong = server
        .db
        .number(
            "SELECT count(*) FROM messages r CROSS JOIN LATERAL (SELECT count(*) FILTER (WHERE NOT silent) AS replies, \
                 count(*) FILTER (WHERE deleted_at IS NULL) AS there, \
                 count(DISTINCT user_id) FILTER (WHERE deleted_at IS NULL) AS people \
                 FROM messages m WHERE m.app_id = r.app_id AND m.parent_id = r.id AND m.visible_to IS NULL) m \
             WHERE r.parent_id IS NULL AND NOT r.erased AND (coalesce(r.thread_ordinal, 0) <> m.replies \
                 OR coalesce(r.reply_count, 0) <> m.there OR coalesce(r.participant_count, 0) <> m.people)",
        )
        .await;
    assert_eq!(wrong, 0, "threads whose numbers don't hold");
}

/// The import of this id, once it has ended.
async fn ended(app: &App, id: &str) -> Value {
    let path = format!("/imports/{id}");
    let mut last = Value::Null;
    until("the import has ended", async || {
        last = app.server.get(&path).await.gives(200);
        !last["finished_at"].is_null()
    })
    .await;
    last
}

/// A folder that is gone after the test.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let path = std::env::temp_dir().join(format!("parlor-test-{}", uuid::Uuid::new_v4()));
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn put(&self, name: &str, content: &Value) {
        let path = self.0.join(name);
        std::fs::create_dir_all(path.parent().unwrap_or(Path::new("/"))).unwrap();
        std::fs::write(path, content.to_string()).unwrap();
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
