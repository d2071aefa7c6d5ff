//! Handing a channel over.

use parlor_e2e::{Applied, Client, Listener, Mode, Replica, Server};
use parlor_protocol::{ErrorCode, EventType};
use serde_json::{Value, json};

use super::{people, seq};

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_hands_the_channel_over() {
    let server = Server::start(Mode::Embedded).await;
    let (app, [ann, ben, cid, eve]) = people(&server, ["ann", "ben", "cid", "eve"]).await;
    let channel = app.channel(&[&ann, &ben, &cid]).await;
    let at = format!("/channels/{channel}");
    let give =
        async |by: &Client, to: &str| by.post(&format!("{at}/transfer"), json!({ "user_id": to })).await;
    let listener = Listener::connect(&cid).await;
    listener.subscribe(&channel).await;
    let mut copy = Replica::snapshot(&cid, &channel, &[]).await;

    give(&ben, "ben").await.refused(ErrorCode::Forbidden);
    give(&ann, "eve").await.refused(ErrorCode::MemberNotFound);
    give(&eve, "eve").await.refused(ErrorCode::NotAMember);
    give(&app.server, "ben").await.refused(ErrorCode::UserOnly);
    let theirs = server.app("other").await.user("ann").await;
    give(&theirs, "ben").await.refused(ErrorCode::ChannelNotFound);
    assert_eq!(give(&ann, "ann").await.gives(200)["membership"]["role"], "owner", "it is ann's already");
    assert_eq!(seq(&app, &channel).await, 1, "nothing has changed");

    let given = give(&ann, "ben").await.gives(200);
    assert_eq!((&given["membership"]["role"], &given["seq"]), (&json!("admin"), &json!(3)));
    assert!(!given["capabilities"].as_array().unwrap().contains(&json!("delete_channel")), "{given}");
    assert_eq!(give(&ann, "ben").await.gives(200)["seq"], 3, "a repetition changes nothing");
    assert_eq!(ben.get(&at).await.gives(200)["membership"]["role"], "owner");
    give(&cid, "ben").await.refused(ErrorCode::Forbidden);

    let topic = format!("chat:channel:{channel}");
    let first = listener.next(&topic, 0, EventType::MemberUpdated).await;
    let second = listener.next(&topic, 1, EventType::MemberUpdated).await;
    for event in [&first, &second] {
        assert_eq!(copy.apply(event), Applied::Yes, "{event:?}");
    }
    let roles = |event: &parlor_protocol::Envelope| -> Vec<Value> {
        vec![event.data["member"]["user"]["id"].clone(), event.data["member"]["role"].clone()]
    };
    assert_eq!(
        (roles(&first), roles(&second)),
        (vec![json!("ann"), json!("admin")], vec![json!("ben"), json!("owner")])
    );
    assert_eq!(copy, Replica::snapshot(&cid, &channel, &[]).await);
    let mut pulled = Replica::default();
    while pulled.pull(&cid, &channel).await == Ok(true) {}
    assert_eq!(pulled.members, copy.members);
    // Who handed it over may go now.
    assert_eq!(ann.post(&format!("{at}/leave"), json!({})).await.status, 204);

    // Two owners who hand it to each other at once: there is an owner in the end.
    ben.patch(&format!("{at}/members/cid"), json!({ "role": "owner" })).await.gives(200);
    let (one, other) = tokio::join!(give(&ben, "cid"), give(&cid, "ben"));
    assert_eq!((one.status, other.status), (200, 200), "{} {}", one.text, other.text);
    let members = app.server.all(&format!("{at}/members"), "").await;
    let owners = members.iter().filter(|member| member["role"] == "owner").count();
    assert_eq!(owners, 1, "{members:?}");
    server.settled().await;
}
