//! Threads: replies, who follows, what is unread, and what others hear of it.

mod following;

use parlor_e2e::{Client, Heard, Listener, Mode, Server, told};
use parlor_protocol::{ErrorCode, EventType, MessageId};
use serde_json::{Value, json};

fn id_of(message: &Value) -> &str {
    message["id"].as_str().unwrap()
}

async fn reply(user: &Client, channel: &str, root: &Value, more: Value) -> Value {
    let mut body = json!({ "text": "reply", "parent_id": root["id"] });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    user.post(&format!("/channels/{channel}/messages"), body).await.gives(201)
}

fn thread_path(root: &Value) -> String {
    format!("/messages/{}/thread", id_of(root))
}

async fn unread(user: &Client) -> i64 {
    user.get("/unread").await.gives(200)["threads_total"].as_i64().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_root_shows_its_thread_and_everybody_hears_of_it() {
    let server = Server::start(Mode::Embedded).await;
    let app = server.app("acme").await;
    let (ann, ben, eve) = (app.user("ann").await, app.user("ben").await, app.user("eve").await);
    let channel = app.channel(&[&ann, &ben, &eve]).await;
    let topic = format!("chat:channel:{channel}");
    let listener = Listener::connect(&eve).await;
    listener.subscribe(&channel).await;
    let root = ann.say(&channel, "root").await;
    assert!(root.get("thread").is_none(), "nobody has replied");
    let path = format!("/messages/{}", id_of(&root));

    let first = reply(&ben, &channel, &root, json!({})).await;
    let second = reply(&ann, &channel, &root, json!({})).await;
    let third = reply(&ben, &channel, &root, json!({})).await;
    assert_eq!((&first["thread_ordinal"], &third["thread_ordinal"]), (&json!(1), &json!(3)));
    let now = ann.get(&path).await.gives(200);
    let summary = json!({
        "reply_count": 3, "ordinal": 3, "participant_count": 2, "last_reply_at": third["created_at"],
        "participants": [first["user"], second["user"]],
    });
    assert_eq!((&now["thread"], &now["updated_seq"]), (&summary, &third["seq"]));
    assert_eq!((&now["seq"], &now["edited_at"]), (&root["seq"], &Value::Null), "nothing else of it changed");
    let heard = listener.next(&topic, 3, EventType::MessageNew).await;
    assert_eq!((&heard.data["message"], &heard.data["thread"]), (&told(third.clone()), &summary));

    // What changed is pulled: the replies, and the root once.
    let since = root["seq"].as_i64().unwrap();
    let changes = eve.get(&format!("/channels/{channel}/changes?since={since}")).await.gives(200);
    let ids: Vec<&Value> =
        changes["messages"].as_array().unwrap().iter().map(|message| &message["id"]).collect();
    assert_eq!(ids.len(), 4);
    assert!(ids.contains(&&root["id"]) && changes["messages"].as_array().unwrap().contains(&now));

    // The end of a reply corrects it, of the only one of a user also who takes part.
    ann.delete(&format!("/messages/{}", id_of(&second))).await.gives(200);
    let event = listener.next(&topic, 0, EventType::MessageDeleted).await;
    let left = json!({
        "reply_count": 2, "ordinal": 3, "participant_count": 1, "last_reply_at": third["created_at"],
        "participants": [first["user"]],
    });
    assert_eq!(event.data["thread"], left);
    let now = ann.get(&path).await.gives(200);
    assert_eq!((&now["thread"], now["updated_seq"].as_i64()), (&left, event.seq));
    app.server.delete(&format!("/messages/{}?hard=true", id_of(&second))).await.gives(200);
    assert_eq!(ann.get(&path).await.gives(200)["thread"], left, "what was deleted is not counted off twice");
    for gone in [&third, &first] {
        ben.delete(&format!("/messages/{}", id_of(gone))).await.gives(200);
    }
    let empty = ann.get(&path).await.gives(200);
    assert!(empty.get("thread").is_none(), "{empty}");
    listener
        .until("the thread is empty", |heard| match heard {
            Heard::Event { envelope, .. } => {
                envelope.kind == EventType::MessageDeleted
                    && envelope.data.get("thread") == Some(&Value::Null)
            }
            _ => false,
        })
        .await;
    let again = reply(&ben, &channel, &root, json!({})).await;
    assert_eq!(again["thread_ordinal"], 4, "numbers are never used twice");
    let now = ann.get(&path).await.gives(200);
    assert_eq!((&now["thread"]["reply_count"], &now["thread"]["participant_count"]), (&json!(1), &json!(1)));
    // A deleted root keeps its thread.
    let deleted = ann.delete(&path).await.gives(200);
    assert_eq!((&deleted["text"], &deleted["thread"]["reply_count"]), (&json!(""), &json!(1)));
    server.settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_participants_are_named_and_the_next_one_moves_up() {
    let server = Server::start(Mode::Embedded).await;
    let app = server.app("acme").await;
    let mut people = Vec::new();
    for n in 0..11 {
        people.push(app.user(&format!("u{n:02}")).await);
    }
    let channel = app.channel(&people.iter().collect::<Vec<_>>()).await;
    let root = people[0].say(&channel, "root").await;
    let mut replies = Vec::new();
    for user in &people {
        replies.push(reply(user, &channel, &root, json!({})).await);
    }
    let shown = async || {
        let thread = people[0].get(&format!("/messages/{}", id_of(&root))).await.gives(200)["thread"].clone();
        let names = thread["participants"].as_array().unwrap().iter();
        let names: Vec<String> = names.map(|user| user["id"].as_str().unwrap().to_owned()).collect();
        (names, thread["participant_count"].clone())
    };
    let names = |range: std::ops::Range<usize>| range.map(|n| format!("u{n:02}")).collect::<Vec<_>>();
    assert_eq!(shown().await, (names(0..10), json!(11)));
    people[0].delete(&format!("/messages/{}", id_of(&replies[0]))).await.gives(200);
    assert_eq!(shown().await, (names(1..11), json!(10)));
    people[5].patch("/users/u05", json!({ "name": "Fay" })).await.gives(200);
    let now = people[0].get(&format!("/messages/{}", id_of(&root))).await.gives(200);
    assert_eq!(now["thread"]["participants"][4]["name"], "Fay", "they are called as they are called now");
    server.settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reply_that_is_shown_in_its_channel_counts_there_too() {
    let server = Server::start(Mode::Embedded).await;
    let app = server.app("acme").await;
    let (ann, ben) = (app.user("ann").await, app.user("ben").await);
    let channel = app.channel(&[&ann, &ben]).await;
    let path = format!("/channels/{channel}/messages");
    let root = ann.say(&channel, "root").await;
    let aside = reply(&ben, &channel, &root, json!({})).await;
    assert!(aside.get("show_in_channel").is_none());
    let shown = reply(&ben, &channel, &root, json!({ "show_in_channel": true, "text": "for all" })).await;
    assert_eq!((&shown["show_in_channel"], &shown["ordinal"]), (&json!(true), &json!(2)));
    reply(&ben, &channel, &root, json!({ "text": "aside again" })).await;

    let counts = ann.get("/unread").await.gives(200);
    assert_eq!((&counts["total"], &counts["threads_total"]), (&json!(1), &json!(3)));
    let timeline = ann.get(&path).await.gives(200);
    let texts: Vec<&Value> = timeline["items"].as_array().unwrap().iter().map(|item| &item["text"]).collect();
    assert_eq!(texts, ["root", "for all"]);
    assert_eq!(timeline["items"][1], shown);
    let thread = ann.get(&format!("{path}?parent_id={}", id_of(&root))).await.gives(200);
    assert_eq!(thread["items"].as_array().unwrap().len(), 3);
    let view = ann.get(&format!("/channels/{channel}")).await.gives(200);
    assert_eq!((&view["last_message"], &view["ordinal"]), (&shown, &json!(2)));
    assert_eq!(
        ben.get(&format!("/channels/{channel}")).await.gives(200)["unread"],
        0,
        "its author has read it"
    );
    // By time a thread is paged like the timeline, whatever was said beside it.
    let time = shown["created_at"].as_str().unwrap();
    let older = ann.get(&format!("{path}?parent_id={}&before={time}", id_of(&root))).await.gives(200);
    assert_eq!(older["items"], json!([aside]));

    ben.delete(&format!("/messages/{}", id_of(&shown))).await.gives(200);
    let counts = ann.get("/unread").await.gives(200);
    assert_eq!((&counts["total"], &counts["threads_total"]), (&json!(0), &json!(2)));
    let plain = json!({ "text": "x", "show_in_channel": true });
    ann.post(&path, plain).await.refused(ErrorCode::InvalidRequest);
    // The same id with and without is not the same message.
    let id = MessageId::new();
    let body =
        |shown: bool| json!({ "id": id, "text": "x", "parent_id": root["id"], "show_in_channel": shown });
    let sent = ann.post(&path, body(false)).await.gives(201);
    assert_eq!(ann.post(&path, body(false)).await.gives(200), sent);
    ann.post(&path, body(true)).await.refused(ErrorCode::MessageIdReused);
    let now = ann.get(&format!("/messages/{}", id_of(&root))).await.gives(200);
    assert_eq!(now["thread"]["ordinal"], 4, "a retry is no reply");
    server.settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pointer_in_a_thread_moves_forward_only() {
    let server = Server::start(Mode::Embedded).await;
    let app = server.app("acme").await;
    let (ann, ben) = (app.user("ann").await, app.user("ben").await);
    let channel = app.channel(&[&ann, &ben]).await;
    let root = ann.say(&channel, "root").await;
    let other = ann.say(&channel, "another root").await;
    let foreign = reply(&ben, &channel, &other, json!({})).await;
    let mut replies = Vec::new();
    for _ in 0..4 {
        replies.push(reply(&ben, &channel, &root, json!({})).await);
    }
    let read = format!("{}/read", thread_path(&root));
    let listener = Listener::connect(&ann).await;

    let result = ann.post(&read, json!({ "message_id": replies[1]["id"] })).await.gives(200);
    assert_eq!(
        (&result["unread"], &result["read"]["read_seq"], &result["read"]["read_ordinal"]),
        (&json!(2), &replies[1]["seq"], &json!(2))
    );
    let event = listener.next(&listener.user_topic, 0, EventType::NotificationThreadRead).await;
    assert_eq!(
        event.data,
        json!({ "channel_id": channel, "parent_id": root["id"], "unread": 2, "read": result["read"] })
    );
    for earlier in [&replies[0], &replies[1], &root] {
        let again = ann.post(&read, json!({ "message_id": earlier["id"] })).await.gives(200);
        assert_eq!(again, result, "never backwards");
    }
    ben.delete(&format!("/messages/{}", id_of(&replies[2]))).await.gives(200);
    ben.delete(&format!("/messages/{}", id_of(&replies[0]))).await.gives(200);
    assert_eq!(ann.get(&thread_path(&root)).await.gives(200)["unread"], 1, "what is gone is not unread");
    assert_eq!(unread(&ann).await, 2, "with the one of the other thread");
    let all = ann.post(&read, json!({})).await.gives(200);
    assert_eq!((&all["unread"], &all["read"]["read_ordinal"]), (&json!(0), &json!(4)));
    assert_eq!(ann.post(&read, json!({})).await.gives(200), all);
    server.settled().await;
    let moves = listener.events(&listener.user_topic);
    let moves = moves.iter().filter(|event| event.kind == EventType::NotificationThreadRead);
    assert_eq!(moves.count(), 2, "what changes nothing is told to nobody");
    // Reading is no following.
    let eve = app.user("eve").await;
    let member = json!({ "members": [{ "user_id": "eve" }] });
    app.server.post(&format!("/channels/{channel}/members"), member).await.gives(200);
    assert_eq!(eve.get(&thread_path(&root)).await.gives(200)["unread"], 2);
    eve.post(&read, json!({})).await.gives(200);
    let thread = eve.get(&thread_path(&root)).await.gives(200);
    assert_eq!((&thread["following"], &thread["unread"]), (&json!(false), &json!(0)));
    reply(&ben, &channel, &root, json!({ "mentions": ["eve"] })).await;
    let thread = eve.get(&thread_path(&root)).await.gives(200);
    assert_eq!((&thread["following"], &thread["unread"]), (&json!(true), &json!(1)));

    for wrong in [json!(foreign["id"]), json!(other["id"]), json!(MessageId::new())] {
        ann.post(&read, json!({ "message_id": wrong })).await.refused(ErrorCode::MessageNotFound);
    }
    ann.post(&read, json!({ "seq": 7 })).await.refused(ErrorCode::InvalidRequest);
    server.settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ones_threads_are_listed_by_their_latest_activity() {
    let server = Server::start(Mode::Embedded).await;
    let (app, foreign) = (server.app("acme").await, server.app("other").await);
    let (ann, ben) = (app.user("ann").await, app.user("ben").await);
    let (one, two) = (app.channel(&[&ben, &ann]).await, app.channel(&[&ben, &ann]).await);
    let mut roots = Vec::new();
    for n in 0..5 {
        let channel = if n % 2 == 0 { &one } else { &two };
        let root = ann.say(channel, &format!("root {n}")).await;
        for text in ["a", "b", "c"] {
            reply(&ben, channel, &root, json!({ "text": text })).await;
        }
        roots.push(root);
    }
    let silent = ben.say(&one, "no replies").await;
    ann.put(&format!("{}/follow", thread_path(&silent)), json!({})).await.gives(200);
    reply(&ben, &one, &roots[0], json!({ "text": "d" })).await;
    ann.post(&format!("{}/read", thread_path(&roots[3])), json!({})).await.gives(200);

    let texts = |threads: &[Value]| {
        threads
            .iter()
            .map(|thread| thread["message"]["text"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let all = ann.all("/threads", "limit=2").await;
    assert_eq!(texts(&all), ["root 0", "no replies", "root 4", "root 3", "root 2", "root 1"]);
    assert_eq!(
        texts(&ann.all("/threads", "limit=1&unread=true").await),
        ["root 0", "root 4", "root 2", "root 1"]
    );
    let first = &all[0];
    assert_eq!(
        (&first["channel_id"], &first["following"], &first["unread"]),
        (&json!(one), &json!(true), &json!(4))
    );
    let newest: Vec<&Value> =
        first["replies"].as_array().unwrap().iter().map(|reply| &reply["text"]).collect();
    assert_eq!(newest, ["c", "d"]);
    assert_eq!(
        *first,
        ann.get(&thread_path(&roots[0])).await.gives(200),
        "one is shown as the list shows it"
    );
    assert_eq!(unread(&ann).await, 13);

    // Who left a channel sees nothing of its threads, and does again after coming back.
    assert_eq!(ann.post(&format!("/channels/{two}/leave"), json!({})).await.status, 204);
    assert_eq!(texts(&ann.all("/threads", "").await), ["root 0", "no replies", "root 4", "root 2"]);
    assert_eq!(unread(&ann).await, 10);
    app.server.delete(&format!("/channels/{one}")).await;
    assert_eq!(ann.get("/threads").await.gives(200), json!({ "items": [], "next": null }));
    assert_eq!(unread(&ann).await, 0);
    let member = json!({ "members": [{ "user_id": "ann" }] });
    app.server.post(&format!("/channels/{two}/members"), member).await.gives(200);
    assert_eq!(texts(&ann.all("/threads", "").await), ["root 3", "root 1"]);
    // What was erased is listed to nobody.
    app.server.delete(&format!("/messages/{}?hard=true", id_of(&roots[3]))).await.gives(200);
    assert_eq!(texts(&ann.all("/threads", "").await), ["root 1"]);

    let theirs = foreign.user("ann").await;
    theirs.get(&thread_path(&roots[1])).await.refused(ErrorCode::MessageNotFound);
    theirs
        .put(&format!("{}/follow", thread_path(&roots[1])), json!({}))
        .await
        .refused(ErrorCode::MessageNotFound);
    assert_eq!(theirs.get("/threads").await.gives(200)["items"], json!([]));
    ann.get("/threads?unread=perhaps").await.refused(ErrorCode::InvalidParameter);
    for limit in [0, 101] {
        ann.get(&format!("/threads?limit={limit}")).await.refused(ErrorCode::InvalidParameter);
    }
    server.settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn replies_at_once_are_all_counted() {
    let server = Server::start(Mode::Embedded).await;
    let app = server.app("acme").await;
    let (ann, ben, eve) = (app.user("ann").await, app.user("ben").await, app.user("eve").await);
    let channel = app.channel(&[&ann, &ben, &eve]).await;
    let root = ann.say(&channel, "root").await;
    let path = format!("/channels/{channel}/messages");
    let body = json!({ "text": "at once", "parent_id": root["id"] });
    let read = format!("{}/read", thread_path(&root));
    let (replies, reads) = tokio::join!(
        futures_util::future::join_all((0..60).map(|n| [&ann, &ben, &eve][n % 3].post(&path, body.clone())),),
        futures_util::future::join_all((0..20).map(|_| ben.post(&read, json!({})))),
    );
    assert!(replies.iter().all(|answer| answer.status == 201));
    assert!(reads.iter().all(|answer| answer.status == 200));
    let mut ordinals: Vec<i64> =
        replies.iter().map(|answer| answer.json["thread_ordinal"].as_i64().unwrap()).collect();
    ordinals.sort_unstable();
    assert_eq!(ordinals, (1..=60).collect::<Vec<_>>());
    let thread = ann.get(&format!("/messages/{}", id_of(&root))).await.gives(200)["thread"].clone();
    assert_eq!(
        (&thread["reply_count"], &thread["ordinal"], &thread["participant_count"]),
        (&json!(60), &json!(60), &json!(3))
    );
    ben.post(&read, json!({})).await.gives(200);
    assert_eq!(unread(&ben).await, 0);
    server.settled().await;
}
