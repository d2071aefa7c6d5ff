//! The queries of search.

use chrono::{DateTime, Utc};
use diesel::sql_types::{
    Array, BigInt, Bool, Float4, Int8, Nullable, Text, Timestamptz, Untyped, Uuid as SqlUuid,
};
use diesel_async::{RunQueryDsl, SimpleAsyncConnection};
use parlor_platform::Result;
use parlor_platform::db::{TenantTx, prepared};
use parlor_platform::schema::Tsvector;
use parlor_protocol::UserId;
use uuid::Uuid;

use super::vector::Vector;

/// What of a message is indexed.
#[derive(diesel::Queryable)]
pub struct Source {
    pub id: Uuid,
    pub channel: Uuid,
    pub author: String,
    pub text: String,
    /// The `type` of each attachment.
    pub attachments: Vec<String>,
    pub mentions: Vec<String>,
    pub created_at: DateTime<Utc>,
    pub seq: i64,
    pub updated_seq: i64,
    /// Whether it is to be found at all.
    pub searchable: bool,
}

/// Messages as they are now.
pub async fn sources(tx: &TenantTx, ids: &[Uuid]) -> Result<Vec<Source>> {
    Ok(prepared::<(SqlUuid, SqlUuid, Text, Text, Array<Text>, Array<Text>, Timestamptz, Int8, Int8, Bool)>(
        "SELECT m.id, m.channel_id, m.user_id, m.text, \
             CASE WHEN m.attachments IS NULL THEN '{}' ELSE ARRAY(SELECT DISTINCT a ->> 'type' \
                 FROM jsonb_array_elements(m.attachments) a WHERE a ->> 'type' IS NOT NULL) END, \
             coalesce(m.mentions, '{}'), m.created_at, m.seq, m.updated_seq, m.deleted_at IS NULL AND NOT m.shadowed \
         FROM UNNEST(?) AS n (id) CROSS JOIN LATERAL (SELECT * FROM messages WHERE app_id = ? AND id = n.id OFFSET 0) m",
    )
    .bind::<Array<SqlUuid>, _>(ids.to_vec())
    .bind::<SqlUuid, _>(tx.app())
    .load(&mut tx.conn()?)
    .await?)
}

/// A row of the index.
pub struct Entry {
    pub message: Uuid,
    pub channel: Uuid,
    pub created_at: DateTime<Utc>,
    pub seq: i64,
    pub updated_seq: i64,
    /// `None` for what is not to be found.
    pub words: Option<Vector>,
}

/// Before very many rows are written: four times as many as else are sorted into the index together. Until then each search
/// looks through them, a millisecond for each megabyte.
pub async fn begin_many(tx: &TenantTx) -> Result<()> {
    tx.conn()?.batch_execute("SET LOCAL gin_pending_list_limit = 16384; SET LOCAL work_mem = '64MB'").await?;
    Ok(())
}

/// Writes rows, in the order of their messages' ids; an older state never replaces a newer one.
pub async fn write(tx: &TenantTx, entries: &[Entry]) -> Result<()> {
    prepared::<Untyped>(
        "INSERT INTO message_search (app_id, message_id, channel_id, created_at, seq, updated_seq, words) \
         SELECT ?, e.message, e.channel, e.created_at, e.seq, e.updated_seq, e.words \
         FROM UNNEST(?, ?, ?, ?, ?, ?) AS e (message, channel, created_at, seq, updated_seq, words) ORDER BY e.message \
         ON CONFLICT (app_id, message_id) DO UPDATE SET updated_seq = excluded.updated_seq, words = excluded.words \
             WHERE message_search.updated_seq < excluded.updated_seq",
    )
    .bind::<SqlUuid, _>(tx.app())
    .bind::<Array<SqlUuid>, _>(entries.iter().map(|entry| entry.message).collect::<Vec<_>>())
    .bind::<Array<SqlUuid>, _>(entries.iter().map(|entry| entry.channel).collect::<Vec<_>>())
    .bind::<Array<Timestamptz>, _>(entries.iter().map(|entry| entry.created_at).collect::<Vec<_>>())
    .bind::<Array<Int8>, _>(entries.iter().map(|entry| entry.seq).collect::<Vec<_>>())
    .bind::<Array<Int8>, _>(entries.iter().map(|entry| entry.updated_seq).collect::<Vec<_>>())
    .bind::<Array<Nullable<Tsvector>>, _>(entries.iter().map(|entry| entry.words.as_ref()).collect::<Vec<_>>())
    .execute(&mut tx.conn()?)
    .await?;
    Ok(())
}

/// A place in the list of finds, which is newest first.
pub type Place = (DateTime<Utc>, Uuid);

/// A channel to search, and the first `seq` there that the reader may read.
pub type Part = (Uuid, i64);

/// What is looked for, where, and for whom.
#[derive(Clone, Copy)]
pub struct Looked<'a> {
    /// A `tsquery`.
    pub asked: &'a str,
    /// `None` is everywhere.
    pub channels: Option<&'a [Part]>,
    /// `None` is the customer's server, which reads all.
    pub reader: Option<&'a UserId>,
}

/// The newest finds before a place that the reader may read, with their places.
pub async fn find(
    tx: &TenantTx,
    looked: &Looked<'_>,
    before: Place,
    since: DateTime<Utc>,
    limit: i64,
) -> Result<Vec<Place>> {
    let Looked { asked, channels, reader } = *looked;
    let ids = channels.map(|channels| channels.iter().map(|(id, _)| *id).collect::<Vec<_>>());
    let limited = channels.unwrap_or_default().iter().filter(|(_, first)| *first > 0).copied();
    let (limited, first): (Vec<Uuid>, Vec<i64>) = limited.unzip();
    Ok(prepared::<(Timestamptz, SqlUuid)>(
        "SELECT created_at, message_id FROM parlor_search_messages(?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind::<Text, _>(asked)
    .bind::<Nullable<Array<SqlUuid>>, _>(ids)
    .bind::<Timestamptz, _>(before.0)
    .bind::<SqlUuid, _>(before.1)
    .bind::<Timestamptz, _>(since)
    .bind::<BigInt, _>(limit)
    .bind::<Array<SqlUuid>, _>(limited)
    .bind::<Array<Int8>, _>(first)
    .bind::<Nullable<Text>, _>(reader.map(|reader| reader.as_str().to_owned()))
    .load(&mut tx.conn()?)
    .await?)
}

/// Channels that a user may search.
pub async fn channels_of(tx: &TenantTx, user: &str) -> Result<Vec<Part>> {
    Ok(prepared::<(SqlUuid, Int8)>(
        "SELECT c.id, greatest(m.history_from_seq, nullif(c.truncated_seq, 0) + 1) FROM channel_members m \
         CROSS JOIN LATERAL (SELECT id, truncated_seq FROM channels c WHERE c.app_id = m.app_id \
             AND c.id = m.channel_id AND c.deleted_at IS NULL OFFSET 0) c \
         WHERE m.app_id = ? AND m.user_id = ? AND m.removed_at IS NULL",
    )
    .bind::<SqlUuid, _>(tx.app())
    .bind::<Text, _>(user)
    .load(&mut tx.conn()?)
    .await?)
}

/// Ids of users whose name is like what was typed, the likest first, after a place.
pub async fn users_like(
    tx: &TenantTx,
    typed: &str,
    after: (f32, &str),
    limit: i64,
) -> Result<Vec<(String, f32)>> {
    Ok(prepared::<(Text, Float4)>("SELECT id, likeness FROM parlor_search_users(?, ?, ?, ?, ?)")
        .bind::<Text, _>(typed)
        .bind::<Text, _>(typed.to_lowercase())
        .bind::<Float4, _>(after.0)
        .bind::<Text, _>(after.1)
        .bind::<BigInt, _>(limit)
        .load(&mut tx.conn()?)
        .await?)
}
