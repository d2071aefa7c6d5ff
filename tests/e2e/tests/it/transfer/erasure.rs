//! `DELETE /users/{id}`: the end of a user.

use parlor_e2e::{App, Client, Listener, Method, Mode, Server, until};
use parlor_protocol::{ErrorCode, EventType};
use serde_json::{Value, json};

use super::{all, exported, holds};

/// The record of a deletion, once nothing is left of the user.
pub(super) async fn over(app: &App, deletion: &Value) -> Value {
    let path = format!("/user_deletions/{}", deletion["id"].as_str().unwrap());
    let mut last = Value::Null;
    until("nothing is left", async || {
        last = app.server.get(&path).await.gives(200);
        !last["finished_at"].is_null()
    })
    .await;
    last
}

/// Eve was everywhere.
pub(super) async fn lived(app: &App) -> (Client, Client, Client, String) {
    let (ann, ben, eve) = (app.user("ann").await, app.user("ben").await, app.user("eve").await);
    let profile = json!({ "name": "Eve Canary", "image": "https://a.example/canary.png", "custom": { "secret": "canary" } });
    eve.patch("/users/eve", profile).await.gives(200);
    // Who only reads.
    let dan = app.user("dan").await;
    let channel = app.channel(&[&ann, &ben, &eve, &dan]).await;
    let root = ann.say(&channel, "root").await;
    let root = root["id"].as_str().unwrap();
    let path = format!("/channels/{channel}/messages");
    eve.say(&channel, "canary one").await;
    let two = eve.say(&channel, "canary two").await;
    eve.post(&path, json!({ "text": "canary reply", "parent_id": root })).await.gives(201);
    ben.post(&path, json!({ "text": "another reply", "parent_id": root })).await.gives(201);
    ann.post(
        &path,
        json!({ "text": "so says @Eve Canary, or @eve, not @everybody", "mentions": ["eve", "ben"] }),
    )
    .await
    .gives(201);
    ben.post(&path, json!({ "text": "quoting", "reply_to_id": two["id"] })).await.gives(201);
    let poll = ann
        .post(&path, json!({ "text": "?", "poll": { "options": ["a", "b"], "suggestions": true } }))
        .await
        .gives(201);
    let poll = poll["id"].as_str().unwrap();
    eve.post(&format!("/messages/{poll}/poll/options"), json!({ "text": "c" })).await.gives(200);
    eve.put(&format!("/messages/{poll}/poll/votes"), json!({ "options": ["1"] })).await.gives(200);
    eve.post(&format!("/messages/{root}/reactions"), json!({ "type": "👍" })).await.gives(200);
    ann.post(&format!("/messages/{}/reactions", two["id"].as_str().unwrap()), json!({ "type": "👍" }))
        .await
        .gives(200);
    eve.put(&format!("/channels/{channel}/draft"), json!({ "text": "canary draft" })).await.gives(200);
    eve.put(&format!("/messages/{root}/reminder"), json!({ "note": "canary" })).await.gives(200);
    assert_eq!(eve.put(&format!("/messages/{root}/star"), json!({})).await.status, 204);
    app.server.post(&format!("/messages/{root}/task"), json!({ "assignee_id": "eve" })).await.gives(201);
    let mine = eve.post("/channels", json!({ "type": "team", "name": "hers" })).await.gives(201);
    ann.get(&format!("/channels/{}", mine["id"].as_str().unwrap())).await.refused(ErrorCode::NotAMember);
    (ann, ben, eve, channel)
}

/// Whether a text stands anywhere in the app's rows.
pub(super) async fn stands(server: &Server, text: &str) -> Vec<String> {
    let tables = "'users', 'channels', 'channel_members', 'messages', 'reactions', 'poll_votes', 'thread_members', 'tasks', \
        'drafts', 'reminders', 'scheduled_messages', 'user_messages', 'channel_invites', 'message_search', 'user_deletions', \
        'exports', 'access_code_tries', 'due', 'message_edits', 'deleted_messages', 'pending_messages', 'stars', \
        'user_sessions', 'status_ends', 'user_group_members'";
    let sql = format!(
        "SELECT coalesce(string_agg(t, ','), '') FROM unnest(ARRAY[{tables}]) AS t WHERE (xpath('/row/n/text()', \
             query_to_xml(format('SELECT count(*) AS n FROM %I x WHERE x::text ~ %L', t, '{text}'), false, true, '')))[1]::text::bigint > 0"
    );
    server.db.text(&sql).await.split(',').filter(|table| !table.is_empty()).map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_becomes_nobody() {
    let server = Server::start(Mode::Embedded).await;
    let app = server.app("acme").await;
    let (ann, _, eve, channel) = lived(&app).await;
    let dan = app.user("dan").await;
    let (theirs, hers) = (Listener::connect(&ann).await, Listener::connect(&eve).await);
    theirs.subscribe(&channel).await;
    let unread = dan.get("/unread").await.gives(200)["total"].clone();
    let before = ann.get(&format!("/channels/{channel}")).await.gives(200);

    eve.delete("/users/ann?mode=soft").await.refused(ErrorCode::Forbidden);
    eve.delete("/users/eve?mode=hard").await.refused(ErrorCode::ServerOnly);
    app.server.delete("/users/eve?mode=gone").await.refused(ErrorCode::InvalidParameter);
    app.server.delete("/users/nobody").await.refused(ErrorCode::UserNotFound);
    let taken = eve.delete("/users/eve?mode=anonymise").await.gives(202);
    assert_eq!((&taken["mode"], &taken["requested_by"]), (&json!("anonymise"), &Value::Null));
    assert_eq!(hers.thrown_out().await, 4500);
    let refused = eve.get("/users/me").await;
    assert!(refused.status == 401 || refused.status == 403, "{}", refused.text);
    let done = over(&app, &taken).await;
    assert_eq!((&done["messages"], &done["ghost_id"]), (&json!(3), &taken["ghost_id"]));
    server.settled().await;

    eve.get("/users/me").await.refused(ErrorCode::UserNotRegistered);
    app.server.delete("/users/eve?mode=anonymise").await.refused(ErrorCode::UserNotFound);
    assert_eq!(stands(&server, "\\meve\\M").await, Vec::<String>::new());
    assert_eq!(stands(&server, "Eve Canary|canary.png|canary draft|secret").await, Vec::<String>::new());
    let ghost = taken["ghost_id"].as_str().unwrap();
    let path = format!("/channels/{channel}/messages");
    let page = ann.get(&path).await.gives(200);
    let items = page["items"].as_array().unwrap();
    let one = items.iter().find(|message| message["text"] == "canary one").unwrap();
    assert_eq!(one["user"], json!({ "id": ghost, "name": null, "image": null }));
    let named = items.iter().find(|message| message["text"].as_str().unwrap().contains("so says")).unwrap();
    assert_eq!(
        (&named["text"], &named["mentions"]),
        (&json!("so says @deleted, or @deleted, not @everybody"), &json!(["ben"]))
    );
    let quoting = items.iter().find(|message| message["text"] == "quoting").unwrap();
    assert_eq!(
        (&quoting["quoted"]["user"]["id"], &quoting["quoted"]["text"]),
        (&json!(ghost), &json!("canary two"))
    );
    let root = items.iter().find(|message| message["text"] == "root").unwrap();
    assert_eq!(
        (
            &root["thread"]["reply_count"],
            &root["thread"]["participant_count"],
            &root["reactions"][0]["count"]
        ),
        (&json!(2), &json!(2), &json!(1))
    );
    assert_eq!(dan.get("/unread").await.gives(200)["total"], unread);
    holds(&server).await;
    let after = ann.get(&format!("/channels/{channel}")).await.gives(200);
    assert_eq!((&after["member_count"], &after["ordinal"]), (&json!(3), &before["ordinal"]));
    assert_eq!(
        ann.get("/search/messages?q=canary").await.gives(200)["items"].as_array().map(Vec::len),
        Some(3)
    );

    // Clients hear who goes, see a gap, and pull.
    let events = theirs.events_of(&channel);
    assert!(events.iter().any(|event| event.kind == EventType::MemberRemoved));
    let last = events.iter().rfind(|event| event.kind == EventType::UserDeleted).unwrap();
    assert_eq!(last.data, json!({ "user_id": "eve", "mode": "anonymise" }));
    assert!(last.prev_seq.unwrap() > before["seq"].as_i64().unwrap() + 1);
    let changes = ann.get(&format!("/channels/{channel}/changes?since={}", before["seq"])).await.gives(200);
    let changed = changes["messages"].as_array().unwrap();
    assert!(changed.iter().any(|message| message["text"] == "canary one" && message["user"]["id"] == ghost));

    // The id may be given again; tokens from before are not good for whoever has it now.
    app.server.put("/users", json!({ "users": [{ "id": "eve" }] })).await.gives(200);
    eve.get("/users/me").await.refused(ErrorCode::TokenRevoked);
    let lines = exported(&server, &app).await;
    assert!(!lines.iter().any(|line| line.to_string().contains("Canary")));
    assert_eq!(all(&lines, "user").len(), 5);
}

async fn everything_is_erased(mode: Mode) {
    let server = Server::start(mode).await;
    let app = server.app("acme").await;
    let (ann, _, eve, channel) = lived(&app).await;
    let dan = app.user("dan").await;
    let unread = async |user: &Client| user.get("/unread").await.gives(200)["total"].as_i64().unwrap();
    let before = unread(&dan).await;
    let taken = app.server.delete("/users/eve?mode=hard").await.gives(202);
    assert_eq!(taken["requested_by"], app.public_key);
    let again = app.server.delete("/users/eve?mode=hard").await;
    assert!(again.status == 404 || again.json["id"] == taken["id"], "{}", again.text);
    let done = over(&app, &taken).await;
    assert_eq!(done["messages"], 3);
    server.settled().await;
    eve.get("/users/me").await.refused(ErrorCode::UserNotRegistered);
    assert_eq!(stands(&server, "\\meve\\M").await, Vec::<String>::new());
    assert_eq!(stands(&server, "canary").await, Vec::<String>::new());
    assert_eq!((before, unread(&dan).await), (6, 4), "two of the unread are gone");
    let page = ann.get(&format!("/channels/{channel}/messages")).await.gives(200);
    let root = &page["items"][0];
    assert_eq!((&root["text"], &root["thread"]["reply_count"]), (&json!("root"), &json!(1)));
    assert_eq!(ann.get("/search/messages?q=canary").await.gives(200)["items"], json!([]));
    holds(&server).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_is_erased_embedded() {
    everything_is_erased(Mode::Embedded).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_is_erased_cluster() {
    everything_is_erased(Mode::Cluster).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_soft_deletion_can_be_undone() {
    let server = Server::start(Mode::Embedded).await;
    let app = server.app("acme").await;
    let (ann, _, eve, channel) = lived(&app).await;
    let taken = app.server.delete("/users/eve").await.gives(202);
    assert_eq!(
        (&taken["mode"], &taken["ghost_id"], taken["finished_at"].is_string()),
        (&json!("soft"), &Value::Null, true)
    );
    assert_eq!(app.server.delete("/users/eve").await.gives(202), taken, "a repetition");
    assert_eq!(eve.get("/users/me").await.status / 100, 4);
    let page = ann.get(&format!("/channels/{channel}/messages")).await.gives(200);
    assert!(page["items"].as_array().unwrap().iter().any(|message| message["user"]["name"] == "Eve Canary"));
    app.server.post("/users/eve/reactivate", json!({})).await.gives(200);
    assert_eq!(app.user("eve").await.get("/users/me").await.gives(200)["name"], "eve");

    let path = format!("/user_deletions/{}", taken["id"].as_str().unwrap());
    eve.get(&path).await.refused(ErrorCode::TokenRevoked);
    ann.get(&path).await.refused(ErrorCode::ServerOnly);
    server.app("other").await.server.get(&path).await.refused(ErrorCode::DeletionNotFound);
    server.app("third").await.server.delete("/users/eve").await.refused(ErrorCode::UserNotFound);
}

/// Killed again and again in the middle; until all is done nobody gets the id.
#[tokio::test(flavor = "multi_thread")]
async fn a_deletion_survives_kills() {
    let mut server = Server::start(Mode::Embedded).await;
    let app = server.app("acme").await;
    let (ann, eve) = (app.user("ann").await, app.user("eve").await);
    let channel = app.channel(&[&ann, &eve]).await;
    let path = format!("/channels/{channel}/messages");
    for n in 0..8 {
        futures_util::future::join_all(
            (0..100).map(|at| eve.post(&path, json!({ "text": format!("{n} {at}") }))),
        )
        .await;
    }
    server.settled().await;
    let taken = app.server.delete("/users/eve?mode=hard").await.gives(202);
    for part in [50, 400] {
        let record = format!("/user_deletions/{}", taken["id"].as_str().unwrap());
        until("some is erased", async || {
            app.server.get(&record).await.gives(200)["messages"].as_i64().is_some_and(|count| count >= part)
        })
        .await;
        server.kill().await;
        server.launch().await;
        let again = app.server.put("/users", json!({ "users": [{ "id": "eve", "name": "new" }] })).await;
        if app.server.get(&record).await.gives(200)["finished_at"].is_null() {
            again.refused(ErrorCode::UserBeingDeleted);
            app.server.post("/users/eve/reactivate", json!({})).await.refused(ErrorCode::UserBeingDeleted);
            app.server.delete("/users/eve?mode=anonymise").await.refused(ErrorCode::UserBeingDeleted);
        }
    }
    assert_eq!(over(&app, &taken).await["messages"], 800);
    assert_eq!(server.db.number("SELECT count(*) FROM messages WHERE NOT erased OR text <> ''").await, 0);
    assert_eq!(server.db.number("SELECT count(*) FROM messages WHERE user_id LIKE 'deleted-%'").await, 800);
    holds(&server).await;
    let call = app
        .server
        .call(Method::PUT, "/users", Some(json!({ "users": [{ "id": "eve", "name": "new" }] })))
        .await;
    call.gives(200);
    server.settled().await;
}

/// Whoever adds a table that refers to users says here, and in the deletion, what becomes of its rows.
#[tokio::test(flavor = "multi_thread")]
async fn no_table_that_refers_to_users_is_forgotten() {
    let server = Server::start(Mode::Embedded).await;
    let columns = "SELECT string_agg(c.conrelid::regclass || '.' || a.attname, ' ' ORDER BY c.conrelid::regclass::text, a.attname) \
        FROM pg_constraint c CROSS JOIN LATERAL unnest(c.conkey) AS k (attnum) JOIN pg_attribute a ON a.attrelid = c.conrelid \
        AND a.attnum = k.attnum WHERE c.contype = 'f' AND c.confrelid = 'users'::regclass AND a.attname <> 'app_id'";
    assert_eq!(
        server.db.text(columns).await,
        "access_code_tries.user_id channel_invites.invited_by channel_invites.user_id channel_members.user_id \
         channels.created_by deleted_messages.deleted_by drafts.user_id exports.user_id message_edits.edited_by \
         messages.user_id pending_messages.user_id poll_votes.user_id reactions.user_id reminders.user_id \
         scheduled_messages.user_id stars.user_id status_ends.user_id tasks.assignee_id tasks.created_by \
         thread_members.user_id user_group_members.user_id user_sessions.user_id"
    );
}
