//! Channels: found or created, changed, frozen, deleted.

use parlor_e2e::{Client, Method, Mode, Server};
use parlor_protocol::ErrorCode;
use serde_json::{Value, json};

fn with_roles(roles: &[(&Client, &str)]) -> Value {
    roles.iter().map(|(user, role)| json!({ "user_id": user.id, "role": role })).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_is_created_once_and_found_afterwards() {
    let server = Server::start(Mode::Embedded).await;
    let app = server.app("acme").await;
    let (ann, ben, eve) = (app.user("ann").await, app.user("ben").await, app.user("eve").await);
    let request =
        json!({ "type": "team", "id": "general", "name": "General", "members": [{ "user_id": "ben" }] });

    let made = ann.post("/channels", request.clone()).await.gives(201);
    assert_eq!(
        (&made["cid"], &made["seq"], &made["member_count"]),
        (&json!("team:general"), &json!(1), &json!(2))
    );
    assert_eq!((&made["membership"]["role"], &made["created_by"]), (&json!("owner"), &json!("ann")));
    let found = ben.post("/channels", request.clone()).await.gives(200);
    assert_eq!((&found["id"], &found["membership"]["role"]), (&made["id"], &json!("member")));
    eve.post("/channels", request.clone()).await.refused(ErrorCode::NotAMember);
    assert_eq!(ben.get("/channels/team:general").await.gives(200)["id"], made["id"]);
    let other_type = json!({ "type": "messaging", "id": "general" });
    assert_ne!(eve.post("/channels", other_type).await.gives(201)["id"], made["id"]);

    let unknown = json!({ "type": "team", "id": "new", "members": [{ "user_id": "nobody" }] });
    ann.post("/channels", unknown).await.refused(ErrorCode::UserUnknown);
    ann.get("/channels/team:new").await.refused(ErrorCode::ChannelNotFound);
    let distinct_by_id =
        json!({ "type": "team", "id": "x", "distinct": true, "members": [{ "user_id": "ben" }] });
    ann.post("/channels", distinct_by_id).await.refused(ErrorCode::InvalidRequest);
}

#[tokio::test(flavor = "multi_thread")]
async fn distinct_members_have_one_channel_whoever_asks() {
    let server = Server::start(Mode::Embedded).await;
    let app = server.app("acme").await;
    let (ann, ben, _) = (app.user("ann").await, app.user("ben").await, app.user("eve").await);
    let direct = |with: &[&str]| {
        let members: Vec<Value> = with.iter().map(|id| json!({ "user_id": id })).collect();
        json!({ "type": "messaging", "distinct": true, "members": members })
    };

    let made = ann.post("/channels", direct(&["ben"])).await.gives(201);
    assert_eq!(made["membership"]["role"], "member", "in a direct channel all are equal");
    assert_eq!(ben.post("/channels", direct(&["ann"])).await.gives(200)["id"], made["id"]);
    assert_eq!(ben.post("/channels", direct(&["ann", "ben", "ann"])).await.gives(200)["id"], made["id"]);
    assert_eq!(app.server.post("/channels", direct(&["ben", "ann"])).await.gives(200)["id"], made["id"]);
    let three = ann.post("/channels", direct(&["ben", "eve"])).await.gives(201);
    assert_ne!(three["id"], made["id"]);
    let other_type = json!({ "type": "team", "distinct": true, "members": [{ "user_id": "ben" }] });
    assert_ne!(ann.post("/channels", other_type).await.gives(201)["id"], made["id"]);

    let leave = format!("/channels/{}/leave", made["id"].as_str().unwrap());
    assert_eq!(ben.post(&leave, json!({})).await.status, 204);
    let back = ben.post("/channels", direct(&["ann"])).await.gives(200);
    assert_eq!(
        (&back["id"], &back["member_count"]),
        (&made["id"], &json!(2)),
        "who left comes back by asking"
    );

    ann.post("/channels", direct(&[])).await.refused(ErrorCode::TooManyMembers);
    let crowd: Vec<Value> = (0..20).map(|n| json!({ "id": format!("u{n}") })).collect();
    app.server.put("/users", json!({ "users": crowd })).await.gives(200);
    let ids: Vec<String> = (0..20).map(|n| format!("u{n}")).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    assert_eq!(ann.post("/channels", direct(&ids[..19])).await.gives(201)["member_count"], 20);
    ann.post("/channels", direct(&ids)).await.refused(ErrorCode::TooManyMembers);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_who_create_it_at_the_same_moment_get_the_same_channel() {
    let server = Server::start(Mode::Embedded).await;
    let app = server.app("acme").await;
    let (ann, ben) = (app.user("ann").await, app.user("ben").await);
    for round in 0..10 {
        let members = json!([{ "user_id": "ann" }, { "user_id": "ben" }]);
        let by_cid = json!({ "type": "team", "id": format!("r{round}"), "members": members });
        let (first, second) =
            tokio::join!(ann.post("/channels", by_cid.clone()), ben.post("/channels", by_cid));
        let mut statuses = [first.status, second.status];
        statuses.sort_unstable();
        assert_eq!(
            (statuses, &first.json["id"]),
            ([200, 201], &second.json["id"]),
            "{} {}",
            first.text,
            second.text
        );
        assert_eq!(first.json["member_count"], 2);
    }
    let direct = json!({ "type": "messaging", "distinct": true, "members": [{ "user_id": "ann" }, { "user_id": "ben" }] });
    let (first, second) = tokio::join!(ann.post("/channels", direct.clone()), ben.post("/channels", direct));
    assert_eq!(first.json["id"], second.json["id"]);
    assert_eq!(first.status + second.status, 401, "one 201 and one 200");
    // Naming a member once more changes nothing, nor whose channel it is.
    let id = first.json["id"].as_str().unwrap();
    let again = json!({ "members": [{ "user_id": "ann" }] });
    app.server.post(&format!("/channels/{id}/members"), again).await.gives(200);
    let direct = json!({ "type": "messaging", "distinct": true, "members": [{ "user_id": "ann" }, { "user_id": "ben" }] });
    assert_eq!(ann.post("/channels", direct).await.gives(200)["id"], id);
    let twice = json!([{ "user_id": "ben" }, { "user_id": "ben", "role": "admin" }]);
    let twice = json!({ "type": "team", "members": twice });
    app.server.post("/channels", twice).await.refused(ErrorCode::InvalidRequest);
    server.settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn admins_change_a_channel_and_moderators_freeze_it() {
    let server = Server::start(Mode::Embedded).await;
    let app = server.app("acme").await;
    let (own, adm, mo, me) =
        (app.user("own").await, app.user("adm").await, app.user("mo").await, app.user("mem").await);
    let roles = [(&own, "owner"), (&adm, "admin"), (&mo, "moderator"), (&me, "member")];
    let id = app.channel_with(json!({ "type": "team", "name": "Old", "members": with_roles(&roles) })).await;
    let at = format!("/channels/{id}");

    let changed = adm.patch(&at, json!({ "name": "New", "custom": { "a": 1 } })).await.gives(200);
    assert_eq!(
        (&changed["name"], &changed["custom"], &changed["seq"]),
        (&json!("New"), &json!({ "a": 1 }), &json!(2))
    );
    let cleared = own.patch(&at, json!({ "name": null })).await.gives(200);
    assert_eq!((&cleared["name"], &cleared["custom"]), (&Value::Null, &json!({ "a": 1 })));
    for user in [&mo, &me] {
        user.patch(&at, json!({ "name": "Mine" })).await.refused(ErrorCode::Forbidden);
        user.patch(&at, json!({ "config": { "open": true } })).await.refused(ErrorCode::Forbidden);
    }
    me.patch(&at, json!({ "config": { "frozen": true } })).await.refused(ErrorCode::Forbidden);
    mo.patch(&at, json!({ "name": "Mine", "config": { "frozen": true } }))
        .await
        .refused(ErrorCode::Forbidden);
    me.patch(&at, json!({})).await.refused(ErrorCode::Forbidden);

    let mine = me.say(&id, "before").await;
    mo.patch(&at, json!({ "config": { "frozen": true } })).await.gives(200);
    for user in [&me, &mo] {
        let send = user.post(&format!("{at}/messages"), json!({ "text": "x" })).await;
        send.refused(ErrorCode::ChannelFrozen);
    }
    let edit = format!("/messages/{}", mine["id"].as_str().unwrap());
    me.patch(&edit, json!({ "text": "x" })).await.refused(ErrorCode::ChannelFrozen);
    adm.say(&id, "announcement").await;
    mo.patch(&at, json!({ "config": { "frozen": false } })).await.gives(200);
    me.say(&id, "after").await;
    server.settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_changes_nothing_takes_no_number() {
    let server = Server::start(Mode::Embedded).await;
    let app = server.app("acme").await;
    let ann = app.user("ann").await;
    let request = json!({
        "type": "team", "name": "Room", "image": "https://a.example/r.png", "custom": { "a": 1, "b": [2] },
        "config": { "open": true }, "members": [{ "user_id": "ann", "role": "owner" }],
    });
    let at = format!("/channels/{}", app.channel_with(request).await);
    let before = ann.get(&at).await.gives(200);
    for same in [
        json!({}),
        json!({ "name": "Room", "image": "https://a.example/r.png" }),
        json!({ "custom": { "b": [2], "a": 1 } }),
        json!({ "config": {} }),
        json!({ "config": { "open": true, "frozen": false } }),
    ] {
        assert_eq!(ann.patch(&at, same.clone()).await.gives(200), before, "{same}");
    }
    let changed = ann.patch(&at, json!({ "name": "Room", "image": null })).await.gives(200);
    assert_eq!((&changed["seq"], &changed["image"]), (&json!(2), &Value::Null));
    server.settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_channel_is_gone_and_its_name_is_free() {
    let server = Server::start(Mode::Embedded).await;
    let app = server.app("acme").await;
    let (ann, ben) = (app.user("ann").await, app.user("ben").await);
    let request =
        json!({ "type": "team", "id": "lunch", "members": [{ "user_id": "ben", "role": "admin" }] });
    let old = ann.post("/channels", request.clone()).await.gives(201)["id"].as_str().unwrap().to_owned();
    let message = ben.say("team:lunch", "hi").await["id"].as_str().unwrap().to_owned();

    ben.delete("/channels/team:lunch").await.refused(ErrorCode::Forbidden);
    assert_eq!(ann.delete("/channels/team:lunch").await.status, 204);
    for path in
        [format!("/channels/{old}"), "/channels/team:lunch".to_owned(), format!("/channels/{old}/members")]
    {
        ben.get(&path).await.refused(ErrorCode::ChannelNotFound);
    }
    ben.get(&format!("/messages/{message}")).await.refused(ErrorCode::MessageNotFound);
    let send =
        ben.call(Method::POST, &format!("/channels/{old}/messages"), Some(json!({ "text": "x" }))).await;
    send.refused(ErrorCode::ChannelNotFound);
    ann.delete(&format!("/channels/{old}")).await.refused(ErrorCode::ChannelNotFound);
    assert_eq!(ann.get("/unread").await.gives(200)["total"], 0);
    assert_eq!(ann.get("/channels").await.gives(200)["items"], json!([]));

    let new = ann.post("/channels", request).await.gives(201);
    assert_ne!(new["id"], old.as_str());
    assert_eq!(ann.get("/channels/team:lunch").await.gives(200)["id"], new["id"]);
    server.settled().await;
}
