//! Pinned, archived, muted, hidden: for oneself alone.

use chrono::{DateTime, Duration, Utc};
use parlor_e2e::{Listener, Mode, Server, until};
use parlor_protocol::{ErrorCode, EventType};
use serde_json::{Value, json};

use super::{ids, own_events, people, seq, set};

/// The server's time, as the last change of a channel tells it.
async fn now(app: &parlor_e2e::App) -> DateTime<Utc> {
    let made = app.server.post("/channels", json!({ "type": "team" })).await.gives(201);
    made["created_at"].as_str().unwrap().parse().unwrap()
}

async fn ones_own_membership(mode: Mode) {
    let server = Server::start(mode).await;
    let (app, [ann, ben]) = people(&server, ["ann", "ben"]).await;
    let channel = app.channel(&[&ann, &ben]).await;
    let (anns, bens) = (Listener::connect(&ann).await, Listener::connect(&ben).await);
    bens.subscribe(&channel).await;
    let before = seq(&app, &channel).await;

    let pinned = set(&ann, &channel, json!({ "pinned": true, "notifications": "mentions" })).await;
    let settings = &pinned["settings"];
    assert!(settings["pinned_at"].is_string(), "{pinned}");
    assert_eq!((&settings["archived_at"], &settings["muted"]), (&Value::Null, &Value::Null));
    assert_eq!((&settings["hidden"], &settings["notifications"]), (&json!(false), &json!("mentions")));
    assert_eq!((&pinned["user"]["id"], &pinned["role"]), (&json!("ann"), &json!("owner")));
    let told = anns.next(&anns.user_topic, 0, EventType::MembershipUpdated).await;
    assert_eq!(told.data, json!({ "channel_id": channel, "membership": pinned }));
    assert_eq!((told.seq, told.prev_seq), (settings["user_seq"].as_i64(), told.seq.map(|seq| seq - 1)));
    assert_eq!(set(&ann, &channel, json!({ "pinned": true })).await, pinned, "a repetition changes nothing");
    assert_eq!(set(&ann, &channel, json!({})).await, pinned);

    let at = format!("/channels/{channel}");
    let view = ann.get(&at).await.gives(200);
    assert_eq!(view["membership"], pinned);
    assert_eq!(ann.get(&format!("{at}/changes?since=0")).await.gives(200)["channel"]["membership"], pinned);
    let undone =
        json!({ "pinned": false, "archived": true, "muted": {}, "hidden": true, "notifications": "all" });
    let other = set(&ann, &channel, undone).await;
    assert_eq!(other["settings"]["pinned_at"], Value::Null);
    assert!(other["settings"]["archived_at"].is_string() && other["settings"]["hidden"] == true, "{other}");
    assert_eq!(other["settings"]["muted"]["until"], Value::Null);
    assert_eq!(other["settings"]["user_seq"].as_i64(), settings["user_seq"].as_i64().map(|seq| seq + 1));
    let all = json!({ "archived": false, "muted": null, "hidden": false });
    let plain = set(&ann, &channel, all).await;
    assert_eq!(
        (&plain["settings"]["archived_at"], &plain["settings"]["muted"]),
        (&Value::Null, &Value::Null)
    );

    // It is nobody else's business: not in the channel's numbers, its events, or what others see of the member.
    assert_eq!(seq(&app, &channel).await, before);
    let last = ben.say(&channel, "hi").await["seq"].as_i64();
    until("ben heard his own word", async || bens.events_of(&channel).iter().any(|event| event.seq == last))
        .await;
    assert_eq!(bens.events_of(&channel).len(), 1);
    assert_eq!(own_events(&bens), Vec::<&str>::new());
    for reader in [&ann, &ben, &app.server] {
        for path in [format!("{at}/members"), format!("{at}/changes?since=0")] {
            let list = reader.get(&path).await.gives(200);
            for member in [&list["items"], &list["members"]].into_iter().filter_map(Value::as_array).flatten()
            {
                assert_eq!(member["settings"], Value::Null, "{path}: {member}");
            }
        }
    }
    assert_eq!(ben.get(&at).await.gives(200)["membership"]["settings"]["notifications"], "all");
    let mine = || {
        let heard = anns.events(&anns.user_topic);
        heard.iter().filter(|event| event.kind == EventType::MembershipUpdated).count()
    };
    until("ann heard of each change", async || mine() >= 3).await;
    server.settled().await;
    assert_eq!(mine(), 3, "one for each change");
}

#[tokio::test(flavor = "multi_thread")]
async fn ones_own_membership_embedded() {
    ones_own_membership(Mode::Embedded).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ones_own_membership_cluster() {
    ones_own_membership(Mode::Cluster).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn muted_channels_are_not_in_the_total() {
    let server = Server::start(Mode::Embedded).await;
    let (app, [ann, ben]) = people(&server, ["ann", "ben"]).await;
    let (loud, quiet) = (app.channel(&[&ann, &ben]).await, app.channel(&[&ann, &ben]).await);
    let listener = Listener::connect(&ben).await;
    let until = now(&app).await + Duration::seconds(3);
    let muted = set(&ben, &quiet, json!({ "muted": { "until": until } })).await;
    assert_eq!(muted["settings"]["muted"]["until"].as_str().unwrap().parse(), Ok(until));
    assert_eq!(set(&ben, &quiet, json!({ "muted": { "until": until } })).await, muted);
    ann.say(&loud, "1").await;
    ann.say(&quiet, "2").await;
    ann.say(&quiet, "3").await;
    set(&ben, &quiet, json!({ "muted": {} })).await;

    let counts = ben.get("/unread").await.gives(200);
    assert_eq!(counts["total"], 1);
    let of = |channel: &str| {
        let mut listed = counts["channels"].as_array().unwrap().iter();
        listed.find(|of| of["channel_id"] == channel).cloned().unwrap()
    };
    assert_eq!(
        of(&quiet),
        json!({ "channel_id": quiet, "unread": 2, "mentions": 0, "muted": true, "hidden": false })
    );
    assert_eq!(
        of(&loud),
        json!({ "channel_id": loud, "unread": 1, "mentions": 0, "muted": false, "hidden": false })
    );
    assert_eq!(ben.get(&format!("/channels/{quiet}")).await.gives(200)["unread"], 2);
    parlor_e2e::until("ben is told of both, and of the total of one", async || {
        let told: Vec<_> =
            listener.events(&listener.user_topic).into_iter().map(|event| event.data).collect();
        let quiet = told
            .iter()
            .any(|data| data["channel_id"] == quiet && data["muted"] == true && data["unread"] == 2);
        quiet && told.iter().any(|data| data["channel_id"] == loud && data["total_unread"] == 1)
    })
    .await;

    // A mute that ends does so by itself.
    let soon = now(&app).await + Duration::milliseconds(300);
    set(&ben, &quiet, json!({ "muted": { "until": soon } })).await;
    parlor_e2e::until("the mute is over", async || ben.get("/unread").await.gives(200)["total"] == 3).await;
    let view = ben.get(&format!("/channels/{quiet}")).await.gives(200);
    assert_eq!(view["membership"]["settings"]["muted"], Value::Null);
    let past = json!({ "muted": { "until": "2020-01-01T00:00:00Z" }, "pinned": true });
    let refused = ben.patch(&format!("/channels/{quiet}/membership"), past).await;
    refused.refused(ErrorCode::InvalidRequest);
    assert_eq!(ben.get(&format!("/channels/{quiet}")).await.gives(200), view, "nothing was changed");
    server.settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn channels_are_listed_by_what_they_are_to_their_reader() {
    let server = Server::start(Mode::Embedded).await;
    let (app, [ann, ben]) = people(&server, ["ann", "ben"]).await;
    let mut made = Vec::new();
    for _ in 0..5 {
        made.push(app.channel(&[&ann, &ben]).await);
    }
    let [plain, pinned, archived, hidden, both] = <[String; 5]>::try_from(made).unwrap();
    set(&ann, &pinned, json!({ "pinned": true })).await;
    set(&ann, &archived, json!({ "archived": true })).await;
    set(&ann, &hidden, json!({ "hidden": true })).await;
    set(&ann, &both, json!({ "archived": true, "pinned": true })).await;
    let lists = [
        ("", vec![&pinned, &plain]),
        ("pinned=true", vec![&pinned]),
        ("pinned=false", vec![&plain]),
        ("archived=false", vec![&pinned, &plain]),
        ("archived=true", vec![&both, &archived]),
        ("archived=true&pinned=true", vec![&both]),
        ("hidden=true", vec![&hidden]),
        ("hidden=true&archived=true", vec![]),
        ("hidden=false", vec![&pinned, &plain]),
    ];
    for (query, expected) in &lists {
        let listed = ann.all("/channels", &format!("limit=1&{query}")).await;
        assert_eq!(ids(&listed), *expected, "{query}");
    }
    assert_eq!(ben.all("/channels", "").await.len(), 5, "it is ann's own view");

    // A message shows what is hidden, and writes nothing for it; a reply in a thread is none for the list.
    let root = ben.say(&plain, "root").await;
    set(&ann, &plain, json!({ "hidden": true })).await;
    let reply = json!({ "text": "reply", "parent_id": root["id"] });
    ben.post(&format!("/channels/{plain}/messages"), reply).await.gives(201);
    assert_eq!(ids(&ann.all("/channels", "hidden=true").await), [plain.as_str(), &hidden]);
    ben.say(&hidden, "news").await;
    assert_eq!(ids(&ann.all("/channels", "").await), [hidden.as_str(), &pinned]);
    assert_eq!(
        ann.get(&format!("/channels/{hidden}")).await.gives(200)["membership"]["settings"]["hidden"],
        false
    );
    set(&ann, &plain, json!({ "hidden": false })).await;
    assert_eq!(ann.all("/channels", "").await.len(), 3);

    for query in ["pinned=true", "archived=false", "hidden=true"] {
        app.server.get(&format!("/channels?{query}")).await.refused(ErrorCode::InvalidParameter);
    }
    ann.get("/channels?pinned=maybe").await.refused(ErrorCode::InvalidParameter);
    server.settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_member_has_a_membership_and_it_begins_anew() {
    let server = Server::start(Mode::Embedded).await;
    let (app, [ann, ben, eve]) = people(&server, ["ann", "ben", "eve"]).await;
    let channel = app.channel(&[&ann, &ben]).await;
    let path = format!("/channels/{channel}/membership");
    let pin = json!({ "pinned": true });
    eve.patch(&path, pin.clone()).await.refused(ErrorCode::NotAMember);
    app.server.patch(&path, pin.clone()).await.refused(ErrorCode::UserOnly);
    let other = server.app("other").await;
    other.user("ann").await.patch(&path, pin.clone()).await.refused(ErrorCode::ChannelNotFound);
    for wrong in [
        json!({ "pinned": "yes" }),
        json!({ "notifications": "some" }),
        json!({ "hidden": { "clear": true } }),
        json!({ "muted": true }),
        json!({ "colour": "red" }),
    ] {
        ann.patch(&path, wrong.clone()).await.refused(ErrorCode::InvalidRequest);
    }

    let everything = json!({
        "pinned": true, "archived": true, "muted": {}, "notifications": "none", "hidden": { "clear_history": true },
    });
    let set_once = set(&ben, &channel, everything).await;
    assert_eq!(ben.post(&format!("/channels/{channel}/leave"), json!({})).await.status, 204);
    ben.patch(&path, pin).await.refused(ErrorCode::NotAMember);
    app.server
        .post(&format!("/channels/{channel}/members"), super::add(&["ben"], json!({})))
        .await
        .gives(200);
    let anew = ben.get(&format!("/channels/{channel}")).await.gives(200)["membership"]["settings"].clone();
    let user_seq = anew["user_seq"].as_i64();
    assert!(user_seq > set_once["settings"]["user_seq"].as_i64());
    let fresh = json!({
        "pinned_at": null, "archived_at": null, "muted": null, "hidden": false, "notifications": "all",
        "history_from_seq": 0, "history_ordinal": 0, "user_seq": user_seq,
    });
    assert_eq!(anew, fresh);

    // Ten devices at once: each change has a number of its own, and the last one stands.
    let changes =
        (0..10).map(|n| set(&ann, &channel, json!({ "pinned": n % 2 == 0, "archived": n % 2 == 1 })));
    let answers = futures_util::future::join_all(changes).await;
    let last = answers.iter().max_by_key(|answer| answer["settings"]["user_seq"].as_i64()).unwrap();
    assert_eq!(ann.get(&format!("/channels/{channel}")).await.gives(200)["membership"], *last);
    server.settled().await;
}
