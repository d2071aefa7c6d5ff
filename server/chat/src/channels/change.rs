//! One durable change of a channel: a `seq`, its event, and the order between them.
//!
//! [`Change::begin`] takes the next `seq` and the row lock; whatever the change writes carries that `seq` as
//! `updated_seq`, and [`Change::tell`] puts the event with `seq` and `prev_seq` into the outbox entries.

use chrono::{DateTime, Utc};
use parlor_platform::Result;
use parlor_platform::db::TenantTx;
use parlor_platform::outbox::{Command, Entries};
use parlor_protocol::{AppId, ChannelId, Envelope, EventId, EventType, Message, UserId, event};
use serde::Serialize;
use serde_json::json;

use super::store::{self, ChannelRow};

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
    /// its author, on their own channels. The others learn that there was a change, and nothing of it.
    pub fn tell_of<D: Serialize>(
        &self,
        entries: &mut Entries,
        app: AppId,
        message: &Message,
        kind: EventType,
        data: D,
    ) -> Result<()> {
        let Some(named) = &message.visible_to else { return self.tell(entries, kind, data) };
        self.tell(entries, EventType::ChannelAdvanced, json!({}))?;
        let envelope = hint(kind, self.row.id(), self.now, data);
        entries.command(&self.row.id, to_readers(app, &message.user.id, named, &envelope)?);
        Ok(())
    }
}

/// An event of a message that not all may read, for those who may. It is kept for recovery, as what it stands for would be.
pub fn to_readers<D: Serialize>(
    app: AppId,
    author: &UserId,
    named: &[UserId],
    envelope: &Envelope<D>,
) -> Result<Command> {
    let others = named.iter().filter(|user| *user != author);
    let topics = others.chain([author]).map(|user| event::user_topic(app, user)).collect();
    Command::kept_broadcast(topics, envelope)
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
