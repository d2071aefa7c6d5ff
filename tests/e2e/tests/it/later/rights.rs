//! What an author may is asked again when a message is sent.

use parlor_e2e::{Listener, Mode, Server, until};
use parlor_protocol::{ErrorCode, EventType, MessageId};
use serde_json::{Value, json};

use super::{ahead, count, heard, make_due, schedule, text};

async fn who_may_not_send_at_the_time_is_told_why(mode: Mode) {
    let server = Server::start(mode).await;
    let app = server.app("acme").await;
    let (ann, ben, eve) = (app.user("ann").await, app.user("ben").await, app.user("eve").await);
    let mut channels = Vec::new();
    for _ in 0..4 {
        channels.push(app.channel(&[&ann, &ben, &eve]).await);
    }
    let [left, frozen, deleted, fine] = channels.try_into().unwrap();
    let phone = Listener::connect(&ben).await;
    let mut scheduled = Vec::new();
    for channel in [&left, &frozen, &deleted, &fine] {
        scheduled.push(schedule(&ben, channel, "x").await["id"].as_str().unwrap().to_owned());
    }
    let eves = schedule(&eve, &fine, "from eve").await["id"].as_str().unwrap().to_owned();
    // The id was used meanwhile, for something else.
    let taken = schedule(&ben, &fine, "later").await["id"].clone();
    let at_once = json!({ "id": taken, "text": "at once" });
    ben.post(&format!("/channels/{fine}/messages"), at_once).await.gives(201);

    ben.post(&format!("/channels/{left}/leave"), json!({})).await;
    ann.patch(&format!("/channels/{frozen}"), json!({ "config": { "frozen": true } })).await.gives(200);
    ann.delete(&format!("/channels/{deleted}")).await;
    app.server.post("/users/eve/deactivate", json!({})).await.gives(200);
    make_due(&server).await;

    let failed = heard(&phone, EventType::ScheduledMessageFailed, 4).await;
    heard(&phone, EventType::ScheduledMessageSent, 1).await;
    until("eve's has failed", async || {
        app.server.get(&format!("/scheduled_messages/{eves}")).await.gives(200)["error"] == "user_deactivated"
    })
    .await;
    for (id, channel, code) in [
        (scheduled[0].as_str(), &left, ErrorCode::NotAMember),
        (&scheduled[1], &frozen, ErrorCode::ChannelFrozen),
        (&scheduled[2], &deleted, ErrorCode::ChannelNotFound),
        (taken.as_str().unwrap(), &fine, ErrorCode::MessageIdReused),
    ] {
        let one = ben.get(&format!("/scheduled_messages/{id}")).await.gives(200);
        assert_eq!((&one["state"], &one["error"]), (&json!("failed"), &json!(code.as_str())), "{one}");
        assert_eq!(one["channel_id"], *channel);
        assert!(one["content"]["text"].is_string(), "its author may want to say it elsewhere: {one}");
        assert!(failed.iter().any(|event| event.data == json!({ "scheduled_message": one })), "{failed:?}");
        ben.patch(&format!("/scheduled_messages/{id}"), json!({ "text": "y" })).await.refused(match code {
            ErrorCode::MessageIdReused => ErrorCode::NotWaiting,
            refused => refused,
        });
    }
    assert_eq!(ben.get(&format!("/scheduled_messages/{}", scheduled[3])).await.gives(200)["state"], "sent");
    assert_eq!(count(&server, "messages").await, 2);
    assert_eq!(count(&server, "due").await, 0);

    // What failed stays listed until its author has seen it.
    assert_eq!(ben.all("/scheduled_messages", "").await.len(), 4);
    assert_eq!(ben.delete(&format!("/scheduled_messages/{}", scheduled[0])).await.status, 204);
    assert_eq!(ben.all("/scheduled_messages", "").await.len(), 3);
    server.settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_send_at_the_time_is_told_why_embedded() {
    who_may_not_send_at_the_time_is_told_why(Mode::Embedded).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_send_at_the_time_is_told_why_cluster() {
    who_may_not_send_at_the_time_is_told_why(Mode::Cluster).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_customers_server_schedules_for_its_users() {
    let server = Server::start(Mode::Embedded).await;
    let app = server.app("acme").await;
    let (ann, ben) = (app.user("ann").await, app.user("ben").await);
    let channel = app.channel(&[&ann]).await;
    let at = format!("/channels/{channel}/scheduled_messages");
    let post = async |id: MessageId| {
        let body =
            json!({ "id": id, "send_at": text(ahead(3600)), "text": "by the server", "user_id": "ben" });
        app.server.post(&at, body).await.gives(201)
    };
    // Ben is in no channel; the server speaks for him all the same, unless he has the last word.
    let (kept, edited, taken_over) = (MessageId::new(), MessageId::new(), MessageId::new());
    for id in [kept, edited, taken_over] {
        assert_eq!(post(id).await["user_id"], "ben");
    }
    assert_eq!(ben.all("/scheduled_messages", "").await.len(), 3, "it is ben's message");
    let patch = json!({ "text": "by the server, again" });
    app.server.patch(&format!("/scheduled_messages/{edited}"), patch).await.gives(200);
    let mine = format!("/scheduled_messages/{taken_over}");
    ben.patch(&mine, json!({ "text": "by ben" })).await.refused(ErrorCode::NotAMember);
    let join = json!({ "members": [{ "user_id": "ben" }] });
    ann.post(&format!("/channels/{channel}/members"), join).await.gives(200);
    ben.patch(&mine, json!({ "text": "by ben" })).await.gives(200);
    ben.post(&format!("/channels/{channel}/leave"), json!({})).await;
    make_due(&server).await;

    until("all are over", async || count(&server, "due").await == 0).await;
    for (id, state, error) in [
        (kept, "sent", Value::Null),
        (edited, "sent", Value::Null),
        (taken_over, "failed", json!("not_a_member")),
    ] {
        let one = app.server.get(&format!("/scheduled_messages/{id}")).await.gives(200);
        assert_eq!((&one["state"], &one["error"]), (&json!(state), &error), "{one}");
    }
    let page = ann.get(&format!("/channels/{channel}/messages")).await.gives(200);
    let mut said: Vec<&str> =
        page["items"].as_array().unwrap().iter().filter_map(|message| message["text"].as_str()).collect();
    said.sort_unstable();
    assert_eq!(said, ["by the server", "by the server, again"]);
    server.settled().await;
}
