//! What others build on is committed, so that a change to it shows in review.

use std::path::Path;

use parlor_e2e::parlor;
use parlor_protocol::{ErrorCode, EventType};

/// Compares with the committed file, or writes it where `UPDATE_SNAPSHOTS` is set.
fn is_committed(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/api").join(name);
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    let differs = committed.lines().zip(text.lines()).position(|(old, new)| old != new);
    assert!(
        committed == text,
        "docs/api/{name} is not what the binary says (first at line {}). If the change is meant:\n\
         UPDATE_SNAPSHOTS=1 cargo test -p parlor-e2e snapshots, and commit it",
        differs.unwrap_or_else(|| committed.lines().count().min(text.lines().count())) + 1
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_openapi_document_is_committed() {
    is_committed("openapi.json", &parlor(&["openapi"], &[]).await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_schema_of_events_is_committed() {
    is_committed("events.schema.json", &parlor(&["events"], &[]).await.unwrap());
}

#[test]
fn the_errors_are_committed() {
    let rows: String = ErrorCode::ALL
        .iter()
        .map(|code| {
            let retry = if code.retryable() { "yes" } else { "no" };
            format!("| `{}` | {} | {retry} | {} |\n", code.as_str(), code.status(), code.meaning())
        })
        .collect();
    let text = format!(
        "# Errors\n\nCodes are never renamed or used for something else.\n\n| Code | Status | Retry | Meaning |\n|---|---|---|---|\n{rows}"
    );
    is_committed("errors.md", &text);
}

#[test]
fn the_events_are_committed() {
    let rows: String = EventType::ALL
        .iter()
        .map(|event| {
            let durable = if event.is_durable() { "yes" } else { "no" };
            let older: Vec<_> = event.aliases().iter().map(|name| format!("`{name}`")).collect();
            format!("| `{}` | {} | {durable} | {} |\n", event.as_str(), older.join(", "), event.meaning())
        })
        .collect();
    let text = format!(
        "# Events\n\nDurable events carry a `seq`: a gap between them must be pulled. The others are hints, which may be lost. The server \
         sends the names of the first column and no others; client libraries also let one listen by the older names. \
         `events.schema.json` says of each event what its envelope and `data` are.\n\n\
         A publication is one envelope or, in a busy channel, a frame of several: `{{\"batch\": [envelope, …]}}`, oldest first. \
         A client takes those one by one, in their order, as if each had come alone: `for (const event of data.batch ?? [data])`. \
         Above 100 publications a second, unless the server is set otherwise, a channel gets a frame every 50 to 100 ms.\n\n\
         | Event | Older names | Durable | Meaning |\n|---|---|---|---|\n{rows}"
    );
    is_committed("events.md", &text);
}

/// What an integrator validates publications by takes an event, and a frame of several.
#[test]
fn the_schema_of_events_takes_frames() {
    let schema = parlor_protocol::event_data::schema().unwrap();
    let publication = jsonschema::draft202012::new(&schema).unwrap();
    let event = serde_json::json!({ "id": uuid::Uuid::nil(), "type": "channel.deleted", "channel_id": uuid::Uuid::nil(), "seq": 2,
        "prev_seq": 1, "created_at": "2026-01-01T00:00:00Z", "data": {} });
    assert!(publication.is_valid(&event));
    assert!(publication.is_valid(&serde_json::json!({ "batch": [event, event] })));
    for wrong in [
        serde_json::json!({ "batch": [] }),
        serde_json::json!({ "batch": [event, {}] }),
        serde_json::json!({ "batch": [event], "more": true }),
        serde_json::json!({ "batch": [{ "batch": [event] }] }),
    ] {
        assert!(!publication.is_valid(&wrong), "{wrong}");
    }
}
