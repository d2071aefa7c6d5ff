//! Apps, users, tokens, presence and groups.

use serde_json::{Value, json};

use super::{AT, CHANNEL, GROUP, LATER, SESSION};

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

pub(crate) fn user_deletion() -> Value {
    json!({
        "id": "0198c0de-e6c3-7f42-8d59-408b1c3f7e07", "mode": "anonymise",
        "subject": "3f0a9c5b1e48d2a6c4f8107d3f0a9c5b1e48d2a6c4f8107d3f0a9c5b1e48d2a6",
        "requested_by": "pk_7d3f0a9c5b1e48d2a6c4f810", "ghost_id": "deleted-0198c0dee6c37f428d59408b1c3f7e08",
        "messages": 214, "created_at": AT, "finished_at": LATER,
    })
}
