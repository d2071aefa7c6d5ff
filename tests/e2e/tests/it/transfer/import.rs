//! `parlor import`.

use parlor_e2e::{Listener, Mode, Server, until};
use parlor_protocol::EventType;
use serde_json::{Value, json};

use super::{Lines, history, holds, import};

#[tokio::test(flavor = "multi_thread")]
async fn a_history_is_as_if_it_had_happened_here() {
    let server = Server::start(Mode::Embedded).await;
    let app = server.app("acme").await;
    let lines = Lines::of(&history());
    let report = import(&server, &app, lines.path()).await;
    let counts =
        json!({ "users": 3, "channels": 2, "members": 5, "messages": 7, "reactions": 3, "reads": 1 });
    assert_eq!((&report["state"], &report["counts"]), (&json!("done"), &counts), "{report}");
    assert_eq!((&report["failed"], &report["phase"]), (&json!(0), &json!("search")));
    holds(&server).await;

    let (ann, eve) = (app.user("ann").await, app.user("eve").await);
    assert_eq!(ann.get("/users/ann").await.gives(200)["custom"], json!({ "from": "before" }));
    let channel = ann.get("/channels/team:general").await.gives(200);
    assert_eq!((&channel["ordinal"], &channel["member_count"]), (&json!(5), &json!(3)));
    assert_eq!((&channel["tags"], &channel["created_by"]), (&json!(["old"]), &json!("ann")));
    assert_eq!(
        (&channel["created_at"], &channel["last_message_at"]),
        (&json!("2020-05-01T10:00:00Z"), &json!("2020-05-01T10:06:00Z"))
    );
    assert_eq!(channel["unread"], 0, "who has no pointer has read all");
    assert_eq!(eve.get("/channels/team:general").await.gives(200)["unread"], 3);

    let page = ann.get("/channels/team:general/messages").await.gives(200);
    let texts: Vec<_> = page["items"].as_array().unwrap().iter().map(|message| &message["text"]).collect();
    assert_eq!(texts, ["hello @ben", "also here", "quoting", "", "lunch?"]);
    let first = &page["items"][0];
    assert_eq!(first["created_at"], "2020-05-01T10:01:00Z");
    assert_eq!(
        first["reactions"],
        json!([{ "type": "👍", "count": 2, "score": 2 }, { "type": "clap", "count": 1, "score": 5 }])
    );
    assert_eq!(
        (&first["thread"]["reply_count"], &first["thread"]["participant_count"]),
        (&json!(2), &json!(2))
    );
    assert_eq!(page["items"][2]["quoted"]["text"], "hello @ben");
    assert_eq!(page["items"][2]["edited_at"], "2020-05-01T10:05:00Z");
    assert_eq!(page["items"][3]["deleted_at"], "2020-05-01T10:06:00Z");
    let poll = &page["items"][4]["poll"];
    assert_eq!((&poll["voters"], &poll["options"][0]["votes"]), (&json!(2), &json!(1)), "counted anew");
    assert_eq!(
        ann.get("/channels/team:general/pins").await.gives(200)["items"].as_array().map(Vec::len),
        Some(1)
    );
    let root = first["id"].as_str().unwrap();
    let reactions = ann.get(&format!("/messages/{root}/reactions?limit=2")).await.gives(200);
    assert_eq!(reactions["items"][0]["type"], "clap", "newest first");
    let replies = ann.get(&format!("/channels/team:general/messages?thread={root}")).await;
    assert!(replies.status == 200 || replies.status == 400, "{}", replies.text);

    // Found, mentioned, followed.
    let found = ann.get("/search/messages?q=lunch").await.gives(200);
    assert_eq!(found["items"].as_array().map(Vec::len), Some(1), "{found}");
    let ben = app.user("ben").await;
    assert_eq!(ben.all("/users/me/messages", "flag=mentioned").await.len(), 1);
    assert_eq!(ben.all("/users/me/messages", "flag=unread").await.len(), 0);
    assert_eq!(
        eve.all("/users/me/messages", "flag=unread").await.len(),
        3,
        "all past the pointer but what was deleted"
    );
    assert_eq!(ann.all("/threads", "").await.len(), 1);

    // Distinct is distinct, and life goes on.
    let again = ann
        .post(
            "/channels",
            json!({ "type": "messaging", "distinct": true, "members": [{ "user_id": "ben" }] }),
        )
        .await;
    assert_eq!((again.status, &again.json["cid"]), (200, &json!("messaging:d")));
    ann.say("team:general", "now").await;
    assert_eq!(eve.get("/channels/team:general").await.gives(200)["unread"], 4);
    assert_eq!(ben.get("/channels/team:general").await.gives(200)["unread"], 1);
    holds(&server).await;
    server.settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_lines_again_change_nothing() {
    let server = Server::start(Mode::Embedded).await;
    let app = server.app("acme").await;
    import(&server, &app, Lines::of(&history()).path()).await;
    let ann = app.user("ann").await;
    let listener = Listener::connect(&ann).await;
    let channel = ann.get("/channels/team:general").await.gives(200);
    let id = channel["id"].as_str().unwrap();
    listener.subscribe(id).await;
    let users = "SELECT coalesce(sum(seq), 0)::bigint FROM users";
    let seqs = server.db.number(users).await;

    let same = import(&server, &app, Lines::of(&history()).path()).await;
    assert_eq!(same["counts"]["messages"], 7, "the same file is the same import: {same}");
    let mut lines = history();
    lines.reverse();
    lines.sort_by_key(|line| line["message"]["created_at"].as_str().unwrap_or_default().to_owned());
    let other = import(&server, &app, Lines::of(&lines).path()).await;
    assert_eq!(other["counts"], json!({ "users": 0, "channels": 0, "reads": 0 }), "{other}");
    assert_eq!(ann.get("/channels/team:general").await.gives(200), channel);
    assert_eq!(server.db.number(users).await, seqs);
    server.settled().await;
    assert!(listener.events_of(id).is_empty(), "{:?}", listener.events_of(id));

    // Another tenant has the same, and none of it.
    let foreign = server.app("other").await;
    import(&server, &foreign, Lines::of(&history()).path()).await;
    let theirs = foreign.user("ann").await.get("/channels/team:general").await.gives(200);
    assert_ne!(theirs["id"], channel["id"]);
    assert_eq!(ann.get("/channels/team:general").await.gives(200), channel);
    holds(&server).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_lines_are_named_and_nothing_is_written() {
    let server = Server::start(Mode::Embedded).await;
    let app = server.app("acme").await;
    let message = |more: Value| {
        let mut line = json!({ "id": "1", "channel": "team:a", "user_id": "ann", "text": "x", "created_at": "2020-01-01T00:00:00Z" });
        line.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({ "message": line }).to_string()
    };
    let lines = [
        r#"{"user":{"id":"ann"}}"#.to_owned(),
        r#"{"channel":{"cid":"team:a"}}"#.to_owned(),
        "not json".to_owned(),
        r#"{"thing":{}}"#.to_owned(),
        r#"{"user":{"id":"ann","age":7}}"#.to_owned(),
        String::new(),
        message(json!({})),
        message(json!({})),
        message(json!({ "id": "2", "channel": "team:b" })),
        message(json!({ "id": "3", "user_id": "eve" })),
        message(json!({ "id": "4", "parent_id": "1" })),
        message(json!({ "id": "5", "parent_id": "4" })),
        message(json!({ "id": "6", "reply_to_id": "nothing" })),
        message(json!({ "id": "7", "text": "" })),
        r#"{"reaction":{"message_id":"9","user_id":"ann","type":"x"}}"#.to_owned(),
        r#"{"read":{"channel":"team:a","user_id":"ann","message_id":"9"}}"#.to_owned(),
        message(
            json!({ "id": "8", "pinned": { "at": "+262142-01-01T00:00:00Z", "by": "ann", "expires_at": null } }),
        ),
        message(
            json!({ "id": "10", "pinned": { "at": "2020-01-01T00:00:00Z", "by": null, "expires_at": "-0001-01-01T00:00:00Z" } }),
        ),
        message(
            json!({ "id": "11", "forwarded_from": { "message_id": uuid::Uuid::nil(), "user": { "id": "ann" },
            "created_at": "-262143-01-01T00:00:00Z" } }),
        ),
    ];
    let file = Lines::text(&lines.join("\n"));
    for validate in [&["--validate"][..], &[]] {
        let arguments = [&["import", "--app", &app.id, file.path()], validate].concat();
        let error = server.command(&arguments).await.unwrap_err();
        assert!(error.contains("14 lines"), "{error}");
        assert_eq!(server.db.number("SELECT count(*) FROM users").await, 0);
    }
    let report = server.db.text("SELECT errors::text FROM imports").await;
    let errors: Vec<Value> = serde_json::from_str(&report).unwrap();
    let found: Vec<(i64, &str)> = errors
        .iter()
        .map(|error| (error["line"].as_i64().unwrap(), error["code"].as_str().unwrap()))
        .collect();
    assert_eq!(
        found,
        [
            (3, "invalid_json"),
            (4, "invalid_request"),
            (5, "invalid_request"),
            (8, "message_id_reused"),
            (9, "channel_not_found"),
            (10, "user_unknown"),
            (12, "invalid_thread"),
            (13, "invalid_thread"),
            (14, "empty_message"),
            (15, "message_not_found"),
            (16, "message_not_found"),
            (17, "invalid_request"),
            (18, "invalid_request"),
            (19, "invalid_request"),
        ]
    );
    assert!(errors[5]["reason"].as_str().unwrap().contains("eve"), "{report}");
    let error = server.command(&["import", "--app", &uuid::Uuid::nil().to_string(), file.path()]).await;
    assert!(error.unwrap_err().contains("there is no app"));
}

/// Killed again and again in the middle: every message is there once, in its place.
#[tokio::test(flavor = "multi_thread")]
async fn a_killed_import_goes_on_where_it_was() {
    let server = Server::start(Mode::Embedded).await;
    let app = server.app("acme").await;
    let mut lines = vec![json!({ "user": { "id": "ann" } }), json!({ "user": { "id": "ben" } })];
    for n in 0..10 {
        lines.push(json!({ "channel": { "cid": format!("team:c{n}") } }));
        lines.push(json!({ "member": { "channel": format!("team:c{n}"), "user_id": "ann" } }));
    }
    let text = "x".repeat(300);
    for n in 0..30_000_u32 {
        let parent = (n % 7 == 3).then(|| format!("m{}", n - n % 70 + n % 10));
        let parent = parent.filter(|parent| *parent != format!("m{n}") && n % 70 >= 10);
        let mut line = json!({ "id": format!("m{n}"), "channel": format!("team:c{}", n % 10),
            "user_id": if n % 3 == 0 { "ann" } else { "ben" }, "text": format!("{n} {text}"), "created_at": "2020-05-01T10:00:00Z" });
        if let Some(parent) = parent {
            line["parent_id"] = json!(parent);
        }
        lines.push(json!({ "message": line }));
    }
    // Replies of replies are none: the roots are the first ten of each seventy.
    let file = Lines::of(&lines);
    for part in [1, 9_000, 18_000] {
        let mut running = server.begin_command(&["import", "--app", &app.id, file.path()]);
        until("some of it is written", async || {
            server.db.number("SELECT count(*) FROM messages").await >= part
        })
        .await;
        running.kill().await.unwrap();
    }
    let report = import(&server, &app, file.path()).await;
    assert_eq!((&report["counts"]["messages"], &report["failed"]), (&json!(30_000), &json!(0)), "{report}");
    assert_eq!(server.db.number("SELECT count(*) FROM messages").await, 30_000);
    assert_eq!(server.db.number("SELECT count(*) FROM message_search WHERE words IS NOT NULL").await, 30_000);
    holds(&server).await;
    let out_of_order = "SELECT count(*) FROM (SELECT split_part(text, ' ', 1)::integer AS n, \
        lag(split_part(text, ' ', 1)::integer) OVER (PARTITION BY channel_id ORDER BY seq) AS before FROM messages) m WHERE n < before";
    assert_eq!(server.db.number(out_of_order).await, 0);
    assert_eq!(app.user("ann").await.get("/unread").await.gives(200)["total"], 0);
    server.settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_a_channel_open_is_told_once() {
    let server = Server::start(Mode::Embedded).await;
    let app = server.app("acme").await;
    let (ann, ben) = (app.user("ann").await, app.user("ben").await);
    let request =
        json!({ "type": "team", "id": "general", "members": [{ "user_id": "ann" }, { "user_id": "ben" }] });
    let channel = app.channel_with(request).await;
    ann.say(&channel, "live").await;
    let listener = Listener::connect(&ann).await;
    listener.subscribe(&channel).await;
    let seen = ann.get(&format!("/channels/{channel}")).await.gives(200);
    let since = seen["seq"].as_i64().unwrap();

    let mut lines = vec![
        json!({ "user": { "id": "eve" } }),
        json!({ "member": { "channel": "team:general", "user_id": "eve" } }),
    ];
    lines.extend((0..500).map(|n| {
        json!({ "message": { "id": format!("m{n}"), "channel": "team:general", "user_id": "eve", "text": format!("old {n}"),
            "created_at": "2019-01-01T00:00:00Z" } })
    }));
    import(&server, &app, Lines::of(&lines).path()).await;
    server.settled().await;
    listener.until("told", |heard| matches!(heard, parlor_e2e::Heard::Event { envelope, .. } if envelope.kind == EventType::ChannelUpdated)).await;
    let events = listener.events_of(&channel);
    assert_eq!(events.len(), 1, "{events:?}");
    assert_eq!((events[0].kind, events[0].prev_seq), (EventType::ChannelUpdated, Some(since + 501)));

    // They pull, page by page, and have it all.
    let (mut at, mut messages, mut members) = (since, 0, 0);
    loop {
        let changes = ann.get(&format!("/channels/{channel}/changes?since={at}")).await.gives(200);
        messages += changes["messages"].as_array().unwrap().len();
        members += changes["members"].as_array().unwrap().len();
        at = changes["seq"].as_i64().unwrap();
        if changes["more"] == false {
            break;
        }
    }
    assert_eq!((messages, members, at), (500, 1, since + 502));
    // Who had read all has read this, too; who had not has it before them.
    assert_eq!(ann.get(&format!("/channels/{channel}")).await.gives(200)["unread"], 0);
    assert_eq!(ben.get(&format!("/channels/{channel}")).await.gives(200)["unread"], 501);
    holds(&server).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_distinct_channel_that_gets_another_becomes_an_ordinary_one() {
    let server = Server::start(Mode::Embedded).await;
    let app = server.app("acme").await;
    let (ann, _, _) = (app.user("ann").await, app.user("ben").await, app.user("eve").await);
    let pair =
        |with: &str| json!({ "type": "messaging", "distinct": true, "members": [{ "user_id": with }] });
    let ours = ann.post("/channels", pair("ben")).await.gives(201);
    let theirs = ann.post("/channels", pair("eve")).await.gives(201);
    let member = |cid: &str, user: &str| json!({ "member": { "channel": cid, "user_id": user } });
    let cid = ours["cid"].as_str().unwrap();
    // One that was there gets another; one that is new has its own, and one that is new has another from the beginning.
    let lines = [
        json!({ "user": { "id": "dan" } }),
        json!({ "user": { "id": "fay" } }),
        member(cid, "eve"),
        member(theirs["cid"].as_str().unwrap(), "ann"),
        json!({ "channel": { "cid": "messaging:new", "distinct": ["ann", "dan"] } }),
        member("messaging:new", "ann"),
        member("messaging:new", "dan"),
        json!({ "channel": { "cid": "messaging:wide", "distinct": ["ann", "fay"] } }),
        member("messaging:wide", "ann"),
        member("messaging:wide", "fay"),
        member("messaging:wide", "eve"),
    ];
    let report = import(&server, &app, Lines::of(&lines).path()).await;
    assert_eq!((&report["counts"]["members"], &report["failed"]), (&json!(6), &json!(0)), "{report}");
    for (with, known) in
        [("ben", None), ("eve", theirs["cid"].as_str()), ("dan", Some("messaging:new")), ("fay", None)]
    {
        let got = ann.post("/channels", pair(with)).await;
        let (status, cid) = (got.status, got.json["cid"].as_str().unwrap());
        match known {
            Some(known) => assert_eq!((status, cid), (200, known), "{with}"),
            None => assert_eq!(status, 201, "{with}: {cid}"),
        }
    }
    holds(&server).await;
    server.settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_has_no_more_pins_than_it_may() {
    let server = Server::start(Mode::Embedded).await;
    let app = server.app("acme").await;
    let ann = app.user("ann").await;
    let channel = app
        .channel_with(
            json!({ "type": "team", "id": "general", "members": [{ "user_id": "ann", "role": "owner" }] }),
        )
        .await;
    let first = ann.say(&channel, "pinned before").await;
    ann.post(&format!("/messages/{}/pin", first["id"].as_str().unwrap()), json!({})).await.gives(200);
    let pinned = |n: usize, expires_at: Value| {
        json!({ "message": { "id": format!("m{n}"), "channel": "team:general", "user_id": "ann", "text": format!("{n}"),
            "created_at": "2020-05-01T10:00:00Z",
            "pinned": { "at": "2020-05-01T10:00:00Z", "by": "ann", "expires_at": expires_at } } })
    };
    // One whose time is over counts for nothing.
    let mut lines = vec![pinned(0, json!("2020-05-02T10:00:00Z"))];
    lines.extend((1..=51).map(|n| pinned(n, Value::Null)));
    let file = Lines::of(&lines);
    let error = server.command(&["import", "--app", &app.id, file.path()]).await.unwrap_err();
    assert!(error.contains("2 lines were refused"), "{error}");
    let report = server.db.text("SELECT errors::text FROM imports").await;
    let errors: Vec<Value> = serde_json::from_str(&report).unwrap();
    let errors: Vec<_> = errors.iter().map(|error| (&error["line"], &error["code"])).collect();
    assert_eq!(errors, [(&json!(51), &json!("too_many_pins")), (&json!(52), &json!("too_many_pins"))]);
    assert_eq!(server.db.number("SELECT count(*) FROM messages").await, 53);
    assert_eq!(ann.all(&format!("/channels/{channel}/pins"), "").await.len(), 50);
    let page = ann.get(&format!("/channels/{channel}/messages")).await.gives(200);
    let last = page["items"].as_array().unwrap().last().unwrap();
    assert_eq!((&last["text"], &last["pinned"]), (&json!("51"), &Value::Null));
    server.settled().await;
}
