//! Steps in real threads and in the model at once.

use parlor_e2e::{Answer, App, Client};
use serde_json::{Value, json};

use super::model::{Model, Reply};
use super::{PEOPLE, ROOTS, Step};

/// The model, and the real threads that must agree with it.
pub struct Run<'a> {
    pub app: &'a App,
    pub people: &'a [Client; PEOPLE],
    pub channel: String,
    pub roots: Vec<String>,
    pub model: Model,
}

impl Run<'_> {
    fn at(&self, root: usize) -> String {
        format!("/messages/{}/thread", self.roots[root])
    }

    /// Takes a step in the threads and in the model.
    pub async fn take(&mut self, step: Step) -> Result<(), String> {
        let count = self.model.replies.len();
        match step {
            Step::Reply { who, root, shown, silent, mentions } => {
                let mentioned: Vec<&str> = mentions.iter().map(|who| self.people[*who].id.as_str()).collect();
                let body = json!({
                    "text": "x", "parent_id": self.roots[root], "show_in_channel": shown, "mentions": mentioned,
                    "silent": silent,
                });
                let answer =
                    self.people[who].post(&format!("/channels/{}/messages", self.channel), body).await;
                expect(answer.status, 201, "a reply")?;
                let id = answer.json["id"].as_str().unwrap_or_default().to_owned();
                let reply = Reply { id, root, by: who, shown, silent, deleted: false, erased: false };
                self.model.send(reply, mentions);
                let ordinal = self.model.ordinal(root) as u64;
                expect(answer.json["thread_ordinal"].as_u64(), Some(ordinal), "a reply's number")?;
            }
            Step::ReadAll { who, root } => {
                let answer = self.people[who].post(&format!("{}/read", self.at(root)), json!({})).await;
                self.model.read(root, who, self.model.ordinal(root));
                self.was_read(root, who, &answer)?;
            }
            Step::Follow { who, root } => {
                let answer = self.people[who].put(&format!("{}/follow", self.at(root)), json!({})).await;
                expect(answer.status, 200, "following")?;
                self.model.follow(root, who, true);
            }
            Step::Unfollow { who, root } => {
                let answer = self.people[who].delete(&format!("{}/follow", self.at(root))).await;
                expect(answer.status, 200, "following no longer")?;
                self.model.follow(root, who, false);
            }
            _ if count == 0 => {}
            Step::Delete { reply } => self.remove(reply % count, false).await?,
            Step::Erase { reply } => self.remove(reply % count, true).await?,
            Step::Read { who, reply } => {
                let chosen = &self.model.replies[reply % count];
                let root = chosen.root;
                let up_to = self.model.replies[..=reply % count].iter();
                let up_to = up_to.filter(|reply| reply.root == root && !reply.silent);
                let (up_to, body) = (up_to.count(), json!({ "message_id": chosen.id }));
                let answer = self.people[who].post(&format!("{}/read", self.at(root)), body).await;
                self.model.read(root, who, up_to);
                self.was_read(root, who, &answer)?;
            }
        }
        Ok(())
    }

    async fn remove(&mut self, at: usize, hard: bool) -> Result<(), String> {
        let reply = &mut self.model.replies[at];
        let answer = self.app.server.delete(&format!("/messages/{}?hard={hard}", reply.id)).await;
        expect(answer.status, if reply.erased { 404 } else { 200 }, "a deletion")?;
        reply.deleted = true;
        reply.erased |= hard;
        Ok(())
    }

    fn was_read(&self, root: usize, who: usize, answer: &Answer) -> Result<(), String> {
        expect(answer.status, 200, "a read")?;
        let read = self.model.readers[root][who].read.map(|read| read as u64);
        expect(answer.json["read"]["read_ordinal"].as_u64(), read, "replies that were read")?;
        let unread = self.model.unread(root, who) as u64;
        expect(answer.json["unread"].as_u64(), Some(unread), "unread after a read")
    }

    /// Everything that shows a number shows the model's.
    pub async fn agrees(&self) -> Result<(), String> {
        for (who, person) in self.people.iter().enumerate() {
            let counts = person.get("/unread").await.json;
            let total = self.model.unread_total(who) as u64;
            expect(counts["threads_total"].as_u64(), Some(total), "unread of all threads")?;
            let channel = person.get(&format!("/channels/{}", self.channel)).await.json;
            let in_channel = self.model.unread_in_channel(who) as u64;
            expect(channel["unread"].as_u64(), Some(in_channel), "unread of the channel")?;
            let listed = person.all("/threads", "limit=1").await;
            let unread = person.all("/threads", "unread=true").await;
            for root in 0..ROOTS {
                let reader = self.model.readers[root][who];
                let expected = self.model.unread(root, who) as u64;
                let is_root = |thread: &&Value| thread["message"]["id"] == self.roots[root].as_str();
                let shown = listed.iter().find(is_root);
                let follows = reader.following == Some(true);
                expect(shown.is_some(), follows, "whether a thread is listed")?;
                expect(
                    unread.iter().any(|thread| is_root(&thread)),
                    follows && expected > 0,
                    "whether a thread is listed as unread",
                )?;
                let thread = person.get(&self.at(root)).await.json;
                expect(thread["unread"].as_u64(), Some(expected), "unread of a thread")?;
                expect(thread["following"].as_bool(), Some(follows), "whether one follows")?;
                if let Some(shown) = shown {
                    expect(shown, &thread, "a thread of the list")?;
                }
            }
        }
        for (root, id) in self.roots.iter().enumerate() {
            let thread = self.app.server.get(&format!("/messages/{id}")).await.json["thread"].clone();
            let replies = self.model.reply_count(root) as u64;
            expect(thread["reply_count"].as_u64().unwrap_or(0), replies, "replies that are there")?;
            let people = self.model.participants(root) as u64;
            expect(thread["participant_count"].as_u64().unwrap_or(0), people, "who takes part")?;
            let named = thread["participants"].as_array().map_or(0, Vec::len) as u64;
            expect(named, people, "who is named of them")?;
            if replies > 0 {
                let ordinal = self.model.ordinal(root) as u64;
                expect(thread["ordinal"].as_u64(), Some(ordinal), "replies so far")?;
            }
        }
        Ok(())
    }
}

fn expect<T: PartialEq + std::fmt::Debug>(actual: T, expected: T, what: &str) -> Result<(), String> {
    if actual == expected {
        Ok(())
    } else {
        Err(format!("{what}: {actual:?}, and the model says {expected:?}"))
    }
}
