//! Unread counts of threads against a model that is too simple to be wrong: whatever three people do, in whatever order.
//!
//! The model keeps every reply with its thread, and for each person and thread whether they follow and how many replies
//! they have read. Unread is what a person would count: replies past the pointer that are still there.

mod model;
mod run;

use model::Model;
use parlor_e2e::{Mode, Server};
use proptest::prelude::*;
use run::Run;

use crate::cases;

const PEOPLE: usize = 3;
const ROOTS: usize = 2;
const CASES: u32 = 12;
const STEPS: usize = 40;

/// What somebody does. Numbers choose among the replies that there are, so all steps make sense.
#[derive(Clone, Copy, Debug)]
enum Step {
    Reply { who: usize, root: usize, shown: bool, silent: bool, mentions: Option<usize> },
    Delete { reply: usize },
    Erase { reply: usize },
    ReadAll { who: usize, root: usize },
    Read { who: usize, reply: usize },
    Follow { who: usize, root: usize },
    Unfollow { who: usize, root: usize },
}

fn step() -> impl Strategy<Value = Step> {
    let (who, root, reply) = (0..PEOPLE, 0..ROOTS, 0..64_usize);
    let mentions = prop::option::weighted(0.3, 0..PEOPLE);
    prop_oneof![
        8 => (who.clone(), root.clone(), any::<bool>(), prop::bool::weighted(0.2), mentions)
            .prop_map(|(who, root, shown, silent, mentions)| Step::Reply { who, root, shown, silent, mentions }),
        2 => reply.clone().prop_map(|reply| Step::Delete { reply }),
        1 => reply.clone().prop_map(|reply| Step::Erase { reply }),
        2 => (who.clone(), root.clone()).prop_map(|(who, root)| Step::ReadAll { who, root }),
        3 => (who.clone(), reply).prop_map(|(who, reply)| Step::Read { who, reply }),
        1 => (who.clone(), root.clone()).prop_map(|(who, root)| Step::Follow { who, root }),
        1 => (who, root).prop_map(|(who, root)| Step::Unfollow { who, root }),
    ]
}

#[test]
fn threads_count_as_a_person_would() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let (server, app, people) = runtime.block_on(async {
        let server = Server::start(Mode::Embedded).await;
        let app = server.app("acme").await;
        let people = [app.user("ann").await, app.user("ben").await, app.user("eve").await];
        (server, app, people)
    });
    let run = async |steps: &[Step]| -> Result<(), String> {
        let channel = app.channel(&[&people[0], &people[1], &people[2]]).await;
        let mut roots = Vec::new();
        for author in people.iter().take(ROOTS) {
            roots.push(author.say(&channel, "root").await["id"].as_str().unwrap().to_owned());
        }
        let mut run = Run { app: &app, people: &people, channel, roots, model: Model::new() };
        for (at, step) in steps.iter().enumerate() {
            run.take(*step).await.map_err(|why| format!("step {at}, {step:?}: {why}"))?;
            run.agrees().await.map_err(|why| format!("after step {at}, {step:?}: {why}"))?;
        }
        // The next case counts from nothing.
        app.server.delete(&format!("/channels/{}", run.channel)).await;
        Ok(())
    };
    cases::all(&mut cases::runner(CASES), &prop::collection::vec(step(), 1..STEPS), |steps| {
        runtime.block_on(run(&steps)).map_err(TestCaseError::fail)
    });
    runtime.block_on(server.settled());
    runtime.block_on(async { drop(server) });
}
