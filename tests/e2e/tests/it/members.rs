//! Members come, get roles, go, and lose what membership gave them.

use parlor_e2e::{App, Client, Mode, Server};
use parlor_protocol::ErrorCode;
use serde_json::{Value, json};

/// A team channel with a member of every role, in the order owner, admin, moderator, member, guest.
async fn staffed(app: &App) -> (String, [Client; 5]) {
    let roles = ["owner", "admin", "moderator", "member", "guest"];
    let mut people = Vec::new();
    for role in roles {
        people.push(app.user(&format!("the-{role}")).await);
    }
    let members: Vec<Value> =
        roles.iter().map(|role| json!({ "user_id": format!("the-{role}"), "role": role })).collect();
    let id = app.channel_with(json!({ "type": "team", "members": members })).await;
    (id, people.try_into().ok().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn admins_add_members_below_their_own_role() {
    let server = Server::start(Mode::Embedded).await;
    let app = server.app("acme").await;
    let (id, [owner, admin, moderator, ..]) = staffed(&app).await;
    let (new, other) = (app.user("new").await, app.user("other").await);
    let path = format!("/channels/{id}/members");
    let add = |user: &str, role: &str| json!({ "members": [{ "user_id": user, "role": role }] });

    moderator.post(&path, add("new", "guest")).await.refused(ErrorCode::Forbidden);
    admin.post(&path, add("new", "admin")).await.refused(ErrorCode::Forbidden);
    admin.post(&path, add("nobody", "member")).await.refused(ErrorCode::UserUnknown);
    new.get(&path).await.refused(ErrorCode::NotAMember);

    let added = admin.post(&path, add("new", "moderator")).await.gives(200);
    assert_eq!(
        (&added["items"][0]["role"], &added["items"][0]["updated_seq"]),
        (&json!("moderator"), &json!(2))
    );
    let again = admin.post(&path, add("new", "member")).await.gives(200);
    assert_eq!(again["items"], added["items"], "a member stays as it is");
    assert_eq!(owner.get(&format!("/channels/{id}")).await.gives(200)["seq"], 2, "nothing changed");
    owner.post(&path, add("other", "owner")).await.gives(200);
    assert_eq!(other.get(&format!("/channels/{id}")).await.gives(200)["member_count"], 7);

    // Several at once are one change each, in the order of their ids; who is there already is none.
    let many = json!({ "members": [{ "user_id": "zoe" }, { "user_id": "new" }, { "user_id": "abe" }] });
    let (abe, _) = (app.user("abe").await, app.user("zoe").await);
    let rows = owner.post(&path, many).await.gives(200);
    let seqs: Vec<_> =
        rows["items"].as_array().unwrap().iter().map(|row| row["updated_seq"].as_i64()).collect();
    assert_eq!(seqs, [Some(4), Some(2), Some(5)], "{rows}");
    let view = abe.get(&format!("/channels/{id}")).await.gives(200);
    assert_eq!((&view["seq"], &view["member_count"], &view["unread"]), (&json!(5), &json!(9), &json!(0)));
    for gone in ["abe", "zoe"] {
        assert_eq!(owner.delete(&format!("{path}/{gone}")).await.status, 204);
    }

    let listed = new.all(&path, "limit=2").await;
    let ids: Vec<&str> = listed.iter().map(|member| member["user"]["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["new", "other", "the-admin", "the-guest", "the-member", "the-moderator", "the-owner"]);
    server.settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn roles_are_given_below_ones_own_and_the_last_owner_stays() {
    let server = Server::start(Mode::Embedded).await;
    let app = server.app("acme").await;
    let (id, [owner, admin, moderator, member, _]) = staffed(&app).await;
    let role = async |by: &Client, of: &str, role: &str| {
        by.patch(&format!("/channels/{id}/members/the-{of}"), json!({ "role": role })).await
    };

    assert_eq!(role(&admin, "member", "moderator").await.gives(200)["role"], "moderator");
    role(&admin, "member", "admin").await.refused(ErrorCode::Forbidden);
    role(&admin, "owner", "member").await.refused(ErrorCode::Forbidden);
    role(&moderator, "guest", "member").await.refused(ErrorCode::Forbidden);
    role(&member, "member", "admin").await.refused(ErrorCode::Forbidden);
    role(&owner, "nobody", "member").await.refused(ErrorCode::MemberNotFound);

    role(&owner, "owner", "member").await.refused(ErrorCode::LastOwner);
    owner.post(&format!("/channels/{id}/leave"), json!({})).await.refused(ErrorCode::LastOwner);
    owner.delete(&format!("/channels/{id}/members/the-owner")).await.refused(ErrorCode::LastOwner);
    role(&owner, "admin", "owner").await.gives(200);
    assert_eq!(owner.post(&format!("/channels/{id}/leave"), json!({})).await.status, 204);
    assert_eq!(admin.get(&format!("/channels/{id}")).await.gives(200)["membership"]["role"], "owner");
    server.settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn open_channels_and_livestreams_are_joined_and_left() {
    let server = Server::start(Mode::Embedded).await;
    let app = server.app("acme").await;
    let (ann, ben) = (app.user("ann").await, app.user("ben").await);
    let closed = app.channel(&[&ann]).await;
    let open = app.channel_with(json!({ "type": "team", "config": { "open": true }, "members": [{ "user_id": "ann", "role": "owner" }] })).await;
    let stream = app
        .channel_with(json!({ "type": "livestream", "members": [{ "user_id": "ann", "role": "owner" }] }))
        .await;

    ben.post(&format!("/channels/{closed}/join"), json!({})).await.refused(ErrorCode::NotAMember);
    ann.say(&open, "before ben").await;
    let joined = ben.post(&format!("/channels/{open}/join"), json!({})).await.gives(200);
    assert_eq!((&joined["membership"]["role"], &joined["unread"]), (&json!("member"), &json!(0)));
    let again = ben.post(&format!("/channels/{open}/join"), json!({})).await.gives(200);
    assert_eq!(again["seq"], joined["seq"], "a second join changes nothing");

    assert_eq!(
        ben.get(&format!("/channels/{stream}")).await.gives(200)["capabilities"],
        json!(["read_channel"])
    );
    ben.post(&format!("/channels/{stream}/messages"), json!({ "text": "x" }))
        .await
        .refused(ErrorCode::NotAMember);
    let viewer = ben.post(&format!("/channels/{stream}/join"), json!({})).await.gives(200);
    assert_eq!(viewer["membership"]["role"], "guest");
    ben.say(&stream, "hello all").await;

    assert_eq!(ben.post(&format!("/channels/{open}/leave"), json!({})).await.status, 204);
    ben.post(&format!("/channels/{open}/leave"), json!({})).await.refused(ErrorCode::NotAMember);
    assert_eq!(
        ann.post(&format!("/channels/{closed}/leave"), json!({})).await.status,
        204,
        "the last one may go"
    );
    server.settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_removed_loses_everything_and_may_return() {
    for mode in Mode::ALL {
        let server = Server::start(mode).await;
        let app = server.app("acme").await;
        let (id, [owner, admin, moderator, member, guest]) = staffed(&app).await;
        let said = member.say(&id, "mine").await["id"].as_str().unwrap().to_owned();
        let topic = json!({ "channel": format!("chat:channel:{id}") });
        member.post("/realtime/subscription", topic.clone()).await.gives(200);

        guest.delete(&format!("/channels/{id}/members/the-member")).await.refused(ErrorCode::Forbidden);
        moderator.delete(&format!("/channels/{id}/members/the-admin")).await.refused(ErrorCode::Forbidden);
        moderator.delete(&format!("/channels/{id}/members/nobody")).await.refused(ErrorCode::MemberNotFound);
        assert_eq!(moderator.delete(&format!("/channels/{id}/members/the-member")).await.status, 204);
        for path in [format!("/channels/{id}"), format!("/channels/{id}/messages")] {
            member.get(&path).await.refused(ErrorCode::NotAMember);
        }
        member.get(&format!("/messages/{said}")).await.refused(ErrorCode::MessageNotFound);
        member.delete(&format!("/messages/{said}")).await.refused(ErrorCode::MessageNotFound);
        member
            .post(&format!("/channels/{id}/messages"), json!({ "text": "x" }))
            .await
            .refused(ErrorCode::NotAMember);
        member.post(&format!("/channels/{id}/read"), json!({})).await.refused(ErrorCode::NotAMember);
        member.post("/realtime/subscription", topic.clone()).await.refused(ErrorCode::NotAMember);
        assert_eq!(member.get("/channels").await.gives(200)["items"], json!([]));
        admin.say(&id, "while away").await;

        let back = json!({ "members": [{ "user_id": "the-member" }] });
        owner.post(&format!("/channels/{id}/members"), back).await.gives(200);
        member.post("/realtime/subscription", topic).await.gives(200);
        assert_eq!(
            member.get("/unread").await.gives(200)["total"],
            0,
            "what was said meanwhile counts as read"
        );
        server.settled().await;
    }
}
