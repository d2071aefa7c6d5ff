//! Stars: a user's own marks, beside what is unread and mentioned.

use futures_util::future::join_all;
use parlor_e2e::{Client, Listener, Mode, Server, until};
use parlor_protocol::{ErrorCode, EventType};
use serde_json::{Value, json};

use diesel_async::RunQueryDsl;

fn path_of(message: &Value) -> String {
    format!("/messages/{}", message["id"].as_str().unwrap())
}

async fn star(user: &Client, message: &Value) -> u16 {
    user.put(&format!("{}/star", path_of(message)), json!({})).await.status
}

async fn unstar(user: &Client, message: &Value) -> u16 {
    user.delete(&format!("{}/star", path_of(message))).await.status
}

async fn flagged(user: &Client, flag: &str) -> Vec<Value> {
    let items = user.all("/users/me/messages", &format!("flag={flag}&limit=2")).await;
    items.iter().map(|item| item["message_id"].clone()).collect()
}

async fn rows(server: &Server, of: &str) -> usize {
    let sql = format!("SELECT FROM user_messages WHERE user_id = '{of}'");
    diesel::sql_query(sql).execute(&mut server.db.admin().await).await.unwrap()
}

async fn stars_are_ones_own(mode: Mode) {
    let server = Server::start(mode).await;
    let app = server.app("acme").await;
    let (ann, ben) = (app.user("ann").await, app.user("ben").await);
    let channel = app.channel(&[&ann, &ben]).await;
    let mut said = Vec::new();
    for n in 0..3 {
        said.push(ann.say(&channel, &format!("{n}")).await);
    }
    let reply = json!({ "text": "reply", "parent_id": said[0]["id"] });
    said.push(ann.post(&format!("/channels/{channel}/messages"), reply).await.gives(201));
    let before = ann.get(&format!("/channels/{channel}")).await.gives(200)["seq"].clone();
    let (mine, theirs) = (Listener::connect(&ben).await, Listener::connect(&ann).await);
    let other_device = Listener::connect(&ben).await;

    for message in [&said[0], &said[2], &said[3], &said[0]] {
        assert_eq!(star(&ben, message).await, 204);
    }
    assert_eq!(flagged(&ben, "starred").await, [3, 2, 0].map(|n: usize| said[n]["id"].clone()));
    assert_eq!(flagged(&ann, "starred").await, Vec::<Value>::new());
    assert_eq!(unstar(&ben, &said[2]).await, 204);
    assert_eq!(unstar(&ben, &said[2]).await, 204);
    assert_eq!(unstar(&ben, &said[1]).await, 204, "it never was");

    for listener in [&mine, &other_device] {
        listener.next(&listener.user_topic, 0, EventType::MessageUnstarred).await;
        let own = listener.events(&listener.user_topic);
        let told: Vec<_> = own.iter().filter(|event| event.seq.is_some()).collect();
        let facts: Vec<_> = told.iter().map(|event| (event.kind, &event.data["message_id"])).collect();
        assert_eq!(
            facts,
            [
                (EventType::MessageStarred, &said[0]["id"]),
                (EventType::MessageStarred, &said[2]["id"]),
                (EventType::MessageStarred, &said[3]["id"]),
                (EventType::MessageUnstarred, &said[2]["id"]),
            ],
            "a repetition is told to nobody"
        );
        assert!(told.windows(2).all(|pair| pair[1].prev_seq == pair[0].seq), "{told:?}");
        assert_eq!(told[0].data["channel_id"], json!(channel));
    }
    assert!(
        theirs.events(&theirs.user_topic).iter().all(|event| event.seq.is_none()),
        "nobody else hears of it"
    );
    assert_eq!(
        ann.get(&format!("/channels/{channel}")).await.gives(200)["seq"],
        before,
        "it is no change of the channel"
    );
    server.settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stars_are_ones_own_embedded() {
    stars_are_ones_own(Mode::Embedded).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stars_are_ones_own_cluster() {
    stars_are_ones_own(Mode::Cluster).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_star_and_the_other_flags_leave_each_other_alone() {
    let server = Server::start(Mode::Embedded).await;
    let app = server.app("acme").await;
    let (ann, ben) = (app.user("ann").await, app.user("ben").await);
    let channel = app.channel(&[&ann, &ben]).await;
    until("ben's activity is noted", async || {
        !ben.get("/users/me").await.gives(200)["last_active_at"].is_null()
    })
    .await;
    let path = format!("/channels/{channel}/messages");
    let plain = ann.say(&channel, "plain").await;
    // Starred at once, before or after its flags are there: either way it is unread and starred.
    star(&ben, &plain).await;
    let mention = ann.post(&path, json!({ "text": "@ben", "mentions": ["ben"] })).await.gives(201);
    star(&ben, &mention).await;
    let ids = |messages: &[&Value]| messages.iter().map(|message| message["id"].clone()).collect::<Vec<_>>();
    let become_ = async |flag: &str, expected: &[&Value]| {
        until(&format!("{flag} are {expected:?}"), async || flagged(&ben, flag).await == ids(expected)).await;
    };
    become_("unread", &[&mention, &plain]).await;
    become_("mentioned", &[&mention]).await;
    become_("starred", &[&mention, &plain]).await;

    ben.post(&format!("/channels/{channel}/read"), json!({})).await.gives(200);
    become_("unread", &[]).await;
    server.settled().await;
    become_("starred", &[&mention, &plain]).await;
    become_("mentioned", &[&mention]).await;
    assert_eq!(rows(&server, "ben").await, 2, "what is marked keeps its row");
    ben.post(&format!("/channels/{channel}/unread"), json!({ "message_id": plain["id"] })).await.gives(200);
    become_("unread", &[&mention, &plain]).await;
    server.settled().await;

    // Without its star it is still unread; once read it has no row.
    unstar(&ben, &plain).await;
    become_("unread", &[&mention, &plain]).await;
    ben.post(&format!("/channels/{channel}/read"), json!({})).await.gives(200);
    server.settled().await;
    until("what is read and unmarked has no row", async || rows(&server, "ben").await == 1).await;
    unstar(&ben, &mention).await;
    become_("mentioned", &[&mention]).await;
    star(&ben, &plain).await;
    let item = ben.get("/users/me/messages?flag=starred").await.gives(200)["items"][0].clone();
    assert_eq!(
        item,
        json!({ "channel_id": channel, "message_id": plain["id"], "read": true, "mentioned": false, "starred": true })
    );
    unstar(&ben, &plain).await;
    assert_eq!(rows(&server, "ben").await, 1, "what is read and unmarked has no row");
    server.settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn starred_messages_are_listed_with_what_they_say_while_they_can_be_read() {
    let server = Server::start(Mode::Embedded).await;
    let app = server.app("acme").await;
    let (ann, ben) = (app.user("ann").await, app.user("ben").await);
    let (channel, left) = (app.channel(&[&ann, &ben]).await, app.channel(&[&ann, &ben]).await);
    let (kept, deleted, erased) = (
        ann.say(&channel, "kept").await,
        ann.say(&channel, "deleted").await,
        ann.say(&channel, "erased").await,
    );
    let elsewhere = ann.say(&left, "elsewhere").await;
    for message in [&kept, &deleted, &erased, &elsewhere] {
        assert_eq!(star(&ben, message).await, 204);
    }
    ben.post(&format!("{}/reactions", path_of(&kept)), json!({ "type": "like" })).await.gives(200);
    let list = async || ben.all("/users/me/messages", "flag=starred&with=messages&limit=3").await;
    let all = list().await;
    assert_eq!(all.len(), 4);
    for item in &all {
        assert_eq!(item["message"]["id"], item["message_id"]);
        assert_eq!(
            item["message"],
            ben.get(&path_of(&item["message"])).await.gives(200),
            "as it is shown anywhere"
        );
    }
    assert_eq!(all[3]["message"]["own_reactions"], json!(["like"]));

    ann.delete(&path_of(&deleted)).await.gives(200);
    app.server.delete(&format!("{}?hard=true", path_of(&erased))).await.gives(200);
    assert_eq!(ben.post(&format!("/channels/{left}/leave"), json!({})).await.status, 204);
    let rest = list().await;
    assert_eq!((rest.len(), &rest[0]["message"]["text"]), (1, &json!("kept")));
    assert_eq!(flagged(&ben, "starred").await, [kept["id"].clone()], "the same without the messages");
    ben.get("/users/me/messages?flag=starred&with=everything").await.refused(ErrorCode::InvalidParameter);
    server.settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn members_star_what_they_may_read() {
    let server = Server::start(Mode::Embedded).await;
    let (app, other) = (server.app("acme").await, server.app("other").await);
    let (ann, eve) = (app.user("ann").await, app.user("eve").await);
    let channel = app.channel(&[&ann]).await;
    let said = ann.say(&channel, "mine").await;
    let path = format!("{}/star", path_of(&said));
    for client in [&eve, &other.user("ann").await] {
        client.put(&path, json!({})).await.refused(ErrorCode::MessageNotFound);
        client.delete(&path).await.refused(ErrorCode::MessageNotFound);
    }
    app.server.put(&path, json!({})).await.refused(ErrorCode::UserOnly);
    app.server.delete(&path).await.refused(ErrorCode::UserOnly);
    let members = json!([{ "user_id": "ann", "role": "owner" }]);
    let stream = app.channel_with(json!({ "type": "livestream", "members": members })).await;
    let live = ann.say(&stream, "live").await;
    eve.put(&format!("{}/star", path_of(&live)), json!({})).await.refused(ErrorCode::NotAMember);
    eve.post(&format!("/channels/{stream}/join"), json!({})).await.gives(200);
    assert_eq!(star(&eve, &live).await, 204);
    assert_eq!(flagged(&eve, "starred").await, [live["id"].clone()]);

    // One's own are read, starred or not.
    assert_eq!(star(&ann, &said).await, 204);
    let own = ann.get("/users/me/messages?flag=starred").await.gives(200)["items"][0].clone();
    assert_eq!((&own["read"], &own["starred"]), (&json!(true), &json!(true)));
    ann.delete(&path_of(&said)).await.gives(200);
    ann.put(&path, json!({})).await.refused(ErrorCode::MessageDeleted);
    assert_eq!(unstar(&ann, &said).await, 204);
    server.settled().await;
}

/// Messages come, are read and starred, all at once: in the end each star is there, once, and nothing read is unread.
#[tokio::test(flavor = "multi_thread")]
async fn stars_and_flags_at_once_lose_nothing() {
    let server = Server::start(Mode::Embedded).await;
    let app = server.app("acme").await;
    let (ann, ben) = (app.user("ann").await, app.user("ben").await);
    let channel = app.channel(&[&ann, &ben]).await;
    let listener = Listener::connect(&ben).await;
    let work = (0..30).map(|n| {
        let (ann, ben, channel) = (&ann, &ben, &channel);
        async move {
            let message = ann.say(channel, &format!("{n}")).await;
            let read = format!("/channels/{channel}/read");
            let (_, one, two) =
                tokio::join!(ben.post(&read, json!({})), star(ben, &message), star(ben, &message));
            assert_eq!((one, two), (204, 204));
            if n % 3 == 0 {
                assert_eq!(unstar(ben, &message).await, 204);
                None
            } else {
                Some(message["id"].clone())
            }
        }
    });
    let mut expected: Vec<Value> = join_all(work).await.into_iter().flatten().collect();
    ben.post(&format!("/channels/{channel}/read"), json!({})).await.gives(200);
    server.settled().await;
    let text = |ids: &mut Vec<Value>| ids.sort_by_key(|id| id.as_str().unwrap().to_owned());
    let mut starred = flagged(&ben, "starred").await;
    text(&mut starred);
    text(&mut expected);
    assert_eq!(starred, expected);
    until("what is read and unmarked has no row", async || rows(&server, "ben").await == expected.len())
        .await;
    until("every change is told", async || {
        let events = listener.events(&listener.user_topic);
        events.iter().filter(|event| event.seq.is_some()).count() == 40
    })
    .await;
}
