//! Writing users, channels and members.

use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::{DateTime, Utc};
use diesel::sql_types::{Array, Bool, Int8, Jsonb, Nullable, Text, Timestamptz, Untyped, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use parlor_platform::db::{TenantTx, prepared};
use parlor_platform::{Error, Result};
use parlor_protocol::ErrorCode;
use parlor_protocol::transfer::{ChannelLine, MemberLine, UserLine};
use serde_json::Value;
use uuid::Uuid;

use super::run::{Batch, distinct};
use super::store::{self, Advanced};
use super::{Numbered, ordinary};
use crate::channels::distinct_key;
use crate::channels::store::lock_each;
use crate::erasure::subject;
use crate::members::store::step_user_seq;
use crate::transfer::lines::{channel_id, kind_of_cid};

/// Registers users who are not registered yet.
pub async fn users(batch: &mut Batch<'_>, lines: Vec<Numbered<UserLine>>) -> Result<()> {
    // In the order of ids, so that two imports can't wait for each other.
    let mut users: Vec<UserLine> = lines.into_iter().map(|(_, line)| line).collect();
    users.sort_by(|one, other| one.id.cmp(&other.id));
    let app = batch.tx.app_id();
    let at = |user: &UserLine| user.created_at.unwrap_or(batch.now);
    let new = prepared::<Untyped>(
        "INSERT INTO users (app_id, id, name, image, custom, guest, created_at, updated_at, deactivated_at, hides_reads, \
             hides_deliveries, hides_typing, revoked_before) \
         SELECT v.app, r.id, r.name, r.image, r.custom, r.guest, r.at, r.at, r.deactivated_at, r.reads, r.deliveries, \
             r.typing, (SELECT max(d.finished_at) FROM user_deletions d WHERE d.app_id = v.app AND d.subject = r.subject) \
         FROM (SELECT ? AS app) v CROSS JOIN UNNEST(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) \
             AS r (id, name, image, custom, guest, at, deactivated_at, reads, deliveries, typing, subject) \
         ON CONFLICT (app_id, id) DO NOTHING",
    )
    .bind::<SqlUuid, _>(app.0)
    .bind::<Array<Text>, _>(users.iter().map(|user| user.id.as_str()).collect::<Vec<_>>())
    .bind::<Array<Nullable<Text>>, _>(users.iter().map(|user| user.name.as_deref()).collect::<Vec<_>>())
    .bind::<Array<Nullable<Text>>, _>(users.iter().map(|user| user.image.as_deref()).collect::<Vec<_>>())
    .bind::<Array<Jsonb>, _>(users.iter().map(|user| Value::Object(user.custom.0.clone())).collect::<Vec<_>>())
    .bind::<Array<Bool>, _>(users.iter().map(|user| user.guest).collect::<Vec<_>>())
    .bind::<Array<Timestamptz>, _>(users.iter().map(at).collect::<Vec<_>>())
    .bind::<Array<Nullable<Timestamptz>>, _>(users.iter().map(|user| user.deactivated_at).collect::<Vec<_>>())
    .bind::<Array<Bool>, _>(users.iter().map(|user| user.hides_reads).collect::<Vec<_>>())
    .bind::<Array<Bool>, _>(users.iter().map(|user| user.hides_deliveries).collect::<Vec<_>>())
    .bind::<Array<Bool>, _>(users.iter().map(|user| user.hides_typing).collect::<Vec<_>>())
    .bind::<Array<diesel::sql_types::Binary>, _>(
        users.iter().map(|user| subject(app, &user.id)).collect::<Vec<_>>(),
    )
    .execute(&mut batch.tx.conn()?)
    .await?;
    batch.done.counted.push(("users", i64::try_from(new).map_err(Error::internal)?));
    Ok(())
}

/// Creates channels that are not there yet.
pub async fn channels(batch: &mut Batch<'_>, lines: Vec<Numbered<ChannelLine>>) -> Result<()> {
    let creators = lines.iter().filter_map(|(_, line)| line.created_by.as_ref());
    let known = known_users(batch.tx, distinct(creators.map(|user| user.as_str()))).await?;
    let mut channels: BTreeMap<String, ChannelLine> = BTreeMap::new();
    for (number, line) in lines {
        match &line.created_by {
            Some(user) if !known.contains(user.as_str()) => unknown(batch, number, user.as_str()),
            _ => drop(channels.entry(line.cid.clone()).or_insert(line)),
        }
    }
    let mut channels: Vec<ChannelLine> = channels.into_values().collect();
    let mut new = insert(batch.tx, &channels, batch.now).await?;
    // Whose members have a channel already becomes an ordinary one.
    for channel in &mut channels {
        channel.distinct.clear();
    }
    new.extend(insert(batch.tx, &channels, batch.now).await?);
    tag(batch.tx, &channels, &new).await?;
    store::note_channels(batch.tx, batch.import, &new, true).await?;
    batch.done.counted.push(("channels", i64::try_from(new.len()).map_err(Error::internal)?));
    Ok(())
}

/// Gives the ids of those that are new.
async fn insert(tx: &TenantTx, channels: &[ChannelLine], now: DateTime<Utc>) -> Result<Vec<Uuid>> {
    let app = tx.app_id();
    let kinds: Vec<_> = channels.iter().map(|line| kind_of_cid(&line.cid)).collect::<Result<_>>()?;
    let key = |(line, kind): (&ChannelLine, _)| {
        let members = line.distinct.iter().map(|user| user.as_str()).collect::<Vec<_>>();
        (!members.is_empty()).then(|| distinct_key(kind, members))
    };
    let keys: Vec<Option<String>> = channels.iter().zip(kinds.iter().copied()).map(key).collect();
    let configs = channels.iter().map(|line| serde_json::to_value(&line.config));
    let configs: Vec<Value> = configs.collect::<Result<_, _>>().map_err(Error::internal)?;
    Ok(prepared::<SqlUuid>(
        "INSERT INTO channels (app_id, id, type, cid, distinct_key, name, image, custom, config, created_by, seq, \
             created_at, updated_at, tags) \
         SELECT ?, r.id, r.kind, r.cid, r.key, r.name, r.image, r.custom, r.config, r.creator, 1, r.at, r.at, \
             ARRAY(SELECT jsonb_array_elements_text(r.tags) ORDER BY 1) \
         FROM UNNEST(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) \
             AS r (id, kind, cid, key, name, image, custom, config, creator, at, tags) \
         ON CONFLICT DO NOTHING RETURNING id",
    )
    .bind::<SqlUuid, _>(app.0)
    .bind::<Array<SqlUuid>, _>(channels.iter().map(|line| channel_id(app, &line.cid).0).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(kinds.iter().map(|kind| kind.as_str()).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(channels.iter().map(|line| line.cid.as_str()).collect::<Vec<_>>())
    .bind::<Array<Nullable<Text>>, _>(keys)
    .bind::<Array<Nullable<Text>>, _>(channels.iter().map(|line| line.name.as_deref()).collect::<Vec<_>>())
    .bind::<Array<Nullable<Text>>, _>(channels.iter().map(|line| line.image.as_deref()).collect::<Vec<_>>())
    .bind::<Array<Jsonb>, _>(
        channels.iter().map(|line| Value::Object(line.custom.0.clone())).collect::<Vec<_>>(),
    )
    .bind::<Array<Jsonb>, _>(configs)
    .bind::<Array<Nullable<Text>>, _>(
        channels.iter().map(|line| line.created_by.as_ref().map(|user| user.as_str())).collect::<Vec<_>>(),
    )
    .bind::<Array<Timestamptz>, _>(
        channels.iter().map(|line| line.created_at.unwrap_or(now)).collect::<Vec<_>>(),
    )
    .bind::<Array<Jsonb>, _>(channels.iter().map(|line| Value::from(line.tags.clone())).collect::<Vec<_>>())
    .load(&mut tx.conn()?)
    .await?)
}

/// Lets new channels be found by their tags.
async fn tag(tx: &TenantTx, channels: &[ChannelLine], new: &[Uuid]) -> Result<()> {
    let app = tx.app_id();
    let new: HashSet<Uuid> = new.iter().copied().collect();
    let (tags, ids): (Vec<&str>, Vec<Uuid>) = channels
        .iter()
        .map(|line| (line, channel_id(app, &line.cid).0))
        .filter(|(_, id)| new.contains(id))
        .flat_map(|(line, id)| line.tags.iter().map(move |tag| (tag.as_str(), id)))
        .unzip();
    prepared::<Untyped>(
        "INSERT INTO channel_tags (app_id, tag, channel_id) SELECT ?, r.* FROM UNNEST(?, ?) AS r (tag, channel)",
    )
    .bind::<SqlUuid, _>(app.0)
    .bind::<Array<Text>, _>(tags)
    .bind::<Array<SqlUuid>, _>(ids)
    .execute(&mut tx.conn()?)
    .await?;
    Ok(())
}

/// Adds members. Who was one before is left as they are, also where they have gone since.
pub async fn members(batch: &mut Batch<'_>, lines: Vec<Numbered<MemberLine>>) -> Result<()> {
    let tx = batch.tx;
    let cids = distinct(lines.iter().map(|(_, line)| line.channel.as_str()));
    let channels: HashMap<String, Uuid> = store::channels_of(tx, &cids).await?.into_iter().collect();
    let mut ids: Vec<Uuid> = channels.values().copied().collect();
    ids.sort_unstable();
    ids.dedup();
    let held = lock_each(tx, &ids).await?;
    let users = known_users(tx, distinct(lines.iter().map(|(_, line)| line.user_id.as_str()))).await?;
    let pair =
        |line: &MemberLine| channels.get(&line.channel).map(|id| (*id, line.user_id.as_str().to_owned()));
    let pairs: Vec<(Uuid, String)> = lines.iter().filter_map(|(_, line)| pair(line)).collect();
    let mut there: HashSet<(Uuid, String)> = members_of(tx, &pairs).await?.into_iter().collect();

    let row = |(id, seq, ordinal)| (id, Advanced { id, seq, ordinal, members: 0, last_message_at: None });
    let mut numbers: BTreeMap<Uuid, Advanced> = held.into_iter().map(row).collect();
    let mut new: Vec<(Uuid, &MemberLine, i64, i64)> = Vec::new();
    for (number, line) in &lines {
        let Some(pair) = pair(line) else {
            batch.done.refused.error(*number, &ErrorCode::ChannelNotFound.into());
            continue;
        };
        if !users.contains(line.user_id.as_str()) {
            unknown(batch, *number, line.user_id.as_str());
            continue;
        }
        let Some(channel) = numbers.get_mut(&pair.0) else { continue };
        if there.insert(pair) {
            // One number each: clients are told of few changes with the same.
            channel.seq += 1;
            channel.members += 1;
            new.push((channel.id, line, channel.seq, channel.ordinal));
        }
    }
    if new.is_empty() {
        return Ok(());
    }
    let numbers: Vec<Advanced> = numbers.into_values().filter(|channel| channel.members > 0).collect();
    let changed: Vec<Uuid> = numbers.iter().map(|channel| channel.id).collect();
    store::note_channels(tx, batch.import, &changed, false).await?;
    store::advance_channels(tx, &numbers).await?;
    step_user_seq(tx, &distinct(new.iter().map(|(_, line, _, _)| line.user_id.as_str()))).await?;
    prepared::<Untyped>(
        "INSERT INTO channel_members (app_id, channel_id, user_id, role, read_seq, read_ordinal, joined_at, updated_seq, \
             user_seq) \
         SELECT v.app, r.channel, r.id, r.role, r.seq, r.ordinal, r.at, r.seq, u.seq \
         FROM (SELECT ? AS app) v CROSS JOIN UNNEST(?, ?, ?, ?, ?, ?) AS r (channel, id, role, seq, ordinal, at) \
         CROSS JOIN LATERAL (SELECT users.seq FROM users WHERE app_id = v.app AND users.id = r.id OFFSET 0) u",
    )
    .bind::<SqlUuid, _>(tx.app())
    .bind::<Array<SqlUuid>, _>(new.iter().map(|row| row.0).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(new.iter().map(|row| row.1.user_id.as_str()).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(new.iter().map(|row| row.1.role.as_str()).collect::<Vec<_>>())
    .bind::<Array<Int8>, _>(new.iter().map(|row| row.2).collect::<Vec<_>>())
    .bind::<Array<Int8>, _>(new.iter().map(|row| row.3).collect::<Vec<_>>())
    .bind::<Array<Timestamptz>, _>(
        new.iter().map(|row| row.1.joined_at.unwrap_or(batch.now)).collect::<Vec<_>>(),
    )
    .execute(&mut tx.conn()?)
    .await?;
    // One that the import made has its members when all lines are written.
    let before = store::there_before(tx, batch.import, &changed).await?;
    ordinary::with_others(tx, &before).await?;
    batch.done.counted.push(("members", i64::try_from(new.len()).map_err(Error::internal)?));
    Ok(())
}

/// Of these pairs of channel and user, those who are or were members.
async fn members_of(tx: &TenantTx, pairs: &[(Uuid, String)]) -> Result<Vec<(Uuid, String)>> {
    Ok(prepared::<(SqlUuid, Text)>(
        "SELECT m.channel_id, m.user_id FROM UNNEST(?, ?) AS r (channel, id) \
         CROSS JOIN LATERAL (SELECT channel_id, user_id FROM channel_members WHERE app_id = ? \
             AND channel_id = r.channel AND user_id = r.id OFFSET 0) m",
    )
    .bind::<Array<SqlUuid>, _>(pairs.iter().map(|(channel, _)| *channel).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(pairs.iter().map(|(_, user)| user.as_str()).collect::<Vec<_>>())
    .bind::<SqlUuid, _>(tx.app())
    .load(&mut tx.conn()?)
    .await?)
}

/// Of these users, those who are registered.
pub async fn known_users(tx: &TenantTx, ids: Vec<&str>) -> Result<HashSet<String>> {
    Ok(store::users(tx, &ids).await?.into_iter().map(|(id, _, _)| id).collect())
}

fn unknown(batch: &mut Batch<'_>, number: i64, user: &str) {
    batch.done.refused.line(number, ErrorCode::UserUnknown, format!("There is no user {user:?}."));
}
