//! `parlor export`, and the export of a user.

use parlor_e2e::{App, Client, Mode, Server, until};
use parlor_protocol::ErrorCode;
use serde_json::{Value, json};

use super::{Lines, all, exported, history, holds, import, lines_of};

#[tokio::test(flavor = "multi_thread")]
async fn what_moved_out_and_in_is_the_same() {
    let server = Server::start(Mode::Embedded).await;
    let app = server.app("acme").await;
    import(&server, &app, Lines::of(&history()).path()).await;
    // Some of it happens here.
    let (ann, ben) = (app.user("ann").await, app.user("ben").await);
    let said = ann.say("team:general", "for @ben").await;
    let id = said["id"].as_str().unwrap();
    ben.post(&format!("/messages/{id}/reactions"), json!({ "type": "🎉" })).await.gives(200);
    ben.post("/channels/team:general/messages", json!({ "text": "below", "parent_id": id })).await.gives(201);
    let gone = ann.say("team:general", "erased").await;
    let gone = gone["id"].as_str().unwrap();
    ben.post("/channels/team:general/messages", json!({ "text": "below it", "parent_id": gone }))
        .await
        .gives(201);
    ben.post("/channels/team:general/messages", json!({ "text": "quotes it", "reply_to_id": gone }))
        .await
        .gives(201);
    app.server.delete(&format!("/messages/{gone}?hard=true")).await;
    let hidden = json!({ "members": [{ "user_id": "new" }], "hide_history": true });
    let new = app.user("new").await;
    app.server.post("/channels/team:general/members", hidden).await.gives(200);
    ann.say("team:general", "for all").await;
    ann.post("/channels/team:general/read", json!({})).await;

    let lines = exported(&server, &app).await;
    assert_eq!(all(&lines, "user").len(), 4);
    let message = all(&lines, "message").into_iter().find(|message| message["text"] == "for @ben").unwrap();
    assert_eq!(message["id"], id);
    let read = all(&lines, "read").into_iter().find(|read| read["user_id"] == "new").unwrap();
    assert!(read["hidden_up_to"].is_string(), "{read}");

    let copy = server.app("copy").await;
    let report = import(&server, &copy, Lines::of(&lines).path()).await;
    assert_eq!((&report["state"], &report["failed"]), (&json!("done"), &json!(0)), "{report}");
    let again = exported(&server, &copy).await;
    for (one, other) in lines.iter().zip(&again) {
        assert_eq!(one, other);
    }
    assert_eq!(lines.len(), again.len());
    holds(&server).await;
    // Also for those who read it.
    let there = copy.user("new").await;
    let page = |page: Value| -> Vec<Value> {
        page["items"].as_array().unwrap().iter().map(|message| message["text"].clone()).collect()
    };
    let path = "/channels/team:general/messages";
    assert_eq!(page(there.get(path).await.gives(200)), page(new.get(path).await.gives(200)));
    assert_eq!(page(there.get(path).await.gives(200)), ["for all"]);
    for user in ["ann", "ben", "eve", "new"] {
        let unread = async |app: &App| app.user(user).await.get("/unread").await.gives(200)["total"].clone();
        assert_eq!(unread(&app).await, unread(&copy).await, "{user}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_counts_for_nobody_moves_as_it_is() {
    let server = Server::start(Mode::Embedded).await;
    let app = server.app("acme").await;
    import(&server, &app, Lines::of(&history()).path()).await;
    let (ann, ben, eve) = (app.user("ann").await, app.user("ben").await, app.user("eve").await);
    ben.patch("/users/me/settings", json!({ "typing": false })).await.gives(200);
    let path = "/channels/team:general/messages";
    let mention = json!({ "type": "mention", "attrs": { "id": "ben", "label": "Ben" } });
    let doc = json!({ "type": "doc", "content": [{ "type": "paragraph", "content": [mention] }] });
    let root = ann.post(path, json!({ "content": doc })).await.gives(201);
    ann.post(path, json!({ "text": "psst", "visible_to": ["ben"] })).await.gives(201);
    let system = json!({ "text": "Ann came", "content_type": "system", "user_id": "ann" });
    app.server.post(path, system).await.gives(201);
    let quiet = json!({ "text": "quiet", "parent_id": root["id"], "silent": true, "group_mentions": { "here": true } });
    ben.post(path, quiet).await.gives(201);
    ben.post(path, json!({ "text": "for ann", "parent_id": root["id"], "visible_to": ["ann"] }))
        .await
        .gives(201);
    ben.post(path, json!({ "text": "for all", "parent_id": root["id"] })).await.gives(201);
    let gone = ann.say("team:general", "kept aside").await;
    let gone = format!("/messages/{}", gone["id"].as_str().unwrap());
    eve.post(&format!("{gone}/reactions"), json!({ "type": "👍" })).await.gives(200);
    ann.delete(&gone).await.gives(200);
    server.settled().await;

    let lines = exported(&server, &app).await;
    assert_eq!(all(&lines, "reaction").len(), 3, "none of what was deleted");
    let copy = server.app("copy").await;
    let report = import(&server, &copy, Lines::of(&lines).path()).await;
    assert_eq!((&report["state"], &report["failed"]), (&json!("done"), &json!(0)), "{report}");
    assert_eq!(exported(&server, &copy).await, lines);
    holds(&server).await;
    let theirs = copy.user("ben").await;
    assert_eq!(theirs.get("/users/me/settings").await.gives(200)["typing"], false);
    for user in ["ann", "ben", "eve"] {
        let (here, there) = (app.user(user).await, copy.user(user).await);
        let texts = async |of: &Client| {
            let page = of.get(path).await.gives(200);
            let items = page["items"].as_array().unwrap().clone();
            items.iter().map(|message| message["text"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(texts(&here).await, texts(&there).await, "{user}");
        assert_eq!(texts(&there).await.contains(&"psst".to_owned()), user != "eve");
        let unread = async |of: &Client| of.get("/unread").await.gives(200)["total"].clone();
        assert_eq!(unread(&here).await, unread(&there).await, "{user}");
    }

    // What was truncated is gone, and so is what was quoted of it; what comes after that counts from there.
    app.server.post("/channels/team:general/truncate", json!({})).await.gives(200);
    ann.say("team:general", "afresh").await;
    let lines = exported(&server, &app).await;
    let texts: Vec<_> = all(&lines, "message").iter().map(|message| message["text"].clone()).collect();
    assert_eq!(texts, ["only us", "afresh"]);
    assert_eq!(all(&lines, "reaction").len(), 0);
    let third = server.app("third").await;
    let report = import(&server, &third, Lines::of(&lines).path()).await;
    assert_eq!((&report["state"], &report["failed"]), (&json!("done"), &json!(0)), "{report}");
    for user in ["ann", "ben", "eve"] {
        let unread = async |app: &App| app.user(user).await.get("/unread").await.gives(200)["total"].clone();
        assert_eq!(unread(&app).await, unread(&third).await, "{user}");
    }
    // Who had nothing unread, because all was truncated, has nothing unread of what is imported.
    let old = json!({ "message": { "id": "old", "channel": "team:general", "user_id": "ben", "text": "old",
        "created_at": "2020-01-01T00:00:00Z" } });
    app.server.post("/channels/team:general/truncate", json!({})).await.gives(200);
    import(&server, &app, Lines::of(&[old]).path()).await;
    assert_eq!(eve.get("/unread").await.gives(200)["total"], 0);
    server.settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_gets_all_that_is_theirs() {
    let server = Server::start(Mode::Embedded).await;
    let app = server.app("acme").await;
    import(&server, &app, Lines::of(&history()).path()).await;
    let made = app.server.post("/users/ben/export", json!({})).await.gives(202);
    let path = format!("/exports/{}", made["id"].as_str().unwrap());
    app.server.get(&format!("{path}/parts/2")).await.refused(ErrorCode::ExportNotFound);
    let mut done = Value::Null;
    until("the export is done", async || {
        done = app.server.get(&path).await.gives(200);
        done["state"] == "done"
    })
    .await;
    assert_eq!((&done["parts"], &done["user_id"]), (&json!(1), &json!("ben")));
    let part = app.server.get(&format!("{path}/parts/1")).await;
    assert_eq!((part.status, part.header("content-type")), (200, "application/x-ndjson"));
    let lines = lines_of(&part.text);
    assert_eq!(done["lines"], lines.len());
    let by_command = server.command(&["export", "--app", &app.id, "--user", "ben"]).await.unwrap();
    assert_eq!(by_command, part.text);
    let texts: Vec<_> =
        all(&lines, "message").iter().map(|message| message["text"].as_str().unwrap().to_owned()).collect();
    assert_eq!(texts.len(), 2, "{texts:?}");
    assert_eq!(all(&lines, "user")[0]["name"], "Ben");
    assert_eq!(
        (all(&lines, "channel").len(), all(&lines, "member").len(), all(&lines, "reaction").len()),
        (2, 2, 1)
    );
    assert!(!part.text.contains("hello @ben") && !part.text.contains("Eve"), "{}", part.text);

    app.server.get(&format!("{path}/parts/0")).await.refused(ErrorCode::ExportNotFound);
    app.server.get(&format!("{path}/parts/x")).await.refused(ErrorCode::InvalidId);
    app.server.post("/users/nobody/export", json!({})).await.refused(ErrorCode::UserNotFound);
    app.user("ben").await.get(&path).await.refused(ErrorCode::ServerOnly);
    let other = server.app("other").await;
    other.server.get(&path).await.refused(ErrorCode::ExportNotFound);
    other.server.get(&format!("{path}/parts/1")).await.refused(ErrorCode::ExportNotFound);
    let error = server.command(&["export", "--app", &app.id, "--user", "nobody"]).await.unwrap_err();
    assert!(error.contains("no such user"), "{error}");
    server.settled().await;
}

/// More rows than are looked at together have nothing to tell, and still nothing behind them is left out.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_erased_hides_nothing_that_comes_after_it() {
    let server = Server::start(Mode::Embedded).await;
    let app = server.app("acme").await;
    let mut lines = vec![json!({ "user": { "id": "ann" } })];
    let mut say = |channel: &str, id: String, parent: Option<&str>| {
        let mut line = json!({ "id": id, "channel": channel, "user_id": "ann", "text": id, "created_at": "2020-05-01T10:00:00Z" });
        if let Some(parent) = parent {
            line["parent_id"] = json!(parent);
        }
        lines.push(json!({ "message": line }));
    };
    for n in 0..4_100 {
        say("team:gone", format!("gone {n}"), None);
    }
    say("team:gone", "there 0".to_owned(), None);
    // Both lists of a channel: what is told of one reaches further than what was looked at of the other.
    for n in 0..4_000 {
        say("team:mixed", if n < 600 { format!("mixed {n}") } else { format!("gone mixed {n}") }, None);
    }
    for n in 600..700 {
        say("team:mixed", format!("mixed {n}"), None);
    }
    for n in 0..500 {
        say("team:mixed", format!("reply {n}"), Some("mixed 0"));
    }
    for cid in ["team:gone", "team:mixed"] {
        lines.push(json!({ "channel": { "cid": cid } }));
    }
    let report = import(&server, &app, Lines::of(&lines).path()).await;
    assert_eq!(report["counts"]["messages"], 8_701, "{report}");
    server
        .db
        .execute("UPDATE messages SET erased = true, text = '', deleted_at = now() WHERE text LIKE 'gone%'")
        .await;

    let lines = exported(&server, &app).await;
    let texts: Vec<&str> =
        all(&lines, "message").iter().map(|message| message["text"].as_str().unwrap()).collect();
    let count = |what: &str| texts.iter().filter(|text| text.starts_with(what)).count();
    assert_eq!((count("there"), count("mixed"), count("reply")), (1, 700, 500));
    assert_eq!(texts.len(), 1_201);
    server.settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_export_tells_who_voted_in_secret() {
    let server = Server::start(Mode::Embedded).await;
    let app = server.app("acme").await;
    import(&server, &app, Lines::of(&history()).path()).await;
    let (ann, ben, eve) = (app.user("ann").await, app.user("ben").await, app.user("eve").await);
    let poll = json!({ "options": ["tea", "coffee"], "anonymous": true });
    let asked = json!({ "text": "in secret", "poll": poll });
    let asked = ann.post("/channels/team:general/messages", asked).await.gives(201);
    let votes = format!("/messages/{}/poll/votes", asked["id"].as_str().unwrap());
    for (user, option) in [(&ann, "2"), (&ben, "1"), (&eve, "2")] {
        user.put(&votes, json!({ "options": [option] })).await.gives(200);
    }
    app.server.get(&votes).await.refused(ErrorCode::PollAnonymous);

    let lines = exported(&server, &app).await;
    let secret = |lines: &[Value]| {
        let messages = all(lines, "message").into_iter();
        messages.filter(|message| message["text"] == "in secret").cloned().collect::<Vec<_>>().remove(0)
    };
    let line = secret(&lines);
    assert_eq!(line["votes"], Value::Null, "{line}");
    assert_eq!((&line["poll"]["voters"], &line["poll"]["options"][1]["votes"]), (&json!(3), &json!(2)));
    let open = all(&lines, "message").into_iter().find(|message| message["text"] == "lunch?").unwrap();
    assert_eq!(open["votes"].as_array().map(Vec::len), Some(2), "who voted in the open is known to all");

    // The counts move, and votes go on from there.
    let copy = server.app("copy").await;
    let report = import(&server, &copy, Lines::of(&lines).path()).await;
    assert_eq!((&report["state"], &report["failed"]), (&json!("done"), &json!(0)), "{report}");
    assert_eq!(secret(&exported(&server, &copy).await), line);
    let voted = copy.user("ann").await.put(&votes, json!({ "options": ["1"] })).await.gives(200);
    assert_eq!((&voted["poll"]["voters"], &voted["poll"]["options"][0]["votes"]), (&json!(4), &json!(2)));
    // Who is told who voted counts.
    let mut told = line.clone();
    told["id"] = json!("told");
    told["votes"] = json!([{ "user_id": "ben", "options": ["1"] }]);
    import(&server, &copy, Lines::of(&[json!({ "message": told })]).path()).await;
    let page = copy.user("ann").await.get("/channels/team:general/messages").await.gives(200);
    assert_eq!(page["items"].as_array().unwrap().last().unwrap()["poll"]["voters"], 1);

    // Each learns the own vote, and nobody another one's.
    for (user, option) in [("ann", "coffee"), ("ben", "tea")] {
        let text = server.command(&["export", "--app", &app.id, "--user", user]).await.unwrap();
        let own = lines_of(&text);
        let vote = all(&own, "vote").into_iter().find(|vote| vote["message_id"] == asked["id"]).unwrap();
        assert_eq!(vote["options"][0]["text"], option);
        assert_eq!(vote["options"].as_array().map(Vec::len), Some(1));
        if user == "ann" {
            assert_eq!(secret(&own)["votes"], Value::Null);
        }
    }
    server.settled().await;
}
