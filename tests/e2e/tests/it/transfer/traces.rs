//! What is left of a deleted user in what others wrote, and beside the messages.

use parlor_e2e::{Listener, Mode, Server};
use parlor_protocol::ErrorCode;
use serde_json::{Value, json};

use super::erasure::{over, stands};
use crate::matrix::in_an_hour;

/// A document that mentions eve, by a name of its writer's own.
fn mentioning(text: &str) -> Value {
    json!({ "type": "doc", "content": [{ "type": "paragraph", "content": [
        { "type": "text", "text": text },
        { "type": "mention", "attrs": { "id": "eve", "label": "Evie Canary" } },
    ] }] })
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_names_who_was_deleted() {
    let server = Server::start(Mode::Embedded).await;
    let app = server.app("acme").await;
    let (ann, ben, eve) = (app.user("ann").await, app.user("ben").await, app.user("eve").await);
    let dan = app.user("dan").await;
    let members = |eve: &str| {
        json!([{ "user_id": "ann", "role": "owner" }, { "user_id": "ben", "role": "moderator" },
            { "user_id": "eve", "role": eve }, { "user_id": "dan" }])
    };
    let channel = app.channel_with(json!({ "type": "team", "members": members("moderator") })).await;
    let path = format!("/channels/{channel}/messages");
    let say = async |body: Value| {
        let message = ann.post(&path, body).await.gives(201);
        format!("/messages/{}", message["id"].as_str().unwrap())
    };

    eve.patch("/users/eve", json!({ "name": "Eve Canary" })).await.gives(200);
    let status = json!({ "status": "dnd", "status_text": "canary", "expires_at": in_an_hour() });
    eve.patch("/users/me/presence", status).await.gives(200);
    let hers = Listener::connect(&eve).await;
    let group =
        app.server.post("/user_groups", json!({ "name": "g", "user_ids": ["ben", "eve"] })).await.gives(201);
    let document = say(json!({ "content": mentioning("ask ") })).await;
    ann.patch(&document, json!({ "content": mentioning("now ask ") })).await.gives(200);
    let former = say(json!({ "content": mentioning("once ") })).await;
    ann.patch(&former, json!({ "text": "nobody", "mentions": [] })).await.gives(200);
    let whisper = say(json!({ "text": "psst", "visible_to": ["eve"] })).await;
    assert_eq!(eve.put(&format!("{document}/star"), json!({})).await.status, 204);
    // What deletions keep aside: one names her, one she deleted.
    let (naming, hidden) =
        (say(json!({ "text": "for @eve", "mentions": ["eve"] })).await, say(json!({ "text": "back" })).await);
    ann.delete(&naming).await.gives(200);
    eve.delete(&hidden).await.gives(200);
    // What waits for approval.
    let config = json!({ "messages_need_approval": true });
    let asked =
        app.channel_with(json!({ "type": "team", "members": members("member"), "config": config })).await;
    let asked = format!("/channels/{asked}/messages");
    eve.post(&asked, json!({ "text": "canary" })).await.gives(202);
    let waits = json!({ "text": "for her", "mentions": ["eve", "ann"], "visible_to": ["eve", "ann"] });
    let waits = dan.post(&asked, waits).await.gives(202);
    server.settled().await;

    let taken = app.server.delete("/users/eve?mode=anonymise").await.gives(202);
    hers.thrown_out().await;
    over(&app, &taken).await;
    server.settled().await;
    assert_eq!(stands(&server, "\\meve\\M").await, Vec::<String>::new());
    assert_eq!(stands(&server, "[Cc]anary").await, Vec::<String>::new());

    let ghost = &taken["ghost_id"];
    let after = ann.get(&document).await.gives(200);
    assert_eq!((&after["text"], &after["mentions"]), (&json!("now ask @deleted"), &json!([])));
    let mention = json!({ "type": "mention", "attrs": { "id": ghost, "label": "deleted" } });
    assert_eq!(after["content"]["content"][0]["content"][1], mention);
    let edits = ann.get(&format!("{document}/history")).await.gives(200);
    assert_eq!(edits["items"][0]["text"], "ask @deleted");
    let group = format!("/user_groups/{}", group["id"].as_str().unwrap());
    assert_eq!(ann.get(&group).await.gives(200)["member_count"], 1);
    // It does not become one that all may read.
    assert_eq!(app.server.get(&whisper).await.gives(200)["visible_to"], json!([ghost]));
    dan.get(&whisper).await.refused(ErrorCode::MessageNotFound);

    ann.post(&format!("{naming}/undelete"), json!({})).await.refused(ErrorCode::UndeleteExpired);
    assert_eq!(ben.post(&format!("{hidden}/undelete"), json!({})).await.gives(200)["text"], "back");
    let waits = format!("/pending_messages/{}/approve", waits["id"].as_str().unwrap());
    let approved = ann.post(&waits, json!({})).await.gives(200);
    assert_eq!((&approved["mentions"], &approved["visible_to"]), (&json!(["ann"]), &json!(["ann", ghost])));
    server.settled().await;
}
