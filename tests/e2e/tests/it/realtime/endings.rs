//! What one may not hear, and how hearing ends.

use parlor_e2e::{Client, Heard, Listener, Mode, Server};
use parlor_protocol::EventType;
use serde_json::json;

super::on_both! {
    what_one_may_not_hear
    who_was_removed_hears_nothing_more
    who_was_shut_out_does_not_come_back
    an_app_that_is_shut_out_hears_nothing_more
}

async fn subscription_token(user: &Client, channel: &str) -> String {
    let body = json!({ "channel": format!("chat:channel:{channel}") });
    let answer = user.post("/realtime/subscription", body).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.json["token"].as_str().unwrap().to_owned()
}

async fn what_one_may_not_hear(mode: Mode) {
    let server = Server::start(mode).await;
    let app = server.app("acme").await;
    let (ann, eve) = (app.user("ann").await, app.user("eve").await);
    let (room, other) = (app.channel(&[&ann]).await, app.channel(&[&ann]).await);
    let listener = Listener::connect(&eve).await;
    let topic = format!("chat:channel:{room}");

    assert_eq!(listener.refused(&topic, None).await, 103, "no token");
    let own = Listener::connect(&ann).await;
    assert_eq!(own.refused("nowhere:1", None).await, 102, "no such namespace");
    assert_eq!(listener.refused(&own.user_topic, None).await, 103, "somebody else's own channel");
    // Tokens of others are a reason to end the connection.
    let anns = subscription_token(&ann, &room).await;
    let thief = Listener::connect(&eve).await;
    assert_eq!(thief.refused(&topic, Some(&anns)).await, 3500, "somebody else's token");
    let wrong = subscription_token(&ann, &other).await;
    assert_eq!(own.refused(&topic, Some(&wrong)).await, 3500, "a token of another channel");

    let asked = eve.post("/realtime/subscription", json!({ "channel": topic })).await;
    assert!([403, 404].contains(&asked.status), "{}", asked.text);
    ann.say(&room, "not for Eve").await;
    server.settled().await;
    assert!(listener.events_of(&room).is_empty() && thief.events_of(&room).is_empty());
}

async fn who_was_removed_hears_nothing_more(mode: Mode) {
    let server = Server::start(mode).await;
    let app = server.app("acme").await;
    let (ann, ben) = (app.user("ann").await, app.user("ben").await);
    let room = app.channel(&[&ann, &ben]).await;
    let (stays, goes) = (Listener::connect(&ann).await, Listener::connect(&ben).await);
    stays.subscribe(&room).await;
    goes.subscribe(&room).await;
    let topic = format!("chat:channel:{room}");
    assert_eq!(ann.delete(&format!("/channels/{room}/members/ben")).await.status, 204);
    let ended = |heard: &Heard| matches!(heard, Heard::Unsubscribed { topic: of, .. } if *of == topic);
    goes.until("the subscription was taken away", ended).await;
    ann.say(&room, "Ben is gone").await;
    stays.next(&topic, 0, EventType::MessageNew).await;
    // What comes on Ben's own channel now was published after that message.
    let other = app.channel(&[&ann, &ben]).await;
    let told = |heard: &Heard| match heard {
        Heard::Event { envelope, .. } => envelope.data["channel_id"] == json!(other),
        _ => false,
    };
    goes.until("Ben hears of another channel", told).await;
    let last = goes.events_of(&room).pop().unwrap();
    assert_eq!(last.kind, EventType::MemberRemoved, "the last that Ben heard is why");
    let asked = ben.post("/realtime/subscription", json!({ "channel": topic })).await;
    assert_eq!(asked.status, 403, "{}", asked.text);
}

async fn who_was_shut_out_does_not_come_back(mode: Mode) {
    let server = Server::start(mode).await;
    let app = server.app("acme").await;
    let (ann, ben) = (app.user("ann").await, app.user("ben").await);
    let (deactivated, revoked) = (Listener::connect(&ann).await, Listener::connect(&ben).await);
    let answer = app.server.post("/users/ann/deactivate", json!({})).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(deactivated.thrown_out().await, 4500);
    let answer = app.server.post("/tokens/revoke", json!({ "user_id": "ben" })).await;
    assert_eq!(answer.status, 204, "{}", answer.text);
    assert_eq!(revoked.thrown_out().await, 4501);
    for listener in [&deactivated, &revoked] {
        assert!(matches!(listener.heard().last(), Some(Heard::Disconnected(_))), "the end is the end");
    }
    assert_eq!(ann.post("/realtime/connection", json!({})).await.status, 403);
    assert_eq!(ben.post("/realtime/connection", json!({})).await.status, 401);
}

async fn an_app_that_is_shut_out_hears_nothing_more(mode: Mode) {
    let server = Server::start(mode).await;
    let (app, other) = (server.app("acme").await, server.app("other").await);
    let (ann, ben, bystander) = (app.user("ann").await, app.user("ben/2").await, other.user("ann").await);
    let outside = Listener::connect(&bystander).await;
    let revoked = [Listener::connect(&ann).await, Listener::connect(&ben).await];
    // So many, and before them in the order of ids, that they are not named in one batch.
    let crowd = format!(
        "INSERT INTO users (app_id, id, custom, guest, created_at, updated_at, last_active_at) \
         SELECT '{}', 'a' || n, '{{}}', false, now(), now(), now() FROM generate_series(1, 1500) n",
        app.id
    );
    server.db.execute(&crowd).await;
    app.server.post("/tokens/revoke", json!({})).await.gives(204);
    for listener in &revoked {
        assert_eq!(listener.thrown_out().await, 4501);
    }
    let again = app.user("ann").await;
    let suspended = Listener::connect(&again).await;
    // In another process than the one that serves.
    server.command(&["app", "suspend", &app.id]).await.unwrap();
    assert_eq!(suspended.thrown_out().await, 4502);
    assert_eq!(again.post("/realtime/connection", json!({})).await.status, 403);
    server.settled().await;
    let ended = |heard: &Heard| matches!(heard, Heard::Disconnected(_) | Heard::Connecting(3000..));
    assert!(!outside.heard().iter().any(ended), "another app's users stay: {:?}", outside.heard());
}
