//! From where on a member reads a channel.

use parlor_e2e::{Client, Listener, Mode, Replica, Server, until};
use parlor_protocol::ErrorCode;
use serde_json::{Value, json};

use super::{add, people, set, texts};

/// Of Centrifugo's protocol.
const PERMISSION_DENIED: u32 = 103;

/// Nothing from before is shown to this reader, in whatever way they ask, and everything since is.
async fn reads_only(reader: &Client, channel: &str, before: &[&Value], since: &[&str]) {
    let at = format!("/channels/{channel}");
    let messages = format!("{at}/messages");
    let since: Vec<String> = since.iter().map(|text| (*text).to_owned()).collect();
    assert_eq!(texts(reader, &messages).await, since);
    assert_eq!(texts(reader, &format!("{messages}?after=2000-01-01T00:00:00Z")).await, since);
    let oldest = reader.get(&format!("{messages}?limit=1")).await.gives(200);
    let mut cursor = oldest["before"].as_str().map(str::to_owned);
    let mut paged = oldest["items"].as_array().unwrap().len();
    while let Some(before) = cursor {
        let page = reader.get(&format!("{messages}?limit=1&before={before}")).await.gives(200);
        paged += page["items"].as_array().unwrap().len();
        cursor = page["before"].as_str().map(str::to_owned);
    }
    assert_eq!(paged, since.len(), "page by page");
    for message in before {
        let id = message["id"].as_str().unwrap();
        reader.get(&format!("/messages/{id}")).await.refused(ErrorCode::MessageNotFound);
        for side in ["before", "after", "around"] {
            reader.get(&format!("{messages}?{side}={id}")).await.refused(ErrorCode::MessageNotFound);
        }
        for mark in ["read", "unread"] {
            let answer = reader.post(&format!("{at}/{mark}"), json!({ "message_id": id })).await;
            answer.refused(ErrorCode::MessageNotFound);
        }
        reader
            .patch(&format!("/messages/{id}"), json!({ "text": "x" }))
            .await
            .refused(ErrorCode::MessageNotFound);
        reader.delete(&format!("/messages/{id}")).await.refused(ErrorCode::MessageNotFound);
    }
    let view = reader.get(&at).await.gives(200);
    assert_eq!(view["last_message"]["text"].as_str(), since.last().map(String::as_str));
    let listed = reader.get(&format!("{at}/changes?since=0")).await.gives(200);
    let pulled: Vec<&str> = listed["messages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|message| message["text"].as_str().unwrap())
        .collect();
    assert_eq!(pulled, since);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_clears_the_history_reads_from_there_on() {
    let server = Server::start(Mode::Embedded).await;
    let (app, [ann, ben]) = people(&server, ["ann", "ben"]).await;
    let channel = app.channel(&[&ann, &ben]).await;
    let at = format!("/channels/{channel}");
    // Rows of flags are for who was active lately, which is noted beside the request.
    until("ben's activity is noted", async || {
        !ben.get("/users/me").await.gives(200)["last_active_at"].is_null()
    })
    .await;
    let (first, second) = (ann.say(&channel, "first").await, ann.say(&channel, "second").await);
    let path = format!("{at}/messages");
    let third = json!({ "text": "@ben", "mentions": ["ben"] });
    let third = ann.post(&path, third).await.gives(201);
    until("ben's flags are there", async || ben.all("/users/me/messages", "flag=unread").await.len() == 3)
        .await;
    let before = ben.get(&at).await.gives(200);
    let cleared = set(&ben, &channel, json!({ "hidden": { "clear_history": true } })).await;
    assert_eq!(cleared["settings"]["history_from_seq"].as_i64(), before["seq"].as_i64().map(|seq| seq + 1));
    assert_eq!(cleared["settings"]["history_ordinal"], 3);
    assert_eq!(cleared["read_seq"], before["membership"]["read_seq"], "nobody sees that anything was read");
    let again = set(&ben, &channel, json!({ "hidden": { "clear_history": true } })).await;
    assert_eq!(again, cleared, "there is nothing more to clear");

    let old = [&first, &second, &third];
    reads_only(&ben, &channel, &old, &[]).await;
    assert_eq!(
        ben.get("/unread").await.gives(200),
        json!({ "total": 0, "mentions_total": 0, "threads_total": 0, "channels": [] })
    );
    assert_eq!(ben.get(&at).await.gives(200)["unread"], 0);
    for flag in ["unread", "mentioned"] {
        assert_eq!(
            ben.all("/users/me/messages", &format!("flag={flag}")).await,
            Vec::<Value>::new(),
            "{flag}"
        );
    }
    // What changes of it does not come back either, and is not counted out of what is new.
    ann.patch(&format!("/messages/{}", first["id"].as_str().unwrap()), json!({ "text": "again" }))
        .await
        .gives(200);
    ann.delete(&format!("/messages/{}", second["id"].as_str().unwrap())).await.gives(200);
    reads_only(&ben, &channel, &old, &[]).await;

    let news = ann.say(&channel, "news").await;
    ann.say(&channel, "more").await;
    reads_only(&ben, &channel, &old, &["news", "more"]).await;
    assert_eq!(ben.get("/unread").await.gives(200)["total"], 2);
    until("what is new is flagged", async || ben.all("/users/me/messages", "flag=unread").await.len() == 2)
        .await;
    let back = ben.post(&format!("{at}/unread"), json!({ "message_id": news["id"] })).await.gives(200);
    assert_eq!((&back["unread"], &back["read"]["last_read_message_id"]), (&json!(2), &Value::Null));
    assert_eq!(ben.post(&format!("{at}/read"), json!({})).await.gives(200)["unread"], 0);

    // Others read what they always read, and so does the server.
    assert_eq!(texts(&ann, &path).await.len(), 5);
    assert_eq!(texts(&app.server, &path).await.len(), 5);
    server.settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_comes_where_history_is_hidden_reads_from_there_on() {
    let server = Server::start(Mode::Embedded).await;
    let (app, [ann, ben, cid, dan, eve]) = people(&server, ["ann", "ben", "cid", "dan", "eve"]).await;
    let request = json!({
        "type": "team", "config": { "open": true, "hide_history_for_new_members": true },
        "members": [{ "user_id": "ann", "role": "owner" }],
    });
    let channel = app.channel_with(request).await;
    let (at, members) = (format!("/channels/{channel}"), format!("/channels/{channel}/members"));
    let old = ann.say(&channel, "old").await;
    ann.post(&members, add(&["ben"], json!({}))).await.gives(200);
    let joined = cid.post(&format!("{at}/join"), json!({})).await.gives(200);
    assert_eq!((&joined["unread"], &joined["last_message"]), (&json!(0), &Value::Null));
    ann.say(&channel, "new").await;
    for newcomer in [&ben, &cid] {
        reads_only(newcomer, &channel, &[&old], &["new"]).await;
        assert_eq!(newcomer.get("/unread").await.gives(200)["total"], 1);
    }
    assert_eq!(
        texts(&ann, &format!("{at}/messages")).await,
        ["old", "new"],
        "who was there before reads all of it"
    );

    // Switched off, who comes reads everything, but for those for whom it is asked.
    ann.patch(&at, json!({ "config": { "hide_history_for_new_members": false } })).await.gives(200);
    ann.post(&members, add(&["dan"], json!({}))).await.gives(200);
    ann.post(&members, add(&["eve"], json!({ "hide_history": true }))).await.gives(200);
    assert_eq!(texts(&dan, &format!("{at}/messages")).await, ["old", "new"]);
    reads_only(&eve, &channel, &[&old], &[]).await;
    reads_only(&ben, &channel, &[&old], &["new"]).await;

    // Who leaves and comes back by themselves gets no more than they had; whoever adds them may give them all of it.
    for way in ["leave", "join"] {
        let answer = eve.post(&format!("{at}/{way}"), json!({})).await;
        assert!([200, 204].contains(&answer.status), "{way}: {}", answer.text);
    }
    reads_only(&eve, &channel, &[&old], &[]).await;
    assert_eq!(eve.post(&format!("{at}/leave"), json!({})).await.status, 204);
    ann.post(&members, add(&["eve"], json!({}))).await.gives(200);
    assert_eq!(texts(&eve, &format!("{at}/messages")).await, ["old", "new"]);
    assert_eq!(eve.post(&format!("{at}/leave"), json!({})).await.status, 204);
    ann.post(&members, add(&["eve"], json!({ "hide_history": true }))).await.gives(200);

    // A thread that began before is read from there on.
    let reply = json!({ "text": "reply", "parent_id": old["id"] });
    ann.post(&format!("{at}/messages"), reply).await.gives(201);
    let thread = format!("{at}/messages?parent_id={}", old["id"].as_str().unwrap());
    assert_eq!(texts(&eve, &thread).await, ["reply"]);

    // A client's copy, pulled, is what it is shown.
    let mut copy = Replica::default();
    while copy.pull(&ben, &channel).await == Ok(true) {}
    let fresh = Replica::snapshot(&ben, &channel, &[old["id"].as_str().unwrap().parse().unwrap()]).await;
    assert_eq!(copy.messages, fresh.messages);
    assert_eq!(copy.messages.len(), 2);
    server.settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_livestream_is_read_and_joined_without_rows_for_its_messages() {
    let server = Server::start(Mode::Embedded).await;
    let (app, [ann, ben, eve]) = people(&server, ["ann", "ben", "eve"]).await;
    let request = json!({ "type": "livestream", "members": [{ "user_id": "ann", "role": "owner" }] });
    let stream = app.channel_with(request).await;
    let at = format!("/channels/{stream}");
    ann.say(&stream, "welcome").await;

    // Whoever looks needs no membership; to speak one joins.
    assert_eq!(texts(&eve, &format!("{at}/messages")).await, ["welcome"]);
    assert_eq!(eve.get(&at).await.gives(200)["membership"], Value::Null);
    eve.post(&format!("{at}/messages"), json!({ "text": "x" })).await.refused(ErrorCode::NotAMember);
    ben.post(&format!("{at}/join"), json!({})).await.gives(200);
    for n in 0..20 {
        ben.say(&stream, &format!("{n}")).await;
    }
    assert_eq!(ann.get("/unread").await.gives(200)["total"], 20);
    server.settled().await;
    assert_eq!(rows(&server, "user_messages").await, 0);
    assert_eq!(rows(&server, "channel_members").await, 2, "who only looks has no row");

    // The same traffic in a channel of members leaves rows: the count can see them.
    let team = app.channel(&[&ann, &ben]).await;
    until("ann's activity is noted", async || {
        !ann.get("/users/me").await.gives(200)["last_active_at"].is_null()
    })
    .await;
    ben.say(&team, "hello").await;
    until("there is a row", async || rows(&server, "user_messages").await == 1).await;
}

async fn rows(server: &Server, table: &str) -> i64 {
    use diesel_async::RunQueryDsl;
    #[derive(diesel::QueryableByName)]
    struct Count {
        #[diesel(sql_type = diesel::sql_types::BigInt)]
        count: i64,
    }
    let query = diesel::sql_query(format!("SELECT count(*) AS count FROM {table}"));
    query.get_result::<Count>(&mut server.db.admin().await).await.unwrap().count
}

async fn realtime_tells_a_newcomer_nothing_from_before(mode: Mode) {
    let server = Server::start(mode).await;
    let (app, [ann, ben, eve]) = people(&server, ["ann", "ben", "eve"]).await;
    let channel = app.channel(&[&ann, &ben]).await;
    ann.say(&channel, "old").await;
    server.settled().await;
    let members = format!("/channels/{channel}/members");
    ann.post(&members, add(&["eve"], json!({ "hide_history": true }))).await.gives(200);
    let (bens, eves) = (Listener::connect(&ben).await, Listener::connect(&eve).await);
    for listener in [&bens, &eves] {
        let refused = listener.subscribe_from_the_beginning(&channel).await;
        assert_eq!(refused, Some(PERMISSION_DENIED));
    }
    ann.say(&channel, "new").await;
    let said = |listener: &Listener| -> Vec<String> {
        let events = listener.events_of(&channel);
        events.iter().filter_map(|event| event.data["message"]["text"].as_str().map(str::to_owned)).collect()
    };
    for (listener, hears) in [(&bens, &["old", "new"][..]), (&eves, &["new"])] {
        until("the new one is heard", async || said(listener).iter().any(|text| text == "new")).await;
        assert_eq!(said(listener), hears);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn realtime_tells_a_newcomer_nothing_from_before_embedded() {
    realtime_tells_a_newcomer_nothing_from_before(Mode::Embedded).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn realtime_tells_a_newcomer_nothing_from_before_cluster() {
    realtime_tells_a_newcomer_nothing_from_before(Mode::Cluster).await;
}
