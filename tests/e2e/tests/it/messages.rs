//! What is said: sent, quoted, edited, deleted, erased.

use parlor_e2e::{Method, Mode, Server};
use parlor_protocol::{ErrorCode, MessageId};
use serde_json::{Value, json};

fn id_of(message: &Value) -> &str {
    message["id"].as_str().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_keeps_all_that_was_sent_with_it() {
    let server = Server::start(Mode::Embedded).await;
    let app = server.app("acme").await;
    let (ann, ben) = (app.user("ann").await, app.user("ben").await);
    let channel = app.channel(&[&ann, &ben]).await;
    let path = format!("/channels/{channel}/messages");
    let first = ann.say(&channel, "question").await;

    let request = json!({
        "text": "👩‍👩‍👧 **answer** \u{202e}rtl\u{202c}", "mentions": ["ann", "ben"], "reply_to_id": first["id"],
        "attachments": [{ "type": "image", "url": "https://a.example/x.png", "size": { "w": 1.5 } }],
        "custom": { "z": [1, null, "x"], "a": { "b": true } },
    });
    let sent = ben.post(&path, request.clone()).await.gives(201);
    for field in ["text", "mentions", "reply_to_id", "attachments", "custom"] {
        assert_eq!(sent[field], request[field], "{field}");
    }
    assert_eq!((&sent["seq"], &sent["updated_seq"], &sent["ordinal"]), (&json!(3), &json!(3), &json!(2)));
    assert_eq!(ann.get(&format!("/messages/{}", id_of(&sent))).await.gives(200), sent);
    assert_eq!(ann.get(&path).await.gives(200)["items"][1], sent);

    ann.post(&path, json!({ "text": "", "attachments": [{ "type": "file" }] })).await.gives(201);
    ann.post(&path, json!({ "text": "hey", "mentions": ["nobody"] })).await.refused(ErrorCode::UserUnknown);
    let other = app.channel(&[&ann]).await;
    let foreign = ann.say(&other, "elsewhere").await;
    ann.post(&path, json!({ "text": "x", "reply_to_id": foreign["id"] }))
        .await
        .refused(ErrorCode::InvalidThread);
    ann.post(&path, json!({ "text": "x", "parent_id": foreign["id"] }))
        .await
        .refused(ErrorCode::InvalidThread);
    server.settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thread_reply_stands_beside_the_timeline_and_counts_for_nobody() {
    let server = Server::start(Mode::Embedded).await;
    let app = server.app("acme").await;
    let (ann, ben) = (app.user("ann").await, app.user("ben").await);
    let channel = app.channel(&[&ann, &ben]).await;
    let path = format!("/channels/{channel}/messages");
    let root = ann.say(&channel, "root").await;

    let reply = ben.post(&path, json!({ "text": "reply", "parent_id": root["id"] })).await.gives(201);
    assert_eq!((&reply["seq"], &reply["ordinal"]), (&json!(3), &root["ordinal"]));
    ben.post(&path, json!({ "text": "x", "parent_id": reply["id"] })).await.refused(ErrorCode::InvalidThread);
    assert_eq!(ann.get("/unread").await.gives(200)["total"], 0);
    let timeline = ann.get(&path).await.gives(200);
    assert_eq!(timeline["items"].as_array().unwrap().len(), 1);
    let thread = ann.get(&format!("{path}?parent_id={}", id_of(&root))).await.gives(200);
    assert_eq!(thread["items"], json!([reply]));
    let view = ann.get(&format!("/channels/{channel}")).await.gives(200);
    assert_eq!(
        (&view["seq"], &view["ordinal"], &view["last_message"]["text"]),
        (&json!(3), &json!(1), &json!("root"))
    );
    server.settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn authors_edit_and_the_server_may() {
    let server = Server::start(Mode::Embedded).await;
    let app = server.app("acme").await;
    let (ann, ben) = (app.user("ann").await, app.user("ben").await);
    let channel = app.channel(&[&ann, &ben]).await;
    let sent = ben.say(&channel, "tpyo").await;
    let path = format!("/messages/{}", id_of(&sent));

    let edited = ben.patch(&path, json!({ "text": "typo", "custom": { "a": 1 } })).await.gives(200);
    assert_eq!(
        (&edited["text"], &edited["seq"], &edited["updated_seq"]),
        (&json!("typo"), &sent["seq"], &json!(3))
    );
    assert!(edited["edited_at"].is_string() && sent["edited_at"].is_null());
    ann.patch(&path, json!({ "text": "owner" })).await.refused(ErrorCode::Forbidden);
    assert_eq!(
        app.server.patch(&path, json!({ "text": "moderated" })).await.gives(200)["custom"],
        json!({ "a": 1 })
    );
    let now = ben.get(&path).await.gives(200);
    for same in
        [json!({}), json!({ "text": "moderated", "custom": { "a": 1 } }), json!({ "attachments": [] })]
    {
        assert_eq!(ben.patch(&path, same.clone()).await.gives(200), now, "{same}");
    }
    assert_eq!(ann.get(&format!("/channels/{channel}")).await.gives(200)["seq"], 4, "two edits, not five");
    ben.patch(&path, json!({ "text": " " })).await.refused(ErrorCode::EmptyMessage);
    assert_eq!(ann.get("/unread").await.gives(200)["total"], 1, "an edit is no new message");

    ben.delete(&path).await.gives(200);
    ben.patch(&path, json!({ "text": "again" })).await.refused(ErrorCode::MessageDeleted);
    server.settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_message_keeps_its_place_and_an_erased_one_does_not() {
    let server = Server::start(Mode::Embedded).await;
    let app = server.app("acme").await;
    let (ann, ben) = (app.user("ann").await, app.user("ben").await);
    let channel = app.channel(&[&ann, &ben]).await;
    let (one, two, three) =
        (ben.say(&channel, "one").await, ben.say(&channel, "two").await, ann.say(&channel, "three").await);
    let path = |message: &Value| format!("/messages/{}", id_of(message));
    let texts = async || {
        let page = ben.get(&format!("/channels/{channel}/messages")).await.gives(200);
        page["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|item| item["text"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };

    ben.delete(&path(&three)).await.refused(ErrorCode::Forbidden);
    ben.delete(&format!("{}?hard=true", path(&one))).await.refused(ErrorCode::ServerOnly);
    let deleted = ann.delete(&path(&one)).await.gives(200);
    assert_eq!(
        (&deleted["text"], &deleted["seq"]),
        (&json!(""), &one["seq"]),
        "an owner deletes what others said"
    );
    assert!(deleted["deleted_at"].is_string());
    let again = ann.delete(&path(&one)).await.gives(200);
    assert_eq!(again, deleted, "a repetition changes nothing");
    assert_eq!(texts().await, ["", "two", "three"]);

    app.server.delete(&format!("{}?hard=true", path(&two))).await.gives(200);
    app.server.delete(&format!("{}?hard=true", path(&one))).await.gives(200);
    assert_eq!(texts().await, ["three"]);
    ben.get(&path(&two)).await.refused(ErrorCode::MessageNotFound);
    app.server.delete(&format!("{}?hard=true", path(&two))).await.refused(ErrorCode::MessageNotFound);
    let changes = ben.get(&format!("/channels/{channel}/changes?since=4")).await.gives(200);
    let forgotten: Vec<&Value> =
        changes["messages"].as_array().unwrap().iter().map(|message| &message["id"]).collect();
    assert_eq!(forgotten, [&two["id"], &one["id"]], "clients learn what to forget");
    assert_eq!(changes["messages"][0]["text"], "");
    assert!(!server_holds(&server, "two").await, "the content is gone");
    server.settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_read_a_message_does_not_learn_that_it_exists() {
    let server = Server::start(Mode::Embedded).await;
    let app = server.app("acme").await;
    let (ann, eve) = (app.user("ann").await, app.user("eve").await);
    let channel = app.channel(&[&ann]).await;
    let frozen = app.channel(&[&ann]).await;
    let said = [ann.say(&channel, "secret").await, ann.say(&frozen, "secret").await];
    ann.patch(&format!("/channels/{frozen}"), json!({ "config": { "frozen": true } })).await.gives(200);
    let answer = async |method: Method, id: &str| {
        let body = (method == Method::PATCH).then(|| json!({ "text": "mine" }));
        let answer = eve.call(method, &format!("/messages/{id}"), body).await;
        answer.refused(ErrorCode::MessageNotFound);
        let mut error = answer.json;
        error["error"].as_object_mut().unwrap().remove("request_id");
        error
    };
    for method in [Method::GET, Method::PATCH, Method::DELETE] {
        let unknown = answer(method.clone(), &MessageId::new().to_string()).await;
        for message in &said {
            assert_eq!(answer(method.clone(), id_of(message)).await, unknown, "{method}");
        }
    }
    for message in [id_of(&said[0]).to_owned(), MessageId::new().to_string()] {
        let send = json!({ "id": message, "text": "mine" });
        eve.post(&format!("/channels/{channel}/messages"), send).await.refused(ErrorCode::NotAMember);
    }
    let own = app.channel(&[&eve]).await;
    for (path, body) in
        [("read", json!({ "message_id": said[0]["id"] })), ("unread", json!({ "message_id": said[0]["id"] }))]
    {
        eve.post(&format!("/channels/{own}/{path}"), body).await.refused(ErrorCode::MessageNotFound);
    }
    for place in ["before", "after", "around"] {
        let path = format!("/channels/{own}/messages?{place}={}", id_of(&said[0]));
        eve.get(&path).await.refused(ErrorCode::MessageNotFound);
    }

    // Livestreams are for everybody to read.
    let live = app
        .channel_with(json!({ "type": "livestream", "members": [{ "user_id": "ann", "role": "owner" }] }))
        .await;
    let public = ann.say(&live, "hello").await;
    let path = format!("/messages/{}", id_of(&public));
    assert_eq!(eve.get(&path).await.gives(200), public);
    eve.patch(&path, json!({ "text": "mine" })).await.refused(ErrorCode::NotAMember);
    server.settled().await;
}

async fn server_holds(server: &Server, text: &str) -> bool {
    use diesel_async::RunQueryDsl;
    let mut conn = server.db.admin().await;
    let query = format!("SELECT FROM messages WHERE text = '{text}'");
    diesel::sql_query(query).execute(&mut conn).await.unwrap() > 0
}
