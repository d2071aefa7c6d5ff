//! Jobs that fail for good end in the dead-letter queue, in nobody's way, and a command brings them back.

use diesel::QueryableByName;
use diesel::sql_types::BigInt;
use parlor_e2e::{Mode, Server};
use parlor_test_support::until;
use serde_json::Value;
use uuid::Uuid;

/// Three attempts, soon after each other.
const LADDER: (&str, &str) = ("PARLOR_BROKER_RETRY_LADDER_MS", "20,40");

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

async fn flags(server: &Server) -> i64 {
    // In here, because the trait has an `execute` for everything.
    use diesel_async::RunQueryDsl;
    let count = diesel::sql_query("SELECT count(*) AS count FROM user_messages");
    count.get_result::<Count>(&mut server.db.admin().await).await.unwrap().count
}

async fn dead(server: &Server) -> Vec<Value> {
    let printed = server.command(&["work", "dlq", "list", "--json"]).await.unwrap();
    serde_json::from_str(&printed).unwrap()
}

/// Waits until there are `count` dead letters.
async fn until_dead(server: &Server, count: usize) -> Vec<Value> {
    let mut letters = Vec::new();
    until("the job is dead", async || {
        letters = dead(server).await;
        letters.len() == count
    })
    .await;
    letters
}

async fn poison(mode: Mode) {
    let server = Server::start_with(mode, &[LADDER]).await;
    let app = server.app("acme").await;
    let (ann, ben) = (app.user("ann").await, app.user("ben").await);
    let room = app.channel(&[&ann, &ben]).await;
    let event = Uuid::now_v7();
    server
        .db
        .execute(&format!(
            "INSERT INTO outbox (app_id, event_id, sink, lane, topic, payload, created_at, available_at) \
             VALUES ('{}', '{event}', 'job', 0, 'chat.message.sent', '{{\"events\": 7}}', now(), now())",
            app.id
        ))
        .await;
    // One queue for all consumers, or one for each of the three that hear this topic.
    let copies = if mode == Mode::Embedded { 1 } else { 3 };
    for letter in until_dead(&server, copies).await {
        assert_eq!(letter["event_id"], event.to_string(), "{letter}");
        assert_eq!(
            (&letter["topic"], &letter["attempts"]),
            (&"chat.message.sent".into(), &3.into()),
            "{letter}"
        );
        assert!(!letter["error"].as_str().unwrap_or_default().is_empty(), "it says why: {letter}");
    }
    ann.say(&room, "behind the poisoned one").await;
    until("others pass", async || flags(&server).await == 1).await;
    // Still poisoned: it has its whole ladder again, and is back.
    let printed = server.command(&["work", "dlq", "replay", &event.to_string()]).await.unwrap();
    assert!(printed.starts_with(&copies.to_string()), "{printed}");
    for letter in until_dead(&server, copies).await {
        assert_eq!(letter["event_id"], event.to_string(), "{letter}");
    }
    server.settled().await;
}

/// A consumer that could not work for a while: after a replay its effect is there, once.
async fn replay(mode: Mode) {
    let server = Server::start_with(mode, &[LADDER]).await;
    let app = server.app("acme").await;
    let (ann, ben) = (app.user("ann").await, app.user("ben").await);
    let room = app.channel(&[&ann, &ben]).await;
    server.db.execute("ALTER TABLE user_messages RENAME TO away").await;
    for n in 0..3 {
        ann.say(&room, &format!("{n}")).await;
    }
    let letters = until_dead(&server, 3).await;
    assert!(letters.iter().all(|letter| letter["attempts"] == 3), "{letters:?}");
    server.db.execute("ALTER TABLE away RENAME TO user_messages").await;
    server.command(&["work", "dlq", "replay"]).await.unwrap();
    until("the effect is there", async || flags(&server).await == 3).await;
    assert_eq!(dead(&server).await, Vec::<Value>::new());
    server.settled().await;
    assert_eq!(flags(&server).await, 3, "one for each message that Ben has not read");
}

#[tokio::test(flavor = "multi_thread")]
async fn poison_ends_among_the_dead_letters_embedded() {
    poison(Mode::Embedded).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn poison_ends_among_the_dead_letters_cluster() {
    poison(Mode::Cluster).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn dead_letters_are_replayed_embedded() {
    replay(Mode::Embedded).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn dead_letters_are_replayed_cluster() {
    replay(Mode::Cluster).await;
}
