//! A client's copy of a channel, from a first look or from what it pulls.

use std::collections::BTreeMap;

use parlor_e2e::Client;
use serde_json::{Value, json};

/// What a client keeps of a channel.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Copy {
    channel: Value,
    pub messages: BTreeMap<String, Value>,
    pub members: BTreeMap<String, Value>,
    pub tasks: BTreeMap<String, Value>,
    pub seq: i64,
}

impl Copy {
    /// As a newcomer is shown it: channel, members, tasks, timeline, and each thread.
    pub async fn fresh(reader: &Client, at: &str, roots: &[String]) -> Self {
        let channel = reader.get(at).await.gives(200);
        let mut copy = Self { seq: channel["seq"].as_i64().unwrap(), ..Self::default() };
        for member in reader.all(&format!("{at}/members"), "limit=100").await {
            copy.member(member);
        }
        for task in reader.all(&format!("{at}/tasks"), "limit=100").await {
            copy.task(task);
        }
        // An erased root is not listed, and its thread is still there.
        let threads = roots.iter().map(|root| format!("&parent_id={root}"));
        for thread in std::iter::once(String::new()).chain(threads) {
            let page = reader.get(&format!("{at}/messages?limit=100{thread}")).await.gives(200);
            for message in page["items"].as_array().unwrap() {
                copy.message(message.clone());
            }
        }
        copy.channel(channel);
        copy
    }

    /// Read pointers, counts and the newest message are no durable changes of the channel's rows.
    fn channel(&mut self, mut channel: Value) {
        for own in ["membership", "unread", "capabilities", "last_message"] {
            channel.as_object_mut().unwrap().remove(own);
        }
        // What was truncated is gone, with the words that others quote of it.
        let upto = channel["truncated_seq"].as_i64().unwrap();
        let gone = |seq: &Value| seq.as_i64().is_some_and(|seq| seq <= upto);
        self.tasks.retain(|_, task| {
            self.messages.get(task["message_id"].as_str().unwrap()).is_none_or(|of| !gone(&of["seq"]))
        });
        self.messages.retain(|_, message| !gone(&message["seq"]));
        for message in self.messages.values_mut().filter(|message| gone(&message["quoted"]["seq"])) {
            forget(&mut message["quoted"]);
        }
        self.channel = channel;
    }

    fn message(&mut self, message: Value) {
        let id = message["id"].as_str().unwrap().to_owned();
        if message["erased"] == true {
            self.messages.remove(&id);
            // What it said is forgotten where others quote it, too.
            for quoted in self.messages.values_mut().filter(|other| other["quoted"]["id"] == message["id"]) {
                forget(&mut quoted["quoted"]);
            }
        } else {
            self.messages.insert(id, message);
        }
    }

    fn task(&mut self, task: Value) {
        let id = task["id"].as_str().unwrap().to_owned();
        if task["deleted_at"].is_null() {
            self.tasks.insert(id, task)
        } else {
            self.tasks.remove(&id)
        };
    }

    fn member(&mut self, mut member: Value) {
        let fields = member.as_object_mut().unwrap();
        for moving in
            ["read_seq", "read_ordinal", "read_at", "last_read_message_id", "delivered_seq", "delivered_at"]
        {
            fields.remove(moving);
        }
        let id = member["user"]["id"].as_str().unwrap().to_owned();
        if member["removed_at"].is_null() {
            self.members.insert(id, member)
        } else {
            self.members.remove(&id)
        };
    }

    /// Pulls until there is no more, in pages of this size.
    pub async fn pull(&mut self, reader: &Client, at: &str, limit: usize) {
        loop {
            let changes =
                reader.get(&format!("{at}/changes?since={}&limit={limit}", self.seq)).await.gives(200);
            let seq = changes["seq"].as_i64().unwrap();
            let more = changes["more"] == true;
            assert!(seq > self.seq || !more, "pulling from {seq} with a limit of {limit} leads nowhere");
            for message in changes["messages"].as_array().unwrap() {
                assert!(
                    message["updated_seq"].as_i64().unwrap() > self.seq,
                    "a message that is known already"
                );
                self.message(message.clone());
            }
            for member in changes["members"].as_array().unwrap() {
                self.member(member.clone());
            }
            for task in changes["tasks"].as_array().unwrap() {
                self.task(task.clone());
            }
            self.channel(changes["channel"].clone());
            self.seq = seq;
            if !more {
                return;
            }
        }
    }
}

fn forget(quoted: &mut Value) {
    quoted["text"] = json!("");
    quoted["attachments"] = json!([]);
    quoted["erased"] = json!(true);
}
