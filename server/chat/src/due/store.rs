//! The queries of the queue of what is due.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Array, Int2, Int8, Text, Timestamptz, Untyped, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use parlor_platform::db::{Db, TenantTx, prepared};
use parlor_platform::schema::due;
use parlor_platform::{Error, Result};
use parlor_protocol::UserId;
use uuid::Uuid;

use super::{Claimed, Kind};
use crate::users::store::user_id;

/// Puts something in, or moves it to another time.
pub async fn put(tx: &TenantTx, kind: Kind, user: &UserId, id: Uuid, at: DateTime<Utc>) -> Result<()> {
    let when = (due::available_at.eq(at), due::attempts.eq(0_i16));
    diesel::insert_into(due::table)
        .values((
            due::app_id.eq(tx.app()),
            due::kind.eq(kind.as_str()),
            due::user_id.eq(user.as_str()),
            due::id.eq(id),
            when,
        ))
        .on_conflict((due::app_id, due::kind, due::user_id, due::id))
        .do_update()
        .set(when)
        .execute(&mut tx.conn()?)
        .await?;
    Ok(())
}

/// Takes these out, each of a user.
pub async fn remove(tx: &TenantTx, kind: Kind, things: &[(&UserId, Uuid)]) -> Result<()> {
    prepared::<Untyped>(
        "MERGE INTO due d USING (SELECT ? AS app, ? AS kind, v.* FROM UNNEST(?, ?) AS v (user_id, id)) v \
         ON d.app_id = v.app AND d.kind = v.kind AND d.user_id = v.user_id AND d.id = v.id \
         WHEN MATCHED THEN DELETE WHEN NOT MATCHED AND false THEN INSERT DEFAULT VALUES",
    )
    .bind::<SqlUuid, _>(tx.app())
    .bind::<Text, _>(kind.as_str())
    .bind::<Array<Text>, _>(things.iter().map(|(user, _)| user.as_str()).collect::<Vec<_>>())
    .bind::<Array<SqlUuid>, _>(things.iter().map(|(_, id)| *id).collect::<Vec<_>>())
    .execute(&mut tx.conn()?)
    .await?;
    Ok(())
}

/// Leases what is due to the caller, what has waited longest first. Several workers never get the same.
pub async fn claim(
    db: &Db,
    now: DateTime<Utc>,
    lease_until: DateTime<Utc>,
    limit: i64,
) -> Result<Vec<Claimed>> {
    let tx = db.system().await?;
    let rows = prepared::<(SqlUuid, Text, Text, SqlUuid, Int2)>(
        "UPDATE due SET available_at = ? WHERE (app_id, kind, user_id, id) IN ( \
             SELECT app_id, kind, user_id, id FROM due WHERE available_at <= ? \
             ORDER BY available_at, id LIMIT ? FOR UPDATE SKIP LOCKED) \
         RETURNING app_id, kind, user_id, id, attempts",
    )
    .bind::<Timestamptz, _>(lease_until)
    .bind::<Timestamptz, _>(now)
    .bind::<Int8, _>(limit)
    .load::<(Uuid, String, String, Uuid, i16)>(&mut tx.conn()?)
    .await?;
    tx.commit_lazily().await?;
    let claimed = |(app, kind, user, id, attempts): (Uuid, String, String, Uuid, i16)| {
        let kind = Kind::parse(&kind).ok_or_else(|| Error::internal("a stored kind is unknown"))?;
        Ok(Claimed { app: app.into(), kind, user: user_id(user)?, id, attempts })
    };
    rows.into_iter().map(claimed).collect()
}

/// When the next thing is due, or the next lease ends.
pub async fn next(db: &Db) -> Result<Option<DateTime<Utc>>> {
    let tx = db.system().await?;
    let next = due::table
        .order((due::available_at, due::id))
        .select(due::available_at)
        .first(&mut tx.conn()?)
        .await
        .optional()?;
    tx.commit_lazily().await?;
    Ok(next)
}

/// Ends leases: what is still as the worker claimed it is due again at this time, with so many more failures.
pub async fn put_off(
    db: &Db,
    things: &[&Claimed],
    lease_until: DateTime<Utc>,
    at: DateTime<Utc>,
    failures: i16,
) -> Result<()> {
    if things.is_empty() {
        return Ok(());
    }
    let tx = db.system().await?;
    prepared::<Untyped>(
        "MERGE INTO due d USING (SELECT ? AS lease, ? AS at, ? AS failures, v.* \
             FROM UNNEST(?, ?, ?, ?) AS v (app, kind, user_id, id)) v \
         ON d.app_id = v.app AND d.kind = v.kind AND d.user_id = v.user_id AND d.id = v.id AND d.available_at = v.lease \
         WHEN MATCHED THEN UPDATE SET available_at = v.at, attempts = d.attempts + v.failures \
         WHEN NOT MATCHED AND false THEN INSERT DEFAULT VALUES",
    )
    .bind::<Timestamptz, _>(lease_until)
    .bind::<Timestamptz, _>(at)
    .bind::<Int2, _>(failures)
    .bind::<Array<SqlUuid>, _>(things.iter().map(|thing| thing.app.0).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(things.iter().map(|thing| thing.kind.as_str()).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(things.iter().map(|thing| thing.user.as_str()).collect::<Vec<_>>())
    .bind::<Array<SqlUuid>, _>(things.iter().map(|thing| thing.id).collect::<Vec<_>>())
    .execute(&mut tx.conn()?)
    .await?;
    tx.commit_lazily().await
}

/// Takes out what stands for nothing any more, if it is still as the worker claimed it: who moves a thing to another
/// time while it is claimed keeps it.
pub async fn drop_claimed(db: &Db, things: &[&Claimed], lease_until: DateTime<Utc>) -> Result<()> {
    if things.is_empty() {
        return Ok(());
    }
    let tx = db.system().await?;
    prepared::<Untyped>(
        "MERGE INTO due d USING (SELECT ? AS lease, v.* FROM UNNEST(?, ?, ?, ?) AS v (app, kind, user_id, id)) v \
         ON d.app_id = v.app AND d.kind = v.kind AND d.user_id = v.user_id AND d.id = v.id AND d.available_at = v.lease \
         WHEN MATCHED THEN DELETE WHEN NOT MATCHED AND false THEN INSERT DEFAULT VALUES",
    )
    .bind::<Timestamptz, _>(lease_until)
    .bind::<Array<SqlUuid>, _>(things.iter().map(|thing| thing.app.0).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(things.iter().map(|thing| thing.kind.as_str()).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(things.iter().map(|thing| thing.user.as_str()).collect::<Vec<_>>())
    .bind::<Array<SqlUuid>, _>(things.iter().map(|thing| thing.id).collect::<Vec<_>>())
    .execute(&mut tx.conn()?)
    .await?;
    tx.commit_lazily().await
}
