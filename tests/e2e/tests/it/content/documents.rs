//! TipTap documents and machines' objects: sent, edited, quoted, found, kept as drafts, scheduled, forwarded.

use parlor_e2e::{Listener, Mode, Server, until};
use parlor_protocol::limits::CONTENT_BYTES;
use parlor_protocol::{ErrorCode, EventType};
use serde_json::{Value, json};

use super::{World, id};

fn document(words: &str) -> Value {
    json!({ "type": "doc", "content": [
        { "type": "heading", "attrs": { "level": 1 }, "content": [{ "type": "text", "text": words }] },
        { "type": "paragraph", "content": [
            { "type": "text", "text": "for ", "marks": [{ "type": "bold" }] },
            { "type": "mention", "attrs": { "id": "ben", "label": "Ben" } },
        ] },
    ] })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_goes_wherever_a_message_goes() {
    let server = Server::start(Mode::Embedded).await;
    let world = World::on(&server).await;
    let listener = Listener::connect(&world.ben).await;
    listener.subscribe(&world.channel).await;
    let sent = world.send(&world.ann, json!({ "content": document("Plan"), "text": "never read" })).await;
    assert_eq!(
        (&sent["content_type"], &sent["text"], &sent["content"], &sent["mentions"]),
        (&json!("tiptap"), &json!("Plan\nfor @Ben"), &document("Plan"), &json!(["ben"]))
    );
    let told = listener.next(&world.topic(), 0, EventType::MessageNew).await;
    assert_eq!(told.data["message"], parlor_e2e::told(sent.clone()));
    let path = format!("/messages/{}", id(&sent));
    assert_eq!(world.ann.get(&path).await.gives(200), sent, "it is read as it was sent");
    let again = json!({ "id": id(&sent), "content": document("Plan") });
    assert_eq!(world.ann.post(&world.messages(), again).await.gives(200)["content"], sent["content"]);
    world
        .ann
        .post(&world.messages(), json!({ "id": id(&sent), "content": document("Other") }))
        .await
        .refused(ErrorCode::MessageIdReused);

    let quote = world.send(&world.ben, json!({ "text": "yes", "reply_to_id": id(&sent) })).await;
    assert_eq!(quote["quoted"]["text"], "Plan\nfor @Ben");
    until("it is found by its words", async || !world.cid.all("/search/messages", "q=plan").await.is_empty())
        .await;

    // Another document, other words, and words instead of it.
    let edited = world.ann.patch(&path, json!({ "content": document("Scheme") })).await.gives(200);
    assert_eq!((&edited["text"], &edited["mentions"]), (&json!("Scheme\nfor @Ben"), &json!(["ben"])));
    let same = world.ann.patch(&path, json!({ "content": document("Scheme") })).await.gives(200);
    assert_eq!(same, edited, "what is as it was is no edit");
    until("it is found by its new words", async || {
        !world.cid.all("/search/messages", "q=scheme").await.is_empty()
    })
    .await;
    let plain = world.ann.patch(&path, json!({ "content": "just words" })).await.gives(200);
    assert_eq!((&plain["content_type"], &plain["text"]), (&json!("text"), &json!("just words")));
    assert!(plain.get("content").is_none());
    let proposal = json!({ "content_type": "json_proposal", "content": { "price": 5 } });
    let proposed = world.ann.patch(&path, proposal).await.gives(200);
    assert_eq!((&proposed["text"], &proposed["content"]), (&json!("just words"), &json!({ "price": 5 })));
    let deleted = world.ann.delete(&path).await.gives(200);
    assert_eq!(deleted["content_type"], "deleted");
    assert!(deleted.get("content").is_none());
    server.settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_is_kept_as_a_draft_sent_later_and_forwarded() {
    let server = Server::start(Mode::Embedded).await;
    let world = World::on(&server).await;
    let draft_at = format!("/channels/{}/draft", world.channel);
    let draft = world.ann.put(&draft_at, json!({ "content": document("Draft") })).await.gives(200);
    assert_eq!((&draft["text"], &draft["content"]), (&json!("Draft\nfor @Ben"), &document("Draft")));
    assert_eq!(world.ann.get(&draft_at).await.gives(200), draft);
    world
        .ann
        .put(&draft_at, json!({ "content": { "type": "doc" } }))
        .await
        .refused(ErrorCode::InvalidContent);

    let time = parlor_platform::clock::Clock::default().now() + chrono::Duration::hours(1);
    let later = json!({ "content": document("Later"), "send_at": time });
    let path = format!("/channels/{}/scheduled_messages", world.channel);
    let scheduled = world.ann.post(&path, later).await.gives(201);
    assert_eq!(
        (&scheduled["content"]["text"], &scheduled["content"]["content"]),
        (&json!("Later\nfor @Ben"), &document("Later"))
    );
    let path = format!("/scheduled_messages/{}", id(&scheduled));
    let changed = world.ann.patch(&path, json!({ "content": document("Sooner") })).await.gives(200);
    assert_eq!(changed["content"]["text"], "Sooner\nfor @Ben");
    let words = world.ann.patch(&path, json!({ "text": "words" })).await.gives(200);
    assert!(words["content"].get("content").is_none());

    let sent = world.send(&world.ann, json!({ "content": document("Plan") })).await;
    let forward = async |comment: Value| {
        let body = json!({ "channel_ids": [world.channel], "comment": comment });
        let answer = world.ben.post(&format!("/messages/{}/forward", id(&sent)), body).await.gives(200);
        answer["results"][0]["message"].clone()
    };
    let as_it_is = forward(Value::Null).await;
    let mut uncalled = document("Plan");
    uncalled["content"][1]["content"][1] = json!({ "type": "text", "text": "@Ben" });
    assert_eq!((&as_it_is["content"], &as_it_is["mentions"]), (&uncalled, &json!([])));
    assert_eq!(as_it_is["text"], sent["text"]);
    // Nor does an edit call anybody, and one's own fields are no edit.
    let forwarded = format!("/messages/{}", id(&as_it_is));
    let marked = world.ben.patch(&forwarded, json!({ "custom_set": { "seen": true } })).await.gives(200);
    assert_eq!(
        (&marked["mentions"], &marked["edited_at"], &marked["custom"]),
        (&json!([]), &Value::Null, &json!({ "seen": true }))
    );
    let edited =
        world.ben.patch(&forwarded, json!({ "attachments": [{ "type": "image" }] })).await.gives(200);
    assert_eq!((&edited["mentions"], &edited["content"]), (&json!([]), &uncalled));
    let quoted = forward(json!("look")).await;
    assert_eq!(
        (&quoted["content_type"], &quoted["text"]),
        (&json!("text"), &json!("look\n\n> Plan\n> for @Ben"))
    );
    server.settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_fit_is_refused_and_leaves_no_trace() {
    let server = Server::start(Mode::Embedded).await;
    let world = World::on(&server).await;
    let before = world.ann.get(&format!("/channels/{}", world.channel)).await.gives(200)["seq"].clone();
    let script = json!({ "type": "doc", "content": [{ "type": "paragraph", "content": [
        { "type": "text", "text": "x", "marks": [{ "type": "link", "attrs": { "href": "javascript:x" } }] },
    ] }] });
    let refused = world.ann.post(&world.messages(), json!({ "content": script })).await;
    refused.refused(ErrorCode::InvalidContent);
    let why = refused.json["error"]["message"].as_str().unwrap();
    assert!(why.contains("content/content/0/content/0/marks/0/attrs/href"), "{why}");
    for (body, code) in [
        (json!({ "content": { "a": 1 } }), ErrorCode::InvalidContent),
        (json!({ "content_type": "json_proposal", "content": {} }), ErrorCode::InvalidContent),
        (json!({ "text": "x", "content_type": "deleted" }), ErrorCode::InvalidContent),
        (json!({ "text": "x", "content_type": "system" }), ErrorCode::ServerOnly),
        (json!({ "text": "x", "content": "y" }), ErrorCode::InvalidRequest),
        (json!({ "text": "x", "content_type": "novel" }), ErrorCode::InvalidRequest),
        (
            json!({ "content": { "type": "doc", "content": [{ "type": "paragraph" }] } }),
            ErrorCode::EmptyMessage,
        ),
        (
            json!({ "text": "x", "content_type": "json_proposal", "content": { "a": "y".repeat(CONTENT_BYTES - 7) } }),
            ErrorCode::InvalidContent,
        ),
    ] {
        world.ann.post(&world.messages(), body).await.refused(code);
    }
    let most = json!({ "text": "x", "content_type": "agent_command_response", "content": { "a": "y".repeat(CONTENT_BYTES - 8) } });
    world.send(&world.ann, most).await;
    let after = world.ann.get(&format!("/channels/{}", world.channel)).await.gives(200)["seq"].clone();
    assert_eq!(after.as_i64().unwrap(), before.as_i64().unwrap() + 1);
    server.settled().await;
}
