//! Truncating a channel.

use futures_util::future::join_all;
use parlor_e2e::{Listener, Method, Mode, Server, until};
use parlor_protocol::{ErrorCode, EventType, MessageId};
use parlor_test_support::TestDb;
use serde_json::{Value, json};

use crate::realtime::on_both;

use super::{path_of, rows, seq, texts, topic, unread};

on_both! { everything_is_gone_at_once }

async fn everything_is_gone_at_once(mode: Mode) {
    let server = Server::start(mode).await;
    let app = server.app("acme").await;
    let (ann, ben) = (app.user("ann").await, app.user("ben").await);
    let channel = app.channel(&[&ann, &ben]).await;
    let at = format!("/channels/{channel}");
    let root = ann.say(&channel, "zebra").await;
    let reply = json!({ "text": "a reply", "parent_id": root["id"], "mentions": ["ben"] });
    let reply = ann.post(&format!("{at}/messages"), reply).await.gives(201);
    let path = path_of(&root);
    ann.post(&format!("{path}/pin"), json!({})).await.gives(200);
    let task = ann.post(&format!("{path}/task"), json!({ "assignee_id": "ben" })).await.gives(201);
    ben.put(&format!("{path}/star"), json!({})).await;
    ben.put(&format!("{path}/reminder"), json!({ "note": "look" })).await;
    ann.patch(&path, json!({ "text": "zebra again" })).await.gives(200);
    server.settled().await;
    assert_eq!(unread(&ben).await, 1);
    let listener = Listener::connect(&ben).await;
    listener.subscribe(&channel).await;
    let before = seq(&ann, &channel).await;

    let empty = ann.post(&format!("{at}/truncate"), json!({})).await.gives(200);
    assert_eq!((&empty["truncated_seq"], &empty["truncated_ordinal"]), (&reply["seq"], &json!(1)));
    assert_eq!((&empty["last_message"], &empty["ordinal"]), (&Value::Null, &json!(1)));
    assert_eq!((unread(&ben).await, unread(&ann).await), (0, 0));
    for user in [&ben, &app.server] {
        assert_eq!(texts(user, &channel).await, Vec::<String>::new());
        for of in ["", "/reactions", "/thread", "/poll/votes", "/history", "/reads"] {
            if of != "/thread" || !user.id.is_empty() {
                user.get(&format!("{path}{of}")).await.refused(ErrorCode::MessageNotFound);
            }
        }
        assert_eq!(user.get(&format!("{at}/pins")).await.gives(200)["items"], json!([]));
        assert_eq!(user.get(&format!("{at}/tasks")).await.gives(200)["items"], json!([]));
        assert_eq!(user.get("/search/messages?q=zebra").await.gives(200)["items"], json!([]));
        let thread = format!("{at}/messages?parent_id={}", root["id"].as_str().unwrap());
        assert_eq!(user.get(&thread).await.gives(200)["items"], json!([]));
        let changes = user.get(&format!("{at}/changes?since=0")).await.gives(200);
        assert_eq!((&changes["messages"], &changes["channel"]["truncated_seq"]), (&json!([]), &reply["seq"]));
    }
    for flag in ["unread", "mentioned", "starred"] {
        let listed = ben.all("/users/me/messages", &format!("flag={flag}")).await;
        assert_eq!(listed, Vec::<Value>::new(), "{flag}");
    }
    assert_eq!(ben.get("/threads").await.gives(200)["items"], json!([]));
    assert_eq!(ben.get("/tasks?assignee=me").await.gives(200)["items"], json!([]));
    assert_eq!(
        ben.get("/reminders").await.gives(200)["items"][0]["message"],
        Value::Null,
        "only the note is left"
    );
    let event = listener.next(&topic(&channel), 0, EventType::ChannelTruncated).await;
    assert_eq!(event.seq, Some(before + 1));
    assert_eq!(event.data, json!({ "truncated_seq": reply["seq"], "truncated_ordinal": 1 }));
    let event = listener.next(&topic(&channel), 0, EventType::TaskDeleted).await;
    assert_eq!((event.seq, &event.data["task"]["id"]), (Some(before + 2), &task["id"]));

    // Nothing refers to what is gone any more.
    for gone in
        [json!({ "text": "x", "parent_id": root["id"] }), json!({ "text": "x", "reply_to_id": reply["id"] })]
    {
        ben.post(&format!("{at}/messages"), gone).await.refused(ErrorCode::InvalidThread);
    }
    ann.patch(&path, json!({ "text": "x" })).await.refused(ErrorCode::MessageNotFound);
    ann.delete(&path).await.refused(ErrorCode::MessageNotFound);
    ben.post(&format!("{at}/read"), json!({ "message_id": root["id"] }))
        .await
        .refused(ErrorCode::MessageNotFound);

    // Numbers go on, and a repetition changes nothing.
    let now = seq(&ann, &channel).await;
    ann.post(&format!("{at}/truncate"), json!({})).await.gives(200);
    assert_eq!(seq(&ann, &channel).await, now);
    let next = ann.say(&channel, "next").await;
    assert_eq!((next["seq"].as_i64(), &next["ordinal"]), (Some(now + 1), &json!(2)));
    assert_eq!(unread(&ben).await, 1);
    let erased = "messages WHERE erased AND text = '' AND parent_id IS NULL";
    until("the rows forget", async || rows(&server, erased).await == 2).await;
    assert_eq!(rows(&server, "message_edits").await, 0);
    server.settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn up_to_a_time_and_with_a_word_that_stays() {
    let server = Server::start(Mode::Embedded).await;
    let app = server.app("acme").await;
    let (ann, ben) = (app.user("ann").await, app.user("ben").await);
    let channel = app.channel(&[&ann, &ben]).await;
    let at = format!("/channels/{channel}");
    let mut said = Vec::new();
    for n in 0..7 {
        let parent = if n == 3 { said.first().map(|root: &Value| root["id"].clone()) } else { None };
        let quote = if n == 5 { said.get(1).map(|quoted: &Value| quoted["id"].clone()) } else { None };
        let body = json!({ "text": format!("{n}"), "parent_id": parent, "reply_to_id": quote });
        said.push(ann.post(&format!("{at}/messages"), body).await.gives(201));
    }
    ben.post(&format!("{at}/read"), json!({ "message_id": said[1]["id"] })).await.gives(200);
    let truncate = format!("{at}/truncate");
    let too_early = json!({ "before": said[0]["created_at"] });
    assert_eq!(ann.post(&truncate, too_early).await.gives(200)["truncated_seq"], 0, "none is older");
    let before = json!({ "before": said[5]["created_at"] });
    let cut = ann.post(&truncate, before).await.gives(200);
    assert_eq!((&cut["truncated_seq"], &cut["truncated_ordinal"]), (&said[4]["seq"], &json!(4)));
    assert_eq!((texts(&ben, &channel).await, unread(&ben).await), (vec!["5".to_owned(), "6".to_owned()], 2));
    let quoting = ben.get(&path_of(&said[5])).await.gives(200)["quoted"].clone();
    assert_eq!(
        (&quoting["text"], &quoting["erased"], &quoting["id"]),
        (&json!(""), &json!(true), &said[1]["id"])
    );
    let stored = "messages WHERE quoted ->> 'text' = '1'";
    until("the row forgets it, too", async || rows(&server, stored).await == 0).await;
    let marked = ben.post(&format!("{at}/unread"), json!({ "message_id": said[5]["id"] })).await.gives(200);
    assert_eq!((&marked["unread"], &marked["read"]["last_read_message_id"]), (&json!(2), &Value::Null));

    // With a message.
    let id = MessageId::new();
    let message = json!({ "message": { "id": id, "text": "We begin anew." } });
    let both = json!({ "before": said[5]["created_at"], "message": { "text": "x" } });
    ann.post(&truncate, both).await.refused(ErrorCode::InvalidRequest);
    ann.post(&truncate, json!({ "message": { "text": "" } })).await.refused(ErrorCode::EmptyMessage);
    assert_eq!(texts(&ben, &channel).await.len(), 2, "what is refused removes nothing");
    ann.post(&truncate, message.clone()).await.gives(200);
    ann.say(&channel, "later").await;
    ann.post(&truncate, message).await.gives(200);
    assert_eq!(texts(&ben, &channel).await, ["We begin anew.", "later"], "a repetition finds its message");
    let stays = ben.get(&format!("/messages/{id}")).await.gives(200);
    assert_eq!(stays["content_type"], "system", "it tells what happened");
    assert_eq!(unread(&ben).await, 1, "which nobody has to read");
    let as_text = json!({ "message": { "text": "Hello again.", "content_type": "text" } });
    ann.post(&truncate, as_text).await.gives(200);
    assert_eq!((texts(&ben, &channel).await, unread(&ben).await), (vec!["Hello again.".to_owned()], 1));

    // By a key: what came after the first time stays.
    let key = ("Idempotency-Key", "once");
    let first = ann.with_header(Method::POST, &truncate, key, json!({})).await.gives(200);
    ann.say(&channel, "after").await;
    assert_eq!(ann.with_header(Method::POST, &truncate, key, json!({})).await.gives(200), first);
    assert_eq!(texts(&ben, &channel).await, ["after"]);

    ben.post(&truncate, json!({})).await.refused(ErrorCode::Forbidden);
    let with_message = json!({ "message": { "text": "x" } });
    ben.post(&truncate, with_message).await.refused(ErrorCode::Forbidden);
    assert_eq!(texts(&ben, &channel).await, ["after"]);
    app.user("eve").await.post(&truncate, json!({})).await.refused(ErrorCode::NotAMember);
    server.app("other").await.server.post(&truncate, json!({})).await.refused(ErrorCode::ChannelNotFound);
    server.settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_go_but_for_those_that_others_refer_to() {
    let server = Server::start_with(Mode::Embedded, &[("PARLOR_CHAT_UPKEEP_S", "1")]).await;
    let app = server.app("acme").await;
    let (ann, ben) = (app.user("ann").await, app.user("ben").await);
    let channel = app.channel(&[&ann, &ben]).await;
    let at = format!("/channels/{channel}");
    let mut said = Vec::new();
    for n in 0..6 {
        said.push(ann.say(&channel, &format!("{n}")).await);
    }
    ben.put(&format!("{}/reminder", path_of(&said[2])), json!({ "note": "look" })).await;
    for body in [
        json!({ "text": "reply", "parent_id": said[0]["id"] }),
        json!({ "text": "quote", "reply_to_id": said[1]["id"] }),
    ] {
        said.push(ann.post(&format!("{at}/messages"), body).await.gives(201));
    }
    server.settled().await;
    let lost = json!({ "id": said[5]["id"], "text": "5" });
    let before = json!({ "before": said[6]["created_at"] });
    ann.post(&format!("{at}/truncate"), before).await.gives(200);
    until("all are erased", async || rows(&server, "messages WHERE erased").await == 6).await;
    let again = ann.post(&format!("{at}/messages"), lost).await.gives(200);
    assert_eq!(
        (&again["text"], &again["erased"]),
        (&json!(""), &json!(true)),
        "a late repetition is no new message"
    );
    assert_eq!(rows(&server, "user_messages WHERE seq <= 7").await, 0, "and nobody has them to read");

    // A day later.
    let sql = "BEGIN; UPDATE messages SET created_at = created_at - interval '2 days' WHERE erased;
        UPDATE channels SET sweep_at = now() - interval '1 second'; COMMIT";
    TestDb::execute(&server.db, sql).await;
    until("rows are removed", async || rows(&server, "messages WHERE erased").await == 3).await;
    until("the channel is done", async || rows(&server, "channels WHERE sweep_at IS NULL").await == 1).await;
    assert_eq!(ben.get(&path_of(&said[6])).await.gives(200)["text"], "reply");
    assert_eq!(ben.get("/reminders").await.gives(200)["items"][0]["note"], "look");
    assert_eq!(unread(&ben).await, 1, "the quote");
    server.settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_truncates_and_who_sends_at_the_same_moment_lose_nothing() {
    let server = Server::start(Mode::Embedded).await;
    let app = server.app("acme").await;
    let (ann, ben) = (app.user("ann").await, app.user("ben").await);
    let channel = app.channel(&[&ann, &ben]).await;
    let truncate = format!("/channels/{channel}/truncate");
    let speak = async |n: usize| {
        if n % 5 == 4 {
            ann.post(&truncate, json!({})).await.gives(200);
        } else {
            ann.say(&channel, &format!("{n}")).await;
        }
    };
    join_all((0..40).map(speak)).await;
    let shown = ann.get(&format!("/channels/{channel}")).await.gives(200);
    let left = texts(&ben, &channel).await.len();
    let ordinal = |name: &str| shown[name].as_i64().unwrap();
    assert_eq!((ordinal("ordinal"), ordinal("ordinal") - ordinal("truncated_ordinal")), (32, left as i64));
    assert_eq!(unread(&ben).await, left as i64);
    server.settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_said_in_a_deleted_channel_is_removed() {
    let server = Server::start(Mode::Embedded).await;
    let app = server.app("acme").await;
    let (ann, ben) = (app.user("ann").await, app.user("ben").await);
    let (gone, stays) = (app.channel(&[&ann, &ben]).await, app.channel(&[&ann, &ben]).await);
    for channel in [&gone, &stays] {
        let body = json!({ "text": "hello", "mentions": ["ben"] });
        ann.post(&format!("/channels/{channel}/messages"), body).await.gives(201);
    }
    until("ben is called in both", async || rows(&server, "user_messages WHERE flags & 2 <> 0").await == 2)
        .await;
    ann.delete(&format!("/channels/{gone}")).await.gives(204);
    until("one is erased", async || rows(&server, "messages WHERE erased AND text = ''").await == 1).await;
    until("and calls nobody", async || rows(&server, "user_messages").await == 1).await;
    assert_eq!(texts(&ben, &stays).await, ["hello"]);
}
