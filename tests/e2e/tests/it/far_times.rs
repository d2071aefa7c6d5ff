//! Times of years that no clock shows and few programs can read are refused wherever one is given.

use parlor_e2e::{Mode, Server};
use parlor_protocol::ErrorCode;
use serde_json::json;

/// As chrono writes them, the last beyond what PostgreSQL keeps.
const FAR: [&str; 4] =
    ["0000-06-01T00:00:00Z", "-0001-06-01T00:00:00Z", "+10000-01-01T00:00:00Z", "-262143-01-01T00:00:00Z"];

#[tokio::test(flavor = "multi_thread")]
async fn far_times_are_refused() {
    let server = Server::start(Mode::Embedded).await;
    let app = server.app("acme").await;
    let (ann, ben) = (app.user("ann").await, app.user("ben").await);
    let channel = app.channel(&[&ann, &ben]).await;
    let message = ann.say(&channel, "hello").await;
    server.settled().await;
    let (at, message) =
        (format!("/channels/{channel}"), format!("/messages/{}", message["id"].as_str().unwrap()));
    for far in FAR {
        let encoded = far.replace('+', "%2B");
        for path in [
            format!("/search/messages?q=hello&from={encoded}"),
            format!("/search/messages?q=hello&to={encoded}"),
            format!("{at}/messages?after={encoded}"),
        ] {
            ann.get(&path).await.refused(ErrorCode::InvalidParameter);
        }
        let poll = json!({ "options": ["yes", "no"], "closes_at": far });
        let question = json!({ "text": "?", "poll": poll });
        ann.post(&format!("{at}/messages"), question).await.refused(ErrorCode::InvalidRequest);
        app.server
            .post(&format!("{at}/truncate"), json!({ "before": far }))
            .await
            .refused(ErrorCode::InvalidRequest);
        ann.patch(&format!("{at}/membership"), json!({ "muted": { "until": far } }))
            .await
            .refused(ErrorCode::InvalidRequest);
        ann.post(&format!("{message}/task"), json!({ "title": "x", "due_at": far }))
            .await
            .refused(ErrorCode::InvalidRequest);
        ann.post("/sync", json!({ "last_synced_at": far })).await.refused(ErrorCode::InvalidRequest);
    }
    // The last that are not far.
    let last = "9999-12-31T23:59:59Z";
    ann.get(&format!("/search/messages?q=hello&from=0001-01-01T00:00:00Z&to={last}")).await.gives(200);
    let muted =
        ann.patch(&format!("{at}/membership"), json!({ "muted": { "until": last } })).await.gives(200);
    assert_eq!(muted["settings"]["muted"]["until"], last);
    let poll = json!({ "options": ["yes", "no"], "closes_at": last });
    ann.post(&format!("{at}/messages"), json!({ "text": "?", "poll": poll })).await.gives(201);
    app.server.post(&format!("{at}/truncate"), json!({ "before": "0001-01-01T00:00:00Z" })).await.gives(200);
    server.settled().await;
}

/// A cursor that somebody made up is none of ours, whatever its time.
#[tokio::test(flavor = "multi_thread")]
async fn a_cursor_with_a_far_time_is_refused() {
    use base64::Engine;

    let server = Server::start(Mode::Embedded).await;
    let app = server.app("acme").await;
    let ann = app.user("ann").await;
    let channel = app.channel(&[&ann]).await;
    ann.say(&channel, "hello").await;
    server.settled().await;
    for far in FAR.into_iter().filter(|far| !far.starts_with('+')) {
        let cursor = json!(["search", [far, uuid::Uuid::nil()]]).to_string();
        let cursor = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(cursor);
        ann.get(&format!("/search/messages?q=hello&cursor={cursor}")).await.refused(ErrorCode::InvalidCursor);
    }
}
