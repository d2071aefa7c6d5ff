//! Keeps the index: reads messages as they are now, so jobs may come twice and in any order.

use async_trait::async_trait;
use parlor_platform::broker::{Binding, Consumer, Delivery};
use parlor_platform::db::{Db, TenantTx};
use parlor_platform::outbox::Entries;
use parlor_platform::{Error, Result};
use parlor_protocol::{AppId, Message, MessageId};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::store::{self, Entry, Source};
use super::vector::Vector;
use super::{tags, words};
use crate::fanout::{SENT_TOPIC, SentEvents};

/// A message was edited, deleted or restored.
pub const TOPIC_CHANGED: &str = "chat.message.changed";

pub const BINDING: Binding = Binding { name: "search", topics: &[SENT_TOPIC, TOPIC_CHANGED], at_once: 64 };

/// Messages that one statement writes: their texts may be long.
const CHUNK: usize = 200;

/// Messages whose index entry is out of date.
#[derive(Debug, Serialize, Deserialize)]
pub struct ChangedEvent {
    pub messages: Vec<MessageId>,
}

/// Has a message indexed anew.
pub fn changed(entries: &mut Entries, message: &Message) -> Result<()> {
    entries.job(&message.channel_id.0, TOPIC_CHANGED, &ChangedEvent { messages: vec![message.id] })
}

/// Writes the index.
pub struct Index {
    pub db: Db,
}

#[async_trait]
impl Consumer for Index {
    fn binding(&self) -> Binding {
        BINDING
    }

    async fn handle(&self, app: AppId, jobs: &[Delivery]) -> Result<()> {
        let mut ids: Vec<Uuid> = Vec::new();
        for job in jobs {
            if job.topic == SENT_TOPIC {
                let sent: SentEvents = serde_json::from_str(&job.payload).map_err(Error::internal)?;
                ids.extend(sent.events.iter().map(|event| event.message_id.0));
            } else {
                let changed: ChangedEvent = serde_json::from_str(&job.payload).map_err(Error::internal)?;
                ids.extend(changed.messages.iter().map(|id| id.0));
            }
        }
        // In one order, so that two groups that share messages can't wait for each other.
        ids.sort_unstable();
        ids.dedup();
        let tx = self.db.tenant_for_job(app).await?;
        write(&tx, app, &ids).await?;
        // What a crash undoes is indexed again: the job is done only after this.
        tx.commit_lazily().await
    }
}

/// Indexes messages as they are now; `ids` in their order.
pub async fn write(tx: &TenantTx, app: AppId, ids: &[Uuid]) -> Result<()> {
    for ids in ids.chunks(CHUNK) {
        put(tx, app, store::sources(tx, ids).await?).await?;
    }
    Ok(())
}

/// Indexes messages that were just read or written, in the order of their ids.
pub async fn put(tx: &TenantTx, app: AppId, sources: Vec<Source>) -> Result<()> {
    let entries: Vec<Entry> = sources.into_iter().map(|source| entry(app, source)).collect();
    store::write(tx, &entries).await
}

fn entry(app: AppId, source: Source) -> Entry {
    let words = source.searchable.then(|| vector(app, &source));
    Entry {
        message: source.id,
        channel: source.channel,
        created_at: source.created_at,
        seq: source.seq,
        updated_seq: source.updated_seq,
        words,
    }
}

fn vector(app: AppId, source: &Source) -> Vector {
    let fixed = [tags::app(app), tags::channel(source.channel.into()), tags::author(&source.author)];
    let mentions = source.mentions.iter().map(|user| tags::mention(user));
    let kinds = source.attachments.iter().map(|kind| tags::attachment(kind));
    let tags = fixed.into_iter().chain(tags::days(source.created_at)).chain(mentions).chain(kinds);
    Vector::new(words::lexemes(&words::words(&source.text)), tags)
}
