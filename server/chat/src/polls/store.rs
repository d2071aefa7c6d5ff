//! The queries of votes.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Array, Text, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use parlor_platform::Result;
use parlor_platform::db::{TenantTx, prepared};
use parlor_platform::schema::{poll_votes, users};
use parlor_protocol::poll::PollVote;
use parlor_protocol::{MessageId, UserId, UserRef};
use uuid::Uuid;

use crate::users::store::user_id;

/// What a user voted for in these messages' polls: `(message, option)`.
pub async fn own(tx: &TenantTx, user: &UserId, messages: &[Uuid]) -> Result<Vec<(Uuid, String)>> {
    Ok(prepared::<(SqlUuid, Text)>(
        "SELECT p.message_id, p.option FROM (SELECT ?::uuid AS app, ?::text AS reader) v CROSS JOIN UNNEST(?) AS m (id) \
         CROSS JOIN LATERAL (SELECT message_id, option, seq FROM poll_votes \
             WHERE app_id = v.app AND message_id = m.id AND user_id = v.reader OFFSET 0) p \
         ORDER BY p.seq, p.option",
    )
    .bind::<SqlUuid, _>(tx.app())
    .bind::<Text, _>(user.as_str())
    .bind::<Array<SqlUuid>, _>(messages.to_vec())
    .load(&mut tx.conn()?)
    .await?)
}

/// What a user voted for in one poll.
pub async fn of_user(tx: &TenantTx, message: MessageId, user: &UserId) -> Result<Vec<String>> {
    Ok(poll_votes::table
        .filter(poll_votes::app_id.eq(tx.app()).and(poll_votes::message_id.eq(message.0)))
        .filter(poll_votes::user_id.eq(user.as_str()))
        .select(poll_votes::option)
        .load(&mut tx.conn()?)
        .await?)
}

/// Writes a user's votes, and keeps those that were there.
pub async fn replace(
    tx: &TenantTx,
    message: MessageId,
    user: &UserId,
    options: &[String],
    seq: i64,
    now: DateTime<Utc>,
) -> Result<()> {
    diesel::delete(
        poll_votes::table
            .filter(poll_votes::app_id.eq(tx.app()).and(poll_votes::message_id.eq(message.0)))
            .filter(poll_votes::user_id.eq(user.as_str()).and(poll_votes::option.ne_all(options))),
    )
    .execute(&mut tx.conn()?)
    .await?;
    let rows: Vec<_> = options
        .iter()
        .map(|option| {
            (
                poll_votes::app_id.eq(tx.app()),
                poll_votes::message_id.eq(message.0),
                poll_votes::user_id.eq(user.as_str()),
                poll_votes::option.eq(option),
                poll_votes::seq.eq(seq),
                poll_votes::created_at.eq(now),
            )
        })
        .collect();
    diesel::insert_into(poll_votes::table)
        .values(rows)
        .on_conflict_do_nothing()
        .execute(&mut tx.conn()?)
        .await?;
    Ok(())
}

/// Forgets the votes of messages.
pub async fn clear(tx: &TenantTx, messages: &[Uuid]) -> Result<()> {
    let of_these = poll_votes::app_id.eq(tx.app()).and(poll_votes::message_id.eq_any(messages));
    diesel::delete(poll_votes::table.filter(of_these)).execute(&mut tx.conn()?).await?;
    Ok(())
}

/// A row of the table with what it shows of its user.
#[derive(Queryable, Selectable)]
#[diesel(table_name = poll_votes)]
pub struct VoteRow {
    pub user_id: String,
    pub option: String,
    pub seq: i64,
    pub created_at: DateTime<Utc>,
    #[diesel(select_expression = users::name)]
    #[diesel(select_expression_type = users::name)]
    pub name: Option<String>,
    #[diesel(select_expression = users::image)]
    #[diesel(select_expression_type = users::image)]
    pub image: Option<String>,
}

impl VoteRow {
    /// As it stands on the wire.
    pub fn into_vote(self) -> Result<PollVote> {
        let user = UserRef { id: user_id(self.user_id)?, name: self.name, image: self.image };
        Ok(PollVote { user, option: self.option, created_at: self.created_at })
    }
}

/// A page of a poll's votes, newest first, after `(seq, option)`.
pub async fn page(
    tx: &TenantTx,
    message: MessageId,
    option: Option<&str>,
    after: Option<(i64, String)>,
    limit: i64,
) -> Result<Vec<VoteRow>> {
    let of_user = users::app_id.eq(poll_votes::app_id).and(users::id.eq(poll_votes::user_id));
    let mut query = poll_votes::table
        .inner_join(users::table.on(of_user))
        .select(VoteRow::as_select())
        .filter(poll_votes::app_id.eq(tx.app()).and(poll_votes::message_id.eq(message.0)))
        .order((poll_votes::seq.desc(), poll_votes::option.desc()))
        .limit(limit)
        .into_boxed();
    if let Some(option) = option {
        query = query.filter(poll_votes::option.eq(option));
    }
    if let Some((seq, option)) = after {
        let same = poll_votes::seq.eq(seq).and(poll_votes::option.lt(option));
        query = query.filter(poll_votes::seq.lt(seq).or(same));
    }
    Ok(query.load(&mut tx.conn()?).await?)
}
