//! The statements of a batch. All work on arrays, so their text is constant and their plan is kept.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use diesel::deserialize::Queryable;
use diesel::sql_types::{
    Array, BigInt, Bool, Int8, Jsonb, Nullable, Text, Timestamptz, Untyped, Uuid as SqlUuid,
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use parlor_platform::db::prepared;
use parlor_platform::{Error, Result};
use parlor_protocol::{ChannelType, Role, UserRef};
use serde_json::Value;
use uuid::Uuid;

use super::Item;
use super::plan::{ChannelState, Known, SenderState};
use crate::channels::store::config;
use crate::messages::store::{MessageColumns, MessageRow, message_columns};
use crate::polls;
use crate::users::store::user_id;

/// Holds the channels' rows, in the order of their ids, so that two nodes can't wait for each other.
pub async fn lock_channels(
    conn: &AsyncPgConnection,
    app: Uuid,
    ids: Vec<Uuid>,
) -> Result<HashMap<Uuid, ChannelState>> {
    let rows = prepared::<(SqlUuid, Text, Jsonb, Int8, Int8)>(
        "SELECT id, type, config, seq, ordinal FROM channels \
         WHERE app_id = ? AND id = ANY(?) AND deleted_at IS NULL ORDER BY id FOR NO KEY UPDATE",
    )
    .bind::<SqlUuid, _>(app)
    .bind::<Array<SqlUuid>, _>(ids)
    .load::<(Uuid, String, Value, i64, i64)>(&mut &*conn)
    .await?;
    rows.into_iter()
        .map(|(id, kind, stored, seq, ordinal)| {
            let kind = ChannelType::parse(&kind)
                .ok_or_else(|| Error::internal("a stored channel type is unknown"))?;
            Ok((id, ChannelState { kind, config: config(&stored)?, seq, ordinal }))
        })
        .collect()
}

#[derive(Queryable)]
struct SenderRow {
    at: i64,
    id: Option<String>,
    name: Option<String>,
    image: Option<String>,
    active: Option<bool>,
    role: Option<String>,
    history_from_seq: Option<i64>,
}

type SenderColumns =
    (BigInt, Nullable<Text>, Nullable<Text>, Nullable<Text>, Nullable<Bool>, Nullable<Text>, Nullable<Int8>);

/// The sender of each item, in the order of the items.
pub async fn senders(
    conn: &AsyncPgConnection,
    app: Uuid,
    items: &[Item],
) -> Result<Vec<Option<SenderState>>> {
    let rows =
        prepared::<SenderColumns>(
            "SELECT s.at, u.id, u.name, u.image, u.deactivated_at IS NULL, m.role, m.history_from_seq \
         FROM UNNEST(?, ?) WITH ORDINALITY AS s (channel, user_id, at) \
         LEFT JOIN LATERAL (SELECT id, name, image, deactivated_at FROM users WHERE app_id = ? AND id = s.user_id \
             OFFSET 0) u ON true \
         LEFT JOIN LATERAL (SELECT role, history_from_seq FROM channel_members WHERE app_id = ? AND channel_id = s.channel \
             AND user_id = s.user_id AND removed_at IS NULL OFFSET 0) m ON true",
        )
        .bind::<Array<SqlUuid>, _>(items.iter().map(|item| item.channel.0).collect::<Vec<_>>())
        .bind::<Array<Text>, _>(items.iter().map(|item| item.user.as_str()).collect::<Vec<_>>())
        .bind::<SqlUuid, _>(app)
        .bind::<SqlUuid, _>(app)
        .load::<SenderRow>(&mut &*conn)
        .await?;
    let mut senders = vec![None; items.len()];
    for row in rows {
        let place = usize::try_from(row.at - 1).ok().and_then(|at| senders.get_mut(at));
        if let (Some(place), Some(id)) = (place, row.id) {
            *place = Some(SenderState {
                user: UserRef { id: user_id(id)?, name: row.name, image: row.image },
                active: row.active.unwrap_or(false),
                role: row.role.as_deref().and_then(Role::parse),
                history_from_seq: row.history_from_seq.unwrap_or(0),
            });
        }
    }
    Ok(senders)
}

/// Messages of these ids, with what tells a retry and what its sender is answered.
pub async fn known(conn: &AsyncPgConnection, app: Uuid, ids: Vec<Uuid>) -> Result<HashMap<Uuid, Known>> {
    let rows = prepared::<(MessageColumns, Int8, Array<Text>)>(concat!(
        "SELECT ",
        message_columns!(),
        ", m.fingerprint, ARRAY(SELECT r.kind FROM reactions r WHERE r.app_id = m.app_id AND r.message_id = m.id \
             AND r.user_id = m.user_id ORDER BY r.seq) \
         FROM messages m CROSS JOIN LATERAL (SELECT u.name, u.image FROM users u WHERE u.app_id = m.app_id \
             AND u.id = m.user_id OFFSET 0) u \
         WHERE m.app_id = ? AND m.id = ANY(?)"
    ))
    .bind::<SqlUuid, _>(app)
    .bind::<Array<SqlUuid>, _>(ids)
    .load::<(MessageRow, i64, Vec<String>)>(&mut &*conn)
    .await?;
    let known = |(row, fingerprint, own_reactions): (MessageRow, _, _)| {
        (row.id, Known { row, fingerprint, own_reactions })
    };
    Ok(rows.into_iter().map(known).collect())
}

/// Of these users, those that exist.
pub async fn existing(conn: &AsyncPgConnection, app: Uuid, ids: Vec<&str>) -> Result<HashSet<String>> {
    if ids.is_empty() {
        return Ok(HashSet::new());
    }
    let rows = prepared::<Text>("SELECT id FROM users WHERE app_id = ? AND id = ANY(?)")
        .bind::<SqlUuid, _>(app)
        .bind::<Array<Text>, _>(ids)
        .load::<String>(&mut &*conn)
        .await?;
    Ok(rows.into_iter().collect())
}

/// Moves the channels' numbers to where the batch ends. Gives how many there were.
pub async fn advance(
    conn: &AsyncPgConnection,
    app: Uuid,
    channels: &[(Uuid, i64, i64)],
    now: DateTime<Utc>,
) -> Result<usize> {
    Ok(prepared::<Untyped>(
        "MERGE INTO channels c USING (SELECT ? AS now, ? AS app, v.* FROM UNNEST(?, ?, ?) AS v (id, seq, ordinal)) v \
         ON c.app_id = v.app AND c.id = v.id \
         WHEN MATCHED THEN UPDATE SET seq = v.seq, ordinal = v.ordinal, last_message_at = v.now \
         WHEN NOT MATCHED AND false THEN INSERT DEFAULT VALUES",
    )
    .bind::<Timestamptz, _>(now)
    .bind::<SqlUuid, _>(app)
    .bind::<Array<SqlUuid>, _>(channels.iter().map(|(id, _, _)| *id).collect::<Vec<_>>())
    .bind::<Array<Int8>, _>(channels.iter().map(|(_, seq, _)| *seq).collect::<Vec<_>>())
    .bind::<Array<Int8>, _>(channels.iter().map(|(_, _, ordinal)| *ordinal).collect::<Vec<_>>())
    .execute(&mut &*conn)
    .await?)
}

/// An accepted item.
pub struct NewMessage<'a> {
    pub item: &'a Item,
    pub seq: i64,
    pub ordinal: i64,
    pub countable: bool,
}

/// Writes the messages. Gives how many there were.
pub async fn insert(
    conn: &AsyncPgConnection,
    app: Uuid,
    new: &[NewMessage<'_>],
    now: DateTime<Utc>,
) -> Result<usize, diesel::result::Error> {
    fn json<T: serde::Serialize>(value: &T, empty: bool) -> Option<Value> {
        if empty { None } else { serde_json::to_value(value).ok() }
    }
    // Mentions travel as JSON: UNNEST would flatten an array of arrays.
    prepared::<Untyped>(
        "INSERT INTO messages (app_id, id, channel_id, user_id, seq, updated_seq, ordinal, countable, text, \
             attachments, mentions, custom, poll, parent_id, reply_to_id, fingerprint, created_at) \
         SELECT ?, r.id, r.channel, r.author, r.seq, r.seq, r.ordinal, r.countable, r.body, r.attachments, \
             CASE WHEN r.mentions IS NOT NULL THEN ARRAY(SELECT jsonb_array_elements_text(r.mentions)) END, \
             r.custom, r.poll, r.parent, r.quoted, r.fingerprint, ? \
         FROM UNNEST(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) AS r (id, channel, author, seq, ordinal, countable, body, \
             attachments, mentions, custom, poll, parent, quoted, fingerprint)",
    )
    .bind::<SqlUuid, _>(app)
    .bind::<Timestamptz, _>(now)
    .bind::<Array<SqlUuid>, _>(new.iter().map(|new| new.item.id.0).collect::<Vec<_>>())
    .bind::<Array<SqlUuid>, _>(new.iter().map(|new| new.item.channel.0).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(new.iter().map(|new| new.item.user.as_str()).collect::<Vec<_>>())
    .bind::<Array<Int8>, _>(new.iter().map(|new| new.seq).collect::<Vec<_>>())
    .bind::<Array<Int8>, _>(new.iter().map(|new| new.ordinal).collect::<Vec<_>>())
    .bind::<Array<Bool>, _>(new.iter().map(|new| new.countable).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(new.iter().map(|new| new.item.content.text.as_str()).collect::<Vec<_>>())
    .bind::<Array<Nullable<Jsonb>>, _>(
        new.iter().map(|new| json(&new.item.content.attachments, new.item.content.attachments.is_empty())).collect::<Vec<_>>(),
    )
    .bind::<Array<Nullable<Jsonb>>, _>(
        new.iter().map(|new| json(&new.item.content.mentions, new.item.content.mentions.is_empty())).collect::<Vec<_>>(),
    )
    .bind::<Array<Nullable<Jsonb>>, _>(
        new.iter().map(|new| json(&new.item.content.custom, new.item.content.custom.0.is_empty())).collect::<Vec<_>>(),
    )
    .bind::<Array<Nullable<Jsonb>>, _>(
        new.iter().map(|new| new.item.content.poll.clone().and_then(|poll| json(&polls::created(poll), false))).collect::<Vec<_>>(),
    )
    .bind::<Array<Nullable<SqlUuid>>, _>(new.iter().map(|new| new.item.content.parent_id.map(|id| id.0)).collect::<Vec<_>>())
    .bind::<Array<Nullable<SqlUuid>>, _>(new.iter().map(|new| new.item.content.reply_to_id.map(|id| id.0)).collect::<Vec<_>>())
    .bind::<Array<Int8>, _>(new.iter().map(|new| new.item.fingerprint).collect::<Vec<_>>())
    .execute(&mut &*conn)
    .await
}

/// Moves each sender's own read pointer to their last countable message.
pub async fn read_own(
    conn: &AsyncPgConnection,
    app: Uuid,
    last: &[(Uuid, &str, i64, i64, Uuid)],
    now: DateTime<Utc>,
) -> Result<()> {
    prepared::<Untyped>(
        "MERGE INTO channel_members m USING (SELECT ? AS now, ? AS app, v.* \
             FROM UNNEST(?, ?, ?, ?, ?) AS v (channel, user_id, seq, ordinal, message)) v \
         ON m.app_id = v.app AND m.channel_id = v.channel AND m.user_id = v.user_id \
         WHEN MATCHED AND m.read_seq < v.seq THEN UPDATE SET read_seq = v.seq, read_ordinal = v.ordinal, \
             read_at = v.now, last_read_message_id = v.message \
         WHEN NOT MATCHED AND false THEN INSERT DEFAULT VALUES",
    )
    .bind::<Timestamptz, _>(now)
    .bind::<SqlUuid, _>(app)
    .bind::<Array<SqlUuid>, _>(last.iter().map(|row| row.0).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(last.iter().map(|row| row.1).collect::<Vec<_>>())
    .bind::<Array<Int8>, _>(last.iter().map(|row| row.2).collect::<Vec<_>>())
    .bind::<Array<Int8>, _>(last.iter().map(|row| row.3).collect::<Vec<_>>())
    .bind::<Array<SqlUuid>, _>(last.iter().map(|row| row.4).collect::<Vec<_>>())
    .execute(&mut &*conn)
    .await?;
    Ok(())
}
