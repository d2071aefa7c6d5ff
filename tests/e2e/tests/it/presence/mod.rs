//! Who is there, who watches, who types, and rooms in which many speak at once.

mod coming;
mod frames;
mod status;
mod typing;
mod watchers;

use parlor_e2e::{Client, Listener, Mode, Server};
use parlor_protocol::EventType;
use parlor_test_support::until;
use serde_json::{Value, json};

/// A server on which little time passes.
async fn hasty(mode: Mode) -> Server {
    hasty_with(mode, "300").await
}

/// The same, with a grace time in milliseconds for those who have gone.
async fn hasty_with(mode: Mode, grace_ms: &str) -> Server {
    let settings = [("PARLOR_PRESENCE_GRACE_MS", grace_ms), ("PARLOR_PRESENCE_CHECK_MS", "300")];
    Server::start_with(mode, &settings).await
}

/// What a listener was told of one user, in order.
fn told(listener: &Listener, of: &str) -> Vec<Value> {
    let events = listener.events(&listener.user_topic);
    let presence = events.into_iter().filter(|event| event.kind == EventType::UserPresenceChanged);
    let users = presence.flat_map(|event| event.data["users"].as_array().cloned().unwrap_or_default());
    users.filter(|user| user["user_id"] == of).collect()
}

/// Waits until the last that a listener was told of a user shows this status.
async fn shown(listener: &Listener, of: &str, status: &str) -> Value {
    let what = format!("{of} is shown as {status}");
    until(&what, async || told(listener, of).last().is_some_and(|last| last["status"] == status)).await;
    told(listener, of).pop().unwrap()
}

async fn presence_of(asking: &Client, of: &str) -> Value {
    let answer = asking.post("/users/presence", json!({ "user_ids": [of] })).await.gives(200);
    answer["items"][0].clone()
}
