//! Typing in threads.

use parlor_e2e::{Listener, Mode, Server};
use parlor_protocol::{ErrorCode, EventType};
use serde_json::{Value, json};

use crate::realtime::on_both;

on_both! { who_types_in_a_thread_types_there }

async fn who_types_in_a_thread_types_there(mode: Mode) {
    let server = Server::start(mode).await;
    let app = server.app("acme").await;
    let (ann, ben) = (app.user("ann").await, app.user("ben").await);
    let (room, elsewhere) = (app.channel(&[&ann, &ben]).await, app.channel(&[&ann]).await);
    let root = ann.say(&room, "a question").await;
    let path = format!("/channels/{room}/messages");
    let reply = ann.post(&path, json!({ "text": "an answer", "parent_id": root["id"] })).await.gives(201);
    let foreign = ann.say(&elsewhere, "another place").await;
    let listener = Listener::connect(&ben).await;
    listener.subscribe(&room).await;
    let typing = format!("/channels/{room}/typing");
    let topic = format!("chat:channel:{room}");

    for parent in [&reply["id"], &foreign["id"], &json!(uuid::Uuid::now_v7())] {
        let body = json!({ "typing": true, "parent_id": parent });
        ann.post(&typing, body).await.refused(ErrorCode::InvalidThread);
    }
    ann.post(&typing, json!({ "typing": true, "parent_id": root["id"] })).await.gives(204);
    let started = listener.next(&topic, 0, EventType::TypingStart).await;
    assert_eq!((&started.data["user"]["id"], &started.data["parent_id"]), (&json!("ann"), &root["id"]));
    assert_eq!((started.seq, started.prev_seq), (None, None));
    // The channel itself is another place.
    ann.post(&typing, json!({ "typing": true })).await.gives(204);
    let seen = listener.events(&topic).len();
    ann.post(&typing, json!({ "typing": false, "parent_id": root["id"] })).await.gives(204);
    let stopped = listener.next(&topic, seen.saturating_sub(1), EventType::TypingStop).await;
    assert_eq!(stopped.data["parent_id"], root["id"]);
    let starts: Vec<Value> = listener
        .events(&topic)
        .into_iter()
        .filter(|event| event.kind == EventType::TypingStart)
        .map(|event| event.data["parent_id"].clone())
        .collect();
    assert!(starts.contains(&Value::Null) && starts.len() == 2, "{starts:?}");
    let changes = ben.get(&format!("/channels/{room}/changes?since=0")).await.gives(200);
    assert_eq!(changes["seq"], reply["seq"], "nothing of it is kept");
    listener.close().await;
}
