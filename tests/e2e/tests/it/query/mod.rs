//! Queries: what they find, what they refuse, and what they cost.

mod model;

use parlor_e2e::{App, Client, Mode, Server, until};
use parlor_protocol::ErrorCode::{
    ChannelNotFound, GuestForbidden, InvalidCursor, InvalidFilter, NotAMember, QueryNotServable,
};
use parlor_test_support::TestDb;
use serde_json::{Value, json};

async fn world() -> (Server, App, Client, Client) {
    let server = Server::start(Mode::Embedded).await;
    let app = server.app("acme").await;
    let (ann, ben) = (app.user("ann").await, app.user("ben").await);
    (server, app, ann, ben)
}

async fn ask(by: &Client, of: &str, body: Value) -> Vec<Value> {
    let answer = by.post(&format!("{of}/query"), body).await.gives(200);
    answer["items"].as_array().unwrap().clone()
}

fn names(items: &[Value]) -> Vec<&str> {
    items.iter().map(|item| item["channel"]["name"].as_str().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn channels_are_found_with_what_an_app_shows_of_them() {
    let (server, app, ann, ben) = world().await;
    let make = async |name: &str, members: &[&str], order: i64| {
        let members: Vec<Value> = members.iter().map(|id| json!({ "user_id": id })).collect();
        let custom = json!({ "order": order, "state": { "open": order > 1 } });
        app.channel_with(
            json!({ "type": "team", "name": name, "members": members, "custom": custom, "tags": [name] }),
        )
        .await
    };
    let (one, two) = (make("one", &["ann", "ben"], 1).await, make("two", &["ann"], 2).await);
    make("three", &["ben"], 3).await;
    ann.say(&one, "first").await;
    let second = ann.say(&one, "second").await["id"].as_str().unwrap().to_owned();
    app.server.post(&format!("/messages/{second}/pin"), json!({})).await.gives(200);
    server.settled().await;

    let all = ask(&ann, "/channels", json!({ "messages": 2, "members": 1, "pinned": true })).await;
    assert_eq!(names(&all), ["one", "two"], "the most recently active first");
    assert_eq!(all[0]["channel"], ann.get(&format!("/channels/{one}")).await.gives(200));
    let texts: Vec<_> =
        all[0]["messages"].as_array().unwrap().iter().map(|message| &message["text"]).collect();
    assert_eq!(texts, ["first", "second"]);
    assert_eq!(all[0]["members"].as_array().unwrap().len(), 1);
    assert_eq!((&all[0]["pinned"][0]["id"], &all[1]["pinned"]), (&json!(second), &json!([])));
    let plain = ask(&ann, "/channels", json!({})).await;
    assert_eq!((plain[0]["messages"].as_array().unwrap().len(), plain[0].get("pinned")), (1, None));

    for (filter, expected) in [
        (json!({ "members": { "$in": ["ben"] } }), vec!["one"]),
        (json!({ "members": { "$nin": ["ben"] } }), vec!["two"]),
        (json!({ "custom.order": { "$gte": 2 } }), vec!["two"]),
        (json!({ "custom.state.open": true }), vec!["two"]),
        (json!({ "tags": { "$contains": "one" } }), vec!["one"]),
        (json!({ "name": { "$autocomplete": "TW" } }), vec!["two"]),
        (json!({ "id": two }), vec!["two"]),
        (json!({ "$or": [{ "name": "one" }, { "name": "three" }] }), vec!["one"]),
        (json!({ "$nor": [{ "name": "one" }] }), vec!["two"]),
        (json!({ "role": "member", "pinned": false, "type": "team" }), vec!["one", "two"]),
        (json!({ "type": "livestream" }), vec![]),
    ] {
        let found = ask(&ann, "/channels", json!({ "filter": filter })).await;
        assert_eq!(names(&found), expected, "{filter}");
    }
    let by_server =
        json!({ "filter": { "members": { "$in": ["ann", "ben"] } }, "sort": [{ "field": "name" }] });
    assert_eq!(names(&ask(&app.server, "/channels", by_server).await), ["one", "three", "two"]);
    assert_eq!(names(&ask(&app.server, "/channels", json!({})).await), ["three", "two", "one"]);
    assert_eq!(names(&ask(&app.server, "/channels", json!({ "filter": { "id": two } })).await), ["two"]);
    assert_eq!(ask(&ben, "/channels", json!({ "filter": { "id": two } })).await, Vec::<Value>::new());
    server.settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn users_members_and_messages_are_found() {
    let (server, app, ann, ben) = world().await;
    app.server
        .patch("/users/ben", json!({ "name": "Benjamin Blue", "custom": { "plan": "pro" } }))
        .await
        .gives(200);
    let room = app.channel(&[&ann, &ben]).await;
    let ids = async |by: &Client, of: &str, body: Value, key: &str| {
        let items = ask(by, of, body).await;
        items.iter().map(|item| item.pointer(key).unwrap().as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(ids(&ann, "/users", json!({}), "/id").await, ["ann", "ben"]);
    for (filter, expected) in [
        (json!({ "id": { "$in": ["ben", "nobody"] } }), vec!["ben"]),
        (json!({ "id": { "$gt": "ann" } }), vec!["ben"]),
        (json!({ "name": { "$autocomplete": "blu" } }), vec!["ben"]),
        (json!({ "name": { "$q": "benjamin" }, "custom.plan": "pro" }), vec!["ben"]),
        (json!({ "name": { "$q": "benjamin" }, "custom.plan": "free" }), vec![]),
    ] {
        assert_eq!(ids(&ann, "/users", json!({ "filter": filter }), "/id").await, expected, "{filter}");
    }
    let members = format!("/channels/{room}/members");
    let sort = json!([{ "field": "joined_at" }, { "field": "user_id", "order": "desc" }]);
    assert_eq!(ids(&ann, &members, json!({ "sort": sort }), "/user/id").await, ["ben", "ann"]);
    let pro = json!({ "filter": { "custom.plan": "pro", "role": { "$ne": "owner" } } });
    assert_eq!(ids(&ann, &members, pro, "/user/id").await, ["ben"]);

    let send = async |body: Value| ann.post(&format!("/channels/{room}/messages"), body).await.gives(201);
    let first = send(json!({ "text": "a parcel", "custom": { "n": 1 } })).await;
    send(json!({ "text": "another", "mentions": ["ben"], "attachments": [{ "type": "image" }] })).await;
    send(json!({ "text": "a reply", "parent_id": first["id"] })).await;
    server.settled().await;
    let texts = async |filter: Value, sort: Value| {
        let mut filter = filter;
        filter["channel_id"] = json!(room);
        ids(&ann, "/messages", json!({ "filter": filter, "sort": sort }), "/text").await
    };
    assert_eq!(texts(json!({}), json!([])).await, ["another", "a parcel"]);
    assert_eq!(texts(json!({}), json!([{ "field": "seq" }])).await, ["a parcel", "another"]);
    assert_eq!(texts(json!({ "custom.n": 1 }), json!([])).await, ["a parcel"]);
    assert_eq!(texts(json!({ "mentions": { "$contains": "ben" } }), json!([])).await, ["another"]);
    assert_eq!(texts(json!({ "attachment_types": "image" }), json!([])).await, ["another"]);
    assert_eq!(texts(json!({ "parent_id": first["id"] }), json!([])).await, ["a reply"]);
    assert_eq!(texts(json!({ "seq": { "$lte": first["seq"] } }), json!([])).await, ["a parcel"]);
    assert_eq!(
        texts(json!({ "text": { "$q": "parcel " } }), json!([{ "field": "created_at" }])).await,
        ["a parcel"]
    );
    assert_eq!(
        texts(json!({ "id": { "$in": [first["id"]] } }), json!([{ "field": "created_at" }])).await,
        ["a parcel"]
    );

    // Nothing from before one's history, and nothing of channels that one is not in.
    app.user("eve").await;
    let eve = app.user("eve").await;
    eve.post("/messages/query", json!({ "filter": { "channel_id": room } })).await.refused(NotAMember);
    eve.post(&format!("{members}/query"), json!({})).await.refused(NotAMember);
    let late = json!({ "members": [{ "user_id": "eve" }], "hide_history": true });
    app.server.post(&members, late).await.gives(200);
    for filter in [json!({ "channel_id": room }), json!({ "channel_id": room, "id": first["id"] })] {
        assert_eq!(ask(&eve, "/messages", json!({ "filter": filter })).await, Vec::<Value>::new());
    }
    server.settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_index_serves_is_refused_with_the_reason() {
    let (server, app, ann, ben) = world().await;
    let room = app.channel(&[&ann, &ben]).await;
    let by_server = &app.server;
    let names_it = async |by: &Client, of: &str, body: Value, field: &str| {
        let answer = by.post(&format!("{of}/query"), body.clone()).await;
        assert!(
            answer.json["error"]["message"].as_str().unwrap().contains(&format!("`{field}`")),
            "{}",
            answer.text
        );
        answer.refused(QueryNotServable);
    };
    names_it(by_server, "/channels", json!({ "filter": { "type": "team" } }), "type").await;
    names_it(by_server, "/channels", json!({ "filter": { "$or": [{ "id": room }] } }), "id").await;
    names_it(by_server, "/channels", json!({ "filter": { "id": room, "pinned": true } }), "pinned").await;
    names_it(by_server, "/channels", json!({ "sort": [{ "field": "name" }] }), "id").await;
    names_it(&ann, "/channels", json!({ "sort": [{ "field": "custom.a" }] }), "custom.*").await;
    names_it(&ann, "/users", json!({ "filter": { "guest": true } }), "guest").await;
    names_it(&ann, "/users", json!({ "sort": [{ "field": "name" }] }), "id").await;
    names_it(&ann, "/users", json!({ "filter": { "name": { "$q": "ab" } } }), "name").await;
    names_it(&ann, "/users", json!({ "filter": { "$or": [{ "name": { "$q": "abc" } }] } }), "name").await;
    names_it(&ann, "/messages", json!({}), "channel_id").await;
    let sorted = json!({ "filter": { "channel_id": room }, "sort": [{ "field": "created_at" }] });
    names_it(&ann, "/messages", sorted, "created_at").await;
    // A channel with too many members to look at all of them.
    let members = format!("/channels/{room}/members");
    server.db.execute("UPDATE channels SET member_count = 10000").await;
    assert_eq!(ask(&ann, &members, json!({ "filter": { "role": "owner" } })).await.len(), 1);
    server.db.execute("UPDATE channels SET member_count = 10001").await;
    names_it(&ann, &members, json!({ "filter": { "role": "owner" } }), "role").await;
    names_it(&ann, &members, json!({ "sort": [{ "field": "joined_at" }] }), "joined_at").await;
    assert_eq!(ask(&ann, &members, json!({ "filter": { "user_id": { "$gte": "ben" } } })).await.len(), 1);
    server.settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_a_query_is_said() {
    let (server, app, ann, ben) = world().await;
    for _ in 0..3 {
        app.channel(&[&ann, &ben]).await;
    }
    let other = server.app("other").await;
    let first =
        ann.post("/channels/query", json!({ "limit": 1, "filter": { "type": "team" } })).await.gives(200);
    let (cursor, id) = (&first["next"], &first["items"][0]["channel"]["id"]);
    let second = json!({ "limit": 1, "filter": { "type": "team" }, "cursor": cursor });
    assert_ne!(ann.post("/channels/query", second).await.gives(200)["items"][0]["channel"]["id"], *id);
    let sort = |keys: usize| {
        json!(
            ["name", "active_at", "created_at", "updated_at"][..keys]
                .iter()
                .map(|field| json!({ "field": field }))
                .collect::<Vec<_>>()
        )
    };
    ann.post("/channels/query", json!({ "sort": sort(3), "limit": 30, "messages": 25, "members": 30 }))
        .await
        .gives(200);
    for (code, body) in [
        (InvalidCursor, json!({ "cursor": cursor })),
        (InvalidCursor, json!({ "cursor": cursor, "filter": { "type": "commerce" } })),
        (
            InvalidCursor,
            json!({ "cursor": cursor, "filter": { "type": "team" }, "sort": [{ "field": "name" }] }),
        ),
        (InvalidCursor, json!({ "cursor": "garbage" })),
        (InvalidFilter, json!({ "sort": sort(4) })),
        (InvalidFilter, json!({ "sort": [{ "field": "name" }, { "field": "name", "order": "desc" }] })),
        (InvalidFilter, json!({ "sort": [{ "field": "colour" }] })),
        (InvalidFilter, json!({ "filter": { "colour": "red" } })),
        (InvalidFilter, json!({ "limit": 31 })),
        (InvalidFilter, json!({ "limit": 0 })),
        (InvalidFilter, json!({ "messages": 26 })),
        (InvalidFilter, json!({ "messages": 0 })),
        (InvalidFilter, json!({ "members": 31 })),
    ] {
        ann.post("/channels/query", body).await.refused(code);
    }
    let foreign = json!({ "filter": { "channel_id": id } });
    other.server.post("/messages/query", foreign).await.refused(ChannelNotFound);
    let guest = app.guest(json!({})).await.gives(201);
    let guest = ann.with_token(guest["token"].as_str());
    guest.post("/users/query", json!({})).await.refused(GuestForbidden);
    server.settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_invisible_is_found_by_what_others_see() {
    let (server, _app, ann, ben) = world().await;
    ben.patch("/users/me/presence", json!({ "status": "invisible" })).await.gives(200);
    for user in [&ann, &ben] {
        // It is noted beside the request, and then not again for a while.
        until("the activity is noted", async || {
            !user.get("/users/me").await.gives(200)["last_active_at"].is_null()
        })
        .await;
    }
    let times = "UPDATE users SET last_seen_at = '2030-01-01T00:00:00Z', \
                 last_active_at = CASE id WHEN 'ben' THEN '2030-01-03'::timestamptz ELSE '2030-01-02' END";
    TestDb::execute(&server.db, times).await;
    let both = json!({ "id": { "$in": ["ann", "ben"] } });
    let mut sorted = json!({ "filter": both, "sort": [{ "field": "last_active_at" }], "limit": 1 });
    let first = ann.post("/users/query", sorted.clone()).await.gives(200);
    assert_eq!(first["items"][0]["last_active_at"], "2030-01-01T00:00:00Z");
    sorted["cursor"] = first["next"].clone();
    let second = ann.post("/users/query", sorted).await.gives(200);
    assert_eq!((&first["items"][0]["id"], &second["items"][0]["id"]), (&json!("ben"), &json!("ann")));
    for (since, found) in [("2029-12-31T00:00:00Z", 2), ("2030-01-01T00:00:00Z", 1)] {
        let filter = json!({ "id": { "$in": ["ann", "ben"] }, "last_active_at": { "$gt": since } });
        assert_eq!(ask(&ann, "/users", json!({ "filter": filter })).await.len(), found, "{since}");
    }
    server.settled().await;
}

/// Statements that the last request to a route sent.
async fn statements(server: &Server, route: &str) -> u64 {
    let text = server.client(None).at_root("/metrics").await.text;
    let label = format!("route=\"/api/v1{route}\"");
    let is = |line: &&str| line.starts_with("parlor_http_request_statements_total{") && line.contains(&label);
    let count = text.lines().find(is).and_then(|line| line.rsplit(' ').next()?.parse().ok());
    count.unwrap_or(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_sends_as_many_statements_for_thirty_channels_as_for_one() {
    let (server, app, ann, ben) = world().await;
    for _ in 0..30 {
        let room = app.channel(&[&ann, &ben]).await;
        let said = ann.say(&room, "hello").await["id"].as_str().unwrap().to_owned();
        ben.post(&format!("/messages/{said}/reactions"), json!({ "type": "a" })).await.gives(200);
        app.server.post(&format!("/messages/{said}/pin"), json!({})).await.gives(200);
    }
    server.settled().await;
    for (route, body, items) in [
        ("/channels/query", json!({ "limit": 1, "messages": 5, "pinned": true }), "items"),
        ("/sync", json!({}), "channels"),
    ] {
        let cost = async |body: Value| {
            let before = statements(&server, route).await;
            let answer = ann.post(route, body).await.gives(200);
            (answer[items].as_array().unwrap().len(), statements(&server, route).await - before)
        };
        let mut many = body.clone();
        if let Some(fields) = many.as_object_mut() {
            fields.remove("limit");
        }
        let (shown, thirty) = cost(many).await;
        assert_eq!(shown, 30, "{route}");
        if route == "/channels/query" {
            assert_eq!(cost(body).await, (1, thirty), "{route}");
        }
        assert!((5..=25).contains(&thirty), "{route}: {thirty}");
    }
    // A device that was told of thirty changed channels at once.
    let start = ben.post("/sync", json!({})).await.gives(200);
    let rooms: Vec<String> = start["channels"]
        .as_array()
        .unwrap()
        .iter()
        .map(|part| part["channel"]["id"].as_str().unwrap().to_owned())
        .collect();
    let mut costs = Vec::new();
    for count in [1, 30] {
        for room in &rooms[..count] {
            ann.say(room, "more").await;
        }
        let before = statements(&server, "/sync").await;
        let told = ben.post("/sync", json!({ "cursor": start["cursor"], "limit": 1000 })).await.gives(200);
        assert_eq!(told["channels"].as_array().unwrap().len(), count);
        costs.push(statements(&server, "/sync").await - before);
    }
    assert_eq!(costs[0], costs[1]);
    server.settled().await;
}
