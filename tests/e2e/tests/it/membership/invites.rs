//! Invited, and not a member until one says so.

use chrono::{DateTime, Duration, Utc};
use parlor_e2e::{App, Client, Listener, Mode, Server, until};
use parlor_protocol::{ErrorCode, EventType};
use serde_json::{Value, json};

use super::{add, own_events, people, seq, texts};

async fn invite(by: &Client, channel: &str, users: &[&str]) -> Value {
    by.post(&format!("/channels/{channel}/members"), add(users, json!({ "invite": true }))).await.gives(200)
}

async fn answer(user: &Client, channel: &str, what: &str) -> parlor_e2e::Answer {
    user.post(&format!("/channels/{channel}/invite/{what}"), json!({})).await
}

async fn an_invitation_is_accepted(mode: Mode) {
    let server = Server::start(mode).await;
    let (app, [ann, ben, cid]) = people(&server, ["ann", "ben", "cid"]).await;
    let request = json!({ "type": "team", "name": "Crew", "members": [{ "user_id": "ann", "role": "owner" }, { "user_id": "cid" }] });
    let channel = app.channel_with(request).await;
    let at = format!("/channels/{channel}");
    let (anns, bens) = (Listener::connect(&ann).await, Listener::connect(&ben).await);
    anns.subscribe(&channel).await;

    let invited = invite(&ann, &channel, &["ben", "cid"]).await;
    assert_eq!(invited["items"][0]["user"]["id"], "cid", "who is a member stays one");
    let made = &invited["invites"][0];
    assert_eq!(invited["invites"].as_array().map(Vec::len), Some(1));
    let channel_card = json!({
        "id": channel, "cid": ann.get(&at).await.json["cid"], "type": "team", "name": "Crew", "image": null, "member_count": 2,
    });
    assert_eq!((&made["channel"], &made["state"]), (&channel_card, &json!("pending")));
    assert_eq!((&made["invited_by"]["id"], &made["user"]["id"]), (&json!("ann"), &json!("ben")));
    let time = |name: &str| made[name].as_str().unwrap().parse::<DateTime<Utc>>().unwrap();
    assert_eq!(time("expires_at") - time("created_at"), Duration::days(7));
    let told = bens.next(&bens.user_topic, 0, EventType::NotificationInvited).await;
    assert_eq!((&told.data["invite"], told.seq), (made, made["user_seq"].as_i64()));
    assert_eq!(invite(&ann, &channel, &["ben", "cid"]).await, invited, "a repetition changes nothing");

    // Ben sees the card and nothing else, is not counted, and cannot speak.
    assert_eq!(ben.all("/invites", "limit=1").await, std::slice::from_ref(made));
    assert_eq!(ben.get("/channels").await.gives(200)["items"], json!([]));
    for path in [
        at.clone(),
        format!("{at}/messages"),
        format!("{at}/members"),
        format!("{at}/changes?since=0"),
        format!("{at}/invites"),
    ] {
        ben.get(&path).await.refused(ErrorCode::NotAMember);
    }
    ben.post(&format!("{at}/messages"), json!({ "text": "x" })).await.refused(ErrorCode::NotAMember);
    let topic = json!({ "channel": format!("chat:channel:{channel}") });
    ben.post("/realtime/subscription", topic).await.refused(ErrorCode::NotAMember);
    ben.post(&format!("{at}/leave"), json!({})).await.refused(ErrorCode::NotAMember);
    ann.say(&channel, "before ben").await;
    let view = ann.get(&at).await.gives(200);
    assert_eq!((&view["member_count"], &view["seq"]), (&json!(2), &json!(2)));
    assert_eq!(ann.all(&format!("{at}/invites"), "limit=1").await, std::slice::from_ref(made));
    cid.get(&format!("{at}/invites")).await.refused(ErrorCode::Forbidden);

    answer(&cid, &channel, "accept").await.refused(ErrorCode::InviteNotFound);
    let joined = answer(&ben, &channel, "accept").await.gives(200);
    assert_eq!((&joined["membership"]["role"], &joined["member_count"]), (&json!("member"), &json!(3)));
    assert_eq!((&joined["unread"], &joined["seq"]), (&json!(0), &json!(3)));
    assert_eq!(answer(&ben, &channel, "accept").await.gives(200), joined, "a repetition changes nothing");
    answer(&ben, &channel, "reject").await.refused(ErrorCode::InviteNotFound);
    let came = anns.next(&format!("chat:channel:{channel}"), 0, EventType::MemberAdded).await;
    assert_eq!(came.data["member"]["user"]["id"], "ben");
    bens.next(&bens.user_topic, 0, EventType::NotificationAddedToChannel).await;
    assert_eq!(texts(&ben, &format!("{at}/messages")).await, ["before ben"]);
    assert_eq!(ben.all("/invites", "").await, Vec::<Value>::new());
    assert_eq!(ann.all(&format!("{at}/invites"), "").await, Vec::<Value>::new());
    // Who has left is not invited any more.
    assert_eq!(ben.post(&format!("{at}/leave"), json!({})).await.status, 204);
    answer(&ben, &channel, "accept").await.refused(ErrorCode::InviteNotFound);
    server.settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invitation_is_accepted_embedded() {
    an_invitation_is_accepted(Mode::Embedded).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invitation_is_accepted_cluster() {
    an_invitation_is_accepted(Mode::Cluster).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invitation_is_rejected_or_taken_back() {
    let server = Server::start(Mode::Embedded).await;
    let (app, [ann, ben, cid]) = people(&server, ["ann", "ben", "cid"]).await;
    let channel = app.channel(&[&ann, &cid]).await;
    let at = format!("/channels/{channel}");
    let (anns, bens) = (Listener::connect(&ann).await, Listener::connect(&ben).await);

    invite(&ann, &channel, &["ben"]).await;
    let rejected = answer(&ben, &channel, "reject").await.gives(200);
    assert_eq!(rejected["state"], "rejected");
    assert_eq!(answer(&ben, &channel, "reject").await.gives(200), rejected, "a repetition changes nothing");
    answer(&ben, &channel, "accept").await.refused(ErrorCode::InviteNotFound);
    let told = anns.next(&anns.user_topic, 0, EventType::InviteRejected).await;
    assert_eq!((&told.data["invite"], told.seq), (&rejected, None));
    until("ben's other devices know", async || own_events(&bens) == ["notification.invited"; 2]).await;
    assert_eq!(bens.events(&bens.user_topic)[1].data["invite"], rejected);
    assert_eq!(seq(&app, &channel).await, 1, "the channel hears nothing of it");

    // Invited again, and taken back.
    let again = invite(&ann, &channel, &["ben"]).await["invites"][0].clone();
    assert!(again["user_seq"].as_i64() > rejected["user_seq"].as_i64());
    cid.delete(&format!("{at}/members/ben")).await.refused(ErrorCode::Forbidden);
    assert_eq!(ann.delete(&format!("{at}/members/ben")).await.status, 204);
    ann.delete(&format!("{at}/members/ben")).await.refused(ErrorCode::MemberNotFound);
    for what in ["accept", "reject"] {
        answer(&ben, &channel, what).await.refused(ErrorCode::InviteNotFound);
    }
    until("ben heard of each", async || own_events(&bens) == ["notification.invited"; 4]).await;
    assert_eq!(bens.events(&bens.user_topic)[3].data["invite"]["state"], "revoked");
    assert_eq!(ben.all("/invites", "").await, Vec::<Value>::new());

    // Whoever is added has accepted.
    invite(&ann, &channel, &["ben"]).await;
    ann.post(&format!("{at}/members"), add(&["ben"], json!({}))).await.gives(200);
    assert_eq!(ben.all("/invites", "").await, Vec::<Value>::new());
    assert_eq!(answer(&ben, &channel, "accept").await.gives(200)["member_count"], 3);
    server.settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invitation_has_its_terms_and_its_time() {
    let server = Server::start(Mode::Embedded).await;
    let (app, [ann, ben, adm]) = people(&server, ["ann", "ben", "adm"]).await;
    let members = json!([{ "user_id": "ann", "role": "owner" }, { "user_id": "adm", "role": "admin" }]);
    let channel = app.channel_with(json!({ "type": "team", "members": members })).await;
    let at = format!("/channels/{channel}");
    let path = format!("{at}/members");
    ann.say(&channel, "old").await;
    let now: DateTime<Utc> = ann.get(&at).await.json["last_message_at"].as_str().unwrap().parse().unwrap();
    let until_then = |at: DateTime<Utc>| add(&["ben"], json!({ "invite": true, "expires_at": at }));

    let before = seq(&app, &channel).await;
    for wrong in [
        until_then(now - Duration::seconds(1)),
        until_then(now + Duration::days(366)),
        add(&["ben"], json!({ "expires_at": now + Duration::days(1) })),
    ] {
        ann.post(&path, wrong).await.refused(ErrorCode::InvalidRequest);
    }
    ann.post(&path, add(&["nobody"], json!({ "invite": true }))).await.refused(ErrorCode::UserUnknown);
    let role = |role: &str| json!({ "members": [{ "user_id": "ben", "role": role }], "invite": true, "hide_history": true });
    adm.post(&path, role("admin")).await.refused(ErrorCode::Forbidden);
    ben.post(&path, role("member")).await.refused(ErrorCode::NotAMember);
    assert_eq!(ben.all("/invites", "").await, Vec::<Value>::new());

    let soon = ann.post(&path, until_then(now + Duration::seconds(2))).await.gives(200);
    assert_eq!(soon["invites"][0]["state"], "pending");
    until("its time is over", async || ben.all("/invites", "").await.is_empty()).await;
    for what in ["accept", "reject"] {
        answer(&ben, &channel, what).await.refused(ErrorCode::InviteNotFound);
    }
    ann.delete(&format!("{path}/ben")).await.refused(ErrorCode::MemberNotFound);

    // Other terms are another invitation.
    ann.post(&path, until_then(now + Duration::days(364))).await.gives(200);
    let renewed = adm.post(&path, role("moderator")).await.gives(200)["invites"][0].clone();
    assert_eq!((&renewed["role"], &renewed["invited_by"]["id"]), (&json!("moderator"), &json!("adm")));
    assert_eq!(seq(&app, &channel).await, before);
    let joined = answer(&ben, &channel, "accept").await.gives(200);
    assert_eq!(joined["membership"]["role"], "moderator");
    assert_eq!(
        texts(&ben, &format!("{at}/messages")).await,
        Vec::<String>::new(),
        "history was hidden by the invitation"
    );
    server.settled().await;
}

async fn open(app: &App, ann: &Client, count: usize) -> Vec<String> {
    let mut channels = Vec::new();
    for _ in 0..count {
        let channel = app.channel(&[ann]).await;
        invite(ann, &channel, &["ben"]).await;
        channels.push(channel);
    }
    channels.reverse();
    channels
}

#[tokio::test(flavor = "multi_thread")]
async fn ones_invitations_are_listed_newest_first() {
    let server = Server::start(Mode::Embedded).await;
    let (app, [ann, ben]) = people(&server, ["ann", "ben"]).await;
    let channels = open(&app, &ann, 5).await;
    let listed = async |query: &str| -> Vec<String> {
        let list = ben.all("/invites", query).await;
        list.iter().map(|invite| invite["channel"]["id"].as_str().unwrap().to_owned()).collect()
    };
    for limit in [1, 2, 100] {
        assert_eq!(listed(&format!("limit={limit}")).await, channels);
    }
    assert_eq!(ann.delete(&format!("/channels/{}", channels[1])).await.status, 204);
    assert_eq!(listed("").await.len(), 4, "of a channel that is gone nothing is shown");
    answer(&ben, &channels[1], "accept").await.refused(ErrorCode::ChannelNotFound);
    ben.get("/invites?cursor=garbage").await.refused(ErrorCode::InvalidCursor);
    app.server.get("/invites").await.refused(ErrorCode::UserOnly);
    assert_eq!(ann.all("/invites", "").await, Vec::<Value>::new());
    let other = server.app("other").await;
    let theirs = other.user("ben").await;
    assert_eq!(theirs.all("/invites", "").await, Vec::<Value>::new());
    answer(&theirs, &channels[0], "accept").await.refused(ErrorCode::ChannelNotFound);
    // The server invites, too, in nobody's name.
    let by_server = app.channel(&[&ann]).await;
    assert_eq!(invite(&app.server, &by_server, &["ben"]).await["invites"][0]["invited_by"], Value::Null);
    answer(&ben, &by_server, "reject").await.gives(200);

    // Accepted on five devices at once: one member, one change.
    let accepts = (0..5).map(|_| answer(&ben, &channels[0], "accept"));
    for accepted in futures_util::future::join_all(accepts).await {
        assert_eq!(accepted.gives(200)["member_count"], 2);
    }
    assert_eq!(seq(&app, &channels[0]).await, 2);
    // Accepted here and taken back there: one of them wins.
    let removal = format!("/channels/{}/members/ben", channels[2]);
    let (accepted, removed) = tokio::join!(answer(&ben, &channels[2], "accept"), ann.delete(&removal));
    assert_eq!(removed.status, 204);
    let is_member = ben.get(&format!("/channels/{}", channels[2])).await.status == 200;
    assert!(!is_member, "{} {}", accepted.text, removed.text);
    server.settled().await;
}
