//! Coming, going, and what is neither.

use diesel_async::SimpleAsyncConnection;
use futures_util::future::join_all;
use parlor_e2e::{Listener, Mode, Server};
use parlor_test_support::until;
use serde_json::json;
use uuid::Uuid;

use super::{hasty, hasty_with, presence_of, shown, told};
use crate::realtime::on_both;

on_both! {
    who_comes_and_goes_is_told_to_who_shares_a_small_channel
    a_page_that_is_loaded_again_is_told_to_nobody
    who_says_goodbye_is_gone_though_nobody_has_noticed
    who_has_two_sessions_is_there_as_long_as_one_of_them
    who_went_while_the_server_was_killed_is_gone
}

async fn who_comes_and_goes_is_told_to_who_shares_a_small_channel(mode: Mode) {
    let server = hasty(mode).await;
    let (app, other) = (server.app("acme").await, server.app("other").await);
    let (ann, ben, cem) = (app.user("ann").await, app.user("ben").await, app.user("cem").await);
    app.channel(&[&ann, &ben]).await;
    let (ann_hears, cem_hears) = (Listener::connect(&ann).await, Listener::connect(&cem).await);
    until("ann and cem are there", async || {
        presence_of(&ben, "ann").await["online"] == true && presence_of(&ben, "cem").await["online"] == true
    })
    .await;
    assert_eq!(ben.get("/users/ben").await.gives(200)["online"], false);

    let phone = json!({ "session_id": Uuid::new_v4(), "device": "mobile" });
    let ben_hears = Listener::connect_as(&ben, phone, |url| url).await;
    let came = shown(&ann_hears, "ben", "online").await;
    assert_eq!((&came["online"], &came["devices"]), (&json!(true), &json!(["mobile"])), "{came}");
    let user = ann.get("/users/ben").await.gives(200);
    for field in ["online", "status", "status_text", "status_color", "last_seen_at"] {
        assert_eq!(user[field], came[field], "{field}");
    }
    assert_eq!(presence_of(&ann, "ben").await, came);
    assert_eq!((&user["status_color"], &user["status_text"]), (&json!("#22c55e"), &json!(null)));

    ben_hears.close().await;
    let went = shown(&ann_hears, "ben", "offline").await;
    assert_eq!((&went["online"], &went["devices"]), (&json!(false), &json!([])), "{went}");
    assert!(went["last_seen_at"].as_str() > came["last_seen_at"].as_str(), "{went}");
    assert_eq!(ann.get("/users/ben").await.gives(200)["status"], "offline");
    assert_eq!(told(&ann_hears, "ben").len(), 2);
    assert!(told(&cem_hears, "ben").is_empty(), "they share no channel");

    // Another tenant's users are nobody.
    let eve = other.user("eve").await;
    assert_eq!(
        eve.post("/users/presence", json!({ "user_ids": ["ann"] })).await.gives(200)["items"],
        json!([])
    );
    ann_hears.close().await;
    cem_hears.close().await;
}

async fn a_page_that_is_loaded_again_is_told_to_nobody(mode: Mode) {
    let server = hasty_with(mode, "60000").await;
    let app = server.app("acme").await;
    let (ann, ben) = (app.user("ann").await, app.user("ben").await);
    app.channel(&[&ann, &ben]).await;
    let ann_hears = Listener::connect(&ann).await;
    until("ann is there", async || presence_of(&ann, "ann").await["online"] == true).await;
    for round in 0..3 {
        let page = Listener::connect(&ben).await;
        until("ben is there", async || {
            presence_of(&ann, "ben").await["devices"].as_array().is_some_and(|devices| !devices.is_empty())
        })
        .await;
        page.close().await;
        ben.post("/users/me/activity", json!({})).await.gives(204);
        assert_eq!(presence_of(&ann, "ben").await["online"], true, "round {round}");
    }
    shown(&ann_hears, "ben", "online").await;
    // What comes after it shows that nothing came in between.
    ben.patch("/users/me/presence", json!({ "status": "dnd" })).await.gives(200);
    shown(&ann_hears, "ben", "dnd").await;
    let statuses: Vec<_> = told(&ann_hears, "ben").into_iter().map(|user| user["status"].clone()).collect();
    assert_eq!(statuses, ["online", "dnd"]);
    ann_hears.close().await;
}

async fn who_says_goodbye_is_gone_though_nobody_has_noticed(mode: Mode) {
    let server = hasty(mode).await;
    let app = server.app("acme").await;
    let (ann, ben) = (app.user("ann").await, app.user("ben").await);
    app.channel(&[&ann, &ben]).await;
    let session = Uuid::new_v4();
    // The connection stays, as one does whose other end has gone to sleep.
    let asleep = Listener::connect_as(&ben, json!({ "session_id": session }), |url| url).await;
    until("ben is there", async || presence_of(&ann, "ben").await["online"] == true).await;
    // Another's session is not theirs to end, and one that nobody has is none.
    for (who, of) in [(&ann, session), (&ben, Uuid::new_v4())] {
        who.post("/realtime/goodbye", json!({ "session_id": of })).await.gives(204);
    }
    assert_eq!(presence_of(&ann, "ben").await["online"], true);
    for _ in 0..2 {
        ben.post("/realtime/goodbye", json!({ "session_id": session })).await.gives(204);
    }
    until("ben is gone", async || presence_of(&ann, "ben").await["online"] == false).await;
    // And comes back as the same session.
    let awake = Listener::connect_as(&ben, json!({ "session_id": session }), |url| url).await;
    until("ben is back", async || presence_of(&ann, "ben").await["online"] == true).await;
    asleep.close().await;
    awake.close().await;
}

async fn who_has_two_sessions_is_there_as_long_as_one_of_them(mode: Mode) {
    let server = hasty(mode).await;
    let app = server.app("acme").await;
    let (ann, ben) = (app.user("ann").await, app.user("ben").await);
    let connect = async |device: &str| {
        Listener::connect_as(&ben, json!({ "session_id": Uuid::new_v4(), "device": device }), |url| url).await
    };
    let (phone, laptop) = (connect("mobile").await, connect("desktop").await);
    let devices = async |expected: serde_json::Value| {
        until("the devices are known", async || presence_of(&ann, "ben").await["devices"] == expected).await;
    };
    devices(json!(["mobile", "desktop"])).await;
    phone.close().await;
    devices(json!(["desktop"])).await;
    assert_eq!(presence_of(&ann, "ben").await["online"], true);
    laptop.close().await;
    until("ben is gone", async || presence_of(&ann, "ben").await["online"] == false).await;
}

async fn who_went_while_the_server_was_killed_is_gone(mode: Mode) {
    let mut server = hasty(mode).await;
    let app = server.app("acme").await;
    let (ann, ben) = (app.user("ann").await, app.user("ben").await);
    let (ann_hears, ben_hears) = (Listener::connect(&ann).await, Listener::connect(&ben).await);
    let is_online = async |of: &str| presence_of(&ann, of).await["online"] == true;
    until("both are there", async || is_online("ann").await && is_online("ben").await).await;
    server.kill().await;
    ben_hears.close().await;
    server.launch().await;
    until("ben is gone", async || !is_online("ben").await).await;
    until("ann is there", async || is_online("ann").await).await;
    ann_hears.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_node_knows_all_know() {
    let server = hasty(Mode::Cluster).await;
    let node = server.another_node().await;
    let app = server.app("acme").await;
    let (ann, ben) = (app.user("ann").await, app.user("ben").await);
    app.channel(&[&ann, &ben]).await;
    let ann_hears = Listener::connect(&ann).await;
    until("ann is there", async || presence_of(&ann, "ann").await["online"] == true).await;
    let ben_hears = Listener::connect(&ben.at(&node.url)).await;
    shown(&ann_hears, "ben", "online").await;
    drop(node);
    ben_hears.close().await;
    shown(&ann_hears, "ben", "offline").await;
    assert_eq!(told(&ann_hears, "ben").len(), 2, "two nodes tell no more than one");
    ann_hears.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_who_come_at_once_are_written_together() {
    const MANY: usize = 200;
    let server = Server::start(Mode::Cluster).await;
    let app = server.app("acme").await;
    let ids: Vec<String> = (0..MANY).map(|n| format!("user-{n}")).collect();
    let clients = join_all(ids.iter().map(|id| app.user(id))).await;
    // While nothing can be written of the first, the others gather.
    let mut lock = server.db.admin().await;
    lock.batch_execute("BEGIN; LOCK TABLE user_sessions IN EXCLUSIVE MODE").await.unwrap();
    let answers = join_all(clients.iter().map(|user| user.post("/realtime/connection", json!({})))).await;
    assert!(answers.iter().all(|answer| answer.status == 200));
    lock.batch_execute("COMMIT").await.unwrap();
    let count = async |sql: &str| server.db.number(sql).await;
    until("all are there", async || {
        count("SELECT count(*) FROM users WHERE online").await == i64::try_from(MANY).unwrap()
    })
    .await;
    let transactions = count("SELECT count(DISTINCT xmin::text) FROM user_sessions").await;
    assert!(transactions <= 2, "{transactions} transactions for {MANY} sessions");
    server.settled().await;
}
