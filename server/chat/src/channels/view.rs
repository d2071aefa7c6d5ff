//! Channels as their reader sees them. The number of statements does not depend on the number of channels.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use futures_util::try_join;
use parlor_platform::Result;
use parlor_platform::db::TenantTx;
use parlor_protocol::{Channel, Message, UserId};
use uuid::Uuid;

use super::store::ChannelRow;
use crate::members::store::{self as members, MemberRow};
use crate::messages::store::{self as messages, MessageRow};
use crate::messages::view as message_view;
use crate::permissions::{Actor, capabilities};
use crate::reads::store::{self as reads, UnreadRow};
use crate::users::store::{custom, user_id};

/// Rows with membership, unread count, capabilities and last message of the reader; the server has none. `now` is for what
/// has an end.
pub async fn channels(
    tx: &TenantTx,
    reader: Option<&UserId>,
    rows: Vec<ChannelRow>,
    now: DateTime<Utc>,
) -> Result<Vec<Channel>> {
    let ids: Vec<Uuid> = rows.iter().map(|row| row.id).collect();
    let (memberships, unread, last) = match reader {
        Some(user) => try_join!(
            members::of_user(tx, user, &ids),
            reads::unread_in(tx, user, &ids),
            messages::newest_of_each(tx, &ids, Some(user), 1),
        )?,
        None => (Vec::new(), Vec::new(), messages::newest_of_each(tx, &ids, None, 1).await?),
    };
    let last = last.into_iter().map(MessageRow::into_message).collect::<Result<_>>()?;
    let last = message_view::messages(tx, reader, last, now).await?;
    let mut last: HashMap<Uuid, Message> =
        last.into_iter().map(|message| (message.channel_id.0, message)).collect();
    let mut own = Own::new(reader, memberships, unread, now);
    rows.into_iter()
        .map(|row| {
            let last_message = last.remove(&row.id);
            own.channel(row, last_message)
        })
        .collect()
}

/// What channels are to their reader.
pub struct Own {
    is_server: bool,
    memberships: HashMap<Uuid, MemberRow>,
    unread: HashMap<Uuid, i64>,
    now: DateTime<Utc>,
}

impl Own {
    /// From the reader's memberships and unread counts; the server has none.
    pub fn new(
        reader: Option<&UserId>,
        memberships: Vec<MemberRow>,
        unread: Vec<UnreadRow>,
        now: DateTime<Utc>,
    ) -> Self {
        Self {
            is_server: reader.is_none(),
            memberships: memberships.into_iter().map(|row| (row.channel_id, row)).collect(),
            unread: unread.into_iter().map(|row| (row.channel_id, row.unread)).collect(),
            now,
        }
    }

    /// A channel as the reader sees it.
    pub fn channel(&mut self, row: ChannelRow, last_message: Option<Message>) -> Result<Channel> {
        let membership = self.memberships.remove(&row.id);
        let unread = self.unread.get(&row.id).copied().unwrap_or(0);
        let actor = match (&membership, self.is_server) {
            (_, true) => Actor::Server,
            (Some(member), _) => Actor::Member(member.role()?),
            (None, _) => Actor::Outsider,
        };
        let membership = membership.map(|member| member.into_own(row.ordinal, self.now)).transpose()?;
        let mut channel = shared(row)?;
        channel.capabilities = capabilities(actor, channel.kind, &channel.config);
        Ok(Channel { membership, unread, last_message, ..channel })
    }
}

/// One channel.
pub async fn channel(
    tx: &TenantTx,
    reader: Option<&UserId>,
    row: ChannelRow,
    now: DateTime<Utc>,
) -> Result<Channel> {
    let mut all = channels(tx, reader, vec![row], now).await?;
    all.pop().ok_or_else(|| parlor_platform::Error::internal("a channel without a view"))
}

/// What everybody may see of a channel: for events, which have many readers.
pub fn shared(row: ChannelRow) -> Result<Channel> {
    Ok(Channel {
        id: row.id(),
        kind: row.kind()?,
        config: row.config()?,
        cid: row.cid,
        name: row.name,
        image: row.image,
        custom: custom(row.custom),
        tags: row.tags,
        capabilities: Vec::new(),
        created_by: row.created_by.map(user_id).transpose()?,
        member_count: row.member_count,
        seq: row.seq,
        ordinal: row.ordinal,
        truncated_seq: row.truncated_seq,
        truncated_ordinal: row.truncated_ordinal,
        last_message_at: row.last_message_at,
        created_at: row.created_at,
        updated_at: row.updated_at,
        membership: None,
        unread: 0,
        last_message: None,
    })
}
