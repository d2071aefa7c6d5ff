//! Two people chat.

use parlor_e2e::{Mode, Server};
use serde_json::json;

async fn two_people_chat(mode: Mode) {
    let server = Server::start(mode).await;
    let app = server.app("acme").await;
    let (ann, ben) = (app.user("ann").await, app.user("ben").await);
    let channel = app.channel(&[&ann, &ben]).await;

    let hello = ann.say(&channel, "hello").await;
    assert_eq!(hello["user"]["id"], "ann");
    assert_eq!(hello["seq"], 2, "the creation was the first change");

    let page = ben.get(&format!("/channels/{channel}/messages")).await;
    assert_eq!(page.json["items"][0]["text"], "hello");
    assert_eq!(ben.get("/unread").await.json["total"], 1);

    let read = ben.post(&format!("/channels/{channel}/read"), json!({})).await;
    assert_eq!(read.json["unread"], 0);
    assert_eq!(ben.get("/unread").await.json["total"], 0);
    assert_eq!(ann.get("/unread").await.json["total"], 0, "one's own messages are read");
    server.settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_people_chat_embedded() {
    two_people_chat(Mode::Embedded).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_people_chat_cluster() {
    two_people_chat(Mode::Cluster).await;
}
