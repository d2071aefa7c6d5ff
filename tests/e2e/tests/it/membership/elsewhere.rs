//! A member's history begins where it begins, also for those who come to messages by another way than the timeline.

use chrono::{Duration, SecondsFormat};
use parlor_e2e::{Client, Method, Mode, Server, until};
use parlor_platform::clock::Clock;
use parlor_protocol::ErrorCode;
use serde_json::{Value, json};

use super::{people, set};

/// The texts of all that a search finds, asked for one by one.
async fn found(user: &Client, query: &str) -> Vec<String> {
    let items = user.all("/search/messages", &format!("q=canary&limit=1{query}")).await;
    items.iter().map(|item| item["message"]["text"].as_str().unwrap().to_owned()).collect()
}

/// Asserts what a reader finds by search, pins, stars and reminders: the last said first.
async fn comes_to(user: &Client, channel: &str, expected: &[&str]) {
    for query in [String::new(), format!("&channel_id={channel}")] {
        assert_eq!(found(user, &query).await, expected, "search{query}");
    }
    let pins = user.all(&format!("/channels/{channel}/pins"), "limit=1").await;
    let pinned: Vec<&str> = pins.iter().map(|message| message["text"].as_str().unwrap()).collect();
    assert_eq!(pinned, expected, "pins");
    let stars = user.all("/users/me/messages", "flag=starred&with=messages&limit=1").await;
    let starred: Vec<&str> = stars.iter().map(|item| item["message"]["text"].as_str().unwrap()).collect();
    assert_eq!(starred, expected, "stars");
    let reminders = user.all("/reminders", "").await;
    let mut reminded: Vec<&str> =
        reminders.iter().filter_map(|reminder| reminder["message"]["text"].as_str()).collect();
    reminded.reverse();
    assert_eq!(reminded, expected, "reminders");
}

/// Pins it for all, and stars it and saves it for the reader.
async fn keep(owner: &Client, reader: &Client, message: &Value) {
    let at = path_of(message);
    owner.post(&format!("{at}/pin"), json!({})).await.gives(200);
    assert_eq!(reader.put(&format!("{at}/star"), json!({})).await.status, 204);
    reader.put(&format!("{at}/reminder"), json!({})).await.gives(200);
}

fn path_of(message: &Value) -> String {
    format!("/messages/{}", message["id"].as_str().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn no_way_leads_to_messages_from_before_ones_history() {
    let server = Server::start(Mode::Embedded).await;
    let (app, [ann, ben]) = people(&server, ["ann", "ben"]).await;
    let channel = app.channel(&[&ann, &ben]).await;
    let at = format!("/channels/{channel}");
    let messages = format!("{at}/messages");
    let first = ann.say(&channel, "canary one").await;
    let poll = json!({ "text": "canary two", "poll": { "options": ["Sea", "Hills"], "suggestions": true } });
    let second = ann.post(&messages, poll).await.gives(201);
    for message in [&first, &second] {
        keep(&ann, &ben, message).await;
    }
    ben.post(&format!("{}/reactions", path_of(&first)), json!({ "type": "like" })).await.gives(200);
    let send_at = Clock::default().now() + Duration::hours(1);
    let quote = |of: &Value| json!({ "text": "this", "reply_to_id": of["id"] });
    let later = |of: &Value| {
        let send_at = send_at.to_rfc3339_opts(SecondsFormat::Micros, true);
        json!({ "send_at": send_at, "text": "this", "reply_to_id": of["id"] })
    };
    let scheduled = format!("{at}/scheduled_messages");
    let waiting = ben.post(&scheduled, later(&first)).await.gives(201);
    until("both are found", async || found(&ben, "").await.len() == 2).await;
    comes_to(&ben, &channel, &["canary two", "canary one"]).await;

    let threads = async || ben.all("/threads", "limit=1").await.len();
    ben.post(&messages, json!({ "text": "reply", "parent_id": first["id"] })).await.gives(201);
    ann.post(&messages, json!({ "text": "answer", "parent_id": first["id"] })).await.gives(201);
    let unread = async || ben.get("/unread").await.gives(200)["threads_total"].clone();
    assert_eq!((threads().await, unread().await), (1, json!(1)));

    set(&ben, &channel, json!({ "hidden": { "clear_history": true } })).await;
    comes_to(&ben, &channel, &[]).await;
    assert_eq!((threads().await, unread().await), (0, json!(0)));
    let search = ben.get("/search/messages?q=canary&limit=1").await.gives(200);
    assert_eq!(search, json!({ "items": [], "next": null }), "nor is there a hint of them");
    let pins = ben.get(&format!("{at}/pins?limit=1")).await.gives(200);
    assert_eq!(pins, json!({ "items": [], "next": null }));

    // Whatever is done with a message is refused as if it were not there.
    let vote = json!({ "options": ["1"] });
    for (method, path, body) in [
        (Method::GET, "reactions", None),
        (Method::POST, "reactions", Some(json!({ "type": "clap" }))),
        (Method::DELETE, "reactions/like", None),
        (Method::POST, "pin", Some(json!({}))),
        (Method::DELETE, "pin", None),
        (Method::PUT, "star", Some(json!({}))),
        (Method::DELETE, "star", None),
        (Method::PUT, "reminder", Some(json!({ "note": "again" }))),
        (Method::GET, "thread", None),
        (Method::POST, "thread/read", Some(json!({}))),
        (Method::PUT, "thread/follow", None),
        (Method::POST, "task", Some(json!({}))),
        (Method::POST, "forward", Some(json!({ "channel_ids": [channel] }))),
        (Method::GET, "poll/votes", None),
        (Method::PUT, "poll/votes", Some(vote.clone())),
        (Method::POST, "poll/options", Some(json!({ "text": "Home" }))),
        (Method::POST, "poll/close", Some(json!({}))),
    ] {
        let answer = ben.call(method, &format!("{}/{path}", path_of(&second)), body).await;
        answer.refused(ErrorCode::MessageNotFound);
    }
    // A reminder is one's own, whatever became of its message.
    let done = ben.post(&format!("{}/reminder/done", path_of(&second)), json!({})).await.gives(200);
    assert_eq!(done["message"], Value::Null);

    // Nothing from before is quoted, now or later; threads from before go on.
    ben.post(&messages, quote(&first)).await.refused(ErrorCode::InvalidThread);
    ben.put(&format!("{at}/draft"), quote(&first)).await.refused(ErrorCode::InvalidThread);
    ben.post(&scheduled, later(&first)).await.refused(ErrorCode::InvalidThread);
    let waits = format!("/scheduled_messages/{}", waiting["id"].as_str().unwrap());
    ben.patch(&waits, json!({ "text": "that" })).await.refused(ErrorCode::InvalidThread);
    ben.patch(&waits, json!({ "text": "that", "reply_to_id": null })).await.gives(200);
    ben.put(&format!("{at}/draft"), json!({ "text": "and", "parent_id": first["id"] })).await.gives(200);
    ben.post(&messages, json!({ "text": "and", "parent_id": first["id"] })).await.gives(201);
    // The server that speaks for ben knows what it quotes.
    let spoken = json!({ "text": "this", "reply_to_id": first["id"], "user_id": "ben" });
    app.server.post(&messages, spoken).await.gives(201);

    // What is said since is found by each way, by ben as by ann, who reads all of it.
    let third = ann.say(&channel, "canary three").await;
    keep(&ann, &ben, &third).await;
    until("the new one is found", async || found(&ben, "").await == ["canary three"]).await;
    comes_to(&ben, &channel, &["canary three"]).await;
    ben.post(&messages, quote(&third)).await.gives(201);
    ben.put(&format!("{at}/draft"), quote(&third)).await.gives(200);
    ben.post(&scheduled, later(&third)).await.gives(201);
    assert_eq!(found(&ann, "").await, ["canary three", "canary two", "canary one"]);
    assert_eq!(ann.all(&format!("{at}/pins"), "").await.len(), 3);
    ann.put(&format!("{}/poll/votes", path_of(&second)), vote).await.gives(200);
    ann.post(&messages, quote(&first)).await.gives(201);
    assert_eq!(found(&app.server, "").await.len(), 3);
    server.settled().await;
}
