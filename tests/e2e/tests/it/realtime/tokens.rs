//! Tokens run out, and the client brings new ones without ever dropping the connection.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use centrifuge::{Client, Protocol, State, SubState, TransportEndpoint};
use jsonwebtoken::{DecodingKey, EncodingKey, Header, Validation, decode, encode};
use parlor_e2e::{Mode, Server};
use parlor_test_support::until;
use serde_json::{Value, json};

super::on_both! { tokens_are_refreshed_without_a_drop one_user_has_so_many_connections_and_no_more }

/// Connects with a token of the test's own: the client, or the code of the end.
async fn attempt(url: &str, token: String) -> Result<Client, u32> {
    let (told, mut end) = tokio::sync::mpsc::unbounded_channel();
    let tell = told.clone();
    let client = Client::builder_with_transports([TransportEndpoint::websocket(url)])
        .protocol(Protocol::Json)
        .token(token)
        .on_connected(move |_, _| told.send(None).unwrap_or_default())
        .on_disconnected(move |_, event| tell.send(Some(event.code)).unwrap_or_default())
        .build()
        .unwrap();
    client.connect().unwrap();
    match end.recv().await.unwrap() {
        None => Ok(client),
        Some(code) => Err(code),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotated_secret_is_good_until_it_is_taken_away() {
    let (old, stranger) = ("old-".repeat(10), "strange-".repeat(5));
    let server = Server::start_with(Mode::Embedded, &[("PARLOR_REALTIME_TOKEN_PREVIOUS_SECRET", &old)]).await;
    let ann = server.app("acme").await.user("ann").await;
    let answer = ann.post("/realtime/connection", json!({})).await;
    let (url, token) = (answer.json["url"].as_str().unwrap(), answer.json["token"].as_str().unwrap());
    let key = DecodingKey::from_secret(server.realtime_secret().as_bytes());
    let claims: Value = decode(token, &key, &Validation::default()).unwrap().claims;
    let signed = |secret: &str| {
        encode(&Header::default(), &claims, &EncodingKey::from_secret(secret.as_bytes())).unwrap()
    };
    attempt(url, token.to_owned()).await.unwrap().close().await;
    attempt(url, signed(&old)).await.unwrap().close().await;
    assert_eq!(attempt(url, signed(&stranger)).await.err(), Some(3500));
}

async fn one_user_has_so_many_connections_and_no_more(mode: Mode) {
    let server = Server::start(mode).await;
    let app = server.app("acme").await;
    let (ann, ben) = (app.user("ann").await, app.user("ben").await);
    let connect = async |user: &parlor_e2e::Client| {
        let answer = user.post("/realtime/connection", json!({})).await;
        attempt(answer.json["url"].as_str().unwrap(), answer.json["token"].as_str().unwrap().to_owned()).await
    };
    let mut connected = Vec::new();
    for _ in 0..20 {
        connected.push(connect(&ann).await.unwrap());
    }
    assert_eq!(connect(&ann).await.err(), Some(3504));
    connect(&ben).await.unwrap().close().await;
    assert!(connected.iter().all(|client| client.state() == State::Connected), "those before it stay");
    connected.remove(0).close().await;
    until("there is room again", async || {
        // Asked often, the API says to come back later.
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        connect(&ann).await.is_ok()
    })
    .await;
}

/// The same token, but what it opens lasts two seconds; with one from the API it is a minute at the least.
fn shortened(token: &str, secret: &str) -> String {
    let rules = Validation::default();
    let mut claims: Value =
        decode(token, &DecodingKey::from_secret(secret.as_bytes()), &rules).unwrap().claims;
    let now = jsonwebtoken::get_current_timestamp();
    claims["expire_at"] = json!(now + 2);
    encode(&Header::default(), &claims, &EncodingKey::from_secret(secret.as_bytes())).unwrap()
}

async fn tokens_are_refreshed_without_a_drop(mode: Mode) {
    let server = Server::start(mode).await;
    let app = server.app("acme").await;
    let ann = app.user("ann").await;
    let room = app.channel(&[&ann]).await;
    let topic = format!("chat:channel:{room}");
    let answer = ann.post("/realtime/connection", json!({})).await;
    let connection = answer.json["token"].as_str().unwrap().to_owned();
    let url = answer.json["url"].as_str().unwrap().to_owned();
    let subscription = ann.post("/realtime/subscription", json!({ "channel": topic })).await;
    let subscription = subscription.json["token"].as_str().unwrap().to_owned();

    let count = || Arc::new(AtomicU32::new(0));
    let (connections, connectings, subscriptions, subscribings) = (count(), count(), count(), count());
    let bump = |counter: &Arc<AtomicU32>| {
        let counter = counter.clone();
        move || {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    };
    let secret = server.realtime_secret().to_owned();
    let (bump_connections, bump_connectings) = (bump(&connections), bump(&connectings));
    let key = secret.clone();
    let client = Client::builder_with_transports([TransportEndpoint::websocket(url)])
        .protocol(Protocol::Json)
        .get_token(move |_| {
            bump_connections();
            let token = shortened(&connection, &key);
            async move { Ok(Some(token)) }
        })
        .on_connecting(move |_, _| bump_connectings())
        .build()
        .unwrap();
    let (bump_subscriptions, bump_subscribings) = (bump(&subscriptions), bump(&subscribings));
    let heard = client
        .new_subscription(&topic)
        .get_token(move |_| {
            bump_subscriptions();
            let token = shortened(&subscription, &secret);
            async move { Ok(token) }
        })
        .on_subscribing(move |_, _| bump_subscribings())
        .build()
        .unwrap();
    heard.subscribe();
    client.connect().unwrap();
    // Each refresh is asked for by the time to live that the server gave with the one before.
    until("both tokens were refreshed", async || {
        connections.load(Ordering::Relaxed) >= 3 && subscriptions.load(Ordering::Relaxed) >= 3
    })
    .await;
    assert_eq!((client.state(), heard.state()), (State::Connected, SubState::Subscribed));
    assert_eq!(connectings.load(Ordering::Relaxed), 1, "connected once");
    assert_eq!(subscribings.load(Ordering::Relaxed), 1, "subscribed once");
    client.close().await;
}
