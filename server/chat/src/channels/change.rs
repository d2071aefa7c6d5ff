//! One durable change of a channel: a `seq`, its event, and the order between them.
//!
//! [`Change::begin`] takes the next `seq` and the row lock; whatever the change writes carries that `seq` as
//! `updated_seq`, and [`Change::tell`] puts the event with `seq` and `prev_seq` into the outbox entries.

use chrono::{DateTime, Utc};
use parlor_platform::db::TenantTx;
use parlor_platform::outbox::{Command, Entries};
use parlor_platform::{Error, Result};
use parlor_protocol::{AppId, ChannelId, Envelope, EventId, EventType, Message, UserId, event};
use serde::Serialize;
use serde_json::json;

use super::store::{self, ChannelRow};
use crate::members::store as members;

/// A change that has its `seq`.
pub struct Change {
    /// The channel after the step.
    pub row: ChannelRow,
    now: DateTime<Utc>,
}

impl Change {
    /// Takes the next `seq`; `members` is by how many the number of members changes.
    pub async fn begin(tx: &TenantTx, channel: ChannelId, members: i32, now: DateTime<Utc>) -> Result<Self> {
        Ok(Self { row: store::advance(tx, channel, 1, members).await?, now })
    }

    /// Takes the next numbers, one for each of so many who become members; each change has the channel as it is after
    /// that step.
    pub async fn begin_joins(
        tx: &TenantTx,
        channel: ChannelId,
        members: i32,
        now: DateTime<Utc>,
    ) -> Result<Vec<Self>> {
        let last = store::advance(tx, channel, members, members).await?;
        let step = |later: i32| ChannelRow {
            seq: last.seq - i64::from(later),
            member_count: last.member_count - later,
            ..last.clone()
        };
        Ok((0..members).rev().map(|later| Self { row: step(later), now }).collect())
    }

    /// Takes the next numbers, one for each of so many changes; each has the channel as it is after that step.
    pub async fn begin_steps(
        tx: &TenantTx,
        channel: ChannelId,
        steps: i32,
        now: DateTime<Utc>,
    ) -> Result<Vec<Self>> {
        let last = store::advance(tx, channel, steps, 0).await?;
        let step = |later: i32| ChannelRow { seq: last.seq - i64::from(later), ..last.clone() };
        Ok((0..steps).rev().map(|later| Self { row: step(later), now }).collect())
    }

    /// Takes the next number in each of these channels, as often as it is named, whose rows the caller holds.
    pub async fn begin_in(
        tx: &TenantTx,
        mut held: Vec<ChannelRow>,
        channels: &[ChannelId],
        now: DateTime<Utc>,
    ) -> Result<Vec<Self>> {
        let mut changes = Vec::with_capacity(channels.len());
        for channel in channels {
            let row = held.iter_mut().find(|row| row.id == channel.0);
            let row = row.ok_or_else(|| Error::internal("a channel that is not held"))?;
            row.seq += 1;
            changes.push(Self { row: row.clone(), now });
        }
        store::set_seqs(tx, &held).await?;
        Ok(changes)
    }

    /// The change's number.
    pub fn seq(&self) -> i64 {
        self.row.seq
    }

    /// Tells the channel's subscribers.
    pub fn tell<D: Serialize>(&self, entries: &mut Entries, kind: EventType, data: D) -> Result<()> {
        let envelope = Envelope {
            id: EventId::new(),
            kind,
            channel_id: Some(self.row.id()),
            seq: Some(self.row.seq),
            prev_seq: Some(self.row.seq - 1),
            created_at: self.now,
            data,
        };
        entries.publish(self.row.id(), &envelope)
    }

    /// Tells of a message those who may read it: the channel's subscribers; or, where not all may, those whom it names and
    /// its author, on their own channels, as far as they read the channel now. The others learn that there was a change, and
    /// nothing of it.
    pub async fn tell_of<D: Serialize>(
        &self,
        tx: &TenantTx,
        entries: &mut Entries,
        message: &Message,
        kind: EventType,
        data: D,
    ) -> Result<()> {
        let Some(named) = &message.visible_to else { return self.tell(entries, kind, data) };
        self.tell(entries, EventType::ChannelAdvanced, json!({}))?;
        let mut readers: Vec<&UserId> = named.iter().chain([&message.user.id]).collect();
        if !self.row.kind()?.is_public() {
            let present = members::present(tx, self.row.id(), &readers).await?;
            readers.retain(|user| present.contains(user.as_str()));
        }
        let envelope = hint(kind, self.row.id(), self.now, data);
        if let Some(command) = to_readers(tx.app_id(), readers, &envelope)? {
            entries.command(&self.row.id, command);
        }
        Ok(())
    }
}

/// An event of a message that not all may read, for those who may: each once, and `None` where there is nobody. It is kept
/// for recovery, as what it stands for would be.
pub fn to_readers<D: Serialize>(
    app: AppId,
    mut readers: Vec<&UserId>,
    envelope: &Envelope<D>,
) -> Result<Option<Command>> {
    readers.sort_unstable();
    readers.dedup();
    let topics: Vec<String> = readers.into_iter().map(|user| event::user_topic(app, user)).collect();
    if topics.is_empty() { Ok(None) } else { Command::kept_broadcast(topics, envelope).map(Some) }
}

/// An event without a `seq`.
pub fn hint<D: Serialize>(
    kind: EventType,
    channel: impl Into<Option<ChannelId>>,
    now: DateTime<Utc>,
    data: D,
) -> Envelope<D> {
    Envelope {
        id: EventId::new(),
        kind,
        channel_id: channel.into(),
        seq: None,
        prev_seq: None,
        created_at: now,
        data,
    }
}
