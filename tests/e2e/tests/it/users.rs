//! The customer registers its people, keeps them up to date, finds them, and shuts some out.

use parlor_e2e::{Mode, Server};
use parlor_protocol::ErrorCode;
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn users_are_registered_and_updated_in_part() {
    let server = Server::start(Mode::Embedded).await;
    let app = server.app("acme").await;
    let ann = json!({ "id": "ann", "name": "Ann", "image": "https://a.example/a.png", "custom": { "team": "red" } });

    let made = app.server.put("/users/ann", ann).await.gives(200);
    assert_eq!(
        (&made["name"], &made["guest"], &made["deactivated_at"]),
        (&json!("Ann"), &json!(false), &Value::Null)
    );
    assert_eq!(app.server.get("/users/ann").await.gives(200)["custom"], json!({ "team": "red" }));

    let kept = app.server.put("/users/ann", json!({ "id": "ann" })).await.gives(200);
    assert_eq!(kept, made, "what is left out stays, and so does the time of the last change");

    let renamed = app.server.patch("/users/ann", json!({ "display_name": "Anna" })).await.gives(200);
    assert_eq!((&renamed["name"], &renamed["image"]), (&json!("Anna"), &made["image"]));
    let cleared = app.server.patch("/users/ann", json!({ "image": null, "custom": null })).await.gives(200);
    assert_eq!(
        (&cleared["name"], &cleared["image"], &cleared["custom"]),
        (&json!("Anna"), &Value::Null, &json!({}))
    );

    let again = json!({ "image": null, "custom": {}, "name": "Anna" });
    assert_eq!(app.server.patch("/users/ann", again).await.gives(200), cleared, "nothing changed");
    assert_eq!(app.server.patch("/users/ann", json!({})).await.gives(200), cleared);
    let batch = json!({ "users": [{ "id": "new", "name": "N" }, { "id": "ann", "name": "Anna" }] });
    assert_eq!(app.server.put("/users", batch).await.gives(200)["users"][1], cleared);

    app.server.put("/users/ann", json!({ "id": "ben" })).await.refused(ErrorCode::InvalidId);
    app.server.get("/users/nobody").await.refused(ErrorCode::UserNotFound);
    app.server.patch("/users/nobody", json!({ "name": "x" })).await.refused(ErrorCode::UserNotFound);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_users_are_registered_at_once_or_none() {
    let server = Server::start(Mode::Embedded).await;
    let app = server.app("acme").await;
    let users: Vec<Value> =
        (0..100).map(|n| json!({ "id": format!("u{n:03}"), "name": format!("User {n}") })).collect();

    let answer = app.server.put("/users", json!({ "users": users })).await.gives(200);
    let ids: Vec<&str> =
        answer["users"].as_array().unwrap().iter().map(|user| user["id"].as_str().unwrap()).collect();
    let expected: Vec<String> = (0..100).map(|n| format!("u{n:03}")).collect();
    assert_eq!(ids, expected, "in the order of the request");

    let twice = json!({ "users": [{ "id": "new" }, { "id": "new" }] });
    app.server.put("/users", twice).await.refused(ErrorCode::InvalidRequest);
    let one_bad = json!({ "users": [{ "id": "new" }, { "id": "bad", "name": "x".repeat(101) }] });
    app.server.put("/users", one_bad).await.refused(ErrorCode::NameTooLong);
    app.server.get("/users/new").await.refused(ErrorCode::UserNotFound);
}

#[tokio::test(flavor = "multi_thread")]
async fn users_are_listed_and_searched_by_prefix() {
    let server = Server::start(Mode::Embedded).await;
    let app = server.app("acme").await;
    let people = [
        ("a1", "Zoë"),
        ("b2", "anna"),
        ("c3", "ANNEKE"),
        ("anton", "Bert"),
        ("d%_4", "100%"),
        ("e5", "Émile"),
    ];
    let users: Vec<Value> = people.iter().map(|(id, name)| json!({ "id": id, "name": name })).collect();
    app.server.put("/users", json!({ "users": users })).await.gives(200);
    let ids = |items: &[Value]| {
        items.iter().map(|user| user["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };

    assert_eq!(ids(&app.server.all("/users", "limit=1").await), ["a1", "anton", "b2", "c3", "d%_4", "e5"]);
    for (prefix, expected) in [
        ("an", vec!["anton", "b2", "c3"]),
        ("ANN", vec!["b2", "c3"]),
        ("%C3%A9m", vec!["e5"]),
        ("zo", vec!["a1"]),
        ("%25", vec![]),
        ("_", vec![]),
        ("100%25", vec!["d%_4"]),
        ("nna", vec![]),
    ] {
        assert_eq!(
            ids(&app.server.all("/users", &format!("q={prefix}&limit=2")).await),
            expected,
            "{prefix}"
        );
    }
    assert_eq!(app.server.get("/users/d%25_4").await.gives(200)["name"], "100%");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_changes_themselves_and_nobody_else() {
    let server = Server::start(Mode::Embedded).await;
    let app = server.app("acme").await;
    let (ann, ben) = (app.user("ann").await, app.user("ben").await);

    assert_eq!(ann.patch("/users/ann", json!({ "name": "A" })).await.gives(200)["name"], "A");
    assert_eq!(ann.get("/users/me").await.gives(200)["name"], "A");
    assert_eq!(ben.get("/users/ann").await.gives(200)["name"], "A", "users of an app see each other");
    ben.patch("/users/ann", json!({ "name": "B" })).await.refused(ErrorCode::Forbidden);
    ben.put("/users/ben", json!({ "id": "ben" })).await.refused(ErrorCode::ServerOnly);
    ben.post("/users/ann/deactivate", json!({})).await.refused(ErrorCode::ServerOnly);
    app.server.get("/users/me").await.refused(ErrorCode::UserOnly);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deactivated_user_is_shut_out_at_once_and_let_in_again() {
    let server = Server::start(Mode::Embedded).await;
    let app = server.app("acme").await;
    let (ann, ben) = (app.user("ann").await, app.user("ben").await);
    let channel = app.channel(&[&ann, &ben]).await;
    ben.say(&channel, "before").await;

    let gone = app.server.post("/users/ben/deactivate", json!({})).await.gives(200);
    assert!(gone["deactivated_at"].is_string());
    ben.get("/users/me").await.refused(ErrorCode::UserDeactivated);
    ben.post(&format!("/channels/{channel}/messages"), json!({ "text": "x" }))
        .await
        .refused(ErrorCode::UserDeactivated);
    app.server.post("/tokens", json!({ "user": { "id": "ben" } })).await.refused(ErrorCode::UserDeactivated);
    let add = json!({ "type": "team", "members": [{ "user_id": "ben" }] });
    app.server.post("/channels", add).await.refused(ErrorCode::UserUnknown);
    let page = ann.get(&format!("/channels/{channel}/messages")).await.gives(200);
    assert_eq!(page["items"][0]["text"], "before", "messages stay");

    app.server.post("/users/ben/reactivate", json!({})).await.gives(200);
    assert_eq!(ben.get("/users/me").await.gives(200)["deactivated_at"], Value::Null);
    ben.say(&channel, "after").await;
    server.settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_called_like_an_address() {
    let server = Server::start(Mode::Embedded).await;
    let app = server.app("acme").await;
    for id in ["me", "search"] {
        let user = json!({ "id": id });
        app.server.put(&format!("/users/{id}"), user.clone()).await.refused(ErrorCode::ReservedId);
        let batch = json!({ "users": [{ "id": "ann" }, user] });
        app.server.put("/users", batch).await.refused(ErrorCode::ReservedId);
        app.server.post("/tokens", json!({ "user": user })).await.refused(ErrorCode::ReservedId);
    }
    app.server.get("/users/ann").await.refused(ErrorCode::UserNotFound);
    app.server.put("/users/Me", json!({ "id": "Me" })).await.gives(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_sees_what_it_was_let_into_and_no_more() {
    let server = Server::start(Mode::Embedded).await;
    let app = server.app("acme").await;
    let ann = app.user("ann").await;
    let let_in = app.guest(json!({ "name": "Visitor" })).await.gives(201);
    let (id, token) = (let_in["user"]["id"].as_str().unwrap(), let_in["token"].as_str());
    let guest = server.client(token);
    let channel = app
        .channel_with(json!({ "type": "team", "members": [{ "user_id": "ann" }, { "user_id": id }] }))
        .await;

    for path in ["/users", "/users?q=an", "/users/search?q=an"] {
        guest.get(path).await.refused(ErrorCode::GuestForbidden);
        ann.get(path).await.gives(200);
    }
    for request in [
        json!({ "type": "team" }),
        json!({ "type": "livestream", "id": "mine" }),
        json!({ "type": "messaging", "distinct": true, "members": [{ "user_id": "ann" }] }),
    ] {
        guest.post("/channels", request.clone()).await.refused(ErrorCode::GuestForbidden);
        ann.post("/channels", request).await;
    }
    assert_eq!(ann.all("/channels", "type=livestream").await.len(), 1, "who is no guest creates channels");

    let listed = guest.get("/channels").await.gives(200);
    assert_eq!(listed["items"].as_array().unwrap().len(), 1, "{listed}");
    assert_eq!(listed["items"][0]["id"], channel.as_str());
    guest.get("/users/me").await.gives(200);
    guest.get(&format!("/channels/{channel}/members")).await.gives(200);
    guest.say(&channel, "hello").await;
    assert_eq!(ann.get("/unread").await.gives(200)["total"], 1);
    server.settled().await;
}
