//! The queries of messages, but for sending.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use diesel::dsl::sql;
use diesel::expression::SqlLiteral;
use diesel::prelude::*;
use diesel::sql_types::{
    Array, BigInt, Bool, Int4, Int8, Jsonb, Nullable, Text, Timestamptz, Untyped, Uuid as SqlUuid,
};
use diesel_async::RunQueryDsl;
use parlor_platform::db::{TenantTx, prepared};
use parlor_platform::schema::{messages, users};
use parlor_platform::{Error, Result};
use parlor_protocol::message::{Quoted, SendMessage};
use parlor_protocol::{
    ChannelId, ContentType, Custom, Message, MessageId, Pin, Poll, ReactionCount, ThreadSummary, UserId,
    UserRef,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use uuid::Uuid;

use crate::users::store::{custom, user_id};

/// Who takes part in the thread below a message, as they are called now, in the order in which they came.
macro_rules! participants {
    ($messages:literal) => {
        concat!(
            "CASE WHEN ",
            $messages,
            ".participants IS NOT NULL THEN (SELECT jsonb_agg(jsonb_build_object('id', pu.id, 'name', pu.name, \
                 'image', pu.image) ORDER BY p.place) FROM UNNEST(",
            $messages,
            ".participants) WITH ORDINALITY AS p (id, place) \
                 CROSS JOIN LATERAL (SELECT id, name, image FROM users x WHERE x.app_id = ",
            $messages,
            ".app_id AND x.id = p.id OFFSET 0) pu) END"
        )
    };
}
pub(crate) use participants;

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
    pub in_timeline: bool,
    pub thread_ordinal: Option<i64>,
    pub reply_count: Option<i32>,
    pub participant_count: Option<i32>,
    pub last_reply_at: Option<DateTime<Utc>>,
    pub quoted: Option<Value>,
    pub forwarded_from: Option<Value>,
    pub content_type: Option<String>,
    pub content: Option<Value>,
    pub group_mentions: Option<Value>,
    pub silent: bool,
    pub visible_to: Option<Vec<String>>,
    /// A list of [`UserRef`].
    #[diesel(select_expression = sql::<Nullable<Jsonb>>(participants!("messages")))]
    #[diesel(select_expression_type = SqlLiteral<Nullable<Jsonb>>)]
    pub participants: Option<Value>,
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
        concat!(
            "m.id, m.channel_id, m.user_id, m.seq, m.updated_seq, m.ordinal, m.text, m.attachments, m.mentions, m.custom, \
             m.parent_id, m.reply_to_id, m.created_at, m.edited_at, m.deleted_at, m.erased, m.reactions, m.pinned, m.poll, \
             m.in_timeline, m.thread_ordinal, m.reply_count, m.participant_count, m.last_reply_at, m.quoted, \
             m.forwarded_from, m.content_type, m.content, m.group_mentions, m.silent, m.visible_to, ",
            $crate::messages::store::participants!("m"),
            ", u.name, u.image"
        )
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
    Bool,
    Nullable<Int8>,
    Nullable<Int4>,
    Nullable<Int4>,
    Nullable<Timestamptz>,
    Nullable<Jsonb>,
    Nullable<Jsonb>,
    Nullable<Text>,
    Nullable<Jsonb>,
    Nullable<Jsonb>,
    Bool,
    Nullable<Array<Text>>,
    Nullable<Jsonb>,
    Nullable<Text>,
    Nullable<Text>,
);

/// The condition that a reader may read a message that is there: none that is shadowed but their own, and of those that not
/// all may read those that they may. In statements that are written by hand; of the server's `NULL` all.
macro_rules! readable_by {
    ($message:literal, $reader:literal) => {
        concat!(
            "(NOT ",
            $message,
            ".shadowed OR ",
            $reader,
            " IS NULL OR ",
            $message,
            ".user_id = ",
            $reader,
            ") AND (",
            $message,
            ".visible_to IS NULL OR parlor_may_read(",
            $message,
            ".app_id, ",
            $message,
            ".channel_id, ",
            $message,
            ".user_id, ",
            $message,
            ".visible_to, ",
            $reader,
            "))"
        )
    };
}
pub(crate) use readable_by;

impl MessageRow {
    /// As it is stored: what depends on its reader and on the time is for [`super::view`].
    pub fn into_message(self) -> Result<Message> {
        fn read<T: DeserializeOwned>(stored: Option<Value>) -> Result<Option<T>> {
            stored.map(serde_json::from_value).transpose().map_err(Error::internal)
        }
        let thread = self.thread_summary()?.filter(|thread| thread.reply_count > 0);
        let content_type = match (self.deleted_at, self.content_type.as_deref().and_then(ContentType::parse))
        {
            (Some(_), _) => ContentType::Deleted,
            (None, Some(kind)) => kind,
            (None, None) if self.poll.is_some() => ContentType::Poll,
            (None, None) => ContentType::Text,
        };
        let users = |ids: Vec<String>| ids.into_iter().map(user_id).collect::<Result<Vec<_>>>();
        let mentions = self.mentions.unwrap_or_default().into_iter().map(user_id).collect::<Result<_>>()?;
        let is_reply = self.parent_id.is_some();
        Ok(Message {
            id: self.id.into(),
            channel_id: self.channel_id.into(),
            user: UserRef { id: user_id(self.user_id)?, name: self.name, image: self.image },
            content_type,
            text: self.text,
            content: read(self.content)?,
            attachments: read(self.attachments)?.unwrap_or_default(),
            mentions,
            group_mentions: read(self.group_mentions)?.unwrap_or_default(),
            silent: self.silent,
            visible_to: self.visible_to.map(users).transpose()?,
            custom: self.custom.map(custom).unwrap_or_default(),
            parent_id: self.parent_id.map(MessageId),
            show_in_channel: is_reply && self.in_timeline,
            thread_ordinal: self.thread_ordinal.filter(|_| is_reply),
            thread,
            reply_to_id: self.reply_to_id.map(MessageId),
            reactions: read(self.reactions)?.unwrap_or_default(),
            own_reactions: None,
            pinned: read(self.pinned)?,
            poll: read(self.poll)?,
            own_votes: None,
            quoted: read(self.quoted)?,
            forwarded_from: read(self.forwarded_from)?,
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

impl MessageRow {
    /// Forgets what it quotes, if that was truncated.
    pub fn forget_truncated(&mut self, truncated_seq: i64) -> Result<()> {
        if let Some(stored) = self.quoted.take() {
            let mut quoted: Quoted = serde_json::from_value(stored).map_err(Error::internal)?;
            if quoted.seq <= truncated_seq {
                quoted.forget();
            }
            self.quoted = Some(serde_json::to_value(quoted).map_err(Error::internal)?);
        }
        Ok(())
    }

    /// Forgets what it says, as its row will when it is removed.
    pub fn erase(&mut self) {
        self.text.clear();
        (self.content_type, self.content, self.group_mentions) = (None, None, None);
        (self.attachments, self.mentions, self.custom, self.reactions) = (None, None, None, None);
        (self.pinned, self.poll, self.quoted, self.forwarded_from) = (None, None, None, None);
        self.deleted_at = self.deleted_at.or(Some(self.created_at));
        self.erased = true;
    }

    /// The thread below this message, if there ever was one.
    pub fn thread_summary(&self) -> Result<Option<ThreadSummary>> {
        let (Some(ordinal), None) = (self.thread_ordinal, self.parent_id) else { return Ok(None) };
        let columns = (
            self.reply_count,
            Some(ordinal),
            self.participant_count,
            self.participants.clone(),
            self.last_reply_at,
        );
        summary(columns).map(Some)
    }
}

/// The columns of a thread, from its root.
pub type SummaryColumns =
    (Nullable<Int4>, Nullable<Int8>, Nullable<Int4>, Nullable<Jsonb>, Nullable<Timestamptz>);
/// As they are read.
pub type SummaryRow = (Option<i32>, Option<i64>, Option<i32>, Option<Value>, Option<DateTime<Utc>>);

/// A thread as its root shows it.
pub fn summary((replies, ordinal, people, participants, last_reply_at): SummaryRow) -> Result<ThreadSummary> {
    let participants = participants.map(serde_json::from_value).transpose().map_err(Error::internal)?;
    Ok(ThreadSummary {
        reply_count: replies.unwrap_or(0),
        ordinal: ordinal.unwrap_or(0),
        participant_count: people.unwrap_or(0),
        participants: participants.unwrap_or_default(),
        last_reply_at,
    })
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

/// The condition that a message is past the point up to which its channel was truncated, for everybody.
macro_rules! not_truncated {
    () => {
        sql::<Bool>(
            "messages.seq > (SELECT t.truncated_seq FROM channels t \
             WHERE t.app_id = messages.app_id AND t.id = messages.channel_id)",
        )
    };
    ($tx:expr, $channel:expr) => {
        sql::<Bool>("messages.seq > (SELECT t.truncated_seq FROM channels t WHERE t.app_id = ")
            .bind::<SqlUuid, _>($tx.app())
            .sql(" AND t.id = ")
            .bind::<SqlUuid, _>($channel.0)
            .sql(")")
    };
}

/// The same with what was erased, of a boxed query.
macro_rules! readable {
    ($query:expr, $reader:expr $(, $tx:expr, $channel:expr)?) => {
        match $reader {
            Some(reader) => {
                let reader: &UserId = reader;
                let restricted = sql::<Bool>(
                    "(messages.visible_to IS NULL OR parlor_may_read(messages.app_id, messages.channel_id, \
                     messages.user_id, messages.visible_to, ",
                );
                $query
                    .filter(messages::shadowed.eq(false).or(messages::user_id.eq(reader.as_str().to_owned())))
                    .filter(restricted.bind::<Text, _>(reader.as_str().to_owned()).sql("))"))
                    .filter(in_history!(reader $(, $tx, $channel)?))
            }
            None => $query,
        }
    };
}

/// What a reader may see: what is not shadowed, and their own, since their history begins, without what only others may
/// read; the server sees all. Nobody sees what was erased or truncated. Of one channel where the transaction and the channel are given.
macro_rules! visible_to {
    ($query:expr, $reader:expr $(, $tx:expr, $channel:expr)?) => {{
        let query = $query.filter(messages::erased.eq(false));
        let query = query.filter(not_truncated!($($tx, $channel)?)).into_boxed();
        readable!(query, $reader $(, $tx, $channel)?)
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
    /// Whether all may read it.
    pub for_all: bool,
}

/// Where these messages are, by their ids.
pub async fn places(tx: &TenantTx, ids: &[Uuid]) -> Result<HashMap<Uuid, Place>> {
    let rows = messages::table
        .filter(messages::app_id.eq(tx.app()).and(messages::id.eq_any(ids)))
        .select((
            messages::id,
            (messages::channel_id, messages::parent_id, messages::seq, messages::visible_to.is_null()),
        ))
        .load::<(Uuid, Place)>(&mut tx.conn()?)
        .await?;
    Ok(rows.into_iter().collect())
}

/// The main timeline, or one thread. Written as the partial indexes are, so that they serve it.
macro_rules! listed_in {
    ($query:expr, $thread:expr) => {
        match $thread {
            Some(root) => {
                let root: MessageId = root;
                $query.filter(messages::parent_id.eq(root.0))
            }
            None => $query.filter(messages::in_timeline),
        }
    };
}

/// The first `seq` at or after a time in a timeline, for clients that page by time.
pub async fn seq_at(
    tx: &TenantTx,
    channel: ChannelId,
    thread: Option<MessageId>,
    time: DateTime<Utc>,
) -> Result<i64> {
    let query = messages::table
        .filter(messages::app_id.eq(tx.app()).and(messages::channel_id.eq(channel.0)))
        .filter(messages::created_at.lt(time))
        .order(messages::seq.desc())
        .select(messages::seq)
        .limit(1)
        .into_boxed();
    let newest_before = listed_in!(query, thread).first::<i64>(&mut tx.conn()?).await.optional()?;
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
    let query = listed_in!(query, thread);
    let query = match window {
        Window::Before(seq) => query.filter(messages::seq.lt(seq)).order(messages::seq.desc()),
        Window::After(seq) => query.filter(messages::seq.gt(seq)).order(messages::seq.asc()),
    };
    Ok(query.limit(limit).load(&mut tx.conn()?).await?)
}

/// The newest `most` messages of each channel's main timeline, in one statement, the newest of each channel first.
pub async fn newest_of_each(
    tx: &TenantTx,
    channels: &[Uuid],
    reader: Option<&UserId>,
    most: i64,
) -> Result<Vec<MessageRow>> {
    Ok(prepared::<MessageColumns>(concat!(
        "SELECT ",
        message_columns!(),
        " FROM UNNEST(?) AS c (id) CROSS JOIN (SELECT ?::uuid AS app, ?::text AS reader, ?::bigint AS most) v \
         CROSS JOIN LATERAL (SELECT greatest(max(h.history_from_seq), (SELECT t.truncated_seq + 1 FROM channels t \
                 WHERE t.app_id = v.app AND t.id = c.id)) AS first FROM channel_members h \
             WHERE h.app_id = v.app AND h.channel_id = c.id AND h.user_id = v.reader AND h.removed_at IS NULL) h \
         CROSS JOIN LATERAL ( \
             SELECT * FROM messages m WHERE m.app_id = v.app AND m.channel_id = c.id AND m.in_timeline \
             AND m.seq >= h.first AND NOT m.erased AND ",
        readable_by!("m", "v.reader"),
        " ORDER BY m.seq DESC LIMIT v.most) m \
         CROSS JOIN LATERAL (SELECT u.name, u.image FROM users u WHERE u.app_id = m.app_id AND u.id = m.user_id OFFSET 0) u"
    ))
    .bind::<Array<SqlUuid>, _>(channels.to_vec())
    .bind::<SqlUuid, _>(tx.app())
    .bind::<Nullable<Text>, _>(reader.map(|reader| reader.as_str().to_owned()))
    .bind::<BigInt, _>(most)
    .load(&mut tx.conn()?)
    .await?)
}

/// What an edit writes: all that it may change, as it is to be.
pub struct Edited<'a> {
    pub said: &'a SendMessage,
    pub live_until: Option<DateTime<Utc>>,
    pub edited_at: Option<DateTime<Utc>>,
}

/// Edits a message.
pub async fn update(tx: &TenantTx, id: MessageId, edited: Edited<'_>, seq: i64) -> Result<()> {
    let Edited { said, live_until, edited_at } = edited;
    let mentions: Vec<&str> = said.mentions.iter().map(UserId::as_str).collect();
    diesel::update(messages::table.find((tx.app(), id.0)))
        .set((
            messages::text.eq(&said.text),
            messages::content_type.eq(said.content_type.map(ContentType::as_str)),
            messages::content.eq(said.content.as_ref().map(|content| content.value().clone())),
            messages::attachments.eq(json(&said.attachments, said.attachments.is_empty())),
            messages::mentions.eq((!mentions.is_empty()).then_some(mentions)),
            messages::group_mentions.eq(json(&said.group_mentions, said.group_mentions.is_empty())),
            messages::custom.eq(json(&said.custom, said.custom.0.is_empty())),
            messages::live_until.eq(live_until),
            messages::edited_at.eq(edited_at),
            messages::updated_seq.eq(seq),
        ))
        .execute(&mut tx.conn()?)
        .await?;
    Ok(())
}

/// Writes where a live location is, or that it is over.
pub async fn set_location(
    tx: &TenantTx,
    id: MessageId,
    attachments: &[Custom],
    live_until: Option<DateTime<Utc>>,
    seq: i64,
) -> Result<()> {
    diesel::update(messages::table.find((tx.app(), id.0)))
        .set((
            messages::attachments.eq(json(&attachments, false)),
            messages::live_until.eq(live_until),
            messages::updated_seq.eq(seq),
        ))
        .execute(&mut tx.conn()?)
        .await?;
    Ok(())
}

/// A channel's messages whose location is shared live now: those that are so for the longest first.
pub async fn live(
    tx: &TenantTx,
    channel: ChannelId,
    reader: Option<&UserId>,
    after: Option<(DateTime<Utc>, Uuid)>,
    limit: i64,
    now: DateTime<Utc>,
) -> Result<Vec<(DateTime<Utc>, MessageRow)>> {
    let query = messages::table
        .inner_join(users::table.on(users::app_id.eq(messages::app_id).and(users::id.eq(messages::user_id))))
        .select((messages::live_until.assume_not_null(), MessageRow::as_select()))
        .filter(messages::app_id.eq(tx.app()).and(messages::channel_id.eq(channel.0)))
        .filter(messages::live_until.is_not_null().and(messages::live_until.gt(now)));
    let mut query = visible_to!(query, reader, tx, channel);
    if let Some((end, id)) = after {
        let same = messages::live_until.eq(end).and(messages::id.gt(id));
        query = query.filter(messages::live_until.gt(end).or(same));
    }
    Ok(query.order((messages::live_until, messages::id)).limit(limit).load(&mut tx.conn()?).await?)
}

/// What a column holds: nothing where there is nothing to say.
pub fn json<T: Serialize>(value: &T, empty: bool) -> Option<Value> {
    if empty { None } else { serde_json::to_value(value).ok() }
}

/// Clears a message that is deleted. The row keeps its place.
pub async fn clear(tx: &TenantTx, id: MessageId, seq: i64, now: DateTime<Utc>) -> Result<()> {
    diesel::update(messages::table.find((tx.app(), id.0)))
        .set((
            messages::text.eq(""),
            messages::attachments.eq(None::<Value>),
            messages::mentions.eq(None::<Vec<String>>),
            messages::content_type.eq(None::<String>),
            messages::content.eq(None::<Value>),
            messages::group_mentions.eq(None::<Value>),
            messages::live_until.eq(None::<DateTime<Utc>>),
            messages::custom.eq(None::<Value>),
            messages::reactions.eq(None::<Value>),
            messages::pinned.eq(None::<Value>),
            messages::poll.eq(None::<Value>),
            messages::quoted.eq(None::<Value>),
            messages::forwarded_from.eq(None::<Value>),
            messages::deleted_at.eq(now),
            messages::updated_seq.eq(seq),
        ))
        .execute(&mut tx.conn()?)
        .await?;
    Ok(())
}

/// Notes the `seq` of a message's last change.
pub async fn set_updated(tx: &TenantTx, id: MessageId, seq: i64) -> Result<()> {
    diesel::update(messages::table.find((tx.app(), id.0)))
        .set(messages::updated_seq.eq(seq))
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

/// Quotations that one statement forgets.
pub const QUOTED_AT_ONCE: usize = 1_000;

/// Forgets what others keep of messages that they quote and that were erased: at most [`QUOTED_AT_ONCE`] of them. Gives
/// how many there were.
pub async fn forget_quoted(tx: &TenantTx, ids: &[Uuid]) -> Result<usize> {
    Ok(prepared::<Untyped>(
        "MERGE INTO messages m USING (SELECT q.app_id, q.id FROM messages q WHERE q.app_id = ? AND q.reply_to_id = ANY(?) \
             AND q.quoted IS NOT NULL AND q.quoted -> 'erased' IS NULL LIMIT ?) q \
         ON m.app_id = q.app_id AND m.id = q.id \
         WHEN MATCHED THEN UPDATE SET \
             quoted = m.quoted || '{\"text\": \"\", \"attachments\": [], \"erased\": true}'::jsonb \
         WHEN NOT MATCHED AND false THEN INSERT DEFAULT VALUES",
    )
    .bind::<SqlUuid, _>(tx.app())
    .bind::<Array<SqlUuid>, _>(ids.to_vec())
    .bind::<BigInt, _>(i64::try_from(QUOTED_AT_ONCE).unwrap_or(i64::MAX))
    .execute(&mut tx.conn()?)
    .await?)
}

/// `(seq, ordinal, countable)` of the newest countable message up to a `seq`.
pub async fn countable_up_to(
    tx: &TenantTx,
    channel: ChannelId,
    seq: i64,
) -> Result<Option<(Uuid, i64, i64)>> {
    Ok(prepared::<(SqlUuid, BigInt, BigInt)>(
        "SELECT id, seq, ordinal FROM messages WHERE app_id = ? AND channel_id = ? AND seq <= ? AND in_timeline \
             AND countable \
         ORDER BY seq DESC LIMIT 1",
    )
    .bind::<SqlUuid, _>(tx.app())
    .bind::<SqlUuid, _>(channel.0)
    .bind::<BigInt, _>(seq)
    .load::<(Uuid, i64, i64)>(&mut tx.conn()?)
    .await?
    .pop())
}
