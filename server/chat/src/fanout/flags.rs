//! `user_messages`: unread, mentioned, starred, for each member and message, so that "my unread messages" needs no
//! scan of messages.
//!
//! A row is there for what is unread or marked; what is read and unmarked has none, so that the table stays as small
//! as what people have yet to read, and reading ends a row instead of rewriting it. Rows are written for members of
//! channels up to the configured size who were active lately; who was idle gets them on their return, the newest of each
//! channel; who is mentioned gets one in any case. Writing rows and
//! ending them are serialised per channel by an advisory lock: without it a pointer that moves between the two could
//! leave a row unread for ever. [Stars](crate::stars) take it, too.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Duration, Utc};
use diesel::sql_types::{Array, Int4, Int8, Text, Timestamptz, Untyped, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use parlor_platform::broker::{Binding, Consumer, Delivery};
use parlor_platform::clock::Clock;
use parlor_platform::config::{BrokerKind, Config};
use parlor_platform::db::{Db, TenantTx, prepared};
use parlor_platform::outbox::inbox;
use parlor_platform::{Error, Result};
use parlor_protocol::AppId;
use uuid::Uuid;

use super::{
    AT_ONCE, MENTIONS_TOPIC, MentionsChanged, READ_TOPIC, RETURNED_TOPIC, ReadMoved, Returned, SENT_TOPIC,
    SentEvent,
};
use crate::mentions::store as mentions;
use crate::messages::store::readable_by;
use crate::reads::store as reads;

pub const BINDING: Binding = Binding {
    name: "flags",
    topics: &[SENT_TOPIC, READ_TOPIC, MENTIONS_TOPIC, RETURNED_TOPIC],
    at_once: AT_ONCE,
};

/// Messages of one insert: with a backlog behind it a group must not run into the statement's time limit.
const CHUNK: usize = 500;
/// Rows that come back when a member makes a channel unread from far back: the newest. The count is exact all the same.
const MOST_BACK: i64 = 10_000;

/// Channels of one transaction when somebody comes back who was idle, and rows of each: the newest.
const RETURN_CHANNELS: i64 = 20;
const MOST_ON_RETURN: i64 = 1_000;

/// Keeps `user_messages`.
pub struct Flags {
    pub db: Db,
    pub clock: Clock,
    pub config: Arc<Config>,
}

#[async_trait]
impl Consumer for Flags {
    fn binding(&self) -> Binding {
        BINDING
    }

    async fn handle(&self, app: AppId, jobs: &[Delivery]) -> Result<()> {
        self.welcome_back(app, jobs).await?;
        let now = self.clock.now();
        let tx = self.db.tenant_for_job(app).await?;
        let new = inbox::first_time(&tx, BINDING.name, jobs.iter().map(|job| job.event_id), now).await?;
        let (mut sent, mut moved, mut edited) = (Vec::new(), Vec::new(), Vec::new());
        for job in jobs.iter().filter(|job| new.contains(&job.event_id)) {
            match job.topic.as_str() {
                SENT_TOPIC => sent.extend(super::sent(job)?),
                MENTIONS_TOPIC => {
                    edited.push(
                        serde_json::from_str::<MentionsChanged>(&job.payload).map_err(Error::internal)?,
                    );
                }
                READ_TOPIC => {
                    moved.push(serde_json::from_str::<ReadMoved>(&job.payload).map_err(Error::internal)?);
                }
                _ => {}
            }
        }
        let channels = sent.iter().map(|event| event.channel_id);
        let channels = channels.chain(moved.iter().map(|moved| moved.channel_id));
        let channels = channels.chain(edited.iter().map(|edited| edited.channel_id));
        lock(&tx, channels.map(|channel| channel.0).collect()).await?;
        if !sent.is_empty() {
            let active_after = now - Duration::days(i64::from(self.config.chat.idle_days));
            for part in sent.chunks(CHUNK) {
                write(&tx, part, self.config.chat.fanout_members, active_after).await?;
                self.mention(&tx, part).await?;
            }
            // Who sends has read what was there before.
            read_to_pointer(
                &tx,
                sent.iter().map(|event| (event.channel_id.0, event.user_id.as_str())).collect(),
            )
            .await?;
        }
        if !edited.is_empty() {
            self.mention_anew(&tx, &edited).await?;
        }
        if !moved.is_empty() {
            mark(&tx, &moved, self.config.chat.fanout_members).await?;
        }
        match self.config.broker.kind {
            // The job is a row of the same database, and forgotten later: a crash that undoes the flags undoes that.
            BrokerKind::Embedded => tx.commit_lazily().await,
            BrokerKind::Rabbitmq => tx.commit().await,
        }
    }
}

impl Flags {
    /// Writes the rows that those who come back do not have, because they were idle when the messages were sent. Doing so
    /// again changes nothing.
    async fn welcome_back(&self, app: AppId, jobs: &[Delivery]) -> Result<()> {
        for job in jobs.iter().filter(|job| job.topic == RETURNED_TOPIC) {
            let Returned { user_id } = serde_json::from_str(&job.payload).map_err(Error::internal)?;
            let mut after = Uuid::nil();
            loop {
                let tx = self.db.tenant_for_job(app).await?;
                let channels = reads::unread_channels(&tx, &user_id, after, RETURN_CHANNELS).await?;
                let Some(last) = channels.last().copied() else { break };
                lock(&tx, channels.iter().copied().collect()).await?;
                let readers = vec![user_id.as_str(); channels.len()];
                fill(&tx, channels, readers, self.config.chat.fanout_members, MOST_ON_RETURN).await?;
                tx.commit().await?;
                after = last;
            }
        }
        Ok(())
    }

    /// Flags whom new messages mention.
    async fn mention(&self, tx: &TenantTx, events: &[SentEvent]) -> Result<()> {
        let named =
            events.iter().flat_map(|event| event.mentions.iter().map(move |user| (event, user.as_str())));
        let mut pairs: BTreeSet<(Uuid, String)> =
            named.map(|(event, user)| (event.message_id.0, user.to_owned())).collect();
        let calling = events.iter().filter(|event| event.calls).map(|event| event.message_id.0);
        let calling: Vec<Uuid> = calling.collect();
        pairs.extend(mentions::mentioned(tx, &calling, self.config.chat.fanout_members).await?);
        flag_mentioned(tx, &pairs).await
    }

    /// Flags whom edited messages mention now, and nobody else.
    async fn mention_anew(&self, tx: &TenantTx, edited: &[MentionsChanged]) -> Result<()> {
        let ids: Vec<Uuid> = edited.iter().map(|edited| edited.message_id.0).collect();
        let pairs = mentions::mentioned(tx, &ids, self.config.chat.fanout_members).await?;
        flag_mentioned(tx, &pairs).await?;
        let named = edited.iter().flat_map(|edited| {
            edited.named.iter().map(move |user| (edited.message_id.0, user.as_str().to_owned()))
        });
        let mut dropped: BTreeSet<(Uuid, String)> = named.collect();
        let called: Vec<Uuid> =
            edited.iter().filter(|edited| edited.called).map(|edited| edited.message_id.0).collect();
        dropped.extend(flagged(tx, &called).await?);
        dropped.retain(|pair| !pairs.contains(pair));
        unflag_mentioned(tx, &dropped).await
    }
}

/// Serialises the work on these channels, in one order for everybody.
pub async fn lock(tx: &TenantTx, channels: BTreeSet<Uuid>) -> Result<()> {
    prepared::<Untyped>("SELECT pg_advisory_xact_lock(hashtextextended(c::text, 0)) FROM UNNEST(?) AS c")
        .bind::<Array<SqlUuid>, _>(channels.into_iter().collect::<Vec<_>>())
        .execute(&mut tx.conn()?)
        .await?;
    Ok(())
}

async fn write(
    tx: &TenantTx,
    events: &[SentEvent],
    max_members: i32,
    active_after: DateTime<Utc>,
) -> Result<()> {
    let mut countable: Vec<&SentEvent> = events.iter().filter(|event| event.countable).collect();
    countable.sort_by_key(|event| (event.channel_id, event.seq));
    // Each channel with the places of its messages: its members are looked up once, whatever is new.
    let mut channels: Vec<(Uuid, i32, i32)> = Vec::new();
    for (place, event) in (1..).zip(&countable) {
        match channels.last_mut() {
            Some((channel, _, last)) if *channel == event.channel_id.0 => *last = place,
            _ => channels.push((event.channel_id.0, place, place)),
        }
    }
    prepared::<Untyped>(
        "INSERT INTO user_messages (app_id, user_id, message_id, channel_id, seq, flags) \
         SELECT m.app_id, m.user_id, e.message, c.id, e.seq, 0 \
         FROM (SELECT ?::uuid[] AS messages, ?::text[] AS authors, ?::bigint[] AS seqs) new \
         CROSS JOIN UNNEST(?, ?, ?) AS g (channel, first, last) \
         CROSS JOIN LATERAL (SELECT c.app_id, c.id FROM channels c WHERE c.app_id = ? AND c.id = g.channel \
             AND c.type <> 'livestream' AND c.member_count <= ? OFFSET 0) c \
         CROSS JOIN LATERAL (SELECT m.app_id, m.user_id, m.read_seq FROM channel_members m \
             WHERE m.app_id = c.app_id AND m.channel_id = c.id AND m.removed_at IS NULL \
             AND m.read_seq < new.seqs[g.last] OFFSET 0) m \
         CROSS JOIN LATERAL (SELECT FROM users u WHERE u.app_id = m.app_id AND u.id = m.user_id \
             AND coalesce(u.last_active_at, u.created_at) > ? OFFSET 0) u \
         CROSS JOIN LATERAL (SELECT e.message, e.seq FROM UNNEST(new.messages[g.first:g.last], \
                 new.authors[g.first:g.last], new.seqs[g.first:g.last]) AS e (message, author, seq) \
             WHERE e.seq > m.read_seq AND e.author <> m.user_id OFFSET 0) e \
         ON CONFLICT DO NOTHING",
    )
    .bind::<Array<SqlUuid>, _>(countable.iter().map(|event| event.message_id.0).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(countable.iter().map(|event| event.user_id.as_str()).collect::<Vec<_>>())
    .bind::<Array<Int8>, _>(countable.iter().map(|event| event.seq).collect::<Vec<_>>())
    .bind::<Array<SqlUuid>, _>(channels.iter().map(|(channel, _, _)| *channel).collect::<Vec<_>>())
    .bind::<Array<Int4>, _>(channels.iter().map(|(_, first, _)| *first).collect::<Vec<_>>())
    .bind::<Array<Int4>, _>(channels.iter().map(|(_, _, last)| *last).collect::<Vec<_>>())
    .bind::<SqlUuid, _>(tx.app())
    .bind::<Int4, _>(max_members)
    .bind::<Timestamptz, _>(active_after)
    .execute(&mut tx.conn()?)
    .await?;
    Ok(())
}

/// Mentioned members have a row whatever the channel's size and their activity: pairs of message and user.
async fn flag_mentioned(tx: &TenantTx, pairs: &BTreeSet<(Uuid, String)>) -> Result<()> {
    if pairs.is_empty() {
        return Ok(());
    }
    prepared::<Untyped>(concat!(
        "INSERT INTO user_messages (app_id, user_id, message_id, channel_id, seq, flags) \
         SELECT m.app_id, m.user_id, x.id, x.channel_id, x.seq, \
             2 + CASE WHEN m.read_seq >= x.seq OR m.user_id = x.user_id THEN 1 ELSE 0 END \
         FROM (SELECT ?::uuid AS app) v CROSS JOIN UNNEST(?, ?) AS e (message, mentioned) \
         CROSS JOIN LATERAL (SELECT id, channel_id, user_id, seq FROM messages WHERE app_id = v.app AND id = e.message \
             AND ",
        readable_by!("messages", "e.mentioned"),
        " OFFSET 0) x \
         CROSS JOIN LATERAL (SELECT * FROM channel_members WHERE app_id = v.app AND channel_id = x.channel_id \
             AND user_id = e.mentioned AND removed_at IS NULL OFFSET 0) m \
         ON CONFLICT (app_id, user_id, message_id) DO UPDATE SET flags = user_messages.flags | 2",
    ))
    .bind::<SqlUuid, _>(tx.app())
    .bind::<Array<SqlUuid>, _>(pairs.iter().map(|(message, _)| *message).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(pairs.iter().map(|(_, user)| user.as_str()).collect::<Vec<_>>())
    .execute(&mut tx.conn()?)
    .await?;
    Ok(())
}

/// `(message, user)` of the members whom these messages are flagged to mention.
async fn flagged(tx: &TenantTx, messages: &[Uuid]) -> Result<Vec<(Uuid, String)>> {
    if messages.is_empty() {
        return Ok(Vec::new());
    }
    Ok(prepared::<(SqlUuid, Text)>(
        "SELECT e.id, m.user_id FROM (SELECT ?::uuid AS app) v CROSS JOIN UNNEST(?) AS e (id) \
         CROSS JOIN LATERAL (SELECT channel_id FROM messages WHERE app_id = v.app AND id = e.id OFFSET 0) x \
         CROSS JOIN LATERAL (SELECT user_id FROM channel_members WHERE app_id = v.app AND channel_id = x.channel_id \
             OFFSET 0) m \
         CROSS JOIN LATERAL (SELECT FROM user_messages WHERE app_id = v.app AND user_id = m.user_id \
             AND message_id = e.id AND flags & 2 <> 0 OFFSET 0) f",
    )
    .bind::<SqlUuid, _>(tx.app())
    .bind::<Array<SqlUuid>, _>(messages.to_vec())
    .load(&mut tx.conn()?)
    .await?)
}

/// Takes the flag from whom a message mentions no longer. What is read and unmarked has no row.
async fn unflag_mentioned(tx: &TenantTx, pairs: &BTreeSet<(Uuid, String)>) -> Result<()> {
    if pairs.is_empty() {
        return Ok(());
    }
    prepared::<Untyped>(
        "MERGE INTO user_messages x USING (SELECT ?::uuid AS app, e.* FROM UNNEST(?, ?) AS e (message, mentioned)) e \
         ON x.app_id = e.app AND x.user_id = e.mentioned AND x.message_id = e.message AND x.flags & 2 <> 0 \
         WHEN MATCHED AND x.flags & 5 = 1 THEN DELETE \
         WHEN MATCHED THEN UPDATE SET flags = x.flags & ~2 \
         WHEN NOT MATCHED AND false THEN INSERT DEFAULT VALUES",
    )
    .bind::<SqlUuid, _>(tx.app())
    .bind::<Array<SqlUuid>, _>(pairs.iter().map(|(message, _)| *message).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(pairs.iter().map(|(_, user)| user.as_str()).collect::<Vec<_>>())
    .execute(&mut tx.conn()?)
    .await?;
    Ok(())
}

/// Ends what these members have read: pairs of channel and user.
async fn read_to_pointer(tx: &TenantTx, mut readers: Vec<(Uuid, &str)>) -> Result<()> {
    readers.sort_unstable();
    readers.dedup();
    prepared::<Untyped>(
        "MERGE INTO user_messages x USING (SELECT m.* FROM UNNEST(?, ?) AS r (channel, reader) \
             CROSS JOIN LATERAL (SELECT app_id, channel_id, user_id, read_seq FROM channel_members \
                 WHERE app_id = ? AND channel_id = r.channel AND user_id = r.reader OFFSET 0) m) m \
         ON x.app_id = m.app_id AND x.user_id = m.user_id AND x.channel_id = m.channel_id \
             AND x.flags & 1 = 0 AND x.seq <= m.read_seq \
         WHEN MATCHED AND x.flags & 6 = 0 THEN DELETE \
         WHEN MATCHED THEN UPDATE SET flags = x.flags | 1 \
         WHEN NOT MATCHED AND false THEN INSERT DEFAULT VALUES",
    )
    .bind::<Array<SqlUuid>, _>(readers.iter().map(|(channel, _)| *channel).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(readers.iter().map(|(_, reader)| *reader).collect::<Vec<_>>())
    .bind::<SqlUuid, _>(tx.app())
    .execute(&mut tx.conn()?)
    .await?;
    Ok(())
}

/// Follows the pointers. As they are now, not as the events say: events may arrive in another order than they happened.
pub async fn mark(tx: &TenantTx, moved: &[ReadMoved], max_members: i32) -> Result<()> {
    let readers: Vec<(Uuid, &str)> =
        moved.iter().map(|moved| (moved.channel_id.0, moved.user_id.as_str())).collect();
    read_to_pointer(tx, readers).await?;
    let mut back: Vec<(Uuid, &str)> = moved
        .iter()
        .filter(|moved| moved.back)
        .map(|moved| (moved.channel_id.0, moved.user_id.as_str()))
        .collect();
    back.sort_unstable();
    back.dedup();
    if back.is_empty() {
        return Ok(());
    }
    let (channels, readers): (Vec<Uuid>, Vec<&str>) = back.into_iter().unzip();
    // What is marked keeps its row, in channels of any size.
    prepared::<Untyped>(
        "MERGE INTO user_messages x USING (SELECT m.* FROM UNNEST(?, ?) AS r (channel, reader) \
             CROSS JOIN LATERAL (SELECT app_id, channel_id, user_id, read_seq FROM channel_members \
                 WHERE app_id = ? AND channel_id = r.channel AND user_id = r.reader OFFSET 0) m) m \
         ON x.app_id = m.app_id AND x.user_id = m.user_id AND x.channel_id = m.channel_id \
             AND x.flags & 6 <> 0 AND x.flags & 1 = 1 AND x.seq > m.read_seq \
         WHEN MATCHED THEN UPDATE SET flags = x.flags & ~1 \
         WHEN NOT MATCHED AND false THEN INSERT DEFAULT VALUES",
    )
    .bind::<Array<SqlUuid>, _>(channels.clone())
    .bind::<Array<Text>, _>(readers.clone())
    .bind::<SqlUuid, _>(tx.app())
    .execute(&mut tx.conn()?)
    .await?;
    fill(tx, channels, readers, max_members, MOST_BACK).await
}

/// Writes the rows of what is unread, the newest of each pair of channel and reader.
async fn fill(
    tx: &TenantTx,
    channels: Vec<Uuid>,
    readers: Vec<&str>,
    max_members: i32,
    most: i64,
) -> Result<()> {
    prepared::<Untyped>(
        "INSERT INTO user_messages (app_id, user_id, message_id, channel_id, seq, flags) \
         SELECT m.app_id, m.user_id, x.id, m.channel_id, x.seq, 0 \
         FROM UNNEST(?, ?) AS r (channel, reader) \
         CROSS JOIN LATERAL (SELECT app_id, channel_id, user_id, greatest(read_seq, history_from_seq - 1) AS read_seq \
             FROM channel_members WHERE app_id = ? \
             AND channel_id = r.channel AND user_id = r.reader AND removed_at IS NULL OFFSET 0) m \
         CROSS JOIN LATERAL (SELECT truncated_seq FROM channels WHERE app_id = m.app_id AND id = m.channel_id \
             AND type <> 'livestream' AND member_count <= ? AND deleted_at IS NULL OFFSET 0) c \
         CROSS JOIN LATERAL (SELECT id, seq FROM messages WHERE app_id = m.app_id AND channel_id = m.channel_id \
             AND seq > greatest(m.read_seq, c.truncated_seq) AND in_timeline AND countable AND deleted_at IS NULL ORDER BY seq DESC LIMIT ?) x \
         ON CONFLICT DO NOTHING",
    )
    .bind::<Array<SqlUuid>, _>(channels)
    .bind::<Array<Text>, _>(readers)
    .bind::<SqlUuid, _>(tx.app())
    .bind::<Int4, _>(max_members)
    .bind::<Int8, _>(most)
    .execute(&mut tx.conn()?)
    .await?;
    Ok(())
}
