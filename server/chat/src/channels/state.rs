//! Channels with what an app shows of them at its start. The number of statements does not depend on the number of
//! channels, and those that need nothing of each other go out in one flight.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use futures_util::try_join;
use parlor_platform::Result;
use parlor_platform::db::TenantTx;
use parlor_protocol::query::ChannelState;
use parlor_protocol::{Member, Message, UserId};
use uuid::Uuid;

use super::store::ChannelRow;
use super::view::Own;
use crate::members::store as members;
use crate::messages::store::{self as messages, MessageRow};
use crate::messages::view as message_view;
use crate::pins::store as pins;
use crate::reads::store as reads;

/// Pinned messages of each channel.
const PINNED: i64 = 10;

/// How much of each channel.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    /// Newest messages, at least one.
    pub messages: u32,
    /// First members.
    pub members: u32,
    /// Whether the last pinned messages are wanted.
    pub pinned: bool,
}

/// Rows with all that is wanted, in their order.
pub async fn states(
    tx: &TenantTx,
    reader: Option<&UserId>,
    rows: Vec<ChannelRow>,
    wanted: Wanted,
    now: DateTime<Utc>,
) -> Result<Vec<ChannelState>> {
    let ids: Vec<Uuid> = rows.iter().map(|row| row.id).collect();
    let own = async {
        match reader {
            Some(user) => try_join!(members::of_user(tx, user, &ids), reads::unread_in(tx, user, &ids)),
            None => Ok((Vec::new(), Vec::new())),
        }
    };
    let pins = async {
        match wanted.pinned {
            true => pins::last_of_each(tx, &ids, reader, PINNED, now).await,
            false => Ok(Vec::new()),
        }
    };
    let ((memberships, unread), newest, people, pinned) = try_join!(
        own,
        messages::newest_of_each(tx, &ids, reader, i64::from(wanted.messages)),
        members::first_of_each(tx, &ids, i64::from(wanted.members)),
        pins,
    )?;
    let newest_count = newest.len();
    let shown = newest.into_iter().chain(pinned).map(MessageRow::into_message).collect::<Result<_>>()?;
    let mut newest = message_view::messages(tx, reader, shown, now).await?;
    let mut pinned = by_channel(newest.split_off(newest_count));
    let mut newest = by_channel(newest);
    let mut people_of: HashMap<Uuid, Vec<Member>> = HashMap::new();
    for row in people {
        people_of.entry(row.channel_id).or_default().push(row.seen_by(reader)?);
    }
    let mut own = Own::new(reader, memberships, unread, now);
    let state = |row: ChannelRow| {
        let id = row.id;
        let mut messages = newest.remove(&id).unwrap_or_default();
        messages.sort_by_key(|message| message.seq);
        Ok(ChannelState {
            channel: own.channel(row, messages.last().cloned())?,
            messages,
            members: people_of.remove(&id).unwrap_or_default(),
            pinned: wanted.pinned.then(|| pinned.remove(&id).unwrap_or_default()),
        })
    };
    rows.into_iter().map(state).collect()
}

fn by_channel(messages: Vec<Message>) -> HashMap<Uuid, Vec<Message>> {
    let mut groups: HashMap<Uuid, Vec<Message>> = HashMap::new();
    for message in messages {
        groups.entry(message.channel_id.0).or_default().push(message);
    }
    groups
}
