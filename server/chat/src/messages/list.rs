//! Pages of a timeline: the newest, before, after, or around a message. Oldest first.

use chrono::{DateTime, Datelike, Utc};
use parlor_platform::db::TenantTx;
use parlor_platform::{Error, Result};
use parlor_protocol::message::MessagePage;
use parlor_protocol::{Capability, ChannelId, ErrorCode, Message, MessageId};
use serde::Deserialize;

use super::store::{self, MessageRow, Window};
use crate::channels::access;
use crate::web::{Caller, decode, encode, limit};

/// Which page. At most one of `before`, `after` and `around`.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ListQuery {
    /// Cursor, message id, or RFC 3339 time: the newest messages before it.
    before: Option<String>,
    /// Cursor or message id: the oldest messages after it.
    after: Option<String>,
    /// Message id: a page with it in the middle.
    around: Option<String>,
    /// A thread's root: its replies instead of the main timeline.
    parent_id: Option<MessageId>,
    /// 1 to 100, 50 unless given.
    limit: Option<u32>,
}

/// One page.
pub async fn page(
    tx: &TenantTx,
    caller: &Caller,
    channel: ChannelId,
    query: ListQuery,
) -> Result<MessagePage> {
    let size = limit(query.limit)?;
    access::require(tx, caller, channel, Capability::ReadChannel).await?;
    let list = List { tx, caller, channel, thread: query.parent_id };
    let (items, older, newer) = match (query.before, query.after, query.around) {
        (None, None, None) => {
            let (items, older) = list.before(i64::MAX, size).await?;
            (items, older, false)
        }
        (Some(before), None, None) => {
            let edge = list.position(&before).await?;
            let (items, older) = list.before(edge, size).await?;
            (items, older, true)
        }
        (None, Some(after), None) => {
            let edge = list.position(&after).await?;
            let (items, newer) = list.after(edge, size).await?;
            (items, true, newer)
        }
        (None, None, Some(around)) => {
            let middle = list.position(&around).await?;
            // The one in the middle belongs to the newer half.
            let (mut items, older) = list.before(middle, size / 2).await?;
            let (rest, newer) = list.after(middle.saturating_sub(1), size - size / 2).await?;
            items.extend(rest);
            (items, older, newer)
        }
        _ => {
            return Err(Error::with(
                ErrorCode::InvalidParameter,
                "Give one of `before`, `after` and `around`.",
            ));
        }
    };
    let cursor = |message: Option<&Message>, more: bool| {
        message.filter(|_| more).map(|message| encode("messages", &message.seq)).transpose()
    };
    Ok(MessagePage { before: cursor(items.first(), older)?, after: cursor(items.last(), newer)?, items })
}

struct List<'a> {
    tx: &'a TenantTx,
    caller: &'a Caller,
    channel: ChannelId,
    thread: Option<MessageId>,
}

impl List<'_> {
    /// A `seq` from a cursor, a message id or a time.
    async fn position(&self, text: &str) -> Result<i64> {
        if let Ok(id) = text.parse::<MessageId>() {
            return store::seq_of(self.tx, self.channel, id)
                .await?
                .ok_or_else(|| ErrorCode::MessageNotFound.into());
        }
        if let Ok(time) = text.parse::<DateTime<Utc>>() {
            if !(1..=9999).contains(&time.year()) {
                return Err(Error::with(
                    ErrorCode::InvalidParameter,
                    "A time is between the years 1 and 9999.",
                ));
            }
            return store::seq_at(self.tx, self.channel, time).await;
        }
        let seq = decode::<i64>("messages", Some(text))?.filter(|seq| *seq >= 0);
        seq.ok_or_else(|| ErrorCode::InvalidCursor.into())
    }

    /// Oldest first, and whether there are older ones.
    async fn before(&self, seq: i64, size: i64) -> Result<(Vec<Message>, bool)> {
        let (mut items, more) = self.window(Window::Before(seq), size).await?;
        items.reverse();
        Ok((items, more))
    }

    /// Oldest first, and whether there are newer ones.
    async fn after(&self, seq: i64, size: i64) -> Result<(Vec<Message>, bool)> {
        self.window(Window::After(seq), size).await
    }

    async fn window(&self, window: Window, size: i64) -> Result<(Vec<Message>, bool)> {
        let reader = self.caller.user();
        let mut rows = store::window(self.tx, self.channel, self.thread, window, reader, size + 1).await?;
        let more = rows.len() as i64 > size;
        rows.truncate(usize::try_from(size).unwrap_or(0));
        Ok((rows.into_iter().map(MessageRow::into_message).collect::<Result<_>>()?, more))
    }
}
