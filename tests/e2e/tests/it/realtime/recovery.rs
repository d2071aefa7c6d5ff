//! A connection that was cut comes back and misses nothing.

use parlor_e2e::{Applied, Heard, Listener, Mode, Replica, Server};
use parlor_protocol::EventType;
use parlor_test_support::Proxy;

super::on_both! { a_cut_connection_recovers }

fn recoveries(listener: &Listener, channel: &str) -> Vec<bool> {
    let topic = format!("chat:channel:{channel}");
    let of = |heard: &Heard| match heard {
        Heard::Subscribed { topic: of, recovered } if *of == topic => *recovered,
        _ => None,
    };
    listener.heard().iter().filter_map(of).collect()
}

async fn a_cut_connection_recovers(mode: Mode) {
    let server = Server::start(mode).await;
    let app = server.app("acme").await;
    let (ann, ben) = (app.user("ann").await, app.user("ben").await);
    let room = app.channel(&[&ann, &ben]).await;
    let address = server.realtime_url.trim_start_matches("ws://").to_owned();
    let proxy = Proxy::to(&address).await;
    let through = proxy.address().to_string();
    let listener = Listener::connect_by(&ben, |url| url.replace(&address, &through)).await;
    listener.subscribe(&room).await;
    for n in 0..3 {
        ann.say(&room, &format!("heard {n}")).await;
    }
    let topic = format!("chat:channel:{room}");
    for round in 1..=3 {
        // Nothing passes any more, and then the connection ends.
        proxy.freeze();
        let mut last = 0;
        for n in 0..5 {
            last = ann.say(&room, &format!("missed {round} {n}")).await["seq"].as_i64().unwrap();
        }
        server.settled().await;
        proxy.cut();
        let caught_up = |heard: &Heard| match heard {
            Heard::Event { topic: of, envelope } => *of == topic && envelope.seq == Some(last),
            _ => false,
        };
        listener.until("what was missed is there", caught_up).await;
        assert_eq!(recoveries(&listener, &room), vec![true; round]);
    }
    let seqs: Vec<_> = listener.events_of(&room).iter().filter_map(|event| event.seq).collect();
    assert_eq!(seqs, (2..2 + 18).collect::<Vec<_>>(), "each once and in order");
}

/// The hub's memory is gone after a restart: the client is told so, and asks the API for what it missed.
#[tokio::test(flavor = "multi_thread")]
async fn a_hub_that_forgot_says_so() {
    let mut server = Server::start(Mode::Embedded).await;
    let app = server.app("acme").await;
    let (ann, ben) = (app.user("ann").await, app.user("ben").await);
    let room = app.channel(&[&ann, &ben]).await;
    let mut held = Replica::snapshot(&ben, &room, &[]).await;
    let listener = Listener::connect(&ben).await;
    listener.subscribe(&room).await;
    let topic = format!("chat:channel:{room}");
    ann.say(&room, "before").await;
    assert_eq!(held.apply(&listener.next(&topic, 0, EventType::MessageNew).await), Applied::Yes);

    server.kill().await;
    server.launch().await;
    ann.say(&room, "while Ben was away").await;
    let forgot = |heard: &Heard| matches!(heard, Heard::Subscribed { topic: of, recovered: Some(false) } if *of == topic);
    listener.until("the hub says that it forgot", forgot).await;
    while held.pull(&ben, &room).await.unwrap() {}
    let seen = listener.events_of(&room).len();
    let after = ann.say(&room, "after").await;
    listener
        .until("the next message is heard", |heard| match heard {
            Heard::Event { envelope, .. } => envelope.seq == after["seq"].as_i64(),
            _ => false,
        })
        .await;
    for event in listener.events_of(&room).iter().skip(seen) {
        assert_ne!(held.apply(event), Applied::Gap);
    }
    assert_eq!(held, Replica::snapshot(&ben, &room, &[]).await);
}
