//! A listener that reads nothing is cut off, and disturbs nobody.

use parlor_e2e::{Heard, Listener, Mode, Server};
use parlor_platform::clock::monotonic;
use parlor_test_support::{Proxy, until};
use serde_json::json;

/// The kernel buffers some megabytes on a connection before the hub's own queue begins to grow.
const MESSAGES: usize = 900;
const TEXT: usize = 19_000;

#[tokio::test(flavor = "multi_thread")]
async fn a_listener_that_reads_nothing_is_cut_off() {
    let server = Server::start(Mode::Embedded).await;
    let app = server.app("acme").await;
    let (ann, ben, cid) = (app.user("ann").await, app.user("ben").await, app.user("cid").await);
    let room = app.channel(&[&ann, &ben, &cid]).await;
    let address = server.realtime_url.trim_start_matches("ws://").to_owned();
    let proxy = Proxy::to(&address).await;
    let through = proxy.address().to_string();
    let slow = Listener::connect_by(&ben, |url| url.replace(&address, &through)).await;
    let quick = Listener::connect(&cid).await;
    slow.subscribe(&room).await;
    quick.subscribe(&room).await;

    proxy.freeze();
    let text = "x".repeat(TEXT);
    let (began, mut last) = (monotonic(), json!(null));
    for _ in 0..MESSAGES {
        last = ann.say(&room, &text).await["seq"].clone();
    }
    let is_last = |heard: &Heard| match heard {
        Heard::Event { envelope, .. } => json!(envelope.seq) == last,
        _ => false,
    };
    quick.until("the other heard everything", is_last).await;
    println!(
        "{MESSAGES} messages of {TEXT} bytes beside a listener that reads nothing: {:.1?}",
        began.elapsed()
    );
    let seqs: Vec<_> = quick.events_of(&room).iter().filter_map(|event| event.seq).collect();
    assert_eq!(seqs.len(), MESSAGES);
    assert!(quick.heard().iter().filter(|heard| matches!(heard, Heard::Connecting(_))).count() == 1);
    let root = server.client(None);
    until("the slow one was cut off", async || {
        let metrics = root.at_root("/metrics").await.text;
        metrics.lines().any(|line| line.starts_with("parlor_hub_slow_consumers_total 1"))
    })
    .await;
    // It comes back when its network does.
    proxy.cut();
    slow.until("back", |heard| matches!(heard, Heard::Subscribed { recovered: Some(_), .. })).await;
}
