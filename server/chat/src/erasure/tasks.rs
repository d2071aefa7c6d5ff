//! The queries that find where tasks name a user, and put nobody there.

use diesel::sql_types::{Array, Int8, Text, Untyped, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use parlor_platform::Result;
use parlor_platform::db::{TenantTx, prepared};
use uuid::Uuid;

use super::messages::Replacement;

/// Of the tasks that were made of these messages, those that name the user: deleted ones, too.
pub async fn naming(tx: &TenantTx, by: &Replacement<'_>, messages: &[Uuid]) -> Result<Vec<Uuid>> {
    Ok(prepared::<SqlUuid>(
        "SELECT t.id FROM (SELECT ?::uuid AS app, ?::text AS who, ?::text AS named) v CROSS JOIN UNNEST(?) AS n (id) \
         CROSS JOIN LATERAL (SELECT id FROM tasks WHERE app_id = v.app AND message_id = n.id \
             AND (assignee_id = v.who OR created_by = v.who OR title ~ v.named) OFFSET 0) t",
    )
    .bind::<SqlUuid, _>(tx.app())
    .bind::<Text, _>(by.user)
    .bind::<Text, _>(by.named)
    .bind::<Array<SqlUuid>, _>(messages.to_vec())
    .load(&mut tx.conn()?)
    .await?)
}

/// Takes the user out of these tasks, each with the `seq` of its change.
pub async fn rename(tx: &TenantTx, by: &Replacement<'_>, tasks: &[(Uuid, i64)]) -> Result<()> {
    if tasks.is_empty() {
        return Ok(());
    }
    prepared::<Untyped>(
        "MERGE INTO tasks t USING (SELECT v.*, r.* FROM (SELECT ?::uuid AS app, ?::text AS who, ?::text AS named) v, \
             UNNEST(?, ?) AS r (id, seq)) v \
         ON t.app_id = v.app AND t.id = v.id \
         WHEN MATCHED THEN UPDATE SET updated_seq = v.seq, assignee_id = nullif(t.assignee_id, v.who), \
             created_by = nullif(t.created_by, v.who), title = regexp_replace(t.title, v.named, '@deleted', 'g') \
         WHEN NOT MATCHED AND false THEN INSERT DEFAULT VALUES",
    )
    .bind::<SqlUuid, _>(tx.app())
    .bind::<Text, _>(by.user)
    .bind::<Text, _>(by.named)
    .bind::<Array<SqlUuid>, _>(tasks.iter().map(|(id, _)| *id).collect::<Vec<_>>())
    .bind::<Array<Int8>, _>(tasks.iter().map(|(_, seq)| *seq).collect::<Vec<_>>())
    .execute(&mut tx.conn()?)
    .await?;
    Ok(())
}
