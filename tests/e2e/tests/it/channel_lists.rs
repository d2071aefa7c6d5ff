//! One's channels, the most recently active first, while people write.

use parlor_e2e::{Mode, Server};
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn channels_are_listed_by_activity_while_people_write() {
    let server = Server::start(Mode::Embedded).await;
    let app = server.app("acme").await;
    let (ann, ben) = (app.user("ann").await, app.user("ben").await);
    let mut made = Vec::new();
    for _ in 0..7 {
        made.push(app.channel(&[&ann, &ben]).await);
    }
    let livestream =
        app.channel_with(json!({ "type": "livestream", "members": [{ "user_id": "ann" }] })).await;
    let ids = |items: &[Value]| {
        items.iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };

    ben.say(&made[2], "news").await;
    let mut expected = vec![made[2].clone(), livestream.clone()];
    expected.extend(made.iter().rev().filter(|id| **id != made[2]).cloned());
    assert_eq!(ids(&ann.all("/channels", "limit=3").await), expected, "the most recently active first");
    assert_eq!(ids(&ann.all("/channels", "type=livestream").await), [livestream.as_str()]);
    assert_eq!(app.server.all("/channels", "limit=3").await.len(), 8);

    // A channel that gets a message meanwhile moves to the top; the others are neither skipped nor repeated.
    let first = ann.get("/channels?limit=3").await.gives(200);
    let moving = made[0].clone();
    ben.say(&moving, "up").await;
    let cursor = first["next"].as_str().unwrap();
    let rest = ann.get(&format!("/channels?limit=100&cursor={cursor}")).await.gives(200);
    let mut seen = ids(first["items"].as_array().unwrap());
    seen.extend(ids(rest["items"].as_array().unwrap()));
    expected.retain(|id| *id != moving);
    assert_eq!(seen, expected);
    let top = ann.get("/channels?limit=1").await.gives(200)["items"][0].clone();
    assert_eq!((top["id"].as_str(), &top["unread"]), (Some(moving.as_str()), &json!(1)));
    assert_eq!(top["last_message"]["text"], "up");
}
