//! What was read, and what arrived.

use serde_json::{Value, json};

use super::{CHANNEL, LATER, MESSAGE, REPLY, WAREHOUSE, message, user_ref};

pub(crate) fn read_receipt() -> Value {
    json!({ "user": user_ref(), "read_at": LATER })
}

pub(crate) fn delivery_receipt() -> Value {
    json!({ "user": user_ref(), "delivered_at": LATER })
}

pub(crate) fn delivery_state() -> Value {
    json!({ "delivered_seq": 3, "delivered_at": LATER })
}

pub(crate) fn mark_delivered() -> Value {
    json!({ "message_id": MESSAGE })
}

pub(crate) fn mark_many_delivered() -> Value {
    json!({ "channels": [{ "channel_id": CHANNEL, "message_id": MESSAGE }, { "channel_id": WAREHOUSE }] })
}

pub(crate) fn delivered_channels() -> Value {
    json!({ "channels": [{ "channel_id": CHANNEL, "delivered_seq": 3, "delivered_at": LATER }] })
}

pub(crate) fn read_everything() -> Value {
    json!({ "channels": 3, "threads": 1 })
}

pub(crate) fn read_state() -> Value {
    json!({ "read_seq": 3, "read_ordinal": 2, "read_at": LATER, "last_read_message_id": MESSAGE })
}

pub(crate) fn mark_read() -> Value {
    json!({ "message_id": MESSAGE })
}

pub(crate) fn read_result() -> Value {
    json!({ "read": read_state(), "unread": 0 })
}

pub(crate) fn unread_counts() -> Value {
    json!({
        "total": 2, "mentions_total": 1, "threads_total": 1,
        "channels": [{ "channel_id": CHANNEL, "unread": 2, "mentions": 1, "muted": false, "hidden": false }],
    })
}

pub(crate) fn user_message() -> Value {
    json!({
        "channel_id": CHANNEL, "message_id": MESSAGE, "read": false, "mentioned": true, "starred": false,
        "message": message(),
    })
}

pub(crate) fn thread_read() -> Value {
    json!({ "read_seq": 4, "read_ordinal": 1, "read_at": LATER })
}

pub(crate) fn thread_read_result() -> Value {
    json!({ "read": thread_read(), "unread": 0 })
}

pub(crate) fn mark_thread_read() -> Value {
    json!({ "message_id": REPLY })
}
