//! The statements that write imported messages, and what they need to know first. The columns of `messages` that an
//! import fills stand here and nowhere else.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use diesel::prelude::Queryable;
use diesel::sql_types::{
    Array, Bool, Int4, Int8, Jsonb, Nullable, Text, Timestamptz, Untyped, Uuid as SqlUuid,
};
use diesel_async::RunQueryDsl;
use parlor_platform::db::{TenantTx, prepared};
use parlor_platform::{Error, Result};
use serde_json::Value;
use uuid::Uuid;

use super::threads::Thread;

/// Rows that one statement writes: with long texts, too, it must not run into its time limit.
const ROWS: usize = 2_000;

/// A message that others refer to.
#[derive(Clone, Debug, Queryable)]
pub struct Known {
    pub id: Uuid,
    pub channel: Uuid,
    pub author: String,
    pub parent: Option<Uuid>,
    pub thread_ordinal: Option<i64>,
    pub reply_count: Option<i32>,
    pub people: Option<i32>,
    pub participants: Option<Vec<String>>,
    pub last_reply_at: Option<DateTime<Utc>>,
    /// What a quotation keeps of its text.
    pub text: String,
    /// The `type` of each attachment.
    pub kinds: Vec<String>,
    pub created_at: DateTime<Utc>,
    pub seq: i64,
    /// Whether it is there, and all may read it: else nothing hangs on it.
    pub answerable: bool,
}

/// Messages that are there already, by their ids.
pub async fn known(tx: &TenantTx, ids: &[Uuid]) -> Result<Vec<Known>> {
    type Columns = (
        SqlUuid,
        SqlUuid,
        Text,
        Nullable<SqlUuid>,
        Nullable<Int8>,
        Nullable<Int4>,
        Nullable<Int4>,
        Nullable<Array<Text>>,
        Nullable<Timestamptz>,
        Text,
        Array<Text>,
        Timestamptz,
        Int8,
        Bool,
    );
    Ok(prepared::<Columns>(
        "SELECT m.id, m.channel_id, m.user_id, m.parent_id, m.thread_ordinal, m.reply_count, m.participant_count, \
             m.participants, m.last_reply_at, left(m.text, 300), \
             ARRAY(SELECT a ->> 'type' FROM jsonb_array_elements(coalesce(m.attachments, '[]')) a \
                 WHERE a ->> 'type' IS NOT NULL), m.created_at, m.seq, \
             m.visible_to IS NULL AND NOT m.erased AND m.seq > (SELECT truncated_seq FROM channels c \
                 WHERE c.app_id = m.app_id AND c.id = m.channel_id) \
         FROM UNNEST(?) AS n (id) CROSS JOIN LATERAL (SELECT * FROM messages WHERE app_id = ? AND id = n.id OFFSET 0) m",
    )
    .bind::<Array<SqlUuid>, _>(ids.to_vec())
    .bind::<SqlUuid, _>(tx.app())
    .load(&mut tx.conn()?)
    .await?)
}

/// Of these ids, those that are given away: with channel and author.
pub async fn existing(tx: &TenantTx, ids: &[Uuid]) -> Result<Vec<(Uuid, Uuid, String)>> {
    Ok(prepared::<(SqlUuid, SqlUuid, Text)>(
        "SELECT m.id, m.channel_id, m.user_id FROM UNNEST(?) AS n (id) \
         CROSS JOIN LATERAL (SELECT id, channel_id, user_id FROM messages WHERE app_id = ? AND id = n.id OFFSET 0) m",
    )
    .bind::<Array<SqlUuid>, _>(ids.to_vec())
    .bind::<SqlUuid, _>(tx.app())
    .load(&mut tx.conn()?)
    .await?)
}

/// Of these roots, who has replied.
pub async fn replied(tx: &TenantTx, roots: &[Uuid]) -> Result<Vec<(Uuid, String)>> {
    Ok(prepared::<(SqlUuid, Text)>(
        "SELECT t.root_id, t.user_id FROM UNNEST(?) AS n (id) CROSS JOIN LATERAL (SELECT root_id, user_id \
             FROM thread_members WHERE app_id = ? AND root_id = n.id AND replies > 0 OFFSET 0) t",
    )
    .bind::<Array<SqlUuid>, _>(roots.to_vec())
    .bind::<SqlUuid, _>(tx.app())
    .load(&mut tx.conn()?)
    .await?)
}

/// A row of `messages`.
#[derive(Debug, Default)]
pub struct NewMessage {
    pub id: Uuid,
    pub channel: Uuid,
    pub author: String,
    pub seq: i64,
    pub updated_seq: i64,
    pub ordinal: i64,
    pub countable: bool,
    pub in_timeline: bool,
    pub text: String,
    pub content_type: Option<&'static str>,
    pub content: Option<Value>,
    pub attachments: Option<Value>,
    pub mentions: Vec<String>,
    pub group_mentions: Option<Value>,
    pub silent: bool,
    pub visible_to: Option<Value>,
    /// Until when its location is shared.
    pub live_until: Option<DateTime<Utc>>,
    pub custom: Option<Value>,
    pub poll: Option<Value>,
    pub parent: Option<Uuid>,
    pub reply_to: Option<Uuid>,
    pub thread_ordinal: Option<i64>,
    pub quoted: Option<Value>,
    pub forwarded: Option<Value>,
    pub pinned: Option<Value>,
    pub created_at: DateTime<Utc>,
    pub edited_at: Option<DateTime<Utc>>,
    pub deleted_at: Option<DateTime<Utc>>,
}

/// Writes messages.
pub async fn messages(tx: &TenantTx, rows: &[NewMessage]) -> Result<()> {
    for rows in rows.chunks(ROWS) {
        // Lists of users travel as JSON: UNNEST would flatten an array of arrays.
        let mentions: Vec<Option<Value>> =
            rows.iter().map(|row| (!row.mentions.is_empty()).then(|| row.mentions.clone().into())).collect();
        prepared::<Untyped>(
            "INSERT INTO messages (app_id, id, channel_id, user_id, seq, updated_seq, ordinal, in_timeline, text, \
                 attachments, mentions, custom, poll, parent_id, reply_to_id, thread_ordinal, quoted, forwarded_from, pinned, \
                 fingerprint, created_at, edited_at, deleted_at, countable, content_type, content, group_mentions, silent, \
                 visible_to, live_until) \
             SELECT ?, r.id, r.channel, r.author, r.seq, r.updated_seq, r.ordinal, r.in_timeline, r.body, \
                 r.attachments, CASE WHEN r.mentions IS NOT NULL THEN ARRAY(SELECT jsonb_array_elements_text(r.mentions)) END, \
                 r.custom, r.poll, r.parent, r.reply_to, r.thread_ordinal, r.quoted, r.forwarded, r.pinned, 0, \
                 r.created_at, r.edited_at, r.deleted_at, r.countable, r.kind, r.content, r.groups, r.silent, \
                 CASE WHEN r.visible_to IS NOT NULL THEN ARRAY(SELECT jsonb_array_elements_text(r.visible_to)) END, \
                 r.live_until \
             FROM UNNEST(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) \
                 AS r (id, channel, author, seq, \
                 updated_seq, ordinal, in_timeline, body, attachments, mentions, custom, poll, parent, reply_to, \
                 thread_ordinal, quoted, forwarded, pinned, created_at, edited_at, deleted_at, countable, kind, content, \
                 groups, silent, visible_to, live_until)",
        )
        .bind::<SqlUuid, _>(tx.app())
        .bind::<Array<SqlUuid>, _>(rows.iter().map(|row| row.id).collect::<Vec<_>>())
        .bind::<Array<SqlUuid>, _>(rows.iter().map(|row| row.channel).collect::<Vec<_>>())
        .bind::<Array<Text>, _>(rows.iter().map(|row| row.author.as_str()).collect::<Vec<_>>())
        .bind::<Array<Int8>, _>(rows.iter().map(|row| row.seq).collect::<Vec<_>>())
        .bind::<Array<Int8>, _>(rows.iter().map(|row| row.updated_seq).collect::<Vec<_>>())
        .bind::<Array<Int8>, _>(rows.iter().map(|row| row.ordinal).collect::<Vec<_>>())
        .bind::<Array<Bool>, _>(rows.iter().map(|row| row.in_timeline).collect::<Vec<_>>())
        .bind::<Array<Text>, _>(rows.iter().map(|row| row.text.as_str()).collect::<Vec<_>>())
        .bind::<Array<Nullable<Jsonb>>, _>(rows.iter().map(|row| row.attachments.as_ref()).collect::<Vec<_>>())
        .bind::<Array<Nullable<Jsonb>>, _>(mentions)
        .bind::<Array<Nullable<Jsonb>>, _>(rows.iter().map(|row| row.custom.as_ref()).collect::<Vec<_>>())
        .bind::<Array<Nullable<Jsonb>>, _>(rows.iter().map(|row| row.poll.as_ref()).collect::<Vec<_>>())
        .bind::<Array<Nullable<SqlUuid>>, _>(rows.iter().map(|row| row.parent).collect::<Vec<_>>())
        .bind::<Array<Nullable<SqlUuid>>, _>(rows.iter().map(|row| row.reply_to).collect::<Vec<_>>())
        .bind::<Array<Nullable<Int8>>, _>(rows.iter().map(|row| row.thread_ordinal).collect::<Vec<_>>())
        .bind::<Array<Nullable<Jsonb>>, _>(rows.iter().map(|row| row.quoted.as_ref()).collect::<Vec<_>>())
        .bind::<Array<Nullable<Jsonb>>, _>(rows.iter().map(|row| row.forwarded.as_ref()).collect::<Vec<_>>())
        .bind::<Array<Nullable<Jsonb>>, _>(rows.iter().map(|row| row.pinned.as_ref()).collect::<Vec<_>>())
        .bind::<Array<Timestamptz>, _>(rows.iter().map(|row| row.created_at).collect::<Vec<_>>())
        .bind::<Array<Nullable<Timestamptz>>, _>(rows.iter().map(|row| row.edited_at).collect::<Vec<_>>())
        .bind::<Array<Nullable<Timestamptz>>, _>(rows.iter().map(|row| row.deleted_at).collect::<Vec<_>>())
        .bind::<Array<Bool>, _>(rows.iter().map(|row| row.countable).collect::<Vec<_>>())
        .bind::<Array<Nullable<Text>>, _>(rows.iter().map(|row| row.content_type).collect::<Vec<_>>())
        .bind::<Array<Nullable<Jsonb>>, _>(rows.iter().map(|row| row.content.as_ref()).collect::<Vec<_>>())
        .bind::<Array<Nullable<Jsonb>>, _>(rows.iter().map(|row| row.group_mentions.as_ref()).collect::<Vec<_>>())
        .bind::<Array<Bool>, _>(rows.iter().map(|row| row.silent).collect::<Vec<_>>())
        .bind::<Array<Nullable<Jsonb>>, _>(rows.iter().map(|row| row.visible_to.as_ref()).collect::<Vec<_>>())
        .bind::<Array<Nullable<Timestamptz>>, _>(rows.iter().map(|row| row.live_until).collect::<Vec<_>>())
        .execute(&mut tx.conn()?)
        .await?;
    }
    Ok(())
}

/// Writes what roots show of their threads; who had read a thread to its end has read the imported replies, too.
pub async fn threads(tx: &TenantTx, threads: &[(Uuid, Thread)]) -> Result<()> {
    if threads.is_empty() {
        return Ok(());
    }
    let participants: Vec<Value> =
        threads.iter().map(|(_, thread)| thread.participants.clone().into()).collect();
    prepared::<Untyped>(
        "MERGE INTO messages m USING (SELECT v.app, r.id, r.seq, r.ordinal, r.replies, r.people, r.last_reply_at, \
             ARRAY(SELECT jsonb_array_elements_text(r.participants)) AS participants \
             FROM (SELECT ? AS app) v, UNNEST(?, ?, ?, ?, ?, ?, ?) \
                 AS r (id, seq, ordinal, replies, people, participants, last_reply_at)) v \
         ON m.app_id = v.app AND m.id = v.id \
         WHEN MATCHED THEN UPDATE SET updated_seq = greatest(m.updated_seq, v.seq), thread_ordinal = v.ordinal, \
             reply_count = v.replies, participant_count = v.people, participants = v.participants, \
             last_reply_at = v.last_reply_at \
         WHEN NOT MATCHED AND false THEN INSERT DEFAULT VALUES",
    )
    .bind::<SqlUuid, _>(tx.app())
    .bind::<Array<SqlUuid>, _>(threads.iter().map(|(root, _)| *root).collect::<Vec<_>>())
    .bind::<Array<Int8>, _>(threads.iter().map(|(_, thread)| thread.seq).collect::<Vec<_>>())
    .bind::<Array<Int8>, _>(threads.iter().map(|(_, thread)| thread.ordinal).collect::<Vec<_>>())
    .bind::<Array<Int4>, _>(threads.iter().map(|(_, thread)| thread.reply_count).collect::<Vec<_>>())
    .bind::<Array<Int4>, _>(threads.iter().map(|(_, thread)| thread.people).collect::<Vec<_>>())
    .bind::<Array<Jsonb>, _>(participants)
    .bind::<Array<Nullable<Timestamptz>>, _>(
        threads.iter().map(|(_, thread)| thread.last_reply_at).collect::<Vec<_>>(),
    )
    .execute(&mut tx.conn()?)
    .await?;
    prepared::<Untyped>(
        "MERGE INTO thread_members t USING (SELECT ? AS app, v.* FROM UNNEST(?, ?, ?, ?) AS v (root, before, seq, ordinal)) v \
         ON t.app_id = v.app AND t.root_id = v.root AND t.read_ordinal >= v.before \
         WHEN MATCHED THEN UPDATE SET read_seq = v.seq, read_ordinal = v.ordinal \
         WHEN NOT MATCHED AND false THEN INSERT DEFAULT VALUES",
    )
    .bind::<SqlUuid, _>(tx.app())
    .bind::<Array<SqlUuid>, _>(threads.iter().map(|(root, _)| *root).collect::<Vec<_>>())
    .bind::<Array<Int8>, _>(threads.iter().map(|(_, thread)| thread.before).collect::<Vec<_>>())
    .bind::<Array<Int8>, _>(threads.iter().map(|(_, thread)| thread.seq).collect::<Vec<_>>())
    .bind::<Array<Int8>, _>(threads.iter().map(|(_, thread)| thread.ordinal).collect::<Vec<_>>())
    .execute(&mut tx.conn()?)
    .await?;
    Ok(())
}

/// Who takes part in a thread from now on, and has read it to its end.
pub struct Reader<'a> {
    pub root: Uuid,
    pub user: &'a str,
    pub thread: &'a Thread,
    pub replies: i32,
    pub first: Option<i64>,
}

/// Writes who takes part. Who wrote the root does if they are a member.
pub async fn readers(tx: &TenantTx, readers: &[Reader<'_>]) -> Result<()> {
    for readers in readers.chunks(ROWS) {
        prepared::<Untyped>(
            "INSERT INTO thread_members (app_id, root_id, user_id, following, followed_at, read_seq, read_ordinal, replies, \
                 first_reply_seq) \
             SELECT v.app, r.root, r.reader, true, coalesce(r.at, now()), r.seq, r.ordinal, r.replies, r.first \
             FROM (SELECT ? AS app) v CROSS JOIN UNNEST(?, ?, ?, ?, ?, ?, ?, ?) \
                 AS r (root, reader, channel, at, seq, ordinal, replies, first) \
             WHERE r.replies > 0 OR EXISTS (SELECT FROM channel_members m WHERE m.app_id = v.app \
                 AND m.channel_id = r.channel AND m.user_id = r.reader AND m.removed_at IS NULL) \
             ON CONFLICT (app_id, root_id, user_id) DO UPDATE SET following = coalesce(thread_members.following, true), \
                 followed_at = coalesce(thread_members.followed_at, excluded.followed_at), \
                 read_seq = greatest(thread_members.read_seq, excluded.read_seq), \
                 read_ordinal = greatest(thread_members.read_ordinal, excluded.read_ordinal), \
                 replies = thread_members.replies + excluded.replies, \
                 first_reply_seq = coalesce(thread_members.first_reply_seq, excluded.first_reply_seq)",
        )
        .bind::<SqlUuid, _>(tx.app())
        .bind::<Array<SqlUuid>, _>(readers.iter().map(|reader| reader.root).collect::<Vec<_>>())
        .bind::<Array<Text>, _>(readers.iter().map(|reader| reader.user).collect::<Vec<_>>())
        .bind::<Array<SqlUuid>, _>(readers.iter().map(|reader| reader.thread.channel).collect::<Vec<_>>())
        .bind::<Array<Nullable<Timestamptz>>, _>(
            readers.iter().map(|reader| reader.thread.last_reply_at).collect::<Vec<_>>(),
        )
        .bind::<Array<Int8>, _>(readers.iter().map(|reader| reader.thread.seq).collect::<Vec<_>>())
        .bind::<Array<Int8>, _>(readers.iter().map(|reader| reader.thread.ordinal).collect::<Vec<_>>())
        .bind::<Array<Int4>, _>(readers.iter().map(|reader| reader.replies).collect::<Vec<_>>())
        .bind::<Array<Nullable<Int8>>, _>(readers.iter().map(|reader| reader.first).collect::<Vec<_>>())
        .execute(&mut tx.conn()?)
        .await?;
    }
    Ok(())
}

/// A pin of an imported message.
pub struct NewPin {
    pub message: Uuid,
    pub channel: Uuid,
    pub at: DateTime<Utc>,
    pub expires_at: Option<DateTime<Utc>>,
}

/// How many messages of each of these channels are pinned.
pub async fn pinned(tx: &TenantTx, channels: &[Uuid], now: DateTime<Utc>) -> Result<HashMap<Uuid, usize>> {
    let rows = prepared::<(SqlUuid, Int8)>(
        "SELECT n.id, p.count FROM (SELECT ?::uuid AS app, ?::timestamptz AS now) v CROSS JOIN UNNEST(?) AS n (id) \
         CROSS JOIN LATERAL (SELECT count(*) AS count FROM pins WHERE app_id = v.app AND channel_id = n.id \
             AND (expires_at IS NULL OR expires_at > v.now)) p",
    )
    .bind::<SqlUuid, _>(tx.app())
    .bind::<Timestamptz, _>(now)
    .bind::<Array<SqlUuid>, _>(channels.to_vec())
    .load::<(Uuid, i64)>(&mut tx.conn()?)
    .await?;
    let count = |(channel, count)| Ok((channel, usize::try_from(count).map_err(Error::internal)?));
    rows.into_iter().map(count).collect()
}

/// Writes pins.
pub async fn pins(tx: &TenantTx, pins: &[NewPin]) -> Result<()> {
    if pins.is_empty() {
        return Ok(());
    }
    prepared::<Untyped>(
        "INSERT INTO pins (app_id, message_id, channel_id, created_at, expires_at) \
         SELECT ?, r.* FROM UNNEST(?, ?, ?, ?) AS r (message, channel, at, expires_at)",
    )
    .bind::<SqlUuid, _>(tx.app())
    .bind::<Array<SqlUuid>, _>(pins.iter().map(|pin| pin.message).collect::<Vec<_>>())
    .bind::<Array<SqlUuid>, _>(pins.iter().map(|pin| pin.channel).collect::<Vec<_>>())
    .bind::<Array<Timestamptz>, _>(pins.iter().map(|pin| pin.at).collect::<Vec<_>>())
    .bind::<Array<Nullable<Timestamptz>>, _>(pins.iter().map(|pin| pin.expires_at).collect::<Vec<_>>())
    .execute(&mut tx.conn()?)
    .await?;
    Ok(())
}

/// A vote in an imported poll: message, user, option, `seq`, and when.
pub type NewVote = (Uuid, String, String, i64, DateTime<Utc>);

/// Writes votes.
pub async fn votes(tx: &TenantTx, votes: &[NewVote]) -> Result<()> {
    for votes in votes.chunks(ROWS) {
        prepared::<Untyped>(
            "INSERT INTO poll_votes (app_id, message_id, user_id, option, seq, created_at) \
             SELECT ?, r.* FROM UNNEST(?, ?, ?, ?, ?) AS r (message, voter, option, seq, at)",
        )
        .bind::<SqlUuid, _>(tx.app())
        .bind::<Array<SqlUuid>, _>(votes.iter().map(|vote| vote.0).collect::<Vec<_>>())
        .bind::<Array<Text>, _>(votes.iter().map(|vote| vote.1.as_str()).collect::<Vec<_>>())
        .bind::<Array<Text>, _>(votes.iter().map(|vote| vote.2.as_str()).collect::<Vec<_>>())
        .bind::<Array<Int8>, _>(votes.iter().map(|vote| vote.3).collect::<Vec<_>>())
        .bind::<Array<Timestamptz>, _>(votes.iter().map(|vote| vote.4).collect::<Vec<_>>())
        .execute(&mut tx.conn()?)
        .await?;
    }
    Ok(())
}

/// Notes mentions of members, as read: what is imported is no news. Message, channel, `seq` and user.
pub async fn mentions(tx: &TenantTx, mentions: &[(Uuid, Uuid, i64, &str)]) -> Result<()> {
    for mentions in mentions.chunks(ROWS) {
        prepared::<Untyped>(
            "INSERT INTO user_messages (app_id, user_id, message_id, channel_id, seq, flags) \
             SELECT m.app_id, m.user_id, e.message, e.channel, e.seq, 3 \
             FROM UNNEST(?, ?, ?, ?) AS e (message, channel, seq, mentioned) \
             CROSS JOIN LATERAL (SELECT app_id, user_id FROM channel_members WHERE app_id = ? \
                 AND channel_id = e.channel AND user_id = e.mentioned AND removed_at IS NULL OFFSET 0) m \
             ON CONFLICT DO NOTHING",
        )
        .bind::<Array<SqlUuid>, _>(mentions.iter().map(|row| row.0).collect::<Vec<_>>())
        .bind::<Array<SqlUuid>, _>(mentions.iter().map(|row| row.1).collect::<Vec<_>>())
        .bind::<Array<Int8>, _>(mentions.iter().map(|row| row.2).collect::<Vec<_>>())
        .bind::<Array<Text>, _>(mentions.iter().map(|row| row.3).collect::<Vec<_>>())
        .bind::<SqlUuid, _>(tx.app())
        .execute(&mut tx.conn()?)
        .await?;
    }
    Ok(())
}
