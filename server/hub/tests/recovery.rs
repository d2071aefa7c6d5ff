//! What a client missed: all of it, or a clear "no".

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};
use support::{Peer, TestHub, raw};

const ROOM: &str = "chat:channel:1";

async fn resume(peer: &mut Peer, epoch: &str, offset: u64) -> Value {
    peer.subscribe_with(ROOM, json!({}), json!({"recover": true, "epoch": epoch, "offset": offset})).await
}

#[tokio::test]
async fn a_cut_client_gets_what_it_missed() {
    let mut hub = TestHub::start().await;
    let mut peer = hub.connect("ann").await;
    let epoch = peer.subscribe(ROOM).await["epoch"].as_str().unwrap().to_owned();
    hub.publish(ROOM, &json!(1));
    assert_eq!(peer.publications(1).await, [json!(1)]);
    drop(peer);
    hub.until_connections("ann", 0).await;
    for n in 2..=4 {
        hub.publish(ROOM, &json!(n));
    }
    let mut peer = hub.connect("ann").await;
    let result = resume(&mut peer, &epoch, 1).await;
    assert_eq!(
        (&result["was_recovering"], &result["recovered"], &result["offset"]),
        (&json!(true), &json!(true), &json!(1))
    );
    let offsets: Vec<u64> =
        result["publications"].as_array().unwrap().iter().map(|p| p["offset"].as_u64().unwrap()).collect();
    assert_eq!(offsets, [2, 3, 4]);
    assert_eq!(hub.hub.stats().recovered, 1);
}

#[tokio::test]
async fn never_a_part() {
    let hub = TestHub::with(|config| config.namespaces.get_mut("chat").unwrap().history_size = 5).await;
    let mut peer = hub.connect("ann").await;
    let mut epoch = String::new();
    for n in 1..=10 {
        epoch = hub.publish(ROOM, &json!(n)).epoch;
    }
    for (epoch, offset, recovered, missed) in [
        (&*epoch, 5, true, 5),
        (&epoch, 10, true, 0),
        (&epoch, 4, false, 0),
        (&epoch, 11, false, 0),
        ("other", 9, false, 0),
    ] {
        let result = resume(&mut peer, epoch, offset).await;
        assert_eq!(result["was_recovering"], true);
        assert_eq!(result["recovered"].as_bool().unwrap_or_default(), recovered, "{offset} {epoch}");
        assert_eq!(result["publications"].as_array().map_or(0, Vec::len), missed);
        assert_eq!(result["offset"], if recovered { offset } else { 10 });
        peer.call("unsubscribe", json!({"channel": ROOM})).await;
    }
    assert_eq!(hub.hub.stats().unrecovered, 3);
}

#[tokio::test]
async fn history_and_position_end_in_their_time() {
    let hub = TestHub::start().await;
    let epoch = hub.publish(ROOM, &json!(1)).epoch;
    let mut peer = hub.connect("ann").await;
    hub.advance(299);
    assert_eq!(resume(&mut peer, &epoch, 0).await["recovered"], true);
    peer.call("unsubscribe", json!({"channel": ROOM})).await;
    hub.advance(1);
    assert_eq!(resume(&mut peer, &epoch, 0).await["recovered"], Value::Null);
    peer.call("unsubscribe", json!({"channel": ROOM})).await;
    assert_eq!(resume(&mut peer, &epoch, 1).await["recovered"], true);
    peer.call("unsubscribe", json!({"channel": ROOM})).await;
    drop(peer);
    hub.advance(25 * 3600);
    // Every shard is swept once in 64 ticks.
    for _ in 0..64 {
        hub.clock.advance(250);
        hub.hub.tick();
    }
    let mut peer = hub.connect("ann").await;
    let result = resume(&mut peer, &epoch, 1).await;
    assert_eq!(result["recovered"], Value::Null);
    assert_ne!(result["epoch"], epoch);
}

#[tokio::test]
async fn a_new_epoch_sends_subscribers_back() {
    let hub = TestHub::start().await;
    let mut client_side = hub.connect("ann").await;
    client_side.subscribe(ROOM).await;
    let (mut server_side, _) = hub.connect_with("bob", json!({"channels": [ROOM]}), json!({})).await;
    let epoch = hub.publish(ROOM, &json!(1)).epoch;
    hub.hub.history_reset(ROOM).unwrap();
    assert_eq!(client_side.push("unsubscribe").await["code"], 2500);
    assert_eq!(server_side.closed().await, (3010, "insufficient state".into()));
    assert_eq!(resume(&mut client_side, &epoch, 1).await["recovered"], Value::Null);
}

/// Publishing goes on while a client resubscribes again and again: nothing is lost, nothing comes twice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_gap_between_recovery_and_live() {
    let hub = TestHub::start().await;
    let mut peer = hub.connect("ann").await;
    let first = peer.subscribe(ROOM).await;
    let epoch = first["epoch"].as_str().unwrap().to_owned();
    let stop = Arc::new(AtomicBool::new(false));
    let publisher = std::thread::spawn({
        let (hub, stop) = (Arc::clone(&hub.hub), Arc::clone(&stop));
        move || {
            let mut last = 0;
            while !stop.load(Ordering::Relaxed) {
                last = hub.publish(ROOM, &raw(&json!(1)), &Default::default()).unwrap().offset;
                std::thread::yield_now();
                if last % 50 == 0 {
                    std::thread::park_timeout(std::time::Duration::from_millis(2));
                }
            }
            last
        }
    });
    let mut seen = Seen(0);
    for round in 0..100 {
        for _ in 0..20 {
            seen.next(&peer.push("pub").await);
        }
        let id = 10_000 + round;
        peer.send_text(json!({"id": id, "unsubscribe": {"channel": ROOM}}).to_string()).await;
        loop {
            let message = peer.message().await;
            if message["push"]["pub"].is_object() {
                seen.next(&message["push"]["pub"]);
            } else if message["id"] == json!(id) {
                break;
            }
        }
        let result = resume(&mut peer, &epoch, seen.0).await;
        assert_eq!(result["recovered"], true, "round {round}: {result}");
        for publication in result["publications"].as_array().into_iter().flatten() {
            seen.next(publication);
        }
    }
    stop.store(true, Ordering::Relaxed);
    let last = publisher.join().unwrap();
    while seen.0 < last {
        seen.next(&peer.push("pub").await);
    }
    assert_eq!(seen.0, last);
}

/// The offset of the last publication; each must be the next.
struct Seen(u64);

impl Seen {
    fn next(&mut self, publication: &Value) {
        assert_eq!(publication["offset"].as_u64(), Some(self.0 + 1));
        self.0 += 1;
    }
}
