//! Every operation of the served document × everybody who may call it.

mod table;
mod tenants;

use std::collections::BTreeSet;

use parlor_e2e::{App, Client, Method, Mode, Server};
use parlor_platform::clock::Clock;
use serde_json::{Value, json};
use table::{CALLERS, TABLE};

/// One operation, called once in a channel of its own by each caller.
struct Scene {
    channel: String,
    /// A message of the caller, or of the owner where the caller can't have one.
    message: String,
    /// A task of that message, where the operation is about one.
    task: String,
    /// A member that the caller may act on.
    target: &'static str,
    /// Where it is asked for, a scheduled message of who wrote the message.
    scheduled: String,
    /// Where it is asked for, a message of a member other than the caller that waits for approval.
    pending: String,
    /// Where it is asked for, a group of users.
    group: String,
}

/// So far ahead that no test sees it.
pub fn in_an_hour() -> String {
    (Clock::default().now() + chrono::Duration::hours(1)).to_rfc3339()
}

/// Makes the channel that this caller meets. `role` is `None` for who is no member.
async fn scene(app: &App, role: Option<&str>, operation: &str) -> Scene {
    let mut members =
        vec![json!({ "user_id": "first", "role": "owner" }), json!({ "user_id": "target", "role": "guest" })];
    if let Some(role) = role {
        members.push(json!({ "user_id": "caller", "role": role }));
    }
    let waits = operation.contains("/pending_messages/{id}");
    if waits {
        members.push(json!({ "user_id": "waiting" }));
    }
    let config = json!({ "messages_need_approval": waits });
    let channel = app.channel_with(json!({ "type": "team", "members": members, "config": config })).await;
    let author = if role.is_some() { "caller" } else { "first" };
    let path = format!("/channels/{channel}/messages");
    let poll = json!({ "options": ["a", "b"], "suggestions": true });
    let place = json!({ "type": "location", "lat": 1.0, "lon": 2.0, "expires_at": in_an_hour() });
    let say = json!({ "text": "canary", "user_id": author, "poll": poll, "attachments": [place] });
    let message = app.server.post(&path, say).await.gives(201);
    let mut pending = String::new();
    if waits {
        let waiting = app.user("waiting").await.post(&path, json!({ "text": "canary" })).await.gives(202);
        waiting["id"].as_str().unwrap().clone_into(&mut pending);
    }
    let mut group = String::new();
    if operation.contains("/user_groups/{id}") {
        let made =
            app.server.post("/user_groups", json!({ "name": "g", "user_ids": ["target"] })).await.gives(201);
        made["id"].as_str().unwrap().clone_into(&mut group);
    }
    // Only where it is asked for, because a user may have only so many.
    let mut scheduled = String::new();
    if operation.contains("/scheduled_messages/{id}") {
        let path = format!("/channels/{channel}/scheduled_messages");
        let body = json!({ "text": "canary", "user_id": author, "send_at": in_an_hour() });
        let made = app.server.post(&path, body).await.gives(201);
        made["id"].as_str().unwrap().clone_into(&mut scheduled);
    }
    let message = message["id"].as_str().unwrap().to_owned();
    let mut task = String::new();
    if operation.contains("/tasks/{id}") {
        let made = app.server.post(&format!("/messages/{message}/task"), json!({})).await.gives(201);
        made["id"].as_str().unwrap().clone_into(&mut task);
    }
    Scene { channel, message, target: "target", scheduled, task, pending, group }
}

/// The operation's path and body in this scene.
fn request(operation: &str, scene: &Scene, by_server: bool) -> (Method, String, Option<Value>) {
    let (method, path) = operation.split_once(' ').unwrap();
    let id = if path.ends_with("activate") || operation == "DELETE /users/{id}" {
        "idle"
    } else if path.starts_with("/users") {
        "caller"
    } else if path.starts_with("/messages/{id}") {
        &scene.message
    } else if path.starts_with("/scheduled_messages/{id}") {
        &scene.scheduled
    } else if path.starts_with("/pending_messages/{id}") {
        &scene.pending
    } else if path.starts_with("/user_groups/{id}") {
        &scene.group
    } else if path.starts_with("/tasks/{id}") {
        &scene.task
    } else {
        &scene.channel
    };
    let path = path
        .replace("{id}", id)
        .replace("{user_id}", scene.target)
        .replace("{number}", "1")
        .replace("{type}", "%F0%9F%91%8D");
    let path = match operation {
        "GET /channels/{id}/changes" => format!("{path}?since=0"),
        "GET /tasks" => format!("{path}?assignee=me"),
        "GET /users/me/messages" => format!("{path}?flag=unread"),
        "GET /search/messages" => format!("{path}?q=canary"),
        "DELETE /messages/{id}/reactions/{type}" if by_server => format!("{path}?user_id=caller"),
        "GET /scheduled_messages" if by_server => format!("{path}?user_id=caller"),
        _ => path,
    };
    let send = if by_server { json!({ "text": "hi", "user_id": "caller" }) } else { json!({ "text": "hi" }) };
    let react =
        if by_server { json!({ "type": "👍", "user_id": "caller" }) } else { json!({ "type": "👍" }) };
    let body = match operation {
        "POST /channels" => json!({ "type": "team" }),
        "POST /messages/query" => json!({ "filter": { "channel_id": scene.channel } }),
        "PATCH /channels/{id}" => json!({ "name": "n" }),
        "PUT /channels/{id}" => json!({ "name": "n" }),
        "POST /channels/{id}/counters" => json!({ "operations": [{ "field": "n", "increment": 1 }] }),
        "POST /channels/{id}/transfer" => json!({ "user_id": scene.target }),
        "PATCH /channels/{id}/membership" => json!({ "pinned": true }),
        "POST /channels/join" => json!({ "access_code": "NOTACODE" }),
        "POST /channels/batch" => json!({ "channels": [{ "type": "team" }] }),
        "POST /channels/{id}/members/batch" => json!({ "remove": ["target"] }),
        "POST /channels/{id}/members" => json!({ "members": [{ "user_id": "extra", "role": "guest" }] }),
        "PATCH /channels/{id}/members/{user_id}" => json!({ "role": "member" }),
        "POST /channels/{id}/messages" | "POST /rooms/{id}/messages" => send,
        "PUT /messages/{id}/poll/votes" if by_server => json!({ "options": ["1"], "user_id": "caller" }),
        "PUT /messages/{id}/poll/votes" => json!({ "options": ["1"] }),
        "POST /messages/{id}/poll/options" if by_server => json!({ "text": "c", "user_id": "caller" }),
        "POST /messages/{id}/poll/options" => json!({ "text": "c" }),
        "POST /messages/{id}/reactions" | "POST /messages/{id}/react" => react,
        "POST /channels/{id}/scheduled_messages" => {
            let mut body = send;
            body["send_at"] = json!(in_an_hour());
            body
        }
        "POST /channels/{id}/ephemeral_messages" => {
            let mut body = send;
            body["to"] = json!(scene.target);
            body
        }
        "PATCH /pending_messages/{id}" => json!({ "text": "edited" }),
        // Where it is already: there is a least time between two positions.
        "PATCH /messages/{id}/location" => json!({ "lat": 1.0, "lon": 2.0 }),
        "POST /user_groups" => json!({ "name": "g" }),
        "PATCH /user_groups/{id}" => json!({ "name": "n" }),
        "POST /user_groups/{id}/members" => json!({ "user_ids": ["first"] }),
        "PUT /channels/{id}/draft" => json!({ "text": "hi" }),
        "PATCH /scheduled_messages/{id}" => json!({ "text": "edited" }),
        "POST /messages/{id}/forward" if by_server => {
            json!({ "channel_ids": [scene.channel], "user_id": "caller" })
        }
        "POST /messages/{id}/forward" => json!({ "channel_ids": [scene.channel] }),
        "PATCH /tasks/{id}" => json!({ "status": "done" }),
        "PATCH /messages/{id}" => json!({ "text": "edited" }),
        "POST /channels/{id}/typing" => json!({ "typing": true }),
        "POST /channels/{id}/unread" => json!({ "message_id": scene.message }),
        "POST /realtime/subscription" => json!({ "channel": format!("chat:channel:{}", scene.channel) }),
        "POST /users/presence" => json!({ "user_ids": ["caller"] }),
        "PATCH /users/me/presence" => json!({ "status": "dnd" }),
        "POST /realtime/goodbye" => json!({ "session_id": uuid::Uuid::nil() }),
        "POST /tokens" => json!({ "user": { "id": "made" } }),
        "POST /tokens/revoke" => json!({ "user_id": "extra" }),
        "PUT /users" => json!({ "users": [{ "id": "made" }] }),
        "PUT /users/{id}" => json!({ "id": "caller" }),
        "POST /channels/delivered" => json!({ "channels": [{ "channel_id": scene.channel }] }),
        "PATCH /users/{id}" => json!({ "name": "n" }),
        _ => json!({}),
    };
    let has_body = method != "GET" && method != "DELETE";
    (method.parse().unwrap(), path, has_body.then_some(body))
}

/// `"POST /channels"` for everything that the document has.
pub fn operations(document: &Value) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        let path = path.strip_prefix("/api/v1").unwrap();
        for method in item.as_object().unwrap().keys() {
            if ["get", "put", "post", "delete", "patch", "head", "options", "trace"]
                .contains(&method.as_str())
            {
                all.insert(format!("{} {path}", method.to_uppercase()));
            }
        }
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_may_exactly_what_the_table_says() {
    let settings = [("PARLOR_SERVER_IP_RATE_LIMIT_RPS", "1000")];
    let server = Server::start_with(Mode::Embedded, &settings).await;
    let (app, other) = (server.app("acme").await, server.app("other").await);
    let caller = app.user("caller").await;
    for id in ["first", "target", "extra", "idle", "waiting"] {
        app.user(id).await;
    }
    other.user("idle").await;
    let stranger = other.user("caller").await;
    let document = caller.at_root("/openapi.json").await.gives(200);
    let in_table: BTreeSet<String> = TABLE.iter().map(|(operation, _)| (*operation).to_owned()).collect();
    assert_eq!(operations(&document), in_table, "each operation needs its line in the table");

    let mut wrong = Vec::new();
    for (operation, line) in TABLE {
        for (who, expected) in CALLERS.into_iter().zip(line) {
            let role = ["guest", "member", "moderator", "admin", "owner"].contains(&who).then_some(who);
            let scene = scene(&app, role, operation).await;
            let client: Client = match who {
                "no token" => server.client(None),
                "garbage" => server.client(Some("garbage")),
                "other user" => stranger.clone(),
                "other server" => other.server.clone(),
                "server" => app.server.clone(),
                _ => caller.clone(),
            };
            let (method, path, body) = request(operation, &scene, who.ends_with("server"));
            let answer = client.call(method, &path, body).await;
            let shown = if answer.status < 300 { "ok".to_owned() } else { answer.code().to_owned() };
            if shown != *expected {
                wrong.push(format!(
                    "{operation} by {who}: expected {expected}, got {shown} ({})",
                    answer.status
                ));
            }
            if answer.status >= 300 && answer.text.contains("canary") {
                wrong.push(format!("{operation} by {who} tells the message: {}", answer.text));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of the matrix is wrong:\n{}", wrong.len(), wrong.join("\n"));
    server.settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_document_describes_what_is_served() {
    let server = Server::start(Mode::Embedded).await;
    let document = server.client(None).at_root("/openapi.json").await.gives(200);
    let mut names = BTreeSet::new();
    for item in document["paths"].as_object().unwrap().values() {
        for (method, operation) in item.as_object().unwrap() {
            let name = operation["operationId"].as_str().unwrap().to_owned();
            assert!(names.insert(name.clone()), "two operations are called {name}");
            assert!(operation["responses"]["default"].is_object(), "{name}: no error");
            assert!(operation["summary"].is_string(), "{name}: no summary");
            assert!(method != "get" || operation["requestBody"].is_null(), "{name}: a body to GET");
        }
    }
    let takes_a_key = operations(&document).into_iter().filter(|operation| {
        let (method, path) = operation.split_once(' ').unwrap();
        let described = &document["paths"][format!("/api/v1{path}")][method.to_lowercase()];
        let mut parameters = described["parameters"].as_array().into_iter().flatten();
        parameters.any(|parameter| parameter["name"] == "Idempotency-Key" && parameter["in"] == "header")
    });
    assert_eq!(
        takes_a_key.collect::<Vec<_>>(),
        [
            "POST /channels",
            "POST /channels/batch",
            "POST /channels/{id}/counters",
            "POST /channels/{id}/members/batch",
            "POST /channels/{id}/messages",
            "POST /channels/{id}/truncate",
            "POST /imports",
            "POST /messages/{id}/forward",
            "POST /rooms/{id}/messages",
            "POST /users/{id}/export"
        ]
    );
    let printed: Value = serde_json::from_str(&server.command(&["openapi"]).await.unwrap()).unwrap();
    assert_eq!(printed, document, "the command prints what is served");
}
