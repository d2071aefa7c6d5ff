//! The queries that take a user out of every table that refers to users.

use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error as DieselError};
use diesel::sql_types::{Text, Untyped, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use parlor_platform::Result;
use parlor_platform::db::{Db, TenantTx, prepared};
use parlor_platform::schema::users;
use parlor_protocol::AppId;
use uuid::Uuid;

use super::messages::Replacement;
use crate::undelete;

/// Tables that refer to users, and what becomes of their rows: it goes (`DELETE`), it names nobody, or it is the ghost's.
/// Messages and what hangs on them, tasks and channels are done before; what stands under `OWN` again may have come since.
const GONE: [&str; 11] = [
    "DELETE FROM user_messages WHERE app_id = ? AND user_id = ?",
    "DELETE FROM stars WHERE app_id = ? AND user_id = ?",
    "DELETE FROM drafts WHERE app_id = ? AND user_id = ?",
    "DELETE FROM scheduled_messages WHERE app_id = ? AND user_id = ?",
    "DELETE FROM pending_messages WHERE app_id = ? AND user_id = ?",
    "DELETE FROM reminders WHERE app_id = ? AND user_id = ?",
    "DELETE FROM access_code_tries WHERE app_id = ? AND user_id = ?",
    "DELETE FROM channel_members WHERE app_id = ? AND user_id = ?",
    "DELETE FROM channel_invites WHERE app_id = ? AND user_id = ?",
    "DELETE FROM user_sessions WHERE app_id = ? AND user_id = ?",
    "DELETE FROM status_ends WHERE app_id = ? AND user_id = ?",
];
/// A group and how many are in it change together.
const GROUPS: [&str; 2] = [
    "UPDATE user_groups g SET member_count = g.member_count - 1 FROM (SELECT ?::uuid AS app, ?::text AS who) v \
        WHERE g.app_id = v.app AND g.id IN (SELECT group_id FROM user_group_members m \
            WHERE m.app_id = v.app AND m.user_id = v.who)",
    "DELETE FROM user_group_members WHERE app_id = ? AND user_id = ?",
];
/// What others have written and not sent mentions the user no more: it could not be sent.
const NAMELESS: [&str; 4] = [
    "UPDATE channel_invites SET invited_by = NULL WHERE app_id = ? AND invited_by = ?",
    "UPDATE drafts x SET content = jsonb_set(x.content, '{mentions}', (x.content -> 'mentions') - v.who) \
        FROM (SELECT ?::uuid AS app, ?::text AS who) v \
        WHERE x.app_id = v.app AND x.content -> 'mentions' @> to_jsonb(v.who)",
    "UPDATE scheduled_messages x SET content = jsonb_set(x.content, '{mentions}', (x.content -> 'mentions') - v.who) \
        FROM (SELECT ?::uuid AS app, ?::text AS who) v \
        WHERE x.app_id = v.app AND x.content -> 'mentions' @> to_jsonb(v.who)",
    "UPDATE pending_messages x SET content = jsonb_set(x.content, '{mentions}', (x.content -> 'mentions') - v.who) \
        FROM (SELECT ?::uuid AS app, ?::text AS who) v \
        WHERE x.app_id = v.app AND x.content -> 'mentions' @> to_jsonb(v.who)",
];
const GHOSTED: [&str; 4] = [
    // It stands for a row of `deleted_messages`.
    "UPDATE due SET user_id = ? WHERE app_id = ? AND user_id = ? AND kind = 'deleted_message'",
    "UPDATE pending_messages SET forwarded_from = jsonb_set(forwarded_from, '{user}', \
            jsonb_build_object('id', ?::text, 'name', NULL, 'image', NULL)) \
        WHERE app_id = ? AND forwarded_from #>> '{user,id}' = ?",
    "UPDATE pending_messages x \
        SET content = jsonb_set(x.content, '{visible_to}', ((x.content -> 'visible_to') - v.who) || to_jsonb(v.ghost)) \
        FROM (SELECT ?::text AS ghost, ?::uuid AS app, ?::text AS who) v \
        WHERE x.app_id = v.app AND x.content -> 'visible_to' @> to_jsonb(v.who)",
    "UPDATE scheduled_messages x \
        SET content = jsonb_set(x.content, '{visible_to}', ((x.content -> 'visible_to') - v.who) || to_jsonb(v.ghost)) \
        FROM (SELECT ?::text AS ghost, ?::uuid AS app, ?::text AS who) v \
        WHERE x.app_id = v.app AND x.content -> 'visible_to' @> to_jsonb(v.who)",
];

/// Forgets what deletions have kept aside that names the user: those can't be taken back any more. Gives of which messages.
async fn forget_kept(tx: &TenantTx, user: &str, named: &str) -> Result<Vec<Uuid>> {
    Ok(prepared::<SqlUuid>(
        "DELETE FROM deleted_messages d USING (SELECT ?::uuid AS app, ?::text AS who, ?::text AS named) v \
         WHERE d.app_id = v.app AND (d.content -> 'mentions' @> to_jsonb(v.who) \
             OR d.content #>> '{quoted,user,id}' = v.who OR d.content #>> '{quoted,text}' ~ v.named \
             OR d.content #>> '{forwarded_from,user,id}' = v.who \
             OR (jsonb_typeof(d.content -> 'forwarded_from') = 'object' AND d.content ->> 'text' ~ v.named) \
             OR jsonb_path_match(d.content -> 'content', '$.**.attrs.id == $who', jsonb_build_object('who', v.who), true) \
             OR d.content #>> '{pinned,by}' = v.who \
             OR d.content #> '{poll,options}' @> jsonb_build_array(jsonb_build_object('suggested_by', v.who))) \
         RETURNING d.message_id",
    )
    .bind::<SqlUuid, _>(tx.app())
    .bind::<Text, _>(user)
    .bind::<Text, _>(named)
    .load(&mut tx.conn()?)
    .await?)
}

/// A transaction that may take long, and so changes one table.
async fn begin(db: &Db, app: AppId) -> Result<TenantTx> {
    let tx = db.tenant_for_job(app).await?;
    tx.without_time_limit().await?;
    Ok(tx)
}

/// Takes the user out of everything else. Looks at all of the app's rows, so it may take long: each statement commits by
/// itself, and nobody waits for more than one of them. The same again changes nothing.
pub async fn forget(db: &Db, app: AppId, by: &Replacement<'_>) -> Result<()> {
    let tx = begin(db, app).await?;
    let kept = forget_kept(&tx, by.user, by.named).await?;
    undelete::forget(&tx, &kept).await?;
    tx.commit().await?;
    let groups = std::iter::once(&GROUPS[..]);
    for together in GONE.iter().chain(&NAMELESS).map(std::slice::from_ref).chain(groups) {
        let tx = begin(db, app).await?;
        for sql in together {
            prepared::<Untyped>(sql)
                .bind::<SqlUuid, _>(tx.app())
                .bind::<Text, _>(by.user)
                .execute(&mut tx.conn()?)
                .await?;
        }
        tx.commit().await?;
    }
    for sql in GHOSTED {
        let tx = begin(db, app).await?;
        prepared::<Untyped>(sql)
            .bind::<Text, _>(by.ghost)
            .bind::<SqlUuid, _>(tx.app())
            .bind::<Text, _>(by.user)
            .execute(&mut tx.conn()?)
            .await?;
        tx.commit().await?;
    }
    Ok(())
}

/// Removes the user's row; `false` if something refers to it still: then the transaction is over. Each table that may refer
/// to users is asked, some without an index.
pub async fn remove_user(tx: &TenantTx, user: &str) -> Result<bool> {
    tx.without_time_limit().await?;
    match diesel::delete(users::table.find((tx.app(), user))).execute(&mut tx.conn()?).await {
        Ok(_) => Ok(true),
        Err(DieselError::DatabaseError(DatabaseErrorKind::ForeignKeyViolation, _)) => Ok(false),
        Err(error) => Err(error.into()),
    }
}
