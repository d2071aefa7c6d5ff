//! Deadlines: pings, expiry, refresh, shutdown. The clock is set by hand.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::time::Duration;

use serde_json::json;
use support::{NOW, TestHub, token};

const ROOM: &str = "chat:channel:1";

#[tokio::test]
async fn who_answers_pings_stays() {
    let hub = TestHub::start().await;
    let mut peer = hub.connect("ann").await;
    for _ in 0..3 {
        hub.advance(25);
        assert_eq!(peer.message().await, json!({}));
        peer.send_text("{}").await;
        // Its answer is in when the next command is.
        peer.call("rpc", json!({})).await;
        hub.advance(9);
    }
    hub.advance(25);
    hub.advance(9);
    assert_eq!(peer.closed().await, (3012, "no pong".into()));
    assert_eq!(hub.hub.stats().no_pong, 1);
}

#[tokio::test]
async fn a_second_pong_is_one_too_many() {
    let hub = TestHub::start().await;
    let mut peer = hub.connect("ann").await;
    hub.advance(25);
    assert_eq!(peer.message().await, json!({}));
    peer.send_text("{}\n{}").await;
    assert_eq!(peer.closed().await.0, 3501);
}

#[tokio::test]
async fn who_says_nothing_is_stale() {
    let hub = TestHub::start().await;
    let mut peer = hub.dial().await;
    // The hub knows of the socket when it has answered something on it.
    peer.send(tokio_tungstenite::tungstenite::Message::Ping("x".into())).await;
    let mut refused = hub.dial().await;
    let expired = token(&json!({"sub": "ann", "exp": NOW - 1}));
    assert_eq!(refused.refused("connect", json!({"token": expired})).await, 109);
    refused.send_text("{\"id\":2,\"subscribe\":{\"channel\":\"chat:x\"}}").await;
    while hub.hub.stats().bytes_received < 6 {
        tokio::task::yield_now().await;
    }
    hub.advance(11);
    assert_eq!(peer.closed().await, (3502, "stale".into()));
    assert_eq!(refused.closed().await.0, 3502);
}

#[tokio::test]
async fn a_connection_expires_after_its_grace_unless_refreshed() {
    let hub = TestHub::start().await;
    let (mut idle, _) = hub.connect_with("ann", json!({"exp": NOW + 10}), json!({})).await;
    let (mut fresh, _) = hub.connect_with("bob", json!({"exp": NOW + 10}), json!({})).await;
    hub.advance(11);
    let reply =
        fresh.call("refresh", json!({"token": token(&json!({"sub": "bob", "exp": NOW + 1000}))})).await;
    assert_eq!(reply["refresh"], json!({"expires": true, "ttl": 989}));
    hub.advance(23);
    assert!(hub.hub.is_connected("ann"));
    hub.advance(2);
    assert_eq!(idle.closed().await, (3005, "connection expired".into()));
    assert!(fresh.call("rpc", json!({})).await["closed"].is_null());
}

#[tokio::test]
async fn a_refresh_must_be_the_same_user_with_the_same_channels() {
    let hub = TestHub::start().await;
    for (claims, code) in [
        (json!({"sub": "bob"}), 3500),
        (json!({"sub": "ann", "exp": NOW - 1}), 3005),
        (json!({"sub": "ann", "channels": [ROOM]}), 3010),
    ] {
        let mut peer = hub.connect("ann").await;
        assert_eq!(peer.refused("refresh", json!({"token": token(&claims)})).await, code, "{claims}");
    }
    let mut peer = hub.connect("ann").await;
    assert_eq!(peer.refused("refresh", json!({})).await, 3501);
}

#[tokio::test]
async fn the_server_moves_an_expiry() {
    let hub = TestHub::start().await;
    let mut peer = hub.connect("ann").await;
    hub.hub.refresh("ann", None, Some(NOW + 10));
    assert_eq!(peer.push("refresh").await, json!({"expires": true, "ttl": 10}));
    hub.hub.refresh("ann", None, None);
    assert_eq!(peer.push("refresh").await, json!({}));
    hub.hub.expire("ann", None);
    assert_eq!(peer.closed().await.0, 3005);
}

#[tokio::test]
async fn a_subscription_expires_after_its_grace_unless_refreshed() {
    let hub = TestHub::with(|config| config.ping_interval = Duration::from_secs(600)).await;
    let mut peer = hub.connect("ann").await;
    let result = peer.subscribe_with(ROOM, json!({"exp": NOW + 10}), json!({})).await;
    assert_eq!((&result["expires"], &result["ttl"]), (&json!(true), &json!(10)));
    peer.subscribe_with("chat:other", json!({"exp": NOW + 10}), json!({})).await;
    let refresh = |claims| json!({"channel": "chat:other", "token": token(&claims)});
    let longer = json!({"sub": "ann", "channel": "chat:other", "exp": NOW + 1000});
    assert_eq!(
        peer.call("sub_refresh", refresh(longer)).await["sub_refresh"],
        json!({"expires": true, "ttl": 1000})
    );
    assert_eq!(peer.refused("sub_refresh", json!({"channel": "chat:x", "token": "x"})).await, 103);
    assert_eq!(peer.refused("sub_refresh", json!({"channel": ROOM})).await, 107);
    let over = json!({"sub": "ann", "channel": "chat:other", "exp": NOW - 1});
    assert_eq!(peer.refused("sub_refresh", refresh(over)).await, 109);
    hub.advance(34);
    assert_eq!(hub.hub.info().num_subscriptions, 2);
    // A deadline is kept to the quarter of a second.
    hub.advance(2);
    assert_eq!(peer.push("unsubscribe").await, json!({"code": 2501, "reason": "subscription expired"}));
    assert_eq!(hub.hub.channels(""), [("chat:other".to_owned(), 1)].into());
}

#[tokio::test]
async fn a_server_side_subscription_expires_with_its_connection() {
    let hub = TestHub::with(|config| config.ping_interval = Duration::from_secs(600)).await;
    let mut peer = hub.connect("ann").await;
    let options = parlor_hub::SubscribeOptions { expire_at: Some(NOW + 10), ..Default::default() };
    hub.hub.subscribe("ann", ROOM, &options).unwrap();
    hub.advance(36);
    assert_eq!(peer.closed().await, (3006, "subscription expired".into()));
}

#[tokio::test]
async fn shutdown_sends_everybody_away_to_return() {
    let hub = TestHub::start().await;
    let mut ann = hub.connect("ann").await;
    let mut nobody = hub.dial().await;
    let (result, ann, nobody) = tokio::join!(hub.shut_down(), ann.closed(), nobody.closed());
    assert_eq!(((), (3001, "shutdown".to_owned())), (result, ann));
    assert_eq!(nobody.0, 3001);
}
