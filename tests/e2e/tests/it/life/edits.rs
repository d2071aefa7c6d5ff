//! Edits: parts of a message, and what it said before.

use parlor_e2e::{Listener, Mode, Server};
use parlor_protocol::{ErrorCode, EventType};
use serde_json::{Value, json};

use super::{path_of, rows, seq, topic};

#[tokio::test(flavor = "multi_thread")]
async fn moderators_look_up_what_a_message_said_before() {
    let server = Server::start(Mode::Embedded).await;
    let (app, other) = (server.app("acme").await, server.app("other").await);
    let (ann, ben, eve) = (app.user("ann").await, app.user("ben").await, app.user("eve").await);
    let channel = app.channel(&[&ann, &ben]).await;
    let attachment = json!([{ "type": "image", "url": "https://a.example/1" }]);
    let first = json!({ "text": "one", "attachments": attachment, "custom": { "n": 1 } });
    let said = ben.post(&format!("/channels/{channel}/messages"), first).await.gives(201);
    let (path, history) = (path_of(&said), format!("{}/history", path_of(&said)));
    assert_eq!(ann.all(&history, "limit=2").await, Vec::<Value>::new());

    for text in ["two", "two", "three"] {
        ben.patch(&path, json!({ "text": text })).await.gives(200);
    }
    ben.patch(&path, json!({ "attachments": [] })).await.gives(200);
    let last = app.server.patch(&path, json!({ "text": "four" })).await.gives(200);
    let edits = ann.all(&history, "limit=2").await;
    let shown: Vec<_> = edits.iter().map(|edit| (edit["text"].clone(), edit["edited_by"].clone())).collect();
    let expected =
        [("three", Value::Null), ("three", json!("ben")), ("two", json!("ben")), ("one", json!("ben"))];
    assert_eq!(shown, expected.map(|(text, by)| (json!(text), by)), "newest first; a repetition is no edit");
    assert_eq!((&edits[3]["attachments"], &edits[3]["custom"]), (&attachment, &json!({ "n": 1 })));
    assert_eq!((&edits[0]["edited_at"], &edits[0]["seq"]), (&last["edited_at"], &last["updated_seq"]));
    assert_eq!(app.server.get(&history).await.gives(200)["items"].as_array().unwrap().len(), 4);

    ben.get(&history).await.refused(ErrorCode::Forbidden);
    eve.get(&history).await.refused(ErrorCode::MessageNotFound);
    other.server.get(&history).await.refused(ErrorCode::MessageNotFound);
    ann.get(&format!("{history}?cursor=x")).await.refused(ErrorCode::InvalidCursor);
    ann.get(&format!("{history}?limit=101")).await.refused(ErrorCode::InvalidParameter);

    // Who deletes a message takes its versions back, too; with the message they come back.
    ben.delete(&path).await.gives(200);
    assert_eq!(ann.get(&history).await.gives(200)["items"], json!([]));
    ben.post(&format!("{path}/undelete"), json!({})).await.gives(200);
    assert_eq!(ann.get(&history).await.gives(200)["items"].as_array().unwrap().len(), 4);
    app.server.delete(&format!("{path}?hard=true")).await.gives(200);
    assert_eq!(rows(&server, "message_edits").await, 0);
    ann.get(&history).await.refused(ErrorCode::MessageNotFound);
    server.settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn single_fields_change_without_the_text() {
    let server = Server::start(Mode::Embedded).await;
    let app = server.app("acme").await;
    let (ann, ben) = (app.user("ann").await, app.user("ben").await);
    let channel = app.channel(&[&ann, &ben]).await;
    let first = json!({ "text": "a *word*", "custom": { "a": 1, "b": { "c": 2 } } });
    let said = ben.post(&format!("/channels/{channel}/messages"), first).await.gives(201);
    let path = path_of(&said);
    let listener = Listener::connect(&ann).await;
    listener.subscribe(&channel).await;

    let part = json!({ "custom_set": { "d": [3], "a": 0 }, "custom_unset": ["b", "x"] });
    let changed = ben.patch(&path, part.clone()).await.gives(200);
    assert_eq!((&changed["text"], &changed["custom"]), (&said["text"], &json!({ "a": 0, "d": [3] })));
    assert_eq!(changed["edited_at"], Value::Null, "nobody reads another word");
    let event = listener.next(&topic(&channel), 0, EventType::MessageUpdated).await;
    assert_eq!(event.data["message"]["custom"], changed["custom"]);
    let now = seq(&ann, &channel).await;
    assert_eq!(ben.patch(&path, part).await.gives(200), changed);
    assert_eq!(seq(&ann, &channel).await, now, "a repetition changes nothing");
    assert_eq!(ann.all(&format!("{path}/history"), "limit=9").await, Vec::<Value>::new());
    let edited = ben.patch(&path, json!({ "text": "other", "custom_set": { "e": 4 } })).await.gives(200);
    assert_eq!(edited["custom"], json!({ "a": 0, "d": [3], "e": 4 }));
    assert!(edited["edited_at"].is_string());

    let refuse = async |body, code| ben.patch(&path, body).await.refused(code);
    refuse(json!({ "custom": {}, "custom_set": {} }), ErrorCode::InvalidRequest).await;
    refuse(json!({ "custom_set": { "a": 1 }, "custom_unset": ["a"] }), ErrorCode::InvalidRequest).await;
    // {"a":0,"d":[3],"e":4,"f":"…"} has 28 bytes around the text.
    refuse(json!({ "custom_set": { "f": "x".repeat(5 * 1024 - 27) } }), ErrorCode::CustomTooLarge).await;
    ben.patch(&path, json!({ "custom_set": { "f": "x".repeat(5 * 1024 - 28) } })).await.gives(200);
    refuse(json!({ "text": "" }), ErrorCode::EmptyMessage).await;
    server.settled().await;
}
