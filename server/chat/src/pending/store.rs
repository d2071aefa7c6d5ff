//! The queries of messages that wait for approval.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use parlor_platform::db::{TenantTx, prepared};
use parlor_platform::schema::{pending_messages, users};
use parlor_platform::{Error, Result};
use parlor_protocol::limits::PENDING_MESSAGES;
use parlor_protocol::{ChannelId, MessageId, PendingMessage, UserId, UserRef};
use serde_json::Value;
use uuid::Uuid;

use crate::users::store::user_id;

const MOST: i64 = PENDING_MESSAGES as i64;
/// Moderators of a channel who are told of what waits.
const MODERATORS: i64 = 100;

/// A row of the table.
#[derive(Clone, Insertable, Queryable, Selectable)]
#[diesel(table_name = pending_messages)]
pub struct PendingRow {
    pub id: Uuid,
    pub channel_id: Uuid,
    pub user_id: String,
    pub content: Value,
    pub forwarded_from: Option<Value>,
    pub fingerprint: i64,
    pub approved: bool,
    pub user_seq: i64,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl PendingRow {
    /// Whether this user wrote it.
    pub fn is_of(&self, user: &UserId) -> bool {
        self.user_id == user.as_str()
    }
}

/// A row with what it shows of its author.
#[derive(Clone, Queryable, Selectable)]
#[diesel(table_name = pending_messages)]
pub struct Shown {
    #[diesel(embed)]
    pub row: PendingRow,
    #[diesel(select_expression = users::name)]
    #[diesel(select_expression_type = users::name)]
    pub name: Option<String>,
    #[diesel(select_expression = users::image)]
    #[diesel(select_expression_type = users::image)]
    pub image: Option<String>,
}

impl Shown {
    /// As it stands on the wire.
    pub fn into_pending(self) -> Result<PendingMessage> {
        let Self { row, name, image } = self;
        Ok(PendingMessage {
            id: row.id.into(),
            channel_id: row.channel_id.into(),
            user: UserRef { id: user_id(row.user_id)?, name, image },
            content: serde_json::from_value(row.content).map_err(Error::internal)?,
            user_seq: row.user_seq,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}

macro_rules! with_users {
    () => {
        pending_messages::table
            .inner_join(
                users::table.on(users::app_id
                    .eq(pending_messages::app_id)
                    .and(users::id.eq(pending_messages::user_id))),
            )
            .select(Shown::as_select())
    };
}

/// One of them.
pub async fn find(tx: &TenantTx, id: MessageId) -> Result<Option<Shown>> {
    Ok(with_users!()
        .filter(pending_messages::app_id.eq(tx.app()).and(pending_messages::id.eq(id.0)))
        .first(&mut tx.conn()?)
        .await
        .optional()?)
}

/// Holds one's row, if it is there.
pub async fn lock(tx: &TenantTx, id: MessageId) -> Result<()> {
    pending_messages::table
        .find((tx.app(), id.0))
        .select(pending_messages::id)
        .for_update()
        .first::<Uuid>(&mut tx.conn()?)
        .await
        .optional()?;
    Ok(())
}

/// A page of what waits in a channel, oldest first; of one author where one is given.
pub async fn page(
    tx: &TenantTx,
    channel: ChannelId,
    author: Option<&UserId>,
    after: Option<(DateTime<Utc>, Uuid)>,
    limit: i64,
) -> Result<Vec<Shown>> {
    let mut query = with_users!()
        .filter(pending_messages::app_id.eq(tx.app()).and(pending_messages::channel_id.eq(channel.0)))
        .order((pending_messages::created_at, pending_messages::id))
        .limit(limit)
        .into_boxed();
    if let Some(author) = author {
        query = query.filter(pending_messages::user_id.eq(author.as_str()));
    }
    if let Some((time, id)) = after {
        let same = pending_messages::created_at.eq(time).and(pending_messages::id.gt(id));
        query = query.filter(pending_messages::created_at.gt(time).or(same));
    }
    Ok(query.load(&mut tx.conn()?).await?)
}

/// The newest of a user's, newest first.
pub async fn of_user(tx: &TenantTx, user: &UserId) -> Result<Vec<PendingMessage>> {
    let rows: Vec<Shown> = with_users!()
        .filter(pending_messages::app_id.eq(tx.app()).and(pending_messages::user_id.eq(user.as_str())))
        .order((pending_messages::created_at.desc(), pending_messages::id.desc()))
        .limit(MOST)
        .load(&mut tx.conn()?)
        .await?;
    rows.into_iter().map(Shown::into_pending).collect()
}

/// How many messages of a user wait in a channel, counted no further than matters.
pub async fn count(tx: &TenantTx, channel: ChannelId, user: &UserId) -> Result<usize> {
    let rows = pending_messages::table
        .filter(pending_messages::app_id.eq(tx.app()).and(pending_messages::channel_id.eq(channel.0)))
        .filter(pending_messages::user_id.eq(user.as_str()))
        .select(pending_messages::id)
        .limit(MOST)
        .load::<Uuid>(&mut tx.conn()?)
        .await?;
    Ok(rows.len())
}

/// Keeps a new one. `false`: its id is taken.
pub async fn insert(tx: &TenantTx, row: PendingRow) -> Result<bool> {
    let rows = diesel::insert_into(pending_messages::table)
        .values((pending_messages::app_id.eq(tx.app()), row))
        .on_conflict_do_nothing()
        .execute(&mut tx.conn()?)
        .await?;
    Ok(rows == 1)
}

/// Writes what one says from now on.
pub async fn update(
    tx: &TenantTx,
    id: MessageId,
    content: Value,
    seq: i64,
    now: DateTime<Utc>,
) -> Result<()> {
    diesel::update(pending_messages::table.find((tx.app(), id.0)))
        .set((
            pending_messages::content.eq(content),
            pending_messages::user_seq.eq(seq),
            pending_messages::updated_at.eq(now),
        ))
        .execute(&mut tx.conn()?)
        .await?;
    Ok(())
}

/// Marks one as being sent, or as waiting again.
pub async fn set_approved(tx: &TenantTx, id: MessageId, approved: bool) -> Result<()> {
    diesel::update(pending_messages::table.find((tx.app(), id.0)))
        .set(pending_messages::approved.eq(approved))
        .execute(&mut tx.conn()?)
        .await?;
    Ok(())
}

/// Forgets one and gives its channel, if it was there.
pub async fn delete(tx: &TenantTx, id: MessageId) -> Result<Option<ChannelId>> {
    let channel = diesel::delete(pending_messages::table.find((tx.app(), id.0)))
        .returning(pending_messages::channel_id)
        .get_result::<Uuid>(&mut tx.conn()?)
        .await
        .optional()?;
    Ok(channel.map(ChannelId))
}

/// Who may approve messages of a channel ([`Capability::ApproveMessages`](parlor_protocol::Capability)); the roles are those
/// of the index that finds them.
pub async fn moderators(tx: &TenantTx, channel: ChannelId) -> Result<Vec<UserId>> {
    let ids = prepared::<Text>(
        "SELECT user_id FROM channel_members WHERE app_id = ? AND channel_id = ? \
             AND role IN ('moderator', 'admin', 'owner') AND removed_at IS NULL ORDER BY user_id LIMIT ?",
    )
    .bind::<SqlUuid, _>(tx.app())
    .bind::<SqlUuid, _>(channel.0)
    .bind::<BigInt, _>(MODERATORS)
    .load::<String>(&mut tx.conn()?)
    .await?;
    ids.into_iter().map(user_id).collect()
}
