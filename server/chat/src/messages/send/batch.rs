//! One transaction for many messages of one app: two flights to the database.
//!
//! The first flight begins, locks the channels and reads; the second writes and commits. Statements of a
//! flight are sent without waiting for each other's answers, which is safe because PostgreSQL works them off in
//! order and a failed one makes the COMMIT a ROLLBACK: every answer is looked at before anybody is told that
//! the message is safe. On a connection that has not prepared its statements yet the order would not hold
//! (preparing is a round trip of its own), so its first batch, and its first with replies, which have statements of
//! their own, go one statement after the other. Flights are exempt from tokio's budget, which could otherwise hold one
//! statement back and let a later one pass.
//!
//! Should a statement be overtaken all the same, it would run without the tenant's scope and touch no row: the
//! numbers of rows are compared, so that even then nothing is acknowledged that was not written.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use diesel_async::{AsyncPgConnection, SimpleAsyncConnection};
use futures_util::join;
use parlor_platform::db::tenant_begin_sql;
use parlor_platform::outbox::Entries;
use parlor_platform::{Error, Result};
use parlor_protocol::{AppId, ErrorCode, Message, UserId};
use serde_json::value::RawValue;
use tokio::task::unconstrained;
use uuid::Uuid;

use super::plan::{Facts, Outcome, plan};
use super::store::{self, After, NewMessage};
use super::threads::Threads;
use super::told::{self, Data};
use super::{Item, Sent};
use crate::fanout::{REPLIED_TOPIC, ReplyEvent, ReplyEvents, SENT_TOPIC, SentEvents};
use crate::messages::view;

/// Which statements a connection has prepared.
#[derive(Clone, Copy, Debug, Default)]
pub struct Warm {
    /// Those of every batch.
    all: bool,
    /// Those of batches with replies.
    replies: bool,
}

/// Writes the batch, and says what the connection has prepared after it. The outer error means that nothing was
/// acknowledged and all may be retried.
pub async fn write(
    conn: &AsyncPgConnection,
    warm: Warm,
    app: AppId,
    items: &[Item],
    lanes: i16,
    now: DateTime<Utc>,
) -> Result<(Vec<Result<Answer>>, Warm), WriteError> {
    let mut facts = read(conn, warm.all, app, items).await?;
    let outcomes = plan(items, &mut facts, now);
    let prepared = prepare(items, &outcomes, &facts, lanes, now)?;
    let mut after = warm;
    if prepared.new.is_empty() {
        // What wrote nothing has not prepared the second flight.
        batch_execute(conn, "ROLLBACK").await?;
    } else {
        let replies = !prepared.threads.roots.is_empty();
        commit(conn, warm.all && (warm.replies || !replies), app, &prepared, now).await?;
        after = Warm { all: true, replies: warm.replies || replies };
    }
    Ok((answers(items, outcomes, &prepared.json, now)?, after))
}

/// What a sender is answered who is not refused.
#[derive(Debug)]
pub enum Answer {
    /// It is durable.
    Sent(Sent),
    /// It may be sent once it is approved.
    Waits(Box<Item>),
}

/// Why a batch was not written.
#[derive(Debug)]
pub enum WriteError {
    /// A message id was used at the same moment in another batch: read again.
    Conflict,
    /// Something else; the connection must not be used again.
    Failed(Error),
}

impl From<Error> for WriteError {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl From<diesel::result::Error> for WriteError {
    fn from(error: diesel::result::Error) -> Self {
        Self::Failed(error.into())
    }
}

async fn batch_execute(mut conn: &AsyncPgConnection, sql: &str) -> Result<(), diesel::result::Error> {
    conn.batch_execute(sql).await
}

async fn read(conn: &AsyncPgConnection, warm: bool, app: AppId, items: &[Item]) -> Result<Facts> {
    let channels: Vec<Uuid> =
        items.iter().map(|item| item.channel.0).collect::<BTreeSet<_>>().into_iter().collect();
    let refers = |item: &Item| [Some(item.id), item.content.parent_id, item.content.reply_to_id];
    let messages: Vec<Uuid> = items.iter().flat_map(refers).flatten().map(|id| id.0).collect();
    let mentioned: Vec<&str> = items.iter().flat_map(Item::named).map(UserId::as_str).collect();
    let called: Vec<Uuid> =
        items.iter().flat_map(|item| &item.content.group_mentions.groups).map(|id| id.0).collect();
    let replies: Vec<(Uuid, &str)> = items
        .iter()
        .filter_map(|item| item.content.parent_id.map(|root| (root.0, item.user.as_str())))
        .collect();
    let readers: Vec<(Uuid, &str)> = items
        .iter()
        .flat_map(|item| item.readers().map(move |user| (item.channel.0, user.as_str())))
        .collect();
    let begin = tenant_begin_sql(app);
    let begin = batch_execute(conn, &begin);
    let channels = store::lock_channels(conn, app.0, channels);
    let senders = store::senders(conn, app.0, items);
    let messages = store::known(conn, app.0, messages);
    let mentioned = store::existing(conn, app.0, mentioned);
    let present = store::present(conn, app.0, readers);
    let groups = store::groups(conn, app.0, called);
    let replied = store::replied(conn, app.0, replies);
    if warm {
        let (begin, channels, senders, messages, mentioned, present, groups, replied) =
            join!(begin, channels, senders, messages, mentioned, present, groups, replied);
        begin?;
        Ok(Facts {
            channels: channels?,
            senders: senders?,
            messages: messages?,
            mentioned: mentioned?,
            present: present?,
            groups: groups?,
            replied: replied?,
        })
    } else {
        begin.await?;
        Ok(Facts {
            channels: channels.await?,
            senders: senders.await?,
            messages: messages.await?,
            mentioned: mentioned.await?,
            present: present.await?,
            groups: groups.await?,
            replied: replied.await?,
        })
    }
}

/// What the second flight writes, and the JSON of each new message by its place in the batch.
struct Prepared<'a> {
    new: Vec<NewMessage<'a>>,
    channels: Vec<After>,
    read: Vec<(Uuid, &'a str, i64, i64, Uuid)>,
    threads: Threads<'a>,
    entries: Entries,
    json: HashMap<usize, String>,
}

fn prepare<'a>(
    items: &'a [Item],
    outcomes: &[Outcome],
    facts: &'a Facts,
    lanes: i16,
    now: DateTime<Utc>,
) -> Result<Prepared<'a>> {
    let mut entries = Entries::new(lanes);
    let (mut new, mut json, mut events) = (Vec::new(), HashMap::new(), Vec::new());
    let (mut channels, mut read) = (HashMap::<Uuid, After>::new(), HashMap::new());
    let mut replies = Vec::new();
    let mut threads = Threads::default();
    for (at, (item, outcome)) in items.iter().zip(outcomes).enumerate() {
        let Outcome::Accepted { seq, ordinal, countable } = *outcome else { continue };
        let sender =
            facts.senders.get(at).and_then(Option::as_ref).ok_or_else(|| Error::internal("no sender"))?;
        let thread = threads.take(item, &sender.user, seq, now, (&facts.messages, &facts.replied))?;
        let thread_ordinal = thread.as_ref().map(|thread| thread.ordinal);
        let quoted = item.content.reply_to_id.and_then(|id| facts.messages.get(&id.0));
        let quoted = quoted.map(|known| told::snapshot(&known.row)).transpose()?;
        let mut message = told::message(item, sender.user.clone(), (seq, ordinal), now);
        message.thread_ordinal = thread_ordinal;
        message.quoted.clone_from(&quoted);
        let message = serde_json::to_string(&message).map_err(Error::internal)?;
        let raw = RawValue::from_string(message).map_err(Error::internal)?;
        told::tell(&mut entries, item, facts, seq, Data { message: &raw, thread: thread.as_ref() }, now)?;
        events.push(told::sent(item, seq));
        if let Some(parent_id) = item.content.parent_id.filter(|_| item.is_heard()) {
            replies.push(ReplyEvent {
                channel_id: item.channel,
                parent_id,
                message_id: item.id,
                user_id: item.user.clone(),
                seq,
            });
        }
        let told = item.content.visible_to.is_none()
            || channels.get(&item.channel.0).is_some_and(|after| after.told);
        channels.insert(item.channel.0, After { channel: item.channel.0, seq, ordinal, told });
        if countable {
            read.insert(
                (item.channel.0, item.user.as_str()),
                (item.channel.0, item.user.as_str(), seq, ordinal, item.id.0),
            );
        }
        new.push(NewMessage { item, seq, ordinal, countable, thread_ordinal, quoted });
        json.insert(at, Box::<str>::from(raw).into_string());
    }
    if let Some(first) = events.first() {
        entries.job(&first.channel_id.0.clone(), SENT_TOPIC, &SentEvents { events })?;
    }
    if let Some(first) = replies.first() {
        entries.job(&first.channel_id.0.clone(), REPLIED_TOPIC, &ReplyEvents { events: replies })?;
    }
    Ok(Prepared {
        new,
        channels: channels.into_values().collect(),
        read: read.into_values().collect(),
        threads,
        entries,
        json,
    })
}

async fn commit(
    conn: &AsyncPgConnection,
    warm: bool,
    app: AppId,
    prepared: &Prepared<'_>,
    now: DateTime<Utc>,
) -> Result<(), WriteError> {
    let advance = store::advance(conn, app.0, &prepared.channels, now);
    let insert = store::insert(conn, app.0, &prepared.new, now);
    let read = store::read_own(conn, app.0, &prepared.read, now);
    let roots = store::write_roots(conn, app.0, &prepared.threads, now);
    let readers = store::write_readers(conn, app.0, &prepared.threads, now);
    let entries = prepared.entries.store_on(conn, app, now);
    let commit = batch_execute(conn, "COMMIT");
    let (advanced, inserted, read, roots, readers, told, committed) = if warm {
        unconstrained(async { join!(advance, insert, read, roots, readers, entries, commit) }).await
    } else {
        // No `?` before the COMMIT: after a failure it rolls back, which the connection needs.
        let (advanced, inserted, read) = (advance.await, insert.await, read.await);
        let (roots, readers, told) = (roots.await, readers.await, entries.await);
        (advanced, inserted, read, roots, readers, told, commit.await)
    };
    if let Err(diesel::result::Error::DatabaseError(_, info)) = &inserted
        && info.constraint_name() == Some("messages_pkey")
    {
        return Err(WriteError::Conflict);
    }
    let (advanced, inserted) = (advanced?, inserted?);
    read?;
    let roots = roots?;
    readers?;
    told?;
    committed?;
    let expected = (prepared.channels.len(), prepared.new.len(), prepared.threads.roots.len());
    if (advanced, inserted, roots) != expected {
        return Err(Error::internal("a batch wrote another number of rows than it has").into());
    }
    Ok(())
}

fn answers(
    items: &[Item],
    outcomes: Vec<Outcome>,
    json: &HashMap<usize, String>,
    now: DateTime<Utc>,
) -> Result<Vec<Result<Answer>>> {
    let created = |at: usize, created: bool, by_server: bool| {
        let message = json.get(&at).ok_or_else(|| Error::internal("no message"))?;
        Ok(Answer::Sent(Sent { json: told::answer(message, by_server), created, waits: false }))
    };
    let answers = outcomes.into_iter().zip(items).enumerate().map(|(at, (outcome, item))| match outcome {
        Outcome::Accepted { .. } => created(at, true, item.by_server),
        Outcome::SameAs(first) => created(first, false, item.by_server),
        Outcome::Known(known) => {
            let message = view::as_of(known.row.into_message()?, now);
            let own_reactions = (!item.by_server).then_some(known.own_reactions);
            let json = serde_json::to_string(&Message { own_reactions, ..message });
            Ok(Answer::Sent(Sent { json: json.map_err(Error::internal)?, created: false, waits: false }))
        }
        // Hardly any needs approval, so only these are copied.
        Outcome::Waits => Ok(Answer::Waits(Box::new(item.clone()))),
        Outcome::Refused(error) => Err(error),
    });
    Ok(answers.collect())
}

/// For one whose batch failed.
pub fn unavailable() -> Error {
    Error::new(ErrorCode::Unavailable)
}
