//! `user_messages`: read, mentioned, starred, for each member and message, so that "my unread messages" needs
//! no scan of messages.
//!
//! Rows are written for members of channels up to the configured size who were active lately; who is mentioned
//! gets one in any case. A row is born with the flag that the member's read pointer gives it. Writing rows and
//! marking them read are serialised per channel by an advisory lock: without it a pointer that moves between
//! the two could leave a row unread for ever.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::Duration;
use diesel::sql_types::{Array, Bool, Int4, Int8, Text, Timestamptz, Untyped, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use parlor_platform::broker::{Consumer, Delivery};
use parlor_platform::clock::Clock;
use parlor_platform::config::{BrokerKind, Config};
use parlor_platform::db::{Db, TenantTx, prepared};
use parlor_platform::outbox::inbox;
use parlor_platform::{Error, Result};
use uuid::Uuid;

use super::{READ_TOPIC, ReadMoved, SENT_TOPIC, SentEvent, SentEvents};

/// Names the queue and the inbox entries; never changed.
pub const NAME: &str = "flags";
/// What it hears.
pub const TOPICS: &[&str] = &[SENT_TOPIC, READ_TOPIC];

/// Keeps `user_messages`.
pub struct Flags {
    pub db: Db,
    pub clock: Clock,
    pub config: Arc<Config>,
}

#[async_trait]
impl Consumer for Flags {
    fn name(&self) -> &'static str {
        NAME
    }

    fn topics(&self) -> &'static [&'static str] {
        TOPICS
    }

    async fn handle(&self, delivery: &Delivery) -> Result<()> {
        let now = self.clock.now();
        let tx = self.db.tenant(delivery.app).await?;
        if !inbox::first_time(&tx, self.name(), delivery.event_id, now).await? {
            return Ok(());
        }
        if delivery.topic == SENT_TOPIC {
            let sent: SentEvents = serde_json::from_str(&delivery.payload).map_err(Error::internal)?;
            let mut channels: Vec<Uuid> = sent.events.iter().map(|event| event.channel_id.0).collect();
            lock(&tx, &mut channels).await?;
            let active_after = now - Duration::days(i64::from(self.config.chat.idle_days));
            write(&tx, &sent.events, self.config.chat.fanout_members, active_after).await?;
            mention(&tx, &sent.events).await?;
            read_by_sending(&tx, &sent.events).await?;
        } else {
            let moved: ReadMoved = serde_json::from_str(&delivery.payload).map_err(Error::internal)?;
            lock(&tx, &mut vec![moved.channel_id.0]).await?;
            mark(&tx, &moved).await?;
        }
        match self.config.broker.kind {
            // The job is a row of the same database, and forgotten later: a crash that undoes the flags undoes that.
            BrokerKind::Embedded => tx.commit_lazily().await,
            BrokerKind::Rabbitmq => tx.commit().await,
        }
    }
}

/// Serialises the work on these channels, in one order for everybody.
async fn lock(tx: &TenantTx, channels: &mut Vec<Uuid>) -> Result<()> {
    channels.sort_unstable();
    channels.dedup();
    prepared::<Untyped>("SELECT pg_advisory_xact_lock(hashtextextended(c::text, 0)) FROM UNNEST(?) AS c")
        .bind::<Array<SqlUuid>, _>(channels.clone())
        .execute(&mut tx.conn()?)
        .await?;
    Ok(())
}

async fn write(
    tx: &TenantTx,
    events: &[SentEvent],
    max_members: i32,
    active_after: chrono::DateTime<chrono::Utc>,
) -> Result<()> {
    let countable: Vec<&SentEvent> = events.iter().filter(|event| event.countable).collect();
    prepared::<Untyped>(
        "INSERT INTO user_messages (app_id, user_id, message_id, channel_id, seq, flags) \
         SELECT m.app_id, m.user_id, e.message, e.channel, e.seq, \
             CASE WHEN m.read_seq >= e.seq OR m.user_id = e.author THEN 1 ELSE 0 END \
         FROM UNNEST(?, ?, ?, ?) AS e (channel, message, author, seq) \
         JOIN channels c ON c.app_id = ? AND c.id = e.channel AND c.type <> 'livestream' AND c.member_count <= ? \
         JOIN channel_members m ON m.app_id = c.app_id AND m.channel_id = c.id AND m.removed_at IS NULL \
         JOIN users u ON u.app_id = m.app_id AND u.id = m.user_id AND coalesce(u.last_active_at, u.created_at) > ? \
         WHERE EXISTS (SELECT FROM messages x WHERE x.app_id = m.app_id AND x.id = e.message) \
         ON CONFLICT DO NOTHING",
    )
    .bind::<Array<SqlUuid>, _>(countable.iter().map(|event| event.channel_id.0).collect::<Vec<_>>())
    .bind::<Array<SqlUuid>, _>(countable.iter().map(|event| event.message_id.0).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(countable.iter().map(|event| event.user_id.as_str()).collect::<Vec<_>>())
    .bind::<Array<Int8>, _>(countable.iter().map(|event| event.seq).collect::<Vec<_>>())
    .bind::<SqlUuid, _>(tx.app())
    .bind::<Int4, _>(max_members)
    .bind::<Timestamptz, _>(active_after)
    .execute(&mut tx.conn()?)
    .await?;
    Ok(())
}

/// Mentioned members have a row whatever the channel's size and their activity.
async fn mention(tx: &TenantTx, events: &[SentEvent]) -> Result<()> {
    let pairs: Vec<(&SentEvent, &str)> = events
        .iter()
        .flat_map(|event| event.mentions.iter().map(move |user| (event, user.as_str())))
        .collect();
    if pairs.is_empty() {
        return Ok(());
    }
    prepared::<Untyped>(
        "INSERT INTO user_messages (app_id, user_id, message_id, channel_id, seq, flags) \
         SELECT m.app_id, m.user_id, e.message, e.channel, e.seq, \
             2 + CASE WHEN m.read_seq >= e.seq OR m.user_id = e.author THEN 1 ELSE 0 END \
         FROM (SELECT DISTINCT * FROM UNNEST(?, ?, ?, ?, ?) AS e (channel, message, author, seq, mentioned)) e \
         JOIN channel_members m ON m.app_id = ? AND m.channel_id = e.channel AND m.user_id = e.mentioned \
             AND m.removed_at IS NULL \
         ON CONFLICT (app_id, user_id, message_id) DO UPDATE SET flags = user_messages.flags | 2",
    )
    .bind::<Array<SqlUuid>, _>(pairs.iter().map(|(event, _)| event.channel_id.0).collect::<Vec<_>>())
    .bind::<Array<SqlUuid>, _>(pairs.iter().map(|(event, _)| event.message_id.0).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(pairs.iter().map(|(event, _)| event.user_id.as_str()).collect::<Vec<_>>())
    .bind::<Array<Int8>, _>(pairs.iter().map(|(event, _)| event.seq).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(pairs.iter().map(|(_, user)| *user).collect::<Vec<_>>())
    .bind::<SqlUuid, _>(tx.app())
    .execute(&mut tx.conn()?)
    .await?;
    Ok(())
}

/// Who sends has read what was there before.
async fn read_by_sending(tx: &TenantTx, events: &[SentEvent]) -> Result<()> {
    let mut authors: Vec<(Uuid, &str)> =
        events.iter().map(|event| (event.channel_id.0, event.user_id.as_str())).collect();
    authors.sort_unstable();
    authors.dedup();
    prepared::<Untyped>(
        "UPDATE user_messages x SET flags = x.flags | 1 \
         FROM UNNEST(?, ?) AS e (channel, author), channel_members m \
         WHERE m.app_id = ? AND m.channel_id = e.channel AND m.user_id = e.author \
         AND x.app_id = m.app_id AND x.user_id = m.user_id AND x.channel_id = m.channel_id \
         AND x.flags & 1 = 0 AND x.seq <= m.read_seq",
    )
    .bind::<Array<SqlUuid>, _>(authors.iter().map(|(channel, _)| *channel).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(authors.iter().map(|(_, author)| *author).collect::<Vec<_>>())
    .bind::<SqlUuid, _>(tx.app())
    .execute(&mut tx.conn()?)
    .await?;
    Ok(())
}

async fn mark(tx: &TenantTx, moved: &ReadMoved) -> Result<()> {
    // The pointer as it is now decides, not the event: events may arrive in another order than they happened.
    prepared::<Untyped>(
        "UPDATE user_messages x SET flags = CASE WHEN x.seq <= m.read_seq THEN x.flags | 1 ELSE x.flags & ~1 END \
         FROM channel_members m WHERE m.app_id = ? AND m.channel_id = ? AND m.user_id = ? \
         AND x.app_id = m.app_id AND x.user_id = m.user_id AND x.channel_id = m.channel_id \
         AND ((x.flags & 1 = 0 AND x.seq <= m.read_seq) OR (? AND x.flags & 1 = 1 AND x.seq > m.read_seq))",
    )
    .bind::<SqlUuid, _>(tx.app())
    .bind::<SqlUuid, _>(moved.channel_id.0)
    .bind::<Text, _>(moved.user_id.as_str())
    .bind::<Bool, _>(moved.back)
    .execute(&mut tx.conn()?)
    .await?;
    Ok(())
}
