//! The queries of deletions.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Int2, Int8, Nullable, Text, Untyped, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use parlor_platform::db::{TenantTx, prepared};
use parlor_platform::schema::{channel_members, user_deletions, users};
use parlor_platform::{Error, Result};
use parlor_protocol::deletion::{DeletionMode, UserDeletion};
use parlor_protocol::{ChannelId, DeletionId, UserId};
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

const OWN: [&str; 8] = [
    "DELETE FROM user_messages WHERE (app_id, user_id, message_id) IN \
        (SELECT app_id, user_id, message_id FROM user_messages WHERE app_id = ? AND user_id = ? LIMIT 5000)",
    "DELETE FROM stars WHERE (app_id, user_id, message_id) IN \
        (SELECT app_id, user_id, message_id FROM stars WHERE app_id = ? AND user_id = ? LIMIT 5000)",
    "DELETE FROM drafts WHERE app_id = ? AND user_id = ?",
    "DELETE FROM pending_messages WHERE app_id = ? AND user_id = ?",
    "DELETE FROM due WHERE (app_id, kind, user_id, id) IN \
        (SELECT app_id, kind, user_id, id FROM due WHERE app_id = ? AND user_id = ? \
            AND kind IN ('scheduled_message', 'reminder') LIMIT 5000)",
    "DELETE FROM reminders WHERE (app_id, user_id, message_id) IN \
        (SELECT app_id, user_id, message_id FROM reminders WHERE app_id = ? AND user_id = ? LIMIT 5000)",
    "DELETE FROM access_code_tries WHERE app_id = ? AND user_id = ?",
    "UPDATE users SET image = NULL, custom = '{}', last_active_at = NULL, status_text = NULL, status_before = NULL, \
            status_expires_at = NULL \
        WHERE app_id = ? AND id = ? AND (image IS NOT NULL OR custom <> '{}' OR last_active_at IS NOT NULL \
            OR status_text IS NOT NULL OR status_before IS NOT NULL)",
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

/// One of the channels that the user is in.
pub async fn channel_of(tx: &TenantTx, user: &str) -> Result<Option<ChannelId>> {
    let id = channel_members::table
        .filter(channel_members::app_id.eq(tx.app()).and(channel_members::user_id.eq(user)))
        .filter(channel_members::removed_at.is_null())
        .order(channel_members::channel_id)
        .select(channel_members::channel_id)
        .first::<Uuid>(&mut tx.conn()?)
        .await
        .optional()?;
    Ok(id.map(ChannelId))
}

/// Forgets that the user was in a channel.
pub async fn forget_member(tx: &TenantTx, user: &str, channel: ChannelId) -> Result<()> {
    diesel::delete(channel_members::table.find((tx.app(), channel.0, user))).execute(&mut tx.conn()?).await?;
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
