//! Whatever happened, and wherever a device was interrupted: what syncs tell it leads to what a newcomer is shown.

use std::collections::BTreeMap;

use futures_util::future::join_all;
use parlor_e2e::{App, Client, Mode, Server};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::device::Device;
use crate::cases;
use crate::changes::{Step, step, take};

/// Channels of a history.
const CHANNELS: usize = 3;

#[derive(Clone, Copy, Debug)]
enum Act {
    /// Something that happens in a channel.
    In(usize, Step),
    /// What the user does there.
    Own(usize, usize, Own),
    Go(usize),
    Come(usize),
    /// A device takes in so many answers of so many rows.
    Sync(usize, usize),
    /// An answer is lost.
    Lose,
}

#[derive(Clone, Copy, Debug)]
enum Own {
    Say,
    Reply,
    Follow,
    Unfollow,
    ReadThread,
    Draft,
    Undraft,
    Remind,
    Done,
    Unremind,
    Schedule,
    Cancel,
    Star,
    Unstar,
    Read,
    Unread,
    Pin,
    Hide,
    Clear,
    Vote,
}

fn act() -> impl Strategy<Value = Act> {
    use Own::{
        Cancel, Clear, Done, Draft, Follow, Hide, Pin, Read, ReadThread, Remind, Reply, Say, Schedule, Star,
        Undraft, Unfollow, Unread, Unremind, Unstar, Vote,
    };
    let own = proptest::sample::select(vec![
        Say, Say, Reply, Reply, Follow, Unfollow, ReadThread, Draft, Draft, Undraft, Remind, Remind, Done,
        Unremind, Schedule, Cancel, Star, Star, Unstar, Read, Unread, Pin, Hide, Clear, Vote,
    ]);
    prop_oneof![
        8 => (0..CHANNELS, step()).prop_map(|(n, step)| Act::In(n, step)),
        8 => (0..CHANNELS, 0..64_usize, own).prop_map(|(n, which, own)| Act::Own(n, which, own)),
        1 => (0..CHANNELS).prop_map(Act::Go),
        2 => (0..CHANNELS).prop_map(Act::Come),
        4 => (1..40_usize, 1..4_usize).prop_map(|(rows, answers)| Act::Sync(rows, answers)),
        1 => Just(Act::Lose),
    ]
}

struct World {
    app: App,
    ann: Client,
    rea: Client,
    /// The channels' paths.
    at: Vec<String>,
    roots: Vec<Vec<String>>,
    scheduled: Vec<String>,
}

impl World {
    async fn new(app: App, ann: Client, rea: Client) -> Self {
        let mut at = Vec::new();
        for _ in 0..CHANNELS {
            at.push(format!("/channels/{}", app.channel(&[&ann, &rea]).await));
        }
        Self { app, ann, rea, at, roots: vec![Vec::new(); CHANNELS], scheduled: Vec::new() }
    }

    /// By channel id.
    fn roots(&self) -> BTreeMap<String, Vec<String>> {
        let id = |at: &String| at.trim_start_matches("/channels/").to_owned();
        self.at.iter().map(id).zip(self.roots.iter().cloned()).collect()
    }

    /// Refusals change nothing, which the comparison would show.
    async fn own(&mut self, n: usize, which: usize, own: Own) {
        let (rea, at) = (&self.rea, &self.at[n]);
        let roots = &self.roots[n];
        let root = roots.get(which % roots.len().max(1)).cloned().unwrap_or_default();
        let message = format!("/messages/{root}");
        let none = || json!({});
        drop(match own {
            Own::Say => rea.post(&format!("{at}/messages"), json!({ "text": "mine" })).await,
            Own::Reply => {
                let reply =
                    json!({ "text": "mine", "parent_id": root, "show_in_channel": which.is_multiple_of(2) });
                rea.post(&format!("{at}/messages"), reply).await
            }
            Own::Follow => rea.put(&format!("{message}/thread/follow"), none()).await,
            Own::Unfollow => rea.delete(&format!("{message}/thread/follow")).await,
            Own::ReadThread => rea.post(&format!("{message}/thread/read"), none()).await,
            Own::Draft => {
                let parent = (which.is_multiple_of(3) && !root.is_empty()).then_some(root);
                let draft = json!({ "text": format!("draft {which}"), "parent_id": parent });
                rea.put(&format!("{at}/draft"), draft).await
            }
            Own::Undraft => rea.delete(&format!("{at}/draft")).await,
            Own::Remind => {
                rea.put(&format!("{message}/reminder"), json!({ "note": format!("{which}") })).await
            }
            Own::Done => rea.post(&format!("{message}/reminder/done"), none()).await,
            Own::Unremind => rea.delete(&format!("{message}/reminder")).await,
            Own::Schedule => {
                let later = json!({ "text": "later", "send_at": crate::matrix::in_an_hour() });
                let answer = rea.post(&format!("{at}/scheduled_messages"), later).await;
                self.scheduled.extend(answer.json["id"].as_str().map(str::to_owned));
                answer
            }
            Own::Cancel => {
                let id = self.scheduled.pop().unwrap_or_default();
                rea.delete(&format!("/scheduled_messages/{id}")).await
            }
            Own::Star => rea.put(&format!("{message}/star"), none()).await,
            Own::Unstar => rea.delete(&format!("{message}/star")).await,
            Own::Read => rea.post(&format!("{at}/read"), none()).await,
            Own::Unread => rea.post(&format!("{at}/unread"), json!({ "message_id": root })).await,
            Own::Pin => {
                rea.patch(&format!("{at}/membership"), json!({ "pinned": which.is_multiple_of(2) })).await
            }
            Own::Hide => {
                rea.patch(&format!("{at}/membership"), json!({ "hidden": which.is_multiple_of(2) })).await
            }
            Own::Clear => {
                let clear = json!({ "hidden": { "clear_history": true } });
                rea.patch(&format!("{at}/membership"), clear).await
            }
            Own::Vote => rea.put(&format!("{message}/poll/votes"), json!({ "options": ["1"] })).await,
        });
    }

    async fn act(&mut self, act: Act, device: &mut Device) {
        match act {
            Act::In(n, step) => take(&self.app, &self.ann, &self.at[n], &mut self.roots[n], step).await,
            Act::Own(n, which, own) => self.own(n, which, own).await,
            Act::Go(n) => drop(self.app.server.delete(&format!("{}/members/rea", self.at[n])).await),
            Act::Come(n) => {
                let hides = n == 1;
                let rea =
                    json!({ "members": [{ "user_id": "rea" }], "hide_history": hides, "invite": n == 2 });
                self.app.server.post(&format!("{}/members", self.at[n]), rea).await.gives(200);
                drop(self.rea.post(&format!("{}/invite/accept", self.at[n]), json!({})).await);
            }
            Act::Sync(rows, answers) => device.sync(&self.rea, rows, answers).await,
            Act::Lose => drop(device.ask(&self.rea, 5).await),
        }
    }
}

async fn holds(world: &mut World, acts: &[Act]) {
    let mut device = Device::default();
    for act in acts {
        world.act(*act, &mut device).await;
    }
    device.sync(&world.rea, 10, usize::MAX).await;
    device.is_up_to_date(&world.rea, &world.roots()).await;
}

#[test]
fn a_device_that_only_syncs_holds_what_a_newcomer_is_shown() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let server = runtime.block_on(Server::start(Mode::Embedded));
    let mut runner = cases::runner(12);
    cases::all(&mut runner, &prop::collection::vec(act(), 1..60), |acts| {
        runtime.block_on(async {
            // An app of its own: everything of a user's own is there from the beginning.
            let app = server.app("acme").await;
            let users: Vec<Value> = (0..5).map(|n| json!({ "id": format!("u{n}") })).collect();
            app.server.put("/users", json!({ "users": users })).await.gives(200);
            let (ann, rea) = (app.user("ann").await, app.user("rea").await);
            holds(&mut World::new(app, ann, rea).await, &acts).await;
        });
        Ok(())
    });
    runtime.block_on(server.settled());
    runtime.block_on(async { drop(server) });
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_written_while_a_device_syncs_is_not_missed() {
    let server = Server::start(Mode::Embedded).await;
    let app = server.app("acme").await;
    let users: Vec<Value> = (0..5).map(|n| json!({ "id": format!("u{n}") })).collect();
    app.server.put("/users", json!({ "users": users })).await.gives(200);
    let (ann, rea) = (app.user("ann").await, app.user("rea").await);
    let mut world = World::new(app, ann, rea).await;
    let done = std::sync::atomic::AtomicBool::new(false);
    let write = async {
        let writers = world.at.iter().enumerate().map(|(n, at)| {
            let (ann, rea, server) = (&world.ann, &world.rea, &world.app.server);
            async move {
                let mut roots = Vec::new();
                for round in 0..25 {
                    let said = ann.post(&format!("{at}/messages"), json!({ "text": "x" })).await.gives(201);
                    let id = said["id"].as_str().unwrap().to_owned();
                    drop(rea.put(&format!("{at}/draft"), json!({ "text": format!("{round}") })).await);
                    drop(rea.put(&format!("/messages/{id}/star"), json!({})).await);
                    drop(rea.post(&format!("{at}/read"), json!({})).await);
                    ann.patch(&format!("/messages/{id}"), json!({ "text": "y" })).await.gives(200);
                    if n == 0 && round % 5 == 4 {
                        server.delete(&format!("{at}/members/rea")).await;
                        let member = json!({ "members": [{ "user_id": "rea" }] });
                        server.post(&format!("{at}/members"), member).await.gives(200);
                    }
                    roots.push(id);
                }
                roots
            }
        });
        let roots = join_all(writers).await;
        done.store(true, std::sync::atomic::Ordering::Release);
        roots
    };
    let sync = async {
        let mut device = Device::default();
        while !done.load(std::sync::atomic::Ordering::Acquire) {
            device.sync(&world.rea, 7, 2).await;
        }
        device
    };
    let (roots, mut device) = futures_util::future::join(write, sync).await;
    world.roots = roots;
    server.settled().await;
    device.sync(&world.rea, 7, usize::MAX).await;
    device.is_up_to_date(&world.rea, &world.roots()).await;
}
