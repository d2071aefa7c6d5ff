//! The queries of invitations.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Array, Bool, Int4, Int8, Nullable, Text, Timestamptz, Untyped, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use parlor_platform::db::{TenantTx, prepared};
use parlor_platform::schema::channel_invites;
use parlor_platform::{Error, Result};
use parlor_protocol::invite::ChannelCard;
use parlor_protocol::member::NewMember;
use parlor_protocol::{ChannelId, ChannelType, Invite, InviteState, Role, UserId, UserRef};
use uuid::Uuid;

use crate::members::store::step_user_seq;
use crate::users::store::user_id;

/// A row of the table with what it shows of its channel and of both users.
#[derive(Clone, Debug, Queryable)]
pub struct InviteRow {
    channel_id: Uuid,
    kind: String,
    cid: String,
    channel_name: Option<String>,
    channel_image: Option<String>,
    member_count: i32,
    pub user_id: String,
    name: Option<String>,
    image: Option<String>,
    invited_by: Option<String>,
    inviter_name: Option<String>,
    inviter_image: Option<String>,
    pub role: String,
    pub hide_history: bool,
    state: String,
    created_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
    pub user_seq: i64,
}

type InviteColumns = (
    SqlUuid,
    Text,
    Text,
    Nullable<Text>,
    Nullable<Text>,
    Int4,
    Text,
    Nullable<Text>,
    Nullable<Text>,
    Nullable<Text>,
    Nullable<Text>,
    Nullable<Text>,
    Text,
    Bool,
    Text,
    Timestamptz,
    Timestamptz,
    Int8,
);

impl InviteRow {
    /// What became of it by now.
    pub fn state(&self, now: DateTime<Utc>) -> Result<InviteState> {
        match InviteState::parse(&self.state) {
            Some(InviteState::Pending) if self.expires_at <= now => Ok(InviteState::Expired),
            Some(state) => Ok(state),
            None => Err(Error::internal("a stored state of an invitation is unknown")),
        }
    }

    /// Where it is in its user's list.
    pub fn place(&self) -> (DateTime<Utc>, Uuid) {
        (self.created_at, self.channel_id)
    }

    /// As it stands on the wire.
    pub fn into_invite(self, now: DateTime<Utc>) -> Result<Invite> {
        let state = self.state(now)?;
        let inviter = |id: String| -> Result<UserRef> {
            Ok(UserRef {
                id: user_id(id)?,
                name: self.inviter_name.clone(),
                image: self.inviter_image.clone(),
            })
        };
        Ok(Invite {
            invited_by: self.invited_by.clone().map(inviter).transpose()?,
            channel: ChannelCard {
                id: self.channel_id.into(),
                cid: self.cid,
                kind: ChannelType::parse(&self.kind)
                    .ok_or_else(|| Error::internal("a stored channel type is unknown"))?,
                name: self.channel_name,
                image: self.channel_image,
                member_count: self.member_count,
            },
            user: UserRef { id: user_id(self.user_id)?, name: self.name, image: self.image },
            role: Role::parse(&self.role).ok_or_else(|| Error::internal("a stored role is unknown"))?,
            state,
            created_at: self.created_at,
            expires_at: self.expires_at,
            user_seq: self.user_seq,
        })
    }
}

/// The columns of [`InviteRow`] and where they come from, but for `channel_invites i`. Those of channels that were deleted
/// are gone with them.
macro_rules! shown {
    () => {
        " CROSS JOIN LATERAL (SELECT type, cid, name, image, member_count FROM channels \
             WHERE app_id = i.app_id AND id = i.channel_id AND deleted_at IS NULL OFFSET 0) c \
         CROSS JOIN LATERAL (SELECT name, image FROM users WHERE app_id = i.app_id AND id = i.user_id OFFSET 0) u \
         LEFT JOIN LATERAL (SELECT name, image FROM users WHERE app_id = i.app_id AND id = i.invited_by OFFSET 0) b ON true "
    };
}
macro_rules! invite_columns {
    () => {
        "SELECT i.channel_id, c.type, c.cid, c.name, c.image, c.member_count, i.user_id, u.name, u.image, i.invited_by, \
         b.name, b.image, i.role, i.hide_history, i.state, i.created_at, i.expires_at, i.user_seq "
    };
}

/// These users' invitations to a channel, whatever became of them, by user id.
pub async fn of_channel(tx: &TenantTx, channel: ChannelId, users: &[&str]) -> Result<Vec<InviteRow>> {
    Ok(prepared::<InviteColumns>(concat!(
        invite_columns!(),
        "FROM channel_invites i",
        shown!(),
        "WHERE i.app_id = ? AND i.channel_id = ? AND i.user_id = ANY(?) ORDER BY i.user_id"
    ))
    .bind::<SqlUuid, _>(tx.app())
    .bind::<SqlUuid, _>(channel.0)
    .bind::<Array<Text>, _>(users.to_vec())
    .load(&mut tx.conn()?)
    .await?)
}

/// A user's invitation to a channel, whatever became of it.
pub async fn find(tx: &TenantTx, channel: ChannelId, user: &UserId) -> Result<Option<InviteRow>> {
    Ok(of_channel(tx, channel, &[user.as_str()]).await?.pop())
}

/// A page of a channel's open invitations, by user id.
pub async fn open_of_channel(
    tx: &TenantTx,
    channel: ChannelId,
    after: Option<&str>,
    now: DateTime<Utc>,
    limit: i64,
) -> Result<Vec<InviteRow>> {
    Ok(prepared::<InviteColumns>(concat!(
        invite_columns!(),
        "FROM channel_invites i",
        shown!(),
        "WHERE i.app_id = ? AND i.channel_id = ? AND i.user_id > ? AND i.state = 'pending' AND i.expires_at > ? \
         ORDER BY i.user_id LIMIT ?"
    ))
    .bind::<SqlUuid, _>(tx.app())
    .bind::<SqlUuid, _>(channel.0)
    // No id is empty.
    .bind::<Text, _>(after.unwrap_or_default())
    .bind::<Timestamptz, _>(now)
    .bind::<Int8, _>(limit)
    .load(&mut tx.conn()?)
    .await?)
}

/// A page of a user's open invitations, newest first.
pub async fn open_of_user(
    tx: &TenantTx,
    user: &UserId,
    before: Option<(DateTime<Utc>, Uuid)>,
    now: DateTime<Utc>,
    limit: i64,
) -> Result<Vec<InviteRow>> {
    let (time, channel) = before.unzip();
    Ok(prepared::<InviteColumns>(concat!(
        invite_columns!(),
        "FROM channel_invites i",
        shown!(),
        "WHERE i.app_id = ? AND i.user_id = ? AND i.state = 'pending' AND i.expires_at > ? \
             AND coalesce((i.created_at, i.channel_id) < (?, ?), true) \
         ORDER BY i.created_at DESC, i.channel_id DESC LIMIT ?"
    ))
    .bind::<SqlUuid, _>(tx.app())
    .bind::<Text, _>(user.as_str())
    .bind::<Timestamptz, _>(now)
    .bind::<Nullable<Timestamptz>, _>(time)
    .bind::<Nullable<SqlUuid>, _>(channel)
    .bind::<Int8, _>(limit)
    .load(&mut tx.conn()?)
    .await?)
}

/// A user's invitations that changed after a `seq`, in the order of that.
pub async fn changed_since(tx: &TenantTx, user: &UserId, since: i64, limit: i64) -> Result<Vec<InviteRow>> {
    Ok(prepared::<InviteColumns>(concat!(
        invite_columns!(),
        "FROM channel_invites i",
        shown!(),
        "WHERE i.app_id = ? AND i.user_id = ? AND i.user_seq > ? ORDER BY i.user_seq LIMIT ?"
    ))
    .bind::<SqlUuid, _>(tx.app())
    .bind::<Text, _>(user.as_str())
    .bind::<Int8, _>(since)
    .bind::<Int8, _>(limit)
    .load(&mut tx.conn()?)
    .await?)
}

/// What all invitations of a request have in common.
pub struct Terms<'a> {
    pub invited_by: Option<&'a UserId>,
    pub hide_history: bool,
    pub expires_at: DateTime<Utc>,
}

/// Makes invitations, in the place of earlier ones, each as a change of its user's own.
pub async fn put(
    tx: &TenantTx,
    channel: ChannelId,
    members: &[&NewMember],
    terms: &Terms<'_>,
    now: DateTime<Utc>,
) -> Result<()> {
    let ids: Vec<&str> = members.iter().map(|member| member.user_id.as_str()).collect();
    step_user_seq(tx, &ids).await?;
    prepared::<Untyped>(
        "INSERT INTO channel_invites (app_id, channel_id, user_id, invited_by, role, hide_history, state, created_at, \
             expires_at, user_seq) \
         SELECT v.app, v.channel, r.id, v.inviter, r.role, v.hide, 'pending', v.now, v.expiry, u.seq \
         FROM (SELECT ? AS app, ? AS channel, ?::text AS inviter, ? AS hide, ? AS now, ? AS expiry) v, \
             UNNEST(?, ?) AS r (id, role) \
         CROSS JOIN LATERAL (SELECT users.seq FROM users WHERE app_id = v.app AND users.id = r.id OFFSET 0) u \
         ON CONFLICT (app_id, channel_id, user_id) DO UPDATE SET invited_by = excluded.invited_by, role = excluded.role, \
             hide_history = excluded.hide_history, state = excluded.state, created_at = excluded.created_at, \
             expires_at = excluded.expires_at, user_seq = excluded.user_seq",
    )
    .bind::<SqlUuid, _>(tx.app())
    .bind::<SqlUuid, _>(channel.0)
    .bind::<Nullable<Text>, _>(terms.invited_by.map(UserId::as_str))
    .bind::<Bool, _>(terms.hide_history)
    .bind::<Timestamptz, _>(now)
    .bind::<Timestamptz, _>(terms.expires_at)
    .bind::<Array<Text>, _>(ids)
    .bind::<Array<Text>, _>(members.iter().map(|member| member.role.as_str()).collect::<Vec<_>>())
    .execute(&mut tx.conn()?)
    .await?;
    Ok(())
}

/// Ends an invitation.
pub async fn end(
    tx: &TenantTx,
    channel: ChannelId,
    user: &UserId,
    state: InviteState,
    user_seq: i64,
) -> Result<()> {
    diesel::update(channel_invites::table.find((tx.app(), channel.0, user.as_str())))
        .set((channel_invites::state.eq(state.as_str()), channel_invites::user_seq.eq(user_seq)))
        .execute(&mut tx.conn()?)
        .await?;
    Ok(())
}

/// Settles open invitations of users who just became members, with the number of that change.
pub async fn settle(tx: &TenantTx, channel: ChannelId, users: &[&str]) -> Result<()> {
    prepared::<Untyped>(
        "MERGE INTO channel_invites i USING (SELECT v.app, v.channel, u.id, u.seq \
             FROM (SELECT ? AS app, ? AS channel) v, UNNEST(?) AS r (id) \
             CROSS JOIN LATERAL (SELECT users.id, users.seq FROM users WHERE app_id = v.app AND users.id = r.id OFFSET 0) u) r \
         ON i.app_id = r.app AND i.channel_id = r.channel AND i.user_id = r.id AND i.state = 'pending' \
         WHEN MATCHED THEN UPDATE SET state = 'accepted', user_seq = r.seq \
         WHEN NOT MATCHED AND false THEN INSERT DEFAULT VALUES",
    )
    .bind::<SqlUuid, _>(tx.app())
    .bind::<SqlUuid, _>(channel.0)
    .bind::<Array<Text>, _>(users.to_vec())
    .execute(&mut tx.conn()?)
    .await?;
    Ok(())
}
