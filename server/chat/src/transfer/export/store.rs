//! The queries of an export: pages, each after the last row of the one before.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Array, Int8, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use parlor_platform::db::{TenantTx, prepared};
use parlor_platform::schema::users;
use parlor_platform::{Error, Result};
use parlor_protocol::transfer::{ChannelLine, MemberLine, ReadLine, UserLine};
use parlor_protocol::{ChannelConfig, Custom, Role, UserId};
use serde_json::Value;
use uuid::Uuid;

use crate::channels::distinct_key;
use crate::channels::store::config;
use crate::transfer::lines::kind_of_cid;
use crate::users::store::{UserRow, custom, user_id};

/// A user with what they keep from others.
#[derive(HasQuery)]
#[diesel(table_name = users)]
struct Person {
    #[diesel(embed)]
    row: UserRow,
    hides_reads: bool,
    hides_deliveries: bool,
    hides_typing: bool,
}

fn user_line(person: Person) -> Result<UserLine> {
    let Person { row, hides_reads, hides_deliveries, hides_typing } = person;
    Ok(UserLine {
        id: user_id(row.id)?,
        name: row.name,
        image: row.image,
        custom: custom(row.custom),
        guest: row.guest,
        created_at: Some(row.created_at),
        deactivated_at: row.deactivated_at,
        hides_reads,
        hides_deliveries,
        hides_typing,
    })
}

/// Users by id.
pub async fn users(tx: &TenantTx, after: &str, limit: i64) -> Result<Vec<UserLine>> {
    let rows = Person::query()
        .filter(users::app_id.eq(tx.app()).and(users::id.gt(after)))
        .order(users::id)
        .limit(limit)
        .load(&mut tx.conn()?)
        .await?;
    rows.into_iter().map(user_line).collect()
}

/// One user.
pub async fn user(tx: &TenantTx, id: &UserId) -> Result<Option<UserLine>> {
    let row = Person::query()
        .filter(users::app_id.eq(tx.app()).and(users::id.eq(id.as_str())))
        .first(&mut tx.conn()?)
        .await
        .optional()?;
    row.map(user_line).transpose()
}

#[derive(Queryable)]
struct ChannelRow {
    id: Uuid,
    cid: String,
    distinct_key: Option<String>,
    name: Option<String>,
    image: Option<String>,
    custom: Value,
    config: Value,
    created_by: Option<String>,
    created_at: DateTime<Utc>,
    tags: Vec<String>,
    truncated_seq: i64,
    /// Who is or was a member of a distinct channel.
    people: Vec<String>,
}

/// Channels by cid, those that were deleted left out; each with the `seq` up to which its messages are gone.
pub async fn channels(tx: &TenantTx, after: &str, limit: i64) -> Result<Vec<(Uuid, i64, ChannelLine)>> {
    type Columns = (
        SqlUuid,
        Text,
        Nullable<Text>,
        Nullable<Text>,
        Nullable<Text>,
        Jsonb,
        Jsonb,
        Nullable<Text>,
        Timestamptz,
        Array<Text>,
        Int8,
        Array<Text>,
    );
    let rows = prepared::<Columns>(
        "SELECT c.id, c.cid, c.distinct_key, c.name, c.image, c.custom, c.config, c.created_by, c.created_at, c.tags, c.truncated_seq, \
             ARRAY(SELECT m.user_id FROM channel_members m WHERE c.distinct_key IS NOT NULL AND m.app_id = c.app_id \
                 AND m.channel_id = c.id ORDER BY m.user_id LIMIT 100) \
         FROM channels c WHERE c.app_id = ? AND c.cid > ? AND c.deleted_at IS NULL ORDER BY c.cid LIMIT ?",
    )
    .bind::<SqlUuid, _>(tx.app())
    .bind::<Text, _>(after)
    .bind::<Int8, _>(limit)
    .load::<ChannelRow>(&mut tx.conn()?)
    .await?;
    rows.into_iter()
        .map(|row| {
            let kind = kind_of_cid(&row.cid)?;
            let names = row.people.iter().map(String::as_str).collect();
            let distinct = row.distinct_key.is_some_and(|key| key == distinct_key(kind, names));
            let people = if distinct { row.people } else { Vec::new() };
            let line = ChannelLine {
                cid: row.cid,
                distinct: people.into_iter().map(user_id).collect::<Result<_>>()?,
                name: row.name,
                image: row.image,
                custom: custom(row.custom),
                tags: row.tags,
                config: config(&row.config)?,
                created_by: row.created_by.map(user_id).transpose()?,
                created_at: Some(row.created_at),
            };
            Ok((row.id, row.truncated_seq, line))
        })
        .collect()
}

/// A channel of which no more than the name is told.
pub fn only_named(cid: &str) -> ChannelLine {
    ChannelLine {
        cid: cid.to_owned(),
        distinct: Vec::new(),
        name: None,
        image: None,
        custom: Custom::default(),
        tags: Vec::new(),
        config: ChannelConfig::default(),
        created_by: None,
        created_at: None,
    }
}

/// The channels of a user, with the membership. Of the channel its name is told: the rest is not the user's.
pub async fn channels_of(tx: &TenantTx, user: &UserId) -> Result<Vec<(Uuid, ChannelLine, MemberLine)>> {
    let rows = prepared::<(SqlUuid, Text, Nullable<Text>, Text, Timestamptz)>(
        "SELECT c.id, c.cid, c.name, m.role, m.joined_at FROM channel_members m CROSS JOIN LATERAL \
             (SELECT id, cid, name FROM channels WHERE app_id = m.app_id AND id = m.channel_id AND deleted_at IS NULL \
                 OFFSET 0) c \
         WHERE m.app_id = ? AND m.user_id = ? AND m.removed_at IS NULL ORDER BY c.cid",
    )
    .bind::<SqlUuid, _>(tx.app())
    .bind::<Text, _>(user.as_str())
    .load::<(Uuid, String, Option<String>, String, DateTime<Utc>)>(&mut tx.conn()?)
    .await?;
    rows.into_iter()
        .map(|(id, cid, name, role, joined_at)| {
            let line = ChannelLine { name, ..only_named(&cid) };
            Ok((id, line, member_line(&cid, user.clone(), &role, joined_at)?))
        })
        .collect()
}

fn member_line(cid: &str, user_id: UserId, role: &str, joined_at: DateTime<Utc>) -> Result<MemberLine> {
    let role = Role::parse(role).ok_or_else(|| Error::internal("a stored role is unknown"))?;
    Ok(MemberLine { channel: cid.to_owned(), user_id, role, joined_at: Some(joined_at) })
}

/// Members of a channel by id.
pub async fn members(
    tx: &TenantTx,
    channel: Uuid,
    cid: &str,
    after: &str,
    limit: i64,
) -> Result<Vec<MemberLine>> {
    let rows = prepared::<(Text, Text, Timestamptz)>(
        "SELECT user_id, role, joined_at FROM channel_members WHERE app_id = ? AND channel_id = ? AND user_id > ? \
             AND removed_at IS NULL ORDER BY user_id LIMIT ?",
    )
    .bind::<SqlUuid, _>(tx.app())
    .bind::<SqlUuid, _>(channel)
    .bind::<Text, _>(after)
    .bind::<Int8, _>(limit)
    .load::<(String, String, DateTime<Utc>)>(&mut tx.conn()?)
    .await?;
    rows.into_iter().map(|(id, role, joined_at)| member_line(cid, user_id(id)?, &role, joined_at)).collect()
}

/// How far members have read, by id; of all, or of one. Without what is as an import takes it for anyway.
pub async fn reads(
    tx: &TenantTx,
    channel: Uuid,
    cid: &str,
    only: Option<&UserId>,
    after: &str,
    limit: i64,
) -> Result<Vec<ReadLine>> {
    let rows = prepared::<(Text, Nullable<SqlUuid>, Nullable<SqlUuid>, Timestamptz)>(
        "SELECT m.user_id, r.id, h.id, coalesce(m.read_at, m.joined_at) FROM channel_members m \
         CROSS JOIN LATERAL (SELECT truncated_seq FROM channels WHERE app_id = m.app_id AND id = m.channel_id OFFSET 0) c \
         LEFT JOIN LATERAL (SELECT id FROM messages WHERE app_id = m.app_id AND channel_id = m.channel_id \
             AND in_timeline AND NOT erased AND NOT shadowed AND seq > c.truncated_seq AND seq <= m.read_seq \
             ORDER BY seq DESC LIMIT 1) r ON true \
         LEFT JOIN LATERAL (SELECT id FROM messages WHERE app_id = m.app_id AND channel_id = m.channel_id \
             AND in_timeline AND NOT erased AND NOT shadowed AND seq > c.truncated_seq AND seq < m.history_from_seq \
             ORDER BY seq DESC LIMIT 1) h ON true \
         WHERE m.app_id = ? AND m.channel_id = ? AND m.user_id > ? AND (?::text IS NULL OR m.user_id = ?::text) \
             AND m.removed_at IS NULL ORDER BY m.user_id LIMIT ?",
    )
    .bind::<SqlUuid, _>(tx.app())
    .bind::<SqlUuid, _>(channel)
    .bind::<Text, _>(after)
    .bind::<Nullable<Text>, _>(only.map(|user| user.as_str()))
    .bind::<Nullable<Text>, _>(only.map(|user| user.as_str()))
    .bind::<Int8, _>(limit)
    .load::<(String, Option<Uuid>, Option<Uuid>, DateTime<Utc>)>(&mut tx.conn()?)
    .await?;
    let line = |(id, message, hidden, read_at): (String, Option<Uuid>, Option<Uuid>, _)| {
        Ok(ReadLine {
            channel: cid.to_owned(),
            user_id: user_id(id)?,
            message_id: message.map(|id| id.to_string()),
            hidden_up_to: hidden.map(|id| id.to_string()),
            read_at: Some(read_at),
        })
    };
    rows.into_iter().map(line).collect()
}
