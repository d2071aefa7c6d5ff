//! Writing messages: each takes the next number of its channel, as if it was sent now, and keeps its time.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use chrono::{DateTime, Utc};
use parlor_platform::{Error, Result};
use parlor_protocol::limits::PINS;
use parlor_protocol::transfer::MessageLine;
use parlor_protocol::{ContentType, Custom, ErrorCode, Poll, UserId};
use serde_json::Value;
use uuid::Uuid;

use super::Numbered;
use super::quotes::{self, People};
use super::run::{Batch, distinct};
use super::store::{self, Advanced};
use super::threads::Thread;
use super::write::{self, Known, NewMessage, NewPin, NewVote, Reader};
use crate::channels::store::lock_each;
use crate::content::attachments;
use crate::search;
use crate::transfer::lines::{keeps_counts, message_id};

/// What decides about the messages of a chunk.
struct Facts {
    channels: HashMap<String, Uuid>,
    people: People,
    /// Ids that are given away: channel and author.
    taken: HashMap<Uuid, (Uuid, String)>,
    /// Messages that were there before, and are replied to or quoted.
    known: HashMap<Uuid, Known>,
}

/// What is written.
#[derive(Default)]
struct Written {
    rows: Vec<NewMessage>,
    /// Where a message of this chunk stands, by its id: place in `rows`, and of its line.
    places: HashMap<Uuid, (usize, usize)>,
    numbers: BTreeMap<Uuid, Advanced>,
    threads: BTreeMap<Uuid, Thread>,
    pins: Vec<NewPin>,
    /// Pins of each channel that count.
    pinned: HashMap<Uuid, usize>,
    /// Places of lines whose message is not pinned, because its channel has as many as it may.
    unpinned: Vec<usize>,
    votes: Vec<NewVote>,
}

/// Writes messages that are not there yet.
pub async fn messages(batch: &mut Batch<'_>, mut lines: Vec<Numbered<MessageLine>>) -> Result<()> {
    let tx = batch.tx;
    let cids = distinct(lines.iter().map(|(_, line)| line.channel.as_str()));
    let channels: HashMap<String, Uuid> = store::channels_of(tx, &cids).await?.into_iter().collect();
    let ids: Vec<Uuid> = channels.values().copied().collect::<BTreeSet<_>>().into_iter().collect();
    let held = lock_each(tx, &ids).await?;
    let facts = read(batch, &lines, channels).await?;

    let mut written = Written::default();
    for (id, seq, ordinal) in held {
        let row = Advanced { id, seq, ordinal, members: 0, last_message_at: None };
        written.numbers.insert(id, row);
    }
    if lines.iter().any(|(_, line)| line.pinned.is_some()) {
        written.pinned = write::pinned(tx, &ids, batch.now).await?;
    }
    for (root, user) in write::replied(tx, &facts.known.keys().copied().collect::<Vec<_>>()).await? {
        if let Some(known) = facts.known.get(&root) {
            written.threads.entry(root).or_insert_with(|| thread(known)).replied.insert(user);
        }
    }
    // Rows of a channel stand together; within it the order of the lines is that of the timeline.
    lines.sort_by_cached_key(|(_, line)| facts.channels.get(&line.channel).copied());
    for at in 0..lines.len() {
        let Some((number, line)) = lines.get(at) else { continue };
        if let Err(error) = take(&mut written, &facts, &lines, (at, line), batch.now) {
            batch.done.refused.error(*number, &error);
        }
    }
    for (number, _) in written.unpinned.iter().filter_map(|at| lines.get(*at)) {
        let reason = format!("The channel has {PINS} pins: the message is written, but not pinned.");
        batch.done.refused.line(*number, ErrorCode::TooManyPins, reason);
    }
    finish(batch, written).await
}

async fn read(
    batch: &Batch<'_>,
    lines: &[Numbered<MessageLine>],
    channels: HashMap<String, Uuid>,
) -> Result<Facts> {
    let tx = batch.tx;
    let ids: Vec<Uuid> = lines.iter().map(|(_, line)| message_id(&line.id).0).collect();
    let taken = write::existing(tx, &ids).await?;
    let here: HashSet<Uuid> = ids.into_iter().collect();
    let referred = lines.iter().flat_map(|(_, line)| [&line.parent_id, &line.reply_to_id]).flatten();
    let referred: BTreeSet<Uuid> = referred.map(|id| message_id(id).0).collect();
    let taken: HashMap<_, _> =
        taken.into_iter().map(|(id, channel, author)| (id, (channel, author))).collect();
    let elsewhere: Vec<Uuid> =
        referred.into_iter().filter(|id| !here.contains(id) || taken.contains_key(id)).collect();
    let known = write::known(tx, &elsewhere).await?;
    let users = lines.iter().flat_map(|(_, line)| named(line)).map(|user| user.as_str());
    let users = distinct(users.chain(known.iter().map(|known| known.author.as_str())));
    let people = store::users(tx, &users).await?;
    Ok(Facts {
        channels,
        people: people.into_iter().map(|(id, name, image)| (id, (name, image))).collect(),
        taken,
        known: known.into_iter().map(|known| (known.id, known)).collect(),
    })
}

/// Users that a message names.
pub fn named(line: &MessageLine) -> impl Iterator<Item = &UserId> {
    let voters = line.votes.iter().map(|vote| &vote.user_id);
    let readers = line.visible_to.iter().flatten();
    std::iter::once(&line.user_id).chain(&line.mentions).chain(voters).chain(readers)
}

/// A thread as it was before.
fn thread(known: &Known) -> Thread {
    Thread {
        channel: known.channel,
        author: known.author.clone(),
        ordinal: known.thread_ordinal.unwrap_or(0),
        before: known.thread_ordinal.unwrap_or(0),
        reply_count: known.reply_count.unwrap_or(0),
        people: known.people.unwrap_or(0),
        participants: known.participants.clone().unwrap_or_default(),
        last_reply_at: known.last_reply_at,
        ..Thread::default()
    }
}

/// Takes a message in, or says why not. One that is there already is neither.
fn take(
    written: &mut Written,
    facts: &Facts,
    lines: &[Numbered<MessageLine>],
    (at, line): (usize, &MessageLine),
    now: DateTime<Utc>,
) -> Result<()> {
    let channel = *facts.channels.get(&line.channel).ok_or(ErrorCode::ChannelNotFound)?;
    let id = message_id(&line.id).0;
    if let Some((its_channel, author)) = facts.taken.get(&id) {
        let same = *its_channel == channel && *author == line.user_id.as_str();
        return if same { Ok(()) } else { Err(ErrorCode::MessageIdReused.into()) };
    }
    if written.places.contains_key(&id) {
        return Err(ErrorCode::MessageIdReused.into());
    }
    for user in named(line) {
        if !facts.people.contains_key(user.as_str()) {
            return Err(Error::with(
                ErrorCode::UserUnknown,
                format!("There is no user {:?}.", user.as_str()),
            ));
        }
    }
    let parent = line.parent_id.as_deref().map(|parent| message_id(parent).0);
    let reply_to = line.reply_to_id.as_deref().map(|quoted| message_id(quoted).0);
    let mut quoted = None;
    if let Some(parent) = parent {
        let (its_channel, its_parent) = place_of(written, facts, parent)?;
        if its_channel != channel || its_parent.is_some() {
            return Err(ErrorCode::InvalidThread.into());
        }
    }
    if let Some(reply_to) = reply_to {
        if place_of(written, facts, reply_to)?.0 != channel {
            return Err(ErrorCode::InvalidThread.into());
        }
        let of_line = written.places.get(&reply_to).and_then(|(row, line)| {
            let (_, quoted) = lines.get(*line)?;
            Some((written.rows.get(*row)?.seq, quoted))
        });
        quoted = match (of_line, facts.known.get(&reply_to)) {
            (Some((seq, quoted)), _) => Some(quotes::of_line((reply_to, seq), quoted, &facts.people)?),
            (None, Some(known)) => Some(quotes::of_known(reply_to, known, &facts.people)?),
            (None, None) => None,
        };
    }
    let numbers = written.numbers.get_mut(&channel).ok_or(ErrorCode::ChannelNotFound)?;
    let in_timeline = parent.is_none() || line.show_in_channel;
    let for_all = line.visible_to.is_none();
    let countable = in_timeline && for_all && !line.silent;
    numbers.seq += 1;
    numbers.ordinal += i64::from(countable);
    if for_all {
        numbers.last_message_at = numbers.last_message_at.max(Some(line.created_at));
    }
    let mut row = NewMessage {
        id,
        channel,
        author: line.user_id.as_str().to_owned(),
        seq: numbers.seq,
        updated_seq: numbers.seq,
        ordinal: numbers.ordinal,
        countable,
        in_timeline,
        silent: line.silent,
        visible_to: line.visible_to.as_ref().map(json).transpose()?,
        parent,
        reply_to,
        created_at: line.created_at,
        edited_at: line.edited_at,
        deleted_at: line.deleted_at,
        ..NewMessage::default()
    };
    if line.deleted_at.is_none() {
        row.quoted = quoted;
        fill(&mut row, line, now)?;
        if let Some(pin) = &line.pinned {
            let pins = written.pinned.entry(channel).or_default();
            let counts = !pin.has_expired(now);
            if counts && *pins >= PINS {
                row.pinned = None;
                written.unpinned.push(at);
            } else {
                *pins += usize::from(counts);
                let (at, expires_at) = (pin.at, pin.expires_at);
                written.pins.push(NewPin { message: id, channel, at, expires_at });
            }
        }
        for vote in &line.votes {
            // Each is a change of its own: votes are listed by their number.
            numbers.seq += 1;
            row.updated_seq = numbers.seq;
            let (user, seq, at) = (vote.user_id.as_str(), numbers.seq, line.created_at);
            written
                .votes
                .extend(vote.options.iter().map(|option| (id, user.to_owned(), option.clone(), seq, at)));
        }
    }
    if let Some(parent) = parent {
        let author = written.places.get(&parent).and_then(|(row, _)| written.rows.get(*row));
        let author = author.map(|row| row.author.clone()).unwrap_or_default();
        let known = facts.known.get(&parent);
        let thread = written.threads.entry(parent).or_insert_with(|| match known {
            Some(known) => thread(known),
            None => Thread { channel, author, ..Thread::default() },
        });
        row.thread_ordinal = Some(if for_all {
            let how = (line.deleted_at.is_some(), line.silent);
            thread.reply(line.user_id.as_str(), how, row.seq, line.created_at)
        } else {
            // The thread does not change; its place is after the replies so far.
            thread.ordinal
        });
    }
    written.places.insert(id, (written.rows.len(), at));
    written.rows.push(row);
    Ok(())
}

/// Channel and parent of a message that is replied to or quoted, which all may read.
fn place_of(written: &Written, facts: &Facts, id: Uuid) -> Result<(Uuid, Option<Uuid>)> {
    let new = written.places.get(&id).and_then(|(row, _)| written.rows.get(*row));
    let new = new.filter(|row| row.visible_to.is_none()).map(|row| (row.channel, row.parent));
    let known = facts.known.get(&id).filter(|known| known.answerable);
    let known = known.map(|known| (known.channel, known.parent));
    new.or(known).ok_or_else(|| ErrorCode::InvalidThread.into())
}

fn json<T: serde::Serialize>(value: &T) -> Result<Value> {
    serde_json::to_value(value).map_err(Error::internal)
}

/// What a message says.
fn fill(row: &mut NewMessage, line: &MessageLine, now: DateTime<Utc>) -> Result<()> {
    row.text.clone_from(&line.text);
    row.content_type = line.content_type.map(ContentType::as_str);
    row.content = line.content.as_ref().map(json).transpose()?;
    row.group_mentions = (!line.group_mentions.is_empty()).then(|| json(&line.group_mentions)).transpose()?;
    let live = attachments::live_location(&line.attachments);
    row.live_until = live.map(|(_, end)| end).filter(|end| *end > now);
    row.attachments = (!line.attachments.is_empty()).then(|| json(&line.attachments)).transpose()?;
    row.mentions = line.mentions.iter().map(|user| user.as_str().to_owned()).collect();
    row.custom = (!line.custom.is_empty()).then(|| Value::Object(Custom::clone(&line.custom).0));
    row.forwarded = line.forwarded_from.as_ref().map(json).transpose()?;
    row.pinned = line.pinned.as_ref().map(json).transpose()?;
    row.poll = line.poll.as_ref().map(|poll| json(&counted(poll, line))).transpose()?;
    Ok(())
}

/// A poll with as many votes as there are, or as it says where nobody says who voted.
fn counted(poll: &Poll, line: &MessageLine) -> Poll {
    let mut poll = poll.clone();
    if keeps_counts(&poll, line) {
        return poll;
    }
    let count =
        |id: &str| line.votes.iter().filter(|vote| vote.options.iter().any(|option| option == id)).count();
    for option in &mut poll.options {
        option.votes = i64::try_from(count(&option.id)).unwrap_or(i64::MAX);
    }
    poll.voters = i64::try_from(line.votes.len()).unwrap_or(i64::MAX);
    poll
}

async fn finish(batch: &mut Batch<'_>, written: Written) -> Result<()> {
    let Written { rows, numbers, threads, pins, votes, .. } = written;
    let count = i64::try_from(rows.len()).map_err(Error::internal)?;
    if count == 0 {
        return Ok(());
    }
    let tx = batch.tx;
    let written: BTreeSet<Uuid> = rows.iter().map(|row| row.channel).collect();
    let numbers: Vec<Advanced> = numbers.into_values().filter(|row| written.contains(&row.id)).collect();
    store::note_channels(tx, batch.import, &written.into_iter().collect::<Vec<_>>(), false).await?;
    store::advance_channels(tx, &numbers).await?;
    write::messages(tx, &rows).await?;
    // A thread that was only looked at has got no reply.
    let threads: Vec<(Uuid, Thread)> =
        threads.into_iter().filter(|(_, thread)| !thread.readers.is_empty()).collect();
    write::threads(tx, &threads).await?;
    let mut readers = Vec::new();
    for (root, thread) in &threads {
        let authors = (thread.before == 0 && !thread.readers.contains_key(&thread.author))
            .then_some(Reader { root: *root, user: &thread.author, thread, replies: 0, first: None });
        readers.extend(authors);
        readers.extend(thread.readers.iter().map(|(user, (replies, first))| Reader {
            root: *root,
            user,
            thread,
            replies: *replies,
            first: *first,
        }));
    }
    write::readers(tx, &readers).await?;
    write::pins(tx, &pins).await?;
    write::votes(tx, &votes).await?;
    // Who may not read it is not told that it mentions them.
    let may_read = |row: &NewMessage, user: &str| {
        let named = row.visible_to.as_ref().and_then(Value::as_array);
        named.is_none_or(|named| named.iter().any(|named| named == user))
    };
    let mut mentions: Vec<(Uuid, Uuid, i64, &str)> = Vec::new();
    for row in &rows {
        let users = row.mentions.iter().map(String::as_str).filter(|user| may_read(row, user));
        mentions.extend(users.map(|user| (row.id, row.channel, row.seq, user)));
    }
    write::mentions(tx, &mentions).await?;
    batch.messages.extend(rows.into_iter().map(indexed));
    batch.done.counted.push(("messages", count));
    Ok(())
}

/// What the search keeps of a message.
fn indexed(row: NewMessage) -> search::Source {
    let attachments = row.attachments.iter().filter_map(Value::as_array).flatten();
    search::Source {
        id: row.id,
        channel: row.channel,
        author: row.author,
        text: row.text,
        attachments: attachments.filter_map(|one| Some(one.get("type")?.as_str()?.to_owned())).collect(),
        mentions: row.mentions,
        created_at: row.created_at,
        seq: row.seq,
        updated_seq: row.updated_seq,
        searchable: row.deleted_at.is_none(),
    }
}
