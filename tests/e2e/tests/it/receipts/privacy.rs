//! Who does not want others to know, and channels that have no receipts.

use parlor_e2e::{Heard, Listener, Mode, Server};
use parlor_protocol::{ErrorCode, EventType};
use serde_json::{Value, json};

use super::{path_of, who};

#[tokio::test(flavor = "multi_thread")]
async fn who_switched_receipts_off_reads_and_nobody_learns_it() {
    let server = Server::start(Mode::Embedded).await;
    let app = server.app("acme").await;
    let (ann, ben, sarah) = (app.user("ann").await, app.user("ben").await, app.user("sarah").await);
    let channel = app.channel(&[&ann, &ben, &sarah]).await;
    let at = format!("/channels/{channel}");
    let said = ann.say(&channel, "hello").await;
    let own = Listener::connect(&ben).await;
    let others = Listener::connect(&ann).await;
    others.subscribe(&channel).await;
    let all_on = json!({ "read_receipts": true, "delivery_receipts": true, "typing": true, "user_seq": 0 });
    assert_eq!(ben.get("/users/me/settings").await.gives(200), all_on);

    let off = json!({ "read_receipts": false, "delivery_receipts": false, "typing": false });
    let set = ben.patch("/users/me/settings", off.clone()).await.gives(200);
    assert_eq!(set["read_receipts"], false);
    let event = own.next(&own.user_topic, 0, EventType::SettingsUpdated).await;
    assert_eq!((event.seq, &event.data["settings"]), (set["user_seq"].as_i64(), &set));
    assert_eq!(ben.patch("/users/me/settings", off).await.gives(200), set, "a repetition changes nothing");
    assert_eq!(ben.get("/users/me/settings").await.gives(200), set);

    for path in ["delivered", "read"] {
        ben.post(&format!("{at}/{path}"), json!({})).await.gives(200);
    }
    ben.post(&format!("{at}/typing"), json!({ "typing": true })).await;
    ben.post(&format!("{at}/unread"), json!({ "message_id": said["id"] })).await.gives(200);
    ben.post("/channels/read", json!({})).await.gives(200);
    // What others do is told, and after it nothing of Ben can be on its way.
    sarah.post(&format!("{at}/typing"), json!({ "typing": true })).await;
    sarah.post(&format!("{at}/delivered"), json!({})).await.gives(200);
    sarah.post(&format!("{at}/read"), json!({})).await.gives(200);
    let topic = format!("chat:channel:{channel}");
    for kind in [EventType::MessageRead, EventType::MessageDelivered, EventType::TypingStart] {
        others.next(&topic, 0, kind).await;
    }
    let of_ben = |heard: &Heard| match heard {
        // That Ben is online is no secret.
        Heard::Event { envelope, .. } => {
            envelope.kind != EventType::UserPresenceChanged && envelope.data.to_string().contains("\"ben\"")
        }
        _ => false,
    };
    assert_eq!(others.heard().into_iter().find(of_ben).map(|heard| format!("{heard:?}")), None);
    for list in ["reads", "deliveries"] {
        assert_eq!(who(&ann, &said, list).await, ["sarah"], "{list}");
    }
    let shown = |members: &Value| {
        let ben = members.as_array().unwrap().iter().find(|member| member["user"]["id"] == "ben").unwrap();
        (
            ben["read_seq"].clone(),
            ben["read_at"].clone(),
            ben["delivered_seq"].clone(),
            ben["delivered_at"].clone(),
        )
    };
    let nothing = (json!(0), Value::Null, json!(0), Value::Null);
    for user in [&ann, &app.server] {
        let members = user.get(&format!("{at}/members")).await.gives(200);
        assert_eq!(shown(&members["items"]), nothing);
        let changes = user.get(&format!("{at}/changes?since=0")).await.gives(200);
        assert_eq!(shown(&changes["members"]), nothing);
    }
    let promoted = ann.patch(&format!("{at}/members/ben"), json!({ "role": "moderator" })).await.gives(200);
    assert_eq!(shown(&json!([promoted])), nothing);
    let event = others.next(&topic, 0, EventType::MemberUpdated).await;
    assert_eq!(shown(&json!([event.data["member"]])), nothing);

    // One's own are one's own, and back they are back.
    let view = ben.get(&at).await.gives(200);
    assert_eq!((&view["unread"], &view["membership"]["read_seq"]), (&json!(0), &said["seq"]));
    let members = ben.get(&format!("{at}/members")).await.gives(200);
    assert_eq!(shown(&members["items"]).0, said["seq"]);
    ben.patch("/users/me/settings", json!({ "read_receipts": true })).await.gives(200);
    assert_eq!(who(&ann, &said, "reads").await.len(), 2);
    assert_eq!(who(&ann, &said, "deliveries").await, ["sarah"]);
    app.server.get("/users/me/settings").await.refused(ErrorCode::UserOnly);
    ben.patch("/users/me/settings", json!({ "typing": null, "x": 1 }))
        .await
        .refused(ErrorCode::InvalidRequest);
    server.settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn channels_without_receipts_tell_none() {
    let server = Server::start_with(Mode::Embedded, &[("PARLOR_CHAT_FANOUT_MEMBERS", "2")]).await;
    let app = server.app("acme").await;
    let (ann, ben, eve) = (app.user("ann").await, app.user("ben").await, app.user("eve").await);
    let large = app.channel(&[&ann, &ben, &eve]).await;
    let small = app.channel(&[&ann, &ben]).await;
    let members = json!([{ "user_id": "ann", "role": "owner" }, { "user_id": "ben" }]);
    let stream = app.channel_with(json!({ "type": "livestream", "members": members })).await;
    for channel in [&large, &stream] {
        let said = ann.say(channel, "hello").await;
        ben.post(&format!("/channels/{channel}/delivered"), json!({})).await.gives(200);
        ben.post(&format!("/channels/{channel}/read"), json!({})).await.gives(200);
        for list in ["reads", "deliveries"] {
            ann.get(&format!("{}/{list}", path_of(&said))).await.refused(ErrorCode::NoReceipts);
        }
    }
    let said = ann.say(&small, "hello").await;
    let others = Listener::connect(&ann).await;
    others.subscribe(&small).await;
    let off = json!({ "config": { "read_receipts_disabled": true, "delivery_receipts_disabled": true } });
    ann.patch(&format!("/channels/{small}"), off).await.gives(200);
    ben.post(&format!("/channels/{small}/delivered"), json!({})).await.gives(200);
    ben.post(&format!("/channels/{small}/read"), json!({})).await.gives(200);
    for list in ["reads", "deliveries"] {
        ann.get(&format!("{}/{list}", path_of(&said))).await.refused(ErrorCode::NoReceipts);
    }
    let members = ann.get(&format!("/channels/{small}/members")).await.gives(200);
    let of_ben = &members["items"][1];
    assert_eq!((&of_ben["read_seq"], &of_ben["delivered_seq"]), (&json!(0), &json!(0)));
    let on = json!({ "config": { "read_receipts_disabled": false, "delivery_receipts_disabled": false } });
    ann.patch(&format!("/channels/{small}"), on).await.gives(200);
    let next = ann.say(&small, "next").await;
    ben.post(&format!("/channels/{small}/delivered"), json!({})).await.gives(200);
    ben.post(&format!("/channels/{small}/read"), json!({})).await.gives(200);
    let topic = format!("chat:channel:{small}");
    let read = others.next(&topic, 0, EventType::MessageRead).await;
    let delivered = others.next(&topic, 0, EventType::MessageDelivered).await;
    assert_eq!(read.data["read"]["read_seq"], next["seq"], "the first that is told");
    assert_eq!(delivered.data["deliveries"][0]["delivered_seq"], next["seq"]);
    assert_eq!(who(&ann, &said, "reads").await, ["ben"]);
    server.settled().await;
}
