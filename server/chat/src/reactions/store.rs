//! The queries of reactions.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Array, Text, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use parlor_platform::Result;
use parlor_platform::db::{TenantTx, prepared};
use parlor_platform::schema::{reactions, users};
use parlor_protocol::{MessageId, Reaction, UserId, UserRef};
use uuid::Uuid;

use super::counts::Held;
use crate::users::store::user_id;

/// What a user has given to these messages, the oldest first: `(message, type)`.
pub async fn own(tx: &TenantTx, user: &UserId, messages: &[Uuid]) -> Result<Vec<(Uuid, String)>> {
    Ok(prepared::<(SqlUuid, Text)>(
        "SELECT r.message_id, r.kind FROM (SELECT ?::uuid AS app, ?::text AS reader) v CROSS JOIN UNNEST(?) AS m (id) \
         CROSS JOIN LATERAL (SELECT message_id, kind, seq FROM reactions \
             WHERE app_id = v.app AND message_id = m.id AND user_id = v.reader OFFSET 0) r \
         ORDER BY r.seq",
    )
    .bind::<SqlUuid, _>(tx.app())
    .bind::<Text, _>(user.as_str())
    .bind::<Array<SqlUuid>, _>(messages.to_vec())
    .load(&mut tx.conn()?)
    .await?)
}

/// What a user has given to a message.
pub async fn held(tx: &TenantTx, message: MessageId, user: &UserId) -> Result<Vec<Held>> {
    let rows = of_user(tx.app(), message.0, user.as_str())
        .order(reactions::seq)
        .select((reactions::kind, reactions::score, reactions::created_at))
        .load::<(String, i32, DateTime<Utc>)>(&mut tx.conn()?)
        .await?;
    Ok(rows.into_iter().map(|(kind, score, created_at)| Held { kind, score, created_at }).collect())
}

/// A reaction that is new.
pub async fn insert(
    tx: &TenantTx,
    message: MessageId,
    user: &UserId,
    kind: &str,
    score: i32,
    seq: i64,
    now: DateTime<Utc>,
) -> Result<()> {
    diesel::insert_into(reactions::table)
        .values((
            reactions::app_id.eq(tx.app()),
            reactions::message_id.eq(message.0),
            reactions::user_id.eq(user.as_str()),
            reactions::kind.eq(kind),
            reactions::score.eq(score),
            reactions::seq.eq(seq),
            reactions::created_at.eq(now),
        ))
        .execute(&mut tx.conn()?)
        .await?;
    Ok(())
}

/// Another score. The reaction keeps its place.
pub async fn set_score(
    tx: &TenantTx,
    message: MessageId,
    user: &UserId,
    kind: &str,
    score: i32,
) -> Result<()> {
    diesel::update(reactions::table.find((tx.app(), message.0, user.as_str(), kind)))
        .set(reactions::score.eq(score))
        .execute(&mut tx.conn()?)
        .await?;
    Ok(())
}

/// Ends a user's reactions of these types.
pub async fn remove(tx: &TenantTx, message: MessageId, user: &UserId, kinds: &[String]) -> Result<()> {
    let these = of_user(tx.app(), message.0, user.as_str()).filter(reactions::kind.eq_any(kinds));
    diesel::delete(these).execute(&mut tx.conn()?).await?;
    Ok(())
}

/// Ends all reactions to messages.
pub async fn clear(tx: &TenantTx, messages: &[Uuid]) -> Result<()> {
    let of_these = reactions::app_id.eq(tx.app()).and(reactions::message_id.eq_any(messages));
    diesel::delete(reactions::table.filter(of_these)).execute(&mut tx.conn()?).await?;
    Ok(())
}

/// A row of the table with what it shows of its user.
#[derive(Queryable, Selectable)]
#[diesel(table_name = reactions)]
pub struct ReactionRow {
    pub user_id: String,
    pub kind: String,
    pub score: i32,
    pub seq: i64,
    pub created_at: DateTime<Utc>,
    #[diesel(select_expression = users::name)]
    #[diesel(select_expression_type = users::name)]
    pub name: Option<String>,
    #[diesel(select_expression = users::image)]
    #[diesel(select_expression_type = users::image)]
    pub image: Option<String>,
}

impl ReactionRow {
    /// As it stands on the wire.
    pub fn into_reaction(self) -> Result<Reaction> {
        let user = UserRef { id: user_id(self.user_id)?, name: self.name, image: self.image };
        Ok(Reaction { kind: self.kind, user, score: self.score, created_at: self.created_at })
    }
}

/// A page of a message's reactions, newest first.
pub async fn page(
    tx: &TenantTx,
    message: MessageId,
    kind: Option<&str>,
    before: Option<i64>,
    limit: i64,
) -> Result<Vec<ReactionRow>> {
    let of_user = users::app_id.eq(reactions::app_id).and(users::id.eq(reactions::user_id));
    let mut query = reactions::table
        .inner_join(users::table.on(of_user))
        .select(ReactionRow::as_select())
        .filter(reactions::app_id.eq(tx.app()).and(reactions::message_id.eq(message.0)))
        .order(reactions::seq.desc())
        .limit(limit)
        .into_boxed();
    if let Some(kind) = kind {
        query = query.filter(reactions::kind.eq(kind));
    }
    if let Some(before) = before {
        query = query.filter(reactions::seq.lt(before));
    }
    Ok(query.load(&mut tx.conn()?).await?)
}

#[diesel::dsl::auto_type]
fn of_user<'a>(app: Uuid, message: Uuid, user: &'a str) -> _ {
    reactions::table.filter(
        reactions::app_id.eq(app).and(reactions::message_id.eq(message)).and(reactions::user_id.eq(user)),
    )
}
