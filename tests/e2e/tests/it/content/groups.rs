//! Groups of users: made, named, filled and deleted by the server, seen by users.

use parlor_e2e::{Mode, Server};
use parlor_protocol::ErrorCode;
use serde_json::{Value, json};

use super::id;

fn names(items: &[Value]) -> Vec<&str> {
    items.iter().map(|item| item["user"]["id"].as_str().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_is_kept_by_the_server() {
    let server = Server::start(Mode::Embedded).await;
    let (app, other) = (server.app("acme").await, server.app("other").await);
    let ann = app.user("ann").await;
    app.user("ben").await;
    app.user("cid").await;
    let new = json!({ "id": uuid::Uuid::now_v7(), "name": "pair", "user_ids": ["ben", "ann"] });
    let group = app.server.post("/user_groups", new.clone()).await.gives(201);
    assert_eq!((&group["name"], &group["member_count"]), (&json!("pair"), &json!(2)));
    assert_eq!(app.server.post("/user_groups", new).await.gives(200), group, "the same id is the same group");
    let path = format!("/user_groups/{}", id(&group));
    assert_eq!(ann.get(&path).await.gives(200), group);
    assert_eq!(ann.all("/user_groups", "limit=1").await, std::slice::from_ref(&group));
    assert_eq!(names(&ann.all(&format!("{path}/members"), "limit=1").await), ["ann", "ben"]);

    let members = format!("{path}/members");
    let more = app.server.post(&members, json!({ "user_ids": ["cid", "ben", "cid"] })).await.gives(200);
    assert_eq!(more["member_count"], 3);
    assert_eq!(app.server.post(&members, json!({ "user_ids": ["cid"] })).await.gives(200), more);
    for _ in 0..2 {
        assert_eq!(app.server.delete(&format!("{members}/ann")).await.status, 204);
    }
    assert_eq!(ann.get(&path).await.gives(200)["member_count"], 2);
    let renamed = app.server.patch(&path, json!({ "name": "couple" })).await.gives(200);
    assert_eq!(renamed["name"], "couple");
    assert_eq!(app.server.patch(&path, json!({ "name": "couple" })).await.gives(200), renamed);

    for (body, code) in [
        (json!({ "name": " " }), ErrorCode::InvalidRequest),
        (json!({ "name": "é".repeat(101) }), ErrorCode::NameTooLong),
        (json!({ "name": "x", "user_ids": ["nobody"] }), ErrorCode::UserUnknown),
        (json!({ "name": "x", "user_ids": vec!["ann"; 101] }), ErrorCode::BatchTooLarge),
    ] {
        app.server.post("/user_groups", body).await.refused(code);
    }
    app.server.post("/user_groups", json!({ "name": "é".repeat(100) })).await.gives(201);
    app.server.post(&members, json!({ "user_ids": [] })).await.refused(ErrorCode::BatchTooLarge);
    app.server.post(&members, json!({ "user_ids": ["nobody"] })).await.refused(ErrorCode::UserUnknown);
    assert_eq!(ann.get(&path).await.gives(200)["member_count"], 2, "what is refused leaves it as it was");
    for path in [path.clone(), members.clone()] {
        other.server.get(&path).await.refused(ErrorCode::GroupNotFound);
    }
    ann.post("/user_groups", json!({ "name": "mine" })).await.refused(ErrorCode::ServerOnly);
    assert_eq!(app.server.delete(&path).await.status, 204);
    app.server.delete(&path).await.refused(ErrorCode::GroupNotFound);
    assert_eq!(ann.all("/user_groups", "limit=10").await.len(), 1);
    server.settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_has_at_most_a_thousand() {
    let server = Server::start(Mode::Embedded).await;
    let app = server.app("acme").await;
    let group = app.server.post("/user_groups", json!({ "name": "many" })).await.gives(201);
    let members = format!("/user_groups/{}/members", id(&group));
    for hundred in 0..10 {
        let ids: Vec<String> = (0..100).map(|n| format!("u{hundred}-{n}")).collect();
        let users: Vec<Value> = ids.iter().map(|id| json!({ "id": id })).collect();
        app.server.put("/users", json!({ "users": users })).await.gives(200);
        app.server.post(&members, json!({ "user_ids": ids })).await.gives(200);
    }
    app.user("one-more").await;
    let more = json!({ "user_ids": ["one-more"] });
    app.server.post(&members, more.clone()).await.refused(ErrorCode::TooManyMembers);
    assert_eq!(app.server.delete(&format!("{members}/u0-0")).await.status, 204);
    assert_eq!(app.server.post(&members, more).await.gives(200)["member_count"], 1000);
    server.settled().await;
}
