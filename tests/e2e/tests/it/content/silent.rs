//! Messages that count for nobody, and what the server tells.

use parlor_e2e::{Listener, Mode, Server, until};
use parlor_protocol::{ErrorCode, EventType};
use serde_json::json;

use super::{World, id};

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_message_is_there_and_counts_for_nobody() {
    let server = Server::start(Mode::Embedded).await;
    let world = World::on(&server).await;
    let listener = Listener::connect(&world.ben).await;
    listener.subscribe(&world.channel).await;
    let silent = world.send(&world.ann, json!({ "text": "psst", "silent": true })).await;
    assert_eq!((&silent["silent"], &silent["ordinal"]), (&json!(true), &json!(0)));
    let told = listener.next(&world.topic(), 0, EventType::MessageNew).await;
    assert_eq!((&json!(told.seq), &told.data["message"]["silent"]), (&silent["seq"], &json!(true)));
    assert_eq!(world.unread(&world.ben).await, 0);
    let heard = world.send(&world.ann, json!({ "text": "hear" })).await;
    assert_eq!(heard["ordinal"], 1);
    // Words of both are worked off in their order, so there is none of the first.
    let news = listener.next(&listener.user_topic, 0, EventType::NotificationMessageNew).await;
    assert_eq!((&news.data["message_id"], &news.data["unread"]), (&heard["id"], &json!(1)));
    until("what is unread is flagged", async || {
        world.ben.all("/users/me/messages", "flag=unread").await.len() == 1
    })
    .await;
    world.ann.delete(&format!("/messages/{}", id(&silent))).await.gives(200);
    assert_eq!(world.unread(&world.ben).await, 1, "what did not count is not taken off");
    let listed = world.cid.get(&world.messages()).await.gives(200);
    assert_eq!(listed["items"].as_array().unwrap().len(), 2);
    server.settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_tells_what_happened() {
    let server = Server::start(Mode::Embedded).await;
    let world = World::on(&server).await;
    let tell = json!({
        "text": "Ann joined", "content_type": "system", "content": { "event": "joined" }, "user_id": "ann",
    });
    let told = world.app.server.post(&world.messages(), tell).await.gives(201);
    assert_eq!(
        (&told["content_type"], &told["silent"], &told["content"]),
        (&json!("system"), &json!(true), &json!({ "event": "joined" }))
    );
    assert_eq!(world.unread(&world.ben).await, 0);
    let path = format!("/messages/{}", id(&told));
    assert_eq!(world.ben.get(&path).await.gives(200)["text"], "Ann joined");
    world.ann.patch(&path, json!({ "text": "x" })).await.refused(ErrorCode::ServerOnly);
    world.app.server.patch(&path, json!({ "text": "Ann came" })).await.gives(200);
    let own = world.send(&world.ann, json!({ "text": "x" })).await;
    let own = format!("/messages/{}", id(&own));
    for path in [(&own, "system"), (&path, "text")] {
        let change = json!({ "content_type": path.1 });
        world.app.server.patch(path.0, change).await.refused(ErrorCode::InvalidContent);
    }
    world
        .ann
        .post(&world.messages(), json!({ "text": "x", "content_type": "system" }))
        .await
        .refused(ErrorCode::ServerOnly);
    server.settled().await;
}
