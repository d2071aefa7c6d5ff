//! Tasks that are made of messages.

use parlor_e2e::{Client, Listener, Mode, Server};
use parlor_protocol::{ErrorCode, EventType, TaskId};
use parlor_test_support::TestDb;
use serde_json::{Value, json};

fn path_of(task: &Value) -> String {
    format!("/tasks/{}", task["id"].as_str().unwrap())
}

async fn make(user: &Client, message: &Value, body: Value) -> Value {
    let path = format!("/messages/{}/task", message["id"].as_str().unwrap());
    user.post(&path, body).await.gives(201)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_becomes_a_task_and_others_hear_how_it_goes() {
    let server = Server::start(Mode::Embedded).await;
    let app = server.app("acme").await;
    let (ann, ben) = (app.user("ann").await, app.user("ben").await);
    let channel = app.channel(&[&ann, &ben]).await;
    let topic = format!("chat:channel:{channel}");
    let listener = Listener::connect(&ben).await;
    listener.subscribe(&channel).await;
    let said = ben.say(&channel, "\nFix the door\nplease").await;
    let path = format!("/messages/{}/task", said["id"].as_str().unwrap());

    let task = make(&ben, &said, json!({})).await;
    let expected = json!({
        "id": task["id"], "channel_id": channel, "message_id": said["id"], "title": "Fix the door", "status": "open",
        "assignee_id": null, "due_at": null, "created_by": "ben", "created_at": task["created_at"],
        "updated_at": task["created_at"], "deleted_at": null, "updated_seq": 3,
    });
    assert_eq!(task, expected);
    let event = listener.next(&topic, 0, EventType::TaskCreated).await;
    assert_eq!((&event.data["task"], event.seq), (&task, Some(3)));
    // A message is one task, whoever asks.
    assert_eq!(ann.post(&path, json!({ "title": "another" })).await.gives(200), task);

    let change =
        json!({ "status": "in_progress", "assignee_id": "ann", "due_at": "2030-01-02T03:04:05.123456789Z" });
    let changed = ann.patch(&path_of(&task), change.clone()).await.gives(200);
    assert_eq!(
        (&changed["status"], &changed["assignee_id"], &changed["due_at"], &changed["updated_seq"]),
        (&json!("in_progress"), &json!("ann"), &json!("2030-01-02T03:04:05.123456Z"), &json!(4))
    );
    assert_eq!(changed["title"], "Fix the door");
    let event = listener.next(&topic, 0, EventType::TaskUpdated).await;
    assert_eq!(event.data["task"], changed);
    for same in [change, json!({}), json!({ "title": "Fix the door" })] {
        assert_eq!(ann.patch(&path_of(&task), same).await.gives(200), changed, "what changes nothing");
    }
    let cleared = ben.patch(&path_of(&task), json!({ "due_at": null, "assignee_id": null })).await.gives(200);
    assert_eq!((&cleared["due_at"], &cleared["assignee_id"]), (&Value::Null, &Value::Null));

    let changes = ben.get(&format!("/channels/{channel}/changes?since=2")).await.gives(200);
    assert_eq!((&changes["tasks"], &changes["seq"]), (&json!([cleared]), &json!(5)));
    let gone = ben.delete(&path_of(&task)).await.gives(200);
    assert_eq!((&gone["title"], &gone["updated_seq"]), (&json!(""), &json!(6)));
    assert!(gone["deleted_at"].is_string());
    assert_eq!(listener.next(&topic, 0, EventType::TaskDeleted).await.data["task"], gone);
    assert_eq!(ben.delete(&path_of(&task)).await.gives(200), gone, "a repetition changes nothing");
    ben.patch(&path_of(&task), json!({ "status": "done" })).await.refused(ErrorCode::TaskNotFound);
    let changes = ben.get(&format!("/channels/{channel}/changes?since=5")).await.gives(200);
    assert_eq!(changes["tasks"], json!([gone]));
    // The message can be one again.
    let anew = make(&ben, &said, json!({ "title": "Fix it" })).await;
    assert_ne!(anew["id"], task["id"]);
    server.settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tasks_are_listed_by_channel_and_by_who_shall_do_them() {
    let server = Server::start(Mode::Embedded).await;
    let app = server.app("acme").await;
    let (ann, ben) = (app.user("ann").await, app.user("ben").await);
    let (one, two) = (app.channel(&[&ann, &ben]).await, app.channel(&[&ann, &ben]).await);
    let mut tasks = Vec::new();
    for n in 0..6 {
        let channel = if n % 2 == 0 { &one } else { &two };
        let said = ann.say(channel, &format!("task {n}")).await;
        tasks.push(make(&ann, &said, json!({ "assignee_id": if n < 4 { "ben" } else { "ann" } })).await);
    }
    tasks[2] = ben.patch(&path_of(&tasks[2]), json!({ "status": "done" })).await.gives(200);
    let of = |numbers: &[usize]| numbers.iter().map(|n| tasks[*n].clone()).collect::<Vec<_>>();
    let list = format!("/channels/{one}/tasks");
    assert_eq!(ben.all(&list, "limit=1").await, of(&[4, 2, 0]));
    assert_eq!(ben.all(&list, "limit=1&status=open").await, of(&[4, 0]));
    assert_eq!(app.server.all(&list, "").await, of(&[4, 2, 0]));
    assert_eq!(ben.all("/tasks", "assignee=me&limit=3").await, of(&[3, 2, 1, 0]));
    assert_eq!(ben.all("/tasks", "assignee=me&status=done").await, of(&[2]));
    assert_eq!(ben.all("/tasks", "assignee=me&status=in_progress").await, of(&[]));

    ben.post(&format!("/channels/{two}/leave"), json!({})).await;
    assert_eq!(ben.all("/tasks", "assignee=me").await, of(&[2, 0]), "only where one still is");
    ann.delete(&path_of(&tasks[0])).await.gives(200);
    assert_eq!(ben.all("/tasks", "assignee=me").await, of(&[2]));
    assert_eq!(ben.all(&list, "").await, of(&[4, 2]));
    ann.delete(&format!("/channels/{one}")).await;
    assert_eq!(ben.all("/tasks", "assignee=me").await, of(&[]));
    ann.patch(&path_of(&tasks[2]), json!({ "status": "open" })).await.refused(ErrorCode::TaskNotFound);
    for wrong in
        ["", "?assignee=ben", "?assignee=me&status=late", "?assignee=me&limit=0", "?assignee=me&limit=101"]
    {
        ann.get(&format!("/tasks{wrong}")).await.refused(ErrorCode::InvalidParameter);
    }
    server.settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tasks_are_refused_to_who_may_not_and_what_they_can_not_be() {
    let server = Server::start(Mode::Embedded).await;
    let (app, other) = (server.app("acme").await, server.app("other").await);
    let (ann, ben, eve) = (app.user("ann").await, app.user("ben").await, app.user("eve").await);
    let channel = app.channel(&[&ann, &ben]).await;
    let (said, second) = (ann.say(&channel, "call").await, ann.say(&channel, "write").await);
    let path = format!("/messages/{}/task", said["id"].as_str().unwrap());
    let seq = async || ann.get(&format!("/channels/{channel}")).await.gives(200)["seq"].clone();
    let before = seq().await;

    for (code, body) in [
        (ErrorCode::NameTooLong, json!({ "title": "x".repeat(101) })),
        (ErrorCode::InvalidRequest, json!({ "title": " " })),
        (ErrorCode::InvalidRequest, json!({ "status": "done" })),
        (ErrorCode::InvalidRequest, json!({ "due_at": "tomorrow" })),
        (ErrorCode::InvalidRequest, json!({ "due_at": "+12345-01-01T00:00:00Z" })),
        (ErrorCode::MemberNotFound, json!({ "assignee_id": "eve" })),
        (ErrorCode::MemberNotFound, json!({ "assignee_id": "nobody" })),
    ] {
        ben.post(&path, body).await.refused(code);
    }
    let picture = json!({ "attachments": [{ "type": "image" }] });
    let picture = ann.post(&format!("/channels/{channel}/messages"), picture).await.gives(201);
    let of_picture = format!("/messages/{}/task", picture["id"].as_str().unwrap());
    ben.post(&of_picture, json!({})).await.refused(ErrorCode::InvalidRequest);
    ann.delete(&format!("/messages/{}", picture["id"].as_str().unwrap())).await.gives(200);
    ben.post(&of_picture, json!({ "title": "x" })).await.refused(ErrorCode::MessageDeleted);
    assert_eq!(seq().await.as_i64(), before.as_i64().map(|seq| seq + 2), "only what was sent and deleted");

    let task = make(&ann, &said, json!({ "title": "x".repeat(100), "assignee_id": "ben" })).await;
    let at = path_of(&task);
    for (code, body) in [
        (ErrorCode::NameTooLong, json!({ "title": "x".repeat(101) })),
        (ErrorCode::InvalidRequest, json!({ "title": "" })),
        (ErrorCode::InvalidRequest, json!({ "status": "late" })),
        (ErrorCode::MemberNotFound, json!({ "assignee_id": "eve" })),
        (ErrorCode::InvalidRequest, json!({ "message_id": second["id"] })),
    ] {
        ben.patch(&at, body).await.refused(code);
    }
    ben.delete(&at).await.refused(ErrorCode::Forbidden);
    let unknown = format!("/tasks/{}", TaskId::new());
    let theirs = other.user("ann").await;
    for (caller, path) in [(&ann, &unknown), (&eve, &at), (&theirs, &at), (&other.server, &at)] {
        caller.patch(path, json!({ "status": "done" })).await.refused(ErrorCode::TaskNotFound);
        caller.delete(path).await.refused(ErrorCode::TaskNotFound);
    }
    eve.post(&path, json!({})).await.refused(ErrorCode::MessageNotFound);
    eve.get(&format!("/channels/{channel}/tasks")).await.refused(ErrorCode::NotAMember);
    app.server.get("/tasks?assignee=me").await.refused(ErrorCode::UserOnly);
    ann.patch("/tasks/7", json!({})).await.refused(ErrorCode::InvalidId);

    // A frozen channel is silent about tasks, too.
    ann.patch(&format!("/channels/{channel}"), json!({ "config": { "frozen": true } })).await.gives(200);
    ben.patch(&at, json!({ "status": "done" })).await.refused(ErrorCode::ChannelFrozen);
    ann.patch(&at, json!({ "status": "done" })).await.gives(200);
    server.settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_task_of_an_erased_message_goes_with_it() {
    let server = Server::start(Mode::Embedded).await;
    let app = server.app("acme").await;
    let (ann, ben) = (app.user("ann").await, app.user("ben").await);
    let channel = app.channel(&[&ann, &ben]).await;
    let said = ann.say(&channel, "a secret").await;
    let message = format!("/messages/{}", said["id"].as_str().unwrap());
    let task = make(&ann, &said, json!({})).await;
    ann.delete(&message).await.gives(200);
    let list = format!("/channels/{channel}/tasks");
    assert_eq!(ben.all(&list, "").await, std::slice::from_ref(&task), "a deleted message leaves its task");
    app.server.delete(&format!("{message}?hard=true")).await.gives(200);
    assert_eq!(ben.all(&list, "").await, [] as [Value; 0]);
    let changes = ben.get(&format!("/channels/{channel}/changes?since=3")).await.gives(200);
    assert_eq!((&changes["tasks"][0]["id"], &changes["tasks"][0]["title"]), (&task["id"], &json!("")));
    server.settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_is_told_to_those_who_may_read_its_message() {
    let server = Server::start(Mode::Embedded).await;
    let app = server.app("acme").await;
    let (ann, eve) = (app.user("ann").await, app.user("eve").await);
    let channel = app.channel(&[&ann]).await;
    let list = format!("/channels/{channel}/tasks");
    let before = make(&ann, &ann.say(&channel, "a secret").await, json!({})).await;
    let add = json!({ "members": [{ "user_id": "eve" }], "hide_history": true });
    ann.post(&format!("/channels/{channel}/members"), add).await.gives(200);
    let since = make(&ann, &ann.say(&channel, "no secret").await, json!({ "assignee_id": "eve" })).await;
    let only = |task: &Value| json!([task]);

    assert_eq!(json!(eve.all(&list, "").await), only(&since));
    let changes = eve.get(&format!("/channels/{channel}/changes?since=0")).await.gives(200);
    assert_eq!(changes["tasks"], only(&since));
    eve.patch(&path_of(&before), json!({ "status": "done" })).await.refused(ErrorCode::TaskNotFound);
    eve.delete(&path_of(&before)).await.refused(ErrorCode::TaskNotFound);
    let before = ann.patch(&path_of(&before), json!({ "assignee_id": "eve" })).await.gives(200);
    assert_eq!(json!(eve.all("/tasks", "assignee=me").await), only(&since));
    for (reader, query) in [(&ann, ""), (&app.server, ""), (&app.server, "assignee=eve")] {
        assert_eq!(reader.all(&list, query).await, [since.clone(), before.clone()]);
    }
    let changes = ann.get(&format!("/channels/{channel}/changes?since=0")).await.gives(200);
    assert_eq!(changes["tasks"], json!([since, before]));

    // That it was deleted says nothing of it, and is told to all.
    let gone = ann.delete(&path_of(&before)).await.gives(200);
    let changes = eve.get(&format!("/channels/{channel}/changes?since=0")).await.gives(200);
    assert_eq!(changes["tasks"], json!([since, gone]));
    // Who clears the history has no tasks of it either.
    let clear = json!({ "hidden": { "clear_history": true } });
    eve.patch(&format!("/channels/{channel}/membership"), clear).await.gives(200);
    assert_eq!(json!(eve.all(&list, "").await), json!([]));
    assert_eq!(json!(eve.all("/tasks", "assignee=me").await), json!([]));
    server.settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_task_of_a_message_that_is_deleted_for_good_ends() {
    let server = Server::start(Mode::Embedded).await;
    let app = server.app("acme").await;
    let (ann, ben) = (app.user("ann").await, app.user("ben").await);
    let (one, two) = (app.channel(&[&ann, &ben]).await, app.channel(&[&ann, &ben]).await);
    let (mut tasks, mut paths) = (Vec::new(), Vec::new());
    for channel in [&one, &one, &two] {
        let said = ann.say(channel, "a secret").await;
        tasks.push(make(&ann, &said, json!({})).await);
        paths.push(format!("/messages/{}", said["id"].as_str().unwrap()));
        ann.delete(paths.last().unwrap()).await.gives(200);
    }
    let titles = async || {
        let mut all = ben.all(&format!("/channels/{one}/tasks"), "").await;
        all.extend(ben.all(&format!("/channels/{two}/tasks"), "").await);
        all
    };
    assert_eq!(titles().await.len(), 3, "for as long as it can be taken back");
    ann.post(&format!("{}/undelete", paths[1]), json!({})).await.gives(200);
    let listener = Listener::connect(&ben).await;
    listener.subscribe(&one).await;
    listener.subscribe(&two).await;
    let over = "BEGIN; UPDATE deleted_messages SET expires_at = now() - interval '1 second'; \
                UPDATE due SET available_at = now() - interval '1 second'; COMMIT";
    TestDb::execute(&server.db, over).await;
    for (channel, task) in [(&one, &tasks[0]), (&two, &tasks[2])] {
        let event = listener.next(&format!("chat:channel:{channel}"), 0, EventType::TaskDeleted).await;
        let told = &event.data["task"];
        assert_eq!((&told["id"], &told["title"]), (&task["id"], &json!("")));
        assert_eq!(json!(event.seq), told["updated_seq"]);
        let now = ben.get(&format!("/channels/{channel}")).await.gives(200);
        assert_eq!(now["seq"], told["updated_seq"], "a change of its own");
        let since = event.seq.unwrap() - 1;
        let changes = ben.get(&format!("/channels/{channel}/changes?since={since}")).await.gives(200);
        assert_eq!(changes["tasks"], json!([told]));
    }
    assert_eq!(titles().await, [tasks[1].clone()], "what was taken back is still to be done");

    // An app that keeps nothing.
    app.server.patch("/app", json!({ "undelete_minutes": 0 })).await.gives(200);
    ann.delete(&paths[1]).await.gives(200);
    assert_eq!(titles().await, [] as [Value; 0]);
    let event = listener.next(&format!("chat:channel:{one}"), 0, EventType::MessageDeleted).await;
    let changes = ben.get(&format!("/channels/{one}/changes?since={}", event.seq.unwrap())).await.gives(200);
    assert_eq!((&changes["tasks"][0]["id"], &changes["tasks"][0]["title"]), (&tasks[1]["id"], &json!("")));
    server.settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tasks_of_any_assignee_are_listed_by_channel_and_by_the_server() {
    let server = Server::start(Mode::Embedded).await;
    let (app, other) = (server.app("acme").await, server.app("other").await);
    let (ann, ben) = (app.user("ann").await, app.user("ben").await);
    let (one, two) = (app.channel(&[&ann, &ben]).await, app.channel(&[&ann, &ben]).await);
    let mut tasks = Vec::new();
    for n in 0..6 {
        let channel = if n % 2 == 0 { &one } else { &two };
        let said = ann.say(channel, &format!("task {n}")).await;
        tasks.push(make(&ann, &said, json!({ "assignee_id": if n < 4 { "ben" } else { "ann" } })).await);
    }
    let of = |numbers: &[usize]| numbers.iter().map(|n| tasks[*n].clone()).collect::<Vec<_>>();
    let list = format!("/channels/{one}/tasks");
    assert_eq!(ann.all(&list, "assignee=ben&limit=1").await, of(&[2, 0]));
    assert_eq!(ben.all(&list, "assignee=me").await, of(&[2, 0]));
    assert_eq!(ben.all(&list, "assignee=ann&status=open").await, of(&[4]));
    assert_eq!(ben.all(&list, "assignee=nobody").await, of(&[]));
    assert_eq!(app.server.all(&list, "assignee=ben").await, of(&[2, 0]));
    assert_eq!(app.server.all("/tasks", "assignee=ben&limit=3").await, of(&[3, 2, 1, 0]));
    assert_eq!(app.server.all("/tasks", "assignee=ben&status=done").await, of(&[]));
    assert_eq!(ben.all("/tasks", "assignee=ben").await, of(&[3, 2, 1, 0]), "that is oneself");
    assert_eq!(other.server.all("/tasks", "assignee=ben").await, of(&[]));

    ben.post(&format!("/channels/{two}/leave"), json!({})).await.gives(204);
    assert_eq!(
        app.server.all("/tasks", "assignee=ben").await,
        of(&[3, 2, 1, 0]),
        "it was not done by leaving"
    );
    app.server.get(&format!("{list}?assignee=me")).await.refused(ErrorCode::UserOnly);
    ann.get("/tasks?assignee=ben").await.refused(ErrorCode::InvalidParameter);
    for wrong in [String::new(), "u".repeat(65)] {
        ann.get(&format!("{list}?assignee={wrong}")).await.refused(ErrorCode::InvalidParameter);
        app.server.get(&format!("/tasks?assignee={wrong}")).await.refused(ErrorCode::InvalidParameter);
    }
    server.settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_who_make_a_task_of_one_message_get_one() {
    let server = Server::start(Mode::Embedded).await;
    let app = server.app("acme").await;
    let (ann, ben) = (app.user("ann").await, app.user("ben").await);
    let channel = app.channel(&[&ann, &ben]).await;
    let said = ann.say(&channel, "call").await;
    let path = format!("/messages/{}/task", said["id"].as_str().unwrap());
    let answers =
        futures_util::future::join_all((0..20).map(|n| [&ann, &ben][n % 2].post(&path, json!({})))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 1);
    assert!(answers.iter().all(|answer| answer.json == answers[0].json));
    let task = path_of(&answers[0].json);
    let done = json!({ "status": "done" });
    futures_util::future::join_all((0..20).map(|n| [&ann, &ben][n % 2].patch(&task, done.clone()))).await;
    assert_eq!(ann.get(&format!("/channels/{channel}")).await.gives(200)["seq"], 4, "one change, not twenty");
    server.settled().await;
}
