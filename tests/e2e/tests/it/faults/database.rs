//! PostgreSQL goes away and comes back.

use std::time::Duration;

use parlor_e2e::{Mode, Server};
use parlor_platform::clock::monotonic;
use parlor_test_support::{How, Services};
use serde_json::json;

use super::load::Load;
use super::world::World;

/// As in production.
const WAIT: (&str, &str) = ("PARLOR_DATABASE_WAIT_TIMEOUT_MS", "800");
const OUTAGE: Duration = Duration::from_secs(10);
const SHORT_OUTAGE: Duration = Duration::from_secs(2);

async fn away(how: How, outage: Duration) {
    let services = Services::start("postgres").await;
    let server = Server::start_on(&services, Mode::Embedded, &[WAIT]).await;
    // The tests' clusters commit without waiting; here what is acknowledged must survive.
    server.db.execute("ALTER SYSTEM SET synchronous_commit = on").await;
    server.db.execute("SELECT pg_reload_conf()").await;
    let world = World::new(&server).await;
    let follower = world.follow().await;
    let load = Load::start(&world);
    load.more(100).await;
    services.stop("postgres", how).await;
    let gone = monotonic();
    let acked = load.acked();
    let reader = &world.senders[0].0;
    let asked = monotonic();
    let read = reader.get(&format!("/channels/{}", world.channels[0])).await;
    assert_eq!((read.status, read.code()), (503, "unavailable"), "{}", read.text);
    assert_eq!(read.headers.get("retry-after").unwrap(), "1");
    assert!(asked.elapsed() < Duration::from_secs(1), "a read was refused after {:?}", asked.elapsed());
    let ready = server.client(None).at_root("/readyz").await;
    assert_eq!((ready.status, &ready.json["status"]), (503, &json!("unavailable")), "{}", ready.text);
    assert_eq!(ready.json["database"], "down");
    assert_eq!(server.client(None).at_root("/healthz").await.status, 200);
    tokio::time::sleep(outage.saturating_sub(gone.elapsed())).await;
    assert_eq!(load.acked(), acked, "acknowledged without a database");
    let refusals = load.refusals();
    assert!(!refusals.is_empty());
    for refusal in &refusals {
        assert_eq!((refusal.status, refusal.retry_after.as_deref()), (503, Some("1")), "{refusal:?}");
    }
    let slowest = refusals.iter().map(|refusal| refusal.took).max().unwrap();
    assert!(slowest < Duration::from_secs(1), "a send was refused after {slowest:?}");

    services.resume("postgres").await;
    let back = monotonic();
    server.ready().await;
    // How fast it is again is for a bench on a quiet machine; here it has to come back by itself.
    load.more(200).await;
    println!(
        "{how:?}: {} refusals, the slowest after {slowest:?}; 200 sends within {:.1?} of the return",
        refusals.len(),
        back.elapsed()
    );
    let acks = load.finish().await;
    world.check(&server, &acks, follower).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_stops_and_returns() {
    away(How::Graceful, OUTAGE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_is_killed_and_returns() {
    away(How::Kill, SHORT_OUTAGE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_starts_before_its_database() {
    let services = Services::start("postgres").await;
    let mut server = Server::start_on(&services, Mode::Embedded, &[WAIT]).await;
    let app = server.app("acme").await;
    let ann = app.user("ann").await;
    let room = app.channel(&[&ann]).await;
    server.kill().await;
    services.stop("postgres", How::Graceful).await;

    server.begin();
    let root = server.client(None);
    parlor_test_support::until("the process answers", async || {
        let request = root.request(reqwest::Method::GET, "/openapi.json");
        root.try_send(request).await.is_ok()
    })
    .await;
    assert_eq!(root.at_root("/healthz").await.status, 200);
    assert_eq!(root.at_root("/readyz").await.status, 503);
    let refused = ann.post(&format!("/channels/{room}/messages"), json!({ "text": "too early" })).await;
    assert_eq!((refused.status, refused.code()), (503, "unavailable"), "{}", refused.text);
    assert!(server.is_running());

    services.resume("postgres").await;
    server.ready().await;
    ann.say(&room, "now").await;
    server.settled().await;
}
