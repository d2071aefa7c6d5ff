//! What others do while a user is deleted.

use diesel_async::SimpleAsyncConnection;
use parlor_e2e::{Listener, Mode, Server, until};
use parlor_protocol::EventType;
use serde_json::{Value, json};

use super::erasure::{lived, over, stands};
use super::holds;

/// Whoever sends waits for none of it: here it can't go on, because somebody holds what it has to change.
#[tokio::test(flavor = "multi_thread")]
async fn nobody_waits_for_a_deletion() {
    // Longer than any of it takes: who waits fails.
    let server =
        Server::start_with(Mode::Embedded, &[("PARLOR_DATABASE_STATEMENT_TIMEOUT_MS", "60000")]).await;
    let app = server.app("acme").await;
    let (ann, eve) = (app.user("ann").await, app.user("eve").await);
    let hers = json!({ "type": "team", "members": [{ "user_id": "ann", "role": "admin" }] });
    let hers = eve.post("/channels", hers).await.gives(201);
    let hers = hers["id"].as_str().unwrap();
    let message = eve.say(hers, "hers").await;
    let message = format!("/messages/{}", message["id"].as_str().unwrap());
    ann.put(&format!("/channels/{hers}/draft"), json!({ "text": "for her", "mentions": ["eve"] }))
        .await
        .gives(200);
    server.settled().await;

    let mut holding = server.db.admin().await;
    holding.batch_execute("BEGIN; SELECT FROM drafts FOR UPDATE").await.unwrap();
    let taken = app.server.delete("/users/eve?mode=anonymise").await.gives(202);
    until("the deletion waits", async || server.db.waiting().await > 0).await;
    ann.say(hers, "meanwhile").await;
    ann.post(&format!("{message}/reactions"), json!({ "type": "👍" })).await.gives(200);
    ann.post(&format!("{message}/task"), json!({ "title": "see to it" })).await.gives(201);
    ann.patch(&format!("/channels/{hers}"), json!({ "name": "ours" })).await.gives(200);
    assert!(server.db.waiting().await > 0, "nobody waited until it gave up");
    holding.batch_execute("COMMIT").await.unwrap();
    over(&app, &taken).await;
    server.settled().await;
    assert_eq!(stands(&server, "\\meve\\M").await, Vec::<String>::new());
}

/// A request that had begun before the user was shut out comes to its end after all was looked through.
#[tokio::test(flavor = "multi_thread")]
async fn what_comes_late_is_found() {
    let server = Server::start(Mode::Embedded).await;
    let app = server.app("acme").await;
    let (ann, eve) = (app.user("ann").await, app.user("eve").await);
    let channel = app.channel(&[&ann, &eve]).await;
    ann.say(&channel, "something").await;
    server.settled().await;
    let mut late = server.db.admin().await;
    late.batch_execute(
        "BEGIN; INSERT INTO reactions (app_id, message_id, user_id, kind, score, seq, created_at) \
             SELECT app_id, id, 'eve', 'x', 1, seq, now() FROM messages",
    )
    .await
    .unwrap();
    let taken = app.server.delete("/users/eve?mode=anonymise").await.gives(202);
    until("the deletion waits", async || server.db.waiting().await > 0).await;
    late.batch_execute("COMMIT").await.unwrap();
    over(&app, &taken).await;
    server.settled().await;
    assert_eq!(stands(&server, "\\meve\\M").await, Vec::<String>::new());
    let ghost = taken["ghost_id"].as_str().unwrap();
    let given = format!("SELECT count(*) FROM reactions WHERE user_id = '{ghost}'");
    assert_eq!(server.db.number(&given).await, 1);
}

/// Channels that the user created, and tasks, name nobody; devices hear of it.
#[tokio::test(flavor = "multi_thread")]
async fn devices_learn_of_all_that_changes() {
    let server = Server::start(Mode::Embedded).await;
    let app = server.app("acme").await;
    let (ann, _, eve, channel) = lived(&app).await;
    let mine = json!({ "type": "team", "members": [{ "user_id": "ann" }] });
    let mine = eve.post("/channels", mine).await.gives(201);
    let mine = mine["id"].as_str().unwrap();
    let said = ann.say(&channel, "to do").await;
    let made = format!("/messages/{}/task", said["id"].as_str().unwrap());
    let made = eve.post(&made, json!({ "title": "ask @eve, not @everybody" })).await.gives(201);
    let listener = Listener::connect(&ann).await;
    listener.subscribe(mine).await;
    listener.subscribe(&channel).await;
    let seq = async |channel: &str| {
        ann.get(&format!("/channels/{channel}")).await.gives(200)["seq"].as_i64().unwrap()
    };
    let (before, of_mine) = (seq(&channel).await, seq(mine).await);

    let taken = app.server.delete("/users/eve?mode=anonymise").await.gives(202);
    over(&app, &taken).await;
    server.settled().await;
    let changes = ann.get(&format!("/channels/{channel}/changes?since={before}")).await.gives(200);
    let tasks = changes["tasks"].as_array().unwrap();
    assert_eq!(tasks.len(), 2, "{changes}");
    for task in tasks {
        assert_eq!((&task["assignee_id"], &task["created_by"]), (&Value::Null, &Value::Null), "{task}");
        assert!(task["updated_seq"].as_i64().unwrap() > before, "{task}");
    }
    let renamed = tasks.iter().find(|task| task["id"] == made["id"]).unwrap();
    assert_eq!(renamed["title"], "ask @deleted, not @everybody");
    let told = listener.next(&format!("chat:channel:{mine}"), 0, EventType::ChannelUpdated).await;
    assert_eq!(told.data["channel"]["created_by"], Value::Null);
    assert!(told.seq.unwrap() > of_mine);
    assert_eq!(ann.get(&format!("/channels/{mine}")).await.gives(200)["created_by"], Value::Null);
    let left = "SELECT count(*) FROM channels WHERE created_by = 'eve'";
    assert_eq!(server.db.number(left).await, 0);
    holds(&server).await;
}
