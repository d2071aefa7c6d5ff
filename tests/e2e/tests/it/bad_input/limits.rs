//! Each limit: what is at it passes, and one more is refused.

use parlor_protocol::ErrorCode;
use serde_json::{Value, json};

use super::Room;

/// An object that is exactly this many bytes of JSON.
fn object_of(bytes: usize) -> Value {
    let object = json!({ "type": "x", "a": "y".repeat(bytes - r#"{"a":"","type":"x"}"#.len()) });
    assert_eq!(object.to_string().len(), bytes);
    object
}

fn nested(levels: usize) -> Value {
    (0..levels).fold(json!(1), |inner, _| json!([inner]))
}

fn image(chars: usize) -> String {
    format!("https://a.example/{}", "x".repeat(chars - "https://a.example/".len()))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_at_its_limits_passes_and_past_them_does_not() {
    let room = Room::new().await;
    let send = format!("{}/messages", room.at);
    let mentions = |count: usize| vec!["ben"; count];
    let attachments = |count: usize| vec![json!({ "type": "image" }); count];
    let cases = [
        (
            ErrorCode::TextTooLong,
            json!({ "text": "é".repeat(20_000) }),
            json!({ "text": "é".repeat(20_001) }),
        ),
        (
            ErrorCode::TextTooLong,
            json!({ "text": "👍".repeat(20_000) }),
            json!({ "text": "👍".repeat(20_001) }),
        ),
        (
            ErrorCode::EmptyMessage,
            json!({ "text": "", "attachments": attachments(1) }),
            json!({ "text": " \n\t" }),
        ),
        (
            ErrorCode::TooManyAttachments,
            json!({ "attachments": attachments(10) }),
            json!({ "attachments": attachments(11) }),
        ),
        (
            ErrorCode::InvalidAttachment,
            json!({ "attachments": [object_of(5120)] }),
            json!({ "attachments": [object_of(5121)] }),
        ),
        (
            ErrorCode::InvalidAttachment,
            json!({ "attachments": [{ "type": "x", "a": nested(15) }] }),
            json!({ "attachments": [{ "type": "x", "a": nested(16) }] }),
        ),
        (
            ErrorCode::InvalidAttachment,
            json!({ "attachments": [{ "type": "" }] }),
            json!({ "attachments": [{ "type": 1 }] }),
        ),
        (
            ErrorCode::TooManyMentions,
            json!({ "text": "x", "mentions": mentions(50) }),
            json!({ "text": "x", "mentions": mentions(51) }),
        ),
        (
            ErrorCode::CustomTooLarge,
            json!({ "text": "x", "custom": object_of(5120) }),
            json!({ "text": "x", "custom": object_of(5121) }),
        ),
        (
            ErrorCode::CustomTooLarge,
            json!({ "text": "x", "custom": { "a": nested(15) } }),
            json!({ "text": "x", "custom": { "a": nested(16) } }),
        ),
    ];
    for (code, at_limit, past) in cases {
        let answer = room.ann.post(&send, at_limit).await;
        assert_eq!(answer.status, 201, "{code:?}: {}", answer.text);
        room.server.settled().await;
        room.refuses("a send", code, room.ann.post(&send, past.clone())).await;
        if past.get("mentions").is_none() {
            room.refuses("an edit", code, room.ann.patch(&room.message, past)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn profiles_and_batches_at_their_limits_pass_and_past_them_do_not() {
    let room = Room::new().await;
    let server = &room.app.server;
    for (code, at_limit, past) in [
        (ErrorCode::NameTooLong, json!({ "name": "é".repeat(100) }), json!({ "name": "é".repeat(101) })),
        (ErrorCode::InvalidUrl, json!({ "image": image(2048) }), json!({ "image": image(2049) })),
        (
            ErrorCode::InvalidUrl,
            json!({ "image": "http://a.example" }),
            json!({ "image": "javascript:alert(1)" }),
        ),
        (ErrorCode::InvalidUrl, json!({ "image": null }), json!({ "image": "https://a.example/ x" })),
        (
            ErrorCode::CustomTooLarge,
            json!({ "custom": object_of(5120) }),
            json!({ "custom": object_of(5121) }),
        ),
        (
            ErrorCode::CustomTooLarge,
            json!({ "custom": { "a": nested(15) } }),
            json!({ "custom": { "a": nested(16) } }),
        ),
    ] {
        for path in ["/users/ann", room.at.as_str()] {
            let answer = room.ann.patch(path, at_limit.clone()).await;
            assert_eq!(answer.status, 200, "{path} {code:?}: {}", answer.text);
            room.server.settled().await;
            room.refuses(path, code, room.ann.patch(path, past.clone())).await;
        }
        let mut user = past.clone();
        user["id"] = json!("ann");
        room.refuses("an upsert", code, server.put("/users/ann", user.clone())).await;
        room.refuses("a token", code, server.post("/tokens", json!({ "user": user }))).await;
        let mut channel = past;
        channel["type"] = json!("team");
        room.refuses("a new channel", code, room.ann.post("/channels", channel)).await;
    }

    let users = |count: usize| (0..count).map(|n| json!({ "id": format!("u{n}") })).collect::<Vec<_>>();
    server.put("/users", json!({ "users": users(100) })).await.gives(200);
    for wrong in [0, 101] {
        let call = server.put("/users", json!({ "users": users(wrong) }));
        room.refuses("a batch of users", ErrorCode::BatchTooLarge, call).await;
    }
    let members =
        |count: usize| (0..count).map(|n| json!({ "user_id": format!("u{n}") })).collect::<Vec<_>>();
    let path = format!("{}/members", room.at);
    room.ann.post(&path, json!({ "members": members(100) })).await.gives(200);
    room.server.settled().await;
    for wrong in [0, 101] {
        let call = room.ann.post(&path, json!({ "members": members(wrong) }));
        room.refuses("a batch of members", ErrorCode::BatchTooLarge, call).await;
    }
    room.ann.post("/channels", json!({ "type": "team", "members": members(100) })).await.gives(201);
    room.server.settled().await;
    let call = room.ann.post("/channels", json!({ "type": "team", "members": members(101) }));
    room.refuses("a channel's members", ErrorCode::BatchTooLarge, call).await;
    let slug = |length: usize| json!({ "type": "team", "id": "s".repeat(length) });
    room.ann.post("/channels", slug(64)).await.gives(201);
    room.server.settled().await;
    room.refuses("a long slug", ErrorCode::InvalidId, room.ann.post("/channels", slug(65))).await;
    let id = |length: usize| format!("/users/{}", "i".repeat(length));
    server.put(&id(64), json!({ "id": "i".repeat(64) })).await.gives(200);
    room.refuses("a long user id", ErrorCode::InvalidId, server.put(&id(65), json!({ "id": "ann" }))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_of_256_kib_is_read_and_one_byte_more_is_not() {
    let room = Room::new().await;
    let send = format!("{}/messages", room.at);
    let body = |bytes: usize| {
        let text = r#"{"text":"x"}"#;
        format!("{text}{}", " ".repeat(bytes - text.len()))
    };
    let answer = room.raw(parlor_e2e::Method::POST, &send, body(256 * 1024)).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    room.server.settled().await;
    for bytes in [256 * 1024 + 1, 3 * 1024 * 1024] {
        let call = room.raw(parlor_e2e::Method::POST, &send, body(bytes));
        room.refuses("a large body", ErrorCode::BodyTooLarge, call).await;
    }
}
