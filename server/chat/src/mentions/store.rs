//! The queries of whom messages call.

use std::collections::BTreeSet;

use diesel::sql_types::{Array, Bool, Int4, Text, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use parlor_platform::Result;
use parlor_platform::db::{TenantTx, prepared};
use uuid::Uuid;

/// `(channel, user)` of the members of these channels who are connected now and don't hide it; none of channels of more than `most` members.
pub async fn here(tx: &TenantTx, channels: &[Uuid], most: i32) -> Result<BTreeSet<(Uuid, String)>> {
    if channels.is_empty() {
        return Ok(BTreeSet::new());
    }
    let rows = prepared::<(SqlUuid, Text)>(
        "SELECT m.channel_id, m.user_id FROM UNNEST(?) AS e (id) CROSS JOIN (SELECT ?::uuid AS app) v \
         CROSS JOIN LATERAL (SELECT id FROM channels WHERE app_id = v.app AND id = e.id AND member_count <= ? OFFSET 0) c \
         CROSS JOIN LATERAL (SELECT channel_id, user_id FROM channel_members WHERE app_id = v.app AND channel_id = c.id \
             AND removed_at IS NULL OFFSET 0) m \
         CROSS JOIN LATERAL (SELECT FROM users WHERE app_id = v.app AND id = m.user_id AND online \
             AND status <> 'invisible' OFFSET 0) u",
    )
    .bind::<Array<SqlUuid>, _>(channels.to_vec())
    .bind::<SqlUuid, _>(tx.app())
    .bind::<Int4, _>(most)
    .load::<(Uuid, String)>(&mut tx.conn()?)
    .await?;
    Ok(rows.into_iter().collect())
}

/// `(message, user)` of everybody whom these messages mention now, by name or otherwise, and who is a member of their
/// channels. All members of channels of more than `most` members are nobody.
pub async fn mentioned(tx: &TenantTx, messages: &[Uuid], most: i32) -> Result<BTreeSet<(Uuid, String)>> {
    if messages.is_empty() {
        return Ok(BTreeSet::new());
    }
    // Of a message that calls those who are here everybody, to be compared with who is.
    let rows = prepared::<(SqlUuid, SqlUuid, Text, Bool)>(
        "SELECT e.id, x.channel_id, t.user_id, t.if_here FROM UNNEST(?) AS e (id) CROSS JOIN (SELECT ?::uuid AS app) v \
         CROSS JOIN LATERAL (SELECT channel_id, mentions, group_mentions AS called FROM messages \
             WHERE app_id = v.app AND id = e.id AND deleted_at IS NULL OFFSET 0) x \
         CROSS JOIN LATERAL (SELECT member_count <= ? AS small FROM channels WHERE app_id = v.app AND id = x.channel_id \
             OFFSET 0) c \
         CROSS JOIN LATERAL ( \
             (SELECT m.user_id, false AS if_here FROM UNNEST(x.mentions) AS n (id) \
                 CROSS JOIN LATERAL (SELECT user_id FROM channel_members WHERE app_id = v.app \
                     AND channel_id = x.channel_id AND user_id = n.id AND removed_at IS NULL OFFSET 0) m) \
             UNION ALL \
             (SELECT m.user_id, m.role_called IS NOT TRUE AND x.called -> 'channel' IS NULL FROM ( \
                     SELECT user_id, x.called -> 'roles' @> to_jsonb(role) AS role_called FROM channel_members \
                     WHERE app_id = v.app AND channel_id = x.channel_id AND removed_at IS NULL \
                     AND (c.small OR x.called -> 'roles' @> to_jsonb(role)) \
                     AND (x.called -> 'channel' IS NOT NULL OR x.called -> 'here' IS NOT NULL \
                         OR x.called -> 'roles' @> to_jsonb(role)) OFFSET 0) m WHERE x.called IS NOT NULL) \
             UNION ALL \
             (SELECT m.user_id, false FROM jsonb_array_elements_text(coalesce(x.called -> 'groups', '[]')) AS g (id) \
                 CROSS JOIN LATERAL (SELECT user_id FROM user_group_members WHERE app_id = v.app \
                     AND group_id = g.id::uuid OFFSET 0) n \
                 CROSS JOIN LATERAL (SELECT user_id FROM channel_members WHERE app_id = v.app \
                     AND channel_id = x.channel_id AND user_id = n.user_id AND removed_at IS NULL OFFSET 0) m)) t",
    )
    .bind::<Array<SqlUuid>, _>(messages.to_vec())
    .bind::<SqlUuid, _>(tx.app())
    .bind::<Int4, _>(most)
    .load::<(Uuid, Uuid, String, bool)>(&mut tx.conn()?)
    .await?;
    let asked: BTreeSet<Uuid> = rows.iter().filter(|row| row.3).map(|row| row.1).collect();
    let here = here(tx, &asked.into_iter().collect::<Vec<_>>(), most).await?;
    let is_called = |(_, channel, user, if_here): &(Uuid, Uuid, String, bool)| {
        !if_here || here.contains(&(*channel, user.clone()))
    };
    Ok(rows.into_iter().filter(is_called).map(|(message, _, user, _)| (message, user)).collect())
}
