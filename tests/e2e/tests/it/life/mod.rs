//! The life of a message: edited, deleted, taken back, truncated, too old.

mod edits;
mod retention;
mod truncate;
mod undelete;

use diesel::sql_types::BigInt;
use diesel_async::RunQueryDsl;
use parlor_e2e::{Client, Server};
use serde_json::Value;

fn path_of(message: &Value) -> String {
    format!("/messages/{}", message["id"].as_str().unwrap())
}

fn topic(channel: &str) -> String {
    format!("chat:channel:{channel}")
}

/// The texts of a channel's timeline.
async fn texts(user: &Client, channel: &str) -> Vec<String> {
    let page = user.get(&format!("/channels/{channel}/messages")).await.gives(200);
    page["items"].as_array().unwrap().iter().map(|item| item["text"].as_str().unwrap().to_owned()).collect()
}

async fn unread(user: &Client) -> i64 {
    user.get("/unread").await.gives(200)["total"].as_i64().unwrap()
}

async fn seq(user: &Client, channel: &str) -> i64 {
    user.get(&format!("/channels/{channel}")).await.gives(200)["seq"].as_i64().unwrap()
}

/// Rows of a table that are like this.
async fn rows(server: &Server, of: &str) -> i64 {
    let sql = format!("SELECT count(*) FROM {of}");
    diesel::dsl::sql::<BigInt>(&sql).get_result(&mut server.db.admin().await).await.unwrap()
}
