//! Scheduled messages before their time: made, listed, changed, cancelled.

use parlor_e2e::{Listener, Mode, Server};
use parlor_protocol::{ErrorCode, EventType, MessageId};
use serde_json::{Value, json};

use super::{ahead, count, heard, make_due, same_time, schedule, text, user_seq};

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_scheduled_changed_and_cancelled() {
    let server = Server::start(Mode::Embedded).await;
    let app = server.app("acme").await;
    let (ann, ben) = (app.user("ann").await, app.user("ben").await);
    let channel = app.channel(&[&ann, &ben]).await;
    let second = app.channel(&[&ann]).await;
    let at = format!("/channels/{channel}/scheduled_messages");
    let root = ben.say(&channel, "root").await;
    let phone = Listener::connect(&ann).await;

    let (id, send_at) = (MessageId::new(), ahead(3600));
    let body = json!({
        "id": id, "send_at": text(send_at), "content": "Good **morning**", "mentions": ["ben"], "thread_id": root["id"],
        "reply_to_id": root["id"], "attachments": [{ "type": "image", "size": 1.5 }], "custom": { "b": [1, 2.5], "a": {} },
    });
    let scheduled = ann.post(&at, body.clone()).await.gives(201);
    assert_eq!((&scheduled["id"], &scheduled["message_id"]), (&json!(id), &json!(id)));
    assert_eq!((&scheduled["state"], &scheduled["error"]), (&json!("waiting"), &Value::Null));
    assert_eq!((&scheduled["user_id"], &scheduled["channel_id"]), (&json!("ann"), &json!(channel)));
    same_time(&scheduled["send_at"], send_at);
    let content = json!({
        "text": "Good **morning**", "mentions": ["ben"], "parent_id": root["id"], "reply_to_id": root["id"],
        "attachments": [{ "type": "image", "size": 1.5 }], "custom": { "b": [1, 2.5], "a": {} },
    });
    assert_eq!(scheduled["content"], content);
    let one = format!("/scheduled_messages/{id}");
    assert_eq!(ann.get(&one).await.gives(200), scheduled);
    assert_eq!(app.server.get(&one).await.gives(200), scheduled);
    let told = heard(&phone, EventType::ScheduledMessageCreated, 1).await.remove(0);
    assert_eq!(told.data, json!({ "scheduled_message": scheduled }));
    assert_eq!(told.seq, scheduled["user_seq"].as_i64());

    // A retry is the same; another with its id is none.
    let seq = user_seq(&server, "ann").await;
    assert_eq!(ann.post(&at, body.clone()).await.gives(200), scheduled);
    for (field, other) in [("content", json!("Good evening")), ("send_at", json!(text(ahead(7200))))] {
        let mut changed = body.clone();
        changed[field] = other;
        ann.post(&at, changed).await.refused(ErrorCode::MessageIdReused);
    }
    ben.post(&at, body.clone()).await.refused(ErrorCode::MessageIdReused);
    let mut elsewhere = json!({ "id": id, "send_at": text(send_at), "text": "x" });
    ann.post(&format!("/channels/{second}/scheduled_messages"), elsewhere.clone())
        .await
        .refused(ErrorCode::MessageIdReused);
    elsewhere["id"] = root["id"].clone();
    ann.post(&at, elsewhere).await.refused(ErrorCode::MessageIdReused);
    assert_eq!(user_seq(&server, "ann").await, seq);

    // By their time, all or of one channel.
    let later = json!({ "send_at": text(ahead(7200)), "text": "later" });
    let later = ann.post(&format!("/channels/{second}/scheduled_messages"), later).await.gives(201);
    let sooner = json!({ "send_at": text(ahead(60)), "text": "sooner" });
    let sooner = ann.post(&at, sooner).await.gives(201);
    assert_eq!(ann.all("/scheduled_messages", "limit=1").await, [sooner.clone(), scheduled.clone(), later]);
    let here = format!("limit=1&channel_id={channel}");
    assert_eq!(ann.all("/scheduled_messages", &here).await, [sooner.clone(), scheduled.clone()]);
    assert_eq!(app.server.all("/scheduled_messages", "user_id=ann").await.len(), 3);
    assert_eq!(ben.all("/scheduled_messages", "").await, Vec::<Value>::new());

    // Content and time change while it waits; what changes nothing takes no number.
    let new_time = ahead(30);
    let patch = json!({ "text": "Good night", "reply_to_id": null, "send_at": text(new_time) });
    let changed = ann.patch(&one, patch.clone()).await.gives(200);
    same_time(&changed["send_at"], new_time);
    let new_content = &changed["content"];
    assert_eq!((&new_content["text"], &new_content["reply_to_id"]), (&json!("Good night"), &Value::Null));
    assert_eq!(new_content["mentions"], json!(["ben"]), "what is left out stays");
    let told = heard(&phone, EventType::ScheduledMessageUpdated, 1).await.remove(0);
    assert_eq!(told.data, json!({ "scheduled_message": changed }));
    let seq = user_seq(&server, "ann").await;
    assert_eq!(ann.patch(&one, patch).await.gives(200), changed);
    assert_eq!(ann.patch(&one, json!({})).await.gives(200), changed);
    assert_eq!(user_seq(&server, "ann").await, seq);
    assert_eq!(ann.all("/scheduled_messages", &here).await, [changed, sooner], "its place is a new one");
    assert_eq!(ann.post(&at, body).await.gives(200)["content"]["text"], "Good night", "a late retry");

    assert_eq!(ann.delete(&one).await.status, 204);
    let seq = user_seq(&server, "ann").await;
    assert_eq!(ann.delete(&one).await.status, 204);
    assert_eq!(user_seq(&server, "ann").await, seq);
    let over = ann.get(&one).await.gives(200);
    assert_eq!((&over["state"], &over["content"]), (&json!("cancelled"), &Value::Null));
    let told = heard(&phone, EventType::ScheduledMessageDeleted, 1).await.remove(0);
    assert_eq!(told.data, json!({ "scheduled_message": over }));
    ann.patch(&one, json!({ "text": "x" })).await.refused(ErrorCode::NotWaiting);
    assert_eq!(ann.all("/scheduled_messages", "").await.len(), 2);
    make_due(&server).await;
    heard(&phone, EventType::ScheduledMessageSent, 2).await;
    assert_eq!(count(&server, &format!("messages WHERE id = '{id}'")).await, 0, "it was cancelled");
    server.settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_send_would_refuse_can_not_be_scheduled() {
    let server = Server::start(Mode::Embedded).await;
    let (app, foreign) = (server.app("acme").await, server.app("other").await);
    let (ann, ben, eve) = (app.user("ann").await, app.user("ben").await, app.user("eve").await);
    let channel = app
        .channel_with(json!({ "type": "team", "members": [
            { "user_id": "ann", "role": "owner" }, { "user_id": "ben" }, { "user_id": "eve", "role": "guest" },
        ] }))
        .await;
    let at = format!("/channels/{channel}/scheduled_messages");
    let valid = json!({ "send_at": text(ahead(3600)), "text": "x" });
    let with = |field: &str, value: Value| {
        let mut body = valid.clone();
        body[field] = value;
        body
    };
    let elsewhere = app.channel(&[&ann]).await;
    let stranger = ann.say(&elsewhere, "elsewhere").await;
    let existing = schedule(&ben, &channel, "mine").await;
    let mine = format!("/scheduled_messages/{}", existing["id"].as_str().unwrap());
    let year = 365 * 24 * 3600;
    for (code, body) in [
        (ErrorCode::InvalidTime, with("send_at", json!(text(ahead(4))))),
        (ErrorCode::InvalidTime, with("send_at", json!(text(ahead(-3600))))),
        (ErrorCode::InvalidTime, with("send_at", json!(text(ahead(year + 60))))),
        (ErrorCode::EmptyMessage, with("text", json!(" "))),
        (ErrorCode::TextTooLong, with("text", json!("é".repeat(20_001)))),
        (ErrorCode::TooManyMentions, with("mentions", json!(vec!["ben"; 51]))),
        (ErrorCode::TooManyAttachments, with("attachments", json!(vec![json!({ "type": "x" }); 11]))),
        (ErrorCode::UserUnknown, with("mentions", json!(["nobody"]))),
        (ErrorCode::InvalidThread, with("reply_to_id", stranger["id"].clone())),
        (ErrorCode::InvalidRequest, with("send_at", json!("tomorrow"))),
        (ErrorCode::InvalidTime, with("send_at", json!("+99999-01-01T00:00:00Z"))),
        (ErrorCode::InvalidRequest, with("colour", json!("red"))),
    ] {
        ben.post(&at, body.clone()).await.refused(code);
        // Changes have the same limits.
        let before = ben.get(&mine).await.gives(200);
        let answer = ben.patch(&mine, body).await;
        answer.refused(code);
        assert_eq!(ben.get(&mine).await.gives(200), before, "{code:?} changed something");
    }
    ben.post(&at, with("parent_id", stranger["id"].clone())).await.refused(ErrorCode::InvalidThread);
    ben.post(&at, json!({ "text": "x" })).await.refused(ErrorCode::InvalidRequest);
    ben.post(&at, with("user_id", json!("ann"))).await.refused(ErrorCode::ServerOnly);
    app.server.post(&at, valid.clone()).await.refused(ErrorCode::InvalidRequest);
    app.server.post(&at, with("user_id", json!("nobody"))).await.refused(ErrorCode::UserUnknown);
    eve.post(&at, valid.clone()).await.refused(ErrorCode::Forbidden);
    ben.post(&format!("/channels/{elsewhere}/scheduled_messages"), valid.clone())
        .await
        .refused(ErrorCode::NotAMember);
    let theirs = foreign.user("ben").await;
    theirs.post(&at, valid.clone()).await.refused(ErrorCode::ChannelNotFound);
    ann.patch(&format!("/channels/{channel}"), json!({ "config": { "frozen": true } })).await.gives(200);
    ben.post(&at, valid.clone()).await.refused(ErrorCode::ChannelFrozen);
    ben.patch(&mine, json!({ "text": "y" })).await.refused(ErrorCode::ChannelFrozen);
    ann.patch(&format!("/channels/{channel}"), json!({ "config": { "frozen": false } })).await.gives(200);

    // The longest and shortest times, within what a request may take.
    for seconds in [30, year - 60] {
        let made = ben.post(&at, with("send_at", json!(text(ahead(seconds))))).await.gives(201);
        ben.delete(&format!("/scheduled_messages/{}", made["id"].as_str().unwrap())).await;
    }

    // Others' are nobody's.
    for (user, code) in [
        (&ann, ErrorCode::ScheduledNotFound),
        (&theirs, ErrorCode::ScheduledNotFound),
        (&foreign.server, ErrorCode::ScheduledNotFound),
    ] {
        user.get(&mine).await.refused(code);
        user.patch(&mine, json!({ "text": "mine" })).await.refused(code);
        user.delete(&mine).await.refused(code);
    }
    ann.get(&format!("/scheduled_messages/{}", uuid::Uuid::now_v7()))
        .await
        .refused(ErrorCode::ScheduledNotFound);
    ann.get("/scheduled_messages/7").await.refused(ErrorCode::InvalidId);
    ann.get("/scheduled_messages?user_id=ben").await.refused(ErrorCode::ServerOnly);
    app.server.get("/scheduled_messages").await.refused(ErrorCode::InvalidRequest);
    ann.get("/scheduled_messages?channel_id=7").await.refused(ErrorCode::InvalidParameter);
    assert_eq!(ben.all("/scheduled_messages", "").await, [existing]);
    server.settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_wait_and_no_more() {
    let server = Server::start(Mode::Embedded).await;
    let app = server.app("acme").await;
    let ann = app.user("ann").await;
    let channel = app.channel(&[&ann]).await;
    let at = format!("/channels/{channel}/scheduled_messages");
    let send_at = text(ahead(3600));
    let posts = (0..110).map(|n| ann.post(&at, json!({ "send_at": send_at, "text": format!("{n}") })));
    let answers = futures_util::future::join_all(posts).await;
    let made = answers.iter().filter(|answer| answer.status == 201).count();
    assert_eq!(made, 100);
    answers.iter().filter(|answer| answer.status != 201).for_each(|answer| {
        answer.refused(ErrorCode::TooManyScheduled);
    });
    let listed = ann.all("/scheduled_messages", "limit=33").await;
    assert_eq!(listed.len(), 100);
    let one = format!("/scheduled_messages/{}", listed[0]["id"].as_str().unwrap());
    assert_eq!(ann.delete(&one).await.status, 204);
    ann.post(&at, json!({ "send_at": send_at, "text": "the hundredth" })).await.gives(201);
    ann.post(&at, json!({ "send_at": send_at, "text": "one more" }))
        .await
        .refused(ErrorCode::TooManyScheduled);

    // The same at once, with one id, is one.
    ann.delete(&format!("/scheduled_messages/{}", listed[1]["id"].as_str().unwrap())).await;
    let body = json!({ "id": MessageId::new(), "send_at": send_at, "text": "once" });
    let answers = futures_util::future::join_all((0..20).map(|_| ann.post(&at, body.clone()))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 1);
    assert!(answers.iter().all(|answer| answer.json == answers[0].json), "{answers:?}");

    // What was sent makes room.
    make_due(&server).await;
    parlor_e2e::until("all are sent", async || ann.all("/scheduled_messages", "").await.is_empty()).await;
    ann.post(&at, json!({ "send_at": send_at, "text": "again" })).await.gives(201);
    server.settled().await;
}
