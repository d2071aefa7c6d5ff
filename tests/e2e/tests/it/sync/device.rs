//! A device that knows nothing but what syncs tell it.

use std::collections::{BTreeMap, BTreeSet};

use parlor_e2e::Client;
use serde_json::{Value, json};

/// What it holds of a channel.
#[derive(Clone, Debug, Default)]
struct Held {
    channel: Value,
    messages: BTreeMap<String, Value>,
    members: BTreeMap<String, Value>,
    tasks: BTreeMap<String, Value>,
    /// Everything with a higher `seq` is held; of what is older, what was shown when the channel began anew.
    base: i64,
    seq: i64,
}

/// Where a draft is.
type Place = (String, Option<String>);

/// What it holds.
#[derive(Clone, Debug, Default)]
pub struct Device {
    cursor: Option<String>,
    channels: BTreeMap<String, Held>,
    drafts: BTreeMap<Place, Value>,
    reminders: BTreeMap<String, Value>,
    scheduled: BTreeMap<String, Value>,
    invites: BTreeMap<String, Value>,
    stars: BTreeMap<String, bool>,
    threads: BTreeMap<String, Value>,
    pub unread: Value,
    /// How often everything and how often a channel began anew.
    pub resets: (usize, usize),
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().unwrap()
}

impl Device {
    /// Takes in so many answers, or all that there are.
    pub async fn sync(&mut self, user: &Client, limit: usize, answers: usize) {
        for _ in 0..answers {
            let answer = self.ask(user, limit).await;
            let more = answer["more"] == true;
            assert!(!more || answer["cursor"].as_str() != self.cursor.as_deref(), "leads nowhere: {answer}");
            self.take(&answer);
            if !more {
                return;
            }
        }
    }

    /// Asks and takes nothing in: the answer was lost.
    pub async fn ask(&self, user: &Client, limit: usize) -> Value {
        user.post("/sync", json!({ "cursor": self.cursor, "limit": limit, "messages": 3 })).await.gives(200)
    }

    fn take(&mut self, answer: &Value) {
        if answer["reset"] == true {
            *self = Self { resets: (self.resets.0 + 1, self.resets.1), ..Self::default() };
        }
        for part in list(&answer["channels"]) {
            self.channel(part);
        }
        for gone in list(&answer["left"]).iter().chain(list(&answer["released"])) {
            self.forget(&text(gone));
        }
        let own = &answer["own"];
        let place = |draft: &Value| -> Place {
            (text(&draft["channel_id"]), draft["parent_id"].as_str().map(str::to_owned))
        };
        for draft in list(&own["drafts"]) {
            self.drafts.insert(place(draft), draft.clone());
        }
        for draft in list(&own["deleted_drafts"]) {
            self.drafts.remove(&place(draft));
        }
        for (kept, name, key) in [
            (&mut self.reminders, "reminders", "message_id"),
            (&mut self.scheduled, "scheduled_messages", "id"),
            (&mut self.threads, "threads", "parent_id"),
        ] {
            kept.extend(list(&own[name]).iter().map(|item| (text(&item[key]), item.clone())));
        }
        for reminder in list(&own["deleted_reminders"]) {
            self.reminders.remove(&text(reminder));
        }
        for invite in list(&own["invites"]) {
            self.invites.insert(text(&invite["channel"]["id"]), invite.clone());
        }
        for star in list(&own["stars"]) {
            self.stars.insert(text(&star["message_id"]), star["starred"] == true);
        }
        if answer["unread"].is_object() {
            self.unread = answer["unread"].clone();
        }
        self.cursor = Some(text(&answer["cursor"]));
    }

    fn channel(&mut self, part: &Value) {
        let (id, seq) = (text(&part["channel"]["id"]), part["seq"].as_i64().unwrap());
        if part["reset"] == true {
            self.forget(&id);
            self.resets.1 += 1;
            self.channels.insert(id.clone(), Held { base: seq, ..Held::default() });
        }
        let held = self.channels.get_mut(&id).unwrap_or_else(|| panic!("a channel that is not held: {part}"));
        for message in list(&part["messages"]) {
            let id = text(&message["id"]);
            if message["erased"] == true {
                held.messages.remove(&id);
                for other in held.messages.values_mut().filter(|other| other["quoted"]["id"] == id.as_str()) {
                    other["quoted"]["text"] = json!("");
                    other["quoted"]["attachments"] = json!([]);
                    other["quoted"]["erased"] = json!(true);
                }
            } else {
                held.messages.insert(id, message.clone());
            }
        }
        for member in list(&part["members"]) {
            held.members.insert(text(&member["user"]["id"]), member.clone());
        }
        held.members.retain(|_, member| member["removed_at"].is_null());
        for task in list(&part["tasks"]) {
            held.tasks.insert(text(&task["id"]), task.clone());
        }
        held.tasks.retain(|_, task| task["deleted_at"].is_null());
        held.channel = part["channel"].clone();
        held.seq = seq;
    }

    fn forget(&mut self, channel: &str) {
        self.channels.remove(channel);
        self.drafts.retain(|place, _| place.0 != channel);
        self.threads.retain(|_, thread| thread["channel_id"] != channel);
    }

    /// What it holds is what a newcomer is shown. `roots` are messages that may have threads.
    pub async fn is_up_to_date(&self, user: &Client, roots: &BTreeMap<String, Vec<String>>) {
        let page = user.post("/channels/query", json!({})).await.gives(200);
        let shown: BTreeSet<String> =
            list(&page["items"]).iter().map(|state| text(&state["channel"]["id"])).collect();
        let held: BTreeSet<String> = self.channels.keys().cloned().collect();
        assert_eq!(held, shown, "the channels");
        for (id, held) in &self.channels {
            held.is_up_to_date(user, id, roots.get(id).map_or(&[], Vec::as_slice)).await;
        }
        let by = |items: Vec<Value>, key: &str| -> BTreeMap<String, Value> {
            items.into_iter().map(|item| (text(&item[key]), item)).collect()
        };
        let drafts = user.all("/drafts", "limit=100").await;
        let sorted = |drafts: Vec<&Value>| drafts.iter().map(ToString::to_string).collect::<BTreeSet<_>>();
        assert_eq!(sorted(self.drafts.values().collect()), sorted(drafts.iter().collect()), "drafts");
        let mut reminders = user.all("/reminders", "limit=100").await;
        reminders.extend(user.all("/reminders", "limit=100&state=done").await);
        let bare = |reminders: BTreeMap<String, Value>| -> BTreeMap<String, Value> {
            let bare = |(id, mut reminder): (String, Value)| {
                reminder["message"] = Value::Null;
                (id, reminder)
            };
            reminders.into_iter().map(bare).collect()
        };
        assert_eq!(bare(self.reminders.clone()), bare(by(reminders, "message_id")), "reminders");
        let waiting = self.scheduled.clone().into_iter().filter(|(_, message)| message["state"] == "waiting");
        let listed = by(user.all("/scheduled_messages", "limit=100").await, "id");
        assert_eq!(waiting.collect::<BTreeMap<_, _>>(), listed, "scheduled messages");
        let pending = self.invites.iter().filter(|(_, invite)| invite["state"] == "pending");
        let listed = user.all("/invites", "limit=100").await;
        let listed: BTreeSet<String> = listed.iter().map(|invite| text(&invite["channel"]["id"])).collect();
        assert_eq!(pending.map(|(id, _)| id.clone()).collect::<BTreeSet<_>>(), listed, "invitations");
        let starred = user.all("/users/me/messages", "flag=starred&limit=100").await;
        let starred: BTreeSet<String> = starred.iter().map(|item| text(&item["message_id"])).collect();
        for (message, star) in &self.stars {
            let answer = user.get(&format!("/messages/{message}")).await;
            let listed = answer.status == 200 && answer.json["deleted_at"].is_null();
            if listed && self.channels.contains_key(answer.json["channel_id"].as_str().unwrap()) {
                assert_eq!(*star, starred.contains(message), "a star");
            }
        }
        assert!(starred.iter().all(|message| self.stars.get(message) == Some(&true)), "stars");
        for (root, thread) in &self.threads {
            let answer = user.get(&format!("/messages/{root}/thread")).await;
            if answer.status == 200 {
                for part in ["following", "unread", "read", "channel_id"] {
                    assert_eq!(thread[part], answer.json[part], "`{part}` of {thread}");
                }
            }
        }
        assert_eq!(self.unread, user.get("/unread").await.gives(200), "unread counts");
    }
}

impl Held {
    async fn is_up_to_date(&self, user: &Client, id: &str, roots: &[String]) {
        let at = format!("/channels/{id}");
        let without_newest = |mut channel: Value| {
            channel.as_object_mut().unwrap().remove("last_message");
            channel
        };
        let fresh = user.get(&at).await.gives(200);
        assert_eq!(fresh["seq"].as_i64(), Some(self.seq), "{at}");
        assert_eq!(without_newest(self.channel.clone()), without_newest(fresh), "{at}");
        let mut messages = BTreeMap::new();
        let threads = roots.iter().map(|root| format!("&parent_id={root}"));
        for thread in std::iter::once(String::new()).chain(threads) {
            let page = user.get(&format!("{at}/messages?limit=100{thread}")).await.gives(200);
            for message in list(&page["items"]) {
                messages.insert(text(&message["id"]), message.clone());
            }
        }
        // What is older than the history is forgotten by who knows where that begins.
        let first = self.channel["membership"]["settings"]["history_from_seq"].as_i64().unwrap_or(0);
        let readable = |message: &Value| message["seq"].as_i64().unwrap() >= first;
        for (id, message) in &messages {
            let is_new = message["seq"].as_i64().unwrap() > self.base;
            match self.messages.get(id) {
                Some(held) => assert_eq!(held, message, "{at}"),
                None => assert!(!is_new, "{at}: it does not hold {message}"),
            }
        }
        let gone = self.messages.iter().find(|(id, held)| readable(held) && !messages.contains_key(*id));
        assert_eq!(gone, None, "{at}: it holds what is not there");
        // What others have got and read moves without a change.
        let still = |mut member: Value| {
            let read = ["read_seq", "read_ordinal", "read_at", "last_read_message_id"];
            for moving in read.into_iter().chain(["delivered_seq", "delivered_at"]) {
                member.as_object_mut().unwrap().remove(moving);
            }
            member
        };
        let members = user.all(&format!("{at}/members"), "limit=100").await;
        let members: Vec<Value> = members.into_iter().map(still).collect();
        let held: Vec<Value> = self.members.values().cloned().map(still).collect();
        assert_eq!(held, members, "{at}");
        for task in user.all(&format!("{at}/tasks"), "limit=100").await {
            match self.tasks.get(&text(&task["id"])) {
                Some(held) => assert_eq!(*held, task, "{at}"),
                None => assert!(task["updated_seq"].as_i64().unwrap() <= self.base, "{at}: no {task}"),
            }
        }
    }
}
