//! Old messages that come into a channel where people talk already: what goes by time keeps what is young.

use parlor_e2e::{Mode, Server};
use serde_json::{Value, json};

use super::{Lines, import};

const CHANNEL: &str = "/channels/team:general";

fn texts(page: &Value) -> Vec<&str> {
    page.as_array().unwrap().iter().map(|message| message["text"].as_str().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_young_stays_and_is_told_though_old_messages_came_after_it() {
    let server = Server::start(Mode::Embedded).await;
    let app = server.app("acme").await;
    let long_ago = "2015-01-01T10:00:00Z";
    let place = [
        json!({ "user": { "id": "ann" } }),
        json!({ "channel": { "cid": "team:general", "created_by": "ann", "created_at": long_ago } }),
        json!({ "member": { "channel": "team:general", "user_id": "ann", "role": "owner", "joined_at": long_ago } }),
    ];
    import(&server, &app, Lines::of(&place).path()).await;
    let ann = app.user("ann").await;
    let id = ann.get(CHANNEL).await.gives(200)["id"].as_str().unwrap().to_owned();
    ann.say(&id, "young 1").await;
    let young = ann.say(&id, "young 2").await;
    let old: Vec<Value> = (0..5)
        .map(|n| {
            let at = format!("2015-01-0{}T10:00:00Z", n + 2);
            json!({ "message": { "id": format!("m{n}"), "channel": "team:general", "user_id": "ann",
                "text": format!("old {n}"), "created_at": at } })
        })
        .collect();
    import(&server, &app, Lines::of(&old).path()).await;
    let all = ["young 1", "young 2", "old 0", "old 1", "old 2", "old 3", "old 4"];
    let list = format!("{CHANNEL}/messages");
    assert_eq!(texts(&ann.get(&list).await.gives(200)["items"]), all);

    // A device that was there when the young ones came may have none of them.
    let told = ann.post("/sync", json!({ "last_synced_at": young["created_at"] })).await.gives(200);
    assert_eq!(texts(&told["channels"][0]["messages"]), all);

    let truncate = format!("{CHANNEL}/truncate");
    ann.post(&truncate, json!({ "before": "2020-01-01T00:00:00Z" })).await.gives(200);
    assert_eq!(texts(&ann.get(&list).await.gives(200)["items"]), all, "a young one is before them");
    let last = ann.say(&id, "young 3").await;
    let paged = format!("{list}?after={}", last["created_at"].as_str().unwrap());
    assert_eq!(texts(&ann.get(&paged).await.gives(200)["items"]), ["young 3"]);
    ann.post(&truncate, json!({ "before": last["created_at"] })).await.gives(200);
    assert_eq!(texts(&ann.get(&list).await.gives(200)["items"]), ["young 3"]);
}
