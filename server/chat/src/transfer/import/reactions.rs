//! Writing reactions: each is a change of its channel, because lists of reactions go by its number.

use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::{DateTime, Utc};
use diesel::sql_types::{Array, Int4, Int8, Jsonb, Nullable, Text, Timestamptz, Untyped, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use parlor_platform::db::{TenantTx, prepared};
use parlor_platform::{Error, Result};
use parlor_protocol::limits::REACTION_TYPES;
use parlor_protocol::transfer::ReactionLine;
use parlor_protocol::{ErrorCode, ReactionCount};
use serde_json::Value;
use uuid::Uuid;

use super::Numbered;
use super::people::known_users;
use super::run::{Batch, distinct};
use super::store::{self, Advanced};
use crate::channels::store::lock_each;
use crate::transfer::lines::message_id;

/// A message that gets reactions.
struct Target {
    channel: Uuid,
    counts: Vec<ReactionCount>,
    created_at: DateTime<Utc>,
    gone: bool,
    seq: i64,
    held: HashSet<(String, String)>,
}

/// Writes reactions that are not there yet. A deleted message gets none.
pub async fn reactions(batch: &mut Batch<'_>, lines: Vec<Numbered<ReactionLine>>) -> Result<()> {
    let tx = batch.tx;
    let mut ids: Vec<Uuid> = lines.iter().map(|(_, line)| message_id(&line.message_id).0).collect();
    ids.sort_unstable();
    ids.dedup();
    let users = known_users(tx, distinct(lines.iter().map(|(_, line)| line.user_id.as_str()))).await?;
    let mut channels: Vec<Uuid> =
        super::write::existing(tx, &ids).await?.into_iter().map(|(_, channel, _)| channel).collect();
    channels.sort_unstable();
    channels.dedup();
    let held = lock_each(tx, &channels).await?;
    // After the channels are held: from here on nobody else reacts.
    let mut targets = targets(tx, &ids).await?;
    let row = |(id, seq, ordinal)| (id, Advanced { id, seq, ordinal, members: 0, last_message_at: None });
    let mut numbers: BTreeMap<Uuid, Advanced> = held.into_iter().map(row).collect();
    let mut new = Vec::new();
    for (number, line) in &lines {
        let id = message_id(&line.message_id).0;
        let place = targets
            .get_mut(&id)
            .and_then(|target| numbers.get_mut(&target.channel).map(|channel| (target, channel)));
        let Some((target, channel)) = place else {
            batch.done.refused.error(*number, &ErrorCode::MessageNotFound.into());
            continue;
        };
        let user = line.user_id.as_str();
        if !users.contains(user) {
            let reason = format!("There is no user {user:?}.");
            batch.done.refused.line(*number, ErrorCode::UserUnknown, reason);
            continue;
        }
        if target.gone || !target.held.insert((user.to_owned(), line.kind.clone())) {
            continue;
        }
        if !add(&mut target.counts, line) {
            batch.done.refused.error(*number, &ErrorCode::TooManyReactions.into());
            continue;
        }
        channel.seq += 1;
        target.seq = channel.seq;
        new.push((id, line, channel.seq, line.created_at.unwrap_or(target.created_at)));
    }
    let targets: Vec<(Uuid, Target)> = targets.into_iter().filter(|(_, target)| target.seq > 0).collect();
    if targets.is_empty() {
        return Ok(());
    }
    let changed: HashSet<Uuid> = targets.iter().map(|(_, target)| target.channel).collect();
    let numbers: Vec<Advanced> =
        numbers.into_values().filter(|channel| changed.contains(&channel.id)).collect();
    store::note_channels(tx, batch.import, &changed.into_iter().collect::<Vec<_>>(), false).await?;
    store::advance_channels(tx, &numbers).await?;
    insert(tx, &new).await?;
    show(tx, targets).await?;
    batch.done.counted.push(("reactions", i64::try_from(new.len()).map_err(Error::internal)?));
    Ok(())
}

fn add(counts: &mut Vec<ReactionCount>, line: &ReactionLine) -> bool {
    let full = counts.len() >= REACTION_TYPES;
    match counts.iter_mut().find(|count| count.kind == line.kind) {
        Some(count) => {
            count.count += 1;
            count.score += i64::from(line.score);
        }
        None if full => return false,
        None => {
            counts.push(ReactionCount { kind: line.kind.clone(), count: 1, score: i64::from(line.score) });
        }
    }
    true
}

async fn targets(tx: &TenantTx, ids: &[Uuid]) -> Result<HashMap<Uuid, Target>> {
    type Row = (Uuid, Uuid, Option<Value>, DateTime<Utc>, bool);
    let rows = prepared::<(SqlUuid, SqlUuid, Nullable<Jsonb>, Timestamptz, diesel::sql_types::Bool)>(
        "SELECT m.id, m.channel_id, m.reactions, m.created_at, m.deleted_at IS NOT NULL FROM UNNEST(?) AS n (id) \
         CROSS JOIN LATERAL (SELECT * FROM messages WHERE app_id = ? AND id = n.id OFFSET 0) m",
    )
    .bind::<Array<SqlUuid>, _>(ids.to_vec())
    .bind::<SqlUuid, _>(tx.app())
    .load::<Row>(&mut tx.conn()?)
    .await?;
    let mut targets = HashMap::new();
    for (id, channel, counts, created_at, gone) in rows {
        let counts = counts.map(serde_json::from_value).transpose().map_err(Error::internal)?;
        let counts = counts.unwrap_or_default();
        targets.insert(id, Target { channel, counts, created_at, gone, seq: 0, held: HashSet::new() });
    }
    let held = prepared::<(SqlUuid, Text, Text)>(
        "SELECT r.message_id, r.user_id, r.kind FROM UNNEST(?) AS n (id) CROSS JOIN LATERAL \
             (SELECT message_id, user_id, kind FROM reactions WHERE app_id = ? AND message_id = n.id OFFSET 0) r",
    )
    .bind::<Array<SqlUuid>, _>(ids.to_vec())
    .bind::<SqlUuid, _>(tx.app())
    .load::<(Uuid, String, String)>(&mut tx.conn()?)
    .await?;
    for (message, user, kind) in held {
        if let Some(target) = targets.get_mut(&message) {
            target.held.insert((user, kind));
        }
    }
    Ok(targets)
}

async fn insert(tx: &TenantTx, new: &[(Uuid, &ReactionLine, i64, DateTime<Utc>)]) -> Result<()> {
    prepared::<Untyped>(
        "INSERT INTO reactions (app_id, message_id, user_id, kind, score, seq, created_at) \
         SELECT ?, r.* FROM UNNEST(?, ?, ?, ?, ?, ?) AS r (message, giver, kind, score, seq, at)",
    )
    .bind::<SqlUuid, _>(tx.app())
    .bind::<Array<SqlUuid>, _>(new.iter().map(|row| row.0).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(new.iter().map(|row| row.1.user_id.as_str()).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(new.iter().map(|row| row.1.kind.as_str()).collect::<Vec<_>>())
    .bind::<Array<Int4>, _>(new.iter().map(|row| row.1.score).collect::<Vec<_>>())
    .bind::<Array<Int8>, _>(new.iter().map(|row| row.2).collect::<Vec<_>>())
    .bind::<Array<Timestamptz>, _>(new.iter().map(|row| row.3).collect::<Vec<_>>())
    .execute(&mut tx.conn()?)
    .await?;
    Ok(())
}

/// Writes what messages show of their reactions.
async fn show(tx: &TenantTx, targets: Vec<(Uuid, Target)>) -> Result<()> {
    let counts = targets.iter().map(|(_, target)| serde_json::to_value(&target.counts));
    let counts: Vec<Value> = counts.collect::<Result<_, _>>().map_err(Error::internal)?;
    prepared::<Untyped>(
        "MERGE INTO messages m USING (SELECT ? AS app, v.* FROM UNNEST(?, ?, ?) AS v (id, counts, seq)) v \
         ON m.app_id = v.app AND m.id = v.id \
         WHEN MATCHED THEN UPDATE SET reactions = v.counts, updated_seq = v.seq \
         WHEN NOT MATCHED AND false THEN INSERT DEFAULT VALUES",
    )
    .bind::<SqlUuid, _>(tx.app())
    .bind::<Array<SqlUuid>, _>(targets.iter().map(|(id, _)| *id).collect::<Vec<_>>())
    .bind::<Array<Jsonb>, _>(counts)
    .bind::<Array<Int8>, _>(targets.iter().map(|(_, target)| target.seq).collect::<Vec<_>>())
    .execute(&mut tx.conn()?)
    .await?;
    Ok(())
}
