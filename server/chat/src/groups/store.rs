//! The queries of groups.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use parlor_platform::db::TenantTx;
use parlor_platform::schema::{user_group_members, user_groups, users};
use parlor_platform::{Error, Result};
use parlor_protocol::{UserGroup, UserGroupId, UserGroupMember, UserId, UserRef};
use uuid::Uuid;

use crate::users::store::user_id;

/// A row of the table.
#[derive(Clone, HasQuery)]
#[diesel(table_name = user_groups)]
pub struct GroupRow {
    pub id: Uuid,
    pub name: String,
    pub member_count: i32,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl From<GroupRow> for UserGroup {
    fn from(row: GroupRow) -> Self {
        let GroupRow { id, name, member_count, created_at, updated_at } = row;
        Self { id: id.into(), name, member_count, created_at, updated_at }
    }
}

/// A group.
pub async fn find(tx: &TenantTx, id: UserGroupId) -> Result<Option<GroupRow>> {
    Ok(GroupRow::query()
        .filter(user_groups::app_id.eq(tx.app()).and(user_groups::id.eq(id.0)))
        .first(&mut tx.conn()?)
        .await
        .optional()?)
}

/// The same, holding its row.
pub async fn lock(tx: &TenantTx, id: UserGroupId) -> Result<Option<GroupRow>> {
    Ok(GroupRow::query()
        .filter(user_groups::app_id.eq(tx.app()).and(user_groups::id.eq(id.0)))
        .for_no_key_update()
        .first(&mut tx.conn()?)
        .await
        .optional()?)
}

/// How many of these, each named once, there are.
pub async fn count_of(tx: &TenantTx, ids: &[UserGroupId]) -> Result<usize> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    let rows = user_groups::table
        .filter(user_groups::app_id.eq(tx.app()).and(user_groups::id.eq_any(ids)))
        .select(user_groups::id)
        .load::<Uuid>(&mut tx.conn()?)
        .await?;
    Ok(rows.len())
}

/// A page by id.
pub async fn page(tx: &TenantTx, after: Option<Uuid>, limit: i64) -> Result<Vec<GroupRow>> {
    Ok(GroupRow::query()
        .filter(user_groups::app_id.eq(tx.app()).and(user_groups::id.gt(after.unwrap_or_default())))
        .order(user_groups::id)
        .limit(limit)
        .load(&mut tx.conn()?)
        .await?)
}

/// Makes a group. `false`: its id is one already.
pub async fn insert(tx: &TenantTx, id: UserGroupId, name: &str, now: DateTime<Utc>) -> Result<bool> {
    let rows = diesel::insert_into(user_groups::table)
        .values((
            user_groups::app_id.eq(tx.app()),
            user_groups::id.eq(id.0),
            user_groups::name.eq(name),
            user_groups::created_at.eq(now),
            user_groups::updated_at.eq(now),
        ))
        .on_conflict_do_nothing()
        .execute(&mut tx.conn()?)
        .await?;
    Ok(rows == 1)
}

/// Gives a group another name.
pub async fn rename(tx: &TenantTx, id: UserGroupId, name: &str, now: DateTime<Utc>) -> Result<()> {
    diesel::update(user_groups::table.find((tx.app(), id.0)))
        .set((user_groups::name.eq(name), user_groups::updated_at.eq(now)))
        .execute(&mut tx.conn()?)
        .await?;
    Ok(())
}

/// Deletes a group. `false`: there was none.
pub async fn delete(tx: &TenantTx, id: UserGroupId) -> Result<bool> {
    let rows = diesel::delete(user_groups::table.find((tx.app(), id.0))).execute(&mut tx.conn()?).await?;
    Ok(rows == 1)
}

/// Counts so many more, or less. Gives how many there are then. The caller holds the row.
pub async fn count(tx: &TenantTx, id: UserGroupId, more: i32) -> Result<i32> {
    Ok(diesel::update(user_groups::table.find((tx.app(), id.0)))
        .set(user_groups::member_count.eq(user_groups::member_count + more))
        .returning(user_groups::member_count)
        .get_result(&mut tx.conn()?)
        .await?)
}

/// Adds users. Gives how many were not in it.
pub async fn add(tx: &TenantTx, id: UserGroupId, ids: &[&str], now: DateTime<Utc>) -> Result<i32> {
    let rows: Vec<_> = ids
        .iter()
        .map(|user| {
            (
                user_group_members::app_id.eq(tx.app()),
                user_group_members::group_id.eq(id.0),
                user_group_members::user_id.eq(*user),
                user_group_members::added_at.eq(now),
            )
        })
        .collect();
    let come = diesel::insert_into(user_group_members::table)
        .values(rows)
        .on_conflict_do_nothing()
        .execute(&mut tx.conn()?)
        .await?;
    i32::try_from(come).map_err(Error::internal)
}

/// Takes a user out. Gives how many that were.
pub async fn remove(tx: &TenantTx, id: UserGroupId, user: &UserId) -> Result<i32> {
    let row = user_group_members::table.find((tx.app(), id.0, user.as_str()));
    let gone = diesel::delete(row).execute(&mut tx.conn()?).await?;
    i32::try_from(gone).map_err(Error::internal)
}

type MemberRow = (String, Option<String>, Option<String>, DateTime<Utc>);

/// A page of who is in a group, by id.
pub async fn members(
    tx: &TenantTx,
    id: UserGroupId,
    after: Option<&str>,
    limit: i64,
) -> Result<Vec<UserGroupMember>> {
    let of_user = users::app_id.eq(user_group_members::app_id).and(users::id.eq(user_group_members::user_id));
    let rows = user_group_members::table
        .inner_join(users::table.on(of_user))
        .filter(user_group_members::app_id.eq(tx.app()).and(user_group_members::group_id.eq(id.0)))
        .filter(user_group_members::user_id.gt(after.unwrap_or_default()))
        .order(user_group_members::user_id)
        .select((user_group_members::user_id, users::name, users::image, user_group_members::added_at))
        .limit(limit)
        .load::<MemberRow>(&mut tx.conn()?)
        .await?;
    let member = |(id, name, image, added_at): MemberRow| {
        Ok(UserGroupMember { user: UserRef { id: user_id(id)?, name, image }, added_at })
    };
    rows.into_iter().map(member).collect()
}
