//! Reactions: given, counted, given more strongly, replaced, taken back, and gone with their message.

mod counts;

use std::collections::BTreeMap;

use parlor_e2e::{Answer, App, Client, Listener, Mode, Server};
use parlor_protocol::{ErrorCode, EventType, MessageId};
use serde_json::{Value, json};

fn path_of(message: &Value) -> String {
    format!("/messages/{}", message["id"].as_str().unwrap())
}

/// Types with count and score, as a message shows them.
fn counts(message: &Value) -> Vec<(&str, i64, i64)> {
    let shown = message["reactions"].as_array().unwrap().iter();
    shown
        .map(|count| {
            let number = |name: &str| count[name].as_i64().unwrap();
            (count["type"].as_str().unwrap(), number("count"), number("score"))
        })
        .collect()
}

async fn react(user: &Client, at: &str, reaction: Value) -> Answer {
    user.post(&format!("{at}/reactions"), reaction).await
}

async fn seq(user: &Client, channel: &str) -> i64 {
    user.get(&format!("/channels/{channel}")).await.gives(200)["seq"].as_i64().unwrap()
}

async fn three(app: &App) -> (Client, Client, Client, String) {
    let (ann, ben, eve) = (app.user("ann").await, app.user("ben").await, app.user("eve").await);
    let channel = app.channel(&[&ann, &ben]).await;
    (ann, ben, eve, channel)
}

async fn people_react(mode: Mode) {
    let server = Server::start(mode).await;
    let app = server.app("acme").await;
    let (ann, ben, _, channel) = three(&app).await;
    let said = ann.say(&channel, "we ship today").await;
    assert_eq!((&said["reactions"], &said["own_reactions"]), (&json!([]), &json!([])));
    let at = path_of(&said);
    let listener = Listener::connect(&ann).await;
    listener.subscribe(&channel).await;

    let first = react(&ben, &at, json!({ "type": "🎉" })).await.gives(200);
    assert_eq!((counts(&first), &first["own_reactions"]), (vec![("🎉", 1, 1)], &json!(["🎉"])));
    assert_eq!(
        (&first["updated_seq"], &first["seq"], &first["edited_at"]),
        (&json!(3), &said["seq"], &Value::Null)
    );
    let claps = react(&ben, &at, json!({ "emoji": "clap", "score": 5 })).await.gives(200);
    assert_eq!(
        counts(&claps),
        [("🎉", 1, 1), ("clap", 1, 5)],
        "several types a user, in the order of first use"
    );
    let more = ann.post(&format!("{at}/react"), json!({ "type": "clap", "score": 7 })).await.gives(200);
    assert_eq!(
        (counts(&more), &more["own_reactions"]),
        (vec![("🎉", 1, 1), ("clap", 2, 12)], &json!(["clap"]))
    );
    let stronger = react(&ben, &at, json!({ "type": "clap", "score": 1000 })).await.gives(200);
    assert_eq!(counts(&stronger), [("🎉", 1, 1), ("clap", 2, 1007)]);
    assert_eq!(stronger["own_reactions"], json!(["🎉", "clap"]));
    let alone = react(&ben, &at, json!({ "type": "❤️", "enforce_unique": true })).await.gives(200);
    assert_eq!(
        (counts(&alone), &alone["own_reactions"]),
        (vec![("clap", 1, 7), ("❤️", 1, 1)], &json!(["❤️"]))
    );
    let back = ben.delete(&format!("{at}/reactions/%E2%9D%A4%EF%B8%8F")).await.gives(200);
    assert_eq!((counts(&back), &back["own_reactions"]), (vec![("clap", 1, 7)], &json!([])));

    let topic = format!("chat:channel:{channel}");
    listener.next(&topic, 0, EventType::ReactionDeleted).await;
    let events = listener.events_of(&channel);
    let told: Vec<_> = events
        .iter()
        .map(|event| {
            let reaction = &event.data["reaction"];
            (event.kind, reaction["user"]["id"].as_str().unwrap(), reaction["type"].as_str().unwrap())
        })
        .collect();
    assert_eq!(
        told,
        [
            (EventType::ReactionNew, "ben", "🎉"),
            (EventType::ReactionNew, "ben", "clap"),
            (EventType::ReactionNew, "ann", "clap"),
            (EventType::ReactionUpdated, "ben", "clap"),
            (EventType::ReactionUpdated, "ben", "❤️"),
            (EventType::ReactionDeleted, "ben", "❤️"),
        ]
    );
    for (event, seq) in events.iter().zip(3..) {
        assert_eq!((event.seq, event.prev_seq), (Some(seq), Some(seq - 1)), "{event:?}");
        assert_eq!(
            (&event.data["message_id"], &event.data["message"]["updated_seq"]),
            (&said["id"], &json!(seq))
        );
        assert!(
            event.data["message"].get("own_reactions").is_none(),
            "what is one reader's is told to everybody"
        );
    }
    assert_eq!(
        (&events[3].data["replaced"], &events[3].data["reaction"]["score"]),
        (&json!([]), &json!(1000))
    );
    assert_eq!(events[4].data["replaced"], json!(["🎉", "clap"]));
    assert_eq!(events[5].data["message"]["reactions"], back["reactions"]);
    server.settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn people_react_embedded() {
    people_react(Mode::Embedded).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn people_react_cluster() {
    people_react(Mode::Cluster).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repetition_changes_nothing() {
    let server = Server::start(Mode::Embedded).await;
    let app = server.app("acme").await;
    let (ann, ben, _, channel) = three(&app).await;
    let at = path_of(&ann.say(&channel, "hello").await);
    let clap = json!({ "type": "clap", "score": 3 });
    let first = react(&ben, &at, clap.clone()).await.gives(200);
    assert_eq!(react(&ben, &at, clap.clone()).await.gives(200), first);
    let alone = json!({ "type": "clap", "score": 3, "enforce_unique": true });
    assert_eq!(react(&ben, &at, alone).await.gives(200), first, "it was the only one");
    assert_eq!(seq(&ann, &channel).await, 3);
    let back = ben.delete(&format!("{at}/reactions/clap")).await.gives(200);
    assert_eq!(ben.delete(&format!("{at}/reactions/clap")).await.gives(200), back);
    assert_eq!(ben.delete(&format!("{at}/reactions/never")).await.gives(200), back);
    assert_eq!(seq(&ann, &channel).await, 4);
    // A score is part of the reaction, not of its place: it keeps that, and its time.
    react(&ben, &at, clap).await.gives(200);
    react(&ann, &at, json!({ "type": "clap" })).await.gives(200);
    let before = ann.get(&format!("{at}/reactions")).await.gives(200)["items"][1].clone();
    react(&ben, &at, json!({ "type": "clap", "score": 4 })).await.gives(200);
    let after = ann.get(&format!("{at}/reactions")).await.gives(200)["items"][1].clone();
    assert_eq!((&after["user"]["id"], &after["score"]), (&json!("ben"), &json!(4)));
    assert_eq!(after["created_at"], before["created_at"]);
    server.settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_sees_their_own_wherever_messages_are_shown() {
    let server = Server::start(Mode::Embedded).await;
    let app = server.app("acme").await;
    let (ann, ben, _, channel) = three(&app).await;
    let send = json!({ "id": MessageId::new(), "text": "hello" });
    let messages = format!("/channels/{channel}/messages");
    let said = ann.post(&messages, send.clone()).await.gives(201);
    let at = path_of(&said);
    react(&ann, &at, json!({ "type": "a" })).await.gives(200);
    react(&ben, &at, json!({ "type": "b" })).await.gives(200);
    react(&ben, &at, json!({ "type": "a" })).await.gives(200);

    let shown = async |user: &Client| {
        let channel_path = format!("/channels/{channel}");
        let list = user.get(&messages).await.gives(200);
        let listed = user.get("/channels").await.gives(200);
        let changes = user.get(&format!("{channel_path}/changes?since=0")).await.gives(200);
        vec![
            user.get(&at).await.gives(200),
            list["items"][0].clone(),
            user.get(&channel_path).await.gives(200)["last_message"].clone(),
            listed["items"][0]["last_message"].clone(),
            changes["messages"][0].clone(),
            changes["channel"]["last_message"].clone(),
        ]
    };
    for (user, own) in [(&ann, json!(["a"])), (&ben, json!(["b", "a"]))] {
        for message in shown(user).await {
            assert_eq!((counts(&message), &message["own_reactions"]), (vec![("a", 2, 2), ("b", 1, 1)], &own));
        }
    }
    for message in shown(&app.server).await {
        assert_eq!((counts(&message).len(), message.get("own_reactions")), (2, None), "the server has none");
    }
    // What changes a message, and a send again, answers with it as its reader sees it.
    let again = ann.post(&messages, send).await.gives(200);
    assert_eq!(again, ann.get(&at).await.gives(200));
    let edited = ann.patch(&at, json!({ "text": "hello, all" })).await.gives(200);
    assert_eq!((counts(&edited).len(), &edited["own_reactions"]), (2, &json!(["a"])));
    let same = ann.patch(&at, json!({ "text": "hello, all" })).await.gives(200);
    assert_eq!(same, edited);
    let by_server = json!({ "text": "by the server", "user_id": "ann" });
    let by_server = app.server.post(&messages, by_server).await.gives(201);
    assert_eq!(by_server.get("own_reactions"), None);
    server.settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_reacted_is_listed_newest_first() {
    let server = Server::start(Mode::Embedded).await;
    let (app, other) = (server.app("acme").await, server.app("other").await);
    let (ann, ben, eve, channel) = three(&app).await;
    let at = path_of(&ann.say(&channel, "hello").await);
    for (user, kind) in [(&ann, "a"), (&ben, "a"), (&ben, "b"), (&ann, "c")] {
        react(user, &at, json!({ "type": kind })).await.gives(200);
    }
    react(&app.server, &at, json!({ "type": "a", "score": 9, "user_id": "eve" })).await.gives(200);
    let list = async |query: &str| -> Vec<(String, String)> {
        let items = ben.all(&format!("{at}/reactions"), query).await;
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        items.iter().map(|item| (text(&item["user"]["id"]), text(&item["type"]))).collect()
    };
    let pair = |user: &str, kind: &str| (user.to_owned(), kind.to_owned());
    let all = [pair("eve", "a"), pair("ann", "c"), pair("ben", "b"), pair("ben", "a"), pair("ann", "a")];
    for limit in [1, 2, 5, 100] {
        assert_eq!(list(&format!("limit={limit}")).await, all, "in pages of {limit}");
    }
    assert_eq!(list("limit=2&type=a").await, [all[0].clone(), all[3].clone(), all[4].clone()]);
    assert_eq!(list("type=none").await, []);
    let newest = ben.get(&format!("{at}/reactions?limit=1")).await.gives(200)["items"][0].clone();
    assert_eq!((&newest["score"], &newest["user"]["name"]), (&json!(9), &json!("eve")));
    ben.get(&format!("{at}/reactions?type=a%20b")).await.refused(ErrorCode::InvalidReaction);
    let nobody = other.user("ann").await;
    for client in [&eve, &nobody, &other.server] {
        client.get(&format!("{at}/reactions")).await.refused(ErrorCode::MessageNotFound);
    }
    server.settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_send_may_react_and_the_server_says_for_whom() {
    let server = Server::start(Mode::Embedded).await;
    let (app, other) = (server.app("acme").await, server.app("other").await);
    let (ann, ben, eve, channel) = three(&app).await;
    let at = path_of(&ann.say(&channel, "hello").await);
    let like = json!({ "type": "like" });
    let take_back = |at: &str| format!("{at}/reactions/like");

    react(&eve, &at, like.clone()).await.refused(ErrorCode::MessageNotFound);
    eve.delete(&take_back(&at)).await.refused(ErrorCode::MessageNotFound);
    react(&other.user("ann").await, &at, like.clone()).await.refused(ErrorCode::MessageNotFound);
    let nowhere = format!("/messages/{}", MessageId::new());
    react(&ann, &nowhere, like.clone()).await.refused(ErrorCode::MessageNotFound);

    react(&app.server, &at, like.clone()).await.refused(ErrorCode::InvalidRequest);
    app.server.delete(&take_back(&at)).await.refused(ErrorCode::InvalidRequest);
    react(&ben, &at, json!({ "type": "like", "user_id": "ann" })).await.refused(ErrorCode::ServerOnly);
    ben.delete(&format!("{}?user_id=ann", take_back(&at))).await.refused(ErrorCode::ServerOnly);
    react(&app.server, &at, json!({ "type": "like", "user_id": "nobody" }))
        .await
        .refused(ErrorCode::UserUnknown);
    app.server.delete(&format!("{}?user_id=nobody", take_back(&at))).await.refused(ErrorCode::UserUnknown);
    let by_server = react(&app.server, &at, json!({ "type": "like", "user_id": "ben" })).await.gives(200);
    assert_eq!((counts(&by_server), by_server.get("own_reactions")), (vec![("like", 1, 1)], None));
    assert_eq!(ben.get(&at).await.gives(200)["own_reactions"], json!(["like"]));
    // Whoever was deactivated since loses theirs, and gets no more.
    app.server.post("/users/ben/deactivate", json!({})).await.gives(200);
    let again = json!({ "type": "more", "user_id": "ben" });
    react(&app.server, &at, again).await.refused(ErrorCode::UserUnknown);
    let back = app.server.delete(&format!("{}?user_id=ben", take_back(&at))).await.gives(200);
    assert_eq!(counts(&back), []);

    // Guests of a team listen; guests of a livestream may clap, once they have joined.
    let stream = app
        .channel_with(json!({ "type": "livestream", "members": [{ "user_id": "ann", "role": "owner" }] }))
        .await;
    let live = path_of(&ann.say(&stream, "we are live").await);
    react(&eve, &live, like.clone()).await.refused(ErrorCode::NotAMember);
    let viewer = eve.post(&format!("/channels/{stream}/join"), json!({})).await.gives(200);
    assert!(viewer["capabilities"].as_array().unwrap().contains(&json!("react")), "{viewer}");
    react(&eve, &live, like.clone()).await.gives(200);
    let guest = json!({ "members": [{ "user_id": "eve", "role": "guest" }] });
    ann.post(&format!("/channels/{channel}/members"), guest).await.gives(200);
    react(&eve, &at, like.clone()).await.refused(ErrorCode::Forbidden);

    ann.patch(&format!("/channels/{stream}"), json!({ "config": { "frozen": true } })).await.gives(200);
    react(&eve, &live, json!({ "type": "late" })).await.refused(ErrorCode::ChannelFrozen);
    eve.delete(&take_back(&live)).await.refused(ErrorCode::ChannelFrozen);
    server.settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reaction_at_its_limits_passes_and_past_them_does_not() {
    let server = Server::start(Mode::Embedded).await;
    let app = server.app("acme").await;
    let (ann, ben, _, channel) = three(&app).await;
    let at = path_of(&ann.say(&channel, "hello").await);
    let longest = "é".repeat(50);
    for reaction in [
        json!({ "type": longest }),
        json!({ "type": "a", "score": 1 }),
        json!({ "type": "a", "score": 1000 }),
        json!({ "type": "100%/x?" }),
    ] {
        react(&ben, &at, reaction).await.gives(200);
    }
    assert_eq!(counts(&ben.delete(&format!("{at}/reactions/100%25%2Fx%3F")).await.gives(200)).len(), 2);
    let before = seq(&ann, &channel).await;
    let longer = "é".repeat(51);
    for reaction in [
        json!({ "type": longer }),
        json!({ "type": "" }),
        json!({ "type": "a b" }),
        json!({ "type": ".." }),
        json!({ "type": "a", "score": 0 }),
        json!({ "type": "a", "score": -1 }),
        json!({ "type": "a", "score": 1001 }),
    ] {
        react(&ben, &at, reaction).await.refused(ErrorCode::InvalidReaction);
    }
    for wrong in [json!({}), json!({ "type": "a", "score": 1.5 }), json!({ "type": "a", "colour": "red" })] {
        react(&ben, &at, wrong).await.refused(ErrorCode::InvalidRequest);
    }
    react(&ben, &at, json!({ "type": "a\0" })).await.refused(ErrorCode::NulByte);
    ben.delete(&format!("{at}/reactions/{longer}")).await.refused(ErrorCode::InvalidReaction);
    ben.delete(&format!("{at}/reactions/a%00")).await.refused(ErrorCode::InvalidReaction);
    ben.delete(&format!("{at}/reactions/%ff")).await.refused(ErrorCode::InvalidId);
    assert_eq!(seq(&ann, &channel).await, before, "nothing changed");

    // Two types are there; a hundred fit.
    for n in 2..100 {
        react(&ann, &at, json!({ "type": format!("t{n}") })).await.gives(200);
    }
    react(&ann, &at, json!({ "type": "one-more" })).await.refused(ErrorCode::TooManyReactions);
    react(&ben, &at, json!({ "type": "t2" })).await.gives(200);
    let one = react(&ann, &at, json!({ "type": "one-more", "enforce_unique": true })).await.gives(200);
    assert_eq!(counts(&one), [(longest.as_str(), 1, 1), ("a", 1, 1000), ("t2", 1, 1), ("one-more", 1, 1)]);
    server.settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_message_has_none_and_gets_none() {
    let server = Server::start(Mode::Embedded).await;
    let app = server.app("acme").await;
    let (ann, ben, _, channel) = three(&app).await;
    // An app that keeps nothing in case that a deletion is taken back.
    app.server.patch("/app", json!({ "undelete_minutes": 0 })).await.gives(200);
    let at = path_of(&ann.say(&channel, "hello").await);
    for user in [&ann, &ben] {
        react(user, &at, json!({ "type": "like" })).await.gives(200);
    }
    let deleted = ann.delete(&at).await.gives(200);
    assert_eq!((&deleted["reactions"], &deleted["own_reactions"]), (&json!([]), &json!([])));
    react(&ben, &at, json!({ "type": "like" })).await.refused(ErrorCode::MessageDeleted);
    ben.delete(&format!("{at}/reactions/like")).await.refused(ErrorCode::MessageDeleted);
    assert_eq!(ben.get(&format!("{at}/reactions")).await.gives(200)["items"], json!([]));
    assert_eq!(counts::stored(&server).await, BTreeMap::new());
    server.settled().await;
}
