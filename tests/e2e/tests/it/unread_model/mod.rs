//! Unread counts against a model that is too simple to be wrong: whatever three people do, in whatever order.
//!
//! The model keeps every message with its `seq`, and for each member how far they have read. Unread is what a
//! person would count: countable messages past the pointer that are still there.

mod model;
mod run;

use model::Model;
use parlor_e2e::{Mode, Server};
use proptest::prelude::*;
use run::Run;
use serde_json::json;

use crate::cases;

const PEOPLE: usize = 3;
const CASES: u32 = 24;
const STEPS: usize = 40;

/// What somebody does. Numbers choose among the people and messages that there are, so all steps make sense.
#[derive(Clone, Copy, Debug)]
enum Step {
    Send {
        who: usize,
    },
    Reply {
        who: usize,
        to: usize,
    },
    /// A message that counts for nobody: silent, or not for all.
    Apart {
        who: usize,
        silent: bool,
    },
    Edit {
        message: usize,
    },
    Delete {
        message: usize,
    },
    Erase {
        message: usize,
    },
    ReadAll {
        who: usize,
    },
    Read {
        who: usize,
        message: usize,
    },
    Unread {
        who: usize,
        message: usize,
    },
    Join {
        who: usize,
    },
    Add {
        who: usize,
    },
    Leave {
        who: usize,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let (who, message) = (0..PEOPLE, 0..64_usize);
    prop_oneof![
        6 => who.clone().prop_map(|who| Step::Send { who }),
        2 => (who.clone(), message.clone()).prop_map(|(who, to)| Step::Reply { who, to }),
        2 => (who.clone(), any::<bool>()).prop_map(|(who, silent)| Step::Apart { who, silent }),
        1 => message.clone().prop_map(|message| Step::Edit { message }),
        2 => message.clone().prop_map(|message| Step::Delete { message }),
        1 => message.clone().prop_map(|message| Step::Erase { message }),
        2 => who.clone().prop_map(|who| Step::ReadAll { who }),
        2 => (who.clone(), message.clone()).prop_map(|(who, message)| Step::Read { who, message }),
        2 => (who.clone(), message).prop_map(|(who, message)| Step::Unread { who, message }),
        1 => who.clone().prop_map(|who| Step::Join { who }),
        1 => who.clone().prop_map(|who| Step::Add { who }),
        1 => who.prop_map(|who| Step::Leave { who }),
    ]
}

#[test]
fn unread_counts_are_what_a_person_would_count() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let (server, app, people) = runtime.block_on(async {
        let server = Server::start(Mode::Embedded).await;
        let app = server.app("acme").await;
        let people = [app.user("ann").await, app.user("ben").await, app.user("eve").await];
        (server, app, people)
    });
    let run = async |steps: &[Step]| -> Result<(), String> {
        let request = json!({ "type": "team", "config": { "open": true }, "members": [{ "user_id": "ann" }, { "user_id": "ben" }] });
        let id = app.channel_with(request).await;
        let model = Model { seq: 1, read: [Some(1), Some(1), None], ..Model::default() };
        let mut run = Run { app: &app, people: &people, at: format!("/channels/{id}"), id, model };
        for (at, step) in steps.iter().enumerate() {
            run.take(*step).await.map_err(|why| format!("step {at}, {step:?}: {why}"))?;
            run.agrees().await.map_err(|why| format!("after step {at}, {step:?}: {why}"))?;
        }
        Ok(())
    };
    cases::all(&mut cases::runner(CASES), &prop::collection::vec(step(), 1..STEPS), |steps| {
        runtime.block_on(run(&steps)).map_err(TestCaseError::fail)
    });
    runtime.block_on(server.settled());
    runtime.block_on(async { drop(server) });
}
