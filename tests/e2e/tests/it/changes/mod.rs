//! `/changes`: from wherever one starts, what one pulls leads to the state that a newcomer is shown.

mod copy;

use copy::Copy;
use parlor_e2e::{App, Client, Mode, Server};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::cases;

/// Something that happens in a channel.
#[derive(Clone, Copy, Debug)]
pub enum Step {
    Send,
    Reply(usize, bool),
    Quote(usize),
    DeleteReply(usize),
    Task(usize),
    Work(usize),
    Edit(usize),
    Delete(usize),
    Erase(usize),
    Undelete(usize),
    Truncate(usize),
    React(usize),
    Unreact(usize),
    Ask,
    Vote(usize),
    Pin(usize),
    Unpin(usize),
    Come(usize),
    Go(usize),
    Role(usize),
    Rename,
    Tag(usize),
    Count,
    HandOver(usize),
}

pub fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        5 => Just(Step::Send),
        3 => (0..64_usize, any::<bool>()).prop_map(|(root, shown)| Step::Reply(root, shown)),
        2 => (0..64_usize).prop_map(Step::Quote),
        2 => (0..64_usize).prop_map(Step::DeleteReply),
        2 => (0..64_usize).prop_map(Step::Task),
        2 => (0..64_usize).prop_map(Step::Work),
        3 => (0..64_usize).prop_map(Step::Edit),
        2 => (0..64_usize).prop_map(Step::Delete),
        1 => (0..64_usize).prop_map(Step::Erase),
        2 => (0..64_usize).prop_map(Step::Undelete),
        1 => (0..64_usize).prop_map(Step::Truncate),
        3 => (0..64_usize).prop_map(Step::React),
        1 => (0..64_usize).prop_map(Step::Unreact),
        1 => Just(Step::Ask),
        3 => (0..64_usize).prop_map(Step::Vote),
        2 => (0..64_usize).prop_map(Step::Pin),
        1 => (0..64_usize).prop_map(Step::Unpin),
        2 => (0..4_usize).prop_map(Step::Come),
        2 => (0..4_usize).prop_map(Step::Go),
        1 => (0..4_usize).prop_map(Step::Role),
        1 => Just(Step::Rename),
        1 => (0..4_usize).prop_map(Step::Tag),
        1 => Just(Step::Count),
        1 => (0..4_usize).prop_map(Step::HandOver),
    ]
}

/// Takes a step if it can be taken; refusals leave everything as it is, which the comparison would show.
pub async fn take(app: &App, ann: &Client, at: &str, roots: &mut Vec<String>, step: Step) {
    let chosen = |n: usize| roots.get(n % roots.len().max(1)).cloned().unwrap_or_default();
    match step {
        Step::Send => {
            let sent = ann.post(&format!("{at}/messages"), json!({ "text": "x" })).await.gives(201);
            roots.push(sent["id"].as_str().unwrap().to_owned());
        }
        Step::Reply(n, shown) => {
            let reply = json!({ "text": "r", "parent_id": chosen(n), "show_in_channel": shown });
            drop(ann.post(&format!("{at}/messages"), reply).await)
        }
        Step::Quote(n) => {
            let quote = json!({ "text": "q", "reply_to_id": chosen(n) });
            drop(ann.post(&format!("{at}/messages"), quote).await)
        }
        Step::DeleteReply(n) => {
            let thread = ann.get(&format!("{at}/messages?limit=1&parent_id={}", chosen(n))).await.json;
            if let Some(reply) = thread["items"][0]["id"].as_str() {
                drop(ann.delete(&format!("/messages/{reply}")).await);
            }
        }
        Step::Task(n) => drop(ann.post(&format!("/messages/{}/task", chosen(n)), json!({})).await),
        Step::Work(n) => {
            let tasks = ann.all(&format!("{at}/tasks"), "limit=100").await;
            if let Some(task) = tasks.get(n % tasks.len().max(1)) {
                let path = format!("/tasks/{}", task["id"].as_str().unwrap());
                let done = if n % 3 == 0 {
                    ann.delete(&path).await
                } else {
                    ann.patch(&path, json!({ "title": format!("title {n}") })).await
                };
                drop(done);
            }
        }
        Step::Edit(n) => {
            drop(ann.patch(&format!("/messages/{}", chosen(n)), json!({ "text": format!("edit {n}") })).await)
        }
        Step::Delete(n) => drop(ann.delete(&format!("/messages/{}", chosen(n))).await),
        Step::Erase(n) => drop(app.server.delete(&format!("/messages/{}?hard=true", chosen(n))).await),
        Step::Undelete(n) => drop(ann.post(&format!("/messages/{}/undelete", chosen(n)), json!({})).await),
        // Up to a message, or all.
        Step::Truncate(n) => {
            let message = ann.get(&format!("/messages/{}", chosen(n))).await.json;
            let body = if n % 4 == 0 { json!({}) } else { json!({ "before": message["created_at"] }) };
            ann.post(&format!("{at}/truncate"), body).await.gives(200);
        }
        Step::React(n) => {
            let reaction =
                json!({ "type": (["a", "b"][n % 2]), "score": n % 3 + 1, "enforce_unique": n % 5 == 0 });
            drop(ann.post(&format!("/messages/{}/reactions", chosen(n)), reaction).await)
        }
        Step::Unreact(n) => drop(ann.delete(&format!("/messages/{}/reactions/a", chosen(n))).await),
        Step::Ask => {
            let poll = json!({ "options": ["a", "b"], "max_votes": 2, "suggestions": true });
            let sent =
                ann.post(&format!("{at}/messages"), json!({ "text": "?", "poll": poll })).await.gives(201);
            roots.push(sent["id"].as_str().unwrap().to_owned());
        }
        // Refused where the message is no poll.
        Step::Vote(n) => {
            let options: &[&str] = [&[] as &[&str], &["1"], &["2"], &["1", "2"]][n % 4];
            let path = format!("/messages/{}/poll/votes", chosen(n));
            drop(ann.put(&path, json!({ "options": options })).await)
        }
        Step::Pin(n) => drop(ann.post(&format!("/messages/{}/pin", chosen(n)), json!({})).await),
        Step::Unpin(n) => drop(ann.delete(&format!("/messages/{}/pin", chosen(n))).await),
        Step::Come(n) => {
            let members =
                json!({ "members": [{ "user_id": format!("u{n}") }, { "user_id": format!("u{}", n + 1) }] });
            drop(app.server.post(&format!("{at}/members"), members).await);
        }
        Step::Go(n) => drop(app.server.delete(&format!("{at}/members/u{n}")).await),
        Step::Role(n) => {
            drop(app.server.patch(&format!("{at}/members/u{n}"), json!({ "role": "moderator" })).await)
        }
        Step::Tag(n) => {
            let whole = json!({ "name": "whole", "tags": [format!("tag {n}")], "custom": { "n": n } });
            drop(app.server.put(at, whole).await);
        }
        Step::Count => {
            let operations = json!({ "operations": [{ "field": "n", "increment": 1 }] });
            app.server.post(&format!("{at}/counters"), operations).await.gives(200);
        }
        // To somebody who is there or not, and back: two changes each.
        Step::HandOver(n) => {
            drop(ann.post(&format!("{at}/transfer"), json!({ "user_id": format!("u{n}") })).await);
            app.server.patch(&format!("{at}/members/ann"), json!({ "role": "owner" })).await.gives(200);
        }
        Step::Rename => drop(ann.patch(at, json!({ "name": format!("name {}", roots.len()) })).await),
    }
}

async fn holds(app: &App, ann: &Client, steps: &[Step]) {
    let at = format!("/channels/{}", app.channel(&[ann]).await);
    let mut roots: Vec<String> = Vec::new();
    let mut earlier = vec![Copy::default(), Copy::fresh(ann, &at, &roots).await];
    for (n, step) in steps.iter().enumerate() {
        take(app, ann, &at, &mut roots, *step).await;
        if n % 5 == 0 {
            earlier.push(Copy::fresh(ann, &at, &roots).await);
        }
    }
    let now = Copy::fresh(ann, &at, &roots).await;
    for copy in earlier {
        for limit in [1, 3, 100] {
            let (since, mut copy) = (copy.seq, copy.clone());
            copy.pull(ann, &at, limit).await;
            assert_eq!(copy, now, "from {since} in pages of {limit}");
        }
    }
}

#[test]
fn pulling_from_any_seq_leads_to_the_state_that_a_newcomer_sees() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let (server, app, ann) = runtime.block_on(async {
        let server = Server::start(Mode::Embedded).await;
        let app = server.app("acme").await;
        let users: Vec<Value> = (0..5).map(|n| json!({ "id": format!("u{n}") })).collect();
        app.server.put("/users", json!({ "users": users })).await.gives(200);
        let ann = app.user("ann").await;
        (server, app, ann)
    });
    let mut runner = cases::runner(10);
    cases::all(&mut runner, &prop::collection::vec(step(), 1..40), |steps| {
        runtime.block_on(holds(&app, &ann, &steps));
        Ok(())
    });
    runtime.block_on(server.settled());
    runtime.block_on(async { drop(server) });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_with_more_first_members_than_a_page_is_pulled_to_its_end() {
    let server = Server::start(Mode::Embedded).await;
    let app = server.app("acme").await;
    let ann = app.user("ann").await;
    let ids: Vec<String> = (0..100).map(|n| format!("u{n:03}")).collect();
    let users: Vec<Value> = ids.iter().map(|id| json!({ "id": id })).collect();
    app.server.put("/users", json!({ "users": users })).await.gives(200);
    let members: Vec<Value> = ids.iter().map(|id| json!({ "user_id": id })).collect();
    let made = ann.post("/channels", json!({ "type": "team", "members": members })).await.gives(201);
    let at = format!("/channels/{}", made["id"].as_str().unwrap());
    ann.say(made["id"].as_str().unwrap(), "hello").await;
    for limit in [1, 50, 100] {
        let mut copy = Copy::default();
        copy.pull(&ann, &at, limit).await;
        assert_eq!((copy.members.len(), copy.messages.len(), copy.seq), (101, 1, 2));
    }
    let beyond = ann.get(&format!("{at}/changes?since=99")).await.gives(200);
    assert_eq!((&beyond["messages"], &beyond["more"]), (&json!([]), &json!(false)));
    server.settled().await;
}
