//! The statements of a batch. All work on arrays, so their text is constant and their plan is kept.

mod threads;

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use diesel::deserialize::Queryable;
use diesel::sql_types::{
    Array, BigInt, Bool, Int4, Int8, Jsonb, Nullable, Text, Timestamptz, Untyped, Uuid as SqlUuid,
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use parlor_platform::db::prepared;
use parlor_platform::{Error, Result};
use parlor_protocol::message::Quoted;
use parlor_protocol::{ChannelType, ContentType, Role, UserRef};
use serde_json::Value;
use uuid::Uuid;

pub use threads::*;

use super::Item;
use super::plan::{ChannelState, Known, Present, SenderState};
use crate::channels::store::config;
use crate::content::attachments;
use crate::messages::store::{MessageColumns, MessageRow, json, message_columns};
use crate::polls;
use crate::users::store::user_id;

/// Holds the channels' rows, in the order of their ids, so that two nodes can't wait for each other.
pub async fn lock_channels(
    conn: &AsyncPgConnection,
    app: Uuid,
    ids: Vec<Uuid>,
) -> Result<HashMap<Uuid, ChannelState>> {
    let rows = prepared::<(SqlUuid, Text, Jsonb, Int8, Int8, Int8, Int4)>(
        "SELECT id, type, config, seq, ordinal, truncated_seq, member_count FROM channels \
         WHERE app_id = ? AND id = ANY(?) AND deleted_at IS NULL ORDER BY id FOR NO KEY UPDATE",
    )
    .bind::<SqlUuid, _>(app)
    .bind::<Array<SqlUuid>, _>(ids)
    .load::<(Uuid, String, Value, i64, i64, i64, i32)>(&mut &*conn)
    .await?;
    rows.into_iter()
        .map(|(id, kind, stored, seq, ordinal, truncated_seq, member_count)| {
            let kind = ChannelType::parse(&kind)
                .ok_or_else(|| Error::internal("a stored channel type is unknown"))?;
            let config = config(&stored)?;
            Ok((id, ChannelState { kind, config, seq, ordinal, truncated_seq, member_count }))
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
             AND r.user_id = m.user_id AND m.deleted_at IS NULL ORDER BY r.seq) \
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

/// Of these pairs of channel and user, those where the user is in the channel.
pub async fn present(conn: &AsyncPgConnection, app: Uuid, pairs: Vec<(Uuid, &str)>) -> Result<Present> {
    if pairs.is_empty() {
        return Ok(Present::new());
    }
    let rows = prepared::<(SqlUuid, Text)>(
        "SELECT r.channel, r.reader FROM UNNEST(?, ?) AS r (channel, reader) \
         CROSS JOIN LATERAL (SELECT FROM channel_members WHERE app_id = ? AND channel_id = r.channel \
             AND user_id = r.reader AND removed_at IS NULL OFFSET 0) m",
    )
    .bind::<Array<SqlUuid>, _>(pairs.iter().map(|(channel, _)| *channel).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(pairs.iter().map(|(_, reader)| *reader).collect::<Vec<_>>())
    .bind::<SqlUuid, _>(app)
    .load::<(Uuid, String)>(&mut &*conn)
    .await?;
    Ok(rows.into_iter().collect())
}

/// Of these groups, those that exist.
pub async fn groups(conn: &AsyncPgConnection, app: Uuid, ids: Vec<Uuid>) -> Result<HashSet<Uuid>> {
    if ids.is_empty() {
        return Ok(HashSet::new());
    }
    let rows = prepared::<SqlUuid>("SELECT id FROM user_groups WHERE app_id = ? AND id = ANY(?)")
        .bind::<SqlUuid, _>(app)
        .bind::<Array<SqlUuid>, _>(ids)
        .load::<Uuid>(&mut &*conn)
        .await?;
    Ok(rows.into_iter().collect())
}

/// Where a batch leaves a channel.
#[derive(Clone, Copy, Debug)]
pub struct After {
    pub channel: Uuid,
    pub seq: i64,
    pub ordinal: i64,
    /// Whether there is a message that all may read.
    pub told: bool,
}

/// Moves the channels' numbers to where the batch ends. Gives how many there were.
pub async fn advance(
    conn: &AsyncPgConnection,
    app: Uuid,
    channels: &[After],
    now: DateTime<Utc>,
) -> Result<usize> {
    Ok(prepared::<Untyped>(
        "MERGE INTO channels c USING (SELECT ? AS now, ? AS app, v.* FROM UNNEST(?, ?, ?, ?) AS v (id, seq, ordinal, told)) v \
         ON c.app_id = v.app AND c.id = v.id \
         WHEN MATCHED THEN UPDATE SET seq = v.seq, ordinal = v.ordinal, \
             last_message_at = CASE WHEN v.told THEN v.now ELSE c.last_message_at END \
         WHEN NOT MATCHED AND false THEN INSERT DEFAULT VALUES",
    )
    .bind::<Timestamptz, _>(now)
    .bind::<SqlUuid, _>(app)
    .bind::<Array<SqlUuid>, _>(channels.iter().map(|after| after.channel).collect::<Vec<_>>())
    .bind::<Array<Int8>, _>(channels.iter().map(|after| after.seq).collect::<Vec<_>>())
    .bind::<Array<Int8>, _>(channels.iter().map(|after| after.ordinal).collect::<Vec<_>>())
    .bind::<Array<Bool>, _>(channels.iter().map(|after| after.told).collect::<Vec<_>>())
    .execute(&mut &*conn)
    .await?)
}

/// An accepted item.
pub struct NewMessage<'a> {
    pub item: &'a Item,
    pub seq: i64,
    pub ordinal: i64,
    pub countable: bool,
    /// Of a reply: which one of its thread.
    pub thread_ordinal: Option<i64>,
    pub quoted: Option<Quoted>,
}

/// Writes the messages. Gives how many there were.
pub async fn insert(
    conn: &AsyncPgConnection,
    app: Uuid,
    new: &[NewMessage<'_>],
    now: DateTime<Utc>,
) -> Result<usize, diesel::result::Error> {
    // Lists of users travel as JSON: UNNEST would flatten an array of arrays.
    prepared::<Untyped>(
        "INSERT INTO messages (app_id, id, channel_id, user_id, seq, updated_seq, ordinal, countable, text, \
             attachments, mentions, custom, poll, parent_id, reply_to_id, fingerprint, in_timeline, thread_ordinal, quoted, \
             forwarded_from, content_type, content, group_mentions, silent, visible_to, live_until, created_at) \
         SELECT ?, r.id, r.channel, r.author, r.seq, r.seq, r.ordinal, r.countable, r.body, r.attachments, \
             CASE WHEN r.mentions IS NOT NULL THEN ARRAY(SELECT jsonb_array_elements_text(r.mentions)) END, \
             r.custom, r.poll, r.parent, r.reply_to, r.fingerprint, r.in_timeline, r.thread_ordinal, r.quoted, r.forwarded, \
             r.kind, r.content, r.groups, r.silent, \
             CASE WHEN r.visible_to IS NOT NULL THEN ARRAY(SELECT jsonb_array_elements_text(r.visible_to)) END, r.live_until, ? \
         FROM UNNEST(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) AS r (id, channel, author, seq, ordinal, countable, body, \
             attachments, mentions, custom, poll, parent, reply_to, fingerprint, in_timeline, thread_ordinal, quoted, forwarded, \
             kind, content, groups, silent, visible_to, live_until)",
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
    .bind::<Array<Bool>, _>(new.iter().map(|new| new.item.in_timeline()).collect::<Vec<_>>())
    .bind::<Array<Nullable<Int8>>, _>(new.iter().map(|new| new.thread_ordinal).collect::<Vec<_>>())
    .bind::<Array<Nullable<Jsonb>>, _>(new.iter().map(|new| json(&new.quoted, new.quoted.is_none())).collect::<Vec<_>>())
    .bind::<Array<Nullable<Jsonb>>, _>(
        new.iter().map(|new| json(&new.item.forwarded_from, new.item.forwarded_from.is_none())).collect::<Vec<_>>(),
    )
    .bind::<Array<Nullable<Text>>, _>(
        new.iter().map(|new| new.item.content.content_type.map(ContentType::as_str)).collect::<Vec<_>>(),
    )
    .bind::<Array<Nullable<Jsonb>>, _>(
        new.iter().map(|new| json(&new.item.content.content, new.item.content.content.is_none())).collect::<Vec<_>>(),
    )
    .bind::<Array<Nullable<Jsonb>>, _>(
        new.iter()
            .map(|new| json(&new.item.content.group_mentions, new.item.content.group_mentions.is_empty()))
            .collect::<Vec<_>>(),
    )
    .bind::<Array<Bool>, _>(new.iter().map(|new| new.item.content.silent).collect::<Vec<_>>())
    .bind::<Array<Nullable<Jsonb>>, _>(
        new.iter().map(|new| json(&new.item.content.visible_to, new.item.content.visible_to.is_none())).collect::<Vec<_>>(),
    )
    .bind::<Array<Nullable<Timestamptz>>, _>(
        new.iter()
            .map(|new| attachments::live_location(&new.item.content.attachments).map(|(_, end)| end))
            .collect::<Vec<_>>(),
    )
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
