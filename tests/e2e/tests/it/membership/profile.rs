//! Tags, whole updates, single fields, and counters of a channel.

use parlor_e2e::{Listener, Method, Mode, Server};
use parlor_protocol::{ErrorCode, EventType};
use serde_json::{Value, json};

use super::{ids, people, seq};

#[tokio::test(flavor = "multi_thread")]
async fn channels_are_found_by_their_tags() {
    let server = Server::start(Mode::Embedded).await;
    let (app, [ann, ben]) = people(&server, ["ann", "ben"]).await;
    let with = |kind: &str, tags: Value| json!({ "type": kind, "tags": tags, "members": [{ "user_id": "ann", "role": "owner" }] });
    let first = app.channel_with(with("team", json!(["vip", "berlin"]))).await;
    let second = app.channel_with(with("commerce", json!(["vip"]))).await;
    let third = app.channel_with(with("team", json!([]))).await;
    let at = format!("/channels/{third}");
    let found = async |tag: &str| {
        let lists = [
            ann.all("/channels", &format!("limit=1&tag={tag}")).await,
            app.server.all("/channels", &format!("limit=1&tag={tag}")).await,
        ];
        let [mine, all] = lists.map(|list| ids(&list).into_iter().map(str::to_owned).collect::<Vec<_>>());
        assert_eq!(mine, all, "{tag}");
        all
    };
    assert_eq!(found("vip").await, [second.clone(), first.clone()]);
    assert_eq!(found("berlin").await, std::slice::from_ref(&first));
    assert_eq!(found("nobody").await, Vec::<String>::new());
    assert_eq!(ids(&app.server.all("/channels", "tag=vip&type=team").await), [first.as_str()]);
    assert_eq!(ben.all("/channels", "tag=vip").await, Vec::<Value>::new(), "tags find one's own channels");
    assert_eq!(ann.get(&format!("/channels/{first}")).await.gives(200)["tags"], json!(["berlin", "vip"]));

    let listener = Listener::connect(&ann).await;
    listener.subscribe(&third).await;
    let tagged = ann.patch(&at, json!({ "tags": ["vip", "new"] })).await.gives(200);
    assert_eq!((&tagged["tags"], &tagged["seq"]), (&json!(["new", "vip"]), &json!(2)));
    let told = listener.next(&format!("chat:channel:{third}"), 0, EventType::ChannelUpdated).await;
    assert_eq!(told.data["channel"]["tags"], json!(["new", "vip"]));
    assert_eq!(ann.patch(&at, json!({ "tags": ["new", "vip"] })).await.gives(200), tagged, "in any order");
    assert_eq!(found("vip").await, [third.clone(), second.clone(), first.clone()]);
    ann.patch(&at, json!({ "tags": ["new"] })).await.gives(200);
    assert_eq!((found("vip").await.len(), found("new").await.len()), (2, 1));
    assert_eq!(app.server.delete(&format!("/channels/{first}")).await.status, 204);
    assert_eq!(found("vip").await, std::slice::from_ref(&second));
    // Another tenant's tags are its own.
    let other = server.app("other").await;
    assert_eq!(other.server.all("/channels", "tag=vip").await, Vec::<Value>::new());

    let ten: Vec<String> = (0..10).map(|n| format!("tag {n}")).collect();
    ann.patch(&at, json!({ "tags": ten })).await.gives(200);
    let before = seq(&app, &third).await;
    let eleven = [ten, vec!["one more".to_owned()]].concat();
    for wrong in [json!(eleven), json!(["é".repeat(31)]), json!([""]), json!(["a", "a"]), json!([" a"])] {
        ann.patch(&at, json!({ "tags": wrong })).await.refused(ErrorCode::InvalidTag);
        ann.put(&at, json!({ "tags": wrong })).await.refused(ErrorCode::InvalidTag);
        ann.post("/channels", json!({ "type": "team", "tags": wrong })).await.refused(ErrorCode::InvalidTag);
    }
    assert_eq!(seq(&app, &third).await, before);
    ann.patch(&at, json!({ "tags": ["é".repeat(30)] })).await.gives(200);
    server.settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_whole_update_clears_what_it_leaves_out() {
    let server = Server::start(Mode::Embedded).await;
    let (app, [ann, mo, eve]) = people(&server, ["ann", "mo", "eve"]).await;
    let request = json!({
        "type": "team", "name": "Room", "image": "https://a.example/r.png", "custom": { "a": 1 }, "tags": ["x"],
        "config": { "open": true, "typing_disabled": true },
        "members": [{ "user_id": "ann", "role": "owner" }, { "user_id": "mo", "role": "moderator" }],
    });
    let at = format!("/channels/{}", app.channel_with(request).await);
    let whole = json!({ "name": "Hall", "custom": { "b": 2 }, "config": { "frozen": true } });
    let put = ann.put(&at, whole.clone()).await.gives(200);
    assert_eq!((&put["name"], &put["image"], &put["tags"]), (&json!("Hall"), &Value::Null, &json!([])));
    assert_eq!((&put["custom"], &put["seq"]), (&json!({ "b": 2 }), &json!(2)));
    assert_eq!((&put["config"]["frozen"], &put["config"]["open"]), (&json!(true), &json!(false)));
    assert_eq!(ann.put(&at, whole.clone()).await.gives(200), put, "a repetition changes nothing");
    mo.put(&at, whole.clone()).await.refused(ErrorCode::Forbidden);
    eve.put(&at, whole).await.refused(ErrorCode::NotAMember);
    ann.put(&at, json!({ "name": "n".repeat(101) })).await.refused(ErrorCode::NameTooLong);
    ann.put(&at, json!({ "seq": 1 })).await.refused(ErrorCode::InvalidRequest);
    let cleared = ann.put(&at, json!({})).await.gives(200);
    assert_eq!(
        (&cleared["name"], &cleared["custom"], &cleared["seq"]),
        (&Value::Null, &json!({}), &json!(3))
    );
    server.settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn single_fields_of_the_custom_data_change() {
    let server = Server::start(Mode::Embedded).await;
    let (app, [ann, mo]) = people(&server, ["ann", "mo"]).await;
    let request = json!({
        "type": "team", "custom": { "a": 1, "b": { "c": 2 } },
        "members": [{ "user_id": "ann", "role": "owner" }, { "user_id": "mo", "role": "moderator" }],
    });
    let at = format!("/channels/{}", app.channel_with(request).await);
    let change = json!({ "custom_set": { "d": [3], "a": null }, "custom_unset": ["b", "nothing"] });
    let changed = ann.patch(&at, change.clone()).await.gives(200);
    assert_eq!((&changed["custom"], &changed["seq"]), (&json!({ "a": null, "d": [3] }), &json!(2)));
    assert_eq!(ann.patch(&at, change.clone()).await.gives(200), changed, "a repetition changes nothing");
    mo.patch(&at, change).await.refused(ErrorCode::Forbidden);
    mo.patch(&at, json!({ "custom_set": {} })).await.refused(ErrorCode::Forbidden);
    ann.patch(&at, json!({ "custom": {}, "custom_unset": [] })).await.refused(ErrorCode::InvalidRequest);
    ann.patch(&at, json!({ "custom_set": { "a": 1 }, "custom_unset": ["a"] }))
        .await
        .refused(ErrorCode::InvalidRequest);
    let large = json!({ "custom_set": { "x": "y".repeat(5 * 1024) } });
    ann.patch(&at, large).await.refused(ErrorCode::CustomTooLarge);
    // Two who set different fields at once lose neither.
    let sets = (0..10).map(|n| ann.patch(&at, json!({ "custom_set": { format!("k{n}"): n } })));
    for answer in futures_util::future::join_all(sets).await {
        answer.gives(200);
    }
    let custom = ann.get(&at).await.gives(200)["custom"].clone();
    assert!((0..10).all(|n| custom[format!("k{n}")] == n), "{custom}");
    server.settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn counters_lose_nothing_when_many_count() {
    let server = Server::start(Mode::Embedded).await;
    let (app, [ann, mo, eve]) = people(&server, ["ann", "mo", "eve"]).await;
    let request = json!({
        "type": "team", "custom": { "likes": 1, "name": "x" },
        "members": [{ "user_id": "ann", "role": "owner" }, { "user_id": "mo", "role": "moderator" }],
    });
    let channel = app.channel_with(request).await;
    let at = format!("/channels/{channel}");
    let path = format!("{at}/counters");
    let operations = |operations: Value| json!({ "operations": operations });
    let listener = Listener::connect(&ann).await;
    listener.subscribe(&channel).await;

    let one = operations(json!([
        { "field": "likes", "increment": 2 }, { "field": "stock", "compare": null, "set": 5 },
        { "field": "stock", "compare": 5, "set": 4 },
    ]));
    let counted = ann.post(&path, one).await.gives(200);
    assert_eq!(
        (&counted["custom"], &counted["seq"]),
        (&json!({ "likes": 3, "name": "x", "stock": 4 }), &json!(2))
    );
    let told = listener.next(&format!("chat:channel:{channel}"), 0, EventType::ChannelUpdated).await;
    assert_eq!((&told.data["channel"]["custom"], told.seq), (&counted["custom"], Some(2)));

    // One that does not fit, and all are undone.
    for wrong in [
        json!([{ "field": "likes", "increment": 1 }, { "field": "stock", "compare": 5, "set": 1 }]),
        json!([{ "field": "likes", "increment": 1 }, { "field": "name", "increment": 1 }]),
    ] {
        ann.post(&path, operations(wrong)).await.refused(ErrorCode::CounterMismatch);
    }
    let bump = operations(json!([{ "field": "likes", "increment": 1 }]));
    mo.post(&path, bump.clone()).await.refused(ErrorCode::Forbidden);
    eve.post(&path, bump.clone()).await.refused(ErrorCode::NotAMember);
    for wrong in
        [json!([]), json!(vec![json!({ "field": "a", "increment": 1 }); 21]), json!([{ "field": "a" }])]
    {
        ann.post(&path, operations(wrong)).await.refused(ErrorCode::InvalidRequest);
    }
    let nothing = operations(
        json!([{ "field": "likes", "increment": 0 }, { "field": "stock", "compare": 4, "set": 4 }]),
    );
    assert_eq!(ann.post(&path, nothing).await.gives(200), counted, "what changes nothing takes no number");

    let bumps = (0..20).map(|_| app.server.post(&path, bump.clone()));
    for answer in futures_util::future::join_all(bumps).await {
        answer.gives(200);
    }
    let view = ann.get(&at).await.gives(200);
    assert_eq!((&view["custom"]["likes"], &view["seq"]), (&json!(23), &json!(22)));
    // Of those who compare with the same number one wins.
    let swap = operations(json!([{ "field": "stock", "compare": 4, "set": 3 }]));
    let swaps = futures_util::future::join_all((0..10).map(|_| app.server.post(&path, swap.clone()))).await;
    assert_eq!(swaps.iter().filter(|answer| answer.status == 200).count(), 1);
    // The same key counts once.
    let twice =
        (0..5).map(|_| app.server.with_header(Method::POST, &path, ("Idempotency-Key", "k"), bump.clone()));
    for answer in futures_util::future::join_all(twice).await {
        assert_eq!(answer.gives(200)["custom"]["likes"], 24);
    }
    server.settled().await;
}
