//! Scheduled messages while processes die and several work: nothing is lost, nothing is said twice.

use std::collections::BTreeSet;

use parlor_e2e::{Listener, Mode, Server, until};
use parlor_protocol::EventType;

use super::delivery::{all_were_sent_once, crowd};
use super::{count, heard, make_due};

/// Kills everything at moments that nobody chose, while hundreds are being sent.
async fn killed(mode: Mode) {
    // Few in a transaction, so that sending takes its time.
    let mut server = Server::start_with(mode, &[("PARLOR_CHAT_SEND_BATCH", "4")]).await;
    let app = server.app("acme").await;
    let crowd = crowd(&app, 6).await;
    make_due(&server).await;
    let mut halfway = 0;
    for round in 1..=4 {
        until("some more are sent", async || {
            count(&server, "messages").await >= round * 90 || count(&server, "due").await == 0
        })
        .await;
        server.kill().await;
        let (sent, left) = (count(&server, "messages").await, count(&server, "due").await);
        println!("{mode:?}: killed with {sent} sent and {left} to be noted");
        halfway += u32::from(left > 0);
        server.launch().await;
        // What the dead had claimed is given to others when its lease is over; nobody wants to wait for that.
        server.db.execute("UPDATE due SET available_at = now() WHERE available_at > now()").await;
    }
    assert!(halfway > 0, "everything was over before the first kill");
    all_were_sent_once(&server, &crowd).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn kill_minus_nine_while_sending_embedded() {
    killed(Mode::Embedded).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn kill_minus_nine_while_sending_cluster() {
    killed(Mode::Cluster).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_sent_before_its_worker_died_is_noted_later_and_not_said_again() {
    let server = Server::start(Mode::Embedded).await;
    let app = server.app("acme").await;
    let crowd = crowd(&app, 1).await;
    let (user, channel) = &crowd[0];
    make_due(&server).await;
    all_were_sent_once(&server, &crowd).await;
    // As a worker leaves it that dies between sending and noting, after which the author loses their rights.
    server
        .db
        .execute(
            "UPDATE scheduled_messages s SET state = 'sending', content = jsonb_build_object('text', m.text) \
                 FROM messages m WHERE m.id = s.id; \
             INSERT INTO due (app_id, kind, user_id, id, available_at) \
                 SELECT app_id, 'scheduled_message', user_id, id, now() + interval '1 hour' FROM scheduled_messages",
        )
        .await;
    app.server.post(&format!("/users/{}/deactivate", user.id), serde_json::json!({})).await.gives(200);
    server.db.execute("UPDATE due SET available_at = now()").await;
    until("all are noted", async || count(&server, "due").await == 0).await;
    assert_eq!(count(&server, "scheduled_messages WHERE state = 'sent' AND error IS NULL").await, 100);
    let view = app.server.get(&format!("/channels/{channel}")).await.gives(200);
    assert_eq!(view["seq"], 101, "nothing was said again");
    server.settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn several_workers_share_what_is_due_and_one_may_die() {
    let server = Server::start(Mode::Cluster).await;
    let app = server.app("acme").await;
    let crowd = crowd(&app, 8).await;
    let phone = Listener::connect(&crowd[0].0).await;
    let (_second, third) = (server.another_worker(), server.another_worker());
    // Both have begun to look for work once their connections are there.
    let ours = "pg_stat_activity WHERE datname = current_database() AND application_name = 'parlor'";
    until("the workers are connected", async || count(&server, ours).await >= 6).await;
    make_due(&server).await;
    until("some are sent", async || count(&server, "messages").await > 100).await;
    drop(third);
    // What was claimed before by who is gone, and by who still has it: both may send it, and it is one message.
    server.db.execute("UPDATE due SET available_at = now()").await;
    all_were_sent_once(&server, &crowd).await;
    let told = heard(&phone, EventType::ScheduledMessageSent, 100).await;
    let ids: BTreeSet<&str> =
        told.iter().filter_map(|event| event.data["scheduled_message"]["id"].as_str()).collect();
    assert_eq!(ids.len(), 100, "each is told once");
}
