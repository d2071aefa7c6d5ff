//! Steps in a real channel and in the model at once.

use parlor_e2e::{App, Client};
use serde_json::{Value, json};

use super::model::{Model, Said};
use super::{PEOPLE, Step};

/// The model, and the real channel that must agree with it.
pub struct Run<'a> {
    pub app: &'a App,
    pub people: &'a [Client; PEOPLE],
    pub at: String,
    pub id: String,
    pub model: Model,
}

impl Run<'_> {
    async fn send(&mut self, who: usize, countable: bool, body: Value) -> Result<(), String> {
        let member = self.model.read[who].is_some();
        let answer = self.people[who].post(&format!("{}/messages", self.at), body).await;
        expect(answer.status, if member { 201 } else { 403 }, "a send")?;
        if member {
            self.model.seq += 1;
            let seq = answer.json["seq"].as_i64().unwrap_or_default();
            expect(seq, self.model.seq, "a message's seq")?;
            let id = answer.json["id"].as_str().unwrap_or_default().to_owned();
            self.model.said.push(Said { id, seq, countable, deleted: false, erased: false });
            if countable {
                self.model.read[who] = self.model.read[who].max(Some(seq));
            }
        }
        Ok(())
    }

    async fn remove(&mut self, at: usize, hard: bool) -> Result<(), String> {
        let said = &mut self.model.said[at];
        let answer = self.app.server.delete(&format!("/messages/{}?hard={hard}", said.id)).await;
        expect(answer.status, if said.erased { 404 } else { 200 }, "a deletion")?;
        let changes = !said.erased && (hard || !said.deleted);
        said.deleted = true;
        said.erased |= hard;
        self.model.seq += i64::from(changes);
        Ok(())
    }

    async fn enter(&mut self, who: usize, by_itself: bool) -> Result<(), String> {
        let status = if by_itself {
            self.people[who].post(&format!("{}/join", self.at), json!({})).await.status
        } else {
            let body = json!({ "members": [{ "user_id": self.people[who].id }] });
            self.app.server.post(&format!("{}/members", self.at), body).await.status
        };
        expect(status, 200, "an entry")?;
        if self.model.read[who].is_none() {
            self.model.seq += 1;
            self.model.read[who] = Some(self.model.seq);
        }
        Ok(())
    }

    /// Takes a step in the channel and in the model.
    pub async fn take(&mut self, step: Step) -> Result<(), String> {
        let count = self.model.said.len();
        let chosen = |message: usize| message % count.max(1);
        match step {
            Step::Send { who } => self.send(who, true, json!({ "text": "x" })).await?,
            Step::Apart { who, silent: true } => {
                self.send(who, false, json!({ "text": "x", "silent": true })).await?;
            }
            Step::Apart { who, silent: false } => {
                self.send(who, false, json!({ "text": "x", "visible_to": ["ben"] })).await?;
            }
            Step::Reply { who, to } => {
                let roots: Vec<String> = self
                    .model
                    .said
                    .iter()
                    .filter(|said| said.countable)
                    .map(|said| said.id.clone())
                    .collect();
                if let Some(root) = roots.get(to % roots.len().max(1)) {
                    self.send(who, false, json!({ "text": "x", "parent_id": root })).await?;
                }
            }
            Step::Join { who } => self.enter(who, true).await?,
            Step::Add { who } => self.enter(who, false).await?,
            Step::Leave { who } => {
                let status = self.people[who].post(&format!("{}/leave", self.at), json!({})).await.status;
                let member = self.model.read[who].take().is_some();
                expect(status, if member { 204 } else { 403 }, "a departure")?;
                self.model.seq += i64::from(member);
            }
            Step::ReadAll { who } => {
                let status = self.people[who].post(&format!("{}/read", self.at), json!({})).await.status;
                expect(status, if self.model.read[who].is_some() { 200 } else { 403 }, "a read")?;
                self.model.read[who] = self.model.read[who].map(|_| self.model.seq);
            }
            _ if count == 0 => {}
            Step::Edit { message } => {
                let said = &self.model.said[chosen(message)];
                // Each time other words: the same again would be no edit.
                let edit = json!({ "text": format!("y{}", self.model.seq) });
                let answer = self.app.server.patch(&format!("/messages/{}", said.id), edit).await;
                let expected = match said {
                    Said { erased: true, .. } => 404,
                    Said { deleted: true, .. } => 409,
                    _ => 200,
                };
                expect(answer.status, expected, "an edit")?;
                self.model.seq += i64::from(!said.deleted);
            }
            Step::Delete { message } => self.remove(chosen(message), false).await?,
            Step::Erase { message } => self.remove(chosen(message), true).await?,
            Step::Read { who, message } | Step::Unread { who, message } => {
                let said = &self.model.said[chosen(message)];
                let (path, back) =
                    if matches!(step, Step::Read { .. }) { ("read", false) } else { ("unread", true) };
                let body = json!({ "message_id": said.id });
                let status = self.people[who].post(&format!("{}/{path}", self.at), body).await.status;
                expect(status, if self.model.read[who].is_some() { 200 } else { 403 }, path)?;
                let target = said.seq;
                self.model.read[who] =
                    self.model.read[who].map(|pointer| if back { target - 1 } else { pointer.max(target) });
            }
        }
        Ok(())
    }

    /// Everything that shows a number shows the model's.
    pub async fn agrees(&self) -> Result<(), String> {
        for (who, person) in self.people.iter().enumerate() {
            let expected = self.model.unread(who);
            let counts = person.get("/unread").await.json;
            let here = counts["channels"]
                .as_array()
                .and_then(|all| all.iter().find(|one| one["channel_id"] == self.id.as_str()).cloned());
            expect(
                here.map_or(0, |one| one["unread"].as_i64().unwrap_or(-1)),
                expected,
                "unread of one's channels",
            )?;
            let view = person.get(&self.at).await.json;
            if self.model.read[who].is_some() {
                expect(view["unread"].as_i64(), Some(expected), "unread of the channel")?;
            }
        }
        let changes = self.app.server.get(&format!("{}/changes?since=0&limit=100", self.at)).await.json;
        expect(changes["channel"]["seq"].as_i64(), Some(self.model.seq), "the channel's seq")?;
        expect(changes["channel"]["ordinal"].as_i64(), Some(self.model.ordinal()), "the channel's ordinal")?;
        let present = self.model.read.iter().flatten().count();
        expect(changes["channel"]["member_count"].as_u64(), Some(present as u64), "the number of members")
    }
}

fn expect<T: PartialEq + std::fmt::Debug>(actual: T, expected: T, what: &str) -> Result<(), String> {
    if actual == expected {
        Ok(())
    } else {
        Err(format!("{what}: {actual:?}, and the model says {expected:?}"))
    }
}
