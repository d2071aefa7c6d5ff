//! Two tenants with the same user ids, the same cids and the same message ids live side by side and never meet.

use parlor_e2e::{App, Client, Method, Mode, Server, until};
use parlor_protocol::MessageId;
use serde_json::{Value, json};

use super::in_an_hour;

/// Another id, the same in each app.
fn next(id: MessageId) -> MessageId {
    uuid::Uuid::from_u128(id.0.as_u128() ^ 1).into()
}

/// The same story in each app, with words of its own.
async fn live(app: &App, canary: &str, message: MessageId) -> (String, Client, Client) {
    let (ann, ben) = (app.user("ann").await, app.user("ben").await);
    let profile = json!({ "name": format!("Ann {canary}"), "custom": { "secret": canary } });
    ann.patch("/users/ann", profile).await.gives(200);
    let request = json!({
        "type": "team", "id": "general", "name": format!("General {canary}"), "custom": { "secret": canary },
        "members": [{ "user_id": "ben" }],
    });
    let channel = ann.post("/channels", request).await.gives(201)["id"].as_str().unwrap().to_owned();
    let say = json!({ "id": message, "text": format!("@ben {canary}"), "mentions": ["ben"] });
    ann.post("/channels/team:general/messages", say).await.gives(201);
    for user in [&ann, &ben] {
        user.post(&format!("/messages/{message}/reactions"), json!({ "type": canary })).await.gives(200);
        assert_eq!(user.put(&format!("/messages/{message}/star"), json!({})).await.status, 204);
    }
    ann.post(&format!("/messages/{message}/pin"), json!({})).await.gives(200);
    ann.put("/channels/team:general/draft", json!({ "text": canary })).await.gives(200);
    ann.put(&format!("/messages/{message}/reminder"), json!({ "note": canary })).await.gives(200);
    let later = json!({ "text": canary, "send_at": in_an_hour(), "id": next(message) });
    ann.post("/channels/team:general/scheduled_messages", later).await.gives(201);
    (channel, ann, ben)
}

#[tokio::test(flavor = "multi_thread")]
async fn equal_ids_in_two_tenants_never_meet() {
    let server = Server::start(Mode::Embedded).await;
    let (app, other) = (server.app("a").await, server.app("b").await);
    let message = MessageId::new();
    let (channel, ann, ben) = live(&app, "canary-a", message).await;
    let (foreign, their_ann, _) = live(&other, "canary-b", message).await;
    until("ben's mention is noted", async || {
        ben.all("/users/me/messages", "flag=mentioned").await.len() == 1
    })
    .await;

    // Everything that A's people and server can read.
    for client in [&ann, &ben, &app.server] {
        let mut paths = vec![
            "/users".to_owned(),
            "/users/search?q=ann".to_owned(),
            "/users/ann".to_owned(),
            "/channels".to_owned(),
            "/channels/team:general".to_owned(),
            format!("/messages/{message}"),
            "/users/ben".to_owned(),
        ];
        for of in ["messages", "members", "tasks", "changes?since=0", "pins"] {
            paths.push(format!("/channels/team:general/{of}"));
        }
        paths.push(format!("/messages/{message}/reactions"));
        if client.token != app.server.token {
            paths.extend(
                [
                    "/unread",
                    "/threads",
                    "/tasks?assignee=me",
                    "/users/me",
                    "/users/me/messages?flag=unread",
                    "/users/me/messages?flag=mentioned",
                    "/users/me/messages?flag=starred&with=messages",
                    "/drafts",
                    "/sync",
                    "/scheduled_messages",
                    "/reminders",
                ]
                .map(str::to_owned),
            );
        }
        for path in paths {
            let answer = client.get(&path).await;
            assert_eq!(answer.status, 200, "{path}: {}", answer.text);
            assert!(
                !answer.text.contains("canary-b") && !answer.text.contains(&foreign),
                "{path}: {}",
                answer.text
            );
        }
    }
    assert_eq!(ben.get("/unread").await.gives(200)["total"], 1);
    assert_eq!(ann.get("/channels/team:general").await.gives(200)["id"], channel.as_str());

    // B's ids in A's hands are nobody's.
    let theirs = their_ann.say(&foreign, "canary-b again").await;
    let theirs = theirs["id"].as_str().unwrap();
    for client in [&ann, &app.server] {
        for (method, path, body) in foreign_calls(&foreign, theirs, client.token == app.server.token) {
            let answer = client.call(method.clone(), &path, body).await;
            assert_eq!(answer.status, 404, "{method} {path}: {}", answer.text);
            assert!(!answer.text.contains("canary-b"), "{method} {path}: {}", answer.text);
        }
    }
    let quote = json!({ "text": "x", "reply_to_id": theirs });
    let answer = ann.post("/channels/team:general/messages", quote).await;
    assert_eq!(answer.code(), "invalid_thread", "{}", answer.text);
    let untouched = their_ann.get(&format!("/messages/{theirs}")).await.gives(200);
    assert_eq!((&untouched["text"], &untouched["edited_at"]), (&json!("canary-b again"), &Value::Null));
    assert_eq!(their_ann.get(&format!("/channels/{foreign}")).await.gives(200)["seq"], 6);
    server.settled().await;
}

fn foreign_calls(channel: &str, message: &str, by_server: bool) -> Vec<(Method, String, Option<Value>)> {
    let at = |rest: &str| format!("/channels/{channel}{rest}");
    let mut calls = vec![
        (Method::GET, at(""), None),
        (Method::GET, at("/messages"), None),
        (Method::GET, at("/members"), None),
        (Method::GET, at("/changes?since=0"), None),
        (Method::PATCH, at(""), Some(json!({ "name": "mine" }))),
        (Method::POST, at("/members"), Some(json!({ "members": [{ "user_id": "ben" }] }))),
        (Method::PATCH, at("/members/ben"), Some(json!({ "role": "admin" }))),
        (Method::DELETE, at("/members/ben"), None),
        (Method::DELETE, at(""), None),
        (Method::PUT, at(""), Some(json!({ "name": "mine" }))),
        (Method::POST, at("/counters"), Some(json!({ "operations": [{ "field": "n", "increment": 1 }] }))),
        (Method::GET, at("/invites"), None),
        (Method::GET, at("/access_code"), None),
        (Method::POST, at("/access_code"), Some(json!({}))),
        (Method::DELETE, at("/access_code"), None),
        (Method::GET, format!("/messages/{message}"), None),
        (Method::PATCH, format!("/messages/{message}"), Some(json!({ "text": "mine" }))),
        (Method::DELETE, format!("/messages/{message}"), None),
        (Method::GET, at("/pins"), None),
        (Method::GET, format!("/messages/{message}/reactions"), None),
        (Method::POST, format!("/messages/{message}/pin"), Some(json!({}))),
        (Method::DELETE, format!("/messages/{message}/pin"), None),
        (Method::GET, format!("/scheduled_messages/{message}"), None),
        (Method::POST, format!("/messages/{message}/task"), Some(json!({}))),
        (Method::GET, at("/tasks"), None),
    ];
    let (mut react, mut whose) = (json!({ "type": "👍" }), "");
    let mut forward = json!({ "channel_ids": [channel] });
    let mut send = json!({ "text": "mine" });
    if by_server {
        send["user_id"] = json!("ann");
        forward["user_id"] = json!("ann");
        calls.push((Method::POST, at("/members/batch"), Some(json!({ "remove": ["ann"] }))));
        react["user_id"] = json!("ann");
        whose = "?user_id=ann";
    } else {
        calls.push((Method::PATCH, at("/membership"), Some(json!({ "pinned": true }))));
        calls.push((Method::POST, at("/transfer"), Some(json!({ "user_id": "ben" }))));
        for of in ["/join", "/leave", "/read", "/invite/accept", "/invite/reject"] {
            calls.push((Method::POST, at(of), Some(json!({}))));
        }
        calls.push((Method::PUT, format!("/messages/{message}/star"), Some(json!({}))));
        calls.push((Method::DELETE, format!("/messages/{message}/star"), None));
        calls.push((Method::POST, at("/unread"), Some(json!({ "message_id": message }))));
        calls.push((Method::POST, at("/typing"), Some(json!({ "typing": true }))));
        calls.push((Method::GET, at("/draft"), None));
        calls.push((Method::PUT, at("/draft"), Some(json!({ "text": "mine" }))));
        calls.push((Method::DELETE, at("/draft"), None));
        calls.push((Method::PUT, format!("/messages/{message}/reminder"), Some(json!({}))));
        for (method, of) in [
            (Method::GET, ""),
            (Method::POST, "/read"),
            (Method::PUT, "/follow"),
            (Method::DELETE, "/follow"),
        ] {
            let body = (method == Method::POST).then(|| json!({}));
            calls.push((method, format!("/messages/{message}/thread{of}"), body));
        }
        let topic = json!({ "channel": format!("chat:channel:{channel}") });
        calls.push((Method::POST, "/realtime/subscription".to_owned(), Some(topic)));
    }
    calls.push((Method::POST, at("/messages"), Some(send.clone())));
    calls.push((Method::POST, format!("/messages/{message}/reactions"), Some(react)));
    calls.push((Method::DELETE, format!("/messages/{message}/reactions/canary-b{whose}"), None));
    send["send_at"] = json!(in_an_hour());
    calls.push((Method::POST, at("/scheduled_messages"), Some(send)));
    calls.push((Method::POST, format!("/messages/{message}/forward"), Some(forward)));
    calls
}
