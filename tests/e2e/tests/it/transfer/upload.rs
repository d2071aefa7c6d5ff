//! `/imports`: moving in over the API.

use parlor_e2e::{Answer, App, Method, Mode, Server};
use parlor_protocol::ErrorCode;
use serde_json::{Value, json};

use super::{ended, history, holds};

async fn open(app: &App) -> String {
    let import = app.server.post("/imports", json!({})).await.gives(201);
    assert_eq!((&import["state"], &import["line"]), (&json!("open"), &json!(0)));
    import["id"].as_str().unwrap().to_owned()
}

async fn put(app: &App, import: &str, number: i32, text: String) -> Answer {
    let request = app.server.request(Method::PUT, &format!("/imports/{import}/parts/{number}"));
    app.server.send(request.header("Content-Type", "application/x-ndjson").body(text)).await
}

fn text(lines: &[Value]) -> String {
    lines.iter().map(|line| format!("{line}\n")).collect()
}

async fn in_parts(mode: Mode) {
    let server = Server::start(mode).await;
    let app = server.app("acme").await;
    let import = open(&app).await;
    let lines = history();
    for (number, lines) in (1..).zip(lines.chunks(5)) {
        // The last line of a part needs no end.
        let taken = put(&app, &import, number, text(lines).trim_end().to_owned()).await.gives(200);
        assert_eq!((&taken["number"], &taken["lines"]), (&json!(number), &json!(lines.len())));
    }
    let path = format!("/imports/{import}/start");
    app.server.post(&path, json!({ "dry_run": true })).await.gives(202);
    let looked = ended(&app, &import).await;
    assert_eq!(
        (&looked["state"], &looked["dry_run"], &looked["failed"]),
        (&json!("open"), &json!(true), &json!(0)),
        "{looked}"
    );
    assert_eq!((&looked["counts"]["messages"], &looked["line"]), (&json!(7), &json!(21)));
    assert_eq!(server.db.number("SELECT count(*) FROM messages").await, 0);

    app.server.post(&path, json!({})).await.gives(202);
    app.server.post(&path, json!({})).await.gives(202);
    let done = ended(&app, &import).await;
    assert_eq!(
        (&done["state"], &done["counts"]["messages"], &done["failed"]),
        (&json!("done"), &json!(7), &json!(0)),
        "{done}"
    );
    assert_eq!(
        server.db.number("SELECT count(*) FROM import_parts").await,
        0,
        "parts go when they are imported"
    );
    put(&app, &import, 1, "{}".to_owned()).await.refused(ErrorCode::ImportStarted);
    app.server.post(&path, json!({})).await.gives(202);
    assert_eq!(ended(&app, &import).await, done, "a repetition changes nothing");
    holds(&server).await;
    let ann = app.user("ann").await;
    assert_eq!(ann.get("/channels/team:general").await.gives(200)["ordinal"], 5);
    server.settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_in_parts_embedded() {
    in_parts(Mode::Embedded).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_in_parts_cluster() {
    in_parts(Mode::Cluster).await;
}

/// The server is killed again and again while it imports.
#[tokio::test(flavor = "multi_thread")]
async fn an_upload_survives_kills() {
    let mut server = Server::start(Mode::Embedded).await;
    let app = server.app("acme").await;
    let import = open(&app).await;
    let mut first = vec![json!({ "user": { "id": "ann" } }), json!({ "channel": { "cid": "team:a" } })];
    let body = "x".repeat(200);
    let message = |n: u32| json!({ "message": { "id": format!("m{n}"), "channel": "team:a", "user_id": "ann", "text": body, "created_at": "2020-05-01T10:00:00Z" } });
    first.extend((0..10_000).map(message));
    put(&app, &import, 1, text(&first)).await.gives(200);
    put(&app, &import, 2, text(&(10_000..20_000).map(message).collect::<Vec<_>>())).await.gives(200);
    app.server.post(&format!("/imports/{import}/start"), json!({})).await.gives(202);
    for part in [1, 8_000, 16_000] {
        parlor_e2e::until("some of it is written", async || {
            server.db.number("SELECT count(*) FROM messages").await >= part
        })
        .await;
        server.kill().await;
        server.launch().await;
    }
    let done = ended(&app, &import).await;
    assert_eq!((&done["state"], &done["counts"]["messages"]), (&json!("done"), &json!(20_000)), "{done}");
    assert_eq!(server.db.number("SELECT count(*) FROM messages").await, 20_000);
    assert_eq!(server.db.number("SELECT count(*) FROM message_search WHERE words IS NOT NULL").await, 20_000);
    holds(&server).await;
    server.settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_uploads_are_refused() {
    let server = Server::start(Mode::Embedded).await;
    let app = server.app("acme").await;
    let import = open(&app).await;
    let start = format!("/imports/{import}/start");
    app.server.post(&start, json!({})).await.refused(ErrorCode::BatchTooLarge);
    put(&app, &import, 0, "{}".to_owned()).await.refused(ErrorCode::InvalidParameter);
    put(&app, &import, 401, "{}".to_owned()).await.refused(ErrorCode::InvalidParameter);
    put(&app, &import, 1, "\n \n".to_owned()).await.refused(ErrorCode::BatchTooLarge);
    put(&app, &import, 1, " ".repeat(5 * 1024 * 1024 + 1)).await.refused(ErrorCode::BodyTooLarge);
    app.server
        .put(&format!("/imports/{import}/parts/1"), json!({}))
        .await
        .refused(ErrorCode::UnsupportedMediaType);
    let full = format!("{}\n{}", r#"{"user":{"id":"ann"}}"#, " ".repeat(5 * 1024 * 1024 - 22));
    put(&app, &import, 2, full).await.gives(200);
    app.server.post(&start, json!({})).await.refused(ErrorCode::BatchTooLarge);
    app.server.post(&start, json!({ "now": true })).await.refused(ErrorCode::InvalidRequest);

    // One that is wrong may be made good.
    put(&app, &import, 1, r#"{"user":{"id":"me"}}"#.to_owned()).await.gives(200);
    app.server.post(&start, json!({})).await.gives(202);
    let wrong = ended(&app, &import).await;
    assert_eq!(wrong["state"], "failed");
    assert_eq!(
        wrong["errors"],
        json!([{ "line": 1, "code": "reserved_id", "reason": ErrorCode::ReservedId.meaning() }])
    );
    put(&app, &import, 1, r#"{"user":{"id":"ben"}}"#.to_owned()).await.gives(200);
    app.server.post(&start, json!({})).await.gives(202);
    assert_eq!(ended(&app, &import).await["counts"]["users"], 2);

    let other = server.app("other").await;
    put(&other, &import, 1, "{}".to_owned()).await.refused(ErrorCode::ImportNotFound);
    other.server.get(&format!("/imports/{import}")).await.refused(ErrorCode::ImportNotFound);
    other.server.post(&start, json!({})).await.refused(ErrorCode::ImportNotFound);
    app.user("ann").await.get(&format!("/imports/{import}")).await.refused(ErrorCode::ServerOnly);

    // A hundred errors are named, and all are counted.
    let many = open(&app).await;
    put(&app, &many, 1, "{}\n".repeat(150)).await.gives(200);
    app.server.post(&format!("/imports/{many}/start"), json!({})).await.gives(202);
    let report = ended(&app, &many).await;
    assert_eq!((&report["failed"], report["errors"].as_array().map(Vec::len)), (&json!(150), Some(100)));
    let key = ("Idempotency-Key", "k");
    let one = app.server.with_header(Method::POST, "/imports", key, json!({})).await.gives(201);
    assert_eq!(app.server.with_header(Method::POST, "/imports", key, json!({})).await.gives(201), one);
}
