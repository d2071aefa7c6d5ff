//! What the documentation shows: one customer, Ann, who asks a shop's support about a parcel.
//!
//! Each is a whole body of its type; a test reads them all back.

use serde_json::{Value, json};

const CHANNEL: &str = "0198c0de-5a17-7c3e-9b1f-6d2a4e8f0b11";
const MESSAGE: &str = "0198c0de-7f42-7a90-8c55-1e3b9d7a6c02";
const QUESTION: &str = "0198c0de-6b08-7d14-a2e7-93f5c0d4b801";
const SCHEDULED: &str = "0198c0de-8c20-7b3f-9d44-5a7c1e2f3b03";
const REPLY: &str = "0198c0de-9c11-7f3b-b6a4-5d8e2c9f1a03";
const WAREHOUSE: &str = "0198c0de-1f20-7a4d-8e6b-0c3a9b5d7e12";
const TASK: &str = "0198c0de-b3e5-7c18-9d02-7a6f4b1c8e04";
const SESSION: &str = "0198c0de-c0f1-7d52-8a3b-6e1f9c4d2b05";
const SHOWN: &str = "0198c0de-c4d1-7e52-8b93-2f6a0d8e5c05";
const GROUP: &str = "0198c0de-d7a3-7b14-9c60-4e1b8f5d2a06";
const AT: &str = "2026-03-02T09:30:00Z";
const LATER: &str = "2026-03-02T09:31:12.345678Z";

pub(crate) fn app() -> Value {
    json!({
        "id": "0198c0de-0001-7b6d-8f21-4c9e5a3d7f00", "name": "Acme Shop", "webhook_url": "https://acme.example/hooks/chat",
        "rate_limit_rps": 100, "guests_enabled": true, "created_at": AT, "keys": [api_key()],
        "settings": {
            "retention_days": { "messaging": null, "livestream": 30, "team": null, "commerce": 365 },
            "undelete_minutes": 10,
        },
    })
}

pub(crate) fn update_app() -> Value {
    json!({ "retention_days": { "livestream": 30, "team": null }, "undelete_minutes": 5 })
}

pub(crate) fn user_settings() -> Value {
    json!({ "read_receipts": false, "delivery_receipts": true, "typing": true, "user_seq": 6 })
}

pub(crate) fn update_user_settings() -> Value {
    json!({ "read_receipts": false })
}

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

pub(crate) fn truncate_channel() -> Value {
    json!({ "before": "2026-03-02T00:00:00Z" })
}

pub(crate) fn message_edit() -> Value {
    json!({
        "seq": 5, "text": "It was left with your neihgbour.", "content_type": "text",
        "attachments": [], "custom": {}, "edited_by": "support-7",
        "edited_at": LATER,
    })
}

pub(crate) fn api_key() -> Value {
    json!({ "id": "pk_7d3f0a9c5b1e48d2a6c4f810", "created_at": AT, "expires_at": null })
}

pub(crate) fn user() -> Value {
    json!({
        "id": "ann", "name": "Ann Berger", "image": "https://acme.example/avatars/ann.png", "custom": { "plan": "pro" },
        "guest": false, "created_at": AT, "updated_at": AT, "deactivated_at": null, "last_active_at": LATER,
        "online": true, "status": "online", "status_text": null, "status_color": "#22c55e", "last_seen_at": LATER,
    })
}

pub(crate) fn poll() -> Value {
    json!({
        "options": [
            { "id": "1", "text": "Tomorrow", "votes": 1, "suggested_by": null },
            { "id": "2", "text": "On Friday", "votes": 0, "suggested_by": null },
            { "id": "3", "text": "At the depot", "votes": 0, "suggested_by": "ann" },
        ],
        "voters": 1, "max_votes": 1, "anonymous": false, "suggestions": true, "closes_at": "2026-03-03T09:30:00Z", "closed_at": null,
    })
}

pub(crate) fn create_poll() -> Value {
    json!({ "options": ["Tomorrow", "On Friday"], "suggestions": true, "closes_at": "2026-03-03T09:30:00Z" })
}

pub(crate) fn vote() -> Value {
    json!({ "options": ["1"] })
}

pub(crate) fn suggest_option() -> Value {
    json!({ "text": "At the depot" })
}

pub(crate) fn poll_vote() -> Value {
    json!({ "user": user_ref(), "option": "1", "created_at": LATER })
}

pub(crate) fn found_message() -> Value {
    json!({
        "message": message(),
        "snippet": [{ "text": "It is at the ", "found": false }, { "text": "depot", "found": true }],
    })
}

pub(crate) fn user_ref() -> Value {
    json!({ "id": "ann", "name": "Ann Berger", "image": "https://acme.example/avatars/ann.png" })
}

pub(crate) fn upsert_user() -> Value {
    json!({
        "id": "ann", "name": "Ann Berger", "image": "https://acme.example/avatars/ann.png", "custom": { "plan": "pro" },
    })
}

pub(crate) fn upsert_users() -> Value {
    json!({ "users": [upsert_user(), { "id": "support-7", "name": "Ben from Support" }] })
}

pub(crate) fn upserted_users() -> Value {
    json!({ "users": [user()] })
}

pub(crate) fn update_user() -> Value {
    json!({ "name": "Ann B.", "image": null })
}

pub(crate) fn create_token() -> Value {
    json!({ "user": upsert_user(), "expires_in": 3600 })
}

pub(crate) fn user_token() -> Value {
    json!({
        "token": "eyJhbGciOiJIUzI1NiIsImtpZCI6InBrXzdkM2YwYTljIn0.eyJzdWIiOiJhbm4ifQ.c2lnbmF0dXJl", "expires_at": "2026-03-02T10:30:00Z",
        "user": user(),
    })
}

pub(crate) fn create_guest() -> Value {
    json!({ "name": "Visitor" })
}

pub(crate) fn revoke_tokens() -> Value {
    json!({ "user_id": "ann" })
}

pub(crate) fn open_connection() -> Value {
    json!({ "session_id": SESSION, "device": "desktop" })
}

pub(crate) fn goodbye() -> Value {
    json!({ "session_id": SESSION })
}

pub(crate) fn user_presence() -> Value {
    json!({
        "user_id": "ann", "online": true, "status": "dnd", "status_text": "In a meeting", "status_color": "#ef4444",
        "last_seen_at": "2026-03-02T10:15:00Z", "devices": ["mobile", "web"],
    })
}

pub(crate) fn own_presence() -> Value {
    json!({
        "online": true, "status": "dnd", "status_text": "In a meeting", "status_color": "#ef4444",
        "last_seen_at": "2026-03-02T10:15:00Z", "expires_at": "2026-03-02T11:00:00Z",
    })
}

pub(crate) fn update_presence() -> Value {
    json!({
        "status": "dnd", "status_text": "In a meeting", "status_color": "#ef4444", "expires_at": "2026-03-02T11:00:00Z",
    })
}

pub(crate) fn query_presence() -> Value {
    json!({ "user_ids": ["ann", "support-7"] })
}

pub(crate) fn watchers() -> Value {
    json!({ "items": [user_ref()], "next": null, "count": 1 })
}

pub(crate) fn realtime_connection() -> Value {
    json!({
        "url": "wss://chat.acme.example/connection/websocket",
        "http_stream_url": "https://chat.acme.example/connection/http_stream",
        "sse_url": "https://chat.acme.example/connection/sse",
        "emulation_url": "https://chat.acme.example/emulation",
        "token": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbm4ifQ.c2lnbmF0dXJl", "expires_at": "2026-03-02T10:30:00Z",
        "user_channel": "chat:user:0198c0de-0001-7b6d-8f21-4c9e5a3d7f00:ann",
        "session_id": SESSION,
    })
}

pub(crate) fn subscribe_request() -> Value {
    json!({ "channel": format!("chat:channel:{CHANNEL}") })
}

pub(crate) fn subscription_token() -> Value {
    json!({ "token": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbm4ifQ.c2lnbmF0dXJl", "expires_at": "2026-03-02T10:30:00Z" })
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

pub(crate) fn add_reaction() -> Value {
    json!({ "type": "👏", "score": 5, "enforce_unique": true })
}

pub(crate) fn reaction() -> Value {
    json!({ "type": "👏", "user": user_ref(), "score": 5, "created_at": LATER })
}

pub(crate) fn pin_message() -> Value {
    json!({ "expires_at": "2026-03-09T09:30:00Z" })
}

pub(crate) fn send_message() -> Value {
    json!({
        "id": MESSAGE, "text": "It was left with **your neighbour**.", "mentions": ["ann"], "reply_to_id": QUESTION,
        "attachments": [{ "type": "image", "url": "https://acme.example/parcels/1042.jpg" }],
    })
}

pub(crate) fn update_message() -> Value {
    json!({ "text": "It was left with your neighbour, *Mr Kim*.", "custom_set": { "proof": "photo" } })
}

pub(crate) fn message() -> Value {
    json!({
        "id": MESSAGE, "channel_id": CHANNEL,
        "user": { "id": "support-7", "name": "Ben from Support", "image": null },
        "content_type": "text", "text": "It was left with **your neighbour**.",
        "attachments": [{ "type": "image", "url": "https://acme.example/parcels/1042.jpg" }], "mentions": ["ann"],
        "custom": {}, "parent_id": null, "reply_to_id": QUESTION, "quoted": quoted(),
        "reactions": [{ "type": "👏", "count": 1, "score": 5 }], "own_reactions": ["👏"], "poll": null,
        "pinned": { "at": LATER, "by": "support-7", "expires_at": "2026-03-09T09:30:00Z" },
        "seq": 3, "updated_seq": 5, "ordinal": 2, "created_at": LATER, "edited_at": null, "deleted_at": null,
    })
}

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

pub(crate) fn update_location() -> Value {
    json!({ "lat": 52.5163, "lon": 13.3777 })
}

pub(crate) fn user_group() -> Value {
    json!({ "id": GROUP, "name": "couriers", "member_count": 2, "created_at": AT, "updated_at": LATER })
}

pub(crate) fn create_user_group() -> Value {
    json!({ "id": GROUP, "name": "couriers", "user_ids": ["courier-3"] })
}

pub(crate) fn update_user_group() -> Value {
    json!({ "name": "couriers" })
}

pub(crate) fn add_to_user_group() -> Value {
    json!({ "user_ids": ["courier-4"] })
}

pub(crate) fn user_group_member() -> Value {
    json!({ "user": { "id": "courier-3", "name": "Mira", "image": null }, "added_at": AT })
}

pub(crate) fn quoted() -> Value {
    json!({ "id": QUESTION, "seq": 2, "user": user_ref(), "text": "Where is my parcel?", "attachments": [], "created_at": AT })
}

pub(crate) fn forwarded_from() -> Value {
    json!({ "message_id": QUESTION, "user": user_ref(), "created_at": AT })
}

pub(crate) fn forward_message() -> Value {
    json!({ "channel_ids": [WAREHOUSE], "comment": "Can you look for it?", "ids": [REPLY] })
}

pub(crate) fn forwarded() -> Value {
    let mut message = message();
    let own = json!({
        "id": REPLY, "channel_id": WAREHOUSE, "content_type": "text", "text": "Can you look for it?\n\n> Where is my parcel?", "attachments": [],
        "mentions": [], "reply_to_id": null, "reactions": [], "pinned": null, "forwarded_from": forwarded_from(),
        "own_reactions": [], "seq": 9, "updated_seq": 9, "ordinal": 7,
    });
    if let (Value::Object(message), Value::Object(own)) = (&mut message, own) {
        message.remove("quoted");
        message.extend(own);
    }
    json!({ "results": [{ "channel_id": WAREHOUSE, "message": message }] })
}

pub(crate) fn thread_summary() -> Value {
    json!({
        "reply_count": 1, "ordinal": 1, "participant_count": 1, "participants": [user_ref()], "last_reply_at": LATER,
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

pub(crate) fn thread() -> Value {
    let mut root = message();
    root["thread"] = thread_summary();
    root["updated_seq"] = json!(4);
    json!({
        "message": root, "channel_id": CHANNEL, "following": true, "unread": 0, "read": thread_read(),
        "replies": [{
            "id": REPLY, "channel_id": CHANNEL, "user": user_ref(), "content_type": "text", "text": "Found it, thank you!", "attachments": [],
            "mentions": [], "custom": {}, "parent_id": MESSAGE, "thread_ordinal": 1, "reply_to_id": null,
            "reactions": [], "poll": null, "pinned": null, "own_reactions": [], "seq": 4, "updated_seq": 4, "ordinal": 2, "created_at": LATER, "edited_at": null, "deleted_at": null,
        }],
    })
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

pub(crate) fn message_page() -> Value {
    json!({ "items": [message()], "before": "WyJtZXNzYWdlcyIsM10", "after": null })
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
        },
        "unread": unread_counts(), "cursor": "AbxY0kP3nQ", "more": false,
    })
}

pub(crate) fn error_body() -> Value {
    json!({
        "error": {
            "code": "rate_limited", "message": "Too many requests. Wait for `Retry-After` seconds.", "retryable": true,
            "doc": "/docs/errors#rate_limited", "request_id": "0198c0de-9a31-7e5f-b0c4-2d8a6f1e3c77",
        },
    })
}

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

pub(crate) fn user_deletion() -> Value {
    json!({
        "id": "0198c0de-e6c3-7f42-8d59-408b1c3f7e07", "mode": "anonymise",
        "subject": "3f0a9c5b1e48d2a6c4f8107d3f0a9c5b1e48d2a6c4f8107d3f0a9c5b1e48d2a6",
        "requested_by": "pk_7d3f0a9c5b1e48d2a6c4f810", "ghost_id": "deleted-0198c0dee6c37f428d59408b1c3f7e08",
        "messages": 214, "created_at": AT, "finished_at": LATER,
    })
}
