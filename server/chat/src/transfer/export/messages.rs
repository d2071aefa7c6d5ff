//! Messages of an export: of a channel, or of a user.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use diesel::prelude::Queryable;
use diesel::sql_types::{Array, Bool, Int8, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use parlor_platform::db::{TenantTx, prepared};
use parlor_platform::{Error, Result};
use parlor_protocol::transfer::{MessageLine, VoteLine};
use parlor_protocol::{ContentType, Poll, UserId};
use serde::de::DeserializeOwned;
use serde_json::Value;
use uuid::Uuid;

use crate::users::store::{custom, user_id};

/// A message with its id.
pub struct Told {
    pub id: Uuid,
    pub line: MessageLine,
}

#[derive(Queryable)]
struct MessageRow {
    id: Uuid,
    cid: String,
    user_id: String,
    text: String,
    content_type: Option<String>,
    content: Option<Value>,
    attachments: Option<Value>,
    mentions: Option<Vec<String>>,
    group_mentions: Option<Value>,
    silent: bool,
    visible_to: Option<Vec<String>>,
    custom: Option<Value>,
    /// Parent and quoted message, where they are there.
    parent_id: Option<Uuid>,
    reply_to_id: Option<Uuid>,
    in_timeline: bool,
    poll: Option<Value>,
    pinned: Option<Value>,
    forwarded_from: Option<Value>,
    created_at: DateTime<Utc>,
    edited_at: Option<DateTime<Utc>>,
    deleted_at: Option<DateTime<Utc>>,
}

type MessageColumns = (
    SqlUuid,
    Text,
    Text,
    Text,
    Nullable<Text>,
    Nullable<Jsonb>,
    Nullable<Jsonb>,
    Nullable<Array<Text>>,
    Nullable<Jsonb>,
    Bool,
    Nullable<Array<Text>>,
    Nullable<Jsonb>,
    Nullable<SqlUuid>,
    Nullable<SqlUuid>,
    Bool,
    Nullable<Jsonb>,
    Nullable<Jsonb>,
    Nullable<Jsonb>,
    Timestamptz,
    Nullable<Timestamptz>,
    Nullable<Timestamptz>,
);

/// What is told of `messages m` in the channel `c`, without what was truncated. A reply that only stands in a thread whose root is gone is gone with it.
macro_rules! told {
    ($from:literal, $rest:literal) => {
        concat!(
            "SELECT m.id, c.cid, m.user_id, m.text, m.content_type, m.content, m.attachments, m.mentions, \
                 m.group_mentions, m.silent, m.visible_to, m.custom, p.id, q.id, m.in_timeline, m.poll, m.pinned, m.forwarded_from, m.created_at, m.edited_at, m.deleted_at FROM ",
            $from,
            " LEFT JOIN LATERAL (SELECT id FROM messages WHERE app_id = m.app_id AND id = m.parent_id AND NOT erased \
                 AND NOT shadowed AND seq > c.truncated_seq OFFSET 0) p ON true \
             LEFT JOIN LATERAL (SELECT id FROM messages WHERE app_id = m.app_id AND id = m.reply_to_id AND NOT erased \
                 AND NOT shadowed AND seq > c.truncated_seq OFFSET 0) q ON true \
             WHERE NOT m.erased AND NOT m.shadowed AND m.seq > c.truncated_seq AND (m.in_timeline OR p.id IS NOT NULL) AND ",
            $rest
        )
    };
}

/// Where a page of a channel ends that begins after a `seq`: neither the timeline nor the replies beside it have more than
/// `rows` up to there, told or not. `None`: nothing comes after it.
pub async fn end_of_page(tx: &TenantTx, channel: Uuid, after: i64, rows: i64) -> Result<Option<i64>> {
    Ok(prepared::<Nullable<Int8>>(
        "SELECT least( \
             (SELECT seq FROM messages WHERE app_id = v.app AND channel_id = v.channel AND in_timeline AND seq > v.after \
                 ORDER BY seq OFFSET v.most - 1 LIMIT 1), \
             (SELECT seq FROM messages WHERE app_id = v.app AND channel_id = v.channel AND NOT in_timeline \
                 AND seq > v.after ORDER BY seq OFFSET v.most - 1 LIMIT 1)) \
         FROM (SELECT ?::uuid AS app, ?::uuid AS channel, ?::bigint AS after, ?::bigint AS most) v",
    )
    .bind::<SqlUuid, _>(tx.app())
    .bind::<SqlUuid, _>(channel)
    .bind::<Int8, _>(after)
    .bind::<Int8, _>(rows)
    .get_result(&mut tx.conn()?)
    .await?)
}

/// Messages of a channel after a `seq` and up to another, in the order of its timeline, replies among them. Nothing up to
/// `truncated` is told.
pub async fn of(
    tx: &TenantTx,
    (channel, cid, truncated): (Uuid, &str, i64),
    after: i64,
    upto: i64,
) -> Result<Vec<Told>> {
    let rows = prepared::<MessageColumns>(told!(
        "(SELECT ?::text AS cid, ?::uuid AS app, ?::uuid AS channel, ?::bigint AS truncated_seq, ?::bigint AS after, \
             ?::bigint AS upto) c \
         CROSS JOIN LATERAL ( \
             (SELECT * FROM messages WHERE app_id = c.app AND channel_id = c.channel AND in_timeline AND seq > c.after \
                 AND seq <= c.upto ORDER BY seq) \
             UNION ALL \
             (SELECT * FROM messages WHERE app_id = c.app AND channel_id = c.channel AND NOT in_timeline \
                 AND seq > c.after AND seq <= c.upto ORDER BY seq)) m",
        "true ORDER BY m.seq"
    ))
    .bind::<Text, _>(cid)
    .bind::<SqlUuid, _>(tx.app())
    .bind::<SqlUuid, _>(channel)
    .bind::<Int8, _>(truncated)
    .bind::<Int8, _>(after)
    .bind::<Int8, _>(upto)
    .load::<MessageRow>(&mut tx.conn()?)
    .await?;
    lines(tx, rows).await
}

/// A user's messages by id.
pub async fn by(tx: &TenantTx, user: &UserId, after: Uuid, limit: i64) -> Result<Vec<Told>> {
    let rows = prepared::<MessageColumns>(told!(
        "messages m CROSS JOIN LATERAL (SELECT cid, truncated_seq FROM channels WHERE app_id = m.app_id AND id = m.channel_id \
             AND deleted_at IS NULL OFFSET 0) c",
        "m.app_id = ? AND m.user_id = ? AND m.id > ? ORDER BY m.id LIMIT ?"
    ))
    .bind::<SqlUuid, _>(tx.app())
    .bind::<Text, _>(user.as_str())
    .bind::<SqlUuid, _>(after)
    .bind::<Int8, _>(limit)
    .load::<MessageRow>(&mut tx.conn()?)
    .await?;
    lines(tx, rows).await
}

async fn lines(tx: &TenantTx, rows: Vec<MessageRow>) -> Result<Vec<Told>> {
    fn read<T: DeserializeOwned>(stored: Option<Value>) -> Result<Option<T>> {
        stored.map(serde_json::from_value).transpose().map_err(Error::internal)
    }
    let polls = rows.iter().map(|row| read::<Poll>(row.poll.clone())).collect::<Result<Vec<_>>>()?;
    // Of an anonymous poll nobody learns who voted.
    let named = rows.iter().zip(&polls).filter(|(_, poll)| poll.as_ref().is_some_and(|poll| !poll.anonymous));
    let mut votes = votes(tx, &named.map(|(row, _)| row.id).collect::<Vec<_>>()).await?;
    rows.into_iter()
        .zip(polls)
        .map(|(row, poll)| {
            let mentions = row.mentions.unwrap_or_default().into_iter().map(user_id);
            let readers = row.visible_to.map(|users| users.into_iter().map(user_id).collect::<Result<_>>());
            let line = MessageLine {
                id: row.id.to_string(),
                channel: row.cid,
                user_id: user_id(row.user_id)?,
                text: row.text,
                content_type: row.content_type.as_deref().and_then(ContentType::parse),
                content: read(row.content)?,
                attachments: read(row.attachments)?.unwrap_or_default(),
                mentions: mentions.collect::<Result<_>>()?,
                group_mentions: read(row.group_mentions)?.unwrap_or_default(),
                silent: row.silent,
                visible_to: readers.transpose()?,
                custom: row.custom.map(custom).unwrap_or_default(),
                show_in_channel: row.parent_id.is_some() && row.in_timeline,
                parent_id: row.parent_id.map(|id| id.to_string()),
                reply_to_id: row.reply_to_id.map(|id| id.to_string()),
                poll,
                votes: votes.remove(&row.id).unwrap_or_default(),
                pinned: read(row.pinned)?,
                forwarded_from: read(row.forwarded_from)?,
                created_at: row.created_at,
                edited_at: row.edited_at,
                deleted_at: row.deleted_at,
            };
            Ok(Told { id: row.id, line })
        })
        .collect()
}

/// Who voted in these polls, in the order of their votes.
async fn votes(tx: &TenantTx, polls: &[Uuid]) -> Result<HashMap<Uuid, Vec<VoteLine>>> {
    let mut votes: HashMap<Uuid, Vec<VoteLine>> = HashMap::new();
    if polls.is_empty() {
        return Ok(votes);
    }
    let rows = prepared::<(SqlUuid, Text, Text)>(
        "SELECT v.message_id, v.user_id, v.option FROM UNNEST(?) AS n (id) CROSS JOIN LATERAL \
             (SELECT message_id, user_id, option, seq FROM poll_votes WHERE app_id = ? AND message_id = n.id OFFSET 0) v \
         ORDER BY v.message_id, v.seq, v.user_id, v.option",
    )
    .bind::<Array<SqlUuid>, _>(polls.to_vec())
    .bind::<SqlUuid, _>(tx.app())
    .load::<(Uuid, String, String)>(&mut tx.conn()?)
    .await?;
    for (message, user, option) in rows {
        let of_poll = votes.entry(message).or_default();
        match of_poll.iter_mut().find(|vote| vote.user_id.as_str() == user) {
            Some(vote) => vote.options.push(option),
            None => of_poll.push(VoteLine { user_id: user_id(user)?, options: vec![option] }),
        }
    }
    Ok(votes)
}
