//! The queries of messages, but for sending.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bool, Int8, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use parlor_platform::db::{TenantTx, prepared};
use parlor_platform::schema::{messages, users};
use parlor_platform::{Error, Result};
use parlor_protocol::message::UpdateMessage;
use parlor_protocol::{ChannelId, Custom, Message, MessageId, Pin, Poll, ReactionCount, UserId, UserRef};
use serde::de::DeserializeOwned;
use serde_json::Value;
use uuid::Uuid;

use crate::users::store::{custom, user_id};

/// A row of the table with what it shows of its author.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = messages)]
pub struct MessageRow {
    pub id: Uuid,
    pub channel_id: Uuid,
    pub user_id: String,
    pub seq: i64,
    pub updated_seq: i64,
    pub ordinal: i64,
    pub text: String,
    pub attachments: Option<Value>,
    pub mentions: Option<Vec<String>>,
    pub custom: Option<Value>,
    pub parent_id: Option<Uuid>,
    pub reply_to_id: Option<Uuid>,
    pub created_at: DateTime<Utc>,
    pub edited_at: Option<DateTime<Utc>>,
    pub deleted_at: Option<DateTime<Utc>>,
    pub erased: bool,
    pub reactions: Option<Value>,
    pub pinned: Option<Value>,
    pub poll: Option<Value>,
    #[diesel(select_expression = users::name)]
    #[diesel(select_expression_type = users::name)]
    pub name: Option<String>,
    #[diesel(select_expression = users::image)]
    #[diesel(select_expression_type = users::image)]
    pub image: Option<String>,
}

/// The columns of [`MessageRow`] in statements that are written by hand, of `messages m` and `users u`.
macro_rules! message_columns {
    () => {
        "m.id, m.channel_id, m.user_id, m.seq, m.updated_seq, m.ordinal, m.text, m.attachments, m.mentions, m.custom, \
         m.parent_id, m.reply_to_id, m.created_at, m.edited_at, m.deleted_at, m.erased, m.reactions, m.pinned, m.poll, u.name, \
         u.image"
    };
}
pub(crate) use message_columns;

/// Their types.
pub type MessageColumns = (
    SqlUuid,
    SqlUuid,
    Text,
    Int8,
    Int8,
    Int8,
    Text,
    Nullable<Jsonb>,
    Nullable<Array<Text>>,
    Nullable<Jsonb>,
    Nullable<SqlUuid>,
    Nullable<SqlUuid>,
    Timestamptz,
    Nullable<Timestamptz>,
    Nullable<Timestamptz>,
    Bool,
    Nullable<Jsonb>,
    Nullable<Jsonb>,
    Nullable<Jsonb>,
    Nullable<Text>,
    Nullable<Text>,
);

impl MessageRow {
    /// As it is stored: what depends on its reader and on the time is for [`super::view`].
    pub fn into_message(self) -> Result<Message> {
        fn read<T: DeserializeOwned>(stored: Option<Value>) -> Result<Option<T>> {
            stored.map(serde_json::from_value).transpose().map_err(Error::internal)
        }
        let mentions = self.mentions.unwrap_or_default().into_iter().map(user_id).collect::<Result<_>>()?;
        Ok(Message {
            id: self.id.into(),
            channel_id: self.channel_id.into(),
            user: UserRef { id: user_id(self.user_id)?, name: self.name, image: self.image },
            text: self.text,
            attachments: read(self.attachments)?.unwrap_or_default(),
            mentions,
            custom: self.custom.map(custom).unwrap_or_default(),
            parent_id: self.parent_id.map(MessageId),
            reply_to_id: self.reply_to_id.map(MessageId),
            reactions: read(self.reactions)?.unwrap_or_default(),
            own_reactions: None,
            pinned: read(self.pinned)?,
            poll: read(self.poll)?,
            own_votes: None,
            seq: self.seq,
            updated_seq: self.updated_seq,
            ordinal: self.ordinal,
            created_at: self.created_at,
            edited_at: self.edited_at,
            deleted_at: self.deleted_at,
            erased: self.erased,
        })
    }
}

macro_rules! with_users {
    () => {
        messages::table
            .inner_join(
                users::table.on(users::app_id.eq(messages::app_id).and(users::id.eq(messages::user_id))),
            )
            .select(MessageRow::as_select())
    };
}

/// The condition that a message is of the history that a reader may read: from a member's `history_from_seq` on. The
/// aggregate makes it a number also for who is no member, and so that the timeline's index is read from there. For
/// messages of any channel, or of one that is known.
macro_rules! in_history {
    ($reader:expr) => {
        sql::<Bool>(
            "messages.seq >= (SELECT coalesce(max(h.history_from_seq), 0) FROM channel_members h \
             WHERE h.app_id = messages.app_id AND h.channel_id = messages.channel_id AND h.removed_at IS NULL \
             AND h.user_id = ",
        )
        .bind::<Text, _>($reader.as_str().to_owned())
        .sql(")")
    };
    ($reader:expr, $tx:expr, $channel:expr) => {
        sql::<Bool>(
            "messages.seq >= (SELECT coalesce(max(h.history_from_seq), 0) FROM channel_members h \
             WHERE h.removed_at IS NULL AND h.app_id = ",
        )
        .bind::<SqlUuid, _>($tx.app())
        .sql(" AND h.channel_id = ")
        .bind::<SqlUuid, _>($channel.0)
        .sql(" AND h.user_id = ")
        .bind::<Text, _>($reader.as_str().to_owned())
        .sql(")")
    };
}

/// What a reader may see: what is not shadowed, and their own, since their history begins; the server sees all. Nobody
/// sees what was erased. Of one channel where the transaction and the channel are given.
macro_rules! visible_to {
    ($query:expr, $reader:expr $(, $tx:expr, $channel:expr)?) => {{
        let query = $query.filter(messages::erased.eq(false)).into_boxed();
        match $reader {
            Some(reader) => {
                let reader: &UserId = reader;
                query
                    .filter(messages::shadowed.eq(false).or(messages::user_id.eq(reader.as_str().to_owned())))
                    .filter(in_history!(reader $(, $tx, $channel)?))
            }
            None => query,
        }
    }};
}

/// One message, deleted ones included, erased ones not.
pub async fn find(tx: &TenantTx, id: MessageId, reader: Option<&UserId>) -> Result<Option<MessageRow>> {
    let query = with_users!().filter(messages::app_id.eq(tx.app()).and(messages::id.eq(id.0)));
    Ok(visible_to!(query, reader).first(&mut tx.conn()?).await.optional()?)
}

/// Of these messages, those that the reader may see.
pub async fn of(tx: &TenantTx, ids: &[Uuid], reader: Option<&UserId>) -> Result<Vec<MessageRow>> {
    let query = with_users!().filter(messages::app_id.eq(tx.app()).and(messages::id.eq_any(ids)));
    Ok(visible_to!(query, reader).load(&mut tx.conn()?).await?)
}

/// `seq` of a message of this channel.
pub async fn seq_of(tx: &TenantTx, channel: ChannelId, id: MessageId) -> Result<Option<i64>> {
    Ok(messages::table
        .filter(
            messages::app_id.eq(tx.app()).and(messages::id.eq(id.0)).and(messages::channel_id.eq(channel.0)),
        )
        .select(messages::seq)
        .first(&mut tx.conn()?)
        .await
        .optional()?)
}

/// Where a message is.
#[derive(Queryable)]
pub struct Place {
    pub channel: Uuid,
    pub parent: Option<Uuid>,
    pub seq: i64,
}

/// Where these messages are, by their ids.
pub async fn places(tx: &TenantTx, ids: &[Uuid]) -> Result<HashMap<Uuid, Place>> {
    let rows = messages::table
        .filter(messages::app_id.eq(tx.app()).and(messages::id.eq_any(ids)))
        .select((messages::id, (messages::channel_id, messages::parent_id, messages::seq)))
        .load::<(Uuid, Place)>(&mut tx.conn()?)
        .await?;
    Ok(rows.into_iter().collect())
}

/// The first `seq` at or after a time, for clients that page by time.
pub async fn seq_at(tx: &TenantTx, channel: ChannelId, time: DateTime<Utc>) -> Result<i64> {
    let newest_before = messages::table
        .filter(messages::app_id.eq(tx.app()).and(messages::channel_id.eq(channel.0)))
        .filter(messages::created_at.lt(time))
        .order(messages::seq.desc())
        .select(messages::seq)
        .first::<i64>(&mut tx.conn()?)
        .await
        .optional()?;
    Ok(newest_before.unwrap_or(0) + 1)
}

/// Which part of a timeline.
#[derive(Clone, Copy, Debug)]
pub enum Window {
    /// The newest ones with a `seq` below.
    Before(i64),
    /// The oldest ones with a `seq` above.
    After(i64),
}

/// Messages of the main timeline, or of one thread, nearest to the window's edge first.
pub async fn window(
    tx: &TenantTx,
    channel: ChannelId,
    thread: Option<MessageId>,
    window: Window,
    reader: Option<&UserId>,
    limit: i64,
) -> Result<Vec<MessageRow>> {
    let query = with_users!().filter(messages::app_id.eq(tx.app()).and(messages::channel_id.eq(channel.0)));
    let query = visible_to!(query, reader, tx, channel);
    let query = match thread {
        Some(root) => query.filter(messages::parent_id.eq(root.0)),
        None => query.filter(messages::parent_id.is_null()),
    };
    let query = match window {
        Window::Before(seq) => query.filter(messages::seq.lt(seq)).order(messages::seq.desc()),
        Window::After(seq) => query.filter(messages::seq.gt(seq)).order(messages::seq.asc()),
    };
    Ok(query.limit(limit).load(&mut tx.conn()?).await?)
}

/// Messages sent after a `seq` that have not changed since.
pub async fn new_since(
    tx: &TenantTx,
    channel: ChannelId,
    since: i64,
    reader: Option<&UserId>,
    limit: i64,
) -> Result<Vec<MessageRow>> {
    let query = with_users!()
        .filter(messages::app_id.eq(tx.app()).and(messages::channel_id.eq(channel.0)))
        .filter(messages::seq.gt(since).and(messages::updated_seq.eq(messages::seq)));
    Ok(visible_to!(query, reader, tx, channel)
        .order(messages::seq)
        .limit(limit)
        .load(&mut tx.conn()?)
        .await?)
}

/// Messages that changed after a `seq`, erased ones included: the reader has to forget them.
pub async fn changed_since(
    tx: &TenantTx,
    channel: ChannelId,
    since: i64,
    reader: Option<&UserId>,
    limit: i64,
) -> Result<Vec<MessageRow>> {
    let mut query = with_users!()
        .filter(messages::app_id.eq(tx.app()).and(messages::channel_id.eq(channel.0)))
        .filter(messages::updated_seq.gt(since).and(messages::updated_seq.ne(messages::seq)))
        .into_boxed();
    if let Some(reader) = reader {
        query = query
            .filter(messages::shadowed.eq(false).or(messages::user_id.eq(reader.as_str())))
            .filter(in_history!(reader, tx, channel));
    }
    Ok(query.order(messages::updated_seq).limit(limit).load(&mut tx.conn()?).await?)
}

/// The newest message of each channel's main timeline, in one statement.
pub async fn newest_of_each(
    tx: &TenantTx,
    channels: &[Uuid],
    reader: Option<&UserId>,
) -> Result<Vec<MessageRow>> {
    Ok(prepared::<MessageColumns>(concat!(
        "SELECT ",
        message_columns!(),
        " FROM UNNEST(?) AS c (id) CROSS JOIN (SELECT ?::uuid AS app, ?::text AS reader) v \
         CROSS JOIN LATERAL (SELECT coalesce(max(h.history_from_seq), 0) AS first FROM channel_members h \
             WHERE h.app_id = v.app AND h.channel_id = c.id AND h.user_id = v.reader AND h.removed_at IS NULL) h \
         CROSS JOIN LATERAL ( \
             SELECT * FROM messages m WHERE m.app_id = v.app AND m.channel_id = c.id AND m.parent_id IS NULL \
             AND m.seq >= h.first AND NOT m.erased AND (NOT m.shadowed OR v.reader IS NULL OR m.user_id = v.reader) \
             ORDER BY m.seq DESC LIMIT 1) m \
         CROSS JOIN LATERAL (SELECT u.name, u.image FROM users u WHERE u.app_id = m.app_id AND u.id = m.user_id OFFSET 0) u"
    ))
    .bind::<Array<SqlUuid>, _>(channels.to_vec())
    .bind::<SqlUuid, _>(tx.app())
    .bind::<Nullable<Text>, _>(reader.map(|reader| reader.as_str().to_owned()))
    .load(&mut tx.conn()?)
    .await?)
}

/// Edits a message.
pub async fn update(
    tx: &TenantTx,
    id: MessageId,
    changes: UpdateMessage,
    seq: i64,
    now: DateTime<Utc>,
) -> Result<()> {
    let attachments =
        changes.attachments.map(|list| serde_json::to_value(list).map_err(Error::internal)).transpose()?;
    diesel::update(messages::table.find((tx.app(), id.0)))
        .set((
            changes.text.map(|text| messages::text.eq(text)),
            attachments.map(|list| messages::attachments.eq(list)),
            changes.custom.map(|Custom(fields)| messages::custom.eq(Value::Object(fields))),
            messages::edited_at.eq(now),
            messages::updated_seq.eq(seq),
        ))
        .execute(&mut tx.conn()?)
        .await?;
    Ok(())
}

/// Clears a message. The row keeps its place; an erased one is listed to nobody.
pub async fn clear(tx: &TenantTx, id: MessageId, erase: bool, seq: i64, now: DateTime<Utc>) -> Result<()> {
    diesel::update(messages::table.find((tx.app(), id.0)))
        .set((
            messages::text.eq(""),
            messages::attachments.eq(None::<Value>),
            messages::mentions.eq(None::<Vec<String>>),
            messages::custom.eq(None::<Value>),
            messages::reactions.eq(None::<Value>),
            messages::pinned.eq(None::<Value>),
            messages::poll.eq(None::<Value>),
            messages::deleted_at.eq(now),
            messages::erased.eq(erase),
            messages::updated_seq.eq(seq),
        ))
        .execute(&mut tx.conn()?)
        .await?;
    Ok(())
}

/// Writes what a message shows of its reactions.
pub async fn set_reactions(tx: &TenantTx, id: MessageId, counts: &[ReactionCount], seq: i64) -> Result<()> {
    let counts = (!counts.is_empty()).then(|| serde_json::to_value(counts)).transpose();
    diesel::update(messages::table.find((tx.app(), id.0)))
        .set((messages::reactions.eq(counts.map_err(Error::internal)?), messages::updated_seq.eq(seq)))
        .execute(&mut tx.conn()?)
        .await?;
    Ok(())
}

/// Writes a message's poll.
pub async fn set_poll(tx: &TenantTx, id: MessageId, poll: &Poll, seq: i64) -> Result<()> {
    let poll = serde_json::to_value(poll).map_err(Error::internal)?;
    diesel::update(messages::table.find((tx.app(), id.0)))
        .set((messages::poll.eq(poll), messages::updated_seq.eq(seq)))
        .execute(&mut tx.conn()?)
        .await?;
    Ok(())
}

/// Writes what a message shows of its pin.
pub async fn set_pinned(tx: &TenantTx, id: MessageId, pin: Option<&Pin>, seq: i64) -> Result<()> {
    let pin = pin.map(serde_json::to_value).transpose().map_err(Error::internal)?;
    diesel::update(messages::table.find((tx.app(), id.0)))
        .set((messages::pinned.eq(pin), messages::updated_seq.eq(seq)))
        .execute(&mut tx.conn()?)
        .await?;
    Ok(())
}

/// `(seq, ordinal, countable)` of the newest countable message up to a `seq`.
pub async fn countable_up_to(
    tx: &TenantTx,
    channel: ChannelId,
    seq: i64,
) -> Result<Option<(Uuid, i64, i64)>> {
    Ok(prepared::<(SqlUuid, BigInt, BigInt)>(
        "SELECT id, seq, ordinal FROM messages WHERE app_id = ? AND channel_id = ? AND seq <= ? AND countable \
         ORDER BY seq DESC LIMIT 1",
    )
    .bind::<SqlUuid, _>(tx.app())
    .bind::<SqlUuid, _>(channel.0)
    .bind::<BigInt, _>(seq)
    .load::<(Uuid, i64, i64)>(&mut tx.conn()?)
    .await?
    .pop())
}
