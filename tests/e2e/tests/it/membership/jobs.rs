//! Batches that are worked off in the background.

use parlor_e2e::{App, Method, Mode, Server, until};
use parlor_protocol::ErrorCode;
use serde_json::{Value, json};

use super::people;

/// The job of an answer, once it has ended.
async fn ended(app: &App, job: &Value) -> Value {
    let path = format!("/jobs/{}", job["job"]["id"].as_str().unwrap());
    let mut last = Value::Null;
    until("the job has ended", async || {
        last = app.server.get(&path).await.gives(200);
        !last["finished_at"].is_null()
    })
    .await;
    last
}

async fn users(app: &App, count: usize) -> Vec<String> {
    let ids: Vec<String> = (0..count).map(|n| format!("u{n:04}")).collect();
    for ids in ids.chunks(100) {
        let users: Vec<Value> = ids.iter().map(|id| json!({ "id": id })).collect();
        app.server.put("/users", json!({ "users": users })).await.gives(200);
    }
    ids
}

fn named(ids: &[String]) -> Vec<Value> {
    ids.iter().map(|id| json!({ "user_id": id })).collect()
}

async fn channels_and_their_members(mode: Mode) {
    let server = Server::start(mode).await;
    let (app, [ann]) = people(&server, ["ann"]).await;
    app.server.post("/channels", json!({ "type": "team", "id": "c3", "name": "before" })).await.gives(201);
    let mut channels: Vec<Value> = (0..30)
        .map(|n| json!({ "type": "team", "id": format!("c{n}"), "name": "batch", "members": [{ "user_id": "ann" }] }))
        .collect();
    channels[7] = json!({ "type": "team", "id": "a b" });
    channels[9] = json!({ "type": "team", "members": [{ "user_id": "nobody" }] });
    let taken = app.server.post("/channels/batch", json!({ "channels": channels })).await.gives(202);
    let job = &taken["job"];
    assert_eq!(
        (&job["state"], &job["kind"], &job["total"]),
        (&json!("waiting"), &json!("channels"), &json!(30))
    );
    let job = ended(&app, &taken).await;
    assert_eq!((&job["state"], &job["done"], &job["failed"]), (&json!("done"), &json!(28), &json!(2)));
    let errors = json!([{ "index": 7, "code": "invalid_id" }, { "index": 9, "code": "user_unknown" }]);
    assert_eq!(job["errors"], errors);
    assert_eq!(
        ann.all("/channels", "").await.len(),
        27,
        "what was refused is not there, and c3 was there before"
    );
    assert_eq!(app.server.get("/channels/team:c3").await.gives(200)["name"], "before");

    let ids = users(&app, 150).await;
    let changes = json!({
        "add": named(&[&ids[..], &["nobody".to_owned()]].concat()),
        "remove": [ids[0], ids[1], "nobody"],
        "roles": [{ "user_id": ids[2], "role": "admin" }, { "user_id": ids[0], "role": "admin" }],
    });
    let taken = app.server.post("/channels/team:c0/members/batch", changes).await.gives(202);
    assert_eq!((&taken["job"]["total"], &taken["job"]["kind"]), (&json!(156), &json!("members")));
    let job = ended(&app, &taken).await;
    assert_eq!((&job["state"], &job["done"], &job["failed"]), (&json!("done"), &json!(153), &json!(3)));
    let errors = json!([
        { "index": 150, "code": "user_unknown" }, { "index": 153, "code": "member_not_found" },
        { "index": 155, "code": "member_not_found" },
    ]);
    assert_eq!(job["errors"], errors);
    let view = app.server.get("/channels/team:c0").await.gives(200);
    assert_eq!((&view["member_count"], &view["seq"]), (&json!(149), &json!(1 + 150 + 2 + 1)));
    let members = ann.all("/channels/team:c0/members", "limit=100").await;
    assert_eq!(members.len(), 149);
    assert!(members.iter().any(|member| member["user"]["id"] == ids[2] && member["role"] == "admin"));
    server.settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn channels_and_their_members_embedded() {
    channels_and_their_members(Mode::Embedded).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn channels_and_their_members_cluster() {
    channels_and_their_members(Mode::Cluster).await;
}

/// Killed again and again in the middle: every item is done once.
async fn killed(mode: Mode) {
    let mut server = Server::start(mode).await;
    let (app, [_ann]) = people(&server, ["ann"]).await;
    let channels: Vec<Value> =
        (0..1000).map(|_| json!({ "type": "team", "members": [{ "user_id": "ann" }] })).collect();
    let taken = app.server.post("/channels/batch", json!({ "channels": channels })).await.gives(202);
    let path = format!("/jobs/{}", taken["job"]["id"].as_str().unwrap());
    for part in [1, 400] {
        until("some of it is done", async || {
            app.server.get(&path).await.gives(200)["done"].as_i64().is_some_and(|done| done >= part)
        })
        .await;
        server.kill().await;
        server.launch().await;
    }
    let job = ended(&app, &taken).await;
    assert_eq!((&job["state"], &job["done"], &job["failed"]), (&json!("done"), &json!(1000), &json!(0)));
    assert_eq!(app.server.all("/channels", "limit=100").await.len(), 1000);
    server.settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_survives_kills_embedded() {
    killed(Mode::Embedded).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_survives_kills_cluster() {
    killed(Mode::Cluster).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_key_is_the_same_job() {
    let server = Server::start(Mode::Embedded).await;
    let (app, [ann]) = people(&server, ["ann"]).await;
    let post = async |name: &str| {
        let body = json!({ "channels": [{ "type": "team", "name": name }] });
        app.server.with_header(Method::POST, "/channels/batch", ("Idempotency-Key", "k"), body).await
    };
    let answers = futures_util::future::join_all((0..5).map(|_| post("a"))).await;
    let first = answers[0].clone().gives(202);
    assert!(answers.iter().all(|answer| answer.json == first && answer.status == 202));
    post("b").await.refused(ErrorCode::IdempotencyConflict);
    ended(&app, &first).await;
    let replay = post("a").await;
    assert_eq!((replay.header("idempotency-replayed"), &replay.json), ("true", &first));
    server.settled().await;
    assert_eq!(app.server.all("/channels", "").await.len(), 1);

    let path = format!("/jobs/{}", first["job"]["id"].as_str().unwrap());
    ann.get(&path).await.refused(ErrorCode::ServerOnly);
    server.app("other").await.server.get(&path).await.refused(ErrorCode::JobNotFound);
    app.server.get("/jobs/7").await.refused(ErrorCode::InvalidId);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_has_its_limits() {
    let server = Server::start(Mode::Embedded).await;
    let (app, [ann]) = people(&server, ["ann"]).await;
    let channel = app.channel(&[&ann]).await;
    let path = format!("/channels/{channel}/members/batch");
    let ids = users(&app, 1001).await;
    for wrong in
        [json!({}), json!({ "add": named(&ids) }), json!({ "add": named(&ids[..500]), "remove": ids[..501] })]
    {
        app.server.post(&path, wrong).await.refused(ErrorCode::BatchTooLarge);
    }
    app.server.post("/channels/batch", json!({ "channels": [] })).await.refused(ErrorCode::BatchTooLarge);
    let many: Vec<Value> = (0..1001).map(|_| json!({ "type": "team" })).collect();
    app.server.post("/channels/batch", json!({ "channels": many })).await.refused(ErrorCode::BatchTooLarge);
    for twice in [
        json!({ "add": named(&[ids[0].clone(), ids[0].clone()]) }),
        json!({ "add": "all" }),
        json!({ "all": [] }),
    ] {
        app.server.post(&path, twice).await.refused(ErrorCode::InvalidRequest);
    }
    let one = json!({ "remove": ["ann"] });
    ann.post(&path, one.clone()).await.refused(ErrorCode::ServerOnly);
    let other = server.app("other").await;
    other.server.post(&path, one.clone()).await.refused(ErrorCode::ChannelNotFound);
    assert_eq!(app.server.get(&format!("/channels/{channel}")).await.gives(200)["seq"], 1);

    // A body of 2 MiB is read, here and nowhere else.
    let body = |bytes: usize| {
        let text = json!({ "add": named(&ids[..1000]) }).to_string();
        format!("{text}{}", " ".repeat(bytes - text.len()))
    };
    let raw = async |path: &str, body: String| {
        let request =
            app.server.request(Method::POST, path).header("Content-Type", "application/json").body(body);
        app.server.send(request).await
    };
    raw(&path, body(2 * 1024 * 1024 + 1)).await.refused(ErrorCode::BodyTooLarge);
    raw(&format!("/channels/{channel}/members"), body(2 * 1024 * 1024))
        .await
        .refused(ErrorCode::BodyTooLarge);
    let taken = raw(&path, body(2 * 1024 * 1024)).await.gives(202);
    assert_eq!(ended(&app, &taken).await["done"], 1000);
    assert_eq!(app.server.get(&format!("/channels/{channel}")).await.gives(200)["member_count"], 1001);

    // A hundred refusals are kept, and all are counted.
    let nobody: Vec<String> = (0..120).map(|n| format!("n{n}")).collect();
    let taken = app.server.post(&path, json!({ "add": named(&nobody), "remove": nobody })).await.gives(202);
    let job = ended(&app, &taken).await;
    assert_eq!((&job["failed"], job["errors"].as_array().map(Vec::len)), (&json!(240), Some(100)));

    // Without its channel nothing more can be done.
    let gone = app.channel(&[&ann]).await;
    let path = format!("/channels/{gone}/members/batch");
    // It goes in the moment in which the job is taken.
    let deletes = format!("UPDATE channels SET deleted_at = now(), cid = 'deleted' WHERE id = '{gone}'");
    server.db.execute(&format!("CREATE FUNCTION gone() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS \
        $$ BEGIN {deletes}; RETURN NULL; END $$; CREATE TRIGGER gone AFTER INSERT ON jobs EXECUTE FUNCTION gone()")).await;
    let taken =
        app.server.post(&path, json!({ "add": named(&ids[..3]), "remove": ["ann"] })).await.gives(202);
    let job = ended(&app, &taken).await;
    assert_eq!((&job["state"], &job["done"], &job["failed"]), (&json!("failed"), &json!(0), &json!(4)));
    assert_eq!(job["errors"], json!([{ "index": 0, "code": "channel_not_found" }]));
    server.settled().await;
}
