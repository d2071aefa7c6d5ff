//! Messages, and what people do with them.

use serde_json::{Value, json};

use super::{AT, CHANNEL, LATER, MESSAGE, QUESTION, REPLY, WAREHOUSE, thread_read, user_ref};

pub(crate) fn message_edit() -> Value {
    json!({
        "seq": 5, "text": "It was left with your neihgbour.", "content_type": "text",
        "attachments": [], "custom": {}, "edited_by": "support-7",
        "edited_at": LATER,
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

pub(crate) fn update_location() -> Value {
    json!({ "lat": 52.5163, "lon": 13.3777 })
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

pub(crate) fn message_page() -> Value {
    json!({ "items": [message()], "before": "WyJtZXNzYWdlcyIsM10", "after": null })
}
