//! Paging through a timeline while it grows; and the older spellings of it.

use parlor_e2e::{Client, Mode, Server};
use parlor_protocol::{ErrorCode, MessageId};
use serde_json::{Value, json};

/// From the newest page to the beginning, and from `around` a message to the end; somebody else talks on.
async fn seqs_back(reader: &Client, path: &str, mut meanwhile: impl AsyncFnMut()) -> Vec<i64> {
    let mut all: Vec<i64> = Vec::new();
    let mut query = "?limit=7".to_owned();
    loop {
        let page = reader.get(&format!("{path}{query}")).await.gives(200);
        let mut seqs = seqs_of(&page);
        seqs.append(&mut all);
        all = seqs;
        meanwhile().await;
        match page["before"].as_str() {
            Some(cursor) => query = format!("?limit=7&before={cursor}"),
            None => return all,
        }
    }
}

fn seqs_of(page: &Value) -> Vec<i64> {
    page["items"].as_array().unwrap().iter().map(|item| item["seq"].as_i64().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_neither_skip_nor_repeat_while_people_write() {
    let server = Server::start(Mode::Embedded).await;
    let app = server.app("acme").await;
    let (ann, ben) = (app.user("ann").await, app.user("ben").await);
    let channel = app.channel(&[&ann, &ben]).await;
    let path = format!("/channels/{channel}/messages");
    let mut sent = Vec::new();
    for n in 0..30 {
        sent.push(ben.say(&channel, &format!("message {n}")).await);
    }

    let back = seqs_back(&ann, &path, async || drop(ben.say(&channel, "meanwhile").await)).await;
    assert_eq!(back, (2..=31).collect::<Vec<_>>());

    // Forward from the middle, to the end, with the new ones.
    let middle = sent[10]["id"].as_str().unwrap();
    let around = ann.get(&format!("{path}?limit=5&around={middle}")).await.gives(200);
    assert_eq!(seqs_of(&around), [10, 11, 12, 13, 14], "seq 12 in the middle");
    let (mut forward, mut after) = (seqs_of(&around), around["after"].as_str().map(str::to_owned));
    while let Some(cursor) = after {
        let page = ann.get(&format!("{path}?limit=7&after={cursor}")).await.gives(200);
        forward.extend(seqs_of(&page));
        after = page["after"].as_str().map(str::to_owned);
    }
    assert_eq!(forward, (10..=36).collect::<Vec<_>>());
    let edge =
        ann.get(&format!("{path}?limit=2&around={}", sent[0]["id"].as_str().unwrap())).await.gives(200);
    assert_eq!((seqs_of(&edge), &edge["before"]), (vec![2], &Value::Null));

    // By message id and by time.
    let by_id = ann.get(&format!("{path}?limit=3&before={middle}")).await.gives(200);
    assert_eq!(seqs_of(&by_id), [9, 10, 11]);
    let by_id = ann.get(&format!("{path}?limit=3&after={middle}")).await.gives(200);
    assert_eq!(seqs_of(&by_id), [13, 14, 15]);
    let time = sent[10]["created_at"].as_str().unwrap().replace('+', "%2B");
    let by_time = ann.get(&format!("{path}?limit=3&before={time}")).await.gives(200);
    assert_eq!(seqs_of(&by_time), [9, 10, 11]);
    let before_all = ann.get(&format!("{path}?before=2001-01-01T00:00:00Z")).await.gives(200);
    assert_eq!((&before_all["items"], &before_all["before"]), (&json!([]), &Value::Null));
    let first = before_all["after"].as_str().unwrap();
    let from_there = ann.get(&format!("{path}?limit=2&after={first}")).await.gives(200);
    assert_eq!(seqs_of(&from_there), [2, 3], "an empty page leads back to where it was asked from");
    let newest = ann.get(&format!("{path}?limit=1")).await.gives(200)["items"][0]["id"].clone();
    let after_all = ann.get(&format!("{path}?after={}", newest.as_str().unwrap())).await.gives(200);
    assert_eq!((&after_all["items"], &after_all["after"]), (&json!([]), &Value::Null));
    let last = after_all["before"].as_str().unwrap();
    let back_there = ann.get(&format!("{path}?limit=2&before={last}")).await.gives(200);
    assert_eq!(seqs_of(&back_there), [35, 36]);

    ann.get(&format!("{path}?before={}", MessageId::new())).await.refused(ErrorCode::MessageNotFound);
    ann.get(&format!("{path}?before={middle}&after={middle}")).await.refused(ErrorCode::InvalidParameter);
    server.settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn older_spellings_do_the_same() {
    let server = Server::start(Mode::Embedded).await;
    let app = server.app("acme").await;
    let ann = app.user("ann").await;
    let channel =
        app.channel_with(json!({ "type": "team", "id": "old", "members": [{ "user_id": "ann" }] })).await;

    let root =
        ann.post(&format!("/rooms/{channel}/messages"), json!({ "content": "hello" })).await.gives(201);
    assert_eq!(root["text"], "hello");
    let by_cid = json!({ "content": "more", "replyTo": root["id"] });
    let quoted = ann.post("/rooms/team:old/messages", by_cid).await.gives(201);
    assert_eq!(quoted["reply_to_id"], root["id"]);
    for name in ["parent_id", "parent_message_id", "thread_id"] {
        let reply = ann
            .post(&format!("/channels/{channel}/messages"), json!({ "text": name, name: root["id"] }))
            .await;
        assert_eq!(reply.gives(201)["parent_id"], root["id"], "{name}");
    }
    let edit = format!("/messages/{}", quoted["id"].as_str().unwrap());
    assert_eq!(ann.patch(&edit, json!({ "content": "edited" })).await.gives(200)["text"], "edited");

    let canonical = ann.get(&format!("/channels/{channel}/messages?limit=1")).await.gives(200);
    assert_eq!(canonical["items"][0]["text"], "edited");
    for alias in [format!("/rooms/{channel}/messages"), format!("/messages/room/{channel}")] {
        assert_eq!(ann.get(&format!("{alias}?limit=1")).await.gives(200), canonical, "{alias}");
    }
    for (name, value) in
        [("display_name", "D"), ("avatar_url", "https://a.example/d"), ("picture_url", "https://a.example/p")]
    {
        let user = app.server.put("/users/ann", json!({ "id": "ann", name: value })).await.gives(200);
        assert!(user["name"] == value || user["image"] == value, "{user}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_list_names_all_of_its_cursors_also_where_it_is_empty() {
    let server = Server::start(Mode::Embedded).await;
    let app = server.app("acme").await;
    let ann = app.user("ann").await;
    let channel = app.channel(&[&ann]).await;
    let keys = |page: &Value| page.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    for (path, items) in [
        ("/users".to_owned(), 1),
        ("/users/search?q=nobody".to_owned(), 0),
        ("/channels?type=commerce".to_owned(), 0),
        (format!("/channels/{channel}/members"), 1),
        ("/users/me/messages?flag=starred".to_owned(), 0),
        ("/threads".to_owned(), 0),
        ("/tasks?assignee=me".to_owned(), 0),
        (format!("/channels/{channel}/tasks"), 0),
    ] {
        let page = ann.get(&path).await.gives(200);
        assert_eq!((page["items"].as_array().unwrap().len(), &page["next"]), (items, &Value::Null), "{path}");
        assert_eq!(keys(&page), ["items", "next"], "{path}");
    }
    let empty = ann.get(&format!("/channels/{channel}/messages")).await.gives(200);
    assert_eq!(empty, json!({ "items": [], "before": null, "after": null }));

    let document = ann.at_root("/openapi.json").await.gives(200);
    let schemas = document["components"]["schemas"].as_object().unwrap();
    let lists = schemas.iter().filter(|(name, _)| name.starts_with("Page_") || *name == "MessagePage");
    let mut seen = 0;
    for (name, schema) in lists {
        let fields = schema["properties"].as_object().unwrap().len();
        assert_eq!(schema["required"].as_array().unwrap().len(), fields, "{name}: {}", schema["required"]);
        seen += 1;
    }
    assert!(seen > 3, "{seen} lists");
}
