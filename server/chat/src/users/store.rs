//! The queries of users.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{
    Array, Binary, Bool, Int8, Jsonb, Nullable, Text, Timestamptz, Untyped, Uuid as SqlUuid,
};
use diesel_async::RunQueryDsl;
use parlor_platform::db::{TenantTx, prepared};
use parlor_platform::schema::users;
use parlor_platform::{Error, Result};
use parlor_protocol::user::{UpsertUser, UserSettings};
use parlor_protocol::{Custom, ErrorCode, Patch, User, UserId, UserRef};

use crate::erasure::subject;
use crate::presence::state::PresenceRow;

/// A row of the table.
#[derive(Clone, HasQuery)]
#[diesel(table_name = users)]
pub struct UserRow {
    pub id: String,
    pub name: Option<String>,
    pub image: Option<String>,
    pub custom: serde_json::Value,
    pub guest: bool,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    pub deactivated_at: Option<DateTime<Utc>>,
    pub last_active_at: Option<DateTime<Utc>>,
    #[diesel(embed)]
    pub presence: PresenceRow,
}

impl UserRow {
    /// As the user sees it; everybody else gets it as [`User::try_from`] says.
    pub fn into_own(self) -> Result<User> {
        let (presence, last_active_at) = (self.presence.own(), self.last_active_at);
        Ok(User { presence, last_active_at, ..User::try_from(self)? })
    }

    /// As this reader sees it.
    pub fn seen_by(self, reader: Option<&UserId>) -> Result<User> {
        if reader.is_some_and(|reader| reader.as_str() == self.id) {
            self.into_own()
        } else {
            self.try_into()
        }
    }
}

impl TryFrom<UserRow> for User {
    type Error = Error;

    fn try_from(row: UserRow) -> Result<Self> {
        let (presence, last_active_at) = (row.presence.shown(), row.presence.hides_after(row.last_active_at));
        Ok(Self {
            id: user_id(row.id)?,
            name: row.name,
            image: row.image,
            custom: custom(row.custom),
            guest: row.guest,
            created_at: row.created_at,
            updated_at: row.updated_at,
            deactivated_at: row.deactivated_at,
            last_active_at,
            presence,
        })
    }
}

/// An id that was checked when it was stored.
pub fn user_id(text: String) -> Result<UserId> {
    UserId::new(text).map_err(Error::internal)
}

/// A stored JSON object.
pub fn custom(value: serde_json::Value) -> Custom {
    match value {
        serde_json::Value::Object(fields) => Custom(fields),
        _ => Custom::default(),
    }
}

/// One user.
pub async fn find(tx: &TenantTx, id: &UserId) -> Result<Option<UserRow>> {
    Ok(UserRow::query()
        .filter(users::app_id.eq(tx.app()).and(users::id.eq(id.as_str())))
        .first(&mut tx.conn()?)
        .await
        .optional()?)
}

/// Of these users, those that are registered and active.
pub async fn active(tx: &TenantTx, ids: &[&str]) -> Result<Vec<UserRef>> {
    let rows = users::table
        .filter(users::app_id.eq(tx.app()).and(users::id.eq_any(ids)).and(users::deactivated_at.is_null()))
        .select((users::id, users::name, users::image))
        .load(&mut tx.conn()?)
        .await?;
    rows.into_iter().map(user_ref).collect()
}

/// What is shown of a user, active or not.
pub async fn shown(tx: &TenantTx, id: &UserId) -> Result<Option<UserRef>> {
    let row = users::table
        .find((tx.app(), id.as_str()))
        .select((users::id, users::name, users::image))
        .first(&mut tx.conn()?)
        .await
        .optional()?;
    row.map(user_ref).transpose()
}

fn user_ref((id, name, image): (String, Option<String>, Option<String>)) -> Result<UserRef> {
    Ok(UserRef { id: user_id(id)?, name, image })
}

/// Which users a list has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    All,
    /// Those who are not deactivated.
    Active,
}

/// A page by id, of those whose name or id begins with `prefix`.
pub async fn page(
    tx: &TenantTx,
    which: Which,
    prefix: Option<&str>,
    after: Option<&str>,
    limit: i64,
) -> Result<Vec<UserRow>> {
    let mut query =
        UserRow::query().filter(users::app_id.eq(tx.app())).order(users::id).limit(limit).into_boxed();
    if let Some(prefix) = prefix {
        let name = prefix.to_lowercase();
        let (name_end, id_end) = (after_prefix(&name), after_prefix(prefix));
        // Ranges instead of LIKE: comparison is leakproof, so that the index serves it under row security.
        let by_name = users::search_name.ge(name).and(users::search_name.lt(name_end));
        let by_id = users::id.ge(prefix.to_owned()).and(users::id.lt(id_end));
        query = query.filter(by_name.or(by_id));
    }
    if which == Which::Active {
        query = query.filter(users::deactivated_at.is_null());
    }
    if let Some(after) = after {
        query = query.filter(users::id.gt(after));
    }
    Ok(query.load(&mut tx.conn()?).await?)
}

/// Of these users, those who are this one, or share a channel with them.
pub async fn known_to(tx: &TenantTx, user: &UserId, ids: &[&str]) -> Result<HashSet<String>> {
    let rows = prepared::<Text>(
        "SELECT u.id FROM (SELECT ?::uuid AS app, ?::text AS reader) v CROSS JOIN UNNEST(?) AS u (id) \
         WHERE u.id = v.reader OR (SELECT true FROM channel_members m \
             CROSS JOIN LATERAL (SELECT FROM channel_members WHERE app_id = m.app_id AND channel_id = m.channel_id \
                 AND user_id = u.id AND removed_at IS NULL OFFSET 0) o \
             CROSS JOIN LATERAL (SELECT FROM channels WHERE app_id = m.app_id AND id = m.channel_id \
                 AND deleted_at IS NULL OFFSET 0) c \
             WHERE m.app_id = v.app AND m.user_id = v.reader AND m.removed_at IS NULL LIMIT 1)",
    )
    .bind::<SqlUuid, _>(tx.app())
    .bind::<Text, _>(user.as_str())
    .bind::<Array<Text>, _>(ids.to_vec())
    .load::<String>(&mut tx.conn()?)
    .await?;
    Ok(rows.into_iter().collect())
}

/// A page by id of those who did something since then.
pub async fn seen_since(
    tx: &TenantTx,
    since: DateTime<Utc>,
    after: Option<&UserId>,
    limit: i64,
) -> Result<Vec<UserId>> {
    let mut query = users::table
        .filter(users::app_id.eq(tx.app()).and(users::last_active_at.ge(since)))
        .order(users::id)
        .limit(limit)
        .select(users::id)
        .into_boxed();
    if let Some(after) = after {
        query = query.filter(users::id.gt(after.as_str()));
    }
    query.load::<String>(&mut tx.conn()?).await?.into_iter().map(user_id).collect()
}

/// A text after all that begin with `prefix`, in byte order.
fn after_prefix(prefix: &str) -> String {
    format!("{prefix}\u{10FFFF}")
}

/// Of these users, those that are registered, in the order of their ids.
pub async fn of(tx: &TenantTx, ids: &[&str]) -> Result<Vec<UserRow>> {
    Ok(UserRow::query()
        .filter(users::app_id.eq(tx.app()).and(users::id.eq_any(ids)))
        .order(users::id)
        .load(&mut tx.conn()?)
        .await?)
}

/// The same, holding their rows, in the order of their ids, so that two batches can't wait for each other.
pub async fn lock(tx: &TenantTx, ids: &[&str]) -> Result<Vec<UserRow>> {
    Ok(UserRow::query()
        .filter(users::app_id.eq(tx.app()).and(users::id.eq_any(ids)))
        .order(users::id)
        .for_no_key_update()
        .load(&mut tx.conn()?)
        .await?)
}

/// Registers those who are not registered yet; the others stay as they are.
pub async fn insert(tx: &TenantTx, rows: &[UpsertUser], guest: bool, now: DateTime<Utc>) -> Result<()> {
    // In the order of ids, so that two batches can't wait for each other.
    let mut rows: Vec<&UpsertUser> = rows.iter().collect();
    rows.sort_by(|one, other| one.id.cmp(&other.id));
    let json =
        |custom: &Patch<Custom>| custom.value().map(|custom| serde_json::Value::Object(custom.0.clone()));
    prepared::<Untyped>(
        "INSERT INTO users (app_id, id, name, image, custom, guest, created_at, updated_at, revoked_before) \
         SELECT v.app, r.id, r.name, r.image, coalesce(r.custom, '{}'), v.guest, v.now, v.now, \
             (SELECT max(d.finished_at) FROM user_deletions d WHERE d.app_id = v.app AND d.subject = r.subject) \
         FROM (SELECT ? AS app, ? AS guest, ? AS now) v, UNNEST(?, ?, ?, ?, ?) AS r (id, name, image, custom, subject) \
         ON CONFLICT (app_id, id) DO NOTHING",
    )
    .bind::<SqlUuid, _>(tx.app())
    .bind::<Bool, _>(guest)
    .bind::<Timestamptz, _>(now)
    .bind::<Array<Text>, _>(rows.iter().map(|row| row.id.as_str()).collect::<Vec<_>>())
    .bind::<Array<Nullable<Text>>, _>(rows.iter().map(|row| row.name.value()).collect::<Vec<_>>())
    .bind::<Array<Nullable<Text>>, _>(rows.iter().map(|row| row.image.value()).collect::<Vec<_>>())
    .bind::<Array<Nullable<Jsonb>>, _>(rows.iter().map(|row| json(&row.custom)).collect::<Vec<_>>())
    // Tokens of who had this id before, and was deleted, are not theirs.
    .bind::<Array<Binary>, _>(rows.iter().map(|row| subject(tx.app_id(), &row.id)).collect::<Vec<_>>())
    .execute(&mut tx.conn()?)
    .await?;
    Ok(())
}

/// Writes name, image and custom data of these users, whose rows the caller holds.
pub async fn write_profiles(tx: &TenantTx, rows: &[UserRow]) -> Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    prepared::<Untyped>(
        "MERGE INTO users u USING (SELECT ? AS app, r.* \
             FROM UNNEST(?, ?, ?, ?, ?) AS r (id, name, image, custom, updated_at)) r \
         ON u.app_id = r.app AND u.id = r.id \
         WHEN MATCHED THEN UPDATE SET name = r.name, image = r.image, custom = r.custom, updated_at = r.updated_at \
         WHEN NOT MATCHED AND false THEN INSERT DEFAULT VALUES",
    )
    .bind::<SqlUuid, _>(tx.app())
    .bind::<Array<Text>, _>(rows.iter().map(|row| row.id.as_str()).collect::<Vec<_>>())
    .bind::<Array<Nullable<Text>>, _>(rows.iter().map(|row| row.name.as_deref()).collect::<Vec<_>>())
    .bind::<Array<Nullable<Text>>, _>(rows.iter().map(|row| row.image.as_deref()).collect::<Vec<_>>())
    .bind::<Array<Jsonb>, _>(rows.iter().map(|row| &row.custom).collect::<Vec<_>>())
    .bind::<Array<Timestamptz>, _>(rows.iter().map(|row| row.updated_at).collect::<Vec<_>>())
    .execute(&mut tx.conn()?)
    .await?;
    Ok(())
}

/// Takes the next number of what belongs to this user alone, and holds the row.
pub async fn step_seq(tx: &TenantTx, id: &UserId) -> Result<i64> {
    diesel::update(users::table.find((tx.app(), id.as_str())))
        .set(users::seq.eq(users::seq + 1))
        .returning(users::seq)
        .get_result(&mut tx.conn()?)
        .await
        .optional()?
        .ok_or_else(|| ErrorCode::UserNotFound.into())
}

/// What `seq` these users have, holding their rows, in the order of their ids.
pub async fn lock_seqs(tx: &TenantTx, ids: &[&str]) -> Result<Vec<(String, i64)>> {
    Ok(users::table
        .filter(users::app_id.eq(tx.app()).and(users::id.eq_any(ids)))
        .order(users::id)
        .select((users::id, users::seq))
        .for_no_key_update()
        .load(&mut tx.conn()?)
        .await?)
}

/// Moves the users' own numbers to these.
pub async fn set_seqs(tx: &TenantTx, seqs: &[(&str, i64)]) -> Result<()> {
    prepared::<Untyped>(
        "MERGE INTO users u USING (SELECT ? AS app, v.* FROM UNNEST(?, ?) AS v (id, seq)) v \
         ON u.app_id = v.app AND u.id = v.id \
         WHEN MATCHED THEN UPDATE SET seq = v.seq \
         WHEN NOT MATCHED AND false THEN INSERT DEFAULT VALUES",
    )
    .bind::<SqlUuid, _>(tx.app())
    .bind::<Array<Text>, _>(seqs.iter().map(|(id, _)| *id).collect::<Vec<_>>())
    .bind::<Array<Int8>, _>(seqs.iter().map(|(_, seq)| *seq).collect::<Vec<_>>())
    .execute(&mut tx.conn()?)
    .await?;
    Ok(())
}

/// Notes that users did something, in the order of their ids, and gives when each did something before.
pub async fn note_activity(
    tx: &TenantTx,
    ids: &[&str],
    now: DateTime<Utc>,
) -> Result<Vec<(String, DateTime<Utc>)>> {
    Ok(prepared::<(Text, Timestamptz)>(
        "UPDATE users u SET last_active_at = ? FROM (SELECT app_id, id, coalesce(last_active_at, created_at) AS at \
             FROM users WHERE app_id = ? AND id = ANY(?) ORDER BY id FOR NO KEY UPDATE) o \
         WHERE u.app_id = o.app_id AND u.id = o.id RETURNING u.id, o.at",
    )
    .bind::<Timestamptz, _>(now)
    .bind::<SqlUuid, _>(tx.app())
    .bind::<Array<Text>, _>(ids.to_vec())
    .load(&mut tx.conn()?)
    .await?)
}

/// What a user lets others know.
pub async fn settings(tx: &TenantTx, id: &UserId) -> Result<UserSettings> {
    let row = users::table
        .find((tx.app(), id.as_str()))
        .select((users::hides_reads, users::hides_deliveries, users::hides_typing, users::settings_seq))
        .first::<(bool, bool, bool, i64)>(&mut tx.conn()?)
        .await
        .optional()?;
    let (reads, deliveries, typing, user_seq) = row.ok_or(ErrorCode::UserNotFound)?;
    Ok(UserSettings { read_receipts: !reads, delivery_receipts: !deliveries, typing: !typing, user_seq })
}

/// Writes it.
pub async fn set_settings(tx: &TenantTx, id: &UserId, settings: &UserSettings) -> Result<()> {
    diesel::update(users::table.find((tx.app(), id.as_str())))
        .set((
            users::hides_reads.eq(!settings.read_receipts),
            users::hides_deliveries.eq(!settings.delivery_receipts),
            users::hides_typing.eq(!settings.typing),
            users::settings_seq.eq(settings.user_seq),
        ))
        .execute(&mut tx.conn()?)
        .await?;
    Ok(())
}

/// Deactivates or reactivates.
pub async fn set_deactivated(
    tx: &TenantTx,
    id: &UserId,
    at: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> Result<()> {
    diesel::update(users::table.find((tx.app(), id.as_str())))
        .set((users::deactivated_at.eq(at), users::updated_at.eq(now)))
        .execute(&mut tx.conn()?)
        .await?;
    Ok(())
}

/// Refuses tokens issued before now.
pub async fn revoke_tokens(tx: &TenantTx, id: &UserId, now: DateTime<Utc>) -> Result<bool> {
    let rows = diesel::update(users::table.find((tx.app(), id.as_str())))
        .set(users::revoked_before.eq(now))
        .execute(&mut tx.conn()?)
        .await?;
    Ok(rows == 1)
}
