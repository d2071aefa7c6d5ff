//! The same send again, by whatever way, is the same message.

use std::collections::HashSet;

use diesel::sql_types::BigInt;
use diesel_async::RunQueryDsl;
use parlor_e2e::{Method, Mode, Server};
use parlor_protocol::{ErrorCode, MessageId};
use serde_json::json;

#[derive(diesel::QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

async fn rows(server: &Server, what: &str) -> i64 {
    let mut conn = server.db.admin().await;
    let query = format!("SELECT count(*) AS count FROM {what}");
    diesel::sql_query(query).get_result::<Count>(&mut conn).await.unwrap().count
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_is_answered_with_the_first_result() {
    let server = Server::start(Mode::Embedded).await;
    let (app, other) = (server.app("acme").await, server.app("other").await);
    let (ann, ben) = (app.user("ann").await, app.user("ben").await);
    let channel = app.channel(&[&ann, &ben]).await;
    let second = app.channel(&[&ann, &ben]).await;
    let path = format!("/channels/{channel}/messages");
    let id = MessageId::new();
    let hello = json!({ "id": id, "text": "hello", "custom": { "b": 1, "a": 2.5 } });

    let first = ann.post(&path, hello.clone()).await.gives(201);
    assert_eq!(first["id"], json!(id));
    assert_eq!(ann.post(&path, hello.clone()).await.gives(200), first);
    for changed in [json!({ "id": id, "text": "hello!" }), json!({ "id": id, "text": "hello" })] {
        ann.post(&path, changed).await.refused(ErrorCode::MessageIdReused);
    }
    ben.post(&path, hello.clone()).await.refused(ErrorCode::MessageIdReused);
    ann.post(&format!("/channels/{second}/messages"), hello.clone())
        .await
        .refused(ErrorCode::MessageIdReused);

    // Another tenant's ids are its own.
    let theirs = other.user("ann").await;
    let their_channel = other.channel(&[&theirs]).await;
    theirs.post(&format!("/channels/{their_channel}/messages"), hello.clone()).await.gives(201);

    // A retry was acknowledged before, so it is answered even to who has gone since.
    app.server.delete(&format!("/channels/{channel}/members/ann")).await;
    assert_eq!(ann.post(&path, hello).await.gives(200), first);
    assert_eq!(
        ben.get(&format!("/channels/{channel}")).await.gives(200)["seq"],
        3,
        "refusals take no number"
    );
    assert_eq!(rows(&server, "messages").await, 2);
    server.settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_at_once_with_one_id_are_one_message() {
    let server = Server::start(Mode::Embedded).await;
    let app = server.app("acme").await;
    let (ann, ben) = (app.user("ann").await, app.user("ben").await);
    let channel = app.channel(&[&ann, &ben]).await;
    let second = app.channel(&[&ann, &ben]).await;
    let path = format!("/channels/{channel}/messages");
    let body = json!({ "id": MessageId::new(), "text": "once", "custom": { "n": [1, 2.5] } });

    let sends = (0..50).map(|_| ann.post(&path, body.clone()));
    let answers = futures_util::future::join_all(sends).await;
    let created = answers.iter().filter(|answer| answer.status == 201).count();
    let bodies: HashSet<&str> = answers.iter().map(|answer| answer.text.as_str()).collect();
    assert_eq!((created, bodies.len()), (1, 1), "{bodies:?}");
    assert_eq!(ben.get("/unread").await.gives(200)["total"], 1);

    // The same id in two channels, which have different writers: one of them wins.
    for _ in 0..20 {
        let body = json!({ "id": MessageId::new(), "text": "either" });
        let elsewhere = format!("/channels/{second}/messages");
        let (here, there) = tokio::join!(ann.post(&path, body.clone()), ann.post(&elsewhere, body));
        let mut statuses = [here.status, there.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [201, 409], "{} {}", here.text, there.text);
    }
    assert_eq!(rows(&server, "messages").await, 21);
    server.settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idempotency_key_repeats_the_answer() {
    let server = Server::start(Mode::Embedded).await;
    let app = server.app("acme").await;
    let (ann, ben) = (app.user("ann").await, app.user("ben").await);
    let post = async |who: &parlor_e2e::Client, key: &str, name: &str| {
        let body = json!({ "type": "team", "name": name });
        who.with_header(Method::POST, "/channels", ("Idempotency-Key", key), body).await
    };

    let first = post(&ann, "k1", "A").await;
    assert_eq!((first.status, first.header("idempotency-replayed")), (201, ""));
    let replay = post(&ann, "k1", "A").await;
    assert_eq!((replay.status, replay.header("idempotency-replayed")), (201, "true"));
    assert_eq!(replay.text, first.text);
    post(&ann, "k1", "B").await.refused(ErrorCode::IdempotencyConflict);
    let theirs = post(&ben, "k1", "A").await;
    assert_ne!(theirs.gives(201)["id"], first.json["id"], "another user's key is another key");
    post(&ann, "", "A").await.refused(ErrorCode::InvalidParameter);
    post(&ann, &"k".repeat(256), "A").await.refused(ErrorCode::InvalidParameter);
    post(&ann, &"k".repeat(255), "A").await.gives(201);

    // A failure is not kept: the corrected world answers anew.
    let with_new = json!({ "type": "team", "members": [{ "user_id": "new" }] });
    let try_it = async || {
        ann.with_header(Method::POST, "/channels", ("Idempotency-Key", "k2"), with_new.clone()).await
    };
    try_it().await.refused(ErrorCode::UserUnknown);
    app.user("new").await;
    try_it().await.gives(201);

    let at_once = (0..10).map(|_| post(&ann, "k3", "C"));
    let answers = futures_util::future::join_all(at_once).await;
    let bodies: HashSet<&str> = answers.iter().map(|answer| answer.text.as_str()).collect();
    assert_eq!(bodies.len(), 1, "{bodies:?}");
    assert_eq!(ann.all("/channels", "").await.len(), 4);

    // For a message without an id the key makes one.
    let channel = first.json["id"].as_str().unwrap();
    let path = format!("/channels/{channel}/messages");
    let say = async |text: &str| {
        ann.with_header(Method::POST, &path, ("Idempotency-Key", "m"), json!({ "text": text })).await
    };
    let sent = say("hi").await.gives(201);
    assert_eq!(say("hi").await.gives(200), sent);
    say("ho").await.refused(ErrorCode::IdempotencyConflict);
    server.settled().await;
}
