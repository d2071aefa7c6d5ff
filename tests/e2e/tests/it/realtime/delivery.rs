//! Who listens hears every change once, in order, and of messages elsewhere by a count.

use parlor_e2e::{App, Client, Heard, Listener, Mode, Server};
use parlor_protocol::{EventType, event};
use serde_json::json;

super::on_both! { a_day_in_a_channel a_users_own_channel many_messages_are_few_notifications }

async fn two(server: &Server) -> (App, Client, Client, String) {
    let app = server.app("acme").await;
    let (ann, ben) = (app.user("ann").await, app.user("ben").await);
    let channel = app.channel(&[&ann, &ben]).await;
    (app, ann, ben, channel)
}

async fn a_day_in_a_channel(mode: Mode) {
    let server = Server::start(mode).await;
    let (app, ann, ben, channel) = two(&server).await;
    app.user("cid").await;
    let before = ben.get(&format!("/channels/{channel}")).await.json["seq"].as_i64();
    let listener = Listener::connect(&ben).await;
    listener.subscribe(&channel).await;

    let said = ann.say(&channel, "hello").await;
    let message = format!("/messages/{}", said["id"].as_str().unwrap());
    let path = |tail: &str| format!("/channels/{channel}{tail}");
    assert_eq!(ann.post(&path("/typing"), json!({ "typing": true })).await.status, 204);
    assert_eq!(ann.patch(&message, json!({ "text": "hello, Ben" })).await.status, 200);
    assert_eq!(ben.post(&path("/read"), json!({})).await.status, 200);
    assert_eq!(ann.delete(&message).await.status, 200);
    let members = json!({ "members": [{ "user_id": "cid" }] });
    assert_eq!(ann.post(&path("/members"), members).await.status, 200);
    assert_eq!(ann.patch(&path("/members/cid"), json!({ "role": "moderator" })).await.status, 200);
    assert_eq!(ann.delete(&path("/members/cid")).await.status, 204);
    assert_eq!(ann.post(&path("/typing"), json!({ "typing": false })).await.status, 204);
    assert_eq!(ann.patch(&path(""), json!({ "name": "The room" })).await.status, 200);
    assert_eq!(ann.delete(&path("")).await.status, 204);

    let topic = format!("chat:channel:{channel}");
    listener.next(&topic, 0, EventType::ChannelDeleted).await;
    listener.next(&topic, 0, EventType::TypingStart).await;
    listener.next(&topic, 0, EventType::TypingStop).await;
    let events = listener.events_of(&channel);
    let durable: Vec<_> = events.iter().filter(|event| event.seq.is_some()).collect();
    let kinds: Vec<EventType> = durable.iter().map(|event| event.kind).collect();
    assert_eq!(
        kinds,
        [
            EventType::MessageNew,
            EventType::MessageUpdated,
            EventType::MessageDeleted,
            EventType::MemberAdded,
            EventType::MemberUpdated,
            EventType::MemberRemoved,
            EventType::ChannelUpdated,
            EventType::ChannelDeleted,
        ]
    );
    let mut held = before;
    for event in &durable {
        assert_eq!(event.prev_seq, held, "{event:?}");
        assert_eq!(event.seq, held.map(|seq| seq + 1), "{event:?}");
        held = event.seq;
        assert_eq!(event.channel_id.map(|id| id.to_string()), Some(channel.clone()));
    }
    assert_eq!(durable[0].data["message"], said, "the event tells what the sender was answered");
    let hints: Vec<_> = events.iter().filter(|event| event.seq.is_none()).map(|event| event.kind).collect();
    for kind in [EventType::TypingStart, EventType::TypingStop, EventType::MessageRead] {
        assert_eq!(hints.iter().filter(|hint| **hint == kind).count(), 1, "{kind:?} in {hints:?}");
    }
    assert_eq!(hints.len(), 3, "{hints:?}");
    server.settled().await;
}

async fn a_users_own_channel(mode: Mode) {
    let server = Server::start(mode).await;
    let (app, ann, ben, _) = two(&server).await;
    let listener = Listener::connect(&ben).await;
    let expected = event::user_topic(app.id.parse().unwrap(), &"ben".parse().unwrap());
    assert_eq!(listener.user_topic, expected);
    // Nobody asked for it: the server subscribes.
    let own = |heard: &Heard| matches!(heard, Heard::Subscribed { topic, .. } if *topic == expected);
    listener.until("the user's own channel is heard", own).await;

    let new = app.channel(&[&ann, &ben]).await;
    let added = listener.next(&expected, 0, EventType::NotificationAddedToChannel).await;
    assert_eq!(added.data["channel_id"], json!(new));
    assert_eq!(added.seq, None);
    ann.say(&new, "hello").await;
    let told = listener.next(&expected, 0, EventType::NotificationMessageNew).await;
    assert_eq!((&told.data["unread"], &told.data["total_unread"]), (&json!(1), &json!(1)), "{told:?}");
    ben.post(&format!("/channels/{new}/read"), json!({})).await;
    let read = listener.next(&expected, 0, EventType::NotificationMarkRead).await;
    assert_eq!(read.data["unread"], 0);
    ann.delete(&format!("/channels/{new}/members/ben")).await;
    listener.next(&expected, 0, EventType::NotificationRemovedFromChannel).await;
}

/// A user in two busy channels hears counts, at most four times a second a channel, and the last one is right.
async fn many_messages_are_few_notifications(mode: Mode) {
    const MESSAGES: i64 = 60;
    let server = Server::start(mode).await;
    let (app, ann, ben, one) = two(&server).await;
    let other = app.channel(&[&ann, &ben]).await;
    ann.say(&other, "something unread elsewhere").await;
    let listener = Listener::connect(&ben).await;
    for n in 0..MESSAGES {
        ann.say(&one, &format!("{n}")).await;
    }
    let is_last = |heard: &Heard| match heard {
        Heard::Event { envelope, .. } => {
            envelope.kind == EventType::NotificationMessageNew
                && envelope.data["channel_id"] == json!(one)
                && envelope.data["unread"] == json!(MESSAGES)
        }
        _ => false,
    };
    listener.until("the count is right", is_last).await;
    let told: Vec<_> = listener
        .events(&listener.user_topic)
        .into_iter()
        .filter(|event| event.data["channel_id"] == json!(one))
        .collect();
    assert_eq!(told.last().unwrap().data["total_unread"], json!(MESSAGES + 1));
    assert!(told.windows(2).all(|pair| pair[0].data["unread"].as_i64() <= pair[1].data["unread"].as_i64()));
    let took = told.last().unwrap().created_at - told.first().unwrap().created_at;
    let allowed = 2 + took.num_milliseconds() / 250;
    assert!(told.len() as i64 <= allowed, "{} notifications in {took}", told.len());
}
