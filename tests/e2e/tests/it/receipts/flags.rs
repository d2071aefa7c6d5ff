//! `user_messages`: who was idle gets rows on their return, and lists are answered from it without a scan of messages.

use diesel::sql_types::{BigInt, Text};
use diesel_async::RunQueryDsl;
use parlor_chat::reads::store::{Flag, MENTIONS_SQL, UNREAD_SQL};
use parlor_e2e::{Mode, Server, until};
use parlor_test_support::TestDb;
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn who_was_idle_finds_what_is_unread_on_their_return() {
    let server = Server::start(Mode::Embedded).await;
    let app = server.app("acme").await;
    let (ann, ben) = (app.user("ann").await, app.user("ben").await);
    let channel = app.channel(&[&ann, &ben]).await;
    TestDb::execute(&server.db, "UPDATE users SET created_at = now() - interval '20 days' WHERE id = 'ben'")
        .await;
    let mut said = Vec::new();
    for text in ["one", "two", "three"] {
        said.insert(0, ann.say(&channel, text).await["id"].clone());
    }
    let mention = json!({ "text": "@ben", "mentions": ["ben"] });
    said.insert(
        0,
        ann.post(&format!("/channels/{channel}/messages"), mention).await.gives(201)["id"].clone(),
    );
    server.settled().await;
    let rows = async || {
        let sql = "SELECT count(*) FROM user_messages WHERE user_id = 'ben'";
        diesel::dsl::sql::<BigInt>(sql).get_result::<i64>(&mut server.db.admin().await).await.unwrap()
    };
    until("the mention has its row", async || rows().await > 0).await;
    assert_eq!(rows().await, 1, "only of the mention");
    let unread = async || -> Vec<Value> {
        let items = ben.all("/users/me/messages", "flag=unread").await;
        items.iter().map(|item| item["message_id"].clone()).collect()
    };
    until("all are listed", async || unread().await == said).await;
    assert_eq!(rows().await, 4);
    ben.post(&format!("/channels/{channel}/read"), json!({})).await.gives(200);
    until("none is left", async || unread().await.is_empty()).await;
    server.settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn unread_mentioned_and_starred_are_listed_without_a_scan_of_messages() {
    let server = Server::start(Mode::Embedded).await;
    let app = server.app("acme").await;
    let (ann, ben) = (app.user("ann").await, app.user("ben").await);
    let channel = app.channel(&[&ann, &ben]).await;
    ann.say(&channel, "hello").await;
    server.settled().await;
    // Many messages, few of which are Ben's to read, to remember, or to be called by.
    let many = format!(
        "INSERT INTO messages (app_id, id, channel_id, user_id, seq, updated_seq, ordinal, countable, text, fingerprint, created_at)
            SELECT app_id, gen_random_uuid(), channel_id, user_id, n, n, n, true, 'x', 0, now()
            FROM messages, generate_series(3, 20002) n WHERE channel_id = '{channel}' AND text = 'hello';
         INSERT INTO user_messages (app_id, user_id, message_id, channel_id, seq, flags)
            SELECT app_id, 'ben', id, channel_id, seq, CASE WHEN seq % 3 = 0 THEN 4 WHEN seq % 3 = 1 THEN 2 ELSE 0 END
            FROM messages WHERE seq % 500 = 3;
         UPDATE channels SET seq = 20002, ordinal = 20002; ANALYZE"
    );
    TestDb::execute(&server.db, &many).await;
    let questions =
        [Flag::Unread.sql(), Flag::Mentioned.sql(), Flag::Starred.sql(), UNREAD_SQL, MENTIONS_SQL];
    let db = server.db.db();
    let app_id = app.id.parse().unwrap();
    for question in questions {
        let mut binds = [
            format!("'{}'", app.id),
            "'ben'".to_owned(),
            format!("'{}'", uuid::Uuid::max()),
            "50".to_owned(),
        ]
        .into_iter();
        let parts: Vec<&str> = question.split('?').collect();
        let mut explain = "EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) ".to_owned();
        for (at, part) in parts.iter().enumerate() {
            explain.push_str(part);
            if at + 1 < parts.len() {
                explain.push_str(&binds.next().unwrap());
            }
        }
        let tx = db.tenant(app_id).await.unwrap();
        let plan: Vec<Line> = diesel::sql_query(explain).load(&mut tx.conn().unwrap()).await.unwrap();
        let plan: Vec<String> = plan.into_iter().map(|line| line.plan).collect();
        let shown = plan.join("\n");
        assert!(!shown.contains("Seq Scan"), "{question}\n{shown}");
        // Of `messages` only single rows by their ids, and the deleted ones past the pointer.
        for line in plan.iter().filter(|line| line.contains(" on messages")) {
            let by_id = line.contains("messages_pkey");
            assert!(by_id || line.contains("messages_deleted"), "{question}\n{shown}");
            assert!(
                line.contains("rows=1 ") || line.contains("rows=1.00 ") || line.contains("rows=0"),
                "{shown}"
            );
        }
    }
}

#[derive(diesel::QueryableByName)]
struct Line {
    #[diesel(sql_type = Text, column_name = "QUERY PLAN")]
    plan: String,
}
