//! What belongs to a user alone, or is the user's in what others have: each kind is a statement that makes its lines.

use diesel::sql_types::{Int8, Jsonb, Text, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use parlor_platform::db::{TenantTx, prepared};
use parlor_platform::{Error, Result};
use parlor_protocol::UserId;
use parlor_protocol::transfer::OwnLine;
use serde_json::Value;
use uuid::Uuid;

/// A page of lines of a kind, each a row `x` that `rows` finds, in a channel `c`, by `key`. Several with one key are in one
/// page.
macro_rules! lines {
    ($kind:literal, $key:literal, $fields:literal, $rows:literal) => {
        concat!(
            "SELECT x.",
            $key,
            ", jsonb_build_object('",
            $kind,
            "', jsonb_build_object('channel', c.cid, ",
            $fields,
            ")) FROM (SELECT ?::uuid AS app, ?::text AS who, ?::uuid AS after) v CROSS JOIN LATERAL (SELECT * FROM ",
            $rows,
            " AND ",
            $key,
            " > v.after ORDER BY ",
            $key,
            ") x CROSS JOIN LATERAL (SELECT cid, ordinal FROM channels WHERE app_id = v.app AND id = x.channel_id \
                 AND deleted_at IS NULL OFFSET 0) c ORDER BY x.",
            $key,
            " FETCH FIRST (?) ROWS WITH TIES"
        )
    };
}

/// The same of messages that are there; such lines do not name their channel.
macro_rules! of_messages {
    ($kind:literal, $fields:literal, $rows:literal, $message:literal, $more:literal) => {
        concat!(
            "SELECT x.message_id, jsonb_build_object('",
            $kind,
            "', jsonb_build_object('message_id', x.message_id, ",
            $fields,
            ")) FROM (SELECT ?::uuid AS app, ?::text AS who, ?::uuid AS after) v CROSS JOIN LATERAL (",
            $rows,
            ") x CROSS JOIN LATERAL (SELECT channel_id, seq, poll FROM messages WHERE app_id = v.app AND id = x.message_id \
                 AND deleted_at IS NULL AND ",
            $message,
            " OFFSET 0) m CROSS JOIN LATERAL (SELECT FROM channels WHERE app_id = v.app AND id = m.channel_id \
                 AND deleted_at IS NULL AND truncated_seq < m.seq OFFSET 0) c ",
            $more,
            " ORDER BY x.message_id FETCH FIRST (?) ROWS WITH TIES"
        )
    };
}

/// All kinds, in the order in which they are told.
pub const KINDS: [&str; 13] = [
    // There is one, after which nothing comes.
    "SELECT v.last, jsonb_build_object('presence', jsonb_build_object('status', u.status, 'status_text', u.status_text, \
         'status_color', u.status_color, 'expires_at', u.status_expires_at, 'last_active_at', u.last_active_at, \
         'last_seen_at', u.last_seen_at)) \
     FROM (SELECT ?::uuid AS app, ?::text AS who, ?::uuid AS after, 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid AS last) v \
     CROSS JOIN LATERAL (SELECT * FROM users WHERE app_id = v.app AND id = v.who OFFSET 0) u \
     WHERE v.last > v.after LIMIT ?",
    lines!(
        "membership",
        "channel_id",
        "'pinned_at', x.pinned_at, 'archived_at', x.archived_at, 'muted_at', x.muted_at, 'muted_until', x.muted_until, \
         'hidden', coalesce(c.ordinal <= x.hidden_ordinal, false), 'notifications', x.notifications",
        "channel_members WHERE app_id = v.app AND user_id = v.who AND removed_at IS NULL \
         AND (pinned_at IS NOT NULL OR archived_at IS NOT NULL OR muted_at IS NOT NULL OR hidden_ordinal IS NOT NULL \
             OR notifications <> 'all')"
    ),
    lines!(
        "invite",
        "channel_id",
        "'invited_by', x.invited_by, 'role', x.role, 'state', x.state, 'created_at', x.created_at, 'expires_at', x.expires_at",
        "channel_invites WHERE app_id = v.app AND user_id = v.who"
    ),
    lines!(
        "draft",
        "channel_id",
        "'parent_id', nullif(x.place, x.channel_id), 'content', x.content, 'updated_at', x.updated_at",
        "drafts WHERE app_id = v.app AND user_id = v.who AND deleted_at IS NULL"
    ),
    lines!(
        "scheduled",
        "id",
        "'id', x.id, 'send_at', x.send_at, 'state', x.state, 'content', x.content, 'created_at', x.created_at",
        "scheduled_messages WHERE app_id = v.app AND user_id = v.who AND content IS NOT NULL"
    ),
    lines!(
        "pending",
        "id",
        "'id', x.id, 'content', x.content, 'forwarded_from', x.forwarded_from, 'created_at', x.created_at",
        "pending_messages WHERE app_id = v.app AND user_id = v.who"
    ),
    lines!(
        "reminder",
        "message_id",
        "'message_id', x.message_id, 'remind_at', x.remind_at, 'note', x.note, 'state', x.state, 'created_at', x.created_at",
        "reminders WHERE app_id = v.app AND user_id = v.who AND deleted_at IS NULL"
    ),
    lines!(
        "star",
        "message_id",
        "'message_id', x.message_id, 'created_at', x.updated_at",
        "stars WHERE app_id = v.app AND user_id = v.who AND starred"
    ),
    lines!(
        "task",
        "id",
        "'id', x.id, 'message_id', x.message_id, 'title', x.title, 'status', x.status, 'assignee_id', x.assignee_id, \
         'created_by', x.created_by, 'due_at', x.due_at, 'created_at', x.created_at",
        "tasks WHERE app_id = v.app AND (assignee_id = v.who OR created_by = v.who) AND deleted_at IS NULL"
    ),
    of_messages!(
        "vote",
        "'options', coalesce(o.options, '[]'), 'created_at', x.at",
        "SELECT message_id, array_agg(option) AS options, max(created_at) AS at FROM poll_votes \
             WHERE app_id = v.app AND user_id = v.who AND message_id > v.after GROUP BY message_id ORDER BY message_id",
        "poll IS NOT NULL",
        "CROSS JOIN LATERAL (SELECT jsonb_agg(jsonb_build_object('id', o.option -> 'id', 'text', o.option -> 'text') \
             ORDER BY o.place) AS options FROM jsonb_array_elements(m.poll -> 'options') WITH ORDINALITY AS o (option, place) \
             WHERE o.option ->> 'id' = ANY(x.options)) o"
    ),
    of_messages!(
        "version",
        "'text', x.text, 'content_type', x.content_type, 'content', x.content, 'attachments', coalesce(x.attachments, '[]'), \
         'custom', coalesce(x.custom, '{}'), 'edited_at', x.created_at",
        "SELECT * FROM message_edits WHERE app_id = v.app AND message_id > v.after ORDER BY message_id",
        "user_id = v.who",
        ""
    ),
    of_messages!(
        "thread",
        "'following', x.following, 'followed_at', x.followed_at, 'read_at', x.read_at",
        "SELECT root_id AS message_id, following, followed_at, read_at FROM thread_members \
             WHERE app_id = v.app AND user_id = v.who AND root_id > v.after ORDER BY root_id",
        "true",
        ""
    ),
    "SELECT g.id, jsonb_build_object('group', jsonb_build_object('id', g.id, 'name', g.name, 'added_at', x.added_at)) \
     FROM (SELECT ?::uuid AS app, ?::text AS who, ?::uuid AS after) v \
     CROSS JOIN LATERAL (SELECT * FROM user_group_members WHERE app_id = v.app AND user_id = v.who \
         AND group_id > v.after OFFSET 0) x \
     CROSS JOIN LATERAL (SELECT * FROM user_groups WHERE app_id = v.app AND id = x.group_id OFFSET 0) g \
     ORDER BY g.id LIMIT ?",
];

/// A page of one of the kinds, each line with the key after which the next page begins.
pub async fn page(
    tx: &TenantTx,
    kind: &'static str,
    user: &UserId,
    after: Uuid,
    limit: i64,
) -> Result<Vec<(Uuid, OwnLine)>> {
    let rows = prepared::<(SqlUuid, Jsonb)>(kind)
        .bind::<SqlUuid, _>(tx.app())
        .bind::<Text, _>(user.as_str())
        .bind::<SqlUuid, _>(after)
        .bind::<Int8, _>(limit)
        .load::<(Uuid, Value)>(&mut tx.conn()?)
        .await?;
    rows.into_iter()
        .map(|(key, line)| Ok((key, serde_json::from_value(line).map_err(Error::internal)?)))
        .collect()
}
