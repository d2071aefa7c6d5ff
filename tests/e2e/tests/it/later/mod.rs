//! What is for later: drafts, messages to be sent at a time, reminders.

mod delivery;
mod drafts;
mod faults;
mod reminders;
mod rights;
mod scheduled;
mod tombstones;

use chrono::{DateTime, Duration, SecondsFormat, Utc};
use diesel::QueryableByName;
use diesel::sql_types::BigInt;
use parlor_e2e::{Client, Listener, Server};
use parlor_platform::clock::Clock;
use parlor_protocol::{Envelope, EventType, MessageId};
use serde_json::{Value, json};

/// So many seconds from now.
fn ahead(seconds: i64) -> DateTime<Utc> {
    Clock::default().now() + Duration::seconds(seconds)
}

/// As it stands on the wire.
fn text(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Micros, true)
}

/// Whether a time on the wire is this one.
#[track_caller]
fn same_time(wire: &Value, time: DateTime<Utc>) {
    assert_eq!(wire.as_str().and_then(|wire| wire.parse::<DateTime<Utc>>().ok()), Some(time), "{wire}");
}

/// A message as events tell it, without what is its reader's own.
fn told(mut message: Value) -> Value {
    message.as_object_mut().unwrap().remove("own_reactions");
    message
}

/// Schedules a text for an hour from now.
async fn schedule(user: &Client, channel: &str, text_: &str) -> Value {
    let body = json!({ "id": MessageId::new(), "send_at": text(ahead(3600)), "text": text_ });
    user.post(&format!("/channels/{channel}/scheduled_messages"), body).await.gives(201)
}

/// The time of everything that waits has come: what lies an hour ahead need not be waited for.
async fn make_due(server: &Server) {
    server
        .db
        .execute(
            "UPDATE scheduled_messages SET send_at = now() WHERE state = 'waiting'; \
             UPDATE reminders SET remind_at = now() WHERE state = 'waiting' AND deleted_at IS NULL; \
             UPDATE due SET available_at = now()",
        )
        .await;
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

/// How many rows of a table, or of a part of it.
async fn count(server: &Server, what: &str) -> i64 {
    // In here, because the trait has an `execute` for everything.
    use diesel_async::RunQueryDsl;
    let sql = format!("SELECT count(*) AS count FROM {what}");
    diesel::sql_query(sql).get_result::<Count>(&mut server.db.admin().await).await.unwrap().count
}

/// The user's own `seq`.
async fn user_seq(server: &Server, user: &str) -> i64 {
    use diesel_async::RunQueryDsl;
    let sql = format!("SELECT seq AS count FROM users WHERE id = '{user}'");
    diesel::sql_query(sql).get_result::<Count>(&mut server.db.admin().await).await.unwrap().count
}

/// The events of a kind on the user's own channel so far.
fn own_events(listener: &Listener, kind: EventType) -> Vec<Envelope> {
    listener.events(&listener.user_topic).into_iter().filter(|event| event.kind == kind).collect()
}

/// Waits for so many events of a kind on the user's own channel, and gives them; more are a mistake.
async fn heard(listener: &Listener, kind: EventType, expected: usize) -> Vec<Envelope> {
    parlor_e2e::until(kind.as_str(), async || own_events(listener, kind).len() >= expected).await;
    let events = own_events(listener, kind);
    assert_eq!(events.len(), expected, "{events:?}");
    for event in &events {
        assert_eq!(event.seq.zip(event.prev_seq).map(|(seq, prev)| seq - prev), Some(1), "{event:?}");
    }
    events
}
