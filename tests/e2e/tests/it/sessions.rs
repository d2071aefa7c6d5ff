//! Tokens and keys: made, expired, revoked, rotated, suspended; and guests.

use jsonwebtoken::{EncodingKey, Header, encode};
use parlor_e2e::{App, Mode, Server, until};
use parlor_platform::clock::Clock;
use parlor_protocol::ErrorCode;
use serde_json::{Value, json};

/// A token that the customer signs by itself.
fn signed_by(app: &App, user: &str) -> String {
    let now = Clock::default().now().timestamp();
    let header = Header { kid: Some(app.public_key.clone()), ..Header::default() };
    let claims = json!({ "sub": user, "iat": now, "exp": now + 600 });
    encode(&header, &claims, &EncodingKey::from_secret(app.secret.as_bytes())).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_lives_as_long_as_was_asked_for() {
    let server = Server::start(Mode::Embedded).await;
    let app = server.app("acme").await;
    let now = Clock::default().now();
    for (asked, seconds) in [(json!(null), 3600), (json!(60), 60), (json!(2_592_000), 2_592_000)] {
        let request = json!({ "user": { "id": "ann", "name": "Ann" }, "expires_in": asked });
        let answer = app.server.post("/tokens", request).await.gives(201);
        let expires: chrono::DateTime<chrono::Utc> = answer["expires_at"].as_str().unwrap().parse().unwrap();
        assert!(((expires - now).num_seconds() - seconds).abs() < 30, "{expires}");
        assert_eq!(answer["user"]["name"], "Ann");
        let ann = server.client(answer["token"].as_str());
        assert_eq!(ann.get("/users/me").await.gives(200)["id"], "ann");
    }
    for wrong in [59, 2_592_001] {
        let request = json!({ "user": { "id": "ann" }, "expires_in": wrong });
        app.server.post("/tokens", request).await.refused(ErrorCode::InvalidRequest);
    }
    let shown = app.server.get("/app").await.gives(200);
    assert_eq!(
        (shown["name"].as_str(), shown["keys"][0]["id"].as_str()),
        (Some("acme"), Some(app.public_key.as_str()))
    );
    assert!(!shown.to_string().contains(&app.secret));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_signs_tokens_by_itself_for_users_that_it_registered() {
    let server = Server::start(Mode::Embedded).await;
    let app = server.app("acme").await;
    let ann = server.client(Some(&signed_by(&app, "ann")));
    ann.get("/users/me").await.refused(ErrorCode::UserNotRegistered);
    app.server.put("/users/ann", json!({ "id": "ann" })).await.gives(200);
    ann.get("/users/me").await.gives(200);

    let ben = server.client(Some(&signed_by(&app, "ben")));
    ben.get("/users/me").await.refused(ErrorCode::UserNotRegistered);
    app.server.put("/users", json!({ "users": [{ "id": "ben" }] })).await.gives(200);
    ben.get("/users/me").await.gives(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn revoked_tokens_are_worthless_and_new_ones_are_not() {
    let server = Server::start(Mode::Embedded).await;
    let app = server.app("acme").await;
    let (ann, ben) = (app.user("ann").await, app.user("ben").await);

    assert_eq!(app.server.post("/tokens/revoke", json!({ "user_id": "ann" })).await.status, 204);
    ann.get("/users/me").await.refused(ErrorCode::TokenRevoked);
    ben.get("/users/me").await.gives(200);
    let again = app.user("ann").await;
    again.get("/users/me").await.gives(200);

    assert_eq!(app.server.post("/tokens/revoke", json!({})).await.status, 204);
    for revoked in [&ann, &again, &ben] {
        revoked.get("/users/me").await.refused(ErrorCode::TokenRevoked);
    }
    app.user("ben").await.get("/users/me").await.gives(200);
    app.server.post("/tokens/revoke", json!({ "user_id": "nobody" })).await.refused(ErrorCode::UserNotFound);
    ann.post("/tokens/revoke", json!({})).await.refused(ErrorCode::TokenRevoked);
    server.settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotated_key_works_until_the_overlap_ends() {
    let server = Server::start(Mode::Embedded).await;
    let app = server.app("acme").await;
    let ann = app.user("ann").await;
    let rotate = async |hours: &str| -> Value {
        let printed =
            server.command(&["app", "rotate-key", &app.id, "--overlap-hours", hours, "--json"]).await;
        serde_json::from_str(&printed.unwrap()).unwrap()
    };

    let second = rotate("24").await;
    app.server.get("/app").await.gives(200);
    ann.get("/users/me").await.gives(200);
    let second = server.client(second["secret"].as_str());
    let keys = second.get("/app").await.gives(200)["keys"].clone();
    assert!(keys[0]["expires_at"].is_string() && keys[1]["expires_at"].is_null(), "{keys}");

    let third = rotate("0").await;
    // The running server hears of it from the database.
    until("the first key stops working", async || app.server.get("/app").await.code() == "invalid_token")
        .await;
    ann.get("/users/me").await.refused(ErrorCode::InvalidToken);
    until("the second key stops working", async || second.get("/app").await.code() == "invalid_token").await;
    let third = server.client(third["secret"].as_str());
    let token = third.post("/tokens", json!({ "user": { "id": "ann" } })).await.gives(201)["token"].clone();
    server.client(token.as_str()).get("/users/me").await.gives(200);
    server.command(&["app", "rotate-key", "00000000-0000-0000-0000-000000000000"]).await.unwrap_err();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suspended_app_is_refused_until_it_is_taken_back() {
    let server = Server::start(Mode::Embedded).await;
    let (app, other) = (server.app("acme").await, server.app("other").await);
    let (ann, bystander) = (app.user("ann").await, other.user("ann").await);

    server.command(&["app", "suspend", &app.id]).await.unwrap();
    until("the app is suspended", async || ann.get("/users/me").await.code() == "app_suspended").await;
    app.server.get("/app").await.refused(ErrorCode::AppSuspended);
    let guest = app.guest(json!({})).await;
    guest.refused(ErrorCode::AppSuspended);
    bystander.get("/users/me").await.gives(200);

    server.command(&["app", "suspend", &app.id, "--undo"]).await.unwrap();
    until("the app is back", async || ann.get("/users/me").await.status == 200).await;
    app.server.get("/app").await.gives(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_comes_in_where_guests_are_welcome() {
    let server = Server::start(Mode::Embedded).await;
    let app = server.app("acme").await;
    let guest = app.guest(json!({ "name": "Visitor" })).await.gives(201);
    assert_eq!((&guest["user"]["name"], &guest["user"]["guest"]), (&json!("Visitor"), &json!(true)));
    let client = server.client(guest["token"].as_str());
    client.get("/users/me").await.gives(200);

    let stream = app.channel_with(json!({ "type": "livestream", "id": "show" })).await;
    client.post(&format!("/channels/{stream}/join"), json!({})).await.gives(200);
    client.say(&stream, "hi").await;

    // Whom they share a channel with they know, and nobody else.
    let (ann, _) = (app.user("ann").await, app.user("ben").await);
    let asked = json!({ "user_ids": ["ann", "ben", guest["user"]["id"]] });
    let known = async || {
        let found = client.post("/users/presence", asked.clone()).await.gives(200);
        found["items"].as_array().unwrap().iter().map(|user| user["user_id"].clone()).collect::<Vec<_>>()
    };
    for id in ["ann", "ben", "nobody"] {
        client.get(&format!("/users/{id}")).await.refused(ErrorCode::UserNotFound);
    }
    assert_eq!(known().await, [guest["user"]["id"].clone()]);
    client.get(&format!("/users/{}", guest["user"]["id"].as_str().unwrap())).await.gives(200);
    ann.post(&format!("/channels/{stream}/join"), json!({})).await.gives(200);
    assert_eq!(client.get("/users/ann").await.gives(200)["id"], "ann");
    assert_eq!(known().await, [json!("ann"), guest["user"]["id"].clone()]);
    client.get("/users/ben").await.refused(ErrorCode::UserNotFound);
    ann.get("/users/ben").await.gives(200);
    ann.post(&format!("/channels/{stream}/leave"), json!({})).await.gives(204);
    client.get("/users/ann").await.refused(ErrorCode::UserNotFound);

    let printed = server.command(&["app", "create", "closed", "--json"]).await.unwrap();
    let closed: Value = serde_json::from_str(&printed).unwrap();
    let anyone = server.client(None);
    let post = async |key: &str| {
        anyone.with_header(parlor_e2e::Method::POST, "/guests", ("X-Api-Key", key), json!({})).await
    };
    post(closed["public_key"].as_str().unwrap()).await.refused(ErrorCode::GuestsDisabled);
    post("pk_unknown").await.refused(ErrorCode::InvalidToken);
    anyone.post("/guests", json!({})).await.refused(ErrorCode::MissingToken);
}
