//! Pages of a timeline: the newest, before, after, or around a message. Oldest first.
//!
//! A page that was asked for from one side leads back to that side, also where it is empty.

use chrono::{DateTime, Utc};
use parlor_platform::db::TenantTx;
use parlor_platform::{Error, Result};
use parlor_protocol::message::MessagePage;
use parlor_protocol::{Capability, ChannelId, ErrorCode, Message, MessageId};
use serde::Deserialize;

use super::store::{self, MessageRow, Window};
use super::view;
use crate::channels::access;
use crate::validate;
use crate::web::{Caller, decode, encode, limit, one_more};

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
    now: DateTime<Utc>,
) -> Result<MessagePage> {
    let size = limit(query.limit)?;
    let access = access::require(tx, caller, channel, Capability::ReadChannel).await?;
    let first = access.history_from_seq();
    let list = List { tx, caller, channel, thread: query.parent_id, first, last: access.row.seq };
    // `edge` is where an empty page would stand: older messages have a lower `seq`, newer ones this or a higher one.
    let (edge, items, older, newer) = match (query.before, query.after, query.around) {
        (None, None, None) => {
            let (items, older) = list.before(i64::MAX, size).await?;
            (i64::MAX, items, older, false)
        }
        (Some(before), None, None) => {
            let edge = list.position(&before).await?;
            let (items, older) = list.before(edge, size).await?;
            (edge, items, older, true)
        }
        (None, Some(after), None) => {
            let last = list.position(&after).await?;
            let (items, newer) = list.after(last, size).await?;
            (last.saturating_add(1), items, true, newer)
        }
        (None, None, Some(around)) => {
            let middle = list.position(&around).await?;
            // The one in the middle belongs to the newer half.
            let (mut items, older) = list.before(middle, size / 2).await?;
            let (rest, newer) = list.after(middle.saturating_sub(1), size - size / 2).await?;
            items.extend(rest);
            (middle, items, older, newer)
        }
        _ => {
            return Err(Error::with(
                ErrorCode::InvalidParameter,
                "Give one of `before`, `after` and `around`.",
            ));
        }
    };
    let items = view::messages(tx, caller.user(), items, now).await?;
    let first = items.first().map_or(edge, |message| message.seq);
    let last = items.last().map_or(edge.saturating_sub(1), |message| message.seq);
    let cursor = |seq: i64, more: bool| more.then(|| encode("messages", &seq)).transpose();
    Ok(MessagePage { before: cursor(first, older)?, after: cursor(last, newer)?, items })
}

struct List<'a> {
    tx: &'a TenantTx,
    caller: &'a Caller,
    channel: ChannelId,
    thread: Option<MessageId>,
    /// Where the reader's history begins.
    first: i64,
    /// The channel's `seq`.
    last: i64,
}

impl List<'_> {
    /// A `seq` from a cursor, a message id or a time.
    async fn position(&self, text: &str) -> Result<i64> {
        if let Ok(id) = text.parse::<MessageId>() {
            let seq = store::seq_of(self.tx, self.channel, id).await?.filter(|seq| *seq >= self.first);
            return seq.ok_or_else(|| ErrorCode::MessageNotFound.into());
        }
        if let Ok(time) = text.parse::<DateTime<Utc>>() {
            validate::readable_time(Some(&time), ErrorCode::InvalidParameter)?;
            let newest = store::newest_before(self.tx, self.channel, 0, self.last, time).await?;
            return Ok(newest.unwrap_or(0) + 1);
        }
        let seq = decode::<i64>("messages", Some(text))?.filter(|seq| *seq >= 0);
        seq.ok_or_else(|| ErrorCode::InvalidCursor.into())
    }

    /// Oldest first, and whether there are older ones.
    async fn before(&self, seq: i64, size: usize) -> Result<(Vec<Message>, bool)> {
        let (mut items, more) = self.window(Window::Before(seq), size).await?;
        items.reverse();
        Ok((items, more))
    }

    /// Oldest first, and whether there are newer ones.
    async fn after(&self, seq: i64, size: usize) -> Result<(Vec<Message>, bool)> {
        self.window(Window::After(seq), size).await
    }

    async fn window(&self, window: Window, size: usize) -> Result<(Vec<Message>, bool)> {
        let (reader, asked) = (self.caller.user(), one_more(size));
        let mut rows = store::window(self.tx, self.channel, self.thread, window, reader, asked).await?;
        let more = rows.len() > size;
        rows.truncate(size);
        Ok((rows.into_iter().map(MessageRow::into_message).collect::<Result<_>>()?, more))
    }
}
