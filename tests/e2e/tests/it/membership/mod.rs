//! What a channel is to one of its members alone, how one comes to be a member, and what follows from that.

mod access_codes;
mod elsewhere;
mod history;
mod invites;
mod jobs;
mod own;
mod profile;
mod transfer;

use parlor_e2e::{App, Client, Listener, Server};
use parlor_protocol::EventType;
use serde_json::{Value, json};

/// An app with these users.
async fn people<const N: usize>(server: &Server, ids: [&str; N]) -> (App, [Client; N]) {
    let app = server.app("acme").await;
    let mut people = Vec::new();
    for id in ids {
        people.push(app.user(id).await);
    }
    (app, people.try_into().ok().unwrap())
}

/// The ids of a list's items.
fn ids(items: &[Value]) -> Vec<&str> {
    items.iter().map(|item| item["id"].as_str().unwrap()).collect()
}

/// Changes one's own membership.
async fn set(user: &Client, channel: &str, change: Value) -> Value {
    user.patch(&format!("/channels/{channel}/membership"), change).await.gives(200)
}

/// The texts of a page of the timeline.
async fn texts(user: &Client, path: &str) -> Vec<String> {
    let page = user.get(path).await.gives(200);
    page["items"].as_array().unwrap().iter().map(|item| item["text"].as_str().unwrap().to_owned()).collect()
}

/// The types of all events so far on the user's own channel.
/// What a user was told on their own channel, but for who is there, which comes when it comes.
fn own_events(listener: &Listener) -> Vec<&'static str> {
    let events = listener.events(&listener.user_topic);
    let told = events.iter().map(|event| event.kind).filter(|kind| *kind != EventType::UserPresenceChanged);
    told.map(EventType::as_str).collect()
}

/// The number of the channel's last change.
async fn seq(app: &App, channel: &str) -> i64 {
    app.server.get(&format!("/channels/{channel}")).await.gives(200)["seq"].as_i64().unwrap()
}

fn add(ids: &[&str], with: Value) -> Value {
    let members: Vec<Value> = ids.iter().map(|id| json!({ "user_id": id })).collect();
    let mut request = json!({ "members": members });
    for (field, value) in with.as_object().unwrap() {
        request[field] = value.clone();
    }
    request
}
