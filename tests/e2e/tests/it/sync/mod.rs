//! `/sync`: a device's start, and what it missed.

mod device;
mod histories;

use parlor_e2e::{App, Client, Mode, Server};
use parlor_protocol::ErrorCode;
use serde_json::{Value, json};

async fn world() -> (Server, App, Client, Client) {
    let server = Server::start(Mode::Embedded).await;
    let app = server.app("acme").await;
    let (ann, ben) = (app.user("ann").await, app.user("ben").await);
    (server, app, ann, ben)
}

async fn sync(user: &Client, body: Value) -> Value {
    user.post("/sync", body).await.gives(200)
}

fn ids(answer: &Value) -> Vec<&str> {
    answer["channels"]
        .as_array()
        .unwrap()
        .iter()
        .map(|part| part["channel"]["id"].as_str().unwrap())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_is_all_that_an_app_shows_first_and_the_next_time_nothing_is_new() {
    let (server, app, ann, ben) = world().await;
    let (quiet, busy) = (app.channel(&[&ann]).await, app.channel(&[&ann, &ben]).await);
    for n in 0..30 {
        ann.say(&busy, &format!("{n}")).await;
    }
    ben.put(&format!("/channels/{busy}/draft"), json!({ "text": "begun" })).await.gives(200);
    let star = format!("/messages/{}/star", ann.say(&quiet, "not ben's").await["id"].as_str().unwrap());
    ann.put(&star, json!({})).await;
    let begun = sync(&ann, json!({})).await;
    assert_eq!(begun["own"]["stars"].as_array().unwrap().len(), 1);
    ann.delete(&star).await;
    let ended = sync(&ann, json!({ "cursor": begun["cursor"] })).await;
    assert_eq!(ended["own"]["stars"][0]["starred"], false);
    assert_eq!(
        sync(&ann, json!({})).await["own"]["stars"],
        json!([]),
        "who begins is not told of what is over"
    );
    server.settled().await;

    let start = sync(&ben, json!({})).await;
    assert_eq!(
        (&start["reset"], &start["more"], &start["next_channels"]),
        (&json!(true), &json!(false), &Value::Null)
    );
    assert_eq!((ids(&start), start["user"]["id"].as_str()), (vec![busy.as_str()], Some("ben")));
    assert!(!start.to_string().contains(&quiet));
    let part = &start["channels"][0];
    assert_eq!((part["reset"].as_bool(), part["messages"].as_array().unwrap().len()), (Some(true), 25));
    assert_eq!(part["messages"][24]["text"], "29", "the newest, oldest first");
    assert_eq!(part["messages"][24], part["channel"]["last_message"]);
    assert_eq!(part["channel"], ben.get(&format!("/channels/{busy}")).await.gives(200));
    let members: Vec<_> =
        part["members"].as_array().unwrap().iter().map(|member| &member["user"]["id"]).collect();
    assert_eq!(members, ["ann", "ben"]);
    assert_eq!(part["members"][0]["read_seq"], 31);
    assert_eq!(start["own"]["drafts"][0]["text"], "begun");
    assert_eq!(start["unread"], ben.get("/unread").await.gives(200));

    let again = sync(&ben, json!({ "cursor": start["cursor"] })).await;
    assert_eq!(
        (&again["reset"], &again["channels"], &again["more"]),
        (&json!(false), &json!([]), &json!(false))
    );
    assert!(again["unread"].is_null(), "{again}");
    let own = again["own"].as_object().unwrap();
    assert!(own.values().all(|list| list.as_array().is_some_and(Vec::is_empty)), "{again}");
    // The same cursor in an address.
    let cursor = start["cursor"].as_str().unwrap();
    let by_get = ben.get(&format!("/sync?cursor={cursor}")).await.gives(200);
    assert_eq!(by_get["channels"], json!([]));

    ann.say(&busy, "new").await;
    let missed = sync(&ben, json!({ "cursor": again["cursor"] })).await;
    let part = &missed["channels"][0];
    assert_eq!((&part["reset"], &part["messages"][0]["text"]), (&json!(false), &json!("new")));
    assert_eq!((&part["channel"]["unread"], &missed["unread"]["total"]), (&json!(31), &json!(31)));
    // A repetition with the same cursor gives the same.
    assert_eq!(sync(&ben, json!({ "cursor": again["cursor"] })).await["channels"], missed["channels"]);
    server.settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn channels_come_and_go_and_those_not_held_begin_anew() {
    let (server, app, ann, ben) = world().await;
    let mut rooms = Vec::new();
    for _ in 0..32 {
        rooms.push(app.channel(&[&ann, &ben]).await);
    }
    // What was active just now is told of in any case.
    server.db.execute("UPDATE channels SET created_at = created_at - interval '1 hour'").await;
    let start = sync(&ben, json!({})).await;
    assert_eq!(ids(&start).len(), 30);
    let rest = ben.post("/channels/query", json!({ "cursor": start["next_channels"] })).await.gives(200);
    let mut rest: Vec<_> = rest["items"].as_array().unwrap().iter().map(|state| &state["channel"]).collect();
    rest.sort_by_key(|channel| channel["id"].as_str().unwrap().to_owned());
    assert_eq!(rest.iter().map(|channel| channel["id"].as_str().unwrap()).collect::<Vec<_>>(), rooms[..2]);

    // What is held from elsewhere is told of without beginning anew.
    let hold = json!([{ "id": rest[0]["id"], "seq": rest[0]["seq"] }]);
    let held = sync(&ben, json!({ "cursor": start["cursor"], "hold": hold })).await;
    ann.say(&rooms[0], "to one that is held").await;
    ann.say(&rooms[1], "to one that is not").await;
    let told = sync(&ben, json!({ "cursor": held["cursor"] })).await;
    let of = |answer: &Value, room: &str| {
        let mut parts = answer["channels"].as_array().unwrap().clone();
        parts.retain(|part| part["channel"]["id"] == room);
        parts.pop().unwrap_or_default()
    };
    assert_eq!(of(&told, &rooms[0])["reset"], false);
    assert_eq!(of(&told, &rooms[1])["reset"], true);

    let new = app.channel(&[&ann, &ben]).await;
    ben.post(&format!("/channels/{}/leave", rooms[5]), json!({})).await;
    app.server.delete(&format!("/channels/{}", rooms[6])).await;
    let told = sync(&ben, json!({ "cursor": told["cursor"] })).await;
    assert_eq!(of(&told, &new)["reset"], true);
    let mut left: Vec<_> = told["left"].as_array().unwrap().iter().map(|id| id.as_str().unwrap()).collect();
    left.sort_unstable();
    assert_eq!(left, rooms[5..7]);

    // A livestream is held without being a member of it.
    let live = app.channel_with(json!({ "type": "livestream" })).await;
    let hold = json!([{ "id": live, "seq": 1 }]);
    let told = sync(&ben, json!({ "cursor": told["cursor"], "hold": hold })).await;
    assert_eq!(told["left"], json!([]));
    let say = json!({ "text": "live", "user_id": "ann" });
    app.server.post(&format!("/channels/{live}/messages"), say).await.gives(201);
    let told = sync(&ben, json!({ "cursor": told["cursor"] })).await;
    assert_eq!(of(&told, &live)["messages"][0]["text"], "live");
    server.settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_too_far_behind_begins_anew() {
    let (server, app, ann, ben) = world().await;
    let (far, near) = (app.channel(&[&ann, &ben]).await, app.channel(&[&ann, &ben]).await);
    let start = sync(&ben, json!({})).await;
    let behind = |by: i64| format!("UPDATE channels SET seq = seq + {by} WHERE id = '{far}'");
    ann.say(&near, "near").await;
    server.db.execute(&behind(1_001)).await;
    let told = sync(&ben, json!({ "cursor": start["cursor"] })).await;
    let resets: Vec<_> =
        told["channels"].as_array().unwrap().iter().map(|part| part["reset"].as_bool()).collect();
    assert_eq!(
        (told["reset"].as_bool(), ids(&told)[0] == near, resets),
        (Some(false), true, vec![Some(false), Some(true)])
    );
    // At the limit it goes on.
    server.db.execute(&behind(1_000)).await;
    let told = sync(&ben, json!({ "cursor": told["cursor"] })).await;
    assert_eq!((told["channels"][0]["reset"].as_bool(), told["more"].as_bool()), (Some(false), Some(false)));
    // A database that was set back: what the device holds is not there any more.
    server.db.execute(&behind(-100)).await;
    let told = sync(&ben, json!({ "cursor": told["cursor"] })).await;
    assert_eq!(told["channels"][0]["reset"], true);
    server.db.execute("UPDATE users SET seq = seq - 1 WHERE id = 'ben'").await;
    assert_eq!(sync(&ben, json!({ "cursor": told["cursor"] })).await["reset"], true);
    server.settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_time_is_as_good_as_a_cursor_for_what_came_since() {
    let (server, app, ann, ben) = world().await;
    let room = app.channel(&[&ann, &ben]).await;
    ann.say(&room, "long ago").await;
    ann.say(&room, "since").await;
    let ages = "UPDATE messages SET created_at = created_at - interval '1 hour' WHERE text = 'long ago';
        UPDATE channel_members SET joined_at = joined_at - interval '1 hour'";
    server.db.execute(ages).await;
    let time = (parlor_platform::clock::Clock::default().now() - chrono::Duration::minutes(10)).to_rfc3339();
    let told = sync(&ben, json!({ "last_synced_at": time })).await;
    let part = &told["channels"][0];
    assert_eq!((&told["reset"], &part["reset"]), (&json!(false), &json!(false)));
    let texts: Vec<_> = part["messages"].as_array().unwrap().iter().map(|message| &message["text"]).collect();
    assert_eq!(texts, ["since"]);
    let by_get = ben.get(&format!("/sync?last_synced_at={}", time.replace('+', "%2B"))).await.gives(200);
    assert_eq!(by_get["channels"], told["channels"]);
    let again = sync(&ben, json!({ "cursor": told["cursor"] })).await;
    assert_eq!(again["channels"], json!([]));
    for long_ago in ["2001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"] {
        assert_eq!(sync(&ben, json!({ "last_synced_at": long_ago })).await["reset"], true);
    }
    server.settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_a_request_is_said() {
    let (server, app, ann, ben) = world().await;
    let room = app.channel(&[&ann, &ben]).await;
    let (mine, theirs) = (sync(&ben, json!({})).await, sync(&ann, json!({})).await);
    let hold = |count: usize, seq: i64| json!(vec![json!({ "id": room, "seq": seq }); count]);
    for (code, body) in [
        (ErrorCode::InvalidCursor, json!({ "cursor": theirs["cursor"] })),
        (ErrorCode::InvalidCursor, json!({ "cursor": "garbage" })),
        (ErrorCode::InvalidCursor, json!({ "cursor": "" })),
        (
            ErrorCode::InvalidRequest,
            json!({ "cursor": mine["cursor"], "last_synced_at": "2026-01-01T00:00:00Z" }),
        ),
        (ErrorCode::InvalidRequest, json!({ "last_synced_at": "+12345-01-01T00:00:00Z" })),
        (ErrorCode::InvalidRequest, json!({ "limit": 0 })),
        (ErrorCode::InvalidRequest, json!({ "limit": 1_001 })),
        (ErrorCode::InvalidRequest, json!({ "messages": 26 })),
        (ErrorCode::InvalidRequest, json!({ "colour": "red" })),
        (ErrorCode::BatchTooLarge, json!({ "hold": hold(101, 1) })),
        (ErrorCode::InvalidRequest, json!({ "hold": hold(1, -1) })),
    ] {
        ben.post("/sync", body).await.refused(code);
    }
    sync(&ben, json!({ "limit": 1_000, "messages": 25, "hold": hold(100, 1) })).await;
    app.server.post("/sync", json!({})).await.refused(ErrorCode::UserOnly);
    // A channel of somebody else's is no channel, whatever one says to hold of it.
    let foreign = app.channel(&[&ann]).await;
    let told = sync(&ben, json!({ "cursor": mine["cursor"], "hold": [{ "id": foreign, "seq": 0 }] })).await;
    assert_eq!((&told["left"], &told["channels"]), (&json!([foreign]), &json!([])));
    server.settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn large_answers_are_compressed_for_who_can_read_them() {
    let (server, app, ann, _) = world().await;
    let room = app.channel(&[&ann]).await;
    for _ in 0..5 {
        ann.say(&room, &"words ".repeat(100)).await;
    }
    let path = format!("/channels/{room}/messages");
    let plain = ann.get(&path).await;
    assert_eq!((plain.header("content-encoding"), plain.header("vary")), ("", "Accept-Encoding"));
    let request = ann.request(parlor_e2e::Method::GET, &path).header("Accept-Encoding", "gzip");
    let response = request.send().await.unwrap();
    assert_eq!(response.headers()["content-encoding"], "gzip");
    let bytes = response.bytes().await.unwrap();
    assert!(bytes.starts_with(&[0x1f, 0x8b]) && bytes.len() * 2 < plain.text.len(), "{}", bytes.len());
    let small = ann.request(parlor_e2e::Method::GET, "/unread").header("Accept-Encoding", "gzip");
    assert!(!small.send().await.unwrap().headers().contains_key("content-encoding"));
    server.settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_and_what_others_may_know_is_told_on_all_devices() {
    let (_server, app, ann, ben) = world().await;
    let channel = app.channel(&[&ann, &ben]).await;
    app.server
        .patch(&format!("/channels/{channel}"), json!({ "config": { "messages_need_approval": true } }))
        .await
        .gives(200);
    let start = sync(&ben, json!({})).await;
    assert_eq!(start["own"]["pending_messages"], json!([]));
    assert_eq!(start["own"]["settings"], ben.get("/users/me/settings").await.gives(200));

    let mut waiting = Vec::new();
    for text in ["first", "second"] {
        let said =
            ben.post(&format!("/channels/{channel}/messages"), json!({ "text": text })).await.gives(202);
        waiting.insert(0, said);
    }
    let told = sync(&ben, json!({ "cursor": start["cursor"] })).await;
    assert_eq!(told["own"]["pending_messages"], json!(waiting));
    assert_eq!(told["own"]["settings"], Value::Null, "they are as they were");
    assert_eq!(sync(&ann, json!({})).await["own"]["pending_messages"], json!([]), "they are not hers");

    let approve = |n: usize| format!("/pending_messages/{}/approve", waiting[n]["id"].as_str().unwrap());
    ann.post(&approve(1), json!({})).await.gives(200);
    let settings = ben.patch("/users/me/settings", json!({ "typing": false })).await.gives(200);
    let told = sync(&ben, json!({ "cursor": told["cursor"] })).await;
    assert_eq!(told["own"]["pending_messages"], json!([waiting[0]]));
    assert_eq!(told["own"]["settings"], settings);
    let quiet = sync(&ben, json!({ "cursor": told["cursor"] })).await;
    assert_eq!((&quiet["own"]["pending_messages"], &quiet["own"]["settings"]), (&Value::Null, &Value::Null));
}
