//! Joining by a code.

use parlor_e2e::{Answer, Client, Listener, Mode, Server};
use parlor_protocol::{ErrorCode, EventType};
use serde_json::{Value, json};

use super::{people, seq};

async fn join(user: &Client, code: &str) -> Answer {
    user.post("/channels/join", json!({ "access_code": code })).await
}

#[tokio::test(flavor = "multi_thread")]
async fn who_knows_the_code_joins() {
    let server = Server::start(Mode::Embedded).await;
    let (app, [ann, ben, cid, eve]) = people(&server, ["ann", "ben", "cid", "eve"]).await;
    let channel = app.channel(&[&ann, &ben]).await;
    let at = format!("/channels/{channel}");
    let path = format!("{at}/access_code");
    let listener = Listener::connect(&ann).await;
    listener.subscribe(&channel).await;

    assert_eq!(ann.get(&path).await.gives(200), json!({ "access_code": null }));
    let made = ann.post(&path, json!({})).await.gives(200);
    let code = made["access_code"].as_str().unwrap().to_owned();
    assert!(
        code.len() == 8 && code.bytes().all(|byte| b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789".contains(&byte)),
        "{code}"
    );
    assert_eq!(app.server.get(&path).await.gives(200), made, "it is shown again");
    for (method, who) in [("GET", &ben), ("POST", &ben), ("DELETE", &ben)] {
        let answer = who.call(method.parse().unwrap(), &path, (method == "POST").then(|| json!({}))).await;
        answer.refused(ErrorCode::Forbidden);
    }
    eve.get(&path).await.refused(ErrorCode::NotAMember);
    // Neither members nor events show it.
    for text in [
        ben.get(&at).await.text,
        ann.get(&format!("{at}/changes?since=0")).await.text,
        ann.get("/channels").await.text,
    ] {
        assert!(!text.contains(&code), "{text}");
    }
    assert_eq!(seq(&app, &channel).await, 1);

    let spelled = format!(" {}-{}", code[..4].to_lowercase(), &code[4..]);
    let joined = join(&cid, &spelled).await.gives(200);
    assert_eq!((&joined["id"], &joined["membership"]["role"]), (&json!(channel), &json!("member")));
    assert_eq!(join(&cid, &code).await.gives(200), joined, "a repetition changes nothing");
    let came = listener.next(&format!("chat:channel:{channel}"), 0, EventType::MemberAdded).await;
    assert_eq!(came.data["member"]["user"]["id"], "cid");
    app.server.post("/channels/join", json!({ "access_code": code })).await.refused(ErrorCode::UserOnly);
    let theirs = server.app("other").await.user("ben").await;
    join(&theirs, &code).await.refused(ErrorCode::AccessCodeUnknown);

    // A new code ends the old one, and without a code nobody joins.
    let newer = ann.post(&path, json!({})).await.gives(200)["access_code"].as_str().unwrap().to_owned();
    join(&eve, &code).await.refused(ErrorCode::AccessCodeUnknown);
    assert_eq!(ann.delete(&path).await.status, 204);
    assert_eq!(ann.delete(&path).await.status, 204);
    join(&eve, &newer).await.refused(ErrorCode::AccessCodeUnknown);
    eve.get(&at).await.refused(ErrorCode::NotAMember);
    let last = ann.post(&path, json!({})).await.gives(200)["access_code"].as_str().unwrap().to_owned();
    assert_eq!(ann.delete(&at).await.status, 204);
    join(&eve, &last).await.refused(ErrorCode::AccessCodeUnknown);
    server.settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_guesses_codes_is_stopped() {
    let mut server = Server::start(Mode::Embedded).await;
    let (app, [ann, ben, eve]) = people(&server, ["ann", "ben", "eve"]).await;
    let channel = app.channel(&[&ann]).await;
    let made = ann.post(&format!("/channels/{channel}/access_code"), json!({})).await.gives(200);
    let code = made["access_code"].as_str().unwrap().to_owned();

    // At the same moment, too, ten are all there are.
    let guesses = (0..15).map(|n| join(&eve, if n % 2 == 0 { "WRONGONE" } else { "" }));
    let mut counts = [0, 0];
    for guess in futures_util::future::join_all(guesses).await {
        counts[usize::from(guess.status == 429)] += 1;
        assert!(["access_code_unknown", "rate_limited"].contains(&guess.code()), "{}", guess.text);
    }
    assert_eq!(counts, [10, 5]);
    let refused = join(&eve, &code).await;
    refused.refused(ErrorCode::RateLimited);
    let wait: u32 = refused.header("retry-after").parse().unwrap();
    assert!((3000..=3601).contains(&wait), "{wait}");
    assert_eq!(eve.get("/channels").await.gives(200)["items"], json!([]));
    // It is kept where a restart does not forget it, and counts for nobody else.
    server.kill().await;
    server.launch().await;
    join(&eve, &code).await.refused(ErrorCode::RateLimited);
    for _ in 0..9 {
        join(&ben, "WRONGONE").await.refused(ErrorCode::AccessCodeUnknown);
    }
    join(&ben, &code).await.gives(200);
    join(&ben, "WRONGONE").await.refused(ErrorCode::AccessCodeUnknown);
    join(&ben, "WRONGONE").await.refused(ErrorCode::RateLimited);

    // After an hour they may try again.
    server.db.execute("UPDATE access_code_tries SET tried_at = ARRAY(SELECT t - interval '1 hour' FROM unnest(tried_at) t)").await;
    join(&eve, &code).await.gives(200);
    eve.post("/channels/join", json!({})).await.refused(ErrorCode::InvalidRequest);
    assert_ne!(eve.get(&format!("/channels/{channel}")).await.gives(200)["membership"], Value::Null);
    server.settled().await;
}
