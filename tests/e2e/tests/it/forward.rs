//! Forwarding: a message of one's own in each channel, of another one's words.

use parlor_e2e::{Listener, Method, Mode, Server, told};
use parlor_protocol::{ErrorCode, EventType, MessageId};
use serde_json::{Value, json};

fn forward_path(message: &Value) -> String {
    format!("/messages/{}/forward", message["id"].as_str().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_sent_on_with_its_words_and_attachments() {
    let server = Server::start(Mode::Embedded).await;
    let app = server.app("acme").await;
    let (ann, ben, eve) = (app.user("ann").await, app.user("ben").await, app.user("eve").await);
    let source = app.channel(&[&ann, &ben]).await;
    let (one, two) = (app.channel(&[&ben, &eve]).await, app.channel(&[&eve, &ben]).await);
    let listener = Listener::connect(&eve).await;
    listener.subscribe(&one).await;
    let said = json!({
        "text": "first\nsecond", "attachments": [{ "type": "image", "n": 1 }], "mentions": ["ben"], "custom": { "a": 1 },
    });
    let said = ann.post(&format!("/channels/{source}/messages"), said).await.gives(201);

    let answer = ben.post(&forward_path(&said), json!({ "channel_ids": [one, two] })).await.gives(200);
    let results = answer["results"].as_array().unwrap();
    let from = json!({ "message_id": said["id"], "user": said["user"], "created_at": said["created_at"] });
    for (result, channel) in results.iter().zip([&one, &two]) {
        let message = &result["message"];
        assert_eq!((&result["channel_id"], &message["channel_id"]), (&json!(channel), &json!(channel)));
        assert_eq!((&message["text"], &message["attachments"]), (&said["text"], &said["attachments"]));
        assert_eq!((&message["mentions"], &message["custom"]), (&json!([]), &json!({})));
        assert_eq!((&message["user"]["id"], &message["forwarded_from"]), (&json!("ben"), &from));
        let path = format!("/messages/{}", message["id"].as_str().unwrap());
        assert_eq!(eve.get(&path).await.gives(200), *message);
        assert!(!result.to_string().contains(&source), "where it comes from is nobody's business");
    }
    let heard = listener.next(&format!("chat:channel:{one}"), 0, EventType::MessageNew).await;
    assert_eq!(heard.data["message"], told(results[0]["message"].clone()));
    assert_eq!(eve.get("/unread").await.gives(200)["total"], 2, "it counts like any other");

    // Sent on again it is still Ann's; what is said to it stands above.
    let again = json!({ "channel_ids": [two], "comment": "look" });
    let again = eve.post(&forward_path(&results[0]["message"]), again).await.gives(200);
    let message = &again["results"][0]["message"];
    assert_eq!((&message["text"], &message["forwarded_from"]), (&json!("look\n\n> first\n> second"), &from));
    // The server says for whom.
    let by_server = json!({ "channel_ids": [one], "user_id": "ann" });
    let by_server = app.server.post(&forward_path(&said), by_server).await.gives(200);
    assert_eq!(by_server["results"][0]["message"]["user"]["id"], "ann");
    let deleted = format!("/messages/{}", message["id"].as_str().unwrap());
    assert!(eve.delete(&deleted).await.gives(200).get("forwarded_from").is_none());
    server.settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_channel_answers_for_itself() {
    let server = Server::start(Mode::Embedded).await;
    let (app, other) = (server.app("acme").await, server.app("other").await);
    let (ann, ben) = (app.user("ann").await, app.user("ben").await);
    let source = app.channel(&[&ann, &ben]).await;
    let (good, foreign) = (app.channel(&[&ann]).await, app.channel(&[&ben]).await);
    let frozen = app.channel(&[&ben, &ann]).await;
    ben.patch(&format!("/channels/{frozen}"), json!({ "config": { "frozen": true } })).await.gives(200);
    let theirs = other.user("ann").await;
    let their_channel = other.channel(&[&theirs]).await;
    let said = ben.say(&source, "hello").await;
    let path = forward_path(&said);

    let targets = [&foreign, &good, &frozen, &their_channel];
    let answer = ann.post(&path, json!({ "channel_ids": targets })).await.gives(200);
    let shown: Vec<&Value> =
        answer["results"]
            .as_array()
            .unwrap()
            .iter()
            .map(|result| {
                if result["error"].is_null() { &result["message"]["text"] } else { &result["error"]["code"] }
            })
            .collect();
    assert_eq!(shown, ["not_a_member", "hello", "channel_frozen", "channel_not_found"]);
    for (result, channel) in answer["results"].as_array().unwrap().iter().zip(targets) {
        assert_eq!(result["channel_id"], json!(channel));
        assert!(result.get("message").is_some() != result.get("error").is_some(), "{result}");
    }
    assert_eq!(answer["results"][0]["error"]["retryable"], false);

    // What is wrong with the request itself is refused as a whole.
    let channels =
        |count: usize| (0..count).map(|_| json!(parlor_protocol::ChannelId::new())).collect::<Vec<_>>();
    assert_eq!(
        ann.post(&path, json!({ "channel_ids": channels(10) })).await.gives(200)["results"]
            .as_array()
            .unwrap()
            .len(),
        10
    );
    for wrong in [0, 11] {
        ann.post(&path, json!({ "channel_ids": channels(wrong) })).await.refused(ErrorCode::BatchTooLarge);
    }
    for (code, body) in [
        (ErrorCode::InvalidRequest, json!({ "channel_ids": [good, good] })),
        (ErrorCode::InvalidRequest, json!({ "channel_ids": [good], "ids": [] })),
        (ErrorCode::InvalidRequest, json!({ "channel_ids": [good], "text": "mine" })),
        (ErrorCode::TextTooLong, json!({ "channel_ids": [good], "comment": "x".repeat(20_000) })),
        (ErrorCode::ServerOnly, json!({ "channel_ids": [good], "user_id": "ben" })),
    ] {
        ann.post(&path, body).await.refused(code);
    }
    app.server.post(&path, json!({ "channel_ids": [good] })).await.refused(ErrorCode::InvalidRequest);
    theirs.post(&path, json!({ "channel_ids": [their_channel] })).await.refused(ErrorCode::MessageNotFound);
    let hidden = ben.say(&foreign, "hidden").await;
    ann.post(&forward_path(&hidden), json!({ "channel_ids": [good] }))
        .await
        .refused(ErrorCode::MessageNotFound);
    ben.delete(&format!("/messages/{}", said["id"].as_str().unwrap())).await.gives(200);
    ann.post(&path, json!({ "channel_ids": [good] })).await.refused(ErrorCode::MessageDeleted);
    let there = ann.get(&format!("/channels/{good}/messages")).await.gives(200);
    assert_eq!(there["items"].as_array().unwrap().len(), 1);
    server.settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_forwards_nothing_twice() {
    let server = Server::start(Mode::Embedded).await;
    let app = server.app("acme").await;
    let (ann, ben) = (app.user("ann").await, app.user("ben").await);
    let source = app.channel(&[&ann, &ben]).await;
    let (one, two) = (app.channel(&[&ann]).await, app.channel(&[&ann]).await);
    let said = ben.say(&source, "hello").await;
    let path = forward_path(&said);
    let sent = async |channel: &str| {
        ann.get(&format!("/channels/{channel}/messages")).await.gives(200)["items"].as_array().unwrap().len()
    };

    let named = json!({ "channel_ids": [one, two], "ids": [MessageId::new(), MessageId::new()] });
    let first = ann.post(&path, named.clone()).await.gives(200);
    assert_eq!(first["results"][1]["message"]["id"], named["ids"][1]);
    // The words are another's, who may have changed them meanwhile.
    ben.patch(&format!("/messages/{}", said["id"].as_str().unwrap()), json!({ "text": "hi" }))
        .await
        .gives(200);
    assert_eq!(ann.post(&path, named.clone()).await.gives(200), first);
    let mut changed = named.clone();
    changed["comment"] = json!("look");
    let conflict = ann.post(&path, changed).await.gives(200);
    assert_eq!(conflict["results"][0]["error"]["code"], "message_id_reused");
    assert_eq!((sent(&one).await, sent(&two).await), (1, 1));

    let with_key =
        async |body: Value| ann.with_header(Method::POST, &path, ("Idempotency-Key", "k"), body).await;
    let both = json!({ "channel_ids": [one, two] });
    let first = with_key(both.clone()).await.gives(200);
    let again = futures_util::future::join_all((0..8).map(|_| with_key(both.clone()))).await;
    for answer in again {
        assert_eq!(answer.gives(200), first);
    }
    let conflict = with_key(json!({ "channel_ids": [one], "comment": "look" })).await.gives(200);
    assert_eq!(conflict["results"][0]["error"]["code"], "idempotency_conflict");
    assert_eq!((sent(&one).await, sent(&two).await), (2, 2));
    // Without either, each is a new one.
    ann.post(&path, both).await.gives(200);
    assert_eq!((sent(&one).await, sent(&two).await), (3, 3));
    server.settled().await;
}
