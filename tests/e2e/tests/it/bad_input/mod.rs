//! Bad input: each is a documented error, and nothing has changed.

mod cursors;
mod limits;
mod malformed;

use diesel::sql_types::Text;
use diesel_async::RunQueryDsl;
use parlor_e2e::{Answer, App, Client, Method, Mode, Server};
use parlor_protocol::ErrorCode;
use parlor_test_support::TENANT_TABLES;
use serde_json::json;

/// A channel with a message in it, its people, and what the database holds.
struct Room {
    server: Server,
    app: App,
    ann: Client,
    /// The channel's path.
    at: String,
    /// The message's path.
    message: String,
    id: String,
}

impl Room {
    async fn new() -> Self {
        let server = Server::start(Mode::Embedded).await;
        let app = server.app("acme").await;
        let (ann, ben) = (app.user("ann").await, app.user("ben").await);
        let id = app.channel(&[&ann, &ben]).await;
        let message = ann.say(&id, "hello").await;
        server.settled().await;
        let message = format!("/messages/{}", message["id"].as_str().unwrap());
        Self { server, app, ann, at: format!("/channels/{id}"), message, id }
    }

    /// A hash of every row that a request could have changed; what is noted beside requests is left out.
    async fn rows(&self) -> String {
        #[derive(diesel::QueryableByName)]
        struct Hash {
            #[diesel(sql_type = Text)]
            hash: String,
        }
        let rows: Vec<String> = TENANT_TABLES
            .iter()
            .filter(|table| **table != "inbox")
            .map(|table| {
                format!("SELECT '{table}' || (to_jsonb(t) - 'last_active_at')::text AS row FROM {table} t")
            })
            .collect();
        let query = format!(
            "SELECT coalesce(md5(string_agg(row, '' ORDER BY row)), '') AS hash FROM ({}) r",
            rows.join(" UNION ALL ")
        );
        let mut conn = self.server.db.admin().await;
        diesel::sql_query(query).get_result::<Hash>(&mut conn).await.unwrap().hash
    }

    /// The call is refused with this code, and no row is different afterwards.
    async fn refuses(&self, what: &str, code: ErrorCode, call: impl Future<Output = Answer>) {
        let before = self.rows().await;
        let answer = call.await;
        assert_eq!((answer.code(), answer.status), (code.as_str(), code.status()), "{what}: {}", answer.text);
        answer.refused(code);
        assert_eq!(self.rows().await, before, "{what}: something changed");
    }

    /// A request with a body that no JSON library would write.
    async fn raw(&self, method: Method, path: &str, body: impl Into<Vec<u8>>) -> Answer {
        let request =
            self.ann.request(method, path).header("Content-Type", "application/json").body(body.into());
        self.ann.send(request).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_code_of_the_table_is_explained_on_its_page() {
    let server = Server::start(Mode::Embedded).await;
    let page = server.client(None).at_root("/docs/errors").await;
    assert_eq!((page.status, page.header("content-type")), (200, "text/html; charset=utf-8"));
    for code in ErrorCode::ALL {
        assert!(page.text.contains(&format!("id=\"{}\"", code.as_str())), "{}", code.as_str());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_left_and_what_is_foreign_is_refused() {
    let room = Room::new().await;
    let eve = room.app.user("eve").await;
    room.app
        .server
        .post(&format!("{}/members", room.at), json!({ "members": [{ "user_id": "eve" }] }))
        .await
        .gives(200);
    eve.say(&room.id, "still here").await;
    assert_eq!(eve.post(&format!("{}/leave", room.at), json!({})).await.status, 204);
    room.server.settled().await;

    let send = format!("{}/messages", room.at);
    room.refuses("a send after leaving", ErrorCode::NotAMember, eve.post(&send, json!({ "text": "x" })))
        .await;
    room.refuses("another's message", ErrorCode::Forbidden, {
        let ben = room.app.user("ben").await;
        let path = room.message.clone();
        async move { ben.patch(&path, json!({ "text": "x" })).await }
    })
    .await;
    for (what, code, body) in [
        (
            "an unknown parent",
            ErrorCode::InvalidThread,
            json!({ "text": "x", "parent_id": uuid::Uuid::now_v7() }),
        ),
        (
            "an unknown quote",
            ErrorCode::InvalidThread,
            json!({ "text": "x", "reply_to_id": uuid::Uuid::now_v7() }),
        ),
        ("an unknown mention", ErrorCode::UserUnknown, json!({ "text": "x", "mentions": ["nobody"] })),
        ("in another's name", ErrorCode::ServerOnly, json!({ "text": "x", "user_id": "ben" })),
    ] {
        room.refuses(what, code, room.ann.post(&send, body)).await;
    }
    let server = &room.app.server;
    room.refuses("in nobody's name", ErrorCode::InvalidRequest, server.post(&send, json!({ "text": "x" })))
        .await;
    let unknown = json!({ "text": "x", "user_id": "nobody" });
    room.refuses("in an unknown name", ErrorCode::UserUnknown, server.post(&send, unknown)).await;
}
