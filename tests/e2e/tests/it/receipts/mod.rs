//! Receipts: who has read a message, who has got it, and who does not want others to know.

mod flags;
mod privacy;

use parlor_e2e::{Client, Listener, Mode, Server, until};
use parlor_protocol::{ErrorCode, EventType};
use serde_json::{Value, json};

use crate::realtime::on_both;

on_both! { who_has_read_and_who_has_got_a_message everything_is_read_at_once }

fn path_of(message: &Value) -> String {
    format!("/messages/{}", message["id"].as_str().unwrap())
}

/// Ids of those who have read, or got, a message.
async fn who(user: &Client, message: &Value, list: &str) -> Vec<String> {
    let receipts = user.all(&format!("{}/{list}", path_of(message)), "limit=1").await;
    receipts.iter().map(|receipt| receipt["user"]["id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_read_a_message_has_neither_read_nor_got_it() {
    let server = Server::start(Mode::Embedded).await;
    let app = server.app("acme").await;
    let (ann, ben, sarah) = (app.user("ann").await, app.user("ben").await, app.user("sarah").await);
    let moderator = app.user("mod").await;
    let channel = app.channel(&[&ann, &ben, &sarah]).await;
    let at = format!("/channels/{channel}");
    let add = json!({ "members": [{ "user_id": "mod", "role": "moderator" }] });
    ann.post(&format!("{at}/members"), add).await.gives(200);
    let root = ann.say(&channel, "root").await;
    let whisper = async |extra: Value| {
        let mut body = json!({ "text": "whisper", "visible_to": ["ben"] });
        body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        ann.post(&format!("{at}/messages"), body).await.gives(201)
    };
    let whispered = whisper(json!({})).await;
    let reply = whisper(json!({ "parent_id": root["id"] })).await;
    ann.say(&channel, "last").await;
    for reader in [&ben, &sarah, &moderator] {
        reader.post(&format!("{at}/read"), json!({})).await.gives(200);
        reader.post(&format!("{}/thread/read", path_of(&root)), json!({})).await.gives(200);
    }
    assert_eq!(who(&ann, &root, "reads").await, ["mod", "sarah", "ben"]);
    for list in ["reads", "deliveries"] {
        assert_eq!(who(&ann, &whispered, list).await, ["mod", "ben"], "{list}");
        assert_eq!(who(&app.server, &whispered, list).await, ["mod", "ben"], "{list}");
        assert!(!who(&ann, &reply, list).await.contains(&"sarah".to_owned()), "{list}");
    }
    server.settled().await;
}

async fn who_has_read_and_who_has_got_a_message(mode: Mode) {
    let server = Server::start(mode).await;
    let app = server.app("acme").await;
    let (ann, ben, sarah) = (app.user("ann").await, app.user("ben").await, app.user("sarah").await);
    let channel = app.channel(&[&ann, &ben, &sarah]).await;
    let at = format!("/channels/{channel}");
    let first = ann.say(&channel, "first").await;
    let second = ann.say(&channel, "second").await;
    assert_eq!(who(&ann, &first, "reads").await, [""; 0], "who has only come has read nothing");
    let listener = Listener::connect(&ann).await;
    listener.subscribe(&channel).await;
    let topic = format!("chat:channel:{channel}");

    // Read by Sarah at 10:05.
    let read = sarah.post(&format!("{at}/read"), json!({ "message_id": first["id"] })).await.gives(200);
    let reads = ann.get(&format!("{}/reads", path_of(&first))).await.gives(200);
    assert_eq!(reads["items"][0]["user"], json!({ "id": "sarah", "name": "sarah", "image": null }));
    assert_eq!(reads["items"][0]["read_at"], read["read"]["read_at"]);
    let event = listener.next(&topic, 0, EventType::MessageRead).await;
    assert_eq!((&event.data["user_id"], &event.data["read"]), (&json!("sarah"), &read["read"]));
    ben.post(&format!("{at}/read"), json!({})).await.gives(200);
    assert_eq!(who(&ann, &first, "reads").await, ["ben", "sarah"], "the last first, the author not at all");
    assert_eq!(who(&ann, &second, "reads").await, ["ben"]);
    ben.post(&format!("{at}/unread"), json!({ "message_id": first["id"] })).await.gives(200);
    assert_eq!(who(&ann, &first, "reads").await, ["sarah"], "what is marked unread is not read");
    assert_eq!(who(&ann, &first, "deliveries").await, ["ben", "sarah"], "but it has arrived");

    // Of a reply beside the timeline.
    let reply = json!({ "text": "reply", "parent_id": first["id"] });
    let reply = ann.post(&format!("{at}/messages"), reply).await.gives(201);
    sarah.post(&format!("{at}/read"), json!({})).await.gives(200);
    assert_eq!(who(&ann, &reply, "reads").await, [""; 0], "who reads the channel does not read its threads");
    sarah.post(&format!("{}/thread/read", path_of(&first)), json!({})).await.gives(200);
    assert_eq!(who(&ann, &reply, "reads").await, ["sarah"]);

    // Arrived, in one channel and in many.
    let third = ann.say(&channel, "third").await;
    let got = ben.post(&format!("{at}/delivered"), json!({ "message_id": third["id"] })).await.gives(200);
    assert_eq!(got["delivered_seq"], third["seq"]);
    let event = listener.next(&topic, 0, EventType::MessageDelivered).await;
    let told = json!({ "user_id": "ben", "delivered_seq": got["delivered_seq"], "delivered_at": got["delivered_at"] });
    assert_eq!((event.seq, &event.data["deliveries"]), (None, &json!([told])));
    let again = json!({ "message_id": second["id"] });
    assert_eq!(ben.post(&format!("{at}/delivered"), again).await.gives(200), got, "never backwards");
    assert_eq!(who(&ann, &third, "deliveries").await, ["ben"]);
    let elsewhere = app.channel(&[&ann]).await;
    let other = app.channel(&[&ann, &sarah]).await;
    let last = ann.say(&other, "hello").await;
    let batch = json!({ "channels": [
        { "channel_id": channel }, { "channel_id": elsewhere }, { "channel_id": other, "message_id": last["id"] },
    ] });
    let all = sarah.post("/channels/delivered", batch.clone()).await.gives(200);
    let seqs: Vec<_> =
        all["channels"].as_array().unwrap().iter().map(|one| one["delivered_seq"].clone()).collect();
    assert_eq!((seqs.len(), &seqs[1]), (2, &last["seq"]), "without the channel of others: {all}");
    assert_eq!(sarah.post("/channels/delivered", batch).await.gives(200), all);
    assert_eq!(who(&ann, &third, "deliveries").await, ["sarah", "ben"]);
    let member = ann.get(&format!("{at}/members")).await.gives(200)["items"][1].clone();
    assert_eq!(
        (&member["delivered_seq"], &member["delivered_at"]),
        (&got["delivered_seq"], &got["delivered_at"])
    );

    let gone = json!({ "message_id": last["id"] });
    ben.post(&format!("{at}/delivered"), gone).await.refused(ErrorCode::MessageNotFound);
    for channels in [json!([]), json!(vec![json!({ "channel_id": channel }); 101])] {
        let batch = json!({ "channels": channels });
        ben.post("/channels/delivered", batch).await.refused(ErrorCode::BatchTooLarge);
    }
    let twice = json!({ "channels": [{ "channel_id": channel }, { "channel_id": channel }] });
    ben.post("/channels/delivered", twice).await.refused(ErrorCode::InvalidRequest);
    let path = path_of(&first);
    for list in ["reads", "deliveries"] {
        ann.get(&format!("{path}/{list}?cursor=x")).await.refused(ErrorCode::InvalidCursor);
        app.user("eve").await.get(&format!("{path}/{list}")).await.refused(ErrorCode::MessageNotFound);
        server
            .app("other")
            .await
            .server
            .get(&format!("{path}/{list}"))
            .await
            .refused(ErrorCode::MessageNotFound);
    }
    server.settled().await;
}

async fn everything_is_read_at_once(mode: Mode) {
    let server = Server::start(mode).await;
    let app = server.app("acme").await;
    let (ann, ben) = (app.user("ann").await, app.user("ben").await);
    let mut channels = Vec::new();
    for n in 0..3 {
        let channel = app.channel(&[&ann, &ben]).await;
        for text in 0..=n {
            let body = json!({ "text": format!("{text}"), "mentions": ["ben"] });
            ann.post(&format!("/channels/{channel}/messages"), body).await.gives(201);
        }
        channels.push(channel);
    }
    let root = ben.say(&channels[0], "root").await;
    let reply = json!({ "text": "reply", "parent_id": root["id"], "mentions": ["ben"] });
    ann.post(&format!("/channels/{}/messages", channels[0]), reply).await.gives(201);
    let mentions = async || ben.get("/unread").await.gives(200)["mentions_total"].clone();
    until("mentions are flagged", async || mentions().await == 6).await;
    ben.patch(&format!("/channels/{}/membership", channels[1]), json!({ "muted": {} })).await.gives(200);
    let counts = ben.get("/unread").await.gives(200);
    assert_eq!(
        (&counts["total"], &counts["mentions_total"], &counts["threads_total"]),
        (&json!(3), &json!(4), &json!(1))
    );
    let of = |channel: &str| {
        let all = counts["channels"].as_array().unwrap();
        let one = all.iter().find(|one| one["channel_id"] == channel).unwrap();
        (one["unread"].clone(), one["mentions"].clone(), one["muted"].clone())
    };
    assert_eq!(of(&channels[0]), (json!(0), json!(1), json!(false)), "a mention beside the timeline");
    assert_eq!(of(&channels[1]), (json!(2), json!(2), json!(true)));
    ben.patch(&format!("/channels/{}/membership", channels[2]), json!({ "hidden": true })).await.gives(200);
    let counts = ben.get("/unread").await.gives(200);
    assert_eq!(
        (&counts["total"], &counts["mentions_total"]),
        (&json!(0), &json!(1)),
        "hidden ones are left out"
    );
    ben.patch(&format!("/channels/{}/membership", channels[2]), json!({ "hidden": false })).await.gives(200);

    let listener = Listener::connect(&ben).await;
    let others = Listener::connect(&ann).await;
    others.subscribe(&channels[2]).await;
    let all = ben.post("/channels/read", json!({})).await.gives(200);
    assert_eq!(all, json!({ "channels": 3, "threads": 1 }));
    let counts = ben.get("/unread").await.gives(200);
    let nothing = json!({ "total": 0, "mentions_total": 0, "threads_total": 0, "channels": [] });
    assert_eq!(counts, nothing);
    let event = others.next(&format!("chat:channel:{}", channels[2]), 0, EventType::MessageRead).await;
    assert_eq!(event.data["user_id"], "ben");
    let member = ann.get(&format!("/channels/{}/members", channels[2])).await.gives(200)["items"][1].clone();
    for field in ["read_seq", "read_ordinal", "read_at", "last_read_message_id"] {
        assert_eq!(event.data["read"][field], member[field], "{field}");
    }
    listener.next(&listener.user_topic, 0, EventType::NotificationThreadRead).await;
    let marks = listener.events(&listener.user_topic).into_iter();
    assert_eq!(marks.filter(|event| event.kind == EventType::NotificationMarkRead).count(), 3);
    server.settled().await;
    let unread = async || ben.all("/users/me/messages", "flag=unread").await;
    until("flags follow", async || unread().await.is_empty()).await;
    assert_eq!(
        ben.post("/channels/read", json!({})).await.gives(200),
        json!({ "channels": 0, "threads": 0 })
    );
    app.server.post("/channels/read", json!({})).await.refused(ErrorCode::UserOnly);
    server.settled().await;
}
