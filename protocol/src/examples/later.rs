//! What is sent later, to few, or becomes a task.

use serde_json::{Value, json};

use super::{AT, CHANNEL, LATER, MESSAGE, QUESTION, SCHEDULED, SHOWN, TASK, message, user_ref};

pub(crate) fn send_ephemeral() -> Value {
    json!({ "id": SHOWN, "to": "ann", "text": "Only you see this: your parcel is **insured**." })
}

pub(crate) fn ephemeral_message() -> Value {
    json!({
        "id": SHOWN, "channel_id": CHANNEL, "user": { "id": "support-7", "name": "Ben from Support", "image": null },
        "to": "ann", "content_type": "text", "text": "Only you see this: your parcel is **insured**.", "attachments": [],
        "custom": {}, "created_at": LATER,
    })
}

pub(crate) fn pending_message() -> Value {
    json!({
        "id": SHOWN, "channel_id": CHANNEL, "user": user_ref(),
        "content": {
            "text": "Is anybody at home?", "attachments": [], "mentions": [], "custom": {}, "parent_id": null,
            "reply_to_id": null,
        },
        "user_seq": 7, "created_at": AT, "updated_at": LATER,
    })
}

pub(crate) fn reject_message() -> Value {
    json!({ "reason": "Please ask the courier directly." })
}

pub(crate) fn task() -> Value {
    json!({
        "id": TASK, "channel_id": CHANNEL, "message_id": QUESTION, "title": "Find the parcel", "status": "open",
        "assignee_id": "support-7", "due_at": "2026-03-03T17:00:00Z", "created_by": "support-7", "created_at": LATER,
        "updated_at": LATER, "deleted_at": null, "updated_seq": 5,
    })
}

pub(crate) fn create_task() -> Value {
    json!({ "title": "Find the parcel", "assignee_id": "support-7", "due_at": "2026-03-03T17:00:00Z" })
}

pub(crate) fn update_task() -> Value {
    json!({ "status": "done", "due_at": null })
}

pub(crate) fn put_draft() -> Value {
    json!({ "text": "Thank you! I'll ask", "reply_to_id": MESSAGE })
}

pub(crate) fn draft() -> Value {
    json!({
        "channel_id": CHANNEL, "parent_id": null, "text": "Thank you! I'll ask", "attachments": [], "mentions": [], "custom": {},
        "reply_to_id": MESSAGE, "user_seq": 12, "updated_at": LATER,
    })
}

pub(crate) fn create_scheduled_message() -> Value {
    json!({ "id": SCHEDULED, "send_at": "2026-03-03T08:00:00Z", "text": "Good morning! Did the parcel arrive?" })
}

pub(crate) fn update_scheduled_message() -> Value {
    json!({ "send_at": "2026-03-03T09:00:00Z" })
}

pub(crate) fn scheduled_message() -> Value {
    json!({
        "id": SCHEDULED, "channel_id": CHANNEL, "user_id": "support-7", "send_at": "2026-03-03T08:00:00Z",
        "content": {
            "text": "Good morning! Did the parcel arrive?", "attachments": [], "mentions": [], "custom": {},
            "parent_id": null, "reply_to_id": null,
        },
        "state": "waiting", "error": null, "message_id": SCHEDULED, "user_seq": 7, "created_at": LATER, "updated_at": LATER,
    })
}

pub(crate) fn put_reminder() -> Value {
    json!({ "remind_at": "2026-03-02T17:00:00Z", "note": "Ask Mr Kim" })
}

pub(crate) fn reminder() -> Value {
    json!({
        "message_id": MESSAGE, "channel_id": CHANNEL, "remind_at": "2026-03-02T17:00:00Z", "note": "Ask Mr Kim",
        "state": "waiting", "user_seq": 13, "created_at": LATER, "message": message(),
    })
}
