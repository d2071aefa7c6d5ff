//! Searching messages and users.

use parlor_e2e::{App, Client, Method, Mode, Server};
use parlor_protocol::ErrorCode;
use parlor_protocol::limits::{ATTACHMENT_TYPE_CHARS, TEXT_CHARS};
use parlor_test_support::until;
use serde_json::{Value, json};

/// The texts that a search finds, newest first.
async fn texts(client: &Client, query: &str) -> Vec<String> {
    let page = client.get(&format!("/search/messages?{query}")).await.gives(200);
    page["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["message"]["text"].as_str().unwrap().to_owned())
        .collect()
}

/// Waits until the index has what was said.
async fn finds(client: &Client, query: &str, expected: &[&str]) {
    until(&format!("{query} finds {expected:?}"), async || texts(client, query).await == expected).await;
}

async fn two_in_a_channel(server: &Server) -> (App, Client, Client, String) {
    let app = server.app("acme").await;
    let (ann, ben) = (app.user("ann").await, app.user("ben").await);
    let channel = app.channel(&[&ann, &ben]).await;
    (app, ann, ben, channel)
}

#[tokio::test(flavor = "multi_thread")]
async fn words_phrases_and_beginnings_are_found_in_many_languages() {
    for mode in [Mode::Embedded, Mode::Cluster] {
        let server = Server::start(mode).await;
        let (_, ann, ben, channel) = two_in_a_channel(&server).await;
        for text in [
            "The quick brown fox",
            "a brown paper bag, quickly",
            "Crème Brûlée für alle Straßen",
            "明日は東京で会いましょう",
            "Завтра ёлка",
            "don't panic",
        ] {
            ben.say(&channel, text).await;
        }
        finds(&ann, "q=panic", &["don't panic"]).await;
        for (query, expected) in [
            ("q=brown+quick%20", vec!["The quick brown fox"]),
            ("q=brown+quick", vec!["a brown paper bag, quickly", "The quick brown fox"]),
            ("q=quick*+brown%20", vec!["a brown paper bag, quickly", "The quick brown fox"]),
            ("q=%22brown+fox%22", vec!["The quick brown fox"]),
            ("q=%22fox+brown%22", vec![]),
            ("q=brown+-paper", vec!["The quick brown fox"]),
            ("q=CREME+strassen", vec!["Crème Brûlée für alle Straßen"]),
            ("q=東京", vec!["明日は東京で会いましょう"]),
            ("q=京東", vec![]),
            ("q=会", vec!["明日は東京で会いましょう"]),
            ("q=ЕЛКА", vec!["Завтра ёлка"]),
            ("q=don%27t", vec!["don't panic"]),
            ("q=nothing", vec![]),
        ] {
            assert_eq!(texts(&ann, query).await, expected, "{query} on {mode:?}");
        }
        let page = ann.get("/search/messages?q=fox").await.gives(200);
        assert_eq!(
            page["items"][0]["snippet"],
            json!([{ "text": "The quick brown ", "found": false }, { "text": "fox", "found": true }])
        );
        server.settled().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn filters_narrow_a_search() {
    let server = Server::start(Mode::Embedded).await;
    let (app, ann, ben, channel) = two_in_a_channel(&server).await;
    let other = app.channel(&[&ann, &ben]).await;
    ann.say(&channel, "tea one").await;
    ben.say(&other, "tea two").await;
    let path = format!("/channels/{channel}/messages");
    ben.post(
        &path,
        json!({ "text": "tea three", "mentions": ["ann"], "attachments": [{ "type": "image" }] }),
    )
    .await
    .gives(201);
    finds(&ann, "q=tea", &["tea three", "tea two", "tea one"]).await;
    for (filter, expected) in [
        (format!("channel_id={channel}"), vec!["tea three", "tea one"]),
        (format!("channel_id={channel},{other}"), vec!["tea three", "tea two", "tea one"]),
        ("user_id=ann".to_owned(), vec!["tea one"]),
        ("user_id=ann,ben".to_owned(), vec!["tea three", "tea two", "tea one"]),
        ("mentions=ann".to_owned(), vec!["tea three"]),
        ("attachment=image,file".to_owned(), vec!["tea three"]),
        ("from=2020-01-01T00:00:00Z&to=2021-01-01T00:00:00Z".to_owned(), vec![]),
        ("from=2020-01-01T00:00:00Z".to_owned(), vec!["tea three", "tea two", "tea one"]),
    ] {
        assert_eq!(texts(&ann, &format!("q=tea&{filter}")).await, expected, "{filter}");
    }
    assert_eq!(texts(&app.server, "q=tea&user_id=ben").await, ["tea three", "tea two"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_may_not_read_is_not_found() {
    let server = Server::start(Mode::Embedded).await;
    let (app, ann, ben, channel) = two_in_a_channel(&server).await;
    let other = server.app("other").await;
    let (eve, stranger) = (app.user("eve").await, other.user("ann").await);
    let own = app.channel(&[&eve]).await;
    ann.say(&channel, "secret plan").await;
    eve.say(&own, "plan of mine").await;
    let said = ben.say(&channel, "plan to edit").await;
    let gone = ben.say(&channel, "plan to delete").await;
    finds(&ann, "q=plan", &["plan to delete", "plan to edit", "secret plan"]).await;
    finds(&eve, "q=plan", &["plan of mine"]).await;
    assert_eq!(texts(&stranger, "q=plan").await, Vec::<String>::new());
    assert_eq!(texts(&other.server, "q=plan").await, Vec::<String>::new());
    eve.get(&format!("/search/messages?q=plan&channel_id={channel}")).await.refused(ErrorCode::NotAMember);
    stranger
        .get(&format!("/search/messages?q=plan&channel_id={channel}"))
        .await
        .refused(ErrorCode::ChannelNotFound);

    ben.patch(&format!("/messages/{}", said["id"].as_str().unwrap()), json!({ "text": "edited idea" }))
        .await
        .gives(200);
    ben.delete(&format!("/messages/{}", gone["id"].as_str().unwrap())).await.gives(200);
    finds(&ann, "q=idea", &["edited idea"]).await;
    finds(&ann, "q=plan", &["secret plan"]).await;
    ben.post(&format!("/channels/{channel}/leave"), json!({})).await.gives(204);
    assert_eq!(texts(&ben, "q=plan").await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_list_of_finds_comes_in_pages() {
    let server = Server::start(Mode::Embedded).await;
    let (_, ann, ben, channel) = two_in_a_channel(&server).await;
    for number in 0..7 {
        ben.say(&channel, &format!("page {number}")).await;
    }
    finds(&ann, "q=page&limit=1", &["page 6"]).await;
    let mut seen = Vec::new();
    let mut cursor: Option<String> = None;
    loop {
        let from = cursor.map(|cursor| format!("&cursor={cursor}")).unwrap_or_default();
        let page = ann.get(&format!("/search/messages?q=page&limit=3{from}")).await.gives(200);
        seen.extend(page["items"].as_array().unwrap().iter().map(|item| item["message"]["text"].clone()));
        match page["next"].as_str() {
            Some(next) => cursor = Some(next.to_owned()),
            None => break,
        }
    }
    let expected: Vec<Value> = (0..7).rev().map(|number| json!(format!("page {number}"))).collect();
    assert_eq!(seen, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_long_to_be_found_keeps_nothing_else_from_it() {
    let server = Server::start(Mode::Embedded).await;
    let (_, ann, ben, channel) = two_in_a_channel(&server).await;
    let path = format!("/channels/{channel}/messages");
    let with = |kind: String| json!({ "text": "parcel", "attachments": [{ "type": kind }] });
    ben.post(&path, with("k".repeat(ATTACHMENT_TYPE_CHARS + 1))).await.refused(ErrorCode::InvalidAttachment);
    ben.post(&path, with("k".repeat(4_000))).await.refused(ErrorCode::InvalidAttachment);
    let longest = "k".repeat(ATTACHMENT_TYPE_CHARS);
    ben.post(&path, with(longest.clone())).await.gives(201);
    let word = "w".repeat(TEXT_CHARS);
    futures_util::future::join_all((0..20).map(|n| {
        let text = if n % 2 == 0 { word.as_str() } else { "parcel" };
        ann.say(&channel, text)
    }))
    .await;
    until("all others are found", async || texts(&ann, "q=parcel").await.len() == 11).await;
    assert_eq!(texts(&ann, &format!("q=parcel&attachment={longest}")).await, ["parcel"]);
    finds(&ann, &format!("q={}&limit=1", "w".repeat(64)), &[word.as_str()]).await;
    server.settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_tell_nothing_of_what_only_others_may_read() {
    let server = Server::start(Mode::Embedded).await;
    let (app, ann, ben, channel) = two_in_a_channel(&server).await;
    let cid = app.user("cid").await;
    let add = json!({ "members": [{ "user_id": "cid" }] });
    ann.post(&format!("/channels/{channel}/members"), add).await.gives(200);
    for n in 0..3 {
        ann.say(&channel, &format!("salary {n}")).await;
    }
    for _ in 0..7 {
        let whisper = json!({ "text": "salary of mine", "visible_to": ["ben"] });
        ann.post(&format!("/channels/{channel}/messages"), whisper).await.gives(201);
    }
    until("all are found", async || texts(&ben, "q=salary").await.len() == 10).await;
    let page = cid.get("/search/messages?q=salary&limit=1").await.gives(200);
    assert_eq!(page["items"][0]["message"]["text"], "salary 2", "a page is as full as it can be");
    assert_eq!(cid.all("/search/messages", "q=salary&limit=1").await.len(), 3);
    let none = cid.get("/search/messages?q=mine&limit=1").await.gives(200);
    assert_eq!((&none["items"], &none["next"]), (&json!([]), &Value::Null));
    assert_eq!(ann.all("/search/messages", "q=mine&limit=2").await.len(), 7, "an author finds their own");
    assert_eq!(app.server.all("/search/messages", "q=mine&limit=2").await.len(), 7);
    let asked = json!({ "filter": { "channel_id": channel, "text": { "$q": "salary" } }, "limit": 2 });
    let asked = cid.post("/messages/query", asked).await.gives(200);
    assert_eq!(asked["items"][0]["text"], "salary 2");
    server.settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_searches_are_refused() {
    let server = Server::start(Mode::Embedded).await;
    let (_, ann, _, channel) = two_in_a_channel(&server).await;
    for query in [
        "q=",
        "q=%20",
        "q=-no",
        "q=%F0%9F%91%8D",
        &format!("q={}", "a".repeat(201)),
        &format!("q={}", "a+".repeat(11)),
    ] {
        ann.get(&format!("/search/messages?{query}")).await.refused(ErrorCode::InvalidSearch);
    }
    let many = |count: usize| vec!["ann"; count].join(",");
    for query in [
        "limit=1",
        "q=a&limit=0",
        "q=a&limit=101",
        "q=a&from=never",
        "q=a&what=1",
        &format!("q=a&user_id={}", many(21)),
        "q=a&user_id=,",
        &format!("q=a&attachment={}", "k".repeat(ATTACHMENT_TYPE_CHARS + 1)),
        &format!("q=a&attachment=image,{}", "k".repeat(2_100)),
    ] {
        ann.get(&format!("/search/messages?{query}")).await.refused(ErrorCode::InvalidParameter);
    }
    let longest = "%C3%A9".repeat(ATTACHMENT_TYPE_CHARS);
    ann.get(&format!("/search/messages?q=a&attachment={longest}")).await.gives(200);
    for filter in ["user_id", "mentions"] {
        let of = |bytes: usize| format!("/search/messages?q=a&{filter}=ann,{}", "u".repeat(bytes));
        ann.get(&of(64)).await.gives(200);
        ann.get(&of(65)).await.refused(ErrorCode::InvalidId);
        ann.get(&of(2_100)).await.refused(ErrorCode::InvalidId);
    }
    ann.get(&format!("/search/messages?q=a&user_id={}", many(20))).await.gives(200);
    ann.get("/search/messages?q=a&channel_id=x").await.refused(ErrorCode::InvalidId);
    ann.get("/search/messages?q=a&cursor=x").await.refused(ErrorCode::InvalidCursor);
    // What means something to PostgreSQL is only text here.
    for typed in ["a' | 'b", "a & !b", "a:*", "\\'", "'", "a <-> b", "%01a", "a:1A"] {
        let typed: String = typed.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let answer = ann.get(&format!("/search/messages?q=x{typed}&channel_id={channel}")).await;
        assert_eq!(answer.status, 200, "{typed}: {}", answer.text);
    }
    ann.call(Method::POST, "/search/messages?q=a", None).await.refused(ErrorCode::MethodNotAllowed);
}

#[tokio::test(flavor = "multi_thread")]
async fn users_are_found_by_any_part_of_their_name() {
    let server = Server::start(Mode::Embedded).await;
    let app = server.app("acme").await;
    let ann = app.user("ann").await;
    let people: Vec<Value> = [
        ("u1", "Margarethe Schmidt"),
        ("u2", "Peter Schmitt"),
        ("u3", "Schmid-Meyer"),
        ("u4", "100% Anna_B"),
    ]
    .iter()
    .map(|(id, name)| json!({ "id": id, "name": name }))
    .collect();
    app.server.put("/users", json!({ "users": people })).await.gives(200);
    let found = async |query: &str| {
        let page = ann.get(&format!("/users/search?{query}")).await.gives(200);
        page["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|user| user["id"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(found("q=schmidt").await, ["u1", "u3", "u2"], "the likest first");
    assert_eq!(found("q=garet").await, ["u1"]);
    assert_eq!(found("q=MARGARET").await, ["u1"]);
    assert_eq!(found("q=0%25").await, Vec::<String>::new());
    assert_eq!(found("q=00%25").await, ["u4"]);
    assert_eq!(found("q=u1").await, ["u1"], "short ones are beginnings, of ids too");
    let first = ann.get("/users/search?q=schmidt&limit=1").await.gives(200);
    let rest = found(&format!("q=schmidt&cursor={}", first["next"].as_str().unwrap())).await;
    assert_eq!(rest, ["u3", "u2"]);
    app.server.post("/users/u1/deactivate", json!({})).await.gives(200);
    assert_eq!(found("q=garet").await, Vec::<String>::new());
    assert_eq!(found("q=u1").await, Vec::<String>::new(), "nor by what is short");
    assert_eq!(found("q=ma").await, Vec::<String>::new());
    assert_eq!(found("limit=100").await, ["ann", "u2", "u3", "u4"]);
    let other = server.app("other").await;
    assert_eq!(other.user("bob").await.get("/users/search?q=schmidt").await.gives(200)["items"], json!([]));
}
