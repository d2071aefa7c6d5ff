//! Who follows a thread, and who hears of its replies.

use parlor_e2e::{Client, Heard, Listener, Mode, Server};
use parlor_protocol::{ErrorCode, EventType};
use serde_json::{Value, json};

use super::{id_of, reply, thread_path, unread};

#[tokio::test(flavor = "multi_thread")]
async fn who_takes_part_follows_unless_they_do_not_want_to() {
    let server = Server::start(Mode::Embedded).await;
    let app = server.app("acme").await;
    let (ann, ben, eve) = (app.user("ann").await, app.user("ben").await, app.user("eve").await);
    let dan = app.user("dan").await;
    let channel = app.channel(&[&ann, &ben, &eve]).await;
    let root = ann.say(&channel, "root").await;
    let path = thread_path(&root);
    let state = async |user: &Client| {
        let thread = user.get(&path).await.gives(200);
        (thread["following"].as_bool().unwrap(), thread["unread"].as_i64().unwrap())
    };
    assert_eq!(state(&ann).await, (false, 0), "without replies there is nothing to follow yet");

    reply(&ben, &channel, &root, json!({})).await;
    reply(&ben, &channel, &root, json!({ "mentions": ["eve", "dan"] })).await;
    assert_eq!((state(&ann).await, state(&ben).await), ((true, 2), (true, 0)));
    assert_eq!(state(&eve).await, (true, 1), "the mention is the first that is unread");
    // Who is mentioned without being a member follows nothing, also after coming.
    let member = json!({ "members": [{ "user_id": "dan" }] });
    app.server.post(&format!("/channels/{channel}/members"), member).await.gives(200);
    assert!(!state(&dan).await.0);

    let listener = Listener::connect(&eve).await;
    let follow = format!("{path}/follow");
    let thread = eve.delete(&follow).await.gives(200);
    assert_eq!((&thread["following"], &thread["message"]["id"]), (&json!(false), &root["id"]));
    let event = listener.next(&listener.user_topic, 0, EventType::NotificationThreadFollow).await;
    assert_eq!(event.data, json!({ "channel_id": channel, "parent_id": root["id"], "following": false }));
    assert!(event.seq.is_some());
    eve.delete(&follow).await.gives(200);
    reply(&ben, &channel, &root, json!({ "mentions": ["eve"] })).await;
    reply(&eve, &channel, &root, json!({})).await;
    assert_eq!(state(&eve).await, (false, 0), "not by taking part, either");
    reply(&ben, &channel, &root, json!({})).await;
    assert_eq!(unread(&eve).await, 0, "what one does not follow does not count");
    assert_eq!(eve.put(&follow, json!({})).await.gives(200)["unread"], 0, "it begins with what comes");
    eve.put(&follow, json!({})).await.gives(200);
    reply(&ben, &channel, &root, json!({})).await;
    assert_eq!((state(&eve).await, unread(&eve).await), ((true, 1), 1));
    server.settled().await;
    let steps = listener.events(&listener.user_topic);
    let steps = steps.iter().filter(|event| event.kind == EventType::NotificationThreadFollow);
    assert_eq!(steps.count(), 2, "a repetition is told to nobody");

    let first = ann.get(&format!("/channels/{channel}/messages?parent_id={}", id_of(&root))).await.gives(200);
    let reply_path = format!("/messages/{}/thread", id_of(&first["items"][0]));
    ann.get(&reply_path).await.refused(ErrorCode::InvalidThread);
    ann.put(&format!("{reply_path}/follow"), json!({})).await.refused(ErrorCode::InvalidThread);
    ann.post(&format!("{reply_path}/read"), json!({})).await.refused(ErrorCode::InvalidThread);
    let stranger = app.user("zoe").await;
    stranger.get(&path).await.refused(ErrorCode::MessageNotFound);
    stranger.put(&follow, json!({})).await.refused(ErrorCode::MessageNotFound);
    stranger.post(&format!("{path}/read"), json!({})).await.refused(ErrorCode::MessageNotFound);
    app.server.get(&path).await.refused(ErrorCode::UserOnly);
    server.settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_only_watches_a_livestream_may_follow_its_threads() {
    let server = Server::start(Mode::Embedded).await;
    let app = server.app("acme").await;
    let (ann, eve) = (app.user("ann").await, app.user("eve").await);
    let request = json!({ "type": "livestream", "members": [{ "user_id": "ann", "role": "owner" }] });
    let live = app.channel_with(request).await;
    let root = ann.say(&live, "root").await;
    eve.put(&format!("{}/follow", thread_path(&root)), json!({})).await.gives(200);
    reply(&ann, &live, &root, json!({})).await;
    let threads = eve.get("/threads").await.gives(200);
    assert_eq!((&threads["items"][0]["unread"], unread(&eve).await), (&json!(1), 1));
    assert_eq!(eve.post(&format!("{}/read", thread_path(&root)), json!({})).await.gives(200)["unread"], 0);
    assert_eq!(unread(&eve).await, 0);
    server.settled().await;
}

async fn followers_are_told(mode: Mode) {
    let server = Server::start(mode).await;
    let app = server.app("acme").await;
    let (ann, ben, eve) = (app.user("ann").await, app.user("ben").await, app.user("eve").await);
    let channel = app.channel(&[&ann, &ben, &eve]).await;
    let root = ann.say(&channel, "root").await;
    let (follows, does_not) = (Listener::connect(&ann).await, Listener::connect(&eve).await);
    let first = reply(&ben, &channel, &root, json!({})).await;
    let event = follows.next(&follows.user_topic, 0, EventType::NotificationThreadReply).await;
    assert_eq!(
        event.data,
        json!({
            "channel_id": channel, "parent_id": root["id"], "message_id": first["id"], "seq": first["seq"], "unread": 1,
        })
    );
    // Many at once are told in few words, and the last word is the newest.
    let mut last = Value::Null;
    for _ in 0..12 {
        last = reply(&ben, &channel, &root, json!({})).await;
    }
    follows
        .until("the newest is told", |heard| match heard {
            Heard::Event { envelope, .. } => {
                envelope.kind == EventType::NotificationThreadReply
                    && envelope.data["message_id"] == last["id"]
                    && envelope.data["unread"] == 13
            }
            _ => false,
        })
        .await;
    // Who does not follow hears of the channel and not of the thread; a mention changes that.
    let mention = reply(&ben, &channel, &root, json!({ "mentions": ["eve"] })).await;
    let event = does_not.next(&does_not.user_topic, 0, EventType::NotificationThreadReply).await;
    assert_eq!((&event.data["message_id"], &event.data["unread"]), (&mention["id"], &json!(1)));
    server.settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn followers_are_told_embedded() {
    followers_are_told(Mode::Embedded).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn followers_are_told_cluster() {
    followers_are_told(Mode::Cluster).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thread_that_too_many_follow_is_told_to_none_of_them() {
    let settings = [("PARLOR_CHAT_FANOUT_MEMBERS", "2")];
    let server = Server::start_with(Mode::Embedded, &settings).await;
    let app = server.app("acme").await;
    let (ann, ben, eve) = (app.user("ann").await, app.user("ben").await, app.user("eve").await);
    let channel = app.channel(&[&ann, &ben, &eve]).await;
    let (small, large) = (ann.say(&channel, "small").await, ann.say(&channel, "large").await);
    let listener = Listener::connect(&ann).await;
    eve.put(&format!("{}/follow", thread_path(&large)), json!({})).await.gives(200);
    let too_many = reply(&ben, &channel, &large, json!({})).await;
    server.settled().await;
    let told = reply(&ben, &channel, &small, json!({})).await;
    let event = listener.next(&listener.user_topic, 0, EventType::NotificationThreadReply).await;
    assert_eq!(event.data["message_id"], told["id"], "and not {}", too_many["id"]);
    server.settled().await;
}
