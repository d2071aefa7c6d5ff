//! Attachments with a form, and live locations.

use parlor_e2e::{Listener, Mode, Server, until};
use parlor_protocol::{ErrorCode, EventType};
use serde_json::{Value, json};

use super::{World, id};

fn in_hours(hours: i64) -> String {
    (parlor_platform::clock::Clock::default().now() + chrono::Duration::hours(hours)).to_rfc3339()
}

fn shared(end: &str) -> Value {
    json!({ "text": "", "attachments": [{ "type": "location", "lat": 1.5, "lon": 2.5, "expires_at": end }] })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_location_moves_until_it_is_stopped() {
    let server = Server::start(Mode::Embedded).await;
    let world = World::on(&server).await;
    let listener = Listener::connect(&world.ben).await;
    listener.subscribe(&world.channel).await;
    let sent = world.send(&world.ann, shared(&in_hours(1))).await;
    let path = format!("/messages/{}/location", id(&sent));
    let list = format!("/channels/{}/live_locations", world.channel);
    assert_eq!(id(&world.ben.all(&list, "limit=1").await[0]), id(&sent));
    let at = json!({ "lat": 1.5, "lon": 2.5 });
    assert_eq!(world.ann.patch(&path, at).await.gives(200), sent, "where it is already");
    let moved = json!({ "lat": -3.25, "lon": 4 });
    let early = world.ann.patch(&path, moved.clone()).await;
    early.refused(ErrorCode::RateLimited);
    assert!(early.header("retry-after").parse::<u32>().is_ok_and(|wait| (1..=4).contains(&wait)));
    let mut answer = Value::Null;
    until("it may move again", async || {
        let tried = world.ann.patch(&path, moved.clone()).await;
        answer = tried.json;
        tried.status == 200
    })
    .await;
    assert_eq!((&answer["attachments"][0]["lat"], &answer["edited_at"]), (&json!(-3.25), &Value::Null));
    let told = listener.next(&world.topic(), 0, EventType::MessageUpdated).await;
    assert_eq!(told.data["message"]["attachments"], answer["attachments"]);
    assert_eq!(
        world.cid.get(&format!("/messages/{}", id(&sent))).await.gives(200)["attachments"],
        answer["attachments"]
    );

    world.ben.patch(&path, moved.clone()).await.refused(ErrorCode::Forbidden);
    world.ben.delete(&path).await.refused(ErrorCode::Forbidden);
    for wrong in [json!({ "lat": 90.5, "lon": 0 }), json!({ "lat": 0, "lon": -180.5 })] {
        world.ann.patch(&path, wrong).await.refused(ErrorCode::InvalidAttachment);
    }
    let stopped = world.ann.delete(&path).await.gives(200);
    assert_eq!(world.ann.delete(&path).await.gives(200), stopped);
    world.ann.patch(&path, json!({ "lat": 0, "lon": 0 })).await.refused(ErrorCode::LocationEnded);
    assert!(world.ben.all(&list, "limit=1").await.is_empty());
    let plain = world.send(&world.ann, json!({ "text": "x" })).await;
    let path = format!("/messages/{}/location", id(&plain));
    world.ann.patch(&path, json!({ "lat": 0, "lon": 0 })).await.refused(ErrorCode::LocationNotFound);
    server.settled().await;
}

/// Of moves that are asked for at the same moment one is made.
#[tokio::test(flavor = "multi_thread")]
async fn moves_at_once_are_one() {
    let server = Server::start(Mode::Embedded).await;
    let world = World::on(&server).await;
    let sent = world.send(&world.ann, shared(&in_hours(1))).await;
    let path = format!("/messages/{}/location", id(&sent));
    until("it may move again", async || {
        world.ann.patch(&path, json!({ "lat": 0, "lon": 0 })).await.status == 200
    })
    .await;
    let moved = world.ann.get(&format!("/messages/{}", id(&sent))).await.gives(200);
    until("they may move again", async || {
        let moves = (1..=10).map(|lon| world.ann.patch(&path, json!({ "lat": 1, "lon": lon })));
        let answers = futures_util::future::join_all(moves).await;
        let made = answers.iter().filter(|answer| answer.status == 200).count();
        assert!(made <= 1, "{made} moves at once");
        made == 1
    })
    .await;
    let now = world.ann.get(&format!("/messages/{}", id(&sent))).await.gives(200);
    assert_eq!(now["updated_seq"].as_i64(), moved["updated_seq"].as_i64().map(|seq| seq + 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_location_is_shared_for_a_day_at_the_most() {
    let server = Server::start(Mode::Embedded).await;
    let world = World::on(&server).await;
    for end in [in_hours(-1), in_hours(25)] {
        world.ann.post(&world.messages(), shared(&end)).await.refused(ErrorCode::InvalidAttachment);
    }
    let (late, early) = (in_hours(23), in_hours(1));
    for end in [&late, &early] {
        world.send(&world.ann, shared(end)).await;
    }
    let only_ben = json!({ "text": "x", "visible_to": ["ben"], "attachments": shared(&late)["attachments"] });
    world.send(&world.ann, only_ben).await;
    let list = format!("/channels/{}/live_locations", world.channel);
    let ends: Vec<Value> = world
        .cid
        .all(&list, "limit=1")
        .await
        .iter()
        .map(|it| it["attachments"][0]["expires_at"].clone())
        .collect();
    assert_eq!(ends, [json!(early), json!(late)]);
    assert_eq!(world.ben.all(&list, "limit=1").await.len(), 3);

    // An edit shares, and an edit stops it.
    let plain = world.send(&world.ann, json!({ "text": "x" })).await;
    let path = format!("/messages/{}", id(&plain));
    let edit = |end: &str| json!({ "attachments": shared(end)["attachments"] });
    world.ann.patch(&path, edit(&in_hours(25))).await.refused(ErrorCode::InvalidAttachment);
    world.ann.patch(&path, edit(&early)).await.gives(200);
    assert_eq!(world.cid.all(&list, "limit=1").await.len(), 3);
    world.ann.patch(&path, json!({ "attachments": [] })).await.gives(200);
    assert_eq!(world.cid.all(&list, "limit=1").await.len(), 2);
    server.settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn attachments_have_the_form_of_their_type() {
    let server = Server::start(Mode::Embedded).await;
    let world = World::on(&server).await;
    let wrong = json!({ "type": "voice", "duration": 2, "waveform": [0.5, 1.5] });
    let refused = world
        .ann
        .post(&world.messages(), json!({ "text": "x", "attachments": [{ "type": "ours" }, wrong] }))
        .await;
    refused.refused(ErrorCode::InvalidAttachment);
    assert!(refused.json["error"]["message"].as_str().unwrap().contains("attachments/1/waveform"));
    let eleven = json!({ "text": "x", "attachments": vec![json!({ "type": "link", "url": "https://a.example" }); 11] });
    world.ann.post(&world.messages(), eleven).await.refused(ErrorCode::TooManyAttachments);
    let files = json!({ "content_type": "file_attachment", "attachments": [
        { "type": "voice", "url": "https://a.example/x.ogg", "duration": 2.5, "waveform": [0, 0.5, 1], "ours": { "a": 1 } },
        { "type": "ours", "lat": "free" },
    ] });
    let sent = world.send(&world.ann, files.clone()).await;
    assert_eq!(
        (&sent["content_type"], &sent["attachments"]),
        (&json!("file_attachment"), &files["attachments"])
    );
    world
        .ann
        .post(&world.messages(), json!({ "text": "x", "content_type": "file_attachment" }))
        .await
        .refused(ErrorCode::InvalidContent);
    server.settled().await;
}
