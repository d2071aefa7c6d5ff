//! Reading: pointers, unread counts, and the flags that follow.

use parlor_e2e::{Client, Mode, Server, until};
use parlor_protocol::ErrorCode;
use serde_json::{Value, json};

async fn unread(user: &Client) -> i64 {
    user.get("/unread").await.gives(200)["total"].as_i64().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pointer_moves_forward_unless_somebody_marks_unread() {
    let server = Server::start(Mode::Embedded).await;
    let app = server.app("acme").await;
    let (ann, ben, eve) = (app.user("ann").await, app.user("ben").await, app.user("eve").await);
    let channel = app.channel(&[&ann, &ben]).await;
    let (read, back) = (format!("/channels/{channel}/read"), format!("/channels/{channel}/unread"));
    let mut said = Vec::new();
    for n in 0..5 {
        said.push(ann.say(&channel, &format!("{n}")).await);
    }
    assert_eq!((unread(&ann).await, unread(&ben).await), (0, 5));

    let result = ben.post(&read, json!({ "message_id": said[2]["id"] })).await.gives(200);
    assert_eq!((&result["unread"], &result["read"]["read_seq"]), (&json!(2), &said[2]["seq"]));
    assert_eq!(result["read"]["last_read_message_id"], said[2]["id"]);
    let earlier = ben.post(&read, json!({ "message_id": said[0]["id"] })).await.gives(200);
    assert_eq!(earlier["read"], result["read"], "never backwards");
    assert_eq!(ben.post(&read, json!({})).await.gives(200)["unread"], 0);

    let marked = ben.post(&back, json!({ "message_id": said[1]["id"] })).await.gives(200);
    assert_eq!((&marked["unread"], unread(&ben).await), (&json!(4), 4));
    let view = ben.get(&format!("/channels/{channel}")).await.gives(200);
    assert_eq!((&view["unread"], &view["membership"]["last_read_message_id"]), (&json!(4), &said[0]["id"]));

    // What was deleted past the pointer does not count, what was deleted before it never did.
    for at in [0, 2, 4] {
        ann.delete(&format!("/messages/{}", said[at]["id"].as_str().unwrap())).await.gives(200);
    }
    assert_eq!(unread(&ben).await, 2);
    let erase = format!("/messages/{}?hard=true", said[4]["id"].as_str().unwrap());
    app.server.delete(&erase).await.gives(200);
    assert_eq!(unread(&ben).await, 2, "erasing what was deleted changes no count");
    ben.say(&channel, "an answer").await;
    assert_eq!((unread(&ben).await, unread(&ann).await), (0, 1), "who answers has read");

    eve.post(&read, json!({})).await.refused(ErrorCode::NotAMember);
    eve.post(&back, json!({ "message_id": said[1]["id"] })).await.refused(ErrorCode::NotAMember);
    let elsewhere = app.channel(&[&ben]).await;
    let foreign = ben.say(&elsewhere, "x").await;
    ben.post(&read, json!({ "message_id": foreign["id"] })).await.refused(ErrorCode::MessageNotFound);
    ben.post(&back, json!({ "message_id": foreign["id"] })).await.refused(ErrorCode::MessageNotFound);
    app.server.post(&read, json!({})).await.refused(ErrorCode::UserOnly);
    server.settled().await;
}

async fn flags_follow(mode: Mode) {
    let server = Server::start(mode).await;
    let app = server.app("acme").await;
    let (ann, ben) = (app.user("ann").await, app.user("ben").await);
    let channel = app.channel(&[&ann, &ben]).await;
    // Rows are for those who were active lately, which is noted beside the request.
    until("ben's activity is noted", async || {
        !ben.get("/users/me").await.gives(200)["last_active_at"].is_null()
    })
    .await;
    let path = format!("/channels/{channel}/messages");
    let plain = ann.say(&channel, "plain").await;
    let mention = ann.post(&path, json!({ "text": "@ben", "mentions": ["ben"] })).await.gives(201);
    let third = ann.say(&channel, "third").await;
    let flagged = async |user: &Client, flag: &str| -> Vec<Value> {
        user.all("/users/me/messages", &format!("flag={flag}&limit=2")).await
    };
    let ids = |items: &[Value]| items.iter().map(|item| item["message_id"].clone()).collect::<Vec<_>>();
    let becomes = async |flag: &str, expected: &[&Value]| {
        let expected: Vec<Value> = expected.iter().map(|message| message["id"].clone()).collect();
        until(&format!("{flag} are {expected:?}"), async || ids(&flagged(&ben, flag).await) == expected)
            .await;
    };

    becomes("unread", &[&third, &mention, &plain]).await;
    becomes("mentioned", &[&mention]).await;
    let item = flagged(&ben, "mentioned").await.remove(0);
    assert_eq!(
        item,
        json!({ "channel_id": channel, "message_id": mention["id"], "read": false, "mentioned": true, "starred": false })
    );
    assert_eq!(flagged(&ann, "unread").await, Vec::<Value>::new(), "one's own are read");

    ben.post(&format!("/channels/{channel}/read"), json!({ "message_id": mention["id"] })).await.gives(200);
    becomes("unread", &[&third]).await;
    becomes("mentioned", &[&mention]).await;
    ben.post(&format!("/channels/{channel}/unread"), json!({ "message_id": mention["id"] })).await.gives(200);
    becomes("unread", &[&third, &mention]).await;

    ann.delete(&format!("/messages/{}", third["id"].as_str().unwrap())).await.gives(200);
    becomes("unread", &[&mention]).await;
    assert_eq!(unread(&ben).await, 1, "the count and the list agree");
    ben.post(&format!("/channels/{channel}/leave"), json!({})).await;
    becomes("unread", &[]).await;
    becomes("mentioned", &[]).await;

    // What does not count is listed under its mention, and not as unread.
    app.server
        .post(&format!("/channels/{channel}/members"), json!({ "members": [{ "user_id": "ben" }] }))
        .await;
    let reply = json!({ "text": "@ben", "mentions": ["ben"], "parent_id": plain["id"] });
    let reply = ann.post(&path, reply).await.gives(201);
    becomes("mentioned", &[&reply, &mention]).await;
    becomes("unread", &[]).await;
    assert_eq!(unread(&ben).await, 0, "the count and the list agree");
    let again = flagged(&ben, "mentioned").await.remove(1);
    assert_eq!(again["read"], true, "who comes back has read what was there");

    // A livestream has no rows, whatever its members do; a channel of theirs told afterwards says that all was heard.
    let members = json!([{ "user_id": "ann", "role": "owner" }, { "user_id": "ben" }]);
    let stream = app.channel_with(json!({ "type": "livestream", "members": members })).await;
    let first = ann.say(&stream, "first").await;
    ann.say(&stream, "second").await;
    ben.post(&format!("/channels/{stream}/read"), json!({})).await.gives(200);
    ben.post(&format!("/channels/{stream}/unread"), json!({ "message_id": first["id"] })).await.gives(200);
    server.settled().await;
    let pair = app.channel(&[&ann, &ben]).await;
    let last = ann.say(&pair, "last").await;
    becomes("unread", &[&last]).await;

    ben.get("/users/me/messages?flag=loud").await.refused(ErrorCode::InvalidParameter);
    ben.get("/users/me/messages").await.refused(ErrorCode::InvalidParameter);
    server.settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn flags_follow_embedded() {
    flags_follow(Mode::Embedded).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn flags_follow_cluster() {
    flags_follow(Mode::Cluster).await;
}
