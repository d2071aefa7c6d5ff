//! Commands and their answers, as Centrifugo 5.4 gives them.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use parlor_hub::{CommandError, Disconnect, HistoryRange, Namespace, PublishOptions, SubscribeOptions};
use serde_json::{Value, json};
use support::{NOW, TestHub, raw, token};
use tokio_tungstenite::tungstenite::Message;

const ROOM: &str = "chat:channel:1";

#[tokio::test]
async fn connects_and_says_what_to_expect() {
    let hub = TestHub::start().await;
    let (_peer, result) = hub.connect_with("ann", json!({"exp": NOW + 100}), json!({})).await;
    assert_eq!(result["ping"], 25);
    assert_eq!(result["pong"], true);
    assert_eq!((&result["expires"], &result["ttl"]), (&json!(true), &json!(100)));
    assert!(result["session"].is_null());
    assert!(hub.hub.is_connected("ann") && !hub.hub.is_connected("bob"));
}

#[tokio::test]
async fn a_bad_connect_is_refused() {
    let hub = TestHub::start().await;
    for (command, expected) in [
        (json!({}), 3501),
        (json!({"token": "x"}), 3500),
        (json!({"token": token(&json!({"sub": "ann", "exp": NOW - 1}))}), 109),
        (json!({"token": token(&json!({"sub": "ann", "expire_at": NOW - 1}))}), 110),
        (json!({"token": token(&json!({"sub": "ann", "channel": ROOM}))}), 3500),
        (json!({"token": token(&json!({"sub": "ann", "channels": ["nowhere:x"]}))}), 102),
        (json!({"token": token(&json!({"sub": "ann"})), "subs": {"nowhere:x": {}}}), 3501),
    ] {
        let mut peer = hub.dial().await;
        assert_eq!(peer.refused("connect", command.clone()).await, expected, "{command}");
    }
    assert!(!hub.hub.is_connected("ann"));
}

#[tokio::test]
async fn what_no_client_sends_ends_the_connection() {
    let hub = TestHub::start().await;
    for (frame, code) in [
        ("nope", 3501),
        ("[]", 3501),
        ("", 3501),
        ("\n\n", 3501),
        ("{}", 3501),
        ("{\"subscribe\":{\"channel\":\"chat:x\"}}", 3501),
        ("{\"id\":9,\"unknown\":{}}", 3501),
        ("{\"id\":9,\"subscribe\":{}}", 3501),
        ("{\"id\":9,\"subscribe\":{\"channel\":\"chat:x\",\"delta\":\"other\"}}", 3501),
        ("{\"id\":9,\"connect\":{}}", 3501),
        ("{\"send\":{\"data\":1}}", 3508),
    ] {
        let mut peer = hub.connect("ann").await;
        peer.send_text(frame).await;
        assert_eq!(peer.closed().await.0, code, "{frame}");
    }
    let mut stranger = hub.dial().await;
    stranger.send_text("{\"id\":1,\"subscribe\":{\"channel\":\"chat:x\"}}").await;
    assert_eq!(stranger.closed().await, (3501, "bad request".into()));
}

#[tokio::test]
async fn several_commands_in_a_frame_and_binary_frames() {
    let hub = TestHub::start().await;
    let mut peer = hub.dial().await;
    let (connect, subscribe) =
        (token(&json!({"sub": "ann"})), token(&json!({"sub": "ann", "channel": ROOM})));
    let commands = [
        json!({"id": 1, "connect": {"token": connect}}),
        json!({"id": 2, "subscribe": {"channel": ROOM, "token": subscribe}}),
        json!({"id": 3, "ping": {}}),
    ];
    let frame = commands.map(|command| command.to_string()).join("\n");
    peer.send(Message::binary(frame.into_bytes())).await;
    let mut ids = Vec::new();
    while ids.len() < 3 {
        ids.extend(peer.message().await["id"].as_u64());
    }
    assert_eq!(ids, [1, 2, 3]);
}

#[tokio::test]
async fn subscriptions_are_authorised_one_by_one() {
    let hub = TestHub::start().await;
    let own = |extra: Value| {
        let mut claims = json!({"sub": "ann", "channel": ROOM});
        claims.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        json!({"channel": ROOM, "token": token(&claims)})
    };
    for (command, expected) in [
        (json!({"channel": ROOM}), 103),
        (json!({"channel": "plain"}), 103),
        (json!({"channel": "nowhere:x"}), 102),
        (json!({"channel": "chat:é"}), 107),
        (json!({"channel": format!("chat:{}", "x".repeat(251))}), 107),
        (json!({"channel": ROOM, "token": "x"}), 103),
        (own(json!({"exp": NOW - 1})), 109),
        (own(json!({"expire_at": NOW - 1})), 110),
        (own(json!({"channel": "chat:other"})), 3500),
        (own(json!({"sub": "bob"})), 3500),
        (own(json!({"client": "another"})), 3500),
    ] {
        let mut peer = hub.connect("ann").await;
        assert_eq!(peer.refused("subscribe", command.clone()).await, expected, "{command}");
    }
    let mut peer = hub.connect("ann").await;
    let result = peer.subscribe(ROOM).await;
    assert_eq!((&result["recoverable"], &result["positioned"]), (&json!(true), &json!(true)));
    let again = json!({"channel": ROOM, "token": token(&json!({"sub": "ann", "channel": ROOM}))});
    assert_eq!(peer.refused("subscribe", again).await, 105);
}

#[tokio::test]
async fn publications_come_in_order_with_offsets_and_tags() {
    let hub = TestHub::start().await;
    let mut peer = hub.connect("ann").await;
    peer.subscribe(ROOM).await;
    for n in 1..=200u64 {
        assert_eq!(hub.publish(ROOM, &json!({"n": n})).offset, n);
    }
    let expected: Vec<Value> = (1..=200).map(|n| json!({"n": n})).collect();
    assert_eq!(peer.publications(200).await, expected);

    let typing = PublishOptions { skip_history: true, ..PublishOptions::default() };
    assert_eq!(hub.hub.publish(ROOM, &raw(&json!("typing")), &typing).unwrap().offset, 0);
    let tagged = PublishOptions { tags: &[("k", "v\"")], ..PublishOptions::default() };
    hub.hub.publish(ROOM, &raw(&json!(1)), &tagged).unwrap();
    assert_eq!(peer.push("pub").await, json!({"data": "typing"}));
    assert_eq!(peer.push("pub").await, json!({"data": 1, "offset": 201, "tags": {"k": "v\""}}));
}

#[tokio::test]
async fn a_newline_in_the_data_stays_inside_the_message() {
    let hub = TestHub::start().await;
    let mut peer = hub.connect("ann").await;
    peer.subscribe(ROOM).await;
    let data: Box<serde_json::value::RawValue> = serde_json::from_str("{\"a\":\n\r\"x\\n\"}").unwrap();
    hub.hub.publish(ROOM, &data, &PublishOptions::default()).unwrap();
    assert_eq!(peer.push("pub").await["data"], json!({"a": "x\n"}));
}

#[tokio::test]
async fn a_repeated_publish_delivers_once() {
    let hub = TestHub::start().await;
    let mut peer = hub.connect("ann").await;
    peer.subscribe(ROOM).await;
    let once = PublishOptions { idempotency_key: Some("k"), ..PublishOptions::default() };
    let first = hub.hub.publish(ROOM, &raw(&json!(1)), &once).unwrap();
    assert_eq!(hub.hub.publish(ROOM, &raw(&json!(1)), &once).unwrap(), first);
    hub.advance(299);
    assert_eq!(hub.hub.publish(ROOM, &raw(&json!(1)), &once).unwrap(), first);
    hub.advance(2);
    assert_eq!(hub.hub.publish(ROOM, &raw(&json!(2)), &once).unwrap().offset, 2);
    assert_eq!(peer.publications(2).await, [json!(1), json!(2)]);
    assert_eq!(hub.hub.stats().duplicate_publishes, 2);
}

#[tokio::test]
async fn clients_publish_only_where_they_may() {
    let hub = TestHub::with(|config| {
        let open = Namespace {
            allow_publish_for_client: true,
            allow_subscribe_for_client: true,
            ..Namespace::default()
        };
        config.namespaces.insert("open".into(), open);
    })
    .await;
    let (mut peer, _) = hub.connect_with("ann", json!({"info": {"name": "Ann"}}), json!({})).await;
    assert_eq!(peer.refused("publish", json!({"channel": ROOM, "data": 1})).await, 103);
    assert_eq!(peer.refused("publish", json!({"channel": "nowhere:x", "data": 1})).await, 102);
    assert!(peer.call("subscribe", json!({"channel": "open:x"})).await["subscribe"].is_object());
    peer.send_text(json!({"id": 50, "publish": {"channel": "open:x", "data": [1]}}).to_string()).await;
    let publication = peer.push("pub").await;
    assert_eq!(publication["data"], json!([1]));
    assert_eq!(
        (&publication["info"]["user"], &publication["info"]["conn_info"]),
        (&json!("ann"), &json!({"name": "Ann"}))
    );
    assert_eq!(peer.message().await, json!({"id": 50, "publish": {}}));
    assert_eq!(peer.refused("publish", json!({"channel": "open:x"})).await, 3501);
}

#[tokio::test]
async fn presence_join_and_leave() {
    let hub = TestHub::start().await;
    let (mut ann, _) = hub.connect_with("ann", json!({"info": {"name": "Ann"}}), json!({})).await;
    ann.subscribe_with(ROOM, json!({"info": {"role": "owner"}}), json!({})).await;
    let own = ann.push("join").await["info"].clone();
    assert_eq!((&own["conn_info"], &own["chan_info"]), (&json!({"name": "Ann"}), &json!({"role": "owner"})));

    let mut bob = hub.connect("bob").await;
    bob.subscribe(ROOM).await;
    assert_eq!(ann.push("join").await["info"]["user"], "bob");
    let presence = bob.call("presence", json!({"channel": ROOM})).await["presence"]["presence"].clone();
    assert_eq!(presence.as_object().unwrap().len(), 2);
    assert_eq!(presence[own["client"].as_str().unwrap()], own);
    let stats = bob.call("presence_stats", json!({"channel": ROOM})).await;
    assert_eq!(stats["presence_stats"], json!({"num_clients": 2, "num_users": 2}));

    assert_eq!(bob.call("unsubscribe", json!({"channel": ROOM})).await["unsubscribe"], json!({}));
    assert_eq!(ann.push("leave").await["info"]["user"], "bob");
    assert_eq!(bob.refused("presence", json!({"channel": ROOM})).await, 103);
    assert_eq!(bob.refused("presence", json!({"channel": "plain"})).await, 108);
    assert_eq!(hub.hub.presence(ROOM).unwrap().len(), 1);
    assert_eq!(hub.hub.presence_stats("nowhere:x"), Err(CommandError::UNKNOWN_CHANNEL));
}

#[tokio::test]
async fn a_cut_connection_leaves_its_channels() {
    let mut hub = TestHub::start().await;
    let mut ann = hub.connect("ann").await;
    ann.subscribe(ROOM).await;
    let mut bob = hub.connect("bob").await;
    bob.subscribe(ROOM).await;
    drop(bob);
    hub.until_connections("bob", 0).await;
    assert_eq!(ann.push("leave").await["info"]["user"], "bob");
    assert!(!hub.hub.is_connected("bob"));
    assert_eq!(hub.hub.info().num_subscriptions, 1);
}

#[tokio::test]
async fn history_in_pages() {
    let chat = TestHub::start().await;
    let mut late = chat.connect("ann").await;
    late.subscribe(ROOM).await;
    assert_eq!(late.refused("history", json!({"channel": ROOM, "limit": 1})).await, 103, "not in chat");

    let hub = TestHub::with(|config| {
        config.namespaces.get_mut("chat").unwrap().allow_history_for_subscriber = true
    })
    .await;
    let mut peer = hub.connect("ann").await;
    assert_eq!(peer.refused("history", json!({"channel": ROOM, "limit": 1})).await, 103);
    peer.subscribe(ROOM).await;
    let mut epoch = String::new();
    for n in 1..=5 {
        epoch = hub.publish(ROOM, &json!(n)).epoch;
    }
    let page = peer
        .call("history", json!({"channel": ROOM, "limit": 2, "since": {"offset": 1, "epoch": epoch}}))
        .await;
    assert_eq!(page["history"]["publications"], json!([{"data": 2, "offset": 2}, {"data": 3, "offset": 3}]));
    assert_eq!((&page["history"]["offset"], &page["history"]["epoch"]), (&json!(5), &json!(epoch)));
    let top = peer.call("history", json!({"channel": ROOM})).await;
    assert_eq!(top["history"]["publications"], json!([]));
    let newest = peer.call("history", json!({"channel": ROOM, "limit": -1, "reverse": true})).await;
    assert_eq!(newest["history"]["publications"][0], json!({"data": 5, "offset": 5}));
    let other = json!({"channel": ROOM, "limit": 2, "since": {"offset": 1, "epoch": "other"}});
    assert_eq!(peer.refused("history", other).await, 112);

    let range = HistoryRange { limit: 1, reverse: true, since: None };
    assert_eq!(hub.hub.history(ROOM, &range).unwrap().publications[0].offset, 5);
    hub.hub.history_remove(ROOM).unwrap();
    let emptied = hub.hub.history(ROOM, &range).unwrap();
    assert!(emptied.publications.is_empty() && emptied.position.offset == 5);
}

#[tokio::test]
async fn the_server_subscribes_unsubscribes_and_disconnects() {
    let hub = TestHub::start().await;
    let mut peer = hub.connect("ann").await;
    let options = SubscribeOptions { data: Some(raw(&json!({"d": 1}))), ..SubscribeOptions::default() };
    hub.hub.subscribe("ann", ROOM, &options).unwrap();
    assert_eq!(peer.push("subscribe").await["data"], json!({"d": 1}));
    assert_eq!(hub.hub.channels("chat:"), [(ROOM.to_owned(), 1)].into());
    hub.publish(ROOM, &json!(1));
    assert_eq!(peer.publications(1).await, [json!(1)]);
    hub.hub.unsubscribe("ann", ROOM, None);
    assert_eq!(peer.push("unsubscribe").await, json!({"code": 2000, "reason": "server unsubscribe"}));
    hub.publish(ROOM, &json!(2));
    assert!(hub.hub.channels("").is_empty());

    let mut second = hub.connect("ann").await;
    let first_id =
        hub.connect_with("ann", json!({}), json!({})).await.1["client"].as_str().unwrap().to_owned();
    hub.hub.disconnect("ann", None, &Disconnect::new(4000, "again"), &[&first_id]);
    assert_eq!(peer.closed().await, (4000, "again".into()));
    assert_eq!(second.closed().await.0, 4000);
    assert!(hub.hub.is_connected("ann"));
}

#[tokio::test]
async fn who_was_shut_out_does_not_come_back_with_an_older_token() {
    let hub = TestHub::start().await;
    let connect = |user: &str, made: u64| json!({"token": token(&json!({"sub": user, "iat": made}))});
    let hear = |user: &str, made: u64| json!({"channel": ROOM, "token": token(&json!({"sub": user, "channel": ROOM, "iat": made}))});
    let mut ann = hub.connect("ann").await;
    ann.call("subscribe", hear("ann", NOW)).await;
    hub.advance(1);
    hub.hub.unsubscribe("ann", ROOM, None);
    ann.push("unsubscribe").await;
    assert_eq!(ann.refused("subscribe", hear("ann", NOW)).await, 109, "ask for a new one");
    ann.call("subscribe", hear("ann", NOW + 1)).await;

    hub.hub.disconnect("ann", None, &Disconnect::new(4501, "token revoked"), &[]);
    hub.hub.disconnect_all("app:", &Disconnect::new(4502, "app suspended"));
    ann.closed().await;
    for user in ["ann", "app:ben"] {
        assert_eq!(hub.dial().await.refused("connect", connect(user, NOW)).await, 109, "{user}");
        let welcome = hub.dial().await.call("connect", connect(user, NOW + 1)).await;
        assert!(welcome["connect"].is_object(), "{user}: {welcome}");
    }
    let other = hub.dial().await.call("connect", connect("cem", NOW)).await;
    assert!(other["connect"].is_object(), "{other}");
}

#[tokio::test]
async fn all_users_of_a_prefix_are_disconnected_and_no_others() {
    let hub = TestHub::start().await;
    let mut theirs = Vec::new();
    for user in ["one:ann", "one:ann", "one:ben", "one:"] {
        theirs.push(hub.connect(user).await);
    }
    let mut others = Vec::new();
    for user in ["other:ann", "one", "on", "another:one:ann"] {
        others.push(hub.connect(user).await);
    }
    hub.hub.disconnect_all("one:", &Disconnect::new(4502, "app suspended"));
    for peer in &mut theirs {
        assert_eq!(peer.closed().await, (4502, "app suspended".into()));
    }
    for peer in &mut others {
        assert!(
            peer.call("subscribe", json!({"channel": "nowhere:x"})).await["error"].is_object(),
            "{}",
            peer.user
        );
    }
    let gone = async {
        while hub.hub.info().num_users > others.len() {
            tokio::task::yield_now().await;
        }
    };
    support::patiently("the others alone", gone).await;
}

#[tokio::test]
async fn subscriptions_of_the_connection_token_precede_their_publications() {
    let hub = TestHub::start().await;
    hub.publish(ROOM, &json!(1));
    let position = hub.publish(ROOM, &json!(2));
    let claims = json!({"subs": {ROOM: {"info": {"i": 1}, "data": {"d": 2}, "override": {"join_leave": {"value": false}}}}});
    let resume = json!({"subs": {ROOM: {"recover": true, "epoch": position.epoch, "offset": 1}}});
    let (mut peer, result) = hub.connect_with("ann", claims, resume).await;
    let sub = &result["subs"][ROOM];
    assert_eq!((&sub["recovered"], &sub["data"]), (&json!(true), &json!({"d": 2})));
    assert_eq!(sub["publications"], json!([{"data": 2, "offset": 2}]));
    hub.publish(ROOM, &json!(3));
    assert_eq!(peer.message().await["push"]["pub"]["offset"], 3);
}

#[tokio::test]
async fn unavailable_methods() {
    let hub = TestHub::start().await;
    let mut peer = hub.connect("ann").await;
    assert_eq!(peer.refused("rpc", json!({"method": "x"})).await, 108);
    assert_eq!(peer.call("unsubscribe", json!({"channel": "chat:never"})).await["unsubscribe"], json!({}));
    assert_eq!(
        hub.hub.publish("nowhere:x", &raw(&json!(1)), &PublishOptions::default()),
        Err(CommandError::UNKNOWN_CHANNEL)
    );
}
