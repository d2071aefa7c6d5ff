//! Reminders: messages saved for later, with a time or without.

use chrono::Duration;
use parlor_e2e::{Client, Listener, Mode, Server, until};
use parlor_protocol::{ErrorCode, EventType};
use serde_json::{Value, json};

use super::{ahead, count, heard, make_due, own_events, same_time, text, told, user_seq};

fn of(message: &Value) -> String {
    format!("/messages/{}/reminder", message["id"].as_str().unwrap())
}

async fn list(user: &Client, state: &str) -> Vec<Value> {
    user.all("/reminders", &format!("limit=1{state}")).await
}

async fn a_message_is_saved_and_comes_back_at_its_time(mode: Mode) {
    let server = Server::start(mode).await;
    let app = server.app("acme").await;
    let (ann, ben) = (app.user("ann").await, app.user("ben").await);
    let channel = app.channel(&[&ann, &ben]).await;
    let (first, second) = (told(ben.say(&channel, "first").await), told(ben.say(&channel, "second").await));
    let (phone, other) = (Listener::connect(&ann).await, Listener::connect(&ben).await);

    // Saved without a time.
    let saved = ann.put(&of(&first), json!({})).await.gives(200);
    assert_eq!(
        (&saved["state"], &saved["remind_at"], &saved["note"]),
        (&json!("saved"), &Value::Null, &Value::Null)
    );
    assert_eq!((&saved["message"], &saved["channel_id"]), (&first, &json!(channel)));
    let told = heard(&phone, EventType::ReminderCreated, 1).await.remove(0);
    assert_eq!((told.data, told.seq), (json!({ "reminder": saved }), saved["user_seq"].as_i64()));
    let seq = user_seq(&server, "ann").await;
    assert_eq!(ann.put(&of(&first), json!({ "remind_at": null })).await.gives(200), saved);
    assert_eq!(user_seq(&server, "ann").await, seq, "the same again is no change");

    // With a time, and a note.
    let time = ahead(2);
    let body = json!({ "remind_at": text(time), "note": "é".repeat(200) });
    let waiting = ann.put(&of(&second), body.clone()).await.gives(200);
    assert_eq!((&waiting["state"], &waiting["note"]), (&json!("waiting"), &body["note"]));
    same_time(&waiting["remind_at"], time);
    let due = heard(&phone, EventType::ReminderDue, 1).await.remove(0);
    let late = due.created_at - time;
    assert!(late >= Duration::zero() && late <= Duration::seconds(1), "{late} after its time");
    let reminder = &due.data["reminder"];
    assert_eq!((&reminder["state"], &reminder["message"]), (&json!("due"), &second));
    assert_eq!((due.seq, due.channel_id), (reminder["user_seq"].as_i64(), channel.parse().ok()));
    assert_eq!(list(&ann, "&state=due").await, std::slice::from_ref(reminder));
    let seq = user_seq(&server, "ann").await;
    assert_eq!(
        ann.put(&of(&second), body).await.gives(200),
        *reminder,
        "a late retry does not wind it up again"
    );
    assert_eq!(user_seq(&server, "ann").await, seq);

    // Put off, then done, then taken up again, then deleted.
    let again = ann.put(&of(&second), json!({ "remind_at": text(ahead(3600)) })).await.gives(200);
    assert_eq!((&again["state"], &again["note"]), (&json!("waiting"), &Value::Null));
    assert_eq!(list(&ann, "").await, [saved.clone(), again.clone()], "by their time");
    make_due(&server).await;
    heard(&phone, EventType::ReminderDue, 2).await;
    let done = ann.post(&format!("{}/done", of(&second)), json!({})).await.gives(200);
    assert_eq!((&done["state"], &done["message"]), (&json!("done"), &second));
    let seq = user_seq(&server, "ann").await;
    assert_eq!(ann.post(&format!("{}/done", of(&second)), json!({})).await.gives(200), done);
    assert_eq!(user_seq(&server, "ann").await, seq);
    assert_eq!(list(&ann, "").await, std::slice::from_ref(&saved));
    assert_eq!(list(&ann, "&state=done").await, std::slice::from_ref(&done));
    let reopened = ann.put(&of(&second), json!({})).await.gives(200);
    assert_eq!((&reopened["state"], &reopened["created_at"]), (&json!("saved"), &done["created_at"]));
    heard(&phone, EventType::ReminderUpdated, 3).await;
    assert_eq!(ann.delete(&of(&second)).await.status, 204);
    let told = heard(&phone, EventType::ReminderDeleted, 1).await.remove(0);
    assert_eq!(told.data, json!({ "message_id": second["id"], "channel_id": channel }));
    let seq = user_seq(&server, "ann").await;
    assert_eq!(ann.delete(&of(&second)).await.status, 204);
    assert_eq!(user_seq(&server, "ann").await, seq);
    assert_eq!(list(&ann, "").await, [saved]);
    ann.post(&format!("{}/done", of(&second)), json!({})).await.refused(ErrorCode::ReminderNotFound);

    // Deleted before its time, it does not come.
    ann.put(&of(&second), json!({ "remind_at": text(ahead(3600)) })).await.gives(200);
    heard(&phone, EventType::ReminderCreated, 3).await;
    ann.delete(&of(&second)).await;
    ann.put(&of(&first), json!({ "remind_at": text(ahead(3600)) })).await.gives(200);
    make_due(&server).await;
    heard(&phone, EventType::ReminderDue, 3).await;
    assert_eq!(count(&server, "due").await, 0);
    server.settled().await;
    assert_eq!(list(&ben, "").await, Vec::<Value>::new());
    assert_eq!(own_events(&other, EventType::ReminderDue).len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_saved_and_comes_back_at_its_time_embedded() {
    a_message_is_saved_and_comes_back_at_its_time(Mode::Embedded).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_saved_and_comes_back_at_its_time_cluster() {
    a_message_is_saved_and_comes_back_at_its_time(Mode::Cluster).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reminder_shows_only_what_its_user_may_read() {
    let server = Server::start(Mode::Embedded).await;
    let app = server.app("acme").await;
    let (ann, ben) = (app.user("ann").await, app.user("ben").await);
    let (one, two, three) = (
        app.channel(&[&ann, &ben]).await,
        app.channel(&[&ann, &ben]).await,
        app.channel(&[&ann, &ben]).await,
    );
    let phone = Listener::connect(&ben).await;
    let mut messages = Vec::new();
    for channel in [&one, &one, &two, &three] {
        messages.push(ann.say(channel, "canary").await);
    }
    for message in &messages {
        ben.put(&of(message), json!({ "remind_at": text(ahead(3600)), "note": "mine" })).await.gives(200);
    }
    ann.delete(&format!("/messages/{}", messages[1]["id"].as_str().unwrap())).await.gives(200);
    ben.post(&format!("/channels/{two}/leave"), json!({})).await;
    ann.delete(&format!("/channels/{three}")).await;
    let shown = |reminders: &[Value]| {
        let shows = |message: &Value| {
            let found = reminders.iter().find(|reminder| reminder["message_id"] == message["id"]).unwrap();
            assert_eq!(found["note"], "mine");
            found["message"]["text"] == "canary"
        };
        messages.iter().map(shows).collect::<Vec<_>>()
    };
    assert_eq!(shown(&list(&ben, "").await), [true, false, false, false]);
    make_due(&server).await;
    let told: Vec<Value> = heard(&phone, EventType::ReminderDue, 4)
        .await
        .into_iter()
        .map(|event| event.data["reminder"].clone())
        .collect();
    assert_eq!(shown(&told), [true, false, false, false]);

    // It is still the user's own, whatever became of the message.
    for message in &messages {
        let done = ben.post(&format!("{}/done", of(message)), json!({})).await.gives(200);
        assert_eq!(done["message"].is_null(), *message != messages[0]);
        assert_eq!(ben.delete(&of(message)).await.status, 204);
    }
    ben.put(&of(&messages[1]), json!({})).await.refused(ErrorCode::MessageDeleted);
    ben.put(&of(&messages[2]), json!({})).await.refused(ErrorCode::MessageNotFound);
    server.settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn reminders_have_limits_and_are_of_messages_that_one_may_read() {
    let server = Server::start(Mode::Embedded).await;
    let (app, foreign) = (server.app("acme").await, server.app("other").await);
    let (ann, eve) = (app.user("ann").await, app.user("eve").await);
    let channel = app.channel(&[&ann]).await;
    let message = ann.say(&channel, "hello").await;
    let year = 365 * 24 * 3600;
    ann.put(&of(&message), json!({ "remind_at": text(ahead(year - 60)) })).await.gives(200);
    let before = list(&ann, "").await;
    for (code, body) in [
        (ErrorCode::InvalidTime, json!({ "remind_at": text(ahead(-1)) })),
        (ErrorCode::InvalidTime, json!({ "remind_at": text(ahead(year + 60)) })),
        (ErrorCode::NoteTooLong, json!({ "note": "é".repeat(201) })),
        (ErrorCode::InvalidRequest, json!({ "remind_at": "tomorrow" })),
        (ErrorCode::InvalidRequest, json!({ "state": "done" })),
    ] {
        ann.put(&of(&message), body).await.refused(code);
        assert_eq!(list(&ann, "").await, before, "{code:?} changed something");
    }
    for (user, code) in [
        (&eve, ErrorCode::MessageNotFound),
        (&foreign.user("ann").await, ErrorCode::MessageNotFound),
        (&app.server, ErrorCode::UserOnly),
    ] {
        user.put(&of(&message), json!({})).await.refused(code);
        let none = if code == ErrorCode::UserOnly { code } else { ErrorCode::ReminderNotFound };
        user.delete(&of(&message)).await.refused(none);
        user.post(&format!("{}/done", of(&message)), json!({})).await.refused(none);
    }
    app.server.get("/reminders").await.refused(ErrorCode::UserOnly);
    ann.get("/reminders?state=asleep").await.refused(ErrorCode::InvalidParameter);
    ann.get("/reminders?cursor=x").await.refused(ErrorCode::InvalidCursor);

    // At most 250, of which what is done does not count.
    let sends = (0..251).map(|n| {
        let (ann, channel) = (ann.clone(), channel.clone());
        async move { ann.say(&channel, &format!("{n}")).await }
    });
    let messages = futures_util::future::join_all(sends).await;
    for message in &messages[..248] {
        ann.put(&of(message), json!({})).await.gives(200);
    }
    let last = futures_util::future::join_all(messages[248..].iter().map(|message| {
        let (ann, path) = (ann.clone(), of(message));
        async move { ann.put(&path, json!({})).await }
    }))
    .await;
    assert_eq!(
        last.iter().filter(|answer| answer.status == 200).count(),
        1,
        "with the first one it is the 250th"
    );
    last.iter().filter(|answer| answer.status != 200).for_each(|answer| {
        answer.refused(ErrorCode::TooManyReminders);
    });
    ann.put(&of(&message), json!({ "note": "one that is there may change" })).await.gives(200);
    ann.post(&format!("{}/done", of(&message)), json!({})).await.gives(200);
    let left = last.iter().position(|answer| answer.status != 200).unwrap();
    ann.put(&of(&messages[248 + left]), json!({})).await.gives(200);
    ann.put(&of(&message), json!({})).await.refused(ErrorCode::TooManyReminders);
    assert_eq!(ann.all("/reminders", "limit=100").await.len(), 250);
    server.settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn reminders_of_many_users_come_at_once_and_each_once() {
    let server = Server::start(Mode::Embedded).await;
    let app = server.app("acme").await;
    let ann = app.user("ann").await;
    let channel = app
        .channel_with(json!({ "type": "livestream", "members": [{ "user_id": "ann", "role": "owner" }] }))
        .await;
    let mut messages = Vec::new();
    for n in 0..20 {
        messages.push(ann.say(&channel, &format!("{n}")).await);
    }
    let mut listeners = Vec::new();
    for n in 0..10 {
        let user = app.user(&format!("viewer-{n}")).await;
        for message in &messages {
            user.put(&of(message), json!({ "remind_at": text(ahead(3600)) })).await.gives(200);
        }
        listeners.push(Listener::connect(&user).await);
    }
    make_due(&server).await;
    until("nothing is due", async || count(&server, "due").await == 0).await;
    server.settled().await;
    for listener in &listeners {
        for event in heard(listener, EventType::ReminderDue, 20).await {
            assert!(
                event.data["reminder"]["message"].is_object(),
                "everybody may read a livestream: {event:?}"
            );
        }
    }
}
