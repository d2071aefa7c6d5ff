//! Quotations: what they keep of a message, and what they forget of an erased one.

use diesel_async::RunQueryDsl;
use parlor_e2e::{Mode, Server, until};
use parlor_protocol::ErrorCode;
use serde_json::{Value, json};

fn path_of(message: &Value) -> String {
    format!("/messages/{}", message["id"].as_str().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quotation_keeps_what_was_said() {
    let server = Server::start(Mode::Embedded).await;
    let app = server.app("acme").await;
    let (ann, ben) = (app.user("ann").await, app.user("ben").await);
    let channel = app.channel(&[&ann, &ben]).await;
    let path = format!("/channels/{channel}/messages");
    let attachments = json!([{ "type": "image", "url": "https://a.example/x.png" }, { "type": "file" }]);
    let said = json!({ "text": "é".repeat(301), "attachments": attachments });
    let said = ann.post(&path, said).await.gives(201);
    assert!(said.get("quoted").is_none());

    let quote = json!({ "text": "yes", "reply_to_id": said["id"] });
    let quoting = ben.post(&path, quote.clone()).await.gives(201);
    let snapshot = json!({
        "id": said["id"], "seq": said["seq"], "user": said["user"], "text": "é".repeat(300), "attachments": ["image", "file"],
        "created_at": said["created_at"],
    });
    assert_eq!(quoting["quoted"], snapshot);
    assert_eq!(ann.get(&path_of(&quoting)).await.gives(200), quoting);

    // It stays what it was, whatever becomes of the message.
    ann.patch(&path_of(&said), json!({ "text": "edited" })).await.gives(200);
    ann.delete(&path_of(&said)).await.gives(200);
    assert_eq!(ann.get(&path_of(&quoting)).await.gives(200), quoting);
    let later = ben.post(&path, quote).await.gives(201);
    assert_eq!(later["quoted"]["text"], "", "of a deleted message there is nothing to keep");
    let deleted = ben.delete(&path_of(&quoting)).await.gives(200);
    assert!(deleted.get("quoted").is_none(), "{deleted}");
    assert_eq!(deleted["reply_to_id"], said["id"]);
    server.settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_erased_message_said_is_forgotten_everywhere() {
    let server = Server::start(Mode::Embedded).await;
    let app = server.app("acme").await;
    let (ann, ben) = (app.user("ann").await, app.user("ben").await);
    let channel = app.channel(&[&ann, &ben]).await;
    let path = format!("/channels/{channel}/messages");
    let secret = ann.say(&channel, "a secret").await;
    let quote = json!({ "text": "yes", "reply_to_id": secret["id"] });
    let quoting = ben.post(&path, quote.clone()).await.gives(201);
    // More than a request forgets at once.
    let sql = format!(
        "INSERT INTO messages (app_id, id, channel_id, user_id, seq, updated_seq, ordinal, countable, text, reply_to_id,
            quoted, fingerprint, created_at)
         SELECT m.app_id, gen_random_uuid(), m.channel_id, m.user_id, 1000 + n, 1000 + n, m.ordinal, false, 'yes',
            m.reply_to_id, m.quoted, 0, m.created_at
         FROM messages m, generate_series(1, 2500) n WHERE m.id = '{}'",
        quoting["id"].as_str().unwrap()
    );
    diesel::sql_query(sql).execute(&mut server.db.admin().await).await.unwrap();

    app.server.delete(&format!("{}?hard=true", path_of(&secret))).await.gives(200);
    until("nobody knows it", async || {
        let mut conn = server.db.admin().await;
        let known = "SELECT FROM messages WHERE to_jsonb(messages)::text LIKE '%a secret%'";
        diesel::sql_query(known).execute(&mut conn).await.unwrap() == 0
    })
    .await;
    let now = ben.get(&path_of(&quoting)).await.gives(200);
    let left = json!({
        "id": secret["id"], "seq": secret["seq"], "user": secret["user"], "text": "", "attachments": [], "created_at": secret["created_at"],
        "erased": true,
    });
    assert_eq!((&now["quoted"], &now["text"]), (&left, &json!("yes")));
    ben.post(&path, quote).await.refused(ErrorCode::InvalidThread);
    server.settled().await;
}
