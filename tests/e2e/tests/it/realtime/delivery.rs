//! Who listens hears every change once, in order, and of messages elsewhere by a count.

use parlor_e2e::{App, Client, Heard, Listener, Mode, Server};
use parlor_protocol::{ErrorCode, EventType, event};
use serde_json::json;

super::on_both! {
    a_day_in_a_channel
    a_users_own_channel
    many_messages_are_few_notifications
    a_new_name_is_told_where_others_see_it
    a_deleted_channel_is_told_to_its_members
    of_much_typing_little_is_told
}

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
    let mut told = said.clone();
    told.as_object_mut().unwrap().remove("own_reactions");
    assert_eq!(
        durable[0].data["message"], told,
        "the event tells what the sender was answered, but for their own"
    );
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

/// On the user's own channel, and on those that they share with others, unless those are large.
async fn a_new_name_is_told_where_others_see_it(mode: Mode) {
    let server = Server::start_with(mode, &[("PARLOR_CHAT_FANOUT_MEMBERS", "2")]).await;
    let (app, ann, ben, shared) = two(&server).await;
    let eve = app.user("eve").await;
    let (large, left) = (app.channel(&[&ann, &ben, &eve]).await, app.channel(&[&ben, &ann]).await);
    assert_eq!(ann.post(&format!("/channels/{left}/leave"), json!({})).await.status, 204);
    let (own, other) = (Listener::connect(&ann).await, Listener::connect(&ben).await);
    for channel in [&shared, &large, &left] {
        other.subscribe(channel).await;
    }
    let seq = ann.get(&format!("/channels/{shared}")).await.gives(200)["seq"].clone();

    for same in [json!({}), json!({ "name": "ann", "image": null })] {
        ann.patch("/users/ann", same).await.gives(200);
    }
    let changed = ann.patch("/users/ann", json!({ "name": "Ann B." })).await.gives(200);
    let topic = format!("chat:channel:{shared}");
    let told = [
        own.next(&own.user_topic, 0, EventType::UserUpdated).await,
        other.next(&topic, 0, EventType::UserUpdated).await,
    ];
    for event in told {
        assert_eq!(
            (&event.data["user"]["name"], event.seq, event.channel_id),
            (&changed["name"], None, None)
        );
    }
    app.server.put("/users/ann", json!({ "id": "ann", "name": "Ann C." })).await.gives(200);
    let is_second = |heard: &Heard| match heard {
        Heard::Event { topic: of, envelope } => *of == topic && envelope.data["user"]["name"] == "Ann C.",
        _ => false,
    };
    other.until("the second change is told", is_second).await;
    let updates = |listener: &Listener, topic: &str| {
        listener.events(topic).iter().filter(|event| event.kind == EventType::UserUpdated).count()
    };
    assert_eq!((updates(&own, &own.user_topic), updates(&other, &topic)), (2, 2), "each change once");
    for silent in [&large, &left] {
        assert_eq!(updates(&other, &format!("chat:channel:{silent}")), 0);
    }
    assert_eq!(updates(&other, &other.user_topic), 0);
    assert_eq!(
        ann.get(&format!("/channels/{shared}")).await.gives(200)["seq"],
        seq,
        "no change of a channel"
    );
    server.settled().await;
}

/// Also to those who have it not open; members of a large one hear of it where they have it open.
async fn a_deleted_channel_is_told_to_its_members(mode: Mode) {
    let server = Server::start_with(mode, &[("PARLOR_CHAT_FANOUT_MEMBERS", "2")]).await;
    let (app, ann, ben, small) = two(&server).await;
    let eve = app.user("eve").await;
    let large = app.channel(&[&ann, &ben, &eve]).await;
    let (open, elsewhere) = (Listener::connect(&ann).await, Listener::connect(&ben).await);
    open.subscribe(&large).await;
    assert_eq!(ann.delete(&format!("/channels/{large}")).await.status, 204);
    open.next(&format!("chat:channel:{large}"), 0, EventType::ChannelDeleted).await;
    assert_eq!(ann.delete(&format!("/channels/{small}")).await.status, 204);
    let kind = EventType::NotificationRemovedFromChannel;
    let told = elsewhere.next(&elsewhere.user_topic, 0, kind).await;
    assert_eq!((told.data["channel_id"].as_str(), told.seq), (Some(small.as_str()), None));
    server.settled().await;
    let gone = elsewhere.events(&elsewhere.user_topic).into_iter().filter(|event| event.kind == kind);
    assert_eq!(gone.count(), 1, "only of the small one");
    assert_eq!(ben.get("/channels").await.gives(200)["items"], json!([]));
}

/// A client that tells every keystroke is answered like any other.
async fn of_much_typing_little_is_told(mode: Mode) {
    let server = Server::start(mode).await;
    let (app, ann, ben, channel) = two(&server).await;
    let eve = app.user("eve").await;
    let listener = Listener::connect(&ben).await;
    listener.subscribe(&channel).await;
    let typing = format!("/channels/{channel}/typing");
    let all_at_once = |user: &Client, typing_now: bool| {
        let (user, path) = (user.clone(), typing.clone());
        async move {
            let calls = (0..20).map(|_| user.post(&path, json!({ "typing": typing_now })));
            for answer in futures_util::future::join_all(calls).await {
                assert_eq!(answer.status, 204, "{}", answer.text);
            }
        }
    };
    let topic = format!("chat:channel:{channel}");
    all_at_once(&ann, true).await;
    let start = listener.next(&topic, 0, EventType::TypingStart).await;
    assert_eq!(start.data["user"]["id"], "ann");
    all_at_once(&ann, false).await;
    listener.next(&topic, 0, EventType::TypingStop).await;
    all_at_once(&ben, true).await;
    for _ in 0..3 {
        eve.post(&typing, json!({ "typing": true })).await.refused(ErrorCode::NotAMember);
    }
    ann.say(&channel, "done").await;
    listener.next(&topic, 0, EventType::MessageNew).await;
    let is_bens = |heard: &Heard| match heard {
        Heard::Event { envelope, .. } => envelope.data["user"]["id"] == "ben",
        _ => false,
    };
    listener.until("ben types", is_bens).await;
    let told: Vec<_> = listener.events(&topic).into_iter().filter(|event| event.seq.is_none()).collect();
    let by =
        |user: &str, kind| told.iter().filter(|of| of.kind == kind && of.data["user"]["id"] == user).count();
    assert!(by("ann", EventType::TypingStart) <= 2, "one every two seconds, on a slow machine two: {told:?}");
    assert_eq!((by("ann", EventType::TypingStop), by("eve", EventType::TypingStart)), (1, 0));
    server.settled().await;
}
