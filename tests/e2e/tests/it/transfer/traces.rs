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

/// Words that were copied from a message name the user as it did.
#[tokio::test(flavor = "multi_thread")]
async fn nor_do_copies_of_what_named_them() {
    let server = Server::start(Mode::Embedded).await;
    let app = server.app("acme").await;
    let (ann, ben, eve) = (app.user("ann").await, app.user("ben").await, app.user("eve").await);
    eve.patch("/users/eve", json!({ "name": "Eve Canary" })).await.gives(200);
    let channel = app.channel(&[&ann, &ben, &eve]).await;
    let elsewhere = app.channel(&[&ann, &ben]).await;
    let path = format!("/channels/{channel}/messages");
    let at = |message: &Value| format!("/messages/{}", message["id"].as_str().unwrap());
    let document = ann.post(&path, json!({ "content": mentioning("ask ") })).await.gives(201);
    let words = ann.post(&path, json!({ "text": "for @Eve Canary", "mentions": ["eve"] })).await.gives(201);
    // In a copy a mention is words alone, by which it is found again where they are the user's name.
    let mut named = mentioning("ask ");
    named["content"][0]["content"][1]["attrs"]["label"] = json!("Eve Canary");
    let named = ann.post(&path, json!({ "content": named })).await.gives(201);
    let mut copies = Vec::new();
    for (source, comment) in [(&named, Value::Null), (&named, json!("look")), (&words, Value::Null)] {
        let forward = json!({ "channel_ids": [elsewhere], "comment": comment });
        let sent = ben.post(&format!("{}/forward", at(source)), forward).await.gives(200);
        copies.push(at(&sent["results"][0]["message"]));
    }
    let mut quotes = Vec::new();
    let mut tasks = Vec::new();
    for source in [&document, &words] {
        let quote = ben.post(&path, json!({ "text": "yes", "reply_to_id": source["id"] })).await.gives(201);
        quotes.push(at(&quote));
        let task = ben.post(&format!("{}/task", at(source)), json!({})).await.gives(201);
        tasks.push(task["id"].clone());
    }
    // Quoted words of what is said no more.
    let once = ann.post(&path, json!({ "text": "once for @eve", "mentions": ["eve"] })).await.gives(201);
    let quote = ben.post(&path, json!({ "text": "yes", "reply_to_id": once["id"] })).await.gives(201);
    quotes.push(at(&quote));
    ann.patch(&at(&once), json!({ "text": "for nobody", "mentions": [] })).await.gives(200);
    server.settled().await;
    let before = ann.get(&format!("/channels/{channel}")).await.gives(200)["seq"].clone();

    let taken = app.server.delete("/users/eve?mode=anonymise").await.gives(202);
    over(&app, &taken).await;
    server.settled().await;
    assert_eq!(stands(&server, "\\meve\\M").await, Vec::<String>::new());
    assert_eq!(stands(&server, "Canary").await, Vec::<String>::new());
    let nobody = json!({ "type": "text", "text": "@deleted" });
    let copy = ann.get(&copies[0]).await.gives(200);
    assert_eq!(
        (&copy["text"], &copy["content"]["content"][0]["content"][1]),
        (&json!("ask @deleted"), &nobody)
    );
    assert_eq!(ann.get(&copies[1]).await.gives(200)["text"], "look\n\n> ask @deleted");
    assert_eq!(ann.get(&copies[2]).await.gives(200)["text"], "for @deleted");
    let expected = ["ask @deleted", "for @deleted", "once for @deleted"];
    for (quote, expected) in quotes.iter().zip(expected) {
        assert_eq!(ann.get(quote).await.gives(200)["quoted"]["text"], expected);
    }
    let listed = ann.all(&format!("/channels/{channel}/tasks"), "limit=10").await;
    for (task, expected) in tasks.iter().zip(expected) {
        let found = listed.iter().find(|listed| listed["id"] == *task).unwrap();
        assert_eq!(found["title"], expected);
    }
    // Devices learn of each.
    let changes = ann.get(&format!("/channels/{channel}/changes?since={before}")).await.gives(200);
    let changed: Vec<_> = changes["messages"].as_array().unwrap().iter().map(at).collect();
    assert!(quotes.iter().all(|quote| changed.contains(quote)), "{changes}");
    assert_eq!(changes["tasks"].as_array().map(Vec::len), Some(2), "{changes}");
}

/// In a channel that was deleted, too, nobody keeps what was erased.
#[tokio::test(flavor = "multi_thread")]
async fn nor_do_quotations_in_channels_that_are_gone() {
    let server = Server::start(Mode::Embedded).await;
    let app = server.app("acme").await;
    let (ann, eve) = (app.user("ann").await, app.user("eve").await);
    let channel = app.channel(&[&ann, &eve]).await;
    let path = format!("/channels/{channel}/messages");
    let said = eve.say(&channel, "canary").await;
    ann.post(&path, json!({ "text": "quoting", "reply_to_id": said["id"] })).await.gives(201);
    ann.post(&format!("/messages/{}/task", said["id"].as_str().unwrap()), json!({})).await.gives(201);
    server.settled().await;
    // Of before what was said in a channel went with it.
    server.db.execute("UPDATE channels SET deleted_at = now(), cid = 'deleted:' || id").await;
    let taken = app.server.delete("/users/eve?mode=hard").await.gives(202);
    over(&app, &taken).await;
    server.settled().await;
    assert_eq!(stands(&server, "canary").await, Vec::<String>::new());
    assert_eq!(stands(&server, "\\meve\\M").await, Vec::<String>::new());
}
