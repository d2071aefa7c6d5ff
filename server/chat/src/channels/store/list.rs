//! Lists of channels.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{
    Array, BigInt, Bool, Int8, Integer, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid,
};
use diesel_async::RunQueryDsl;
use parlor_platform::Result;
use parlor_platform::db::{TenantTx, prepared};
use parlor_platform::schema::channels;
use parlor_protocol::{ChannelId, ChannelType, UserId};
use uuid::Uuid;

use super::ChannelRow;

/// Where a list of channels goes on: after this activity, this id.
pub type Position = (DateTime<Utc>, Uuid);

/// The columns of [`ChannelRow`] in statements that are written by hand, of `channels c`.
macro_rules! channel_columns {
    () => {
        "c.id, c.type, c.cid, c.name, c.image, c.custom, c.config, c.created_by, c.seq, c.ordinal, c.member_count, \
         c.last_message_at, c.created_at, c.updated_at, c.tags, c.truncated_seq, c.truncated_ordinal"
    };
}

/// Their types.
type ChannelColumns = (
    SqlUuid,
    Text,
    Text,
    Nullable<Text>,
    Nullable<Text>,
    Jsonb,
    Jsonb,
    Nullable<Text>,
    Int8,
    Int8,
    Integer,
    Nullable<Timestamptz>,
    Timestamptz,
    Timestamptz,
    Array<Text>,
    Int8,
    Int8,
);

/// Which of a user's channels; what is `None` does not matter.
#[derive(Clone, Debug, Default)]
pub struct Which {
    pub kind: Option<ChannelType>,
    pub tag: Option<String>,
    pub pinned: Option<bool>,
    pub archived: Option<bool>,
    pub hidden: Option<bool>,
}

/// A user's channels, the most recently active first.
pub async fn page_of_user(
    tx: &TenantTx,
    user: &UserId,
    which: Which,
    after: Option<Position>,
    limit: i64,
) -> Result<Vec<ChannelRow>> {
    let (time, id) = after.unzip();
    Ok(prepared::<ChannelColumns>(concat!(
        "SELECT ",
        channel_columns!(),
        " FROM channel_members m JOIN channels c ON c.app_id = m.app_id AND c.id = m.channel_id \
         CROSS JOIN (SELECT ?::text AS tag) v \
         WHERE m.app_id = ? AND m.user_id = ? AND m.removed_at IS NULL AND c.deleted_at IS NULL \
           AND coalesce(c.type = ?, true) AND (v.tag IS NULL OR v.tag = ANY(c.tags)) \
           AND coalesce((m.pinned_at IS NOT NULL) = ?, true) AND coalesce((m.archived_at IS NOT NULL) = ?, true) \
           AND coalesce(coalesce(c.ordinal <= m.hidden_ordinal, false) = ?, true) \
           AND coalesce((coalesce(c.last_message_at, c.created_at), c.id) < (?, ?), true) \
         ORDER BY coalesce(c.last_message_at, c.created_at) DESC, c.id DESC LIMIT ?"
    ))
    .bind::<Nullable<Text>, _>(which.tag)
    .bind::<SqlUuid, _>(tx.app())
    .bind::<Text, _>(user.as_str())
    .bind::<Nullable<Text>, _>(which.kind.map(ChannelType::as_str))
    .bind::<Nullable<Bool>, _>(which.pinned)
    .bind::<Nullable<Bool>, _>(which.archived)
    .bind::<Nullable<Bool>, _>(which.hidden)
    .bind::<Nullable<Timestamptz>, _>(time)
    .bind::<Nullable<SqlUuid>, _>(id)
    .bind::<BigInt, _>(limit)
    .load(&mut tx.conn()?)
    .await?)
}

/// All channels of the app, newest first.
pub async fn page_of_app(
    tx: &TenantTx,
    kind: Option<ChannelType>,
    after: Option<Uuid>,
    limit: i64,
) -> Result<Vec<ChannelRow>> {
    let mut query = ChannelRow::query()
        .filter(channels::app_id.eq(tx.app()).and(channels::deleted_at.is_null()))
        .order(channels::id.desc())
        .limit(limit)
        .into_boxed();
    if let Some(kind) = kind {
        query = query.filter(channels::kind.eq(kind.as_str()));
    }
    if let Some(after) = after {
        query = query.filter(channels::id.lt(after));
    }
    Ok(query.load(&mut tx.conn()?).await?)
}

/// All channels of the app that have this tag, newest first.
pub async fn page_of_tag(
    tx: &TenantTx,
    tag: &str,
    kind: Option<ChannelType>,
    after: Option<Uuid>,
    limit: i64,
) -> Result<Vec<ChannelRow>> {
    Ok(prepared::<ChannelColumns>(concat!(
        "SELECT ",
        channel_columns!(),
        " FROM channel_tags t CROSS JOIN LATERAL (SELECT * FROM channels WHERE app_id = t.app_id AND id = t.channel_id \
             AND deleted_at IS NULL AND coalesce(type = ?, true) OFFSET 0) c \
         WHERE t.app_id = ? AND t.tag = ? AND t.channel_id < ? ORDER BY t.channel_id DESC LIMIT ?"
    ))
    .bind::<Nullable<Text>, _>(kind.map(ChannelType::as_str))
    .bind::<SqlUuid, _>(tx.app())
    .bind::<Text, _>(tag)
    .bind::<SqlUuid, _>(after.unwrap_or(Uuid::max()))
    .bind::<BigInt, _>(limit)
    .load(&mut tx.conn()?)
    .await?)
}

/// `(user, channel)` for the channels of these users that have others in them, and at most `max_members`.
pub async fn shared_by(tx: &TenantTx, users: &[&str], max_members: i32) -> Result<Vec<(String, ChannelId)>> {
    let rows = prepared::<(Text, SqlUuid)>(
        "SELECT u.id, c.id FROM UNNEST(?) AS u (id) \
         CROSS JOIN LATERAL (SELECT channel_id FROM channel_members WHERE app_id = ? AND user_id = u.id \
             AND removed_at IS NULL OFFSET 0) m \
         CROSS JOIN LATERAL (SELECT id FROM channels WHERE app_id = ? AND id = m.channel_id AND deleted_at IS NULL \
             AND type <> 'livestream' AND member_count BETWEEN 2 AND ? OFFSET 0) c",
    )
    .bind::<Array<Text>, _>(users.to_vec())
    .bind::<SqlUuid, _>(tx.app())
    .bind::<SqlUuid, _>(tx.app())
    .bind::<Integer, _>(max_members)
    .load::<(String, Uuid)>(&mut tx.conn()?)
    .await?;
    Ok(rows.into_iter().map(|(user, id)| (user, ChannelId(id))).collect())
}
