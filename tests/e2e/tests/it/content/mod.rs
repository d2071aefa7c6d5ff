//! What messages are made of, whom they call, and who may read them.

mod approval;
mod documents;
mod groups;
mod locations;
mod mentions;
mod restricted;
mod silent;

use parlor_e2e::{App, Client, Server};
use serde_json::{Value, json};

/// Ann owns, Ben and Cid are members, Mod moderates.
struct World {
    app: App,
    ann: Client,
    ben: Client,
    cid: Client,
    moderator: Client,
    channel: String,
}

impl World {
    async fn on(server: &Server) -> Self {
        let app = server.app("acme").await;
        let (ann, ben, cid) = (app.user("ann").await, app.user("ben").await, app.user("cid").await);
        let moderator = app.user("mod").await;
        let members = json!([
            { "user_id": "ann", "role": "owner" }, { "user_id": "ben" }, { "user_id": "cid" },
            { "user_id": "mod", "role": "moderator" },
        ]);
        let channel = app.channel_with(json!({ "type": "team", "members": members })).await;
        Self { app, ann, ben, cid, moderator, channel }
    }

    fn messages(&self) -> String {
        format!("/channels/{}/messages", self.channel)
    }

    fn topic(&self) -> String {
        format!("chat:channel:{}", self.channel)
    }

    async fn send(&self, by: &Client, body: Value) -> Value {
        by.post(&self.messages(), body).await.gives(201)
    }

    async fn configure(&self, config: Value) {
        self.ann.patch(&format!("/channels/{}", self.channel), json!({ "config": config })).await.gives(200);
    }

    async fn unread(&self, who: &Client) -> i64 {
        who.get(&format!("/channels/{}", self.channel)).await.gives(200)["unread"].as_i64().unwrap()
    }
}

fn id(message: &Value) -> &str {
    message["id"].as_str().unwrap()
}

/// The ids of the messages that a user is flagged to be mentioned by.
async fn mentioned(who: &Client) -> Vec<String> {
    let items = who.all("/users/me/messages", "flag=mentioned").await;
    let mut ids: Vec<String> =
        items.iter().map(|item| item["message_id"].as_str().unwrap().to_owned()).collect();
    ids.sort();
    ids
}
