//! The queries of members.

mod change;
mod row;

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Array, Int8, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use parlor_platform::Result;
use parlor_platform::db::{TenantTx, prepared};
use parlor_platform::schema::{channel_members, users};
use parlor_protocol::member::ReadState;
use parlor_protocol::{ChannelId, MessageId, UserId};
use uuid::Uuid;

pub use change::*;
pub use row::*;
pub(crate) use row::{hidden, member_columns};

macro_rules! with_users {
    () => {
        channel_members::table
            .inner_join(
                users::table.on(users::app_id
                    .eq(channel_members::app_id)
                    .and(users::id.eq(channel_members::user_id))),
            )
            .select(MemberRow::as_select())
    };
}

/// A member at present.
pub async fn find(tx: &TenantTx, channel: ChannelId, user: &UserId) -> Result<Option<MemberRow>> {
    Ok(with_users!()
        .filter(channel_members::app_id.eq(tx.app()).and(channel_members::channel_id.eq(channel.0)))
        .filter(channel_members::user_id.eq(user.as_str()).and(channel_members::removed_at.is_null()))
        .first(&mut tx.conn()?)
        .await
        .optional()?)
}

/// Of these users, those who are members of a channel at present.
pub async fn present(tx: &TenantTx, channel: ChannelId, users: &[&UserId]) -> Result<HashSet<String>> {
    let ids: Vec<&str> = users.iter().map(|user| user.as_str()).collect();
    let rows = channel_members::table
        .filter(channel_members::app_id.eq(tx.app()).and(channel_members::channel_id.eq(channel.0)))
        .filter(channel_members::user_id.eq_any(ids).and(channel_members::removed_at.is_null()))
        .select(channel_members::user_id)
        .load::<String>(&mut tx.conn()?)
        .await?;
    Ok(rows.into_iter().collect())
}

/// These users' rows in a channel, ended memberships included.
pub async fn rows(tx: &TenantTx, channel: ChannelId, user_ids: &[&str]) -> Result<Vec<MemberRow>> {
    Ok(with_users!()
        .filter(channel_members::app_id.eq(tx.app()).and(channel_members::channel_id.eq(channel.0)))
        .filter(channel_members::user_id.eq_any(user_ids))
        .order(channel_members::user_id)
        .load(&mut tx.conn()?)
        .await?)
}

/// A user's memberships in these channels.
pub async fn of_user(tx: &TenantTx, user: &UserId, channels: &[Uuid]) -> Result<Vec<MemberRow>> {
    Ok(with_users!()
        .filter(channel_members::app_id.eq(tx.app()).and(channel_members::user_id.eq(user.as_str())))
        .filter(channel_members::channel_id.eq_any(channels).and(channel_members::removed_at.is_null()))
        .load(&mut tx.conn()?)
        .await?)
}

/// A page of members by id.
pub async fn page(
    tx: &TenantTx,
    channel: ChannelId,
    after: Option<&str>,
    limit: i64,
) -> Result<Vec<MemberRow>> {
    let mut query = with_users!()
        .filter(channel_members::app_id.eq(tx.app()).and(channel_members::channel_id.eq(channel.0)))
        .filter(channel_members::removed_at.is_null())
        .order(channel_members::user_id)
        .limit(limit)
        .into_boxed();
    if let Some(after) = after {
        query = query.filter(channel_members::user_id.gt(after));
    }
    Ok(query.load(&mut tx.conn()?).await?)
}

/// The first `most` members of each channel by id, in one statement.
pub async fn first_of_each(tx: &TenantTx, channels: &[Uuid], most: i64) -> Result<Vec<MemberRow>> {
    Ok(prepared::<MemberColumns>(concat!(
        "SELECT ",
        member_columns!(),
        " FROM UNNEST(?) AS c (id) CROSS JOIN (SELECT ?::uuid AS app, ?::bigint AS most) v \
         CROSS JOIN LATERAL (SELECT * FROM channel_members WHERE app_id = v.app AND channel_id = c.id \
             AND removed_at IS NULL ORDER BY user_id LIMIT v.most) m \
         CROSS JOIN LATERAL (SELECT name, image, hides_reads, hides_deliveries FROM users \
             WHERE app_id = v.app AND id = m.user_id OFFSET 0) u \
         ORDER BY m.user_id"
    ))
    .bind::<Array<SqlUuid>, _>(channels.to_vec())
    .bind::<SqlUuid, _>(tx.app())
    .bind::<Int8, _>(most)
    .load(&mut tx.conn()?)
    .await?)
}

/// How many owners a channel has.
pub async fn owners(tx: &TenantTx, channel: ChannelId) -> Result<i64> {
    Ok(channel_members::table
        .filter(channel_members::app_id.eq(tx.app()).and(channel_members::channel_id.eq(channel.0)))
        .filter(channel_members::role.eq("owner").and(channel_members::removed_at.is_null()))
        .count()
        .get_result(&mut tx.conn()?)
        .await?)
}

/// How far a member has read, and from where on they may.
pub struct Reading {
    pub read: ReadState,
    pub history_from_seq: i64,
    /// Whether the user wants nobody to know.
    pub hidden: bool,
}

/// A member at present, holding its row. Rows are locked in one order everywhere: channel, users, members.
pub async fn lock(tx: &TenantTx, channel: ChannelId, user: &UserId) -> Result<Option<Reading>> {
    let hidden = users::table
        .find((tx.app(), user.as_str()))
        .select(users::hides_reads)
        .for_no_key_update()
        .first::<bool>(&mut tx.conn()?)
        .await
        .optional()?;
    let row = channel_members::table
        .filter(channel_members::app_id.eq(tx.app()).and(channel_members::channel_id.eq(channel.0)))
        .filter(channel_members::user_id.eq(user.as_str()).and(channel_members::removed_at.is_null()))
        .select((
            channel_members::read_seq,
            channel_members::read_ordinal,
            channel_members::read_at,
            channel_members::last_read_message_id,
            channel_members::history_from_seq,
        ))
        .for_no_key_update()
        .first::<(i64, i64, Option<DateTime<Utc>>, Option<Uuid>, i64)>(&mut tx.conn()?)
        .await
        .optional()?;
    Ok(row.map(|(read_seq, read_ordinal, read_at, message, history_from_seq)| Reading {
        read: ReadState { read_seq, read_ordinal, read_at, last_read_message_id: message.map(MessageId) },
        history_from_seq,
        hidden: hidden.unwrap_or(false),
    }))
}
