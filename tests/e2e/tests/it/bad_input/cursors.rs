//! A cursor opens only the list that made it.

use parlor_protocol::ErrorCode::InvalidCursor;
use serde_json::json;

use super::Room;

#[tokio::test(flavor = "multi_thread")]
async fn a_cursor_of_another_list_or_of_nobody_is_refused() {
    let room = Room::new().await;
    let (ann, server) = (&room.ann, &room.app.server);
    room.app.channel(&[ann]).await;
    ann.say(&room.id, "more").await;
    for _ in 0..2 {
        let said = ann.say(&room.id, "root").await["id"].as_str().unwrap().to_owned();
        ann.put(&format!("/messages/{said}/thread/follow"), serde_json::json!({})).await.gives(200);
        let task = serde_json::json!({ "assignee_id": "ann" });
        ann.post(&format!("/messages/{said}/task"), task).await.gives(201);
    }
    room.server.settled().await;
    let (messages, reactions) = (format!("{}/messages", room.at), format!("{}/reactions", room.message));
    let second = ann.say(&room.id, "held up, too").await["id"].as_str().unwrap().to_owned();
    for kind in ["one", "two"] {
        ann.post(&reactions, json!({ "type": kind })).await.gives(200);
    }
    for message in [&room.message, &format!("/messages/{second}")] {
        ann.post(&format!("{message}/pin"), json!({})).await.gives(200);
    }
    room.server.settled().await;
    let next =
        async |path: String, name: &str| ann.get(&path).await.gives(200)[name].as_str().unwrap().to_owned();
    let cursors = [
        ("users", next("/users?limit=1".to_owned(), "next").await),
        ("members", next(format!("{}/members?limit=1", room.at), "next").await),
        ("my-channels", next("/channels?limit=1".to_owned(), "next").await),
        ("channels", server.get("/channels?limit=1").await.gives(200)["next"].as_str().unwrap().to_owned()),
        ("messages", next(format!("{messages}?limit=1"), "before").await),
        ("reactions", next(format!("{reactions}?limit=1"), "next").await),
        ("pins", next(format!("{}/pins?limit=1", room.at), "next").await),
        ("threads", next("/threads?limit=1".to_owned(), "next").await),
        ("tasks", next(format!("{}/tasks?limit=1", room.at), "next").await),
        ("my-tasks", next("/tasks?assignee=me&limit=1".to_owned(), "next").await),
        ("garbage", "garbage".to_owned()),
        ("nothing", String::new()),
        ("long", "A".repeat(4000)),
    ];
    let lists = [
        ("users", "/users?cursor=".to_owned()),
        ("users", "/users/search?cursor=".to_owned()),
        ("members", format!("{}/members?cursor=", room.at)),
        ("my-channels", "/channels?cursor=".to_owned()),
        ("threads", "/threads?cursor=".to_owned()),
        ("tasks", format!("{}/tasks?cursor=", room.at)),
        ("my-tasks", "/tasks?assignee=me&cursor=".to_owned()),
        ("flags", "/users/me/messages?flag=unread&cursor=".to_owned()),
        ("invites", "/invites?cursor=".to_owned()),
        ("channel-invites", format!("{}/invites?cursor=", room.at)),
        ("reactions", format!("{reactions}?cursor=")),
        ("pins", format!("{}/pins?cursor=", room.at)),
        ("drafts", "/drafts?cursor=".to_owned()),
        ("scheduled", "/scheduled_messages?cursor=".to_owned()),
        ("reminders", "/reminders?cursor=".to_owned()),
        ("messages", format!("{messages}?before=")),
        ("messages", format!("{messages}?after=")),
        ("messages", format!("{messages}?around=")),
    ];
    for (list, path) in &lists {
        for (of, cursor) in &cursors {
            let full = format!("{path}{cursor}");
            if list == of {
                assert_eq!(ann.get(&full).await.status, 200, "{full}");
            } else {
                room.refuses(&format!("{of} for {list}"), InvalidCursor, ann.get(&full)).await;
            }
        }
    }
    let mine = &cursors[2].1;
    room.refuses("a user's for the server", InvalidCursor, server.get(&format!("/channels?cursor={mine}")))
        .await;
    room.refuses("unencoded", InvalidCursor, ann.get("/users?cursor=%5B%22users%22%2C%22ann%22%5D")).await;
}
