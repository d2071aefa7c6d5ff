//! What users choose to be shown as, and what time makes of it.

use chrono::Duration;
use parlor_e2e::{Listener, Mode};
use parlor_platform::clock::Clock;
use parlor_protocol::{ErrorCode, EventType};
use parlor_test_support::until;
use serde_json::{Value, json};

use super::{hasty, presence_of, shown, told};

fn in_seconds(seconds: i64) -> String {
    (Clock::default().now() + Duration::seconds(seconds)).to_rfc3339()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_choice_is_told_and_a_repetition_is_not() {
    let server = hasty(Mode::Embedded).await;
    let app = server.app("acme").await;
    let (ann, ben) = (app.user("ann").await, app.user("ben").await);
    app.channel(&[&ann, &ben]).await;
    let (ann_hears, ben_hears) = (Listener::connect(&ann).await, Listener::connect(&ben).await);
    shown(&ann_hears, "ben", "online").await;

    let busy = json!({ "status": "dnd", "status_text": "In a meeting", "status_color": "#EF4444" });
    let own = ben.patch("/users/me/presence", busy.clone()).await.gives(200);
    assert_eq!((&own["status"], &own["status_color"]), (&json!("dnd"), &json!("#ef4444")));
    let heard = shown(&ann_hears, "ben", "dnd").await;
    assert_eq!((&heard["status_text"], &heard["online"]), (&json!("In a meeting"), &json!(true)));
    assert_eq!(shown(&ben_hears, "ben", "dnd").await["status_text"], "In a meeting", "other devices hear it");
    let again = ben.patch("/users/me/presence", busy).await.gives(200);
    assert_eq!(again, own);
    assert_eq!(ben.patch("/users/me/presence", json!({})).await.gives(200), own);
    let cleared = json!({ "status": "away", "status_text": "", "status_color": null });
    let own = ben.patch("/users/me/presence", cleared).await.gives(200);
    assert_eq!((&own["status_text"], &own["status_color"]), (&json!(null), &json!("#22c55e")));
    shown(&ann_hears, "ben", "away").await;
    let statuses = |listener: &Listener| {
        told(listener, "ben").into_iter().map(|user| user["status"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(statuses(&ann_hears), ["online", "dnd", "away"]);
    assert_eq!(statuses(&ben_hears), ["dnd", "away"]);

    for (bad, code) in [
        (json!({ "status": "offline" }), ErrorCode::InvalidStatus),
        (json!({ "status": "busy" }), ErrorCode::InvalidRequest),
        (json!({ "status_text": "x".repeat(101) }), ErrorCode::InvalidStatus),
        (json!({ "status_color": "green" }), ErrorCode::InvalidStatus),
        (json!({ "status": "dnd", "expires_at": in_seconds(-1) }), ErrorCode::InvalidTime),
        (json!({ "status": "dnd", "expires_at": in_seconds(366 * 86_400) }), ErrorCode::InvalidTime),
    ] {
        ben.patch("/users/me/presence", bad).await.refused(code);
    }
    assert_eq!(ben.get("/users/me").await.gives(200)["status"], "away", "nothing changed");
    let longest = json!({ "status_text": "é".repeat(100) });
    ben.patch("/users/me/presence", longest).await.gives(200);
    for (many, status) in [(100, 200), (101, 422), (0, 422)] {
        let ids: Vec<String> = (0..many).map(|n| n.to_string()).collect();
        assert_eq!(ann.post("/users/presence", json!({ "user_ids": ids })).await.status, status);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_choice_with_an_end_returns_to_what_was_before() {
    let server = hasty(Mode::Embedded).await;
    let app = server.app("acme").await;
    let (ann, ben) = (app.user("ann").await, app.user("ben").await);
    app.channel(&[&ann, &ben]).await;
    let (ann_hears, ben_hears) = (Listener::connect(&ann).await, Listener::connect(&ben).await);
    shown(&ann_hears, "ben", "online").await;
    ben.patch("/users/me/presence", json!({ "status_text": "here" })).await.gives(200);
    let lunch = json!({ "status": "away", "status_text": "lunch", "expires_at": in_seconds(3) });
    let own = ben.patch("/users/me/presence", lunch).await.gives(200);
    assert!(own["expires_at"].is_string());
    assert_eq!(shown(&ann_hears, "ben", "away").await["status_text"], "lunch");
    assert_eq!(shown(&ann_hears, "ben", "online").await["status_text"], "here");
    assert_eq!(shown(&ben_hears, "ben", "online").await["status_text"], "here");
    assert_eq!(server.db.number("SELECT count(*) FROM status_ends").await, 0);
    // One that is replaced in time by one for good does not return.
    let soon = json!({ "status": "dnd", "expires_at": in_seconds(60) });
    ben.patch("/users/me/presence", soon).await.gives(200);
    let own = ben.patch("/users/me/presence", json!({ "status": "idle" })).await.gives(200);
    assert_eq!(own["expires_at"], Value::Null);
    assert_eq!(server.db.number("SELECT count(*) FROM status_ends").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_invisible_looks_as_if_they_had_gone() {
    let server = hasty(Mode::Embedded).await;
    let app = server.app("acme").await;
    let (ann, ben) = (app.user("ann").await, app.user("ben").await);
    let room = app.channel(&[&ann, &ben]).await;
    let (ann_hears, ben_hears) = (Listener::connect(&ann).await, Listener::connect(&ben).await);
    ben_hears.subscribe(&room).await;
    ann_hears.subscribe(&room).await;
    shown(&ann_hears, "ben", "online").await;
    let watchers = format!("/channels/{room}/watchers");
    until("both watch", async || ann.get(&watchers).await.json["count"] == 2).await;

    ben.patch("/users/me/presence", json!({ "status": "invisible" })).await.gives(200);
    let hidden = shown(&ann_hears, "ben", "offline").await;
    assert_eq!((&hidden["online"], &hidden["devices"]), (&json!(false), &json!([])));
    let me = ben.get("/users/me").await.gives(200);
    assert_eq!((&me["online"], &me["status"]), (&json!(true), &json!("invisible")));
    assert_eq!(shown(&ben_hears, "ben", "invisible").await["online"], true, "other devices know");

    // Whatever they do, and whoever asks.
    ben.say(&room, "psst").await;
    ben.post("/users/me/activity", json!({})).await.gives(204);
    ben.post(&format!("/channels/{room}/read"), json!({})).await.gives(200);
    ben.patch("/users/ben", json!({ "name": "Benjamin" })).await.gives(200);
    let renamed = |heard: &parlor_e2e::Heard| match heard {
        parlor_e2e::Heard::Event { envelope, .. } => envelope.kind == EventType::UserUpdated,
        _ => false,
    };
    ann_hears.until("the new name", renamed).await;
    let event = ann_hears.events_of(&room).into_iter().find(|event| event.kind == EventType::UserUpdated);
    let own_event = ben_hears.events(&ben_hears.user_topic);
    let own_event = own_event.into_iter().find(|event| event.kind == EventType::UserUpdated).unwrap();
    assert_eq!(own_event.data["user"]["status"], "invisible");
    let listed = ann.all("/users", "q=ben").await;
    let found = ann.get("/users/search?q=Benjamin").await.gives(200)["items"][0].clone();
    for seen in [
        ann.get("/users/ben").await.gives(200),
        app.server.get("/users/ben").await.gives(200),
        presence_of(&ann, "ben").await,
        event.unwrap().data["user"].clone(),
        listed[0].clone(),
        found,
    ] {
        assert_eq!((&seen["online"], &seen["status"]), (&json!(false), &json!("offline")), "{seen}");
        assert_eq!(seen["last_seen_at"], hidden["last_seen_at"], "time stands still: {seen}");
        if let Some(active) = seen["last_active_at"].as_str() {
            assert!(Some(active) <= hidden["last_seen_at"].as_str(), "{seen}");
        }
    }
    until("ben watches unseen", async || {
        let watching = ann.get(&watchers).await.gives(200);
        watching["count"] == 1 && watching["items"][0]["id"] == "ann"
    })
    .await;
    // Going and coming changes nothing of it.
    ben_hears.close().await;
    until("ben's last session is over", async || ben.get("/users/me").await.json["online"] == false).await;
    let back = Listener::connect(&ben).await;
    until("ben is back", async || ben.get("/users/me").await.json["online"] == true).await;
    assert_eq!(presence_of(&ann, "ben").await["last_seen_at"], hidden["last_seen_at"]);
    ben.patch("/users/me/presence", json!({ "status": "online" })).await.gives(200);
    let shown_again = shown(&ann_hears, "ben", "online").await;
    assert!(shown_again["last_seen_at"].as_str() > hidden["last_seen_at"].as_str());
    let statuses: Vec<_> = told(&ann_hears, "ben").into_iter().map(|user| user["status"].clone()).collect();
    assert_eq!(statuses, ["online", "offline", "online"]);
    back.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_nothing_is_idle_then_away_and_back_with_the_first_word() {
    let server = hasty(Mode::Embedded).await;
    let app = server.app("acme").await;
    let (ann, ben) = (app.user("ann").await, app.user("ben").await);
    let room = app.channel(&[&ann, &ben]).await;
    let (ann_hears, ben_hears) = (Listener::connect(&ann).await, Listener::connect(&ben).await);
    shown(&ann_hears, "ben", "online").await;
    let age = async |minutes: u32| {
        let sql =
            format!("UPDATE users SET last_seen_at = now() - interval '{minutes} minutes' WHERE id = 'ben'");
        server.db.execute(&sql).await;
    };
    age(6).await;
    let idle = shown(&ann_hears, "ben", "idle").await;
    assert_eq!(idle["online"], true);
    assert_eq!(ben.get("/users/me").await.gives(200)["status"], "idle");
    age(31).await;
    shown(&ann_hears, "ben", "away").await;
    ben.say(&room, "here I am").await;
    let back = shown(&ann_hears, "ben", "online").await;
    assert!(back["last_seen_at"].as_str() > idle["last_seen_at"].as_str());
    // What they chose themselves stands.
    ben.patch("/users/me/presence", json!({ "status": "dnd" })).await.gives(200);
    shown(&ann_hears, "ben", "dnd").await;
    age(60).await;
    ben_hears.close().await;
    shown(&ann_hears, "ben", "offline").await;
    let statuses: Vec<_> = told(&ann_hears, "ben").into_iter().map(|user| user["status"].clone()).collect();
    assert_eq!(statuses, ["online", "idle", "away", "online", "dnd", "offline"]);
}
