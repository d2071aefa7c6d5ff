//! Moving in and out.

use serde_json::{Value, json};

use super::{AT, LATER};

pub(crate) fn transfer_line() -> Value {
    json!({ "message": {
        "id": "1355517523.000005", "channel": "team:general", "user_id": "ann", "text": "Where is my parcel?",
        "created_at": AT,
    } })
}

pub(crate) fn import() -> Value {
    json!({
        "id": "0198c0de-c4a1-7d20-8b37-2e6f9a1d5c05", "state": "done", "dry_run": false, "phase": "search", "line": 1201,
        "counts": { "users": 12, "channels": 3, "members": 30, "messages": 1154, "reactions": 0, "reads": 1 },
        "failed": 1, "errors": [{ "line": 7, "code": "user_unknown", "reason": "There is no user \"eve\"." }],
        "created_at": AT, "finished_at": LATER, "expires_at": "2026-04-01T09:31:12.345678Z",
    })
}

pub(crate) fn start_import() -> Value {
    json!({ "dry_run": true })
}

pub(crate) fn import_part() -> Value {
    json!({ "number": 1, "lines": 1201, "bytes": 284_113 })
}

pub(crate) fn export() -> Value {
    json!({
        "id": "0198c0de-d5b2-7e31-9c48-3f7a0b2e6d06", "user_id": "ann", "state": "done", "parts": 1, "lines": 214,
        "created_at": AT, "finished_at": LATER, "expires_at": "2026-03-09T09:30:00Z",
    })
}
