//! The queries of deletions.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Array, Bool, Int2, Int8, Nullable, Text, Timestamptz, Untyped, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use parlor_platform::db::{TenantTx, prepared};
use parlor_platform::schema::{channel_members, user_deletions, users};
use parlor_platform::{Error, Result};
use parlor_protocol::deletion::{DeletionMode, UserDeletion};
use parlor_protocol::{DeletionId, UserId};
use uuid::Uuid;

use crate::users::store::user_id;

/// A row of the table.
#[derive(Clone, Debug, HasQuery)]
#[diesel(table_name = user_deletions)]
pub struct DeletionRow {
    pub id: Uuid,
    pub subject: Vec<u8>,
    pub user_id: Option<String>,
    pub mode: String,
    pub requested_by: Option<String>,
    pub ghost_id: Option<String>,
    pub phase: i16,
    pub after: Option<Uuid>,
    pub messages: i64,
    pub created_at: DateTime<Utc>,
    pub finished_at: Option<DateTime<Utc>>,
}

impl DeletionRow {
    /// How, which the table checks.
    pub fn mode(&self) -> Result<DeletionMode> {
        DeletionMode::parse(&self.mode)
            .ok_or_else(|| Error::internal("a stored mode of a deletion is unknown"))
    }

    /// As it stands on the wire.
    pub fn into_deletion(self) -> Result<UserDeletion> {
        Ok(UserDeletion {
            id: self.id.into(),
            mode: self.mode()?,
            subject: self.subject.iter().map(|byte| format!("{byte:02x}")).collect(),
            requested_by: self.requested_by,
            ghost_id: self.ghost_id.map(user_id).transpose()?,
            messages: self.messages,
            created_at: self.created_at,
            finished_at: self.finished_at,
        })
    }
}

/// One deletion.
pub async fn find(tx: &TenantTx, id: DeletionId) -> Result<Option<DeletionRow>> {
    Ok(DeletionRow::query()
        .filter(user_deletions::app_id.eq(tx.app()).and(user_deletions::id.eq(id.0)))
        .first(&mut tx.conn()?)
        .await
        .optional()?)
}

/// The same, if it has work left, holding its row.
pub async fn lock(tx: &TenantTx, id: DeletionId) -> Result<Option<DeletionRow>> {
    Ok(DeletionRow::query()
        .filter(user_deletions::app_id.eq(tx.app()).and(user_deletions::id.eq(id.0)))
        .filter(user_deletions::finished_at.is_null())
        .for_no_key_update()
        .first(&mut tx.conn()?)
        .await
        .optional()?)
}

/// The last deletion of a user.
pub async fn last(tx: &TenantTx, user: &UserId) -> Result<Option<DeletionRow>> {
    Ok(DeletionRow::query()
        .filter(user_deletions::app_id.eq(tx.app()))
        .filter(user_deletions::subject.eq(super::subject(tx.app_id(), user)))
        .order((user_deletions::created_at.desc(), user_deletions::id.desc()))
        .first(&mut tx.conn()?)
        .await
        .optional()?)
}

/// Whether one of these users is being deleted.
pub async fn is_open(tx: &TenantTx, users: &[&str]) -> Result<bool> {
    let open = user_deletions::table
        .filter(user_deletions::app_id.eq(tx.app()).and(user_deletions::user_id.eq_any(users)))
        .select(user_deletions::id)
        .first::<Uuid>(&mut tx.conn()?)
        .await
        .optional()?;
    Ok(open.is_some())
}

/// A new deletion; one that leaves everything as it is, is over.
pub async fn insert(
    tx: &TenantTx,
    id: DeletionId,
    user: &UserId,
    mode: DeletionMode,
    requested_by: Option<&str>,
    ghost: Option<&UserId>,
    now: DateTime<Utc>,
) -> Result<()> {
    diesel::insert_into(user_deletions::table)
        .values((
            user_deletions::app_id.eq(tx.app()),
            user_deletions::id.eq(id.0),
            user_deletions::subject.eq(super::subject(tx.app_id(), user)),
            user_deletions::user_id.eq(ghost.map(|_| user.as_str())),
            user_deletions::mode.eq(mode.as_str()),
            user_deletions::requested_by.eq(requested_by),
            user_deletions::ghost_id.eq(ghost.map(UserId::as_str)),
            user_deletions::created_at.eq(now),
            user_deletions::finished_at.eq(ghost.is_none().then_some(now)),
        ))
        .execute(&mut tx.conn()?)
        .await?;
    Ok(())
}

/// The nameless user.
pub async fn insert_ghost(tx: &TenantTx, id: &UserId, now: DateTime<Utc>) -> Result<()> {
    diesel::insert_into(users::table)
        .values((
            users::app_id.eq(tx.app()),
            users::id.eq(id.as_str()),
            users::created_at.eq(now),
            users::updated_at.eq(now),
            users::deactivated_at.eq(now),
        ))
        .execute(&mut tx.conn()?)
        .await?;
    Ok(())
}

/// Writes where the work goes on.
pub async fn advance(tx: &TenantTx, id: Uuid, phase: i16, after: Option<Uuid>, messages: i64) -> Result<()> {
    prepared::<Untyped>(
        "UPDATE user_deletions SET phase = ?, after = ?, messages = messages + ? WHERE app_id = ? AND id = ?",
    )
    .bind::<Int2, _>(phase)
    .bind::<Nullable<SqlUuid>, _>(after)
    .bind::<Int8, _>(messages)
    .bind::<SqlUuid, _>(tx.app())
    .bind::<SqlUuid, _>(id)
    .execute(&mut tx.conn()?)
    .await?;
    Ok(())
}

const OWN: [&str; 6] = [
    "DELETE FROM user_messages WHERE (app_id, user_id, message_id) IN \
        (SELECT app_id, user_id, message_id FROM user_messages WHERE app_id = ? AND user_id = ? LIMIT 5000)",
    "DELETE FROM drafts WHERE app_id = ? AND user_id = ?",
    "DELETE FROM due WHERE (app_id, kind, user_id, id) IN \
        (SELECT app_id, kind, user_id, id FROM due WHERE app_id = ? AND user_id = ? \
            AND kind IN ('scheduled_message', 'reminder') LIMIT 5000)",
    "DELETE FROM reminders WHERE (app_id, user_id, message_id) IN \
        (SELECT app_id, user_id, message_id FROM reminders WHERE app_id = ? AND user_id = ? LIMIT 5000)",
    "DELETE FROM access_code_tries WHERE app_id = ? AND user_id = ?",
    "UPDATE users SET image = NULL, custom = '{}', last_active_at = NULL WHERE app_id = ? AND id = ? \
        AND (image IS NOT NULL OR custom <> '{}' OR last_active_at IS NOT NULL)",
];

/// Forgets some of what belongs to the user alone; gives how many rows.
pub async fn forget_own(tx: &TenantTx, user: &str) -> Result<usize> {
    let mut rows = 0;
    for sql in OWN {
        rows += prepared::<Untyped>(sql)
            .bind::<SqlUuid, _>(tx.app())
            .bind::<Text, _>(user)
            .execute(&mut tx.conn()?)
            .await?;
    }
    Ok(rows)
}

/// Some of the channels that the user is in.
pub async fn channels_of(tx: &TenantTx, user: &str, limit: i64) -> Result<Vec<Uuid>> {
    Ok(channel_members::table
        .filter(channel_members::app_id.eq(tx.app()).and(channel_members::user_id.eq(user)))
        .filter(channel_members::removed_at.is_null())
        .order(channel_members::channel_id)
        .limit(limit)
        .select(channel_members::channel_id)
        .load(&mut tx.conn()?)
        .await?)
}

/// Forgets that the user was in these channels.
pub async fn forget_members(tx: &TenantTx, user: &str, channels: &[Uuid]) -> Result<()> {
    diesel::delete(channel_members::table)
        .filter(channel_members::app_id.eq(tx.app()).and(channel_members::channel_id.eq_any(channels)))
        .filter(channel_members::user_id.eq(user))
        .execute(&mut tx.conn()?)
        .await?;
    Ok(())
}

/// A message that was looked at: whether the user wrote it, whether it names the user, and its channel.
pub type Looked = (Uuid, bool, bool, Uuid);

/// The next messages of the app, by id.
pub async fn look(tx: &TenantTx, user: &str, after: Uuid, limit: i64) -> Result<Vec<Looked>> {
    Ok(prepared::<(SqlUuid, Bool, Bool, SqlUuid)>(
        "SELECT m.id, m.user_id = v.who, coalesce(v.who = ANY(m.mentions), false) OR coalesce(v.who = ANY(m.participants), false) \
             OR coalesce(m.quoted #>> '{user,id}' = v.who, false) \
             OR coalesce(m.forwarded_from #>> '{user,id}' = v.who, false) \
             OR coalesce(m.pinned ->> 'by' = v.who, false) \
             OR coalesce(m.poll -> 'options' @> jsonb_build_array(jsonb_build_object('suggested_by', v.who)), false), \
             m.channel_id \
         FROM (SELECT ?::text AS who) v, (SELECT * FROM messages WHERE app_id = ? AND id > ? ORDER BY id LIMIT ?) m \
         ORDER BY m.id",
    )
    .bind::<Text, _>(user)
    .bind::<SqlUuid, _>(tx.app())
    .bind::<SqlUuid, _>(after)
    .bind::<Int8, _>(limit)
    .load(&mut tx.conn()?)
    .await?)
}

/// What stands for the user from now on, and how texts name them: a pattern, empty for none.
pub struct Replacement<'a> {
    pub user: &'a str,
    pub ghost: &'a str,
    pub named: &'a str,
}

/// Puts the nameless user in the user's place in these messages, each with the `seq` of its change.
pub async fn rename(tx: &TenantTx, by: &Replacement<'_>, messages: &[(Uuid, i64)]) -> Result<()> {
    prepared::<Untyped>(
        "MERGE INTO messages m USING (SELECT v.*, r.*, jsonb_build_object('id', v.ghost, 'name', NULL, 'image', NULL) AS shown \
             FROM (SELECT ?::uuid AS app, ?::text AS who, ?::text AS ghost, ?::text AS named) v, UNNEST(?, ?) AS r (id, seq)) v \
         ON m.app_id = v.app AND m.id = v.id \
         WHEN MATCHED THEN UPDATE SET updated_seq = v.seq, \
             user_id = CASE WHEN m.user_id = v.who THEN v.ghost ELSE m.user_id END, \
             text = CASE WHEN v.named <> '' AND v.who = ANY(m.mentions) \
                 THEN regexp_replace(m.text, v.named, '@deleted', 'g') ELSE m.text END, \
             mentions = CASE WHEN v.who = ANY(m.mentions) THEN nullif(array_remove(m.mentions, v.who), '{}') \
                 ELSE m.mentions END, \
             participants = array_replace(m.participants, v.who, v.ghost), \
             quoted = CASE WHEN m.quoted #>> '{user,id}' = v.who THEN jsonb_set(m.quoted, '{user}', v.shown) ELSE m.quoted END, \
             forwarded_from = CASE WHEN m.forwarded_from #>> '{user,id}' = v.who \
                 THEN jsonb_set(m.forwarded_from, '{user}', v.shown) ELSE m.forwarded_from END, \
             pinned = CASE WHEN m.pinned ->> 'by' = v.who THEN jsonb_set(m.pinned, '{by}', 'null') ELSE m.pinned END, \
             poll = CASE WHEN m.poll IS NULL THEN NULL ELSE jsonb_set(m.poll, '{options}', (SELECT jsonb_agg( \
                 CASE WHEN o.option ->> 'suggested_by' = v.who THEN jsonb_set(o.option, '{suggested_by}', 'null') \
                     ELSE o.option END ORDER BY o.place) \
                 FROM jsonb_array_elements(m.poll -> 'options') WITH ORDINALITY AS o (option, place))) END \
         WHEN NOT MATCHED AND false THEN INSERT DEFAULT VALUES",
    )
    .bind::<SqlUuid, _>(tx.app())
    .bind::<Text, _>(by.user)
    .bind::<Text, _>(by.ghost)
    .bind::<Text, _>(by.named)
    .bind::<Array<SqlUuid>, _>(messages.iter().map(|(id, _)| *id).collect::<Vec<_>>())
    .bind::<Array<Int8>, _>(messages.iter().map(|(_, seq)| *seq).collect::<Vec<_>>())
    .execute(&mut tx.conn()?)
    .await?;
    Ok(())
}

/// Erases messages of channels that were deleted, where nobody is to be told.
pub async fn erase_unseen(tx: &TenantTx, messages: &[Uuid], now: DateTime<Utc>) -> Result<()> {
    prepared::<Untyped>(
        "UPDATE messages SET text = '', attachments = NULL, mentions = NULL, custom = NULL, reactions = NULL, \
             pinned = NULL, poll = NULL, quoted = NULL, forwarded_from = NULL, deleted_at = ?, erased = true \
         WHERE app_id = ? AND id = ANY(?)",
    )
    .bind::<Timestamptz, _>(now)
    .bind::<SqlUuid, _>(tx.app())
    .bind::<Array<SqlUuid>, _>(messages.to_vec())
    .execute(&mut tx.conn()?)
    .await?;
    Ok(())
}

/// Whether there is a message of the user's.
pub async fn has_messages(tx: &TenantTx, user: &str) -> Result<bool> {
    let rows = prepared::<SqlUuid>("SELECT id FROM messages WHERE app_id = ? AND user_id = ? LIMIT 1")
        .bind::<SqlUuid, _>(tx.app())
        .bind::<Text, _>(user)
        .load::<Uuid>(&mut tx.conn()?)
        .await?;
    Ok(!rows.is_empty())
}

/// Tables that refer to users, and what becomes of their rows: it goes (`DELETE`), it names nobody, or it is the ghost's.
/// Messages are done before; what stands under `OWN` again may have come since.
const GONE: [&str; 7] = [
    "DELETE FROM user_messages WHERE app_id = ? AND user_id = ?",
    "DELETE FROM drafts WHERE app_id = ? AND user_id = ?",
    "DELETE FROM scheduled_messages WHERE app_id = ? AND user_id = ?",
    "DELETE FROM reminders WHERE app_id = ? AND user_id = ?",
    "DELETE FROM access_code_tries WHERE app_id = ? AND user_id = ?",
    "DELETE FROM channel_members WHERE app_id = ? AND user_id = ?",
    "DELETE FROM channel_invites WHERE app_id = ? AND user_id = ?",
];
const NAMELESS: [&str; 4] = [
    "UPDATE channels SET created_by = NULL WHERE app_id = ? AND created_by = ?",
    "UPDATE channel_invites SET invited_by = NULL WHERE app_id = ? AND invited_by = ?",
    "UPDATE tasks SET assignee_id = NULL WHERE app_id = ? AND assignee_id = ?",
    "UPDATE tasks SET created_by = NULL WHERE app_id = ? AND created_by = ?",
];
const GHOSTED: [&str; 3] = [
    "UPDATE thread_members SET user_id = ?, following = false WHERE app_id = ? AND user_id = ?",
    "UPDATE reactions SET user_id = ? WHERE app_id = ? AND user_id = ?",
    "UPDATE poll_votes SET user_id = ? WHERE app_id = ? AND user_id = ?",
];

/// Takes the user out of everything else, and then the user. Looks at all of the app's rows, so it may take long.
pub async fn forget(tx: &TenantTx, user: &str, ghost: &str) -> Result<()> {
    for sql in GONE.into_iter().chain(NAMELESS) {
        prepared::<Untyped>(sql)
            .bind::<SqlUuid, _>(tx.app())
            .bind::<Text, _>(user)
            .execute(&mut tx.conn()?)
            .await?;
    }
    for sql in GHOSTED {
        prepared::<Untyped>(sql)
            .bind::<Text, _>(ghost)
            .bind::<SqlUuid, _>(tx.app())
            .bind::<Text, _>(user)
            .execute(&mut tx.conn()?)
            .await?;
    }
    diesel::delete(users::table.find((tx.app(), user))).execute(&mut tx.conn()?).await?;
    Ok(())
}

/// Nothing is left of the user.
pub async fn end(tx: &TenantTx, id: Uuid, now: DateTime<Utc>) -> Result<()> {
    diesel::update(user_deletions::table.find((tx.app(), id)))
        .set((user_deletions::user_id.eq(None::<String>), user_deletions::finished_at.eq(now)))
        .execute(&mut tx.conn()?)
        .await?;
    Ok(())
}
