//! Distinct channels are those of exactly their members. With somebody else in it, one becomes an ordinary channel.

use diesel::sql_types::{Array, Text, Untyped, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use parlor_platform::db::{TenantTx, prepared};
use parlor_platform::{Error, Result};
use parlor_protocol::ChannelType;
use uuid::Uuid;

use crate::channels::distinct_key;

/// Makes those of these channels ordinary that others are in, or were, than those who they are of. The caller holds them.
pub async fn with_others(tx: &TenantTx, channels: &[Uuid]) -> Result<()> {
    if channels.is_empty() {
        return Ok(());
    }
    // More members than a distinct channel can have are others in any case.
    let rows = prepared::<(SqlUuid, Text, Text, Array<Text>)>(
        "SELECT c.id, c.type, c.distinct_key, ARRAY(SELECT user_id FROM channel_members WHERE app_id = c.app_id \
             AND channel_id = c.id ORDER BY user_id LIMIT 100) \
         FROM UNNEST(?) AS n (id) CROSS JOIN LATERAL (SELECT app_id, id, type, distinct_key FROM channels WHERE app_id = ? \
             AND id = n.id AND distinct_key IS NOT NULL OFFSET 0) c",
    )
    .bind::<Array<SqlUuid>, _>(channels.to_vec())
    .bind::<SqlUuid, _>(tx.app())
    .load::<(Uuid, String, String, Vec<String>)>(&mut tx.conn()?)
    .await?;
    let mut ordinary = Vec::new();
    for (id, kind, key, members) in rows {
        let kind = ChannelType::parse(&kind);
        let kind = kind.ok_or_else(|| Error::internal("a stored channel type is unknown"))?;
        if key != distinct_key(kind, members.iter().map(String::as_str).collect()) {
            ordinary.push(id);
        }
    }
    if !ordinary.is_empty() {
        prepared::<Untyped>("UPDATE channels SET distinct_key = NULL WHERE app_id = ? AND id = ANY(?)")
            .bind::<SqlUuid, _>(tx.app())
            .bind::<Array<SqlUuid>, _>(ordinary)
            .execute(&mut tx.conn()?)
            .await?;
    }
    Ok(())
}
