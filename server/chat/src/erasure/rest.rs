//! The queries that take a user out of every table that refers to users.

use diesel::prelude::*;
use diesel::sql_types::{Text, Untyped, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use parlor_platform::Result;
use parlor_platform::db::{TenantTx, prepared};
use parlor_platform::schema::users;
use uuid::Uuid;

use crate::undelete;

/// Tables that refer to users, and what becomes of their rows: it goes (`DELETE`), it names nobody, or it is the ghost's.
/// Messages are done before; what stands under `OWN` again may have come since.
const GONE: [&str; 13] = [
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
    "UPDATE user_groups g SET member_count = g.member_count - 1 FROM (SELECT ?::uuid AS app, ?::text AS who) v \
        WHERE g.app_id = v.app AND g.id IN (SELECT group_id FROM user_group_members m \
            WHERE m.app_id = v.app AND m.user_id = v.who)",
    "DELETE FROM user_group_members WHERE app_id = ? AND user_id = ?",
];
/// What others have written and not sent mentions the user no more: it could not be sent.
const NAMELESS: [&str; 7] = [
    "UPDATE channels SET created_by = NULL WHERE app_id = ? AND created_by = ?",
    "UPDATE channel_invites SET invited_by = NULL WHERE app_id = ? AND invited_by = ?",
    "UPDATE tasks SET assignee_id = NULL WHERE app_id = ? AND assignee_id = ?",
    "UPDATE tasks SET created_by = NULL WHERE app_id = ? AND created_by = ?",
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
const GHOSTED: [&str; 9] = [
    "UPDATE thread_members SET user_id = ?, following = false WHERE app_id = ? AND user_id = ?",
    "UPDATE reactions SET user_id = ? WHERE app_id = ? AND user_id = ?",
    "UPDATE poll_votes SET user_id = ? WHERE app_id = ? AND user_id = ?",
    "UPDATE message_edits SET edited_by = ? WHERE app_id = ? AND edited_by = ?",
    "UPDATE deleted_messages SET deleted_by = ? WHERE app_id = ? AND deleted_by = ?",
    // It stands for a row of the table before.
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
async fn forget_kept(tx: &TenantTx, user: &str) -> Result<Vec<Uuid>> {
    Ok(prepared::<SqlUuid>(
        "DELETE FROM deleted_messages d USING (SELECT ?::uuid AS app, ?::text AS who) v \
         WHERE d.app_id = v.app AND (d.content -> 'mentions' @> to_jsonb(v.who) \
             OR d.content #>> '{quoted,user,id}' = v.who OR d.content #>> '{forwarded_from,user,id}' = v.who \
             OR d.content #>> '{pinned,by}' = v.who \
             OR d.content #> '{poll,options}' @> jsonb_build_array(jsonb_build_object('suggested_by', v.who))) \
         RETURNING d.message_id",
    )
    .bind::<SqlUuid, _>(tx.app())
    .bind::<Text, _>(user)
    .load(&mut tx.conn()?)
    .await?)
}

/// Takes the user out of everything else, and then the user. Looks at all of the app's rows, so it may take long.
pub async fn forget(tx: &TenantTx, user: &str, ghost: &str) -> Result<()> {
    let kept = forget_kept(tx, user).await?;
    undelete::forget(tx, &kept).await?;
    for sql in GONE.into_iter().chain(NAMELESS) {
        prepared::<Untyped>(sql)
            .bind::<SqlUuid, _>(tx.app())
            .bind::<Text, _>(user)
            .execute(&mut tx.conn()?)
            .await?;
    }
    for sql in GHOSTED {
        prepared::<Untyped>(sql)
            .bind::<Text, _>(ghost)
            .bind::<SqlUuid, _>(tx.app())
            .bind::<Text, _>(user)
            .execute(&mut tx.conn()?)
            .await?;
    }
    diesel::delete(users::table.find((tx.app(), user))).execute(&mut tx.conn()?).await?;
    Ok(())
}
