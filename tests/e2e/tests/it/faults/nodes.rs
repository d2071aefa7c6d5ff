//! Two processes on one database: one relays, and when it dies the other takes over.

use diesel::QueryableByName;
use diesel::sql_types::Integer;
use diesel_async::RunQueryDsl;
use parlor_e2e::{Mode, Server};
use parlor_platform::clock::monotonic;
use parlor_test_support::until;

use super::load::Load;
use super::world::World;

#[derive(QueryableByName)]
struct Holder {
    #[diesel(sql_type = Integer)]
    pid: i32,
}

/// The database's processes that hold the lock of the relay to realtime.
async fn relays(server: &Server) -> Vec<i32> {
    let sql = "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted AND objid = 1 AND objsubid = 2 \
               AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
    let holders: Vec<Holder> = diesel::sql_query(sql).load(&mut server.db.admin().await).await.unwrap();
    holders.into_iter().map(|holder| holder.pid).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn another_node_takes_over() {
    let mut server = Server::start(Mode::Cluster).await;
    let world = World::new(&server).await;
    let follower = world.follow().await;
    let leader = relays(&server).await;
    assert_eq!(leader.len(), 1);
    let node = server.another_node().await;

    // Both take sends; all go through one relay.
    let at_node = |(sender, channel): &(parlor_e2e::Client, String)| (sender.at(&node.url), channel.clone());
    let first = Load::from(world.senders.iter().step_by(2).cloned());
    let second = Load::from(world.senders.iter().skip(1).step_by(2).map(at_node));
    first.more(100).await;
    second.more(100).await;
    assert_eq!(relays(&server).await, leader, "a node that comes does not disturb the one that relays");

    server.kill().await;
    let killed = monotonic();
    until("the other node relays", async || {
        let holders = relays(&server).await;
        assert!(holders.len() <= 1, "two relays at a time");
        holders.len() == 1 && holders != leader
    })
    .await;
    println!("the other node relays {:.1?} after the kill", killed.elapsed());
    second.more(100).await;
    server.launch().await;
    first.more(100).await;
    let mut acks = first.finish().await;
    acks.extend(second.finish().await);
    world.check(&server, &acks, follower).await;
}
