//! Messages that get too old for their channel.

use parlor_e2e::{Listener, Mode, Server, until};
use parlor_protocol::{ErrorCode, EventType};
use parlor_test_support::TestDb;
use serde_json::{Value, json};

use super::{rows, texts, topic, unread};

#[tokio::test(flavor = "multi_thread")]
async fn old_messages_go_as_the_app_or_the_channel_says() {
    let server = Server::start_with(Mode::Embedded, &[("PARLOR_CHAT_UPKEEP_S", "1")]).await;
    let app = server.app("acme").await;
    let (ann, ben) = (app.user("ann").await, app.user("ben").await);
    let of_app = app.channel(&[&ann, &ben]).await;
    let own = app.channel(&[&ann, &ben]).await;
    let kept = app.channel(&[&ann, &ben]).await;
    for channel in [&of_app, &own, &kept] {
        for text in ["old", "older", "new"] {
            ann.say(channel, text).await;
        }
    }
    let longer = json!({ "config": { "retention_days": 3650 } });
    ann.patch(&format!("/channels/{own}"), longer).await.gives(200);
    server.settled().await;
    let listener = Listener::connect(&ben).await;
    listener.subscribe(&of_app).await;
    let sql = "UPDATE messages SET created_at = created_at - interval '40 days' WHERE text LIKE 'old%'";
    TestDb::execute(&server.db, sql).await;
    assert_eq!(unread(&ben).await, 9);

    let settings = json!({ "retention_days": { "team": 30, "livestream": 1 } });
    let set = app.server.patch("/app", settings).await.gives(200);
    let days = json!({ "messaging": null, "livestream": 1, "team": 30, "commerce": null });
    assert_eq!(set["settings"]["retention_days"], days);
    let event = listener.next(&topic(&of_app), 0, EventType::ChannelTruncated).await;
    assert_eq!(event.data["truncated_ordinal"], 2);
    until("two channels have only the new", async || unread(&ben).await == 5).await;
    assert_eq!(texts(&ben, &of_app).await, ["new"]);
    assert_eq!(texts(&ben, &own).await, ["old", "older", "new"], "the channel has the last word");
    until("old rows are removed", async || rows(&server, "messages").await == 5).await;
    let changes = ben.get(&format!("/channels/{of_app}/changes?since=0")).await.gives(200);
    assert_eq!(changes["messages"].as_array().unwrap().len(), 1, "{changes}");

    // The app keeps all from now on, and the channel says otherwise.
    let forever = json!({ "retention_days": { "team": null, "livestream": null } });
    app.server.patch("/app", forever).await.gives(200);
    ann.patch(&format!("/channels/{own}"), json!({ "config": { "retention_days": 7 } })).await.gives(200);
    until("its old ones go", async || unread(&ben).await == 3).await;
    let cleared = json!({ "config": { "retention_days": null } });
    let cleared = ann.patch(&format!("/channels/{own}"), cleared).await.gives(200);
    assert_eq!(cleared["config"]["retention_days"], Value::Null);
    assert_eq!(texts(&ben, &own).await, ["new"]);

    for days in [0, 3_651] {
        let config = json!({ "config": { "retention_days": days } });
        ann.patch(&format!("/channels/{own}"), config.clone()).await.refused(ErrorCode::InvalidRequest);
        let mut channel = json!({ "type": "team" });
        channel["config"] = config["config"].clone();
        ann.post("/channels", channel).await.refused(ErrorCode::InvalidRequest);
        let settings = json!({ "retention_days": { "team": days } });
        app.server.patch("/app", settings).await.refused(ErrorCode::InvalidRequest);
    }
    server.settled().await;
}
