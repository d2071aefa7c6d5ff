//! Scheduled messages at their time: each is sent once, in order, by whoever comes.

use std::collections::BTreeSet;

use chrono::{DateTime, Duration, Utc};
use parlor_e2e::{App, Client, Listener, Mode, Server, until};
use parlor_protocol::{ErrorCode, EventType, MessageId};
use serde_json::{Value, json};

use super::{ahead, count, heard, make_due, own_events, schedule, text, told};

/// Within this time of its time a message is sent, on a machine that has nothing else to do.
const PUNCTUAL: Duration = Duration::seconds(1);

async fn a_message_is_sent_at_its_time(mode: Mode) {
    let server = Server::start(mode).await;
    let app = server.app("acme").await;
    let (ann, ben) = (app.user("ann").await, app.user("ben").await);
    let channel = app.channel(&[&ann, &ben]).await;
    let root = ben.say(&channel, "root").await;
    let (phone, reader) = (Listener::connect(&ann).await, Listener::connect(&ben).await);
    reader.subscribe(&channel).await;

    let (id, send_at) = (MessageId::new(), ahead(6));
    let at = format!("/channels/{channel}/scheduled_messages");
    let body = json!({
        "id": id, "send_at": text(send_at), "text": "on time", "mentions": ["ben"], "reply_to_id": root["id"],
        "attachments": [{ "type": "file", "bytes": 1.0 }], "custom": { "z": 1e2, "a": "ä" },
    });
    let made = ann.post(&at, body.clone()).await.gives(201);
    let sent = heard(&phone, EventType::ScheduledMessageSent, 1).await.remove(0).data;
    let scheduled = &sent["scheduled_message"];
    assert_eq!((&scheduled["state"], &scheduled["content"]), (&json!("sent"), &Value::Null));
    assert!(scheduled["user_seq"].as_i64() > made["user_seq"].as_i64());
    let one = format!("/scheduled_messages/{id}");
    assert_eq!(ann.get(&one).await.gives(200), *scheduled);

    let message = ben.get(&format!("/messages/{id}")).await.gives(200);
    for field in ["text", "mentions", "reply_to_id", "attachments"] {
        assert_eq!(message[field], body[field], "{field}");
    }
    assert_eq!((&message["custom"]["a"], &message["user"]["id"]), (&json!("ä"), &json!("ann")));
    let created = message["created_at"].as_str().unwrap().parse::<DateTime<Utc>>().unwrap();
    let late = created - send_at;
    assert!(late >= Duration::zero() && late <= PUNCTUAL, "{late} after its time");
    let topic = format!("chat:channel:{channel}");
    assert_eq!(reader.next(&topic, 0, EventType::MessageNew).await.data["message"], told(message));
    assert_eq!(ben.get("/unread").await.gives(200)["total"], 1);
    assert_eq!(ann.get("/unread").await.gives(200)["total"], 0, "one's own are read");

    // It is over: a retry says so, and nothing changes it.
    assert_eq!(ann.post(&at, body).await.gives(200)["state"], "sent");
    ann.patch(&one, json!({ "text": "x" })).await.refused(ErrorCode::NotWaiting);
    ann.delete(&one).await.refused(ErrorCode::NotWaiting);
    assert_eq!(ann.all("/scheduled_messages", "").await, Vec::<Value>::new());
    assert_eq!(count(&server, "due").await, 0);
    server.settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_sent_at_its_time_embedded() {
    a_message_is_sent_at_its_time(Mode::Embedded).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_sent_at_its_time_cluster() {
    a_message_is_sent_at_its_time(Mode::Cluster).await;
}

/// People with a channel each, in which all are, and a hundred messages of each that wait.
pub async fn crowd(app: &App, people: usize) -> Vec<(Client, String)> {
    let mut users = Vec::new();
    for n in 0..people {
        users.push(app.user(&format!("user-{n}")).await);
    }
    let everybody: Vec<&Client> = users.iter().collect();
    let mut crowd = Vec::new();
    for user in &users {
        crowd.push((user.clone(), app.channel(&everybody).await));
    }
    for (user, channel) in &crowd {
        let posts = (0..100).map(|n| async move {
            let body =
                json!({ "id": MessageId::new(), "send_at": text(ahead(3600 + n)), "text": format!("{n}") });
            user.post(&format!("/channels/{channel}/scheduled_messages"), body).await.gives(201)
        });
        futures_util::future::join_all(posts).await;
    }
    crowd
}

/// Everything was sent, each once, to where it should be.
pub async fn all_were_sent_once(server: &Server, crowd: &[(Client, String)]) {
    let hundreds = i64::try_from(crowd.len() * 100).unwrap();
    until("all are sent", async || {
        count(server, "scheduled_messages WHERE state = 'sent'").await == hundreds
    })
    .await;
    assert_eq!(count(server, "due").await, 0);
    server.settled().await;
    for (user, channel) in crowd {
        let timeline = user.get(&format!("/channels/{channel}/messages?limit=100")).await.gives(200);
        assert_eq!(timeline["before"], Value::Null, "there are more than were scheduled");
        let said: BTreeSet<i64> = timeline["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|message| message["text"].as_str().unwrap().parse().unwrap())
            .collect();
        assert_eq!(said, (0..100).collect::<BTreeSet<_>>());
        let view = user.get(&format!("/channels/{channel}")).await.gives(200);
        assert_eq!((&view["seq"], &view["ordinal"]), (&json!(101), &json!(100)), "numbers without gaps");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn hundreds_that_are_due_together_are_sent_in_order_and_told_once() {
    let server = Server::start(Mode::Embedded).await;
    let app = server.app("acme").await;
    let crowd = crowd(&app, 8).await;
    let (first, channel) = &crowd[0];
    let phone = Listener::connect(first).await;
    // The same second for all of them, in the order of their times.
    server
        .db
        .execute(
            "UPDATE scheduled_messages SET send_at = now() + interval '1 second' + (send_at - now()) / 10000; \
             UPDATE due d SET available_at = s.send_at FROM scheduled_messages s WHERE s.id = d.id",
        )
        .await;
    all_were_sent_once(&server, &crowd).await;
    let timeline = first.get(&format!("/channels/{channel}/messages?limit=100")).await.gives(200);
    let order: Vec<i64> = timeline["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|message| message["text"].as_str().unwrap().parse().unwrap())
        .collect();
    assert_eq!(order, (0..100).collect::<Vec<_>>(), "a channel has them in the order of their times");
    let told = heard(&phone, EventType::ScheduledMessageSent, 100).await;
    let ids: BTreeSet<&str> =
        told.iter().filter_map(|event| event.data["scheduled_message"]["id"].as_str()).collect();
    let seqs: Vec<i64> = told.iter().filter_map(|event| event.seq).collect();
    assert_eq!(ids.len(), 100, "each is told once");
    assert_eq!(seqs, (seqs[0]..seqs[0] + 100).collect::<Vec<_>>(), "one step of the user's seq each");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_cancels_or_changes_at_the_last_moment_is_told_the_truth() {
    let server = Server::start(Mode::Embedded).await;
    let app = server.app("acme").await;
    let ann = app.user("ann").await;
    let channel = app.channel(&[&ann]).await;
    let mut ids = Vec::new();
    for n in 0..90 {
        let made = schedule(&ann, &channel, &format!("{n}")).await;
        ids.push(made["id"].as_str().unwrap().to_owned());
    }
    let phone = Listener::connect(&ann).await;
    let calls = ids.iter().enumerate().map(|(n, id)| {
        let (ann, path) = (ann.clone(), format!("/scheduled_messages/{id}"));
        async move {
            match n % 3 {
                0 => ann.delete(&path).await,
                1 => ann.patch(&path, json!({ "text": "changed" })).await,
                _ => ann.patch(&path, json!({ "send_at": text(ahead(3000)) })).await,
            }
        }
    });
    let (answers, ()) = tokio::join!(futures_util::future::join_all(calls), make_due(&server));
    until("nothing is due", async || {
        count(&server, "due WHERE available_at < now() + interval '30 minutes'").await == 0
    })
    .await;
    let mut sent = 0;
    for (n, (id, answer)) in ids.iter().zip(&answers).enumerate() {
        let message = ann.get(&format!("/messages/{id}")).await;
        let state = ann.get(&format!("/scheduled_messages/{id}")).await.gives(200)["state"].clone();
        let in_time = answer.status < 300;
        if !in_time {
            answer.refused(ErrorCode::NotWaiting);
        }
        match (n % 3, in_time) {
            (0, true) => assert_eq!((message.status, &state), (404, &json!("cancelled"))),
            (2, true) if state == "waiting" => assert_eq!(message.status, 404),
            // Put off before everything was made due.
            (2, true) | (_, false) => assert_eq!((message.status, &state), (200, &json!("sent"))),
            _ => assert_eq!((&message.json["text"], &state), (&json!("changed"), &json!("sent"))),
        }
        sent += usize::from(state == "sent");
    }
    let told = heard(&phone, EventType::ScheduledMessageSent, sent).await;
    assert_eq!(told.len(), sent);
    assert_eq!(own_events(&phone, EventType::ScheduledMessageFailed).len(), 0);
    server.settled().await;
}
