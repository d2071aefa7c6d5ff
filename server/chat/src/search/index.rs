//! Keeps the index: reads messages as they are now, so jobs may come twice and in any order.

use std::collections::BTreeMap;
use std::fmt::Write;

use async_trait::async_trait;
use parlor_platform::broker::{Binding, Consumer, Delivery};
use parlor_platform::db::{Db, TenantTx};
use parlor_platform::outbox::Entries;
use parlor_platform::{Error, Result};
use parlor_protocol::{AppId, Message, MessageId};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::query::quoted;
use super::store::{self, Entry, Source};
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
        let entries: Vec<Entry> =
            store::sources(tx, ids).await?.into_iter().map(|source| entry(app, source)).collect();
        store::write(tx, &entries).await?;
    }
    Ok(())
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

/// A `tsvector` as text.
fn vector(app: AppId, source: &Source) -> String {
    let mut places: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (place, lexeme) in words::lexemes(&words::words(&source.text)) {
        places.entry(lexeme).or_default().push(place);
    }
    let fixed = [tags::app(app), tags::channel(source.channel.into()), tags::author(&source.author)];
    let mentions = source.mentions.iter().map(|user| tags::mention(user));
    let kinds = source.attachments.iter().map(|kind| tags::attachment(kind));
    for tag in fixed.into_iter().chain(tags::days(source.created_at)).chain(mentions).chain(kinds) {
        places.entry(tag).or_default();
    }
    // One word that is too long would keep all that are written with it out of the index.
    places.retain(|lexeme, _| lexeme.len() <= LEXEME_BYTES);
    let mut vector = String::new();
    for (lexeme, places) in places {
        vector.push_str(&quoted(&lexeme));
        for (at, place) in places.into_iter().take(MOST_PLACES).enumerate() {
            // Writing to a String cannot fail.
            let _ = write!(vector, "{}{}", if at == 0 { ':' } else { ',' }, place.min(LAST_PLACE));
        }
        vector.push(' ');
    }
    vector
}

/// Bytes of a lexeme, which PostgreSQL keeps in eleven bits, but for the highest number.
const LEXEME_BYTES: usize = 2_046;
/// Places of one lexeme that a `tsvector` keeps, and the highest place.
const MOST_PLACES: usize = 255;
const LAST_PLACE: usize = 16_383;

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::DateTime;
    use parlor_protocol::limits::TEXT_CHARS;
    use proptest::prelude::*;

    /// Bytes of a `tsvector`, its words and their places together.
    const VECTOR_BYTES: usize = 1 << 20;

    fn source(text: String, attachments: Vec<String>) -> Source {
        Source {
            id: Uuid::nil(),
            channel: Uuid::nil(),
            author: "ann".to_owned(),
            text,
            attachments,
            mentions: Vec::new(),
            created_at: DateTime::UNIX_EPOCH,
            seq: 1,
            updated_seq: 1,
            searchable: true,
        }
    }

    fn longest(vector: &str) -> usize {
        vector.split(' ').map(str::len).max().unwrap_or(0)
    }

    #[test]
    fn no_word_is_longer_than_the_database_keeps() {
        let app = AppId(Uuid::nil());
        let of = |kind: String| vector(app, &source(String::new(), vec![kind]));
        assert!(of("k".repeat(LEXEME_BYTES - 2)).contains("kkk"));
        assert!(!of("k".repeat(LEXEME_BYTES - 1)).contains("kkk"), "the tag has two bytes of its own");
        // What takes most room when it is folded, alone and beside what makes each word another.
        for word in ["x", "\u{fdfa}", "\u{1d400}", "\u{3314}", "𠀀", "ß", "é"] {
            let text: String = word.repeat(TEXT_CHARS).chars().take(TEXT_CHARS).collect();
            assert!(longest(&vector(app, &source(text, Vec::new()))) < LEXEME_BYTES, "{word}");
            let letters =
                ('\u{ac00}'..).take(TEXT_CHARS / 5).map(|other| format!("{}{other} ", word.repeat(3)));
            let text: String = letters.collect::<String>().chars().take(TEXT_CHARS).collect();
            assert!(vector(app, &source(text, Vec::new())).len() < VECTOR_BYTES, "{word}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_said_can_be_indexed(text in "[\\PC]{0,400}", kind in "\\PC{0,3000}") {
            let vector = vector(AppId(Uuid::nil()), &source(text, vec![kind]));
            // Apostrophes and backslashes are doubled, and places stand behind a word.
            prop_assert!(longest(&vector) <= 2 * LEXEME_BYTES + 255 * 6);
        }
    }
}
