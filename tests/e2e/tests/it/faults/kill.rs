//! SIGKILL in the middle of everything.

use parlor_e2e::{Mode, Server};
use parlor_platform::clock::monotonic;

use super::load::Load;
use super::world::World;

/// `rounds` times: kill at a moment that nobody chose, start again.
async fn killed(mode: Mode, rounds: u64) {
    let mut server = Server::start(mode).await;
    let world = World::new(&server).await;
    let follower = world.follow().await;
    let load = Load::start(&world);
    let began = monotonic();
    for round in 0..rounds {
        // From the first request in flight to a warm server: a different moment of the batch each time.
        load.more(1 + (round * 37) % 150).await;
        server.kill().await;
        server.launch().await;
    }
    load.more(50).await;
    let acks = load.finish().await;
    let unanswered = acks.iter().filter(|ack| ack.was_stored).count();
    println!(
        "{mode:?}: {rounds} kills in {:.1?}, {} acknowledged, {unanswered} of them stored before their answer",
        began.elapsed(),
        acks.len()
    );
    world.check(&server, &acks, follower).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn kill_minus_nine_embedded() {
    killed(Mode::Embedded, 20).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn kill_minus_nine_cluster() {
    killed(Mode::Cluster, 5).await;
}
