//! Taking a deletion back.

use futures_util::future::join;
use parlor_e2e::{Listener, Mode, Server, told, until};
use parlor_protocol::{ErrorCode, EventType};
use parlor_test_support::TestDb;
use serde_json::{Value, json};

use crate::realtime::on_both;

use super::{path_of, rows, seq, topic, unread};

on_both! { all_of_it_comes_back }

async fn all_of_it_comes_back(mode: Mode) {
    let server = Server::start(mode).await;
    let app = server.app("acme").await;
    let (ann, ben, eve) = (app.user("ann").await, app.user("ben").await, app.user("eve").await);
    let channel = app.channel(&[&ann, &ben, &eve]).await;
    let at = format!("/channels/{channel}/messages");
    let quoted = ann.say(&channel, "the first").await;
    let said = json!({
        "text": "zebra?", "attachments": [{ "type": "image" }], "mentions": ["eve"], "custom": { "a": null, "b": 1 },
        "poll": { "options": ["yes", "no"] }, "reply_to_id": quoted["id"],
    });
    let said = ben.post(&at, said).await.gives(201);
    let path = path_of(&said);
    eve.put(&format!("{path}/poll/votes"), json!({ "options": ["1"] })).await.gives(200);
    eve.post(&format!("{path}/reactions"), json!({ "type": "👍", "score": 3 })).await.gives(200);
    ann.post(&format!("{path}/pin"), json!({})).await.gives(200);
    ann.post(&format!("{path}/task"), json!({})).await.gives(201);
    let before = eve.get(&path).await.gives(200);
    let found =
        async || eve.get("/search/messages?q=zebra").await.gives(200)["items"].as_array().unwrap().len();
    let mentions = async || eve.all("/users/me/messages", "flag=mentioned").await.len();
    until("it is found", async || found().await == 1 && mentions().await == 1).await;
    assert_eq!(unread(&eve).await, 2);

    let deleted = ben.delete(&path).await.gives(200);
    assert_eq!(
        (&deleted["text"], &deleted["reactions"], &deleted["poll"]),
        (&json!(""), &json!([]), &Value::Null)
    );
    assert_eq!(unread(&eve).await, 1);
    assert_eq!(eve.get(&format!("{path}/reactions")).await.gives(200)["items"], json!([]));
    eve.get(&format!("{path}/poll/votes")).await.refused(ErrorCode::PollNotFound);
    assert_eq!(ann.get(&format!("/channels/{channel}/pins")).await.gives(200)["items"], json!([]));
    until("it is not found", async || found().await == 0 && mentions().await == 0).await;

    let listener = Listener::connect(&ann).await;
    listener.subscribe(&channel).await;
    let undelete = format!("{path}/undelete");
    let back = ben.post(&undelete, json!({})).await.gives(200);
    let event = listener.next(&topic(&channel), 0, EventType::MessageUndeleted).await;
    assert_eq!(event.seq, back["updated_seq"].as_i64());
    assert_eq!(event.data["message"]["text"], "zebra?");
    let mut expected = before.clone();
    expected["updated_seq"] = back["updated_seq"].clone();
    assert_eq!(eve.get(&path).await.gives(200), expected, "with its votes, reactions and pin");
    assert_eq!(eve.get(&format!("{path}/reactions")).await.gives(200)["items"][0]["score"], 3);
    assert_eq!(ann.get(&format!("/channels/{channel}/pins")).await.gives(200)["items"][0]["id"], said["id"]);
    assert_eq!(unread(&eve).await, 2);
    until("it is found again", async || found().await == 1 && mentions().await == 1).await;
    let now = seq(&ann, &channel).await;
    assert_eq!(ben.post(&undelete, json!({})).await.gives(200), back, "a repetition changes nothing");
    assert_eq!((seq(&ann, &channel).await, rows(&server, "deleted_messages").await), (now, 0));
    assert_eq!(rows(&server, "due").await, 0);
    server.settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_deleted_it_takes_it_back_and_moderators_do() {
    let server = Server::start(Mode::Embedded).await;
    let (app, other) = (server.app("acme").await, server.app("other").await);
    let (ann, ben, eve) = (app.user("ann").await, app.user("ben").await, app.user("eve").await);
    let outsider = app.user("dan").await;
    let channel = app.channel(&[&ann, &ben, &eve]).await;
    let path = path_of(&ben.say(&channel, "mine").await);
    let undelete = format!("{path}/undelete");
    eve.post(&undelete, json!({})).await.refused(ErrorCode::Forbidden);
    ben.post(&undelete, json!({})).await.gives(200);

    ben.delete(&path).await.gives(200);
    eve.post(&undelete, json!({})).await.refused(ErrorCode::Forbidden);
    outsider.post(&undelete, json!({})).await.refused(ErrorCode::MessageNotFound);
    other.server.post(&undelete, json!({})).await.refused(ErrorCode::MessageNotFound);
    let (one, two) = join(ben.post(&undelete, json!({})), ann.post(&undelete, json!({}))).await;
    assert_eq!(told(one.gives(200)), told(two.gives(200)), "one of them did it");
    assert_eq!(seq(&ann, &channel).await, 4, "creation, message, deletion, and one way back");

    // What a moderator deleted is not the author's to take back.
    ann.delete(&path).await.gives(200);
    ben.post(&undelete, json!({})).await.refused(ErrorCode::Forbidden);
    app.server.post(&undelete, json!({})).await.gives(200);
    app.server.delete(&path).await.gives(200);
    ben.post(&undelete, json!({})).await.refused(ErrorCode::Forbidden);
    app.server.delete(&format!("{path}?hard=true")).await.gives(200);
    app.server.post(&undelete, json!({})).await.refused(ErrorCode::MessageNotFound);
    assert_eq!(rows(&server, "deleted_messages").await, 0, "erased is erased");
    server.settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reply_counts_again_in_its_thread() {
    let server = Server::start(Mode::Embedded).await;
    let app = server.app("acme").await;
    let (ann, ben) = (app.user("ann").await, app.user("ben").await);
    let channel = app.channel(&[&ann, &ben]).await;
    let root = ann.say(&channel, "root").await;
    let at = format!("/channels/{channel}/messages");
    let mut replies = Vec::new();
    for user in [&ben, &ann] {
        let reply = json!({ "text": "reply", "parent_id": root["id"] });
        replies.push(user.post(&at, reply).await.gives(201));
    }
    let before = ann.get(&path_of(&root)).await.gives(200)["thread"].clone();
    let listener = Listener::connect(&ann).await;
    listener.subscribe(&channel).await;
    let path = path_of(&replies[0]);
    ben.delete(&path).await.gives(200);
    assert_eq!(ann.get(&path_of(&root)).await.gives(200)["thread"]["participant_count"], 1);
    ben.post(&format!("{path}/undelete"), json!({})).await.gives(200);
    assert_eq!(ann.get(&path_of(&root)).await.gives(200)["thread"], before, "as it was");
    let event = listener.next(&topic(&channel), 0, EventType::MessageUndeleted).await;
    assert_eq!(event.data["thread"], before);
    let threads = ben.get("/threads").await.gives(200);
    assert_eq!(threads["items"][0]["unread"], 1);
    server.settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_kept_aside_is_erased_when_its_time_is_over() {
    let server = Server::start(Mode::Embedded).await;
    let app = server.app("acme").await;
    let (ann, ben) = (app.user("ann").await, app.user("ben").await);
    let channel = app.channel(&[&ann, &ben]).await;
    let mut paths = Vec::new();
    for text in ["a", "b"] {
        let path = path_of(&ben.say(&channel, text).await);
        ann.post(&format!("{path}/reactions"), json!({ "type": "👍" })).await.gives(200);
        ben.patch(&path, json!({ "text": "c" })).await.gives(200);
        ben.delete(&path).await.gives(200);
        paths.push(path);
    }
    // Deleted anew it has its time anew.
    ben.post(&format!("{}/undelete", paths[1]), json!({})).await.gives(200);
    assert_eq!(rows(&server, "reactions").await, 2);
    let first = paths[0].trim_start_matches("/messages/");
    let over = format!(
        "BEGIN; UPDATE deleted_messages SET expires_at = now() - interval '1 second' WHERE message_id = '{first}'; \
         UPDATE due SET available_at = now() - interval '1 second' WHERE id = '{first}'; COMMIT"
    );
    TestDb::execute(&server.db, &over).await;
    until("it is erased", async || rows(&server, "deleted_messages").await == 0).await;
    assert_eq!((rows(&server, "reactions").await, rows(&server, "message_edits").await), (1, 1));
    ben.post(&format!("{}/undelete", paths[0]), json!({})).await.refused(ErrorCode::UndeleteExpired);
    ann.post(&format!("{}/undelete", paths[0]), json!({})).await.refused(ErrorCode::UndeleteExpired);

    // An app that keeps nothing.
    app.server.patch("/app", json!({ "undelete_minutes": 0 })).await.gives(200);
    ben.delete(&paths[1]).await.gives(200);
    for table in ["deleted_messages", "reactions", "message_edits", "due"] {
        assert_eq!(rows(&server, table).await, 0, "{table}");
    }
    ben.post(&format!("{}/undelete", paths[1]), json!({})).await.refused(ErrorCode::UndeleteExpired);
    app.server.patch("/app", json!({ "undelete_minutes": 1441 })).await.refused(ErrorCode::InvalidRequest);
    ann.patch("/app", json!({})).await.refused(ErrorCode::ServerOnly);
    server.settled().await;
}
