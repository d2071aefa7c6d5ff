//! What a member is in the table.

use chrono::{DateTime, Utc};
use diesel::dsl::sql;
use diesel::expression::SqlLiteral;
use diesel::prelude::*;
use diesel::sql_types::{Bool, Int8, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use parlor_platform::schema::{channel_members, users};
use parlor_platform::{Error, Result};
use parlor_protocol::member::ReadState;
use parlor_protocol::receipt::DeliveryState;
use parlor_protocol::{Member, MessageId, Role, UserId, UserRef};
use uuid::Uuid;

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
