//! Messages that not all may read, and what only one is shown: who learns of them, and who does not.

use parlor_e2e::{Applied, Client, Listener, Mode, Replica, Server, until};
use parlor_protocol::limits::VISIBLE_TO;
use parlor_protocol::{ErrorCode, EventType, MessageId};
use serde_json::{Value, json};

use super::{World, id, mentioned};

/// Everything that a user is given that may contain messages of the channel.
async fn all_that_is_shown(world: &World, who: &Client, message: &str) -> String {
    let channel = &world.channel;
    let mut seen = String::new();
    for path in [
        "/channels".to_owned(),
        format!("/channels/{channel}"),
        format!("/channels/{channel}/messages"),
        format!("/channels/{channel}/changes?since=0"),
        format!("/messages/{message}"),
        format!("/messages/{message}/reactions"),
        format!("/messages/{message}/thread"),
        "/search/messages?q=secret".to_owned(),
        "/users/me/messages?flag=unread&with=messages".to_owned(),
        "/users/me/messages?flag=mentioned&with=messages".to_owned(),
        "/threads".to_owned(),
    ] {
        seen.push_str(&who.get(&path).await.text);
    }
    seen
}

#[tokio::test(flavor = "multi_thread")]
async fn only_those_who_may_read_it_learn_of_a_message() {
    for mode in [Mode::Embedded, Mode::Cluster] {
        let server = Server::start(mode).await;
        let world = World::on(&server).await;
        let (open, named) = (Listener::connect(&world.cid).await, Listener::connect(&world.ben).await);
        open.subscribe(&world.channel).await;
        named.subscribe(&world.channel).await;
        let mut held = Replica::snapshot(&world.cid, &world.channel, &[]).await;
        let known = world.send(&world.ann, json!({ "text": "secretary" })).await;
        let whisper = json!({ "text": "secret", "visible_to": ["ben"], "mentions": ["ben", "cid"] });
        let sent = world.send(&world.ann, whisper).await;
        assert_eq!((&sent["visible_to"], &sent["ordinal"]), (&json!(["ben"]), &known["ordinal"]));
        let path = format!("/messages/{}", id(&sent));

        // Who is named, the author, moderators and the server read it; it counts for none of them.
        let own = named.next(&named.user_topic, 0, EventType::MessageNew).await;
        assert_eq!((own.seq, &own.data["message"]), (None, &parlor_e2e::told(sent.clone())));
        for who in [&world.ben, &world.ann, &world.moderator, &world.app.server] {
            assert_eq!(who.get(&path).await.gives(200)["text"], "secret");
        }
        assert_eq!(world.unread(&world.ben).await, 1, "the other one");
        until("it is found by who may read it", async || {
            world.ben.all("/search/messages", "q=secret").await.len() == 2
        })
        .await;
        until("who may read it is flagged", async || mentioned(&world.ben).await == [id(&sent)]).await;

        // What becomes of it is told to the same.
        world.ben.post(&format!("{path}/reactions"), json!({ "type": "clap" })).await.gives(200);
        let react = named.next(&named.user_topic, 0, EventType::ReactionNew).await;
        assert_eq!((react.seq, &react.data["message_id"]), (None, &sent["id"]));
        world.ann.patch(&path, json!({ "text": "a secret still" })).await.gives(200);
        named.next(&named.user_topic, 0, EventType::MessageUpdated).await;
        let reply = json!({ "text": "secret reply", "parent_id": id(&known), "visible_to": ["ben"] });
        let reply = world.send(&world.ann, reply).await;

        // Others learn that there were changes, and nothing of what they were.
        assert_eq!(world.unread(&world.cid).await, 1);
        world.cid.get(&path).await.refused(ErrorCode::MessageNotFound);
        let shown = all_that_is_shown(&world, &world.cid, id(&sent)).await;
        assert!(!shown.contains(id(&sent)) && !shown.contains("secret still"), "{shown}");
        let thread = format!("/channels/{}/messages?parent_id={}", world.channel, id(&known));
        assert_eq!(world.cid.get(&thread).await.gives(200)["items"], json!([]));
        assert_eq!(id(&world.ben.get(&thread).await.gives(200)["items"][0]), id(&reply));
        let root = world.cid.get(&format!("/messages/{}", id(&known))).await.gives(200);
        assert!(root.get("thread").is_none(), "a thread is what all may read: {root}");
        let last = world.send(&world.ann, json!({ "text": "for all" })).await;
        let ended = |heard: &parlor_e2e::Heard| matches!(heard, parlor_e2e::Heard::Event { envelope, .. } if envelope.seq == last["seq"].as_i64());
        open.until("the last was heard", ended).await;
        for event in open.events_of(&world.channel) {
            assert!(!json!(event).to_string().contains(id(&sent)), "{event:?}");
            assert_eq!(held.apply(&event), Applied::Yes, "{event:?}");
        }
        assert_eq!(held, Replica::snapshot(&world.cid, &world.channel, &[]).await);
        assert_eq!(held.unread("cid"), world.unread(&world.cid).await);
        let mut behind = Replica::snapshot(&world.moderator, &world.channel, &[]).await;
        while behind.pull(&world.moderator, &world.channel).await.unwrap() {}
        world.ann.delete(&path).await.gives(200);
        named.next(&named.user_topic, 0, EventType::MessageDeleted).await;
        behind.pull(&world.moderator, &world.channel).await.unwrap();
        assert_eq!(behind, Replica::snapshot(&world.moderator, &world.channel, &[]).await, "moderators pull");
        assert_eq!(world.unread(&world.cid).await, 2, "a deletion of what did not count");
        server.settled().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_for_all_is_made_of_what_is_not_for_all() {
    let server = Server::start(Mode::Embedded).await;
    let world = World::on(&server).await;
    let sent = world.send(&world.ann, json!({ "text": "secret", "visible_to": ["ben"] })).await;
    let path = format!("/messages/{}", id(&sent));
    for refers in
        [json!({ "text": "x", "reply_to_id": id(&sent) }), json!({ "text": "x", "parent_id": id(&sent) })]
    {
        world.ben.post(&world.messages(), refers.clone()).await.refused(ErrorCode::InvalidThread);
        world
            .ben
            .put(&format!("/channels/{}/draft", world.channel), refers)
            .await
            .refused(ErrorCode::InvalidThread);
    }
    world.ann.post(&format!("{path}/pin"), json!({})).await.refused(ErrorCode::MessageRestricted);
    world.ben.post(&format!("{path}/task"), json!({})).await.refused(ErrorCode::MessageRestricted);
    let forward = json!({ "channel_ids": [world.channel] });
    world.ben.post(&format!("{path}/forward"), forward).await.refused(ErrorCode::MessageRestricted);
    for (named, groups, code) in [
        (json!([]), json!({}), ErrorCode::InvalidVisibility),
        (json!(["ben", "ben"]), json!({}), ErrorCode::InvalidVisibility),
        (json!(["ben"]), json!({ "channel": true }), ErrorCode::InvalidVisibility),
        (json!(["nobody"]), json!({}), ErrorCode::UserUnknown),
        (json!(vec!["x"; VISIBLE_TO + 1]), json!({}), ErrorCode::InvalidVisibility),
    ] {
        let body = json!({ "text": "x", "visible_to": named, "group_mentions": groups });
        world.ann.post(&world.messages(), body).await.refused(code);
    }
    let crowd: Vec<String> = (0..=VISIBLE_TO).map(|n| format!("u{n}")).collect();
    for part in crowd.chunks(100) {
        let users: Vec<Value> = part.iter().map(|id| json!({ "id": id })).collect();
        world.app.server.put("/users", json!({ "users": users })).await.gives(200);
    }
    let members: Vec<Value> = crowd[..VISIBLE_TO].iter().map(|id| json!({ "user_id": id })).collect();
    let members_at = format!("/channels/{}/members", world.channel);
    world.ann.post(&members_at, json!({ "members": members })).await.gives(200);
    world.send(&world.ann, json!({ "text": "x", "visible_to": crowd[..VISIBLE_TO] })).await;
    world
        .ann
        .post(&world.messages(), json!({ "text": "x", "visible_to": crowd }))
        .await
        .refused(ErrorCode::InvalidVisibility);
    // Who moderates no longer reads it no longer.
    world.moderator.get(&path).await.gives(200);
    let role = json!({ "role": "member" });
    world.ann.patch(&format!("/channels/{}/members/mod", world.channel), role).await.gives(200);
    world.moderator.get(&path).await.refused(ErrorCode::MessageNotFound);
    server.settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_not_in_the_channel_hears_nothing_of_it() {
    let server = Server::start(Mode::Embedded).await;
    let world = World::on(&server).await;
    let outsider = world.app.user("out").await;
    let (ben, cid) = (Listener::connect(&world.ben).await, Listener::connect(&world.cid).await);
    let out = Listener::connect(&outsider).await;
    let to = |named: Value| json!({ "text": "secret", "visible_to": named });
    let sent = world.send(&world.ann, to(json!(["ben", "cid"]))).await;
    ben.next(&ben.user_topic, 0, EventType::MessageNew).await;
    let path = format!("/messages/{}", id(&sent));
    let member = format!("/channels/{}/members/ben", world.channel);
    assert_eq!(world.ann.delete(&member).await.status, 204);
    let after = ben.next(&ben.user_topic, 0, EventType::NotificationRemovedFromChannel).await;

    // Whatever becomes of it, and of what the server says to those who were never there.
    world.ann.post(&format!("{path}/reactions"), json!({ "type": "clap" })).await.gives(200);
    world.ann.patch(&path, json!({ "text": "another secret" })).await.gives(200);
    let by_server = json!({ "text": "secret", "visible_to": ["out", "ben", "cid"], "user_id": "ann" });
    let by_server = world.send(&world.app.server, by_server).await;
    world.ann.delete(&path).await.gives(200);
    cid.next(&cid.user_topic, 0, EventType::MessageDeleted).await;
    let heard = |listener: &Listener| {
        listener.events(&listener.user_topic).into_iter().map(|event| event.kind).collect::<Vec<_>>()
    };
    let all = [EventType::ReactionNew, EventType::MessageUpdated, EventType::MessageNew];
    assert!(all.iter().all(|kind| heard(&cid).contains(kind)), "{:?}", heard(&cid));
    // What is told on their own channels last was told after all of it.
    for (who, listener) in [(&world.ben, &ben), (&outsider, &out)] {
        who.patch("/users/me/settings", json!({ "typing": false })).await.gives(200);
        listener.next(&listener.user_topic, 0, EventType::SettingsUpdated).await;
    }
    assert_eq!(heard(&out), [EventType::SettingsUpdated]);
    let of_ben: Vec<_> = ben.events(&ben.user_topic);
    let removed = of_ben.iter().position(|event| event.id == after.id).unwrap();
    let told = of_ben[removed + 1..].iter().filter(|event| event.data.to_string().contains("secret"));
    assert_eq!(told.count(), 0, "{of_ben:?}");
    assert!(!heard(&ben).contains(&EventType::MessageDeleted), "{:?}", heard(&ben));
    outsider.get(&format!("/messages/{}", id(&by_server))).await.refused(ErrorCode::MessageNotFound);

    // A user names those who are there, now and later.
    for named in [json!(["out"]), json!(["cid", "ben"])] {
        world.ann.post(&world.messages(), to(named.clone())).await.refused(ErrorCode::InvalidVisibility);
        let mut later = to(named);
        later["send_at"] = json!(parlor_platform::clock::Clock::default().now() + chrono::Duration::hours(1));
        let path = format!("/channels/{}/scheduled_messages", world.channel);
        world.ann.post(&path, later).await.refused(ErrorCode::InvalidVisibility);
    }
    // All read a livestream, so there one need not be a member.
    let stream = json!({ "type": "livestream", "members": [{ "user_id": "ann", "role": "owner" }] });
    let stream = world.app.channel_with(stream).await;
    let sent = world.ann.post(&format!("/channels/{stream}/messages"), to(json!(["out"]))).await.gives(201);
    let told = out.next(&out.user_topic, 0, EventType::MessageNew).await;
    assert_eq!(told.data["message"]["id"], sent["id"]);
    server.settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_is_shown_something_that_nobody_keeps() {
    let server = Server::start(Mode::Embedded).await;
    let world = World::on(&server).await;
    let listener = Listener::connect(&world.ben).await;
    let path = format!("/channels/{}/ephemeral_messages", world.channel);
    let before = world.ann.get(&format!("/channels/{}", world.channel)).await.gives(200);
    let show = json!({ "id": MessageId::new(), "to": "ben", "text": "only **you**" });
    let shown = world.moderator.post(&path, show.clone()).await.gives(200);
    assert_eq!(
        (&shown["id"], &shown["to"], &shown["user"]["id"]),
        (&show["id"], &json!("ben"), &json!("mod"))
    );
    let told = listener.next(&listener.user_topic, 0, EventType::MessageEphemeral).await;
    assert_eq!((told.seq, &told.data["message"], &json!(told.id)), (None, &shown, &show["id"]));
    world.app.server.post(&path, json!({ "to": "ben", "text": "x", "user_id": "ann" })).await.gives(200);
    assert_eq!(
        world.ann.get(&format!("/channels/{}", world.channel)).await.gives(200),
        before,
        "it left no trace"
    );
    world.ben.get(&format!("/messages/{}", id(&shown))).await.refused(ErrorCode::MessageNotFound);
    for (who, body, code) in [
        (&world.cid, json!({ "to": "ben", "text": "x" }), ErrorCode::Forbidden),
        (&world.moderator, json!({ "to": "nobody", "text": "x" }), ErrorCode::MemberNotFound),
        (&world.moderator, json!({ "to": "ben", "text": " " }), ErrorCode::EmptyMessage),
        (&world.moderator, json!({ "to": "ben", "content": { "type": "doc" } }), ErrorCode::InvalidContent),
    ] {
        who.post(&path, body).await.refused(code);
    }
    server.settled().await;
}
