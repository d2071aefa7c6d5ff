//! Sending what is due, in two steps: [`send`], and [`settle`] when the outcome is known.
//!
//! A crash between the two is harmless: the lease runs out, the message is sent again under its id, which the writers
//! answer with the first result, and that is noted. A second worker with the same message comes too late for the note.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, Duration, Utc};
use futures_util::future::join_all;
use parlor_platform::{Error, Result};
use parlor_protocol::scheduled::ScheduledState;
use parlor_protocol::{AppId, ErrorCode, EventType, UserId};
use serde_json::json;
use uuid::Uuid;

use super::store::{self, Outcome, ScheduledRow};
use crate::due::{self, Claimed, Kind, Worker};
use crate::messages::send::Item;
use crate::users::change::UserChanges;

/// Waits after a failure of ours, one after the other; after the last one the message has failed.
const LADDER: [Duration; 4] =
    [Duration::seconds(1), Duration::seconds(5), Duration::seconds(30), Duration::seconds(300)];
/// Wait until the service may take it again.
const AWAY: Duration = Duration::seconds(1);

/// How one ended that will not be tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    Sent,
    /// It needs approval first.
    Waits,
    Failed(ErrorCode),
}

/// How each ended.
pub type Ended = BTreeMap<Uuid, End>;

/// Marks what is due as being sent, and sends it, in the order of time.
pub async fn send(
    worker: &Worker,
    app: AppId,
    claimed: &[Claimed],
    lease_until: DateTime<Utc>,
) -> Result<Ended> {
    let ids: Vec<Uuid> = claimed.iter().map(|thing| thing.id).collect();
    let tx = worker.db.tenant_for_job(app).await?;
    let mut rows = store::begin_sending(&tx, &ids, worker.clock.now()).await?;
    // A message that is durable is written after this, so whoever holds it on disk holds this, too.
    tx.commit_lazily().await?;
    let found: BTreeSet<Uuid> = rows.iter().map(|row| row.id).collect();
    let gone: Vec<&Claimed> = claimed.iter().filter(|thing| !found.contains(&thing.id)).collect();
    due::store::drop_claimed(&worker.db, &gone, lease_until).await?;
    rows.sort_by_key(|row| (row.send_at, row.created_at, row.id));
    let sends = rows.iter().map(|row| {
        let item = item(app, row);
        async move {
            worker.note_lag("scheduled_message", row.send_at);
            worker.sender.send(item?).await
        }
    });
    let outcomes = join_all(sends).await;
    let attempts: HashMap<Uuid, &Claimed> = claimed.iter().map(|thing| (thing.id, thing)).collect();
    let (mut ended, mut away, mut again) = (Ended::new(), Vec::new(), BTreeMap::new());
    for (row, outcome) in rows.iter().zip(outcomes) {
        let Some(thing) = attempts.get(&row.id).copied() else { continue };
        match outcome {
            Ok(sent) => drop(ended.insert(row.id, if sent.waits { End::Waits } else { End::Sent })),
            Err(error) => match verdict(error.code(), thing.attempts) {
                Verdict::Failed => drop(ended.insert(row.id, End::Failed(error.code()))),
                Verdict::Away => away.push(thing),
                Verdict::Again(wait) => {
                    error.log();
                    again.entry(wait).or_insert_with(Vec::new).push(thing);
                }
            },
        }
    }
    let now = worker.clock.now();
    due::store::put_off(&worker.db, &away, lease_until, now + AWAY, 0).await?;
    for (wait, things) in again {
        due::store::put_off(&worker.db, &things, lease_until, now + wait, 1).await?;
    }
    Ok(ended)
}

fn item(app: AppId, row: &ScheduledRow) -> Result<Item> {
    let (id, channel, user) = (row.id.into(), row.channel_id.into(), row.user()?);
    let content = row.content()?.ok_or_else(|| Error::internal("there is nothing to send"))?;
    Item::new(app, channel, user, row.by_server, id, content)
}

#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    /// Its author may not send it.
    Failed,
    /// The service can't take it now.
    Away,
    /// Something went wrong on our side.
    Again(Duration),
}

fn verdict(code: ErrorCode, attempts: i16) -> Verdict {
    match code {
        ErrorCode::Unavailable => Verdict::Away,
        ErrorCode::Internal => {
            let step = usize::try_from(attempts).ok().and_then(|step| LADDER.get(step));
            step.map_or(Verdict::Failed, |wait| Verdict::Again(*wait))
        }
        _ => Verdict::Failed,
    }
}

/// Notes how it ended and tells the authors, each once.
pub async fn settle(worker: &Worker, app: AppId, ended: Ended) -> Result<()> {
    if ended.is_empty() {
        return Ok(());
    }
    let (now, mut entries) = (worker.clock.now(), worker.entries());
    let ids: Vec<Uuid> = ended.keys().copied().collect();
    let tx = worker.db.tenant_for_job(app).await?;
    let authors = store::authors(&tx, &ids).await?;
    let authors: Vec<&str> = authors.iter().map(String::as_str).collect();
    let mut changes = UserChanges::begin(&tx, &authors, now).await?;
    // Under the authors' locks: another worker has settled it, or will find that it is settled.
    let rows = store::being_sent(&tx, &ids).await?;
    let refused = ended.iter().filter(|(_, end)| matches!(end, End::Failed(_)));
    let refused: Vec<Uuid> = refused.map(|(id, _)| *id).collect();
    let sent_before = store::messages_of(&tx, &refused).await?;
    let mut outcomes = Vec::with_capacity(rows.len());
    for mut row in rows {
        let mut end = ended.get(&row.id).copied().unwrap_or(End::Sent);
        // It was sent before somebody died, and its author has lost the right since.
        let is_there = sent_before.contains(&(row.id, row.channel_id, row.user_id.clone()));
        if is_there && end != End::Failed(ErrorCode::MessageIdReused) {
            end = End::Sent;
        }
        let user = row.user()?;
        let change = changes.next(&user)?;
        let (state, kind, error) = match end {
            End::Sent => (ScheduledState::Sent, EventType::ScheduledMessageSent, None),
            End::Waits => (ScheduledState::Pending, EventType::ScheduledMessagePending, None),
            End::Failed(error) => (ScheduledState::Failed, EventType::ScheduledMessageFailed, Some(error)),
        };
        state.as_str().clone_into(&mut row.state);
        row.error = error.map(|error| error.as_str().to_owned());
        row.content = row.content.filter(|_| state == ScheduledState::Failed);
        row.user_seq = change.seq();
        row.updated_at = now;
        outcomes.push(Outcome::of(&row, &user));
        let scheduled = row.into_scheduled()?;
        change.tell(&mut entries, kind, scheduled.channel_id, json!({ "scheduled_message": scheduled }))?;
    }
    // In one order for everybody who holds several.
    outcomes.sort_by_key(|outcome| outcome.id);
    changes.end(&tx).await?;
    store::end(&tx, &outcomes, now).await?;
    let over: Vec<(&UserId, Uuid)> = outcomes.iter().map(|outcome| (&outcome.user, outcome.id)).collect();
    due::store::remove(&tx, Kind::ScheduledMessage, &over).await?;
    worker.commit(tx, entries, now).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_final_and_our_own_failures_are_not() {
        for code in [ErrorCode::NotAMember, ErrorCode::ChannelFrozen, ErrorCode::MessageIdReused] {
            assert_eq!(verdict(code, 0), Verdict::Failed, "{code:?}");
        }
        assert_eq!(verdict(ErrorCode::Unavailable, 99), Verdict::Away, "an outage may last");
        let again: Vec<Verdict> = (0..5).map(|attempts| verdict(ErrorCode::Internal, attempts)).collect();
        let ladder = LADDER.map(Verdict::Again);
        assert_eq!(again[..4], ladder);
        assert_eq!(again[4], Verdict::Failed);
    }
}
