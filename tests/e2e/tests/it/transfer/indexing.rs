//! The search's index, which is written beside what is imported.

use diesel_async::SimpleAsyncConnection;
use parlor_e2e::{Mode, Server, until};
use serde_json::{Value, json};

use super::{Lines, holds, import};

/// A user, a channel, and so many messages in it, of which two thousand are a step.
fn history(messages: u32) -> Lines {
    let text = "x".repeat(200);
    let message = |n: u32| {
        json!({ "message": { "id": format!("m{n}"), "channel": "team:a", "user_id": "ann", "text": format!("{n} {text}"),
            "created_at": "2020-05-01T10:00:00Z" } })
    };
    let first = [json!({ "user": { "id": "ann" } }), json!({ "channel": { "cid": "team:a" } })];
    Lines::of(&first.into_iter().chain((0..messages).map(message)).collect::<Vec<Value>>())
}

/// Whose steps alternate: what one wrote is indexed by the other where it is killed.
#[tokio::test(flavor = "multi_thread")]
async fn two_processes_do_one_import() {
    let server = Server::start(Mode::Embedded).await;
    let app = server.app("acme").await;
    let file = history(20_000);
    let arguments = ["import", "--app", &app.id, file.path()];
    let mut one = server.begin_command(&arguments);
    let mut other = server.begin_command(&arguments);
    until("some of it is written", async || server.db.number("SELECT count(*) FROM messages").await >= 8_000)
        .await;
    one.kill().await.unwrap();
    assert!(other.wait().await.unwrap().success());
    let report = import(&server, &app, file.path()).await;
    assert_eq!((&report["counts"]["messages"], &report["failed"]), (&json!(20_000), &json!(0)), "{report}");
    assert_eq!(server.db.number("SELECT count(*) FROM messages").await, 20_000);
    assert_eq!(server.db.number("SELECT count(*) FROM message_search WHERE words IS NOT NULL").await, 20_000);
    holds(&server).await;
    server.settled().await;
}

/// Its neighbours are indexed all the same.
#[tokio::test(flavor = "multi_thread")]
async fn a_message_goes_before_it_is_indexed() {
    let server = Server::start(Mode::Embedded).await;
    let app = server.app("acme").await;
    let file = history(300);
    let mut holding = server.db.admin().await;
    holding.batch_execute("BEGIN; LOCK TABLE message_search IN SHARE MODE").await.unwrap();
    let mut running = server.begin_command(&["import", "--app", &app.id, file.path()]);
    until("its row waits to be indexed", async || {
        server.db.number("SELECT count(*) FROM messages").await == 300 && server.db.waiting().await > 0
    })
    .await;
    // Without the deletion of its row of the index, for which this would wait as well.
    let gone =
        "SET LOCAL session_replication_role = replica; DELETE FROM messages WHERE text LIKE '7 %'; COMMIT";
    holding.batch_execute(gone).await.unwrap();
    assert!(running.wait().await.unwrap().success());
    assert_eq!(server.db.number("SELECT count(*) FROM messages").await, 299);
    assert_eq!(server.db.number("SELECT count(*) FROM message_search WHERE words IS NOT NULL").await, 299);
    server.settled().await;
}
