//! Rooms in which many speak at once.

use futures_util::future::join_all;
use parlor_e2e::{Heard, Listener, Mode, Server};
use parlor_test_support::Proxy;
use serde_json::json;

use crate::realtime::on_both;

on_both! { a_busy_room_is_told_in_frames_and_nothing_is_lost }

/// A number that the server counts.
async fn counted(server: &Server, name: &str) -> u64 {
    let metrics = server.client(None).at_root("/metrics").await.text;
    let line = metrics.lines().find(|line| line.starts_with(name));
    line.and_then(|line| line.rsplit(' ').next()).and_then(|number| number.parse().ok()).unwrap_or(0)
}

async fn a_busy_room_is_told_in_frames_and_nothing_is_lost(mode: Mode) {
    let server = Server::start_with(mode, &[("PARLOR_OUTBOX_BUSY_RATE", "5")]).await;
    let app = server.app("acme").await;
    let (ann, ben) = (app.user("ann").await, app.user("ben").await);
    let (room, quiet) = (app.channel(&[&ann, &ben]).await, app.channel(&[&ann, &ben]).await);
    let address = server.realtime_url.trim_start_matches("ws://").to_owned();
    let proxy = Proxy::to(&address).await;
    let through = proxy.address().to_string();
    let listener = Listener::connect_by(&ben, |url| url.replace(&address, &through)).await;
    listener.subscribe(&room).await;
    listener.subscribe(&quiet).await;
    for n in 0..3 {
        ann.say(&quiet, &format!("{n}")).await;
    }
    server.settled().await;
    assert_eq!(counted(&server, "parlor_relay_gathered_total").await, 0, "a quiet room is told singly");

    let path = format!("/channels/{room}/messages");
    let mut last = 0;
    let mut burst = async |count: usize| {
        let sends = (0..count).map(|n| ann.post(&path, json!({ "text": format!("{n}") })));
        let seqs = join_all(sends).await.into_iter().map(|answer| answer.gives(201)["seq"].as_i64().unwrap());
        last = seqs.max().unwrap();
        last
    };
    let heard_all = async |last: i64| {
        let topic = format!("chat:channel:{room}");
        let is_last = |heard: &Heard| match heard {
            Heard::Event { topic: of, envelope } => *of == topic && envelope.seq == Some(last),
            _ => false,
        };
        listener.until("the last is heard", is_last).await;
    };
    heard_all(burst(120).await).await;
    let gathered = counted(&server, "parlor_relay_gathered_total").await;
    assert!(gathered > 60, "{gathered} of 120 came in frames");
    // Who was away for a moment gets the frames that were told.
    proxy.freeze();
    let missed = burst(120).await;
    server.settled().await;
    proxy.cut();
    heard_all(missed).await;
    let events = listener.events_of(&room);
    let steps: Vec<_> = events.iter().map(|event| (event.prev_seq.unwrap(), event.seq.unwrap())).collect();
    assert_eq!(steps, (2..=missed).map(|seq| (seq - 1, seq)).collect::<Vec<_>>(), "each once and in order");
    let recovered = |heard: &Heard| matches!(heard, Heard::Subscribed { recovered: Some(false), .. });
    assert!(!listener.heard().iter().any(recovered), "recovered from the history");
    listener.close().await;
}
