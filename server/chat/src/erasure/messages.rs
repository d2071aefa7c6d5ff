//! The queries that find where messages name a user, and put a nameless one there.

use diesel::prelude::Queryable;
use diesel::sql_types::{Array, Bool, Int8, Jsonb, Nullable, Text, Untyped, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use parlor_platform::Result;
use parlor_platform::db::{TenantTx, prepared};
use serde_json::Value;
use uuid::Uuid;

/// A message that was looked at.
#[derive(Clone, Debug, Queryable)]
pub struct Looked {
    pub id: Uuid,
    pub channel: Uuid,
    /// Whether the user wrote it.
    pub own: bool,
    /// Whether it, or one of its former versions, names the user.
    pub names: bool,
    /// Whether a task that was made of it does.
    pub task: bool,
}

/// What stands for the user from now on, and how texts name them: a pattern.
#[derive(Clone, Copy)]
pub struct Replacement<'a> {
    pub user: &'a str,
    pub ghost: &'a str,
    pub named: &'a str,
}

/// The next messages of the app, by id. What was forwarded, quoted or edited was in a message that may have mentioned the
/// user: it is not noted whom, so the words are looked at.
pub async fn look(tx: &TenantTx, by: &Replacement<'_>, after: Uuid, limit: i64) -> Result<Vec<Looked>> {
    Ok(prepared::<(SqlUuid, SqlUuid, Bool, Bool, Bool)>(
        "SELECT m.id, m.channel_id, m.user_id = v.who, \
             coalesce(v.who = ANY(m.mentions), false) OR coalesce(v.who = ANY(m.participants), false) \
             OR coalesce(v.who = ANY(m.visible_to), false) \
             OR coalesce(m.quoted #>> '{user,id}' = v.who, false) OR coalesce(m.quoted ->> 'text' ~ v.named, false) \
             OR coalesce(m.forwarded_from #>> '{user,id}' = v.who, false) \
             OR (m.forwarded_from IS NOT NULL AND m.text ~ v.named) \
             OR coalesce(m.pinned ->> 'by' = v.who, false) \
             OR coalesce(m.poll -> 'options' @> jsonb_build_array(jsonb_build_object('suggested_by', v.who)), false) \
             OR coalesce(m.content_type = 'tiptap' \
                 AND jsonb_path_match(m.content, '$.**.attrs.id == $who', jsonb_build_object('who', v.who), true), false) \
             OR (m.edited_at IS NOT NULL AND EXISTS (SELECT FROM message_edits e WHERE e.app_id = m.app_id \
                 AND e.message_id = m.id AND (e.text ~ v.named OR coalesce(e.content_type = 'tiptap' \
                 AND jsonb_path_match(e.content, '$.**.attrs.id == $who', jsonb_build_object('who', v.who), true), false)))), \
             EXISTS (SELECT FROM tasks t WHERE t.app_id = m.app_id AND t.message_id = m.id \
                 AND (t.assignee_id = v.who OR t.created_by = v.who OR t.title ~ v.named)) \
         FROM (SELECT ?::text AS who, ?::text AS named) v, \
             (SELECT * FROM messages WHERE app_id = ? AND id > ? ORDER BY id LIMIT ?) m \
         ORDER BY m.id",
    )
    .bind::<Text, _>(by.user)
    .bind::<Text, _>(by.named)
    .bind::<SqlUuid, _>(tx.app())
    .bind::<SqlUuid, _>(after)
    .bind::<Int8, _>(limit)
    .load(&mut tx.conn()?)
    .await?)
}

/// Puts the nameless user in the user's place in these messages, each with the `seq` of its change.
pub async fn rename(tx: &TenantTx, by: &Replacement<'_>, messages: &[(Uuid, i64)]) -> Result<()> {
    prepared::<Untyped>(
        "MERGE INTO messages m USING (SELECT v.*, r.*, jsonb_build_object('id', v.ghost, 'name', NULL, 'image', NULL) AS shown \
             FROM (SELECT ?::uuid AS app, ?::text AS who, ?::text AS ghost, ?::text AS named) v, UNNEST(?, ?) AS r (id, seq)) v \
         ON m.app_id = v.app AND m.id = v.id \
         WHEN MATCHED THEN UPDATE SET updated_seq = v.seq, \
             user_id = CASE WHEN m.user_id = v.who THEN v.ghost ELSE m.user_id END, \
             text = CASE WHEN v.who = ANY(m.mentions) OR m.forwarded_from IS NOT NULL \
                 THEN regexp_replace(m.text, v.named, '@deleted', 'g') ELSE m.text END, \
             content = CASE WHEN m.forwarded_from IS NOT NULL AND m.content_type = 'tiptap' \
                 THEN regexp_replace(m.content::text, replace(v.named, chr(34), chr(92) || chr(92) || chr(34)), '@deleted', 'g')::jsonb \
                 ELSE m.content END, \
             mentions = CASE WHEN v.who = ANY(m.mentions) THEN nullif(array_remove(m.mentions, v.who), '{}') \
                 ELSE m.mentions END, \
             participants = array_replace(m.participants, v.who, v.ghost), \
             visible_to = array_replace(m.visible_to, v.who, v.ghost), \
             quoted = CASE WHEN m.quoted #>> '{user,id}' = v.who THEN jsonb_set(m.quoted, '{user}', v.shown) ELSE m.quoted END \
                 || jsonb_build_object('text', regexp_replace(m.quoted ->> 'text', v.named, '@deleted', 'g')), \
             forwarded_from = CASE WHEN m.forwarded_from #>> '{user,id}' = v.who \
                 THEN jsonb_set(m.forwarded_from, '{user}', v.shown) ELSE m.forwarded_from END, \
             pinned = CASE WHEN m.pinned ->> 'by' = v.who THEN jsonb_set(m.pinned, '{by}', 'null') ELSE m.pinned END, \
             poll = CASE WHEN m.poll IS NULL THEN NULL ELSE jsonb_set(m.poll, '{options}', (SELECT jsonb_agg( \
                 CASE WHEN o.option ->> 'suggested_by' = v.who THEN jsonb_set(o.option, '{suggested_by}', 'null') \
                     ELSE o.option END ORDER BY o.place) \
                 FROM jsonb_array_elements(m.poll -> 'options') WITH ORDINALITY AS o (option, place))) END \
         WHEN NOT MATCHED AND false THEN INSERT DEFAULT VALUES",
    )
    .bind::<SqlUuid, _>(tx.app())
    .bind::<Text, _>(by.user)
    .bind::<Text, _>(by.ghost)
    .bind::<Text, _>(by.named)
    .bind::<Array<SqlUuid>, _>(messages.iter().map(|(id, _)| *id).collect::<Vec<_>>())
    .bind::<Array<Int8>, _>(messages.iter().map(|(_, seq)| *seq).collect::<Vec<_>>())
    .execute(&mut tx.conn()?)
    .await?;
    Ok(())
}

/// Who quotes these messages with words that name the user.
pub async fn quoting(tx: &TenantTx, named: &str, messages: &[Uuid]) -> Result<Vec<Uuid>> {
    Ok(prepared::<SqlUuid>(
        "SELECT q.id FROM (SELECT ?::uuid AS app, ?::text AS named) v CROSS JOIN UNNEST(?) AS n (id) \
         CROSS JOIN LATERAL (SELECT id FROM messages WHERE app_id = v.app AND reply_to_id = n.id \
             AND quoted ->> 'text' ~ v.named OFFSET 0) q",
    )
    .bind::<SqlUuid, _>(tx.app())
    .bind::<Text, _>(named)
    .bind::<Array<SqlUuid>, _>(messages.to_vec())
    .load(&mut tx.conn()?)
    .await?)
}

/// Puts another name where these messages quote words that name the user, each with the `seq` of its change.
pub async fn rename_quoted(tx: &TenantTx, named: &str, messages: &[(Uuid, i64)]) -> Result<()> {
    if messages.is_empty() {
        return Ok(());
    }
    prepared::<Untyped>(
        "MERGE INTO messages m USING (SELECT v.*, r.* FROM (SELECT ?::uuid AS app, ?::text AS named) v, \
             UNNEST(?, ?) AS r (id, seq)) v \
         ON m.app_id = v.app AND m.id = v.id \
         WHEN MATCHED THEN UPDATE SET updated_seq = v.seq, quoted = m.quoted \
             || jsonb_build_object('text', regexp_replace(m.quoted ->> 'text', v.named, '@deleted', 'g')) \
         WHEN NOT MATCHED AND false THEN INSERT DEFAULT VALUES",
    )
    .bind::<SqlUuid, _>(tx.app())
    .bind::<Text, _>(named)
    .bind::<Array<SqlUuid>, _>(messages.iter().map(|(id, _)| *id).collect::<Vec<_>>())
    .bind::<Array<Int8>, _>(messages.iter().map(|(_, seq)| *seq).collect::<Vec<_>>())
    .execute(&mut tx.conn()?)
    .await?;
    Ok(())
}

/// Puts another name where former versions of these messages name the user.
pub async fn rename_edits(tx: &TenantTx, by: &Replacement<'_>, messages: &[Uuid]) -> Result<()> {
    prepared::<Untyped>(
        "MERGE INTO message_edits e USING (SELECT v.*, m.id FROM (SELECT ? AS app, ? AS named) v, UNNEST(?) AS m (id)) v \
         ON e.app_id = v.app AND e.message_id = v.id \
         WHEN MATCHED THEN UPDATE SET text = regexp_replace(e.text, v.named, '@deleted', 'g') \
         WHEN NOT MATCHED AND false THEN INSERT DEFAULT VALUES",
    )
    .bind::<SqlUuid, _>(tx.app())
    .bind::<Text, _>(by.named)
    .bind::<Array<SqlUuid>, _>(messages.to_vec())
    .execute(&mut tx.conn()?)
    .await?;
    Ok(())
}

/// A document: of which message, and of which of its former versions.
pub type Document = (Uuid, Option<i64>, Value);

/// The documents of these messages.
pub async fn documents(tx: &TenantTx, messages: &[Uuid]) -> Result<Vec<Document>> {
    Ok(prepared::<(SqlUuid, Nullable<Int8>, Jsonb)>(
        "SELECT d.id, d.seq, d.content FROM (SELECT ?::uuid AS app) v CROSS JOIN UNNEST(?) AS n (id) CROSS JOIN LATERAL ( \
             (SELECT id, NULL::bigint AS seq, content FROM messages WHERE app_id = v.app AND id = n.id \
                 AND content_type = 'tiptap' AND content IS NOT NULL) \
             UNION ALL \
             (SELECT message_id, seq, content FROM message_edits WHERE app_id = v.app AND message_id = n.id \
                 AND content_type = 'tiptap' AND content IS NOT NULL)) d",
    )
    .bind::<SqlUuid, _>(tx.app())
    .bind::<Array<SqlUuid>, _>(messages.to_vec())
    .load(&mut tx.conn()?)
    .await?)
}

/// Writes documents, each with its text.
pub async fn write_documents(tx: &TenantTx, documents: &[(Document, String)]) -> Result<()> {
    let (new, former): (Vec<_>, Vec<_>) = documents.iter().partition(|((_, seq, _), _)| seq.is_none());
    if !new.is_empty() {
        prepared::<Untyped>(
            "MERGE INTO messages m USING (SELECT ? AS app, v.* FROM UNNEST(?, ?, ?) AS v (id, content, body)) v \
             ON m.app_id = v.app AND m.id = v.id \
             WHEN MATCHED THEN UPDATE SET content = v.content, text = v.body \
             WHEN NOT MATCHED AND false THEN INSERT DEFAULT VALUES",
        )
        .bind::<SqlUuid, _>(tx.app())
        .bind::<Array<SqlUuid>, _>(new.iter().map(|((id, ..), _)| *id).collect::<Vec<_>>())
        .bind::<Array<Jsonb>, _>(new.iter().map(|((.., content), _)| content).collect::<Vec<_>>())
        .bind::<Array<Text>, _>(new.iter().map(|(_, text)| text.as_str()).collect::<Vec<_>>())
        .execute(&mut tx.conn()?)
        .await?;
    }
    if !former.is_empty() {
        prepared::<Untyped>(
            "MERGE INTO message_edits e USING (SELECT ? AS app, v.* FROM UNNEST(?, ?, ?, ?) AS v (id, seq, content, body)) v \
             ON e.app_id = v.app AND e.message_id = v.id AND e.seq = v.seq \
             WHEN MATCHED THEN UPDATE SET content = v.content, text = v.body \
             WHEN NOT MATCHED AND false THEN INSERT DEFAULT VALUES",
        )
        .bind::<SqlUuid, _>(tx.app())
        .bind::<Array<SqlUuid>, _>(former.iter().map(|((id, ..), _)| *id).collect::<Vec<_>>())
        .bind::<Array<Int8>, _>(former.iter().map(|((_, seq, _), _)| seq.unwrap_or_default()).collect::<Vec<_>>())
        .bind::<Array<Jsonb>, _>(former.iter().map(|((.., content), _)| content).collect::<Vec<_>>())
        .bind::<Array<Text>, _>(former.iter().map(|(_, text)| text.as_str()).collect::<Vec<_>>())
        .execute(&mut tx.conn()?)
        .await?;
    }
    Ok(())
}

/// What hangs on messages and is the user's, or says who did it: it is the nameless user's.
const MARKS: [&str; 5] = [
    "UPDATE thread_members SET user_id = ?, following = false WHERE app_id = ? AND user_id = ? AND root_id > ? AND root_id <= ?",
    "UPDATE reactions SET user_id = ? WHERE app_id = ? AND user_id = ? AND message_id > ? AND message_id <= ?",
    "UPDATE poll_votes SET user_id = ? WHERE app_id = ? AND user_id = ? AND message_id > ? AND message_id <= ?",
    "UPDATE message_edits SET edited_by = ? WHERE app_id = ? AND edited_by = ? AND message_id > ? AND message_id <= ?",
    "UPDATE deleted_messages SET deleted_by = ? WHERE app_id = ? AND deleted_by = ? AND message_id > ? AND message_id <= ?",
];

/// Gives the nameless user what hangs on messages after an id and up to another.
pub async fn rename_marks(tx: &TenantTx, by: &Replacement<'_>, after: Uuid, upto: Uuid) -> Result<()> {
    for sql in MARKS {
        prepared::<Untyped>(sql)
            .bind::<Text, _>(by.ghost)
            .bind::<SqlUuid, _>(tx.app())
            .bind::<Text, _>(by.user)
            .bind::<SqlUuid, _>(after)
            .bind::<SqlUuid, _>(upto)
            .execute(&mut tx.conn()?)
            .await?;
    }
    Ok(())
}
