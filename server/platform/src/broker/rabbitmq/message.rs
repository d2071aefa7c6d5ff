//! The form of a job as a message.
//!
//! The body is the payload. `message_id` is the event's id; the headers `app`, `topic` and `attempt` (the
//! first is 1) say the rest, as a copy on a rung has lost its routing key. A dead letter also has `reason`,
//! `error`, `attempts` and `died_at`; `replay` names the last replay. RabbitMQ adds headers of its own, all
//! with the prefix `x-`, which copies leave behind: a message that it finds to go in circles it would drop.

use chrono::{DateTime, SecondsFormat, Utc};
use lapin::BasicProperties;
use lapin::types::{AMQPValue, FieldTable};
use parlor_protocol::{AppId, EventId};
use uuid::Uuid;

use super::topology::name;
use crate::broker::{DeadLetter, Delivery};
use crate::error::Result;
use crate::outbox::relay::Row;

const PERSISTENT: u8 = 2;
/// Bytes of an error's text that are kept: headers must fit into one frame.
const ERROR_BYTES: usize = 4096;
/// What dying adds.
const DEATH: [&str; 4] = ["reason", "error", "attempts", "died_at"];

/// A row of the outbox, before its first attempt.
pub(super) fn of_row(row: &Row) -> Result<BasicProperties> {
    let mut headers = FieldTable::default();
    headers.insert("app".into(), text(&row.app_id.to_string()));
    headers.insert("topic".into(), text(&row.topic));
    headers.insert("attempt".into(), AMQPValue::LongLongInt(1));
    Ok(BasicProperties::default()
        .with_content_type("application/json".into())
        .with_delivery_mode(PERSISTENT)
        .with_message_id(name(row.event_id.to_string())?)
        .with_timestamp(u64::try_from(row.created_at.timestamp()).unwrap_or_default())
        .with_headers(headers))
}

/// A copy for another attempt.
pub(super) fn for_attempt(original: &BasicProperties, attempt: i64) -> BasicProperties {
    copy(original, [("attempt", AMQPValue::LongLongInt(attempt))])
}

/// A copy for the first attempt of another run, with a mark that it keeps.
pub(super) fn for_replay(original: &BasicProperties, mark: &str) -> BasicProperties {
    copy(original, [("attempt", AMQPValue::LongLongInt(1)), ("replay", text(mark))])
}

/// Whether it was put back under this mark.
pub(super) fn is_from_replay(properties: &BasicProperties, mark: &str) -> bool {
    text_header(properties, "replay").is_some_and(|replay| replay == mark)
}

/// A copy for the dead-letter queue.
pub(super) fn for_death(
    original: &BasicProperties,
    reason: &str,
    error: &str,
    attempts: i64,
    now: DateTime<Utc>,
) -> BasicProperties {
    let error = &error[..error.floor_char_boundary(ERROR_BYTES)];
    copy(
        original,
        [
            ("reason", text(reason)),
            ("error", text(error)),
            ("attempts", AMQPValue::LongLongInt(attempts)),
            ("died_at", text(&now.to_rfc3339_opts(SecondsFormat::Micros, true))),
        ],
    )
}

fn copy<const N: usize>(original: &BasicProperties, set: [(&str, AMQPValue); N]) -> BasicProperties {
    let mut headers = FieldTable::default();
    for (key, value) in original.headers().iter().flat_map(FieldTable::inner) {
        if !key.as_str().starts_with("x-") && !DEATH.contains(&key.as_str()) {
            headers.insert(key.clone(), value.clone());
        }
    }
    for (key, value) in set {
        headers.insert(key.into(), value);
    }
    original.clone().with_delivery_mode(PERSISTENT).with_headers(headers)
}

/// Reads a job and which attempt this is, or says what is wrong with it.
pub(super) fn decode(properties: &BasicProperties, body: &[u8]) -> Result<(Delivery, i64), String> {
    let uuid = |what: &str, text: Option<String>| match text {
        Some(text) => text.parse::<Uuid>().map_err(|error| format!("{what}: {error}")),
        None => Err(format!("{what} is missing")),
    };
    let payload = std::str::from_utf8(body).map_err(|error| format!("the body: {error}"))?;
    serde_json::from_str::<serde::de::IgnoredAny>(payload).map_err(|error| format!("the body: {error}"))?;
    let delivery = Delivery {
        event_id: uuid("message_id", message_id(properties))?.into(),
        app: uuid("header app", text_header(properties, "app"))?.into(),
        topic: text_header(properties, "topic").ok_or("header topic is missing")?,
        payload: payload.to_owned(),
    };
    Ok((delivery, number_header(properties, "attempt").unwrap_or(1)))
}

/// Reads a dead letter, however little of it can be read.
pub(super) fn dead_letter(consumer: &str, properties: &BasicProperties) -> DeadLetter {
    let header = |key| text_header(properties, key);
    let uuid = |text: Option<String>| text.and_then(|text| text.parse::<Uuid>().ok()).unwrap_or_default();
    let died_at = header("died_at").and_then(|text| DateTime::parse_from_rfc3339(&text).ok());
    let reason = header("reason").or_else(|| header("x-first-death-reason")).unwrap_or_default();
    let error = match (reason.as_str(), header("error")) {
        (_, Some(error)) => error,
        ("delivery_limit", None) => "each worker that had it ended before it answered".to_owned(),
        _ => reason,
    };
    DeadLetter {
        event_id: EventId(event_id(properties).unwrap_or_default()),
        app: AppId(uuid(header("app"))),
        consumer: consumer.to_owned(),
        topic: header("topic").unwrap_or_default(),
        attempts: number_header(properties, "attempts")
            .or_else(|| number_header(properties, "attempt"))
            .unwrap_or_default(),
        error,
        died_at: died_at.map(|at| at.to_utc()).or_else(|| broker_death(properties)),
    }
}

/// The event's id.
pub(super) fn event_id(properties: &BasicProperties) -> Option<Uuid> {
    message_id(properties)?.parse().ok()
}

fn message_id(properties: &BasicProperties) -> Option<String> {
    properties.message_id().as_ref().map(ToString::to_string)
}

/// When RabbitMQ itself gave a message up.
fn broker_death(properties: &BasicProperties) -> Option<DateTime<Utc>> {
    let AMQPValue::FieldTable(latest) = header(properties, "x-death")?.as_array()?.as_slice().first()? else {
        return None;
    };
    let AMQPValue::Timestamp(seconds) = latest.inner().get("time")? else { return None };
    DateTime::from_timestamp(i64::try_from(*seconds).ok()?, 0)
}

fn header<'a>(properties: &'a BasicProperties, key: &str) -> Option<&'a AMQPValue> {
    properties.headers().as_ref()?.inner().get(key)
}

fn text_header(properties: &BasicProperties, key: &str) -> Option<String> {
    match header(properties, key)? {
        AMQPValue::LongString(text) => String::from_utf8(text.as_bytes().to_vec()).ok(),
        AMQPValue::ShortString(text) => Some(text.to_string()),
        _ => None,
    }
}

fn number_header(properties: &BasicProperties, key: &str) -> Option<i64> {
    match header(properties, key)? {
        AMQPValue::LongLongInt(number) => Some(*number),
        AMQPValue::LongInt(number) => Some(i64::from(*number)),
        _ => None,
    }
}

fn text(text: &str) -> AMQPValue {
    AMQPValue::LongString(text.into())
}
