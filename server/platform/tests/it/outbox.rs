//! What the tests put into the outbox, in the way that a handler does.

use diesel::sql_types::BigInt;
use diesel_async::RunQueryDsl;
use parlor_platform::clock::Clock;
use parlor_platform::db::Db;
use parlor_platform::outbox::{Command, Entries};
use parlor_protocol::AppId;
use parlor_test_support::{TestDb, until};
use serde_json::json;

/// An app, so that rows may be stored for it.
pub async fn app(test_db: &TestDb) -> AppId {
    let app = AppId::new();
    test_db
        .execute(&format!("INSERT INTO apps (id, name, created_at) VALUES ('{app}', 'test', now())"))
        .await;
    app
}

/// Jobs, each with its number as payload, in one transaction.
pub async fn jobs(db: &Db, app: AppId, topic: &'static str, numbers: impl IntoIterator<Item = usize>) {
    let mut entries = Entries::new(8);
    for number in numbers {
        entries.job(&number, topic, &json!({ "n": number })).unwrap();
    }
    store(db, app, &entries).await;
}

/// One event of a channel. Its number is its data, and its key names both.
pub async fn event(db: &Db, app: AppId, channel: &str, number: usize) {
    let mut entries = Entries::new(8);
    let key = format!("{channel} {number}");
    let publish = json!({ "publish": { "channel": channel, "data": number, "idempotency_key": key } });
    let command: Command = serde_json::from_str(&publish.to_string()).unwrap();
    entries.command(&channel, command);
    store(db, app, &entries).await;
}

async fn store(db: &Db, app: AppId, entries: &Entries) {
    let tx = db.tenant(app).await.unwrap();
    entries.store(&tx, Clock::default().now()).await.unwrap();
    tx.commit().await.unwrap();
}

/// How many rows are in the outbox.
pub async fn rows(test_db: &TestDb) -> i64 {
    let count = diesel::dsl::sql::<BigInt>("SELECT count(*) FROM outbox");
    count.get_result(&mut test_db.admin().await).await.unwrap()
}

/// Waits until all was told.
pub async fn is_empty(test_db: &TestDb) {
    until("the outbox is empty", async || rows(test_db).await == 0).await;
}
