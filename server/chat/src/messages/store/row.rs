//! What a message is in the table.

use chrono::{DateTime, Utc};
use diesel::dsl::sql;
use diesel::expression::SqlLiteral;
use diesel::prelude::*;
use diesel::sql_types::{Array, Bool, Int4, Int8, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use parlor_platform::schema::{messages, users};
use parlor_platform::{Error, Result};
use parlor_protocol::message::Quoted;
use parlor_protocol::{ContentType, Message, MessageId, ThreadSummary, UserRef};
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
