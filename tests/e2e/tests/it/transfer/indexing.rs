//! The search's index, which is written beside what is imported.

use std::sync::Arc;

use diesel_async::SimpleAsyncConnection;
use parlor_chat::jobs::Steps;
use parlor_chat::transfer::import::{Beside, Importer, Source, store};
use parlor_e2e::{Mode, Server, until};
use parlor_platform::clock::Clock;
use parlor_platform::config;
use parlor_platform::outbox::Bell;
use parlor_protocol::ImportId;
use parlor_protocol::transfer::ImportState;
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

/// The same, step by step: whoever is left finds what the other had in memory.
#[tokio::test(flavor = "multi_thread")]
async fn the_steps_of_two_processes_alternate() {
    let server = Server::start(Mode::Embedded).await;
    let app = server.app("acme").await;
    let file = history(10_000);
    let source = Source::File(file.path().into());
    let config = config::load(None, [("PARLOR_DATABASE_URL".to_owned(), server.db.url())]).unwrap();
    let steps = Steps {
        db: server.db.db(),
        clock: Clock::default(),
        config: Arc::new(config),
        bell: Bell::default(),
    };
    let (app, id) = (app.id.parse().unwrap(), ImportId(uuid::Uuid::now_v7()));
    let (now, tx) = (steps.clock.now(), steps.db.tenant_for_job(app).await.unwrap());
    store::insert(&tx, id, now, now).await.unwrap();
    store::begin(&tx, id, ImportState::Running, false, now).await.unwrap();
    tx.commit().await.unwrap();

    let importer = Importer { steps };
    let (mut this, mut other) = (Beside::default(), Beside::default());
    // Until one of them has written the last message, and is gone.
    while server.db.number("SELECT phase FROM imports").await < 4 {
        assert!(importer.step(app, id, &source, &mut this).await.unwrap());
        std::mem::swap(&mut this, &mut other);
    }
    drop(other);
    let mut left = 0;
    while importer.step(app, id, &source, &mut this).await.unwrap() {
        left += 1;
        assert!(left < 60, "it comes to no end");
    }
    assert_eq!(server.db.number("SELECT count(*) FROM messages").await, 10_000);
    assert_eq!(server.db.number("SELECT count(*) FROM message_search WHERE words IS NOT NULL").await, 10_000);
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
