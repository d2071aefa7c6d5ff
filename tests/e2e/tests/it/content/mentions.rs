//! `@channel`, `@here`, roles and groups: who is flagged, who may, and what an edit makes of it.

use parlor_e2e::{Listener, Mode, Server, until};
use parlor_protocol::ErrorCode;
use serde_json::json;

use super::{World, id, mentioned};

#[tokio::test(flavor = "multi_thread")]
async fn those_who_are_called_are_flagged() {
    let server = Server::start(Mode::Embedded).await;
    let world = World::on(&server).await;
    let outsider = world.app.user("out").await;
    world.app.user("idle").await;
    // Not connected, so not here.
    let idle = json!({ "members": [{ "user_id": "idle" }] });
    world.ann.post(&format!("/channels/{}/members", world.channel), idle).await.gives(200);
    let mut connected = Vec::new();
    for who in [&world.ben, &world.cid, &world.moderator] {
        connected.push(Listener::connect(who).await);
    }
    until("they are known to be here", async || {
        let members = world.app.server.all("/users", "limit=100").await;
        members.iter().filter(|user| user["online"] == true).count() >= 3
    })
    .await;
    let group = json!({ "name": "pair", "user_ids": ["cid", "out"] });
    let group = world.app.server.post("/user_groups", group).await.gives(201);
    let call = async |called: serde_json::Value| {
        let sent = world.send(&world.ann, json!({ "text": "all", "group_mentions": called })).await;
        assert_eq!(sent["group_mentions"], called);
        id(&sent).to_owned()
    };
    let here = call(json!({ "here": true })).await;
    let role = call(json!({ "roles": ["moderator"] })).await;
    let of_group = call(json!({ "groups": [id(&group)] })).await;
    let channel = call(json!({ "channel": true })).await;
    let sorted = |mut ids: Vec<&String>| {
        ids.sort();
        ids.into_iter().cloned().collect::<Vec<_>>()
    };
    until("all who are here are flagged", async || {
        mentioned(&world.ben).await == sorted(vec![&here, &channel])
            && mentioned(&world.cid).await == sorted(vec![&here, &of_group, &channel])
            && mentioned(&world.moderator).await == sorted(vec![&here, &role, &channel])
    })
    .await;
    let idle = world.app.user("idle").await;
    assert_eq!(mentioned(&idle).await, sorted(vec![&channel]));
    assert_eq!(mentioned(&outsider).await, Vec::<String>::new(), "of a group, but not in the channel");
    server.settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_calls_others() {
    let server = Server::start(Mode::Embedded).await;
    let world = World::on(&server).await;
    let said = json!({ "text": "hi", "mentions": ["ben"], "group_mentions": { "roles": ["moderator"] } });
    let sent = world.send(&world.ann, said).await;
    let path = format!("/messages/{}", id(&sent));
    until("two are flagged", async || {
        !mentioned(&world.ben).await.is_empty() && !mentioned(&world.moderator).await.is_empty()
    })
    .await;
    let edit = json!({ "mentions": ["cid"], "group_mentions": {} });
    let edited = world.ann.patch(&path, edit.clone()).await.gives(200);
    assert_eq!((&edited["text"], &edited["mentions"]), (&json!("hi"), &json!(["cid"])));
    assert!(edited.get("group_mentions").is_none());
    until("only the third is", async || {
        mentioned(&world.ben).await.is_empty()
            && mentioned(&world.moderator).await.is_empty()
            && mentioned(&world.cid).await == [id(&sent)]
    })
    .await;
    assert_eq!(world.ann.patch(&path, edit).await.gives(200), edited);
    assert_eq!(world.unread(&world.ben).await, 1, "it counts as before");
    world.ann.patch(&path, json!({ "mentions": ["nobody"] })).await.refused(ErrorCode::UserUnknown);
    let unknown = json!({ "groups": [uuid::Uuid::now_v7()] });
    world.ann.patch(&path, json!({ "group_mentions": unknown })).await.refused(ErrorCode::GroupUnknown);
    server.settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_call_all_is_for_the_channel_to_say() {
    let server = Server::start(Mode::Embedded).await;
    let world = World::on(&server).await;
    let other = server.app("other").await;
    let theirs = other.server.post("/user_groups", json!({ "name": "theirs" })).await.gives(201);
    let call = |called: serde_json::Value| json!({ "text": "x", "group_mentions": called });
    world
        .ben
        .post(&world.messages(), call(json!({ "groups": [id(&theirs)] })))
        .await
        .refused(ErrorCode::GroupUnknown);
    world
        .ben
        .post(&world.messages(), call(json!({ "roles": ["king"] })))
        .await
        .refused(ErrorCode::InvalidRequest);
    world.configure(json!({ "mention_all_restricted": true })).await;
    let capabilities = |channel: serde_json::Value| channel["capabilities"].to_string();
    let shown = async |who: &parlor_e2e::Client| {
        capabilities(who.get(&format!("/channels/{}", world.channel)).await.gives(200))
    };
    assert!(
        !shown(&world.ben).await.contains("mention_all")
            && shown(&world.moderator).await.contains("mention_all")
    );
    let plain = world.send(&world.ben, json!({ "text": "x" })).await;
    for called in [json!({ "channel": true }), json!({ "here": true }), json!({ "roles": ["member"] })] {
        world.ben.post(&world.messages(), call(called.clone())).await.refused(ErrorCode::Forbidden);
        world
            .ben
            .patch(&format!("/messages/{}", id(&plain)), json!({ "group_mentions": called.clone() }))
            .await
            .refused(ErrorCode::Forbidden);
        world.send(&world.moderator, call(called)).await;
    }
    // An edit of something else by who may no longer call.
    world.configure(json!({ "mention_all_restricted": false })).await;
    let sent = world.send(&world.ben, call(json!({ "channel": true }))).await;
    world.configure(json!({ "mention_all_restricted": true })).await;
    world.ben.patch(&format!("/messages/{}", id(&sent)), json!({ "text": "y" })).await.gives(200);
    server.settled().await;
}
