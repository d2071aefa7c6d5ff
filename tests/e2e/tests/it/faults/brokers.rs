//! Centrifugo and RabbitMQ go away and come back, or are not there yet.

use std::time::Duration;

use diesel::QueryableByName;
use diesel::sql_types::BigInt;
use diesel_async::RunQueryDsl;
use parlor_e2e::{Mode, Server};
use parlor_platform::clock::monotonic;
use parlor_test_support::{How, Services, until};
use serde_json::json;

use super::load::Load;
use super::world::World;

/// How long both are away.
const OUTAGE: Duration = Duration::from_secs(30);

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

/// What the pointers say is unread, against the rows that say so; either without the other.
const ASTRAY: &str = "
WITH unread AS (
    SELECT m.user_id, x.id FROM messages x JOIN channel_members m USING (app_id, channel_id)
    WHERE x.countable AND x.seq > m.read_seq AND x.user_id <> m.user_id AND m.removed_at IS NULL
), flagged AS (SELECT user_id, message_id FROM user_messages WHERE flags & 1 = 0)
SELECT count(*) FROM ((TABLE unread EXCEPT TABLE flagged) UNION ALL (TABLE flagged EXCEPT TABLE unread)) astray";
const FLAGGED: &str = "SELECT count(*) FROM user_messages WHERE flags & 1 = 0";

/// Each message leaves a row for each member who has yet to read it, and for nobody else.
async fn until_flags_caught_up(server: &Server) {
    let mut conn = server.db.admin().await;
    let mut count =
        async |sql: &str| diesel::sql_query(sql).get_result::<Count>(&mut conn).await.unwrap().count;
    until("every unread message has its flags", async || count(ASTRAY).await == 0).await;
    assert!(count(FLAGGED).await > 0, "nobody has read the last message");
}

#[tokio::test(flavor = "multi_thread")]
async fn centrifugo_and_rabbitmq_stop_and_return() {
    let services = Services::start("all").await;
    let server = Server::start_on(&services, Mode::Cluster, &[]).await;
    let world = World::new(&server).await;
    let follower = world.follow().await;
    // A few senders: it is not speed that is tested.
    let load = Load::from(world.senders.iter().step_by(4).cloned());
    load.more(50).await;

    let before = load.acked();
    tokio::join!(services.stop("centrifugo", How::Kill), services.stop("rabbitmq", How::Kill));
    let gone = monotonic();
    let during = load.acked();
    let root = server.client(None);
    until("the server says that it is degraded", async || {
        let ready = root.at_root("/readyz").await;
        assert_eq!(ready.status, 200, "sends are taken all the same: {}", ready.text);
        let parts = (&ready.json["database"], &ready.json["realtime"], &ready.json["broker"]);
        ready.json["status"] == "degraded" && parts == (&json!("up"), &json!("down"), &json!("down"))
    })
    .await;
    tokio::time::sleep(OUTAGE.saturating_sub(gone.elapsed())).await;
    let sent = load.acked() - during;
    assert!(sent > 0, "sends do not need them");
    assert!(load.refusals().is_empty(), "{:?}", load.refusals());

    tokio::join!(services.resume("centrifugo"), services.resume("rabbitmq"));
    let back = monotonic();
    load.more(50).await;
    let acks = load.finish().await;
    world.check(&server, &acks, follower).await;
    let told = back.elapsed();
    until_flags_caught_up(&server).await;
    println!(
        "{before} acknowledged before, {sent} in {OUTAGE:?} without both; told {told:.1?}, flags {:.1?} after their return",
        back.elapsed()
    );
    let ready = root.at_root("/readyz").await;
    assert_eq!(ready.json["status"], "ok", "{}", ready.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_starts_before_its_brokers() {
    let services = Services::start("all").await;
    let mut server = Server::start_on(&services, Mode::Cluster, &[]).await;
    let world = World::new(&server).await;
    server.settled().await;
    server.kill().await;
    tokio::join!(services.stop("centrifugo", How::Kill), services.stop("rabbitmq", How::Kill));

    server.launch().await;
    let load = Load::from(world.senders.iter().step_by(4).cloned());
    load.more(40).await;
    assert!(server.is_running());
    assert_eq!(server.client(None).at_root("/readyz").await.json["status"], "degraded");
    assert!(load.refusals().is_empty(), "{:?}", load.refusals());
    let acks = load.finish().await;

    tokio::join!(services.resume("centrifugo"), services.resume("rabbitmq"));
    let follower = world.follow().await;
    world.check(&server, &acks, follower).await;
    until_flags_caught_up(&server).await;
}
