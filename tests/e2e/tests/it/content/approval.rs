//! Channels where messages need approval: what waits, who sees it, and what becomes of it.

use diesel_async::SimpleAsyncConnection;
use parlor_e2e::{Listener, Mode, Server, until};
use parlor_protocol::limits::PENDING_MESSAGES;
use parlor_protocol::{Envelope, ErrorCode, EventType, MessageId};
use serde_json::json;

use super::{World, id};

async fn world(server: &Server) -> World {
    let world = World::on(server).await;
    world.configure(json!({ "messages_need_approval": true })).await;
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_waits_and_becomes_an_ordinary_one() {
    for mode in [Mode::Embedded, Mode::Cluster] {
        let server = Server::start(mode).await;
        let world = world(&server).await;
        let (author, open) = (Listener::connect(&world.ben).await, Listener::connect(&world.cid).await);
        open.subscribe(&world.channel).await;
        let before = world.ann.get(&format!("/channels/{}", world.channel)).await.gives(200);
        let say = json!({ "id": MessageId::new(), "text": "may I?", "mentions": ["cid"] });
        let waits = world.ben.post(&world.messages(), say.clone()).await.gives(202);
        assert_eq!((&waits["id"], &waits["content"]["text"]), (&say["id"], &json!("may I?")));
        let told = author.next(&author.user_topic, 0, EventType::PendingMessageCreated).await;
        assert_eq!((&told.data["pending_message"], &json!(told.seq)), (&waits, &waits["user_seq"]));
        assert_eq!(world.ben.post(&world.messages(), say.clone()).await.gives(202), waits, "a retry");
        let mut other = say.clone();
        other["text"] = json!("other");
        world.ben.post(&world.messages(), other).await.refused(ErrorCode::MessageIdReused);
        assert_eq!(world.ann.get(&format!("/channels/{}", world.channel)).await.gives(200), before);
        world.ann.get(&format!("/messages/{}", id(&waits))).await.refused(ErrorCode::MessageNotFound);

        let list = format!("/channels/{}/pending_messages", world.channel);
        for who in [&world.ben, &world.moderator, &world.app.server] {
            assert_eq!(who.all(&list, "limit=1").await, std::slice::from_ref(&waits));
        }
        assert!(world.cid.all(&list, "limit=1").await.is_empty());

        let path = format!("/pending_messages/{}", id(&waits));
        let edited = world.ben.patch(&path, json!({ "text": "please?" })).await.gives(200);
        assert_eq!(edited["content"]["text"], "please?");
        author.next(&author.user_topic, 0, EventType::PendingMessageUpdated).await;
        assert_eq!(world.ben.patch(&path, json!({ "text": "please?" })).await.gives(200), edited);
        let straight = world.send(&world.moderator, json!({ "text": "moderators do not wait" })).await;

        let approved = world.moderator.post(&format!("{path}/approve"), json!({})).await.gives(200);
        assert_eq!((&approved["text"], &approved["user"]["id"]), (&json!("please?"), &json!("ben")));
        assert_eq!(approved["seq"].as_i64(), straight["seq"].as_i64().map(|seq| seq + 1), "its place is now");
        assert_eq!(approved["ordinal"], 2);
        let heard = open.next(&world.topic(), 1, EventType::MessageNew).await;
        assert_eq!(heard.data["message"]["id"], waits["id"]);
        let told = author.next(&author.user_topic, 0, EventType::PendingMessageApproved).await;
        assert_eq!(told.data, json!({ "message_id": waits["id"], "channel_id": world.channel }));
        assert_eq!(world.unread(&world.cid).await, 2);
        assert_eq!(world.moderator.post(&format!("{path}/approve"), json!({})).await.gives(200), approved);
        assert!(world.moderator.all(&list, "limit=1").await.is_empty());
        let retried = world.ben.post(&world.messages(), say).await.gives(200);
        assert_eq!(retried["text"], "please?", "a retry is answered with what it has become");
        server.settled().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_rejected_or_taken_back() {
    let server = Server::start(Mode::Embedded).await;
    let world = world(&server).await;
    let author = Listener::connect(&world.ben).await;
    let wait = async |text: &str| {
        let waits = world.ben.post(&world.messages(), json!({ "text": text })).await.gives(202);
        format!("/pending_messages/{}", id(&waits))
    };
    let path = wait("no?").await;
    world.moderator.patch(&path, json!({ "text": "x" })).await.refused(ErrorCode::Forbidden);
    world.moderator.delete(&path).await.refused(ErrorCode::Forbidden);
    world.ben.post(&format!("{path}/approve"), json!({})).await.refused(ErrorCode::Forbidden);
    world.ben.post(&format!("{path}/reject"), json!({})).await.refused(ErrorCode::Forbidden);
    world.cid.post(&format!("{path}/approve"), json!({})).await.refused(ErrorCode::PendingNotFound);
    let stranger = server.app("other").await.user("mod").await;
    stranger.post(&format!("{path}/approve"), json!({})).await.refused(ErrorCode::PendingNotFound);
    let reject = format!("{path}/reject");
    world.moderator.post(&reject, json!({ "reason": "é".repeat(201) })).await.refused(ErrorCode::NoteTooLong);
    assert_eq!(world.moderator.post(&reject, json!({ "reason": "é".repeat(200) })).await.status, 204);
    let told = author.next(&author.user_topic, 0, EventType::PendingMessageRejected).await;
    assert_eq!(
        (&told.data["pending_message"]["content"]["text"], &told.data["reason"]),
        (&json!("no?"), &json!("é".repeat(200)))
    );
    world.moderator.post(&reject, json!({})).await.refused(ErrorCode::PendingNotFound);
    world.moderator.post(&format!("{path}/approve"), json!({})).await.refused(ErrorCode::PendingNotFound);

    let path = wait("never mind").await;
    assert_eq!(world.ben.delete(&path).await.status, 204);
    author.next(&author.user_topic, 0, EventType::PendingMessageDeleted).await;
    world.ben.delete(&path).await.refused(ErrorCode::PendingNotFound);

    // Whose author has gone may not be sent, and goes on waiting.
    let path = wait("gone").await;
    assert_eq!(world.ben.post(&format!("/channels/{}/leave", world.channel), json!({})).await.status, 204);
    world.moderator.post(&format!("{path}/approve"), json!({})).await.refused(ErrorCode::NotAMember);
    assert_eq!(world.moderator.post(&format!("{path}/reject"), json!({})).await.status, 204);
    server.settled().await;
}

/// Whoever may approve hears of each change of what waits, and nobody else.
#[tokio::test(flavor = "multi_thread")]
async fn moderators_hear_of_what_waits() {
    for mode in [Mode::Embedded, Mode::Cluster] {
        let server = Server::start(mode).await;
        let world = world(&server).await;
        let members = format!("/channels/{}/members", world.channel);
        let gone = world.app.user("gone").await;
        let role = json!({ "members": [{ "user_id": "gone", "role": "moderator" }] });
        world.app.server.post(&members, role).await.gives(200);
        assert_eq!(gone.post(&format!("/channels/{}/leave", world.channel), json!({})).await.status, 204);
        let owner = Listener::connect(&world.ann).await;
        let moderator = Listener::connect(&world.moderator).await;
        let others = [&world.ben, &world.cid, &gone];
        let others = [
            Listener::connect(others[0]).await,
            Listener::connect(others[1]).await,
            Listener::connect(others[2]).await,
        ];
        let kind = EventType::NotificationPendingMessages;
        let mut seen = 0;
        let mut told = async |what: &str| {
            for listener in [&owner, &moderator] {
                until(what, async || of_kind(listener, kind).len() > seen).await;
                let hint = of_kind(listener, kind).swap_remove(seen);
                assert_eq!((&hint.data, hint.seq), (&json!({ "channel_id": world.channel }), None), "{what}");
            }
            seen += 1;
        };
        let waits = world.ben.post(&world.messages(), json!({ "text": "may I?" })).await.gives(202);
        told("one more waits").await;
        let path = format!("/pending_messages/{}", id(&waits));
        world.ben.patch(&path, json!({ "text": "please?" })).await.gives(200);
        told("it says something else").await;
        world.moderator.post(&format!("{path}/approve"), json!({})).await.gives(200);
        told("it was approved").await;
        for (text, is_rejected) in [("no?", true), ("never mind", false)] {
            let waits = world.ben.post(&world.messages(), json!({ "text": text })).await.gives(202);
            told(text).await;
            let path = format!("/pending_messages/{}", id(&waits));
            let answer = if is_rejected {
                world.moderator.post(&format!("{path}/reject"), json!({})).await
            } else {
                world.ben.delete(&path).await
            };
            assert_eq!(answer.status, 204);
            told("it is gone").await;
        }
        server.settled().await;
        assert!(others.iter().all(|listener| of_kind(listener, kind).is_empty()));
    }
}

fn of_kind(listener: &Listener, kind: EventType) -> Vec<Envelope> {
    listener.events(&listener.user_topic).into_iter().filter(|event| event.kind == kind).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_approved_is_not_edited() {
    let server = Server::start(Mode::Embedded).await;
    let world = world(&server).await;
    let waits = world.ben.post(&world.messages(), json!({ "text": "hi" })).await.gives(202);
    let approve = format!("/pending_messages/{}/approve", id(&waits));
    let approved = world.moderator.post(&approve, json!({})).await.gives(200);
    let path = format!("/messages/{}", id(&approved));
    for change in [
        json!({ "text": "anything" }),
        json!({ "attachments": [{ "type": "image" }] }),
        json!({ "custom_set": { "shown": "anything" } }),
    ] {
        world.ben.patch(&path, change).await.refused(ErrorCode::ApprovalNeeded);
    }
    let title = json!({ "title": "anything" });
    world.ben.post(&format!("{path}/task"), title.clone()).await.refused(ErrorCode::ApprovalNeeded);
    assert_eq!(world.ben.get(&path).await.gives(200), approved);
    // A task of the words that were approved needs nobody; other words do.
    let task = world.ben.post(&format!("{path}/task"), json!({})).await.gives(201);
    let task = format!("/tasks/{}", id(&task));
    world.ben.patch(&task, title.clone()).await.refused(ErrorCode::ApprovalNeeded);
    world.ben.patch(&task, json!({ "title": "hi", "status": "done" })).await.gives(200);
    world.moderator.patch(&task, title).await.gives(200);
    let poll = json!({ "text": "?", "poll": { "options": ["yes", "no"], "suggestions": true } });
    let poll = world.send(&world.moderator, poll).await;
    let options = format!("/messages/{}/poll/options", id(&poll));
    world.ben.post(&options, json!({ "text": "anything" })).await.refused(ErrorCode::ApprovalNeeded);
    world.moderator.post(&options, json!({ "text": "perhaps" })).await.gives(200);
    assert_eq!(world.ben.patch(&path, json!({ "text": "hi" })).await.gives(200), approved, "it is as it was");
    let by_server = world.app.server.patch(&path, json!({ "text": "hi!" })).await.gives(200);
    assert_eq!(by_server["text"], "hi!");
    let own = world.send(&world.moderator, json!({ "text": "mine" })).await;
    let own = format!("/messages/{}", id(&own));
    world.moderator.patch(&own, json!({ "text": "mine still" })).await.gives(200);
    // Where nothing needs approval any more, edits don't either.
    world.configure(json!({ "messages_need_approval": false })).await;
    world.ben.patch(&path, json!({ "text": "anything" })).await.gives(200);
    server.settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_moderators_at_once_send_one_message() {
    let server = Server::start(Mode::Embedded).await;
    let world = world(&server).await;
    for round in 0..5 {
        let waits =
            world.ben.post(&world.messages(), json!({ "text": format!("n{round}") })).await.gives(202);
        let path = format!("/pending_messages/{}", id(&waits));
        let approve = format!("{path}/approve");
        let (one, two, gone) = tokio::join!(
            world.moderator.post(&approve, json!({})),
            world.ann.post(&approve, json!({})),
            world.ben.delete(&path),
        );
        let sent = world.ann.get(&format!("/messages/{}", id(&waits))).await;
        if sent.status == 200 {
            assert!(gone.status == 404 || gone.status == 409, "{gone:?}");
            for answer in [one, two] {
                assert_eq!(answer.gives(200)["seq"], sent.json["seq"]);
            }
        } else {
            assert_eq!((gone.status, one.status, two.status), (204, 404, 404));
        }
    }
    server.settled().await;
}

/// Who waited while another approved it is answered with what it has become; who waited while it was taken back, is not.
#[tokio::test(flavor = "multi_thread")]
async fn who_comes_second_is_told_what_became_of_it() {
    let server = Server::start(Mode::Embedded).await;
    let world = world(&server).await;
    let mut holding = server.db.admin().await;
    for is_sent in [true, false] {
        let waits = world.ben.post(&world.messages(), json!({ "text": "may I?" })).await.gives(202);
        let path = format!("/pending_messages/{}", id(&waits));
        let approve = format!("{path}/approve");
        server.settled().await;
        holding.batch_execute("BEGIN; SELECT FROM users WHERE id = 'ben' FOR UPDATE").await.unwrap();
        let first = async {
            if is_sent {
                world.moderator.post(&approve, json!({})).await
            } else {
                world.ben.delete(&path).await
            }
        };
        let second = async {
            until("the first waits", async || server.db.waiting().await >= 1).await;
            world.ann.post(&approve, json!({})).await
        };
        let release = async {
            until("both wait", async || server.db.waiting().await >= 2).await;
            holding.batch_execute("COMMIT").await.unwrap();
        };
        let (first, second, ()) = tokio::join!(first, second, release);
        if is_sent {
            assert_eq!(first.gives(200)["seq"], second.gives(200)["seq"]);
        } else {
            assert_eq!(first.status, 204);
            second.refused(ErrorCode::PendingNotFound);
        }
    }
    server.settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_forwarded_or_sent_later_waits_as_well() {
    let server = Server::start(Mode::Embedded).await;
    let world = world(&server).await;
    let source = world.send(&world.ann, json!({ "text": "source" })).await;
    let forward = json!({ "channel_ids": [world.channel] });
    let answer = world.ben.post(&format!("/messages/{}/forward", id(&source)), forward).await.gives(200);
    let pending = &answer["results"][0]["pending"];
    assert_eq!(pending["content"]["text"], "source");
    let path = format!("/pending_messages/{}/approve", id(pending));
    let sent = world.moderator.post(&path, json!({})).await.gives(200);
    assert_eq!(sent["forwarded_from"]["message_id"], source["id"]);

    let author = Listener::connect(&world.ben).await;
    let time = parlor_platform::clock::Clock::default().now() + chrono::Duration::seconds(6);
    let later = json!({ "text": "later", "send_at": time });
    let later =
        world.ben.post(&format!("/channels/{}/scheduled_messages", world.channel), later).await.gives(201);
    let told = author.next(&author.user_topic, 0, EventType::PendingMessageCreated).await;
    assert_eq!(told.data["pending_message"]["id"], later["id"]);
    let pending = author.next(&author.user_topic, 0, EventType::ScheduledMessagePending).await;
    let row = world.ben.get(&format!("/scheduled_messages/{}", id(&later))).await.gives(200);
    assert_eq!(
        (&row["state"], &row["content"], &row["error"]),
        (&json!("pending"), &json!(null), &json!(null))
    );
    assert_eq!((&pending.data["scheduled_message"], &json!(pending.seq)), (&row, &row["user_seq"]));
    assert!(
        world.ben.all("/scheduled_messages", "limit=10").await.is_empty(),
        "it waits in another list now"
    );
    let cancel = world.ben.delete(&format!("/scheduled_messages/{}", id(&later))).await;
    cancel.refused(ErrorCode::NotWaiting);
    let sent = author.events(&author.user_topic).into_iter().map(|event| event.kind);
    assert!(!sent.collect::<Vec<_>>().contains(&EventType::ScheduledMessageSent));
    let approve = format!("/pending_messages/{}/approve", id(&later));
    assert_eq!(world.moderator.post(&approve, json!({})).await.gives(200)["text"], "later");
    server.settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn so_many_wait_and_no_more() {
    let server = Server::start(Mode::Embedded).await;
    let world = world(&server).await;
    for n in 0..PENDING_MESSAGES {
        world.ben.post(&world.messages(), json!({ "text": format!("n{n}") })).await.gives(202);
    }
    world.ben.post(&world.messages(), json!({ "text": "one more" })).await.refused(ErrorCode::TooManyPending);
    world.cid.post(&world.messages(), json!({ "text": "mine" })).await.gives(202);
    let list = format!("/channels/{}/pending_messages", world.channel);
    assert_eq!(world.moderator.all(&list, "limit=30").await.len(), PENDING_MESSAGES + 1);
    world.configure(json!({ "messages_need_approval": false })).await;
    world.send(&world.ben, json!({ "text": "no longer" })).await;
    server.settled().await;
}
