//! For every kind of durable change: a snapshot brought forward by events equals a fresh snapshot.
//!
//! A random history is played by people of several roles; one of them listens and applies what comes by the rule of
//! `prev_seq` alone. Between chapters what that reader holds is compared with what the API says. With
//! `PARLOR_TEST_SEED` set to what a failed run printed, the same history is told again.

use std::collections::BTreeSet;

use parlor_e2e::{Answer, App, Applied, Client, Heard, Listener, Mode, Replica, Server};
use parlor_protocol::{EventType, MessageId};
use serde_json::json;

super::on_both! { a_snapshot_and_its_events_are_a_fresh_snapshot }

const CHAPTERS: usize = 6;
const STEPS: usize = 25;

/// Numbers that a seed decides (xorshift64*, Vigna 2016).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        usize::try_from(self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33).unwrap() % sides
    }

    fn choose<'a, T>(&mut self, from: &'a [T]) -> Option<&'a T> {
        if from.is_empty() { None } else { Some(&from[self.roll(from.len())]) }
    }
}

struct Story {
    app: App,
    people: Vec<Client>,
    room: String,
    /// Messages with their authors, by the main timeline.
    told: Vec<(MessageId, usize)>,
    /// Messages with replies, which are never erased.
    threads: Vec<MessageId>,
    /// Replies with their authors.
    replies: Vec<(MessageId, usize)>,
    dice: Dice,
}

impl Story {
    async fn step(&mut self) {
        let room = format!("/channels/{}", self.room);
        let who = self.dice.roll(3);
        let (owner, actor) = (self.people[0].clone(), self.people[who].clone());
        let text = format!("{} says {}", actor.id, self.dice.roll(1_000));
        let message = self.dice.choose(&self.told).copied();
        let answer = match (self.dice.roll(27), message) {
            (0..=3, _) | (_, None) => {
                let answer = actor
                    .post(&format!("{room}/messages"), json!({ "text": text, "mentions": ["ben"] }))
                    .await;
                self.told.push((answer.json["id"].as_str().unwrap().parse().unwrap(), who));
                answer
            }
            (4 | 11, Some((id, _))) => {
                let shown = self.dice.roll(2) == 0;
                let reply = json!({ "text": text, "parent_id": id, "show_in_channel": shown });
                let answer = actor.post(&format!("{room}/messages"), reply).await;
                if answer.status == 201 {
                    self.threads.push(id);
                    self.replies.push((answer.json["id"].as_str().unwrap().parse().unwrap(), who));
                }
                answer
            }
            (5, Some((id, author))) => {
                let edit = json!({ "text": text, "custom": { "edited": true } });
                self.people[author].patch(&format!("/messages/{id}"), edit).await
            }
            (22, Some((id, author))) => {
                self.people[author].post(&format!("/messages/{id}/undelete"), json!({})).await
            }
            (6, Some((id, author))) => self.people[author].delete(&format!("/messages/{id}")).await,
            (7, Some((id, _))) if !self.threads.contains(&id) => {
                self.told.retain(|(known, _)| *known != id);
                self.app.server.delete(&format!("/messages/{id}?hard=true")).await
            }
            (12, Some((id, _))) => {
                let quote = json!({ "text": text, "reply_to_id": id });
                let answer = actor.post(&format!("{room}/messages"), quote).await;
                // What was truncated can't be quoted.
                if answer.status == 201 {
                    self.told.push((answer.json["id"].as_str().unwrap().parse().unwrap(), who));
                }
                answer
            }
            (13, Some(_)) => match self.dice.choose(&self.replies).copied() {
                Some((reply, author)) => self.people[author].delete(&format!("/messages/{reply}")).await,
                None => actor.get(&room).await,
            },
            (14, Some((id, _))) => {
                actor.post(&format!("/messages/{id}/task"), json!({ "title": text })).await
            }
            (15, Some(_)) => self.work(&actor, &room).await,
            (8, _) => actor.post(&format!("{room}/read"), json!({})).await,
            (9, Some((id, _))) => actor.post(&format!("{room}/unread"), json!({ "message_id": id })).await,
            (10, _) => self.members(&owner, &room).await,
            (16 | 17, Some((id, _))) => {
                let kind = ["👍", "clap", "❤️"][self.dice.roll(3)];
                let alone = self.dice.roll(3) == 0;
                let reaction =
                    json!({ "type": kind, "score": self.dice.roll(3) + 1, "enforce_unique": alone });
                actor.post(&format!("/messages/{id}/reactions"), reaction).await
            }
            (20, _) => {
                let poll = json!({ "options": ["a", "b"], "suggestions": true, "max_votes": 2 });
                let ask = json!({ "text": text, "poll": poll });
                let answer = actor.post(&format!("{room}/messages"), ask).await;
                self.told.push((answer.json["id"].as_str().unwrap().parse().unwrap(), who));
                answer
            }
            (24, _) => {
                let quiet = json!({ "text": text, "silent": true, "group_mentions": { "channel": true } });
                let answer = actor.post(&format!("{room}/messages"), quiet).await;
                self.told.push((answer.json["id"].as_str().unwrap().parse().unwrap(), who));
                answer
            }
            // The reader learns of none of these, nor of what becomes of them.
            (25, _) => {
                let apart = json!({ "text": text, "visible_to": ["cid"] });
                let answer = owner.post(&format!("{room}/messages"), apart).await;
                let path = format!("/messages/{}", answer.json["id"].as_str().unwrap());
                match self.dice.roll(4) {
                    0 => owner.patch(&path, json!({ "text": "edited" })).await,
                    1 => owner.delete(&path).await,
                    2 => owner.post(&format!("{path}/reactions"), json!({ "type": "clap" })).await,
                    _ => self.app.server.delete(&format!("{path}?hard=true")).await,
                }
            }
            (26, Some((id, author))) => {
                let document = json!({ "type": "doc", "content": [{ "type": "paragraph", "content": [
                    { "type": "text", "text": text }, { "type": "mention", "attrs": { "id": "ben" } },
                ] }] });
                self.people[author].patch(&format!("/messages/{id}"), json!({ "content": document })).await
            }
            (21, Some((id, _))) => {
                let vote = json!({ "options": [(["1", "2"][self.dice.roll(2)])] });
                actor.put(&format!("/messages/{id}/poll/votes"), vote).await
            }
            (18, Some((id, _))) => actor.delete(&format!("/messages/{id}/reactions/clap")).await,
            (19, Some((id, _))) => match self.dice.roll(2) {
                0 => owner.post(&format!("/messages/{id}/pin"), json!({})).await,
                _ => owner.delete(&format!("/messages/{id}/pin")).await,
            },
            _ => {
                let change = match self.dice.roll(5) {
                    0 => json!({ "name": text }),
                    3 => json!({ "tags": [format!("tag {}", self.dice.roll(3))] }),
                    4 => json!({ "custom_set": { "text": text } }),
                    1 => json!({ "image": null, "custom": { "topic": text } }),
                    _ => json!({ "config": { "typing_disabled": self.dice.roll(2) == 0 } }),
                };
                owner.patch(&room, change).await
            }
        };
        // What is gone can't be edited, replied to or marked; nothing else may fail.
        assert!(answer.status < 300 || [404, 409, 410, 422].contains(&answer.status), "{answer:?}");
    }

    /// Something becomes of the newest task.
    async fn work(&mut self, actor: &Client, room: &str) -> Answer {
        let tasks = actor.get(&format!("{room}/tasks?limit=1")).await;
        let Some(task) = tasks.json["items"][0]["id"].as_str() else { return tasks };
        let path = format!("/tasks/{task}");
        match self.dice.roll(3) {
            0 => actor.patch(&path, json!({ "status": "done" })).await,
            1 => actor.patch(&path, json!({ "assignee_id": "ben", "due_at": "2030-01-01T00:00:00Z" })).await,
            _ => self.people[0].delete(&path).await,
        }
    }

    async fn members(&mut self, owner: &Client, room: &str) -> Answer {
        let guest = ["dan", "eve"][self.dice.roll(2)];
        match self.dice.roll(3) {
            0 => {
                let members = json!({ "members": [{ "user_id": guest }] });
                owner.post(&format!("{room}/members"), members).await
            }
            1 => {
                let role = ["moderator", "member", "admin"][self.dice.roll(3)];
                owner.patch(&format!("{room}/members/{guest}"), json!({ "role": role })).await
            }
            _ => owner.delete(&format!("{room}/members/{guest}")).await,
        }
    }

    /// One of each, whatever the dice say.
    async fn one_of_each(&mut self) {
        let (owner, room) = (self.people[0].clone(), format!("/channels/{}", self.room));
        let member = json!({ "members": [{ "user_id": "fay" }] });
        assert_eq!(owner.post(&format!("{room}/members"), member).await.status, 200);
        let role = json!({ "role": "moderator" });
        assert_eq!(owner.patch(&format!("{room}/members/fay"), role).await.status, 200);
        assert_eq!(owner.delete(&format!("{room}/members/fay")).await.status, 204);
        assert_eq!(owner.patch(&room, json!({ "name": "Story" })).await.status, 200);
        let apart = json!({ "text": "apart", "visible_to": ["cid"] });
        owner.post(&format!("{room}/messages"), apart).await.gives(201);
        let said = owner.say(&self.room, "a word").await;
        let message = format!("/messages/{}", said["id"].as_str().unwrap());
        let ask = json!({ "text": "which?", "poll": { "options": ["a", "b"] } });
        let asked = owner.post(&format!("{room}/messages"), ask).await.gives(201);
        let votes = format!("/messages/{}/poll/votes", asked["id"].as_str().unwrap());
        assert_eq!(self.people[1].put(&votes, json!({ "options": ["2"] })).await.status, 200);
        let task = owner.post(&format!("{message}/task"), json!({})).await.gives(201);
        let task = format!("/tasks/{}", task["id"].as_str().unwrap());
        assert_eq!(owner.patch(&task, json!({ "status": "in_progress" })).await.status, 200);
        assert_eq!(owner.delete(&task).await.status, 200);
        assert_eq!(owner.patch(&message, json!({ "text": "another word" })).await.status, 200);
        for score in [1, 2] {
            let clap = json!({ "type": "clap", "score": score });
            assert_eq!(owner.post(&format!("{message}/reactions"), clap).await.status, 200);
        }
        assert_eq!(owner.delete(&format!("{message}/reactions/clap")).await.status, 200);
        assert_eq!(self.people[1].put(&format!("{message}/star"), json!({})).await.status, 204);
        assert_eq!(self.people[1].delete(&format!("{message}/star")).await.status, 204);
        assert_eq!(owner.delete(&message).await.status, 200);
        assert_eq!(owner.post(&format!("{message}/undelete"), json!({})).await.status, 200);
        assert_eq!(owner.delete(&message).await.status, 200);
        // Half of what was said before goes, now and then; what is told of goes on.
        if let Some((id, _)) = self.dice.choose(&self.told).copied() {
            let known = owner.get(&format!("/messages/{id}")).await.json;
            let before = json!({ "before": known["created_at"] });
            assert_eq!(owner.post(&format!("{room}/truncate"), before).await.status, 200);
        }
        let poll = json!({ "text": "Where to?", "poll": { "options": ["Sea", "Hills"] } });
        let asked = owner.post(&format!("{room}/messages"), poll).await.gives(201);
        let votes = format!("/messages/{}/poll/votes", asked["id"].as_str().unwrap());
        assert_eq!(self.people[1].put(&votes, json!({ "options": ["2"] })).await.status, 200);
    }
}

async fn a_snapshot_and_its_events_are_a_fresh_snapshot(mode: Mode) {
    let seed = match std::env::var("PARLOR_TEST_SEED") {
        Ok(seed) => seed.parse().unwrap(),
        Err(_) => MessageId::new().0.as_u64_pair().1,
    };
    println!("PARLOR_TEST_SEED={seed}");
    let server = Server::start(mode).await;
    let app = server.app("acme").await;
    let mut people = Vec::new();
    for id in ["ann", "ben", "cid"] {
        people.push(app.user(id).await);
    }
    for id in ["dan", "eve", "fay"] {
        app.user(id).await;
    }
    let room = app.channel(&[&people[0], &people[1], &people[2]]).await;
    let reader = people[1].clone();
    let mut story = Story {
        app,
        people,
        room,
        told: Vec::new(),
        threads: Vec::new(),
        replies: Vec::new(),
        dice: Dice(seed | 1),
    };
    let room = story.room.clone();
    let listener = Listener::connect(&reader).await;
    listener.subscribe(&room).await;
    let mut held = Replica::snapshot(&reader, &room, &[]).await;
    let mut seen = 0;
    for _ in 0..CHAPTERS {
        for _ in 0..STEPS {
            story.step().await;
        }
        story.one_of_each().await;
        // All of a channel is told in order: after the last word nothing can be on its way.
        let last = story.people[0].say(&room, "so much for this chapter").await["seq"].as_i64();
        listener
            .until("the chapter was heard", |heard| match heard {
                Heard::Event { envelope, .. } => last == envelope.seq,
                _ => false,
            })
            .await;
        for event in listener.events_of(&room).iter().skip(seen) {
            seen += 1;
            assert_eq!(held.apply(event), Applied::Yes, "held {}, came {event:?}", held.seq);
        }
        let fresh = Replica::snapshot(&reader, &room, &story.threads).await;
        assert_eq!(held, fresh);
        let unread = reader.get(&format!("/channels/{room}")).await.json["unread"].as_i64();
        assert_eq!(held.unread("ben"), unread.unwrap(), "the reader's own subtraction");
    }
    let topic = format!("chat:channel:{room}");
    // One goes for good: no event tells of each message, so there is a gap, and the reader pulls.
    let gil = story.app.user("gil").await;
    let member = json!({ "members": [{ "user_id": "gil" }] });
    story.app.server.post(&format!("/channels/{room}/members"), member).await.gives(200);
    gil.say(&room, "I was here").await;
    gil.delete("/users/gil?mode=anonymise").await.gives(202);
    listener.next(&topic, seen, EventType::UserDeleted).await;
    for event in listener.events_of(&room).iter().skip(seen) {
        seen += 1;
        if held.apply(event) == Applied::Gap {
            assert_eq!(event.kind, EventType::UserDeleted);
            while held.pull(&reader, &room).await.unwrap() {}
        }
    }
    assert_eq!(held, Replica::snapshot(&reader, &room, &story.threads).await);

    assert_eq!(story.people[0].delete(&format!("/channels/{room}")).await.status, 204);
    assert_eq!(held.apply(&listener.next(&topic, seen, EventType::ChannelDeleted).await), Applied::Yes);
    assert_eq!(held, Replica::snapshot(&reader, &room, &[]).await);

    // What is the reader's own is told on their own channel.
    listener.next(&listener.user_topic, 0, EventType::MessageUnstarred).await;
    let told = listener.events_of(&room);
    let heard: BTreeSet<&str> =
        told.iter().filter(|event| event.seq.is_some()).map(|event| event.kind.as_str()).collect();
    let of_channels =
        |kind: &&EventType| kind.is_durable() && !kind.meaning().starts_with("On the user's channel");
    let durable: BTreeSet<&str> =
        EventType::ALL.iter().filter(of_channels).map(|kind| kind.as_str()).collect();
    assert_eq!(heard, durable, "a kind of event that this history lacks");
    server.settled().await;
}
