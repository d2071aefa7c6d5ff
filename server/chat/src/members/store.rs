//! The queries of members.

use chrono::{DateTime, Utc};
use diesel::dsl::sql;
use diesel::expression::SqlLiteral;
use diesel::prelude::*;
use diesel::sql_types::{Array, Bool, Int8, Nullable, Text, Timestamptz, Untyped, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use parlor_platform::db::{TenantTx, prepared};
use parlor_platform::schema::{channel_members, users};
use parlor_platform::{Error, Result};
use parlor_protocol::member::{NewMember, ReadState};
use parlor_protocol::receipt::DeliveryState;
use parlor_protocol::{ChannelId, Member, MessageId, Role, UserId, UserRef};
use uuid::Uuid;

use crate::channels::store::ChannelRow;
use crate::membership::Settings;
use crate::users::store::user_id;

/// Whether receipts are off: by the user, or in the channel.
macro_rules! hidden {
    ($member:literal, $user:literal, $channel:literal) => {
        concat!(
            "(",
            $user,
            " OR coalesce((SELECT (h.config ->> '",
            $channel,
            "')::boolean FROM channels h WHERE h.app_id = ",
            $member,
            ".app_id AND h.id = ",
            $member,
            ".channel_id), false))"
        )
    };
}
pub(crate) use hidden;

/// A row of the table with what it shows of its user.
#[derive(Clone, Queryable, Selectable)]
#[diesel(table_name = channel_members)]
pub struct MemberRow {
    pub channel_id: Uuid,
    pub user_id: String,
    pub role: String,
    pub read_seq: i64,
    pub read_ordinal: i64,
    pub read_at: Option<DateTime<Utc>>,
    pub last_read_message_id: Option<Uuid>,
    pub joined_at: DateTime<Utc>,
    pub removed_at: Option<DateTime<Utc>>,
    pub updated_seq: i64,
    pub user_seq: i64,
    pub delivered_seq: i64,
    pub delivered_at: Option<DateTime<Utc>>,
    /// Whether others don't learn how far the member has read.
    #[diesel(select_expression = sql::<Bool>(hidden!("channel_members", "users.hides_reads", "read_receipts_disabled")))]
    #[diesel(select_expression_type = SqlLiteral<Bool>)]
    pub hides_reads: bool,
    /// Whether others don't learn what the member's devices have got.
    #[diesel(select_expression = sql::<Bool>(hidden!("channel_members", "users.hides_deliveries", "delivery_receipts_disabled")))]
    #[diesel(select_expression_type = SqlLiteral<Bool>)]
    pub hides_deliveries: bool,
    #[diesel(embed)]
    pub settings: Settings,
    #[diesel(select_expression = users::name)]
    #[diesel(select_expression_type = users::name)]
    pub name: Option<String>,
    #[diesel(select_expression = users::image)]
    #[diesel(select_expression_type = users::image)]
    pub image: Option<String>,
}

impl MemberRow {
    /// The role, which the table checks.
    pub fn role(&self) -> Result<Role> {
        Role::parse(&self.role).ok_or_else(|| Error::internal("a stored role is unknown"))
    }

    /// How far the member has read.
    pub fn read(&self) -> ReadState {
        ReadState {
            read_seq: self.read_seq,
            read_ordinal: self.read_ordinal,
            read_at: self.read_at,
            last_read_message_id: self.last_read_message_id.map(MessageId),
        }
    }

    /// As the member itself sees it, in a channel with so many countable messages.
    pub fn into_own(self, ordinal: i64, now: DateTime<Utc>) -> Result<Member> {
        let settings = self.settings.view(ordinal, self.user_seq, now)?;
        Ok(Member { settings: Some(settings), ..self.shown()? })
    }

    /// As a reader sees it, to whom their own receipts are shown.
    pub fn seen_by(self, reader: Option<&UserId>) -> Result<Member> {
        if reader.is_some_and(|reader| reader.as_str() == self.user_id) {
            self.shown()
        } else {
            self.into_member()
        }
    }

    /// As others see it.
    pub fn into_member(self) -> Result<Member> {
        let (hides_reads, hides_deliveries) = (self.hides_reads, self.hides_deliveries);
        let mut member = self.shown()?;
        if hides_reads {
            member.read = ReadState::default();
        }
        if hides_deliveries {
            member.delivered = DeliveryState::default();
        }
        Ok(member)
    }

    fn shown(self) -> Result<Member> {
        let (role, read) = (self.role()?, self.read());
        Ok(Member {
            delivered: DeliveryState { delivered_seq: self.delivered_seq, delivered_at: self.delivered_at },
            user: UserRef { id: user_id(self.user_id)?, name: self.name, image: self.image },
            role,
            joined_at: self.joined_at,
            removed_at: self.removed_at,
            read,
            updated_seq: self.updated_seq,
            settings: None,
        })
    }
}

/// The columns of [`MemberRow`] in statements that are written by hand, of `channel_members m` and `users u`.
macro_rules! member_columns {
    () => {
        concat!(
            "m.channel_id, m.user_id, m.role, m.read_seq, m.read_ordinal, m.read_at, m.last_read_message_id, m.joined_at, \
             m.removed_at, m.updated_seq, m.user_seq, m.delivered_seq, m.delivered_at, ",
            $crate::members::store::hidden!("m", "u.hides_reads", "read_receipts_disabled"),
            ", ",
            $crate::members::store::hidden!("m", "u.hides_deliveries", "delivery_receipts_disabled"),
            ", m.pinned_at, m.archived_at, m.muted_at, m.muted_until, m.hidden_ordinal, m.notifications, \
             m.history_from_seq, m.history_ordinal, u.name, u.image"
        )
    };
}
pub(crate) use member_columns;

/// Their types.
pub type MemberColumns = (
    SqlUuid,
    Text,
    Text,
    Int8,
    Int8,
    Nullable<Timestamptz>,
    Nullable<SqlUuid>,
    Timestamptz,
    Nullable<Timestamptz>,
    Int8,
    Int8,
    Int8,
    Nullable<Timestamptz>,
    Bool,
    Bool,
    SettingsColumns,
    Nullable<Text>,
    Nullable<Text>,
);
type SettingsColumns = (
    Nullable<Timestamptz>,
    Nullable<Timestamptz>,
    Nullable<Timestamptz>,
    Nullable<Timestamptz>,
    Nullable<Int8>,
    Text,
    Int8,
    Int8,
);

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

/// One who becomes a member: they have read everything up to the change that lets them in.
pub struct Join<'a> {
    member: &'a NewMember,
    seq: i64,
    ordinal: i64,
    /// Whether what was before stays hidden from them.
    hides_history: bool,
}

impl<'a> Join<'a> {
    /// With the change that leaves the channel like this.
    pub fn at(member: &'a NewMember, channel: &ChannelRow, hides_history: bool) -> Self {
        Self { member, seq: channel.seq, ordinal: channel.ordinal, hides_history }
    }

    /// With the creation of a channel, its first change.
    pub fn first(member: &'a NewMember) -> Self {
        Self { member, seq: 1, ordinal: 0, hides_history: false }
    }
}

/// Adds members; renews ended memberships, which begin anew. The caller must hold the channel's row and leave out who is a
/// member.
pub async fn insert(tx: &TenantTx, channel: ChannelId, joins: &[Join<'_>], now: DateTime<Utc>) -> Result<()> {
    if joins.is_empty() {
        return Ok(());
    }
    let ids: Vec<&str> = joins.iter().map(|join| join.member.user_id.as_str()).collect();
    step_user_seq(tx, &ids).await?;
    prepared::<Untyped>(
        "INSERT INTO channel_members (app_id, channel_id, user_id, role, read_seq, read_ordinal, joined_at, updated_seq, \
             user_seq, history_from_seq, history_ordinal) \
         SELECT v.app, v.channel, r.id, r.role, r.seq, r.ordinal, v.now, r.seq, u.seq, \
             CASE WHEN r.hides THEN r.seq + 1 ELSE 0 END, CASE WHEN r.hides THEN r.ordinal ELSE 0 END \
         FROM (SELECT ? AS app, ? AS channel, ? AS now) v, UNNEST(?, ?, ?, ?, ?) AS r (id, role, seq, ordinal, hides) \
         CROSS JOIN LATERAL (SELECT users.seq FROM users WHERE app_id = v.app AND users.id = r.id OFFSET 0) u \
         ON CONFLICT (app_id, channel_id, user_id) DO UPDATE SET role = excluded.role, read_seq = excluded.read_seq, \
             read_ordinal = excluded.read_ordinal, read_at = NULL, last_read_message_id = NULL, \
             joined_at = excluded.joined_at, removed_at = NULL, updated_seq = excluded.updated_seq, \
             user_seq = excluded.user_seq, history_from_seq = excluded.history_from_seq, \
             history_ordinal = excluded.history_ordinal, pinned_at = NULL, archived_at = NULL, muted_at = NULL, \
             muted_until = NULL, hidden_ordinal = NULL, notifications = 'all', delivered_seq = 0, delivered_at = NULL",
    )
    .bind::<SqlUuid, _>(tx.app())
    .bind::<SqlUuid, _>(channel.0)
    .bind::<Timestamptz, _>(now)
    .bind::<Array<Text>, _>(ids)
    .bind::<Array<Text>, _>(joins.iter().map(|join| join.member.role.as_str()).collect::<Vec<_>>())
    .bind::<Array<Int8>, _>(joins.iter().map(|join| join.seq).collect::<Vec<_>>())
    .bind::<Array<Int8>, _>(joins.iter().map(|join| join.ordinal).collect::<Vec<_>>())
    .bind::<Array<Bool>, _>(joins.iter().map(|join| join.hides_history).collect::<Vec<_>>())
    .execute(&mut tx.conn()?)
    .await?;
    Ok(())
}

/// Sets roles, each with the `seq` of its change. The caller must hold the channel's row.
pub async fn set_roles(tx: &TenantTx, channel: ChannelId, roles: &[(&UserId, Role, i64)]) -> Result<()> {
    let ids: Vec<&str> = roles.iter().map(|(user, _, _)| user.as_str()).collect();
    step_user_seq(tx, &ids).await?;
    prepared::<Untyped>(
        "MERGE INTO channel_members m USING (SELECT v.app, v.channel, r.*, u.seq AS user_seq \
             FROM (SELECT ? AS app, ? AS channel) v, UNNEST(?, ?, ?) AS r (id, role, seq) \
             CROSS JOIN LATERAL (SELECT users.seq FROM users WHERE app_id = v.app AND users.id = r.id OFFSET 0) u) r \
         ON m.app_id = r.app AND m.channel_id = r.channel AND m.user_id = r.id \
         WHEN MATCHED THEN UPDATE SET role = r.role, updated_seq = r.seq, user_seq = r.user_seq \
         WHEN NOT MATCHED AND false THEN INSERT DEFAULT VALUES",
    )
    .bind::<SqlUuid, _>(tx.app())
    .bind::<SqlUuid, _>(channel.0)
    .bind::<Array<Text>, _>(ids)
    .bind::<Array<Text>, _>(roles.iter().map(|(_, role, _)| role.as_str()).collect::<Vec<_>>())
    .bind::<Array<Int8>, _>(roles.iter().map(|(_, _, seq)| *seq).collect::<Vec<_>>())
    .execute(&mut tx.conn()?)
    .await?;
    Ok(())
}

/// Ends a membership.
pub async fn remove(
    tx: &TenantTx,
    channel: ChannelId,
    user: &UserId,
    seq: i64,
    now: DateTime<Utc>,
) -> Result<()> {
    step_user_seq(tx, &[user.as_str()]).await?;
    diesel::update(channel_members::table.find((tx.app(), channel.0, user.as_str())))
        .set((channel_members::removed_at.eq(now), channel_members::updated_seq.eq(seq)))
        .execute(&mut tx.conn()?)
        .await?;
    note_user_seq(tx, channel, user).await
}

/// Moves a read pointer, and the user's own `seq` with it. What was read has arrived, too.
pub async fn set_read(tx: &TenantTx, channel: ChannelId, user: &UserId, read: &ReadState) -> Result<()> {
    prepared::<Untyped>(
        "UPDATE channel_members m SET read_seq = v.seq, read_ordinal = v.ordinal, read_at = v.at, \
             last_read_message_id = v.message, delivered_seq = greatest(m.delivered_seq, v.seq), \
             delivered_at = CASE WHEN m.delivered_seq < v.seq THEN v.at ELSE m.delivered_at END \
         FROM (SELECT ?::bigint AS seq, ?::bigint AS ordinal, ?::timestamptz AS at, ?::uuid AS message) v \
         WHERE m.app_id = ? AND m.channel_id = ? AND m.user_id = ?",
    )
    .bind::<Int8, _>(read.read_seq)
    .bind::<Int8, _>(read.read_ordinal)
    .bind::<Nullable<Timestamptz>, _>(read.read_at)
    .bind::<Nullable<SqlUuid>, _>(read.last_read_message_id.map(|id| id.0))
    .bind::<SqlUuid, _>(tx.app())
    .bind::<SqlUuid, _>(channel.0)
    .bind::<Text, _>(user.as_str())
    .execute(&mut tx.conn()?)
    .await?;
    step_user_seq(tx, &[user.as_str()]).await?;
    note_user_seq(tx, channel, user).await
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

/// Takes the next number of what is each user's own, and holds their rows.
pub async fn step_user_seq(tx: &TenantTx, ids: &[&str]) -> Result<()> {
    // In the order of ids, so that two batches can't wait for each other.
    prepared::<Untyped>(
        "UPDATE users SET seq = seq + 1 WHERE app_id = ? AND id IN \
         (SELECT id FROM users WHERE app_id = ? AND id = ANY(?) ORDER BY id FOR NO KEY UPDATE)",
    )
    .bind::<SqlUuid, _>(tx.app())
    .bind::<SqlUuid, _>(tx.app())
    .bind::<Array<Text>, _>(ids.to_vec())
    .execute(&mut tx.conn()?)
    .await?;
    Ok(())
}

async fn note_user_seq(tx: &TenantTx, channel: ChannelId, user: &UserId) -> Result<()> {
    prepared::<Untyped>(
        "UPDATE channel_members m SET user_seq = u.seq FROM users u WHERE u.app_id = m.app_id AND u.id = m.user_id \
         AND m.app_id = ? AND m.channel_id = ? AND m.user_id = ?",
    )
    .bind::<SqlUuid, _>(tx.app())
    .bind::<SqlUuid, _>(channel.0)
    .bind::<Text, _>(user.as_str())
    .execute(&mut tx.conn()?)
    .await?;
    Ok(())
}
