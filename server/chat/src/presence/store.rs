//! The queries of presence.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{
    Array, Bool, Int4, Int8, Jsonb, Nullable, Text, Timestamptz, Untyped, Uuid as SqlUuid,
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use parlor_platform::Result;
use parlor_platform::db::{TenantTx, prepared};
use parlor_platform::schema::{status_ends, user_sessions, users, watched_channels};
use parlor_protocol::{AppId, ChannelId, Device};
use uuid::Uuid;

use super::state::PresenceRow;

/// The presence of these users, by id.
pub async fn of(tx: &TenantTx, ids: &[&str]) -> Result<Vec<(String, PresenceRow)>> {
    Ok(users::table
        .filter(users::app_id.eq(tx.app()).and(users::id.eq_any(ids)))
        .order(users::id)
        .select((users::id, PresenceRow::as_select()))
        .load(&mut tx.conn()?)
        .await?)
}

/// The same, holding their rows, in the order of their ids.
pub async fn lock(tx: &TenantTx, ids: &[&str]) -> Result<Vec<(String, PresenceRow)>> {
    Ok(users::table
        .filter(users::app_id.eq(tx.app()).and(users::id.eq_any(ids)))
        .order(users::id)
        .select((users::id, PresenceRow::as_select()))
        .for_no_key_update()
        .load(&mut tx.conn()?)
        .await?)
}

/// Writes the presence of these users, whose rows the caller holds.
pub async fn write(tx: &TenantTx, rows: &[(&str, &PresenceRow)]) -> Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let all = || rows.iter().map(|(_, row)| row);
    prepared::<Untyped>(
        "MERGE INTO users u USING (SELECT ? AS app, r.* FROM UNNEST(?, ?, ?, ?, ?, ?, ?, ?, ?) \
             AS r (id, online, status, resting, status_text, status_color, expires_at, before, seen_at)) r \
         ON u.app_id = r.app AND u.id = r.id \
         WHEN MATCHED THEN UPDATE SET online = r.online, status = r.status, resting = r.resting, \
             status_text = r.status_text, status_color = r.status_color, status_expires_at = r.expires_at, \
             status_before = r.before, last_seen_at = r.seen_at \
         WHEN NOT MATCHED AND false THEN INSERT DEFAULT VALUES",
    )
    .bind::<SqlUuid, _>(tx.app())
    .bind::<Array<Text>, _>(rows.iter().map(|(id, _)| *id).collect::<Vec<_>>())
    .bind::<Array<Bool>, _>(all().map(|row| row.online).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(all().map(|row| row.status.as_str()).collect::<Vec<_>>())
    .bind::<Array<Nullable<Text>>, _>(all().map(|row| row.resting.as_deref()).collect::<Vec<_>>())
    .bind::<Array<Nullable<Text>>, _>(all().map(|row| row.status_text.as_deref()).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(all().map(|row| row.status_color.as_str()).collect::<Vec<_>>())
    .bind::<Array<Nullable<Timestamptz>>, _>(all().map(|row| row.status_expires_at).collect::<Vec<_>>())
    .bind::<Array<Nullable<Jsonb>>, _>(all().map(|row| row.status_before.as_ref()).collect::<Vec<_>>())
    .bind::<Array<Nullable<Timestamptz>>, _>(all().map(|row| row.last_seen_at).collect::<Vec<_>>())
    .execute(&mut tx.conn()?)
    .await?;
    Ok(())
}

/// A session of a user.
pub type Session<'a> = (&'a str, Uuid);

/// Begins sessions, or goes on with them.
pub async fn open(tx: &TenantTx, sessions: &[(Session<'_>, Device)], now: DateTime<Utc>) -> Result<()> {
    if sessions.is_empty() {
        return Ok(());
    }
    prepared::<Untyped>(
        "INSERT INTO user_sessions (app_id, user_id, session_id, device, connected_at) \
         SELECT v.app, r.user_id, r.session_id, r.device, v.now FROM (SELECT ? AS app, ? AS now) v, \
         UNNEST(?, ?, ?) AS r (user_id, session_id, device) \
         ON CONFLICT (app_id, user_id, session_id) DO UPDATE SET device = excluded.device, \
             connected_at = excluded.connected_at, ended_at = NULL, settle_at = NULL, closed = false",
    )
    .bind::<SqlUuid, _>(tx.app())
    .bind::<Timestamptz, _>(now)
    .bind::<Array<Text>, _>(sessions.iter().map(|((user, _), _)| *user).collect::<Vec<_>>())
    .bind::<Array<SqlUuid>, _>(sessions.iter().map(|((_, session), _)| *session).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(sessions.iter().map(|(_, device)| device.as_str()).collect::<Vec<_>>())
    .execute(&mut tx.conn()?)
    .await?;
    Ok(())
}

/// How sessions end.
#[derive(Clone, Copy)]
pub struct Ending {
    pub at: DateTime<Utc>,
    /// When it is to be seen what that means.
    pub settle_at: DateTime<Utc>,
    /// Only of those that did not connect since then.
    pub connected_before: DateTime<Utc>,
}

/// Ends these sessions of those that live; what the client has `closed` is not asked about any more.
pub async fn end(tx: &TenantTx, sessions: &[(Session<'_>, bool)], ending: Ending) -> Result<()> {
    if sessions.is_empty() {
        return Ok(());
    }
    prepared::<Untyped>(
        "MERGE INTO user_sessions s USING (SELECT ? AS app, ? AS at, ? AS settle_at, ? AS before, r.* \
             FROM UNNEST(?, ?, ?) AS r (user_id, session_id, closed)) r \
         ON s.app_id = r.app AND s.user_id = r.user_id AND s.session_id = r.session_id \
         WHEN MATCHED AND s.ended_at IS NULL AND s.connected_at <= r.before THEN \
             UPDATE SET ended_at = r.at, settle_at = r.settle_at, closed = r.closed \
         WHEN NOT MATCHED AND false THEN INSERT DEFAULT VALUES",
    )
    .bind::<SqlUuid, _>(tx.app())
    .bind::<Timestamptz, _>(ending.at)
    .bind::<Timestamptz, _>(ending.settle_at)
    .bind::<Timestamptz, _>(ending.connected_before)
    .bind::<Array<Text>, _>(sessions.iter().map(|((user, _), _)| *user).collect::<Vec<_>>())
    .bind::<Array<SqlUuid>, _>(sessions.iter().map(|((_, session), _)| *session).collect::<Vec<_>>())
    .bind::<Array<Bool>, _>(sessions.iter().map(|(_, closed)| *closed).collect::<Vec<_>>())
    .execute(&mut tx.conn()?)
    .await?;
    Ok(())
}

/// Of these users' sessions, those that live: whose, and on what.
pub async fn live(tx: &TenantTx, ids: &[&str]) -> Result<Vec<(String, String)>> {
    Ok(user_sessions::table
        .filter(user_sessions::app_id.eq(tx.app()).and(user_sessions::user_id.eq_any(ids)))
        .filter(user_sessions::ended_at.is_null())
        .select((user_sessions::user_id, user_sessions::device))
        .load(&mut tx.conn()?)
        .await?)
}

/// Of these users, those who have a session, or had one after `since`.
pub async fn there(tx: &TenantTx, ids: &[&str], since: DateTime<Utc>) -> Result<Vec<String>> {
    Ok(user_sessions::table
        .filter(user_sessions::app_id.eq(tx.app()).and(user_sessions::user_id.eq_any(ids)))
        .filter(user_sessions::ended_at.is_null().or(user_sessions::ended_at.gt(since)))
        .select(user_sessions::user_id)
        .load(&mut tx.conn()?)
        .await?)
}

/// A session as the watch sees it.
#[derive(Clone, Debug, HasQuery)]
#[diesel(table_name = user_sessions)]
pub struct SessionRow {
    pub app_id: Uuid,
    pub user_id: String,
    pub session_id: Uuid,
    pub device: String,
    pub connected_at: DateTime<Utc>,
    pub ended_at: Option<DateTime<Utc>>,
    pub closed: bool,
}

/// A page of the sessions of all apps, those after one, that realtime is to be asked about.
pub async fn page(
    conn: &AsyncPgConnection,
    after: Option<&SessionRow>,
    limit: i64,
) -> Result<Vec<SessionRow>> {
    let (app, user, session) = after
        .map_or((Uuid::nil(), "", Uuid::nil()), |row| (row.app_id, row.user_id.as_str(), row.session_id));
    let rows = prepared::<(SqlUuid, Text, SqlUuid, Text, Timestamptz, Nullable<Timestamptz>, Bool)>(
        "SELECT app_id, user_id, session_id, device, connected_at, ended_at, closed FROM user_sessions \
         WHERE (app_id, user_id, session_id) > (?, ?, ?) AND NOT closed \
         ORDER BY app_id, user_id, session_id LIMIT ?",
    )
    .bind::<SqlUuid, _>(app)
    .bind::<Text, _>(user)
    .bind::<SqlUuid, _>(session)
    .bind::<Int8, _>(limit)
    .load::<SessionRow>(&mut &*conn)
    .await?;
    Ok(rows)
}

/// Sessions of all apps that have ended and are to be settled, the longest ago first.
pub async fn to_settle(conn: &AsyncPgConnection, now: DateTime<Utc>, limit: i64) -> Result<Vec<SessionRow>> {
    Ok(SessionRow::query()
        .filter(user_sessions::settle_at.le(now))
        .order(user_sessions::settle_at)
        .limit(limit)
        .load(&mut &*conn)
        .await?)
}

/// Forgets sessions that have ended, if they could not come back since; those that were connected after `since` are
/// kept and looked at again later.
pub async fn settle(
    tx: &TenantTx,
    sessions: &[Session<'_>],
    since: DateTime<Utc>,
    again: DateTime<Utc>,
) -> Result<()> {
    prepared::<Untyped>(
        "MERGE INTO user_sessions s USING (SELECT ? AS app, ? AS since, ? AS again, r.* \
             FROM UNNEST(?, ?) AS r (user_id, session_id)) r \
         ON s.app_id = r.app AND s.user_id = r.user_id AND s.session_id = r.session_id \
         WHEN MATCHED AND s.ended_at IS NOT NULL AND (s.closed OR s.connected_at <= r.since) THEN DELETE \
         WHEN MATCHED AND s.ended_at IS NOT NULL THEN UPDATE SET settle_at = r.again \
         WHEN NOT MATCHED AND false THEN INSERT DEFAULT VALUES",
    )
    .bind::<SqlUuid, _>(tx.app())
    .bind::<Timestamptz, _>(since)
    .bind::<Timestamptz, _>(again)
    .bind::<Array<Text>, _>(sessions.iter().map(|(user, _)| *user).collect::<Vec<_>>())
    .bind::<Array<SqlUuid>, _>(sessions.iter().map(|(_, session)| *session).collect::<Vec<_>>())
    .execute(&mut tx.conn()?)
    .await?;
    Ok(())
}

/// Notes when the choice of a user ends, or that it does not.
pub async fn put_end(tx: &TenantTx, user: &str, at: Option<DateTime<Utc>>) -> Result<()> {
    let Some(at) = at else {
        diesel::delete(status_ends::table.find((tx.app(), user))).execute(&mut tx.conn()?).await?;
        return Ok(());
    };
    diesel::insert_into(status_ends::table)
        .values((
            status_ends::app_id.eq(tx.app()),
            status_ends::user_id.eq(user),
            status_ends::ends_at.eq(at),
        ))
        .on_conflict((status_ends::app_id, status_ends::user_id))
        .do_update()
        .set(status_ends::ends_at.eq(at))
        .execute(&mut tx.conn()?)
        .await?;
    Ok(())
}

/// Whose choice has ended, of all apps.
pub async fn ended(conn: &AsyncPgConnection, now: DateTime<Utc>, limit: i64) -> Result<Vec<(Uuid, String)>> {
    Ok(status_ends::table
        .filter(status_ends::ends_at.le(now))
        .order(status_ends::ends_at)
        .limit(limit)
        .select((status_ends::app_id, status_ends::user_id))
        .load(&mut &*conn)
        .await?)
}

/// The ends of these users are over.
pub async fn drop_ends(tx: &TenantTx, ids: &[&str], now: DateTime<Utc>) -> Result<()> {
    diesel::delete(
        status_ends::table
            .filter(status_ends::app_id.eq(tx.app()).and(status_ends::user_id.eq_any(ids)))
            .filter(status_ends::ends_at.le(now)),
    )
    .execute(&mut tx.conn()?)
    .await?;
    Ok(())
}

/// Who is online and shares a channel of at most so many members with one of these users: that user, and who.
pub async fn company(tx: &TenantTx, ids: &[&str], members: i32) -> Result<Vec<(String, String)>> {
    Ok(prepared::<(Text, Text)>(
        "SELECT DISTINCT s.id, m.user_id FROM UNNEST(?) AS s (id) \
         CROSS JOIN LATERAL (SELECT channel_id FROM channel_members WHERE app_id = ? AND user_id = s.id \
             AND removed_at IS NULL OFFSET 0) mine \
         CROSS JOIN LATERAL (SELECT id FROM channels WHERE app_id = ? AND id = mine.channel_id \
             AND deleted_at IS NULL AND member_count <= ? OFFSET 0) c \
         CROSS JOIN LATERAL (SELECT user_id FROM channel_members WHERE app_id = ? AND channel_id = c.id \
             AND removed_at IS NULL AND user_id <> s.id OFFSET 0) m \
         CROSS JOIN LATERAL (SELECT FROM users WHERE app_id = ? AND id = m.user_id AND online OFFSET 0) u",
    )
    .bind::<Array<Text>, _>(ids.to_vec())
    .bind::<SqlUuid, _>(tx.app())
    .bind::<SqlUuid, _>(tx.app())
    .bind::<Int4, _>(members)
    .bind::<SqlUuid, _>(tx.app())
    .bind::<SqlUuid, _>(tx.app())
    .load(&mut tx.conn()?)
    .await?)
}

/// Of these users, those who are not invisible, by id.
pub async fn visible(tx: &TenantTx, ids: &[&str]) -> Result<Vec<String>> {
    Ok(users::table
        .filter(users::app_id.eq(tx.app()).and(users::id.eq_any(ids)))
        .filter(users::status.ne("invisible"))
        .order(users::id)
        .select(users::id)
        .load(&mut tx.conn()?)
        .await?)
}

/// A channel whose watchers are told of may have some until then.
pub async fn watch(tx: &TenantTx, channel: ChannelId, until: DateTime<Utc>) -> Result<()> {
    diesel::insert_into(watched_channels::table)
        .values((
            watched_channels::app_id.eq(tx.app()),
            watched_channels::channel_id.eq(channel.0),
            watched_channels::until.eq(until),
        ))
        .on_conflict((watched_channels::app_id, watched_channels::channel_id))
        .do_update()
        .set(watched_channels::until.eq(until))
        .execute(&mut tx.conn()?)
        .await?;
    Ok(())
}

/// The channels of all apps whose watchers are told of, and until when they may have some.
pub async fn watched(conn: &AsyncPgConnection) -> Result<Vec<(AppId, ChannelId, DateTime<Utc>)>> {
    let rows = watched_channels::table
        .order((watched_channels::app_id, watched_channels::channel_id))
        .select((watched_channels::app_id, watched_channels::channel_id, watched_channels::until))
        .load::<(Uuid, Uuid, DateTime<Utc>)>(&mut &*conn)
        .await?;
    Ok(rows.into_iter().map(|(app, channel, until)| (AppId(app), ChannelId(channel), until)).collect())
}

/// Of these channels, those that want to be told who watches, of at most so many members.
pub async fn want_watchers(
    tx: &TenantTx,
    channels: &[ChannelId],
    members: i32,
) -> Result<HashSet<ChannelId>> {
    if channels.is_empty() {
        return Ok(HashSet::new());
    }
    let ids = prepared::<SqlUuid>(
        "SELECT c.id FROM UNNEST(?) AS e (id) \
         CROSS JOIN LATERAL (SELECT id FROM channels WHERE app_id = ? AND id = e.id AND deleted_at IS NULL \
             AND member_count <= ? AND (config ->> 'watching_events')::boolean OFFSET 0) c",
    )
    .bind::<Array<SqlUuid>, _>(channels.iter().map(|id| id.0).collect::<Vec<_>>())
    .bind::<SqlUuid, _>(tx.app())
    .bind::<Int4, _>(members)
    .load::<Uuid>(&mut tx.conn()?)
    .await?;
    Ok(ids.into_iter().map(ChannelId).collect())
}

/// Nobody is told any more who watches these channels.
pub async fn unwatch(tx: &TenantTx, channels: &[ChannelId]) -> Result<()> {
    if channels.is_empty() {
        return Ok(());
    }
    let ids: Vec<Uuid> = channels.iter().map(|id| id.0).collect();
    diesel::delete(
        watched_channels::table
            .filter(watched_channels::app_id.eq(tx.app()).and(watched_channels::channel_id.eq_any(ids))),
    )
    .execute(&mut tx.conn()?)
    .await?;
    Ok(())
}
