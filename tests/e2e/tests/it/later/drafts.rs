//! Drafts: one in each channel and thread, the same on all devices.

use parlor_e2e::{Listener, Mode, Server, until};
use parlor_protocol::{ErrorCode, EventType};
use serde_json::{Value, json};

use super::{heard, own_events, user_seq};

async fn a_draft_is_the_same_on_all_devices(mode: Mode) {
    let server = Server::start(mode).await;
    let app = server.app("acme").await;
    let (ann, ben) = (app.user("ann").await, app.user("ben").await);
    let channel = app.channel(&[&ann, &ben]).await;
    let at = format!("/channels/{channel}/draft");
    let root = ben.say(&channel, "root").await;
    let (phone, other) = (Listener::connect(&ann).await, Listener::connect(&ben).await);

    ann.get(&at).await.refused(ErrorCode::DraftNotFound);
    let body = json!({
        "text": "Half a **thou", "mentions": ["ben", "not registered yet"], "reply_to_id": root["id"],
        "attachments": [{ "type": "image", "size": { "w": 1.5 } }], "custom": { "z": [1, null], "a": { "b": true } },
    });
    let draft = ann.put(&at, body.clone()).await.gives(200);
    for field in ["text", "mentions", "reply_to_id", "attachments", "custom"] {
        assert_eq!(draft[field], body[field], "{field}");
    }
    assert_eq!((&draft["channel_id"], &draft["parent_id"]), (&json!(channel), &Value::Null));
    assert_eq!(ann.get(&at).await.gives(200), draft);
    let told = heard(&phone, EventType::DraftUpdated, 1).await.remove(0);
    assert_eq!(told.data, json!({ "draft": draft }));
    assert_eq!((told.seq, told.channel_id), (draft["user_seq"].as_i64(), channel.parse().ok()));

    // The same again is no change; a thread has a draft of its own.
    let seq = user_seq(&server, "ann").await;
    assert_eq!(ann.put(&at, body).await.gives(200), draft);
    assert_eq!(user_seq(&server, "ann").await, seq);
    let reply = json!({ "content": "in the thread", "parent_id": root["id"] });
    let reply = ann.put(&at, reply).await.gives(200);
    assert_eq!((&reply["parent_id"], &reply["text"]), (&root["id"], &json!("in the thread")));
    let in_thread = format!("{at}?parent_id={}", root["id"].as_str().unwrap());
    assert_eq!(ann.get(&in_thread).await.gives(200), reply);
    assert_eq!(ann.all("/drafts", "limit=1").await, [reply.clone(), draft.clone()], "the last changed first");
    let changed = ann.put(&at, json!({ "text": "A thought" })).await.gives(200);
    assert_eq!((&changed["reply_to_id"], &changed["custom"]), (&Value::Null, &json!({})), "all of it is new");
    assert_eq!(ann.all("/drafts", "limit=1").await, [changed.clone(), reply.clone()]);

    // Sending leaves it; the client that sends deletes it.
    ann.say(&channel, "A thought").await;
    assert_eq!(ann.get(&at).await.gives(200), changed);
    assert_eq!(ann.delete(&at).await.status, 204);
    ann.get(&at).await.refused(ErrorCode::DraftNotFound);
    assert_eq!(ann.put(&at, json!({ "text": " \n", "parent_id": root["id"] })).await.status, 204);
    assert_eq!(ann.all("/drafts", "").await, Vec::<Value>::new());
    let gone: Vec<Value> =
        heard(&phone, EventType::DraftDeleted, 2).await.into_iter().map(|event| event.data).collect();
    assert_eq!(gone[0], json!({ "channel_id": channel, "parent_id": null }));
    assert_eq!(gone[1], json!({ "channel_id": channel, "parent_id": root["id"] }));

    // What is not there can't be deleted again, and can be written again.
    let seq = user_seq(&server, "ann").await;
    assert_eq!(ann.delete(&at).await.status, 204);
    assert_eq!(ann.put(&at, json!({})).await.status, 204);
    assert_eq!(user_seq(&server, "ann").await, seq);
    let again = ann.put(&at, json!({ "text": "A thought" })).await.gives(200);
    assert_eq!(ann.all("/drafts", "").await, [again]);
    heard(&phone, EventType::DraftUpdated, 4).await;

    assert_eq!(ben.all("/drafts", "").await, Vec::<Value>::new(), "another's draft is nobody's business");
    ben.get(&at).await.refused(ErrorCode::DraftNotFound);
    server.settled().await;
    assert_eq!(own_events(&other, EventType::DraftUpdated).len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_draft_is_the_same_on_all_devices_embedded() {
    a_draft_is_the_same_on_all_devices(Mode::Embedded).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_draft_is_the_same_on_all_devices_cluster() {
    a_draft_is_the_same_on_all_devices(Mode::Cluster).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn drafts_have_the_limits_of_messages_and_stand_where_their_user_is() {
    let server = Server::start(Mode::Embedded).await;
    let (app, foreign) = (server.app("acme").await, server.app("other").await);
    let (ann, ben, eve) = (app.user("ann").await, app.user("ben").await, app.user("eve").await);
    let channel = app.channel(&[&ann, &ben]).await;
    let at = format!("/channels/{channel}/draft");
    let attachments = |count: usize| vec![json!({ "type": "image" }); count];
    for (code, at_limit, past) in [
        (
            ErrorCode::TextTooLong,
            json!({ "text": "é".repeat(20_000) }),
            json!({ "text": "é".repeat(20_001) }),
        ),
        (
            ErrorCode::TooManyAttachments,
            json!({ "attachments": attachments(10) }),
            json!({ "attachments": attachments(11) }),
        ),
        (ErrorCode::InvalidAttachment, json!({ "text": "x" }), json!({ "attachments": [{ "type": 1 }] })),
        (
            ErrorCode::TooManyMentions,
            json!({ "mentions": vec!["ben"; 50] }),
            json!({ "mentions": vec!["ben"; 51] }),
        ),
        (
            ErrorCode::CustomTooLarge,
            json!({ "custom": { "a": "x".repeat(5112) } }),
            json!({ "custom": { "a": "x".repeat(5113) } }),
        ),
        (ErrorCode::InvalidRequest, json!({ "text": "x" }), json!({ "text": "x", "colour": "red" })),
        (ErrorCode::InvalidRequest, json!({ "text": "x" }), json!({ "text": "x", "id": "7" })),
    ] {
        let before = ann.put(&at, at_limit).await.gives(200);
        ann.put(&at, past).await.refused(code);
        assert_eq!(ann.get(&at).await.gives(200), before, "{code:?} changed something");
    }

    // Threads and quotes are of this channel.
    let root = ann.say(&channel, "root").await;
    let reply = json!({ "text": "reply", "parent_id": root["id"] });
    let reply = ann.post(&format!("/channels/{channel}/messages"), reply).await.gives(201);
    let elsewhere = app.channel(&[&ann]).await;
    let stranger = ann.say(&elsewhere, "elsewhere").await;
    for wrong in [
        json!({ "text": "x", "parent_id": reply["id"] }),
        json!({ "text": "x", "parent_id": stranger["id"] }),
        json!({ "text": "x", "reply_to_id": stranger["id"] }),
        json!({ "text": "x", "parent_id": uuid::Uuid::now_v7() }),
    ] {
        ann.put(&at, wrong).await.refused(ErrorCode::InvalidThread);
    }

    // Who is no member has none, also where everybody may read.
    let stream = app
        .channel_with(json!({ "type": "livestream", "members": [{ "user_id": "ann", "role": "owner" }] }))
        .await;
    for (user, channel, code) in [
        (&eve, &channel, ErrorCode::NotAMember),
        (&eve, &stream, ErrorCode::NotAMember),
        (&foreign.user("ann").await, &channel, ErrorCode::ChannelNotFound),
        (&app.server, &channel, ErrorCode::UserOnly),
    ] {
        let at = format!("/channels/{channel}/draft");
        user.put(&at, json!({ "text": "x" })).await.refused(code);
        user.put(&at, json!({})).await.refused(code);
        user.get(&at).await.refused(code);
        user.delete(&at).await.refused(code);
    }
    app.server.get("/drafts").await.refused(ErrorCode::UserOnly);
    ann.get("/drafts?cursor=WyJ1c2VycyIsImFubiJd").await.refused(ErrorCode::InvalidCursor);
    ann.get("/drafts?limit=101").await.refused(ErrorCode::InvalidParameter);
    ann.get(&format!("{at}?parent_id=7")).await.refused(ErrorCode::InvalidParameter);

    // Who has left neither sees nor writes it, and finds it again when they return.
    ben.put(&at, json!({ "text": "mine" })).await.gives(200);
    assert_eq!(ben.post(&format!("/channels/{channel}/leave"), json!({})).await.status, 204);
    assert_eq!(ben.all("/drafts", "").await, Vec::<Value>::new());
    ben.get(&at).await.refused(ErrorCode::NotAMember);
    ben.put(&at, json!({ "text": "still mine" })).await.refused(ErrorCode::NotAMember);
    let back = json!({ "members": [{ "user_id": "ben" }] });
    ann.post(&format!("/channels/{channel}/members"), back).await.gives(200);
    assert_eq!(ben.get(&at).await.gives(200)["text"], "mine");
    assert_eq!(ann.delete(&format!("/channels/{channel}")).await.status, 204);
    assert_eq!(ben.all("/drafts", "").await, Vec::<Value>::new());
    ben.get(&at).await.refused(ErrorCode::ChannelNotFound);
    server.settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_draft_from_many_devices_at_once_is_one_change() {
    let server = Server::start(Mode::Embedded).await;
    let app = server.app("acme").await;
    let ann = app.user("ann").await;
    let channel = app.channel(&[&ann]).await;
    let at = format!("/channels/{channel}/draft");
    let seq = user_seq(&server, "ann").await;
    let puts = (0..20).map(|_| ann.put(&at, json!({ "text": "once" })));
    for answer in futures_util::future::join_all(puts).await {
        assert_eq!(answer.gives(200)["user_seq"], seq + 1);
    }
    // Different ones are a change each, and the last one stands.
    let listener = Listener::connect(&ann).await;
    let puts = (0..20).map(|n| ann.put(&at, json!({ "text": format!("draft {n}") })));
    let mut written: Vec<Value> =
        futures_util::future::join_all(puts).await.into_iter().map(|answer| answer.gives(200)).collect();
    written.sort_by_key(|draft| draft["user_seq"].as_i64());
    let seqs: Vec<i64> = written.iter().filter_map(|draft| draft["user_seq"].as_i64()).collect();
    assert_eq!(seqs, (seq + 2..=seq + 21).collect::<Vec<_>>());
    assert_eq!(ann.get(&at).await.gives(200), written[19]);
    until("all were told", async || own_events(&listener, EventType::DraftUpdated).len() >= 20).await;
    let told: Vec<Option<i64>> =
        own_events(&listener, EventType::DraftUpdated).iter().map(|event| event.seq).collect();
    assert_eq!(told, seqs.into_iter().map(Some).collect::<Vec<_>>(), "in the order of the changes");
    server.settled().await;
}
