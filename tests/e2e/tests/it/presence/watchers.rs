//! Who has a channel open.

use parlor_e2e::{Listener, Mode};
use parlor_protocol::{ErrorCode, EventType};
use parlor_test_support::until;
use serde_json::{Value, json};

use super::hasty;
use crate::realtime::on_both;

on_both! {
    who_has_a_channel_open_is_listed
    who_opens_and_closes_a_channel_is_told_where_that_is_wanted
}

fn ids(watchers: &Value) -> Vec<&str> {
    watchers["items"].as_array().unwrap().iter().filter_map(|user| user["id"].as_str()).collect()
}

async fn who_has_a_channel_open_is_listed(mode: Mode) {
    let server = hasty(mode).await;
    let (app, other) = (server.app("acme").await, server.app("other").await);
    let (ann, ben, cem) = (app.user("ann").await, app.user("ben").await, app.user("cem").await);
    let room = app.channel(&[&ann, &ben]).await;
    let path = format!("/channels/{room}/watchers");
    let nobody = ann.get(&path).await.gives(200);
    assert_eq!(nobody, json!({ "items": [], "next": null, "count": 0 }));
    let (ann_hears, ben_hears) = (Listener::connect(&ann).await, Listener::connect(&ben).await);
    // Two tabs are one watcher.
    let tab = Listener::connect(&ben).await;
    for listener in [&ann_hears, &ben_hears, &tab] {
        listener.subscribe(&room).await;
    }
    until("both are listed", async || ann.get(&path).await.json["count"] == 2).await;
    assert_eq!(ids(&app.server.get(&path).await.gives(200)), ["ann", "ben"]);
    let mut paged = Vec::new();
    for watcher in ann.all(&path, "limit=1").await {
        paged.push(watcher["id"].clone());
    }
    assert_eq!(paged, ["ann", "ben"]);

    cem.get(&path).await.refused(ErrorCode::NotAMember);
    other.user("ann").await.get(&path).await.refused(ErrorCode::ChannelNotFound);
    ann.get(&format!("{path}?limit=101")).await.refused(ErrorCode::InvalidParameter);
    ann.get(&format!("{path}?cursor=x")).await.refused(ErrorCode::InvalidCursor);
    ann.patch(&format!("/channels/{room}"), json!({ "name": "quiet" })).await.gives(200);

    tab.close().await;
    ben_hears.close().await;
    until("ben has closed it", async || ids(&ann.get(&path).await.gives(200)) == ["ann"]).await;
    let all = ann_hears.events_of(&room);
    assert!(all.iter().all(|event| !event.kind.as_str().starts_with("user.watching")), "nobody wanted that");
    ann_hears.close().await;
}

async fn who_opens_and_closes_a_channel_is_told_where_that_is_wanted(mode: Mode) {
    let server = hasty(mode).await;
    let app = server.app("acme").await;
    let (ann, ben, cem) = (app.user("ann").await, app.user("ben").await, app.user("cem").await);
    let room = app
        .channel_with(json!({
            "type": "team", "config": { "watching_events": true },
            "members": [{ "user_id": "ann" }, { "user_id": "ben" }, { "user_id": "cem" }],
        }))
        .await;
    cem.patch("/users/me/presence", json!({ "status": "invisible" })).await.gives(200);
    let topic = format!("chat:channel:{room}");
    let ann_hears = Listener::connect(&ann).await;
    ann_hears.subscribe(&room).await;
    let of_ben = |kind: EventType| {
        let all = ann_hears.events(&topic).into_iter();
        let mut of_ben = all.filter(|event| event.kind == kind && event.data["user"]["id"] == "ben");
        of_ben.next().map(|event| event.data)
    };
    // The list begins with who is there when it is first looked at.
    until("ann is listed", async || ann.get(&format!("/channels/{room}/watchers")).await.json["count"] == 1)
        .await;
    let (ben_hears, cem_hears) = (Listener::connect(&ben).await, Listener::connect(&cem).await);
    cem_hears.subscribe(&room).await;
    ben_hears.subscribe(&room).await;
    until("ben is told of", async || of_ben(EventType::UserWatchingStart).is_some()).await;
    assert_eq!(of_ben(EventType::UserWatchingStart).unwrap()["watcher_count"], 2);
    ben_hears.close().await;
    until("ben's end is told", async || of_ben(EventType::UserWatchingStop).is_some()).await;
    assert_eq!(of_ben(EventType::UserWatchingStop).unwrap()["watcher_count"], 1);
    assert!(
        ann_hears.events(&topic).iter().all(|event| event.data["user"]["id"] != "cem"),
        "cem is invisible"
    );
    assert!(ann_hears.events(&topic).iter().all(|event| event.seq.is_none()), "nothing of it is kept");
    ann_hears.close().await;
    cem_hears.close().await;
}
