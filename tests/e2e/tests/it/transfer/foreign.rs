//! What other systems export.

use parlor_e2e::{Mode, Server};
use serde_json::{Value, json};

use super::{Folder, holds};

#[tokio::test(flavor = "multi_thread")]
async fn a_workspace_of_slack_moves_in() {
    let server = Server::start(Mode::Embedded).await;
    let app = server.app("acme").await;
    let folder = Folder::new();
    folder.put("users.json", &json!([{ "id": "U1", "name": "ann", "profile": { "real_name": "Ann" } }, { "id": "U2", "name": "ben" }]));
    folder.put("channels.json", &json!([{ "id": "C1", "name": "general", "created": 1_600_000_000, "creator": "U1", "members": ["U1", "U2"] }]));
    folder.put("dms.json", &json!([{ "id": "D1", "created": 1_600_000_000, "members": ["U1", "U2"] }]));
    folder.put("general/2020-09-13.json", &json!([
        { "user": "U1", "ts": "1600000000.000100", "text": "*hi* <@U2>", "reactions": [{ "name": "+1", "users": ["U2"] }] },
        { "user": "U2", "ts": "1600000001.000100", "thread_ts": "1600000000.000100", "text": "in a thread" },
        { "user": "U2", "ts": "1600000002.000100", "subtype": "channel_join", "text": "joined" },
    ]));
    folder.put("general/2020-09-14.json", &json!([{ "bot_id": "B1", "username": "Builds", "subtype": "bot_message", "ts": "1600090000.000100", "text": "green" }]));
    folder.put("D1/2020-09-13.json", &json!([{ "user": "U2", "ts": "1600000003.000100", "text": "psst" }]));
    let path = folder.0.to_str().unwrap().to_owned();
    let run = ["import", "--app", &app.id, "--json", "--from", "slack", &path];
    let report: Value = serde_json::from_str(&server.command(&run).await.unwrap()).unwrap();
    assert_eq!(
        (&report["counts"]["messages"], &report["counts"]["users"]),
        (&json!(4), &json!(3)),
        "{report}"
    );
    holds(&server).await;
    let ann = app.user("U1").await;
    let page = ann.get("/channels/team:C1/messages").await.gives(200);
    let texts: Vec<_> = page["items"].as_array().unwrap().iter().map(|message| &message["text"]).collect();
    assert_eq!(texts, ["**hi** @U2", "green"]);
    assert_eq!(page["items"][0]["thread"]["reply_count"], 1);
    assert_eq!(page["items"][0]["reactions"][0]["type"], ":+1:");
    let again = server.command(&run).await.unwrap();
    assert_eq!(serde_json::from_str::<Value>(&again).unwrap()["counts"], report["counts"]);
    holds(&server).await;
    let error =
        server.command(&["import", "--app", &app.id, "--from", "matrix", "/nowhere.json"]).await.unwrap_err();
    assert!(error.contains("/nowhere.json"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_room_of_matrix_moves_in() {
    let server = Server::start(Mode::Embedded).await;
    let app = server.app("acme").await;
    let folder = Folder::new();
    let event = |id: &str, sender: &str, kind: &str, content: Value| json!({ "type": kind, "event_id": id, "sender": sender, "room_id": "!abc:hs", "origin_server_ts": 1_600_000_000_000_i64, "content": content, "state_key": sender });
    folder.put("room.json", &json!({ "room_name": "Hall", "room_creator": "@ann:hs", "messages": [
        event("$0", "@ann:hs", "m.room.member", json!({ "membership": "join", "displayname": "Ann" })),
        event("$1", "@ann:hs", "m.room.message", json!({ "msgtype": "m.text", "body": "hello" })),
        event("$2", "@ben:hs", "m.room.message", json!({ "msgtype": "m.text", "body": "reply", "m.relates_to": { "rel_type": "m.thread", "event_id": "$1" } })),
        event("$3", "@ben:hs", "m.reaction", json!({ "m.relates_to": { "rel_type": "m.annotation", "event_id": "$1", "key": "👍" } })),
    ] }));
    let path = folder.0.join("room.json");
    let run = ["import", "--app", &app.id, "--json", "--from", "matrix", path.to_str().unwrap()];
    let report: Value = serde_json::from_str(&server.command(&run).await.unwrap()).unwrap();
    assert_eq!(
        report["counts"],
        json!({ "users": 2, "channels": 1, "members": 1, "messages": 2, "reactions": 1 })
    );
    holds(&server).await;
    let ann = app.user("@ann:hs").await;
    let channels = ann.all("/channels", "").await;
    assert_eq!((channels.len(), &channels[0]["name"]), (1, &json!("Hall")));
}
