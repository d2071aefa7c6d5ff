//! Pins: held up, listed, limited, and over when their time has come.

use diesel_async::RunQueryDsl;
use futures_util::future::join_all;
use parlor_e2e::{Client, Listener, Mode, Server, until};
use parlor_protocol::{ErrorCode, EventType};
use parlor_test_support::TestDb;
use serde_json::{Value, json};

fn path_of(message: &Value) -> String {
    format!("/messages/{}", message["id"].as_str().unwrap())
}

fn pin_of(message: &Value) -> String {
    format!("{}/pin", path_of(message))
}

async fn seq(user: &Client, channel: &str) -> i64 {
    user.get(&format!("/channels/{channel}")).await.gives(200)["seq"].as_i64().unwrap()
}

/// Ids of the pinned messages, in pages of two.
async fn pinned(user: &Client, channel: &str) -> Vec<Value> {
    let pins = user.all(&format!("/channels/{channel}/pins"), "limit=2").await;
    pins.iter().map(|message| message["id"].clone()).collect()
}

/// A pin that will end, but not while a test runs.
fn until_late() -> Value {
    json!({ "expires_at": "2099-01-01T00:00:00Z" })
}

/// Lets time pass for these pins: all that have an end are past it.
async fn their_time_comes(server: &Server) {
    let sql = "BEGIN; UPDATE pins SET expires_at = now() - interval '1 second' WHERE expires_at IS NOT NULL;
        UPDATE messages SET pinned = jsonb_set(pinned, '{expires_at}', '\"2000-01-01T00:00:00Z\"')
            WHERE pinned ->> 'expires_at' IS NOT NULL;
        COMMIT";
    TestDb::execute(&server.db, sql).await;
}

async fn messages_are_held_up(mode: Mode) {
    let server = Server::start(mode).await;
    let app = server.app("acme").await;
    let (ann, ben) = (app.user("ann").await, app.user("ben").await);
    let channel = app.channel(&[&ann, &ben]).await;
    let mut said = Vec::new();
    for n in 0..5 {
        said.push(ann.say(&channel, &format!("{n}")).await);
    }
    assert_eq!(said[0]["pinned"], Value::Null);
    ben.post(&format!("{}/reactions", path_of(&said[0])), json!({ "type": "like" })).await.gives(200);
    let listener = Listener::connect(&ben).await;
    listener.subscribe(&channel).await;

    let first = ann.post(&pin_of(&said[0]), json!({})).await.gives(200);
    assert_eq!((&first["pinned"]["by"], &first["pinned"]["expires_at"]), (&json!("ann"), &Value::Null));
    assert_eq!((&first["updated_seq"], &first["edited_at"]), (&json!(8), &Value::Null));
    let event = listener.next(&format!("chat:channel:{channel}"), 0, EventType::MessageUpdated).await;
    assert_eq!((event.seq, &event.data["message"]["pinned"]), (Some(8), &first["pinned"]));
    assert_eq!(event.data["message"].get("own_reactions"), None);
    assert_eq!(event.data["message"]["reactions"], first["reactions"]);
    for n in [3, 1] {
        ann.post(&pin_of(&said[n]), json!({})).await.gives(200);
    }
    assert_eq!(
        pinned(&ben, &channel).await,
        [1, 3, 0].map(|n| said[n]["id"].clone()),
        "the last pinned first"
    );
    let listed = ben.get(&format!("/channels/{channel}/pins")).await.gives(200);
    assert_eq!(listed["items"][2], ben.get(&path_of(&said[0])).await.gives(200));
    assert_eq!(listed["items"][2]["own_reactions"], json!(["like"]));

    // A repetition changes nothing; another end changes the end alone.
    let now = seq(&ann, &channel).await;
    let again = ann.post(&pin_of(&said[0]), json!({})).await.gives(200);
    assert_eq!((&again["pinned"], seq(&ann, &channel).await), (&first["pinned"], now));
    let ends = json!({ "expires_at": "2099-01-01T00:00:00.123456789Z" });
    let ending = app.server.post(&pin_of(&said[0]), ends.clone()).await.gives(200);
    assert_eq!(ending["pinned"]["expires_at"], "2099-01-01T00:00:00.123456Z");
    assert_eq!((&ending["pinned"]["at"], &ending["pinned"]["by"]), (&first["pinned"]["at"], &json!("ann")));
    assert_eq!(app.server.post(&pin_of(&said[0]), ends).await.gives(200), ending);
    assert_eq!(seq(&ann, &channel).await, now + 1);
    assert_eq!(pinned(&ben, &channel).await.len(), 3);
    let by_server = app.server.post(&pin_of(&said[4]), json!({})).await.gives(200);
    assert_eq!(by_server["pinned"]["by"], Value::Null);

    let changes = ben.get(&format!("/channels/{channel}/changes?since={now}")).await.gives(200);
    let ids: Vec<&Value> =
        changes["messages"].as_array().unwrap().iter().map(|message| &message["id"]).collect();
    assert_eq!(ids, [&said[0]["id"], &said[4]["id"]]);

    let free = ann.delete(&pin_of(&said[3])).await.gives(200);
    assert_eq!(free["pinned"], Value::Null);
    assert_eq!(ann.delete(&pin_of(&said[3])).await.gives(200), free);
    assert_eq!(ann.delete(&path_of(&said[1])).await.gives(200)["pinned"], Value::Null, "deleting unpins");
    assert_eq!(seq(&ann, &channel).await, now + 4, "an end, a pin, an unpinning and a deletion");
    assert_eq!(pinned(&ben, &channel).await, [4, 0].map(|n| said[n]["id"].clone()));
    server.settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_are_held_up_embedded() {
    messages_are_held_up(Mode::Embedded).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_are_held_up_cluster() {
    messages_are_held_up(Mode::Cluster).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn moderators_pin_and_equals_pin_for_each_other() {
    let server = Server::start(Mode::Embedded).await;
    let (app, other) = (server.app("acme").await, server.app("other").await);
    let (ann, ben, eve) = (app.user("ann").await, app.user("ben").await, app.user("eve").await);
    let team = app.channel(&[&ann, &ben]).await;
    let said = ben.say(&team, "mine").await;
    let reply = json!({ "text": "reply", "parent_id": said["id"] });
    let reply = ben.post(&format!("/channels/{team}/messages"), reply).await.gives(201);

    ben.post(&pin_of(&said), json!({})).await.refused(ErrorCode::Forbidden);
    ben.delete(&pin_of(&said)).await.refused(ErrorCode::Forbidden);
    for client in [&eve, &other.user("ann").await, &other.server] {
        client.post(&pin_of(&said), json!({})).await.refused(ErrorCode::MessageNotFound);
        client.delete(&pin_of(&said)).await.refused(ErrorCode::MessageNotFound);
    }
    eve.get(&format!("/channels/{team}/pins")).await.refused(ErrorCode::NotAMember);
    other.server.get(&format!("/channels/{team}/pins")).await.refused(ErrorCode::ChannelNotFound);
    ann.post(&pin_of(&reply), json!({})).await.refused(ErrorCode::InvalidThread);
    for wrong in ["2020-01-01T00:00:00Z", "not a time", "12000-01-01T00:00:00Z"] {
        ann.post(&pin_of(&said), json!({ "expires_at": wrong })).await.refused(ErrorCode::InvalidRequest);
    }
    ann.delete(&path_of(&reply)).await.gives(200);
    ann.post(&pin_of(&reply), json!({})).await.refused(ErrorCode::MessageDeleted);
    assert_eq!(seq(&ann, &team).await, 4, "refusals take no number");

    let pair = ben
        .post(
            "/channels",
            json!({ "type": "messaging", "distinct": true, "members": [{ "user_id": "ann" }] }),
        )
        .await
        .gives(201);
    assert!(pair["capabilities"].as_array().unwrap().contains(&json!("pin_message")), "{pair}");
    let pair = pair["id"].as_str().unwrap();
    let hers = ann.say(pair, "the address").await;
    ben.post(&pin_of(&hers), json!({})).await.gives(200);
    app.server.patch(&format!("/channels/{pair}"), json!({ "config": { "frozen": true } })).await.gives(200);
    ben.delete(&pin_of(&hers)).await.refused(ErrorCode::ChannelFrozen);
    server.settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_has_fifty_pins_also_if_many_pin_at_once() {
    let server = Server::start(Mode::Embedded).await;
    let app = server.app("acme").await;
    let ann = app.user("ann").await;
    let (channel, elsewhere) = (app.channel(&[&ann]).await, app.channel(&[&ann]).await);
    let mut said = Vec::new();
    for n in 0..53 {
        said.push(ann.say(&channel, &format!("{n}")).await);
    }
    for message in &said[..48] {
        ann.post(&pin_of(message), json!({})).await.gives(200);
    }
    let paths: Vec<String> = said[48..].iter().map(pin_of).collect();
    let answers = join_all(paths.iter().map(|path| ann.post(path, json!({})))).await;
    let (fit, past): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status == 200);
    assert_eq!((fit.len(), past.len()), (2, 3));
    past.into_iter().for_each(|answer| answer.refused(ErrorCode::TooManyPins));
    let before = seq(&ann, &channel).await;
    ann.post(&pin_of(&said[0]), json!({})).await.gives(200);
    assert_eq!(seq(&ann, &channel).await, before, "a repetition is none more");
    let other = ann.say(&elsewhere, "x").await;
    ann.post(&pin_of(&other), json!({})).await.gives(200);

    ann.delete(&pin_of(&said[0])).await.gives(200);
    let unpinned = fit.iter().map(|answer| answer.json["id"].clone()).collect::<Vec<_>>();
    let next = said[48..].iter().find(|message| !unpinned.contains(&message["id"])).unwrap();
    ann.post(&pin_of(next), json!({})).await.gives(200);
    assert_eq!(pinned(&ann, &channel).await.len(), 50);
    server.settled().await;
}

/// Two nodes look for what has expired; whoever listens hears of each once.
#[tokio::test(flavor = "multi_thread")]
async fn a_pin_that_expires_is_gone_at_once_and_told_once() {
    let server = Server::start(Mode::Cluster).await;
    let _second = server.another_node().await;
    let app = server.app("acme").await;
    let (ann, ben) = (app.user("ann").await, app.user("ben").await);
    let channel = app.channel(&[&ann, &ben]).await;
    let mut said = Vec::new();
    for n in 0..4 {
        said.push(ann.say(&channel, &format!("{n}")).await);
    }
    let listener = Listener::connect(&ben).await;
    listener.subscribe(&channel).await;
    let mut at = Vec::new();
    for message in &said {
        at.push(ann.post(&pin_of(message), until_late()).await.gives(200)["pinned"]["at"].clone());
    }
    // One is kept longer, one is let go before.
    ann.post(&pin_of(&said[2]), json!({})).await.gives(200);
    ann.delete(&pin_of(&said[3])).await.gives(200);
    their_time_comes(&server).await;

    // At once, whether they are cleared or not.
    assert_eq!(pinned(&ben, &channel).await, [said[2]["id"].clone()]);
    for (n, shows) in [(0, &Value::Null), (1, &Value::Null), (2, &at[2]), (3, &Value::Null)] {
        assert_eq!(&ben.get(&path_of(&said[n])).await.gives(200)["pinned"]["at"], shows, "{n}");
    }
    let ended = |events: &[parlor_protocol::Envelope]| {
        let over = |event: &&parlor_protocol::Envelope| event.data["message"]["pinned"].is_null();
        let over = events.iter().filter(|event| event.kind == EventType::MessageUpdated).filter(over);
        let mut ids: Vec<String> =
            over.map(|event| event.data["message"]["id"].as_str().unwrap().to_owned()).collect();
        ids.sort_unstable();
        ids
    };
    let mut expected: Vec<String> =
        [0, 1, 3].iter().map(|n| said[*n]["id"].as_str().unwrap().to_owned()).collect();
    expected.sort_unstable();
    until("their ends are told", async || ended(&listener.events_of(&channel)).len() >= expected.len()).await;
    // Whoever looked at the same pins has looked by now: the rows of both are gone, and what was told is in order.
    until("no pin waits for its end", async || rows(&server, "pins WHERE expires_at IS NOT NULL").await == 0)
        .await;
    server.settled().await;
    let last = ann.say(&channel, "after that").await["seq"].as_i64();
    until("the last is heard", async || listener.events_of(&channel).iter().any(|event| event.seq == last))
        .await;
    let events = listener.events_of(&channel);
    assert_eq!(ended(&events), expected, "each once");
    let seqs: Vec<i64> = events.iter().filter_map(|event| event.seq).collect();
    assert!(seqs.windows(2).all(|pair| pair[1] == pair[0] + 1), "{seqs:?}");
    assert_eq!(rows(&server, "messages WHERE pinned IS NOT NULL").await, 1);
}

/// A pin past its end is none, also for who pins and unpins before it is cleared.
#[tokio::test(flavor = "multi_thread")]
async fn an_expired_pin_can_be_made_anew_and_a_deleted_channel_forgets_its_own() {
    let server = Server::start(Mode::Embedded).await;
    let app = server.app("acme").await;
    let (ann, ben) = (app.user("ann").await, app.user("ben").await);
    let channel = app
        .channel_with(json!({ "type": "messaging", "members": [{ "user_id": "ann" }, { "user_id": "ben" }] }))
        .await;
    let doomed = app.channel(&[&ann]).await;
    let (said, gone) = (ann.say(&channel, "x").await, ann.say(&doomed, "y").await);
    ann.post(&pin_of(&said), until_late()).await.gives(200);
    ann.post(&pin_of(&gone), until_late()).await.gives(200);
    assert_eq!(ann.delete(&format!("/channels/{doomed}")).await.status, 204);
    their_time_comes(&server).await;
    assert_eq!(ben.get(&path_of(&said)).await.gives(200)["pinned"], Value::Null, "at once, cleared or not");
    assert_eq!(ann.delete(&pin_of(&said)).await.gives(200)["pinned"], Value::Null);
    let anew = ben.post(&pin_of(&said), json!({})).await.gives(200);
    assert_eq!(anew["pinned"]["by"], "ben", "it is another pin");
    until("the deleted channel's pin is forgotten", async || rows(&server, "pins").await == 1).await;
    assert_eq!(pinned(&ben, &channel).await, [said["id"].clone()]);
    server.settled().await;
}

async fn rows(server: &Server, what: &str) -> usize {
    let sql = format!("SELECT FROM {what}");
    diesel::sql_query(sql).execute(&mut server.db.admin().await).await.unwrap()
}
