//! The official Rust client, which we did not write, against the hub.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::time::Duration;

use centrifuge::{Client, EventStream, Protocol, PublicationEvent, State, TransportEndpoint};
use parlor_hub::Disconnect;
use serde_json::{Value, json};
use support::{TestHub, patiently, token};
use tokio::sync::mpsc;

const ROOM: &str = "chat:channel:1";

async fn next(publications: &mut EventStream<PublicationEvent>) -> Value {
    let event = patiently("a publication", futures_util::StreamExt::next(publications)).await.unwrap();
    serde_json::from_slice(&event.publication.data).unwrap()
}

/// Connects, subscribes, is cut off, recovers, is thrown out.
async fn a_whole_life(transport: TransportEndpoint, emulation: &str, mut hub: TestHub) {
    let (told, mut disconnected) = mpsc::unbounded_channel();
    let (seen, mut subscribed) = mpsc::unbounded_channel();
    let client = Client::builder_with_transports([transport])
        .protocol(Protocol::Json)
        .emulation_endpoint(emulation)
        .token(token(&json!({"sub": "ann", "info": {"name": "Ann"}})))
        .min_reconnect_delay(Duration::from_millis(10))
        .max_reconnect_delay(Duration::from_millis(50))
        .on_disconnected(move |_, event| told.send(event.code).unwrap_or_default())
        .build()
        .unwrap();
    let subscription = client
        .new_subscription(ROOM)
        .token(token(&json!({"sub": "ann", "channel": ROOM})))
        .recoverable(true)
        .on_subscribed(move |_, event| seen.send((event.was_recovering, event.recovered)).unwrap_or_default())
        .build()
        .unwrap();
    let mut publications = subscription.publications();
    subscription.subscribe();
    client.connect().unwrap();
    assert_eq!(patiently("a subscription", subscribed.recv()).await, Some((false, false)));
    for n in 1..=3 {
        hub.publish(ROOM, &json!(n));
    }
    for n in 1..=3 {
        assert_eq!(next(&mut publications).await, json!(n));
    }
    assert_eq!(subscription.presence().await.unwrap().clients.len(), 1);
    assert!(client.rpc("x", "{}").await.is_err());

    hub.hub.disconnect("ann", None, &Disconnect::FORCE_RECONNECT, &[]);
    hub.until_connections("ann", 0).await;
    for n in 4..=6 {
        hub.publish(ROOM, &json!(n));
    }
    for n in 4..=6 {
        assert_eq!(next(&mut publications).await, json!(n));
    }
    assert_eq!(patiently("a recovery", subscribed.recv()).await, Some((true, true)));

    hub.hub.history_reset(ROOM).unwrap();
    assert_eq!(patiently("a new epoch", subscribed.recv()).await, Some((true, false)));

    hub.hub.disconnect("ann", None, &Disconnect::FORCE_NO_RECONNECT, &[]);
    assert_eq!(patiently("the end", disconnected.recv()).await, Some(3503));
    assert_eq!(client.state(), State::Disconnected);
    client.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_websocket() {
    let hub = TestHub::start().await;
    let address = hub.address;
    let transport = TransportEndpoint::websocket(format!("ws://{address}/connection/websocket"));
    a_whole_life(transport, &format!("http://{address}/emulation"), hub).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_http_streaming() {
    let hub = TestHub::start().await;
    let address = hub.address;
    let transport = TransportEndpoint::http_stream(format!("http://{address}/connection/http_stream"));
    a_whole_life(transport, &format!("http://{address}/emulation"), hub).await;
}
