//! What only the export of a user has.

use parlor_e2e::{Mode, Server};
use serde_json::{Value, json};

use super::{Lines, all, import, lines_of};
use crate::matrix::in_an_hour;

#[tokio::test(flavor = "multi_thread")]
async fn a_user_gets_what_nobody_else_sees() {
    let server = Server::start(Mode::Embedded).await;
    let app = server.app("acme").await;
    let (ann, eve) = (app.user("ann").await, app.user("eve").await);
    let channel = app
        .channel_with(json!({ "type": "team", "id": "general",
        "members": [{ "user_id": "ann", "role": "owner" }, { "user_id": "eve" }] }))
        .await;
    let strict = app
        .channel_with(json!({ "type": "team", "id": "strict", "config": { "messages_need_approval": true },
        "members": [{ "user_id": "ann", "role": "owner" }, { "user_id": "eve" }] }))
        .await;
    app.channel_with(
        json!({ "type": "team", "id": "club", "members": [{ "user_id": "ann", "role": "owner" }] }),
    )
    .await;
    let root = ann.say(&channel, "root").await;
    let root = format!("/messages/{}", root["id"].as_str().unwrap());
    let path = format!("/channels/{channel}");

    let status = json!({ "status": "dnd", "status_text": "at sea", "expires_at": in_an_hour() });
    eve.patch("/users/me/presence", status).await.gives(200);
    eve.patch(&format!("{path}/membership"), json!({ "pinned": true, "notifications": "mentions" }))
        .await
        .gives(200);
    let invite = json!({ "members": [{ "user_id": "eve" }], "invite": true });
    ann.post("/channels/team:club/members", invite).await.gives(200);
    eve.put(&format!("{path}/draft"), json!({ "text": "begun" })).await.gives(200);
    let reply = json!({ "text": "begun below", "parent_id": root.trim_start_matches("/messages/") });
    eve.put(&format!("{path}/draft"), reply).await.gives(200);
    let later = json!({ "text": "later", "send_at": in_an_hour() });
    eve.post(&format!("{path}/scheduled_messages"), later).await.gives(201);
    eve.post(&format!("/channels/{strict}/messages"), json!({ "text": "waits" })).await.gives(202);
    eve.put(&format!("{root}/reminder"), json!({ "note": "my words" })).await.gives(200);
    assert_eq!(eve.put(&format!("{root}/star"), json!({})).await.status, 204);
    eve.post(&format!("{root}/task"), json!({ "title": "see to it" })).await.gives(201);
    let poll = json!({ "text": "?", "poll": { "options": ["yes", "no"], "max_votes": 2 } });
    let poll = ann.post(&format!("{path}/messages"), poll).await.gives(201);
    eve.put(&format!("{root}/thread/follow"), json!({})).await.gives(200);
    let votes = format!("/messages/{}/poll/votes", poll["id"].as_str().unwrap());
    eve.put(&votes, json!({ "options": ["2", "1"] })).await.gives(200);
    ann.put(&votes, json!({ "options": ["1"] })).await.gives(200);
    let said = eve.say(&channel, "at first").await;
    let said = format!("/messages/{}", said["id"].as_str().unwrap());
    eve.patch(&said, json!({ "text": "at second" })).await.gives(200);
    eve.patch(&said, json!({ "text": "at last" })).await.gives(200);
    app.server.post("/user_groups", json!({ "name": "crew", "user_ids": ["eve"] })).await.gives(201);
    // What is another one's.
    app.server.post("/user_groups", json!({ "name": "secret of ann", "user_ids": ["ann"] })).await.gives(201);
    let below = json!({ "text": "below", "parent_id": poll["id"] });
    ann.post(&format!("{path}/messages"), below).await.gives(201);
    ann.put(&format!("{path}/draft"), json!({ "text": "secret of ann" })).await.gives(200);
    ann.put(&format!("{root}/reminder"), json!({ "note": "secret of ann" })).await.gives(200);
    server.settled().await;

    let text = server.command(&["export", "--app", &app.id, "--user", "eve"]).await.unwrap();
    assert!(!text.contains("secret of ann"), "{text}");
    let lines = lines_of(&text);
    let one = |what: &str| -> Value {
        let found = all(&lines, what);
        assert_eq!(found.len(), 1, "{what}: {found:?}");
        found[0].clone()
    };
    let presence = one("presence");
    assert_eq!((&presence["status"], &presence["status_text"]), (&json!("dnd"), &json!("at sea")));
    assert!(presence["expires_at"].is_string(), "{presence}");
    let membership = one("membership");
    assert_eq!(
        (&membership["channel"], membership["pinned_at"].is_string(), &membership["notifications"]),
        (&json!("team:general"), true, &json!("mentions"))
    );
    let invite = one("invite");
    assert_eq!((&invite["channel"], &invite["invited_by"]), (&json!("team:club"), &json!("ann")));
    assert_eq!((&invite["role"], &invite["state"]), (&json!("member"), &json!("pending")));
    let mut drafts: Vec<_> =
        all(&lines, "draft").iter().map(|draft| draft["content"]["text"].clone()).collect();
    drafts.sort_by_key(|text| text.as_str().map(str::to_owned));
    assert_eq!(drafts, ["begun", "begun below"]);
    assert_eq!(
        (&one("scheduled")["content"]["text"], &one("scheduled")["state"]),
        (&json!("later"), &json!("waiting"))
    );
    assert_eq!(
        (&one("pending")["content"]["text"], &one("pending")["channel"]),
        (&json!("waits"), &json!("team:strict"))
    );
    let id = root.trim_start_matches("/messages/");
    assert_eq!((&one("reminder")["message_id"], &one("reminder")["note"]), (&json!(id), &json!("my words")));
    assert_eq!((&one("star")["message_id"], &one("star")["channel"]), (&json!(id), &json!("team:general")));
    assert_eq!((&one("task")["title"], &one("task")["created_by"]), (&json!("see to it"), &json!("eve")));
    let vote = one("vote");
    let options = json!([{ "id": "1", "text": "yes" }, { "id": "2", "text": "no" }]);
    assert_eq!((&vote["message_id"], &vote["options"]), (&poll["id"], &options));
    let versions: Vec<_> = all(&lines, "version").iter().map(|version| version["text"].clone()).collect();
    assert_eq!(
        (versions.len(), versions.contains(&json!("at first")), versions.contains(&json!("at second"))),
        (2, true, true)
    );
    assert_eq!(one("group")["name"], "crew");
    assert_eq!(
        (&one("thread")["message_id"], &one("thread")["following"]),
        (&json!(id), &json!(true)),
        "not the one that only ann answered"
    );
    // Channels that only such a line names are told, too.
    let mut cids: Vec<_> =
        all(&lines, "channel").iter().map(|channel| channel["cid"].as_str().unwrap()).collect();
    cids.sort_unstable();
    assert_eq!(cids, ["team:club", "team:general", "team:strict"]);

    // An import passes over them.
    let own = [
        "presence",
        "membership",
        "invite",
        "draft",
        "scheduled",
        "pending",
        "reminder",
        "star",
        "task",
        "vote",
        "version",
        "thread",
        "group",
    ];
    let mut taken: Vec<Value> =
        lines.iter().filter(|line| own.iter().any(|name| line.get(name).is_some())).cloned().collect();
    assert_eq!(taken.len(), own.len() + 2);
    taken.push(json!({ "user": { "id": "eve" } }));
    let copy = server.app("copy").await;
    let report = import(&server, &copy, Lines::of(&taken).path()).await;
    assert_eq!((&report["state"], &report["failed"]), (&json!("done"), &json!(0)), "{report}");
    assert_eq!(report["counts"], json!({ "users": 1 }));
    server.settled().await;
}
