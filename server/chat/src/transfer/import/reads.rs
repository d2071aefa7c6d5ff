//! Writing how far members have read. After [`super::finish`], which takes all that is imported for read.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use diesel::sql_types::{Array, Int8, Nullable, Text, Timestamptz, Untyped, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use parlor_platform::db::{TenantTx, prepared};
use parlor_platform::{Error, Result};
use parlor_protocol::transfer::ReadLine;
use parlor_protocol::{ChannelId, ErrorCode, UserId};
use uuid::Uuid;

use super::run::{Batch, distinct};
use super::{Numbered, store};
use crate::fanout::{ReadMoved, lock_flags, mark_flags};
use crate::members::store::step_user_seq;
use crate::transfer::lines::message_id;

/// Pointers that are set together: what each leaves unread gets rows of its own.
const AT_ONCE: usize = 100;

/// `seq` and `ordinal` of a message.
type Place = (i64, i64);

/// A pointer to set.
struct Pointer {
    number: i64,
    channel: Uuid,
    user: UserId,
    message: Option<Uuid>,
    hidden: Option<Uuid>,
    read_at: Option<DateTime<Utc>>,
}

/// Sets the pointers of members who have never moved theirs by themselves. A user named twice in a chunk counts once.
pub async fn reads(batch: &mut Batch<'_>, lines: Vec<Numbered<ReadLine>>) -> Result<()> {
    let tx = batch.tx;
    let cids = distinct(lines.iter().map(|(_, line)| line.channel.as_str()));
    let channels: HashMap<String, Uuid> = store::channels_of(tx, &cids).await?.into_iter().collect();
    let mut pointers = Vec::new();
    for (number, line) in lines {
        match channels.get(&line.channel) {
            None => batch.done.refused.error(number, &ErrorCode::ChannelNotFound.into()),
            Some(channel) => pointers.push(Pointer {
                number,
                channel: *channel,
                user: line.user_id,
                message: line.message_id.as_deref().map(|id| message_id(id).0),
                hidden: line.hidden_up_to.as_deref().map(|id| message_id(id).0),
                read_at: line.read_at,
            }),
        }
    }
    let mut seen = HashSet::new();
    pointers.retain(|pointer| seen.insert((pointer.channel, pointer.user.clone())));
    // Everybody holds users before members, members before flags, and each in one order.
    let mut fits = fitting(batch, &pointers).await?;
    fits.sort_by(|(one, ..), (other, ..)| (one.channel, &one.user).cmp(&(other.channel, &other.user)));
    step_user_seq(tx, &distinct(fits.iter().map(|(pointer, _, _)| pointer.user.as_str()))).await?;
    let mut moved = Vec::with_capacity(fits.len());
    for fits in fits.chunks(AT_ONCE) {
        moved.extend(set(tx, fits).await?);
    }
    lock_flags(tx, moved.iter().map(|moved| moved.channel_id.0).collect()).await?;
    for moved in moved.chunks(AT_ONCE) {
        mark_flags(tx, moved, batch.config.chat.fanout_members).await?;
    }
    batch.done.counted.push(("reads", i64::try_from(moved.len()).map_err(Error::internal)?));
    Ok(())
}

/// A pointer, where it is to be, and where what is hidden ends.
type Fitting<'a> = (&'a Pointer, Place, Option<Place>);

/// The pointers that are to be set; those whose messages are not there are refused.
async fn fitting<'a>(batch: &mut Batch<'_>, pointers: &'a [Pointer]) -> Result<Vec<Fitting<'a>>> {
    let places = places(batch.tx, pointers).await?;
    let untouched = untouched(batch.tx, pointers).await?;
    let mut fits: Vec<Fitting<'_>> = Vec::new();
    for pointer in pointers {
        let place =
            |message: Option<Uuid>| message.map(|message| places.get(&(pointer.channel, message)).copied());
        match (place(pointer.message), place(pointer.hidden)) {
            (Some(None), _) | (_, Some(None)) => {
                batch.done.refused.error(pointer.number, &ErrorCode::MessageNotFound.into());
            }
            (read, hidden) => {
                if untouched.contains(&(pointer.channel, pointer.user.as_str().to_owned())) {
                    fits.push((pointer, read.flatten().unwrap_or_default(), hidden.flatten()));
                }
            }
        }
    }
    Ok(fits)
}

/// Sets pointers, whose users the caller holds.
async fn set(tx: &TenantTx, fits: &[Fitting<'_>]) -> Result<Vec<ReadMoved>> {
    let (mut moved, mut from) = (Vec::new(), Vec::new());
    for (pointer, (read_seq, _), hidden) in fits {
        from.push(hidden.map_or((0, 0), |(seq, ordinal)| (seq + 1, ordinal)));
        moved.push(ReadMoved {
            channel_id: ChannelId(pointer.channel),
            user_id: pointer.user.clone(),
            read_seq: *read_seq,
            back: true,
        });
    }
    prepared::<Untyped>(
        "MERGE INTO channel_members m USING (SELECT r.*, u.app_id AS app, u.seq AS user_seq \
             FROM UNNEST(?, ?, ?, ?, ?, ?, ?, ?) AS r (channel, reader, seq, ordinal, message, at, first, hidden) \
             CROSS JOIN LATERAL (SELECT app_id, seq FROM users WHERE app_id = ? AND id = r.reader OFFSET 0) u) r \
         ON m.app_id = r.app AND m.channel_id = r.channel AND m.user_id = r.reader \
         WHEN MATCHED AND m.read_at IS NULL THEN UPDATE SET read_seq = r.seq, read_ordinal = r.ordinal, \
             last_read_message_id = r.message, read_at = coalesce(r.at, m.joined_at), user_seq = r.user_seq, \
             history_from_seq = r.first, history_ordinal = r.hidden \
         WHEN NOT MATCHED AND false THEN INSERT DEFAULT VALUES",
    )
    .bind::<Array<SqlUuid>, _>(fits.iter().map(|(pointer, _, _)| pointer.channel).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(fits.iter().map(|(pointer, _, _)| pointer.user.as_str()).collect::<Vec<_>>())
    .bind::<Array<Int8>, _>(fits.iter().map(|(_, (seq, _), _)| *seq).collect::<Vec<_>>())
    .bind::<Array<Int8>, _>(fits.iter().map(|(_, (_, ordinal), _)| *ordinal).collect::<Vec<_>>())
    .bind::<Array<Nullable<SqlUuid>>, _>(fits.iter().map(|(pointer, _, _)| pointer.message).collect::<Vec<_>>())
    .bind::<Array<Nullable<Timestamptz>>, _>(fits.iter().map(|(pointer, _, _)| pointer.read_at).collect::<Vec<_>>())
    .bind::<Array<Int8>, _>(from.iter().map(|(seq, _)| *seq).collect::<Vec<_>>())
    .bind::<Array<Int8>, _>(from.iter().map(|(_, ordinal)| *ordinal).collect::<Vec<_>>())
    .bind::<SqlUuid, _>(tx.app())
    .execute(&mut tx.conn()?)
    .await?;
    Ok(moved)
}

/// Of these members, those who have never read or sent anything here by themselves.
async fn untouched(tx: &TenantTx, pointers: &[Pointer]) -> Result<HashSet<(Uuid, String)>> {
    let rows = prepared::<(SqlUuid, Text)>(
        "SELECT m.channel_id, m.user_id FROM UNNEST(?, ?) AS r (channel, reader) CROSS JOIN LATERAL \
             (SELECT channel_id, user_id FROM channel_members WHERE app_id = ? AND channel_id = r.channel \
                 AND user_id = r.reader AND removed_at IS NULL AND read_at IS NULL OFFSET 0) m",
    )
    .bind::<Array<SqlUuid>, _>(pointers.iter().map(|pointer| pointer.channel).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(pointers.iter().map(|pointer| pointer.user.as_str()).collect::<Vec<_>>())
    .bind::<SqlUuid, _>(tx.app())
    .load::<(Uuid, String)>(&mut tx.conn()?)
    .await?;
    Ok(rows.into_iter().collect())
}

/// `seq` and `ordinal` of messages, by channel and id.
async fn places(tx: &TenantTx, pointers: &[Pointer]) -> Result<HashMap<(Uuid, Uuid), Place>> {
    let ids: Vec<Uuid> =
        pointers.iter().flat_map(|pointer| [pointer.message, pointer.hidden]).flatten().collect();
    let rows = prepared::<(SqlUuid, SqlUuid, Int8, Int8)>(
        "SELECT m.channel_id, m.id, m.seq, m.ordinal FROM UNNEST(?) AS n (id) CROSS JOIN LATERAL \
             (SELECT channel_id, id, seq, ordinal FROM messages WHERE app_id = ? AND id = n.id OFFSET 0) m",
    )
    .bind::<Array<SqlUuid>, _>(ids)
    .bind::<SqlUuid, _>(tx.app())
    .load::<(Uuid, Uuid, i64, i64)>(&mut tx.conn()?)
    .await?;
    Ok(rows.into_iter().map(|(channel, id, seq, ordinal)| ((channel, id), (seq, ordinal))).collect())
}
