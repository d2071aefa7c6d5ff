//! What is over is kept for thirty days without its content, and then forgotten; what is not over stays.

use parlor_e2e::{Mode, Server, until};
use serde_json::json;

use super::{ahead, count, make_due, schedule, text};

const TABLES: [&str; 4] = ["drafts", "scheduled_messages", "reminders", "stars"];

#[tokio::test(flavor = "multi_thread")]
async fn what_is_over_is_forgotten_after_thirty_days() {
    let mut server = Server::start(Mode::Embedded).await;
    let app = server.app("acme").await;
    let ann = app.user("ann").await;
    let (one, two) = (app.channel(&[&ann]).await, app.channel(&[&ann]).await);
    for channel in [&one, &two] {
        ann.put(&format!("/channels/{channel}/draft"), json!({ "text": "secret" })).await.gives(200);
        let message = ann.say(channel, "x").await;
        let star = format!("/messages/{}/star", message["id"].as_str().unwrap());
        ann.put(&star, json!({})).await;
        let reminder = format!("/messages/{}/reminder", message["id"].as_str().unwrap());
        ann.put(&reminder, json!({ "note": "secret", "remind_at": text(ahead(3600)) })).await.gives(200);
        if *channel == one {
            ann.delete(&format!("/channels/{channel}/draft")).await;
            ann.delete(&reminder).await;
            ann.delete(&star).await;
        }
    }
    schedule(&ann, &one, "to be sent").await;
    make_due(&server).await;
    until("it is sent", async || count(&server, "scheduled_messages WHERE state = 'sent'").await == 1).await;
    let cancelled = schedule(&ann, &one, "secret").await;
    ann.delete(&format!("/scheduled_messages/{}", cancelled["id"].as_str().unwrap())).await;
    schedule(&ann, &one, "kept").await;
    server.settled().await;

    for (table, rows) in TABLES.into_iter().zip([2, 3, 2, 2]) {
        assert_eq!(count(&server, table).await, rows, "{table}: tombstones are kept");
    }
    assert_eq!(count(&server, "drafts WHERE deleted_at IS NOT NULL AND content IS NULL").await, 1);
    assert_eq!(count(&server, "scheduled_messages WHERE content IS NULL").await, 2);
    assert_eq!(count(&server, "reminders WHERE deleted_at IS NOT NULL AND note IS NULL").await, 1);
    let age = async |days: i64| {
        server
            .db
            .execute(&format!(
                "UPDATE drafts SET updated_at = now() - interval '{days} days', deleted_at = CASE \
                     WHEN deleted_at IS NOT NULL THEN now() - interval '{days} days' END; \
                 UPDATE scheduled_messages SET updated_at = now() - interval '{days} days'; \
                 UPDATE stars SET updated_at = now() - interval '{days} days'; \
                 UPDATE reminders SET created_at = now() - interval '{days} days', deleted_at = CASE \
                     WHEN deleted_at IS NOT NULL THEN now() - interval '{days} days' END"
            ))
            .await;
    };
    // One that is almost old enough stays beside those that are.
    age(31).await;
    let fresh = schedule(&ann, &two, "fresh").await;
    ann.delete(&format!("/scheduled_messages/{}", fresh["id"].as_str().unwrap())).await;
    server.settled().await;
    let almost = "UPDATE scheduled_messages SET updated_at = now() - interval '29 days' WHERE id = ";
    server.db.execute(&format!("{almost}'{}'", fresh["id"].as_str().unwrap())).await;
    server.kill().await;
    server.launch().await;
    for (table, rows) in TABLES.into_iter().zip([1, 2, 1, 1]) {
        until("what is over is forgotten", async || count(&server, table).await == rows).await;
    }
    assert_eq!(ann.get(&format!("/channels/{two}/draft")).await.gives(200)["text"], "secret");
    assert_eq!(ann.all("/scheduled_messages", "").await[0]["content"]["text"], "kept");
    assert_eq!(ann.all("/reminders", "").await.len(), 1);
    server.settled().await;
}
