//! One change of what belongs to a user alone: a step of the user's `seq`, and its event on the user's channel.
//!
//! What the change writes carries that `seq` as `user_seq`, so that the user's other devices catch up by it. Rows are
//! locked in one order everywhere: channel, users, members, and what is the user's own after those.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use parlor_platform::Result;
use parlor_platform::db::TenantTx;
use parlor_platform::outbox::{Command, Entries};
use parlor_protocol::{AppId, ChannelId, Envelope, ErrorCode, EventId, EventType, UserId, event};
use serde::Serialize;

use super::store;

/// A change that has its `seq`.
pub struct UserChange {
    app: AppId,
    user: UserId,
    seq: i64,
    now: DateTime<Utc>,
}

impl UserChange {
    /// Takes the user's next `seq`, and the user's row with it.
    pub async fn begin(tx: &TenantTx, user: &UserId, now: DateTime<Utc>) -> Result<Self> {
        let seq = store::step_seq(tx, user).await?;
        Ok(Self { app: tx.app_id(), user: user.clone(), seq, now })
    }

    /// A change whose number was taken together with those of others.
    pub fn taken(app: AppId, user: &UserId, seq: i64, now: DateTime<Utc>) -> Self {
        Self { app, user: user.clone(), seq, now }
    }

    /// The change's number.
    pub fn seq(&self) -> i64 {
        self.seq
    }

    /// Tells all devices of the user.
    pub fn tell<D: Serialize>(
        &self,
        entries: &mut Entries,
        kind: EventType,
        channel: impl Into<Option<ChannelId>>,
        data: D,
    ) -> Result<()> {
        let envelope = Envelope {
            id: EventId::new(),
            kind,
            channel_id: channel.into(),
            seq: Some(self.seq),
            prev_seq: Some(self.seq - 1),
            created_at: self.now,
            data,
        };
        let command = Command::publish(event::user_topic(self.app, &self.user), &envelope)?;
        entries.command(&self.user, command);
        Ok(())
    }
}

/// Changes of several users in one transaction, any number of each.
pub struct UserChanges {
    app: AppId,
    seqs: BTreeMap<String, i64>,
    now: DateTime<Utc>,
}

impl UserChanges {
    /// Holds the users' rows.
    pub async fn begin(tx: &TenantTx, users: &[&str], now: DateTime<Utc>) -> Result<Self> {
        let seqs = store::lock_seqs(tx, users).await?.into_iter().collect();
        Ok(Self { app: tx.app_id(), seqs, now })
    }

    /// The next change of this user.
    pub fn next(&mut self, user: &UserId) -> Result<UserChange> {
        let seq = self.seqs.get_mut(user.as_str()).ok_or(ErrorCode::UserNotFound)?;
        *seq += 1;
        Ok(UserChange { app: self.app, user: user.clone(), seq: *seq, now: self.now })
    }

    /// Writes where the users' numbers have come to.
    pub async fn end(self, tx: &TenantTx) -> Result<()> {
        let seqs: Vec<_> = self.seqs.iter().map(|(user, seq)| (user.as_str(), *seq)).collect();
        store::set_seqs(tx, &seqs).await
    }
}
