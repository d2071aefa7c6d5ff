//! Polls: asking, voting, suggesting, closing.

use parlor_e2e::{App, Client, Listener, Mode, Server};
use parlor_protocol::{ErrorCode, EventType};
use serde_json::{Value, json};

async fn world(server: &Server) -> (App, Client, Client, String) {
    let app = server.app("acme").await;
    let (ann, ben) = (app.user("ann").await, app.user("ben").await);
    let channel = app.channel(&[&ann, &ben]).await;
    (app, ann, ben, channel)
}

async fn ask(by: &Client, channel: &str, poll: Value) -> String {
    let message = by
        .post(&format!("/channels/{channel}/messages"), json!({ "text": "Where to?", "poll": poll }))
        .await
        .gives(201);
    message["id"].as_str().unwrap().to_owned()
}

fn votes(message: &Value) -> Vec<i64> {
    message["poll"]["options"]
        .as_array()
        .unwrap()
        .iter()
        .map(|option| option["votes"].as_i64().unwrap())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn people_vote_change_their_mind_and_take_it_back() {
    for mode in [Mode::Embedded, Mode::Cluster] {
        let server = Server::start(mode).await;
        let (_, ann, ben, channel) = world(&server).await;
        let listener = Listener::connect(&ben).await;
        listener.subscribe(&channel).await;
        let topic = format!("chat:channel:{channel}");
        let id = ask(&ann, &channel, json!({ "options": ["Sea", "Hills"] })).await;
        let told = listener.next(&topic, 0, EventType::MessageNew).await;
        assert_eq!(
            told.data["message"]["poll"]["options"][1],
            json!({ "id": "2", "text": "Hills", "votes": 0, "suggested_by": null })
        );
        let path = format!("/messages/{id}/poll/votes");

        let voted = ben.put(&path, json!({ "options": ["2"] })).await.gives(200);
        assert_eq!(
            (votes(&voted), &voted["own_votes"], &voted["poll"]["voters"]),
            (vec![0, 1], &json!(["2"]), &json!(1))
        );
        let told = listener.next(&topic, 0, EventType::PollUpdated).await;
        assert_eq!((&told.data["poll"], &told.data["message_id"]), (&voted["poll"], &json!(id)));
        assert_eq!(
            (&told.data["vote"]["user"]["id"], &told.data["vote"]["options"]),
            (&json!("ben"), &json!(["2"]))
        );
        assert_eq!(json!(told.seq), voted["updated_seq"]);

        let again = ben.put(&path, json!({ "options": ["2"] })).await.gives(200);
        assert_eq!(again, voted, "a repetition changes nothing");
        ann.put(&path, json!({ "options": ["2"] })).await.gives(200);
        let moved = ben.put(&path, json!({ "options": ["1"] })).await.gives(200);
        assert_eq!((votes(&moved), &moved["own_votes"]), (vec![1, 1], &json!(["1"])));
        let back = ben.put(&path, json!({ "options": [] })).await.gives(200);
        assert_eq!(
            (votes(&back), &back["own_votes"], &back["poll"]["voters"]),
            (vec![0, 1], &json!([]), &json!(1))
        );
        let seen = ann.get(&format!("/messages/{id}")).await.gives(200);
        assert_eq!((votes(&seen), &seen["own_votes"]), (vec![0, 1], &json!(["2"])));
        server.settled().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_voted_is_listed_unless_the_poll_is_anonymous() {
    let server = Server::start(Mode::Embedded).await;
    let (app, ann, ben, channel) = world(&server).await;
    let open = ask(&ann, &channel, json!({ "options": ["a", "b", "c"], "max_votes": 2 })).await;
    ann.put(&format!("/messages/{open}/poll/votes"), json!({ "options": ["1", "2"] })).await.gives(200);
    app.server
        .put(&format!("/messages/{open}/poll/votes"), json!({ "options": ["2"], "user_id": "ben" }))
        .await
        .gives(200);
    let listed = async |query: &str| {
        let items = ben.all(&format!("/messages/{open}/poll/votes"), query).await;
        items
            .iter()
            .map(|vote| {
                format!("{}:{}", vote["user"]["id"].as_str().unwrap(), vote["option"].as_str().unwrap())
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(listed("limit=1").await, ["ben:2", "ann:2", "ann:1"]);
    assert_eq!(listed("option=2").await, ["ben:2", "ann:2"]);
    assert_eq!(listed("option=3").await, Vec::<String>::new());

    let secret = ask(&ann, &channel, json!({ "options": ["a", "b"], "anonymous": true })).await;
    let listener = Listener::connect(&ann).await;
    listener.subscribe(&channel).await;
    let own = Listener::connect(&ben).await;
    ben.put(&format!("/messages/{secret}/poll/votes"), json!({ "options": ["1"] })).await.gives(200);
    let told = own.next(&own.user_topic, 0, EventType::PollVoted).await;
    assert_eq!(told.data, json!({ "message_id": secret, "options": ["1"] }));
    let told = listener.next(&format!("chat:channel:{channel}"), 0, EventType::PollUpdated).await.data;
    assert!(told.get("vote").is_none() && !told.to_string().contains("ben"), "{told}");
    for client in [&ann, &ben, &app.server] {
        client.get(&format!("/messages/{secret}/poll/votes")).await.refused(ErrorCode::PollAnonymous);
    }
    assert_eq!(ben.get(&format!("/messages/{secret}")).await.gives(200)["own_votes"], json!(["1"]));
    assert!(app.server.get(&format!("/messages/{secret}")).await.gives(200).get("own_votes").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn options_are_suggested_where_the_poll_takes_them() {
    let server = Server::start(Mode::Embedded).await;
    let (_, ann, ben, channel) = world(&server).await;
    let id = ask(&ann, &channel, json!({ "options": ["a", "b"], "suggestions": true })).await;
    let path = format!("/messages/{id}/poll/options");
    let more = ben.post(&path, json!({ "text": " c " })).await.gives(200);
    assert_eq!(
        more["poll"]["options"][2],
        json!({ "id": "3", "text": "c", "votes": 0, "suggested_by": "ben" })
    );
    let same = ben.post(&path, json!({ "text": "c" })).await.gives(200);
    assert_eq!(same, more, "what is there is not added again");
    for bad in ["", "  ", &"é".repeat(101)] {
        ben.post(&path, json!({ "text": bad })).await.refused(ErrorCode::InvalidPoll);
    }
    let closed = ask(&ann, &channel, json!({ "options": ["a", "b"] })).await;
    ben.post(&format!("/messages/{closed}/poll/options"), json!({ "text": "c" }))
        .await
        .refused(ErrorCode::Forbidden);
    ann.post(&format!("/messages/{closed}/poll/options"), json!({ "text": "c" })).await.gives(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_poll_takes_no_votes() {
    let server = Server::start(Mode::Embedded).await;
    let (app, ann, ben, channel) = world(&server).await;
    let id = ask(&ben, &channel, json!({ "options": ["a", "b"] })).await;
    let path = format!("/messages/{id}/poll/votes");
    ann.put(&path, json!({ "options": ["1"] })).await.gives(200);
    let carl = app.user("carl").await;
    app.server
        .post(&format!("/channels/{channel}/members"), json!({ "members": [{ "user_id": "carl" }] }))
        .await
        .gives(200);
    carl.post(&format!("/messages/{id}/poll/close"), json!({})).await.refused(ErrorCode::Forbidden);
    let closed = ben.post(&format!("/messages/{id}/poll/close"), json!({})).await.gives(200);
    assert!(closed["poll"]["closed_at"].is_string());
    assert_eq!(ben.post(&format!("/messages/{id}/poll/close"), json!({})).await.gives(200), closed);
    ben.put(&path, json!({ "options": ["1"] })).await.refused(ErrorCode::PollClosed);
    ann.put(&path, json!({ "options": [] })).await.refused(ErrorCode::PollClosed);
    ann.put(&path, json!({ "options": ["1"] })).await.gives(200);

    // One that closes by itself; sent with an end in the past it never was open.
    let over =
        ask(&ben, &channel, json!({ "options": ["a", "b"], "closes_at": "2020-01-01T00:00:00Z" })).await;
    ann.put(&format!("/messages/{over}/poll/votes"), json!({ "options": ["1"] }))
        .await
        .refused(ErrorCode::PollClosed);

    ben.delete(&format!("/messages/{id}")).await.gives(200);
    ann.put(&path, json!({ "options": ["1"] })).await.refused(ErrorCode::MessageDeleted);
    assert_eq!(ann.get(&format!("/messages/{id}")).await.gives(200)["poll"], Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_polls_and_votes_are_refused_and_a_poll_sent_twice_is_one() {
    let server = Server::start(Mode::Embedded).await;
    let (app, ann, ben, channel) = world(&server).await;
    let path = format!("/channels/{channel}/messages");
    for poll in [
        json!({ "options": ["a"] }),
        json!({ "options": vec!["a"; 2] }),
        json!({ "options": (0..21).map(|n| n.to_string()).collect::<Vec<_>>() }),
        json!({ "options": ["a", "b"], "max_votes": 0 }),
        json!({ "options": ["a", "x".repeat(101)] }),
    ] {
        ann.post(&path, json!({ "text": "?", "poll": poll })).await.refused(ErrorCode::InvalidPoll);
    }
    ann.post(&path, json!({ "text": "", "poll": { "options": ["a", "b"] } }))
        .await
        .refused(ErrorCode::EmptyMessage);
    ann.post(&path, json!({ "text": "?", "poll": { "options": ["a", "b"], "x": 1 } }))
        .await
        .refused(ErrorCode::InvalidRequest);

    let id = parlor_protocol::MessageId::new();
    let body = json!({ "id": id, "text": "?", "poll": { "options": ["a", "b"] } });
    let first = ann.post(&path, body.clone()).await.gives(201);
    let again = ann.post(&path, body).await.gives(200);
    assert_eq!(again["poll"], first["poll"]);
    ann.post(&path, json!({ "id": id, "text": "?", "poll": { "options": ["a", "c"] } }))
        .await
        .refused(ErrorCode::MessageIdReused);

    let votes = format!("/messages/{id}/poll/votes");
    ben.put(&votes, json!({ "options": ["3"] })).await.refused(ErrorCode::InvalidVote);
    ben.put(&votes, json!({ "options": ["1", "2"] })).await.refused(ErrorCode::InvalidVote);
    ben.put(&votes, json!({ "options": ["1"], "user_id": "ann" })).await.refused(ErrorCode::ServerOnly);
    app.server
        .put(&votes, json!({ "options": ["1"], "user_id": "nobody" }))
        .await
        .refused(ErrorCode::UserUnknown);
    let plain = ann.say(&channel, "no poll").await;
    let plain = plain["id"].as_str().unwrap();
    ben.put(&format!("/messages/{plain}/poll/votes"), json!({ "options": ["1"] }))
        .await
        .refused(ErrorCode::PollNotFound);
    ben.get(&format!("/messages/{plain}/poll/votes")).await.refused(ErrorCode::PollNotFound);
    let eve = app.user("eve").await;
    eve.put(&votes, json!({ "options": ["1"] })).await.refused(ErrorCode::MessageNotFound);
    server
        .app("other")
        .await
        .server
        .put(&votes, json!({ "options": ["1"], "user_id": "ann" }))
        .await
        .refused(ErrorCode::MessageNotFound);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_that_votes_at_once_is_counted_exactly() {
    let server = Server::start_with(Mode::Embedded, &[("PARLOR_SERVER_USER_RATE_LIMIT_RPS", "1000")]).await;
    let (app, ann, _, channel) = world(&server).await;
    let id = ask(&ann, &channel, json!({ "options": ["a", "b", "c"], "max_votes": 3 })).await;
    let mut crowd = Vec::new();
    for number in 0..8 {
        crowd.push(app.user(&format!("voter-{number}")).await);
    }
    let members: Vec<Value> = (0..8).map(|number| json!({ "user_id": format!("voter-{number}") })).collect();
    app.server.post(&format!("/channels/{channel}/members"), json!({ "members": members })).await.gives(200);
    let voting = crowd.iter().enumerate().map(|(number, voter)| {
        let path = format!("/messages/{id}/poll/votes");
        async move {
            for round in 0..6 {
                let options: Vec<String> = (1..=3)
                    .filter(|option| (number + round + option) % 3 != 0)
                    .map(|option| option.to_string())
                    .collect();
                voter.put(&path, json!({ "options": options })).await.gives(200);
            }
        }
    });
    futures_util::future::join_all(voting).await;
    let rows = ann.all(&format!("/messages/{id}/poll/votes"), "").await;
    let message = ann.get(&format!("/messages/{id}")).await.gives(200);
    let counted: Vec<i64> = ["1", "2", "3"]
        .iter()
        .map(|option| rows.iter().filter(|vote| vote["option"] == **option).count() as i64)
        .collect();
    assert_eq!(votes(&message), counted);
    assert_eq!((&message["poll"]["voters"], counted.iter().sum::<i64>()), (&json!(8), 16));
    server.settled().await;
}
