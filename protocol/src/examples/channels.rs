//! Channels, members, queries and what a device syncs.

use serde_json::{Value, json};

use super::{
    AT, CHANNEL, LATER, MESSAGE, QUESTION, WAREHOUSE, draft, message, pending_message, thread_read,
    unread_counts, user, user_ref, user_settings,
};

pub(crate) fn truncate_channel() -> Value {
    json!({ "before": "2026-03-02T00:00:00Z" })
}

pub(crate) fn create_channel() -> Value {
    json!({
        "type": "commerce", "id": "order-1042", "name": "Order 1042", "custom": { "order": 1042 }, "tags": ["delivery"],
        "members": [{ "user_id": "ann" }, { "user_id": "support-7", "role": "moderator" }],
    })
}

pub(crate) fn update_channel() -> Value {
    json!({ "name": "Order 1042 (delivered)", "custom_set": { "delivered": true }, "config": { "frozen": true } })
}

pub(crate) fn replace_channel() -> Value {
    json!({ "name": "Order 1042", "custom": { "order": 1042 }, "tags": ["delivery"], "config": { "open": true } })
}

pub(crate) fn change_counters() -> Value {
    json!({
        "operations": [{ "field": "parcels", "increment": 1 }, { "field": "stock", "compare": 4, "set": 3 }],
    })
}

pub(crate) fn access_code() -> Value {
    json!({ "access_code": "K7QMX2PA" })
}

pub(crate) fn join_by_code() -> Value {
    json!({ "access_code": "k7qm-x2pa" })
}

pub(crate) fn channel() -> Value {
    json!({
        "id": CHANNEL, "cid": "commerce:order-1042", "type": "commerce", "name": "Order 1042", "image": null,
        "custom": { "order": 1042 }, "tags": ["delivery", "vip"],
        "config": {
            "frozen": false, "open": false, "typing_disabled": false, "hide_history_for_new_members": false,
            "read_receipts_disabled": false, "delivery_receipts_disabled": false, "retention_days": null,
            "watching_events": false, "mention_all_restricted": false, "messages_need_approval": false,
        },
        "created_by": null, "member_count": 2, "seq": 5, "ordinal": 2, "truncated_seq": 0, "truncated_ordinal": 0, "last_message_at": LATER, "created_at": AT,
        "updated_at": AT, "membership": membership(), "unread": 0,
        "capabilities": ["read_channel", "send_message", "react", "update_own_message", "delete_own_message"],
        "last_message": message(),
    })
}

pub(crate) fn channel_changes() -> Value {
    json!({
        "channel": channel(), "messages": [message()], "members": [], "tasks": [], "seq": 5, "more": false,
    })
}

pub(crate) fn typing() -> Value {
    json!({ "typing": true, "parent_id": MESSAGE })
}

pub(crate) fn new_member() -> Value {
    json!({ "user_id": "support-7", "role": "moderator" })
}

pub(crate) fn add_members() -> Value {
    json!({ "members": [new_member(), { "user_id": "ann" }] })
}

pub(crate) fn added_members() -> Value {
    json!({ "items": [member()], "invites": [invite()], "next": null })
}

pub(crate) fn invite() -> Value {
    json!({
        "channel": {
            "id": CHANNEL, "cid": "commerce:order-1042", "type": "commerce", "name": "Order 1042", "image": null,
            "member_count": 2,
        },
        "user": { "id": "courier-3", "name": "Mira", "image": null }, "invited_by": user_ref(), "role": "member",
        "state": "pending", "created_at": AT, "expires_at": "2026-03-09T09:30:00Z", "user_seq": 4,
    })
}

pub(crate) fn transfer_ownership() -> Value {
    json!({ "user_id": "support-7" })
}

pub(crate) fn update_membership() -> Value {
    json!({ "pinned": true, "muted": { "until": "2026-03-03T09:00:00Z" }, "hidden": false, "notifications": "mentions" })
}

pub(crate) fn member_settings() -> Value {
    json!({
        "pinned_at": AT, "archived_at": null, "muted": { "since": LATER, "until": "2026-03-03T09:00:00Z" },
        "hidden": false, "notifications": "mentions", "history_from_seq": 0, "history_ordinal": 0, "user_seq": 5,
    })
}

pub(crate) fn membership() -> Value {
    let mut membership = member();
    membership["settings"] = member_settings();
    membership
}

pub(crate) fn create_channels() -> Value {
    json!({ "channels": [create_channel(), { "type": "team", "id": "couriers" }] })
}

pub(crate) fn change_members() -> Value {
    json!({
        "add": [new_member(), { "user_id": "ann" }], "remove": ["courier-3"],
        "roles": [{ "user_id": "ben", "role": "moderator" }],
    })
}

pub(crate) fn job() -> Value {
    json!({
        "id": "0198c0de-8c41-7f02-b5d3-0a7e6c9f1d20", "kind": "members", "state": "done", "total": 4, "done": 3,
        "failed": 1, "errors": [{ "index": 2, "code": "member_not_found" }], "created_at": AT, "finished_at": LATER,
    })
}

pub(crate) fn accepted_job() -> Value {
    let mut waiting = job();
    waiting["state"] = json!("waiting");
    waiting["done"] = json!(0);
    waiting["failed"] = json!(0);
    waiting["errors"] = json!([]);
    waiting["finished_at"] = Value::Null;
    json!({ "job": waiting })
}

pub(crate) fn update_member() -> Value {
    json!({ "role": "moderator" })
}

pub(crate) fn member() -> Value {
    json!({
        "user": user_ref(), "role": "member", "joined_at": AT, "removed_at": null, "read_seq": 3, "read_ordinal": 2,
        "read_at": LATER, "last_read_message_id": MESSAGE, "delivered_seq": 3, "delivered_at": LATER, "updated_seq": 1,
    })
}

pub(crate) fn query() -> Value {
    json!({
        "filter": { "role": { "$in": ["moderator", "admin"] }, "custom.plan": "pro" },
        "sort": [{ "field": "joined_at", "order": "desc" }], "limit": 20,
    })
}

pub(crate) fn query_channels() -> Value {
    json!({
        "filter": { "type": "commerce", "members": { "$in": ["ann"] }, "custom.order": { "$gte": 1000 } },
        "sort": [{ "field": "active_at", "order": "desc" }], "limit": 10, "messages": 5, "members": 10, "pinned": true,
    })
}

pub(crate) fn channel_state() -> Value {
    json!({ "channel": channel(), "messages": [message()], "members": [member()], "pinned": [message()] })
}

pub(crate) fn sync_request() -> Value {
    json!({ "cursor": "AbxY0kP3nA", "limit": 500, "hold": [{ "id": CHANNEL, "seq": 5 }] })
}

pub(crate) fn sync_answer() -> Value {
    json!({
        "reset": false, "user": user(),
        "channels": [{
            "reset": false, "channel": channel(), "messages": [message()], "members": [member()], "tasks": [], "seq": 5,
            "more": false,
        }],
        "next_channels": null, "left": [WAREHOUSE], "released": [],
        "own": {
            "drafts": [draft()], "deleted_drafts": [{ "channel_id": CHANNEL, "parent_id": MESSAGE }],
            "scheduled_messages": [], "reminders": [], "deleted_reminders": [QUESTION], "invites": [],
            "threads": [{
                "channel_id": CHANNEL, "parent_id": QUESTION, "following": true, "unread": 1, "read": thread_read(),
            }],
            "stars": [{ "message_id": MESSAGE, "channel_id": CHANNEL, "starred": true }],
            "pending_messages": [pending_message()], "settings": user_settings(),
        },
        "unread": unread_counts(), "cursor": "AbxY0kP3nQ", "more": false,
    })
}
