//! SIGTERM under load: what was taken is finished and answered, and listeners are told to come back.

use parlor_e2e::{Heard, Listener, Mode, Server};
use parlor_platform::clock::monotonic;

use super::load::Load;
use super::world::World;

async fn terminated(mode: Mode) {
    let mut server = Server::start(mode).await;
    let world = World::new(&server).await;
    let follower = world.follow().await;
    let witness = Listener::connect(&world.senders[0].0).await;
    let load = Load::start(&world);
    load.more(200).await;
    let began = monotonic();
    assert!(server.terminate().await, "a process did not end well");
    println!("{mode:?}: stopped in {:.1?}", began.elapsed());
    if mode == Mode::Embedded {
        witness.until("the hub says that it goes", |heard| matches!(heard, Heard::Connecting(3001))).await;
    }
    server.launch().await;
    load.more(200).await;
    let refused = load.refusals();
    let acks = load.finish().await;
    // The second attempt would be answered 200 if the first had been carried out without an answer.
    let unanswered = acks.iter().filter(|ack| ack.was_stored).count();
    assert_eq!(unanswered, 0, "requests were carried out and not answered");
    assert!(refused.iter().all(|refusal| refusal.status == 503), "{refused:?}");
    assert!(!witness.heard().iter().any(|heard| matches!(heard, Heard::Disconnected(_))));
    world.check(&server, &acks, follower).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_under_load_embedded() {
    terminated(Mode::Embedded).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_under_load_cluster() {
    terminated(Mode::Cluster).await;
}
