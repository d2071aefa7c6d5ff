//! What others are told of a new message, and what its sender is answered. Pure.

use chrono::{DateTime, Utc};
use parlor_platform::outbox::Entries;
use parlor_platform::{Error, Result};
use parlor_protocol::limits::QUOTED_CHARS;
use parlor_protocol::message::{Quoted, SendMessage};
use parlor_protocol::{
    ContentType, Custom, Envelope, EventId, EventType, Message, ThreadSummary, UserId, UserRef,
};
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::Item;
use super::plan::Facts;
use crate::channels::change::{hint, to_readers};
use crate::fanout::SentEvent;
use crate::messages::store::MessageRow;
use crate::polls;

#[derive(Serialize)]
pub struct Data<'a> {
    pub message: &'a RawValue,
    /// Of a reply: its thread, as it is now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thread: Option<&'a ThreadSummary>,
}

/// Tells everybody of a new message; of one that not all may read those who may and read its channel, and the others that there
/// was a change.
pub fn tell(
    entries: &mut Entries,
    item: &Item,
    facts: &Facts,
    seq: i64,
    data: Data<'_>,
    now: DateTime<Utc>,
) -> Result<()> {
    fn envelope<D>(item: &Item, kind: EventType, seq: i64, data: D, now: DateTime<Utc>) -> Envelope<D> {
        let (id, channel_id) = (EventId::new(), Some(item.channel));
        Envelope { id, kind, channel_id, seq: Some(seq), prev_seq: Some(seq - 1), created_at: now, data }
    }
    if item.content.visible_to.is_none() {
        return entries.publish(item.channel, &envelope(item, EventType::MessageNew, seq, data, now));
    }
    entries.publish(item.channel, &envelope(item, EventType::ChannelAdvanced, seq, json!({}), now))?;
    let own = hint(EventType::MessageNew, item.channel, now, Data { thread: None, ..data });
    let readers = item.readers().filter(|user| facts.reads(item, user)).collect();
    if let Some(command) = to_readers(item.app, readers, &own)? {
        entries.command(&item.channel.0, command);
    }
    Ok(())
}

/// What follows from a new message.
pub fn sent(item: &Item, seq: i64) -> SentEvent {
    let SendMessage { mentions, group_mentions, visible_to, .. } = &item.content;
    let may_read = |user: &UserId| visible_to.as_ref().is_none_or(|named| named.contains(user));
    SentEvent {
        channel_id: item.channel,
        message_id: item.id,
        user_id: item.user.clone(),
        seq,
        countable: item.is_countable(),
        mentions: mentions.iter().filter(|user| may_read(user)).cloned().collect(),
        calls: !group_mentions.is_empty(),
        quiet: !item.is_heard(),
    }
}

pub fn message(item: &Item, user: UserRef, (seq, ordinal): (i64, i64), now: DateTime<Utc>) -> Message {
    let content = item.content.clone();
    Message {
        id: item.id,
        channel_id: item.channel,
        user,
        content_type: content.content_type.unwrap_or(if content.poll.is_some() {
            ContentType::Poll
        } else {
            ContentType::Text
        }),
        text: content.text,
        content: content.content,
        attachments: content.attachments,
        mentions: content.mentions,
        group_mentions: content.group_mentions,
        silent: content.silent,
        visible_to: content.visible_to,
        custom: content.custom,
        parent_id: content.parent_id,
        show_in_channel: content.show_in_channel,
        thread_ordinal: None,
        thread: None,
        reply_to_id: content.reply_to_id,
        reactions: Vec::new(),
        own_reactions: None,
        pinned: None,
        poll: content.poll.map(polls::created),
        own_votes: None,
        quoted: None,
        forwarded_from: item.forwarded_from.clone(),
        seq,
        updated_seq: seq,
        ordinal,
        created_at: now,
        edited_at: None,
        deleted_at: None,
        erased: false,
    }
}

/// What a quotation keeps of a message.
pub fn snapshot(row: &MessageRow) -> Result<Quoted> {
    let attachments = row.attachments.clone().map(serde_json::from_value::<Vec<Custom>>);
    let attachments = attachments.transpose().map_err(Error::internal)?.unwrap_or_default();
    let kind = |attachment: &Custom| attachment.0.get("type").and_then(Value::as_str).map(str::to_owned);
    Ok(Quoted {
        id: row.id.into(),
        seq: row.seq,
        user: UserRef {
            id: UserId::new(row.user_id.clone()).map_err(Error::internal)?,
            name: row.name.clone(),
            image: row.image.clone(),
        },
        text: row.text.chars().take(QUOTED_CHARS).collect(),
        attachments: attachments.iter().filter_map(kind).collect(),
        created_at: row.created_at,
        erased: false,
    })
}

/// The event of a new message as the answer to its sender, who sees their own reactions to it, too: none yet. They are the
/// last field, so the text is made once for both, because messages may be long.
pub fn answer(told: &str, by_server: bool) -> String {
    match told.strip_suffix('}') {
        Some(open) if !by_server => format!("{open},\"own_reactions\":[]}}"),
        _ => told.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use parlor_protocol::{AppId, ChannelId, MessageId};

    #[test]
    fn only_users_are_answered_with_their_own_reactions() {
        assert_eq!(answer(r#"{"text":"}"}"#, false), r#"{"text":"}","own_reactions":[]}"#);
        assert_eq!(answer(r#"{"text":"}"}"#, true), r#"{"text":"}"}"#);
    }

    #[test]
    fn the_answer_is_the_text_that_a_repetition_gets() {
        let content = serde_json::from_value(serde_json::json!({ "text": "hello" })).unwrap();
        let user = UserRef { id: UserId::new("ann").unwrap(), name: None, image: None };
        let item = Item {
            app: AppId::new(),
            channel: ChannelId::new(),
            user: user.id.clone(),
            by_server: false,
            id: MessageId::new(),
            content,
            forwarded_from: None,
            approved: false,
            fingerprint: 0,
        };
        let told = message(&item, user, (2, 1), DateTime::UNIX_EPOCH);
        let repeated = Message { own_reactions: Some(Vec::new()), ..told.clone() };
        let text = |message: &Message| serde_json::to_string(message).unwrap();
        assert_eq!(answer(&text(&told), false), text(&repeated));
    }
}
