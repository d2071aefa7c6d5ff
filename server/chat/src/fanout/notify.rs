//! Word on the users' own channels: "there are new messages in that channel, so many are unread".
//!
//! For members of channels up to the configured size who are connected. [Coalesced](super::coalesce), with the counts
//! as they are at that moment.

use std::collections::HashMap;

use async_trait::async_trait;
use diesel::sql_types::{Array, Int4, Text, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use parlor_platform::Result;
use parlor_platform::broker::{Binding, Delivery};
use parlor_platform::db::{TenantTx, prepared};
use parlor_platform::outbox::Command;
use parlor_protocol::{ChannelId, EventType, MessageId, UserId, event};
use serde_json::json;
use uuid::Uuid;

use super::coalesce::{Ground, News, Piece, Told};
use super::{AT_ONCE, SENT_TOPIC};
use crate::channels::change::hint;
use crate::reads::store as reads;
use crate::users::store::user_id;

pub const BINDING: Binding = Binding { name: "notify", topics: &[SENT_TOPIC], at_once: AT_ONCE };

/// New messages in channels.
pub struct Notify;

#[async_trait]
impl Told for Notify {
    type Subject = ChannelId;
    type Newest = (i64, MessageId);
    const BINDING: Binding = BINDING;

    fn read(&self, job: &Delivery) -> Result<Vec<Piece<ChannelId, (i64, MessageId)>>> {
        let piece = |event: super::SentEvent| Piece {
            subject: event.channel_id,
            by: event.user_id,
            newest: (event.seq, event.message_id),
        };
        Ok(super::sent(job)?.into_iter().filter(|event| !event.quiet).map(piece).collect())
    }

    async fn audience(
        &self,
        ground: &Ground,
        tx: &TenantTx,
        channels: &[ChannelId],
    ) -> Result<Vec<(ChannelId, UserId)>> {
        let members = prepared::<(SqlUuid, Text)>(
            "SELECT c.id, m.user_id FROM UNNEST(?) AS e (id) \
             CROSS JOIN LATERAL (SELECT id FROM channels WHERE app_id = ? AND id = e.id \
                 AND type <> 'livestream' AND member_count <= ? OFFSET 0) c \
             CROSS JOIN LATERAL (SELECT user_id FROM channel_members WHERE app_id = ? AND channel_id = c.id \
                 AND removed_at IS NULL OFFSET 0) m",
        )
        .bind::<Array<SqlUuid>, _>(channels.iter().map(|id| id.0).collect::<Vec<_>>())
        .bind::<SqlUuid, _>(tx.app())
        .bind::<Int4, _>(ground.config.chat.fanout_members)
        .bind::<SqlUuid, _>(tx.app())
        .load::<(Uuid, String)>(&mut tx.conn()?)
        .await?;
        members.into_iter().map(|(channel, user)| Ok((ChannelId(channel), user_id(user)?))).collect()
    }

    async fn commands(
        &self,
        ground: &Ground,
        tx: &TenantTx,
        users: &[(UserId, News<ChannelId, (i64, MessageId)>)],
    ) -> Result<Vec<Command>> {
        let readers: Vec<&str> = users.iter().map(|(user, _)| user.as_str()).collect();
        let now = ground.clock.now();
        let mut unread: HashMap<String, HashMap<Uuid, (i64, bool, bool)>> = HashMap::new();
        for (user, row) in reads::unread_of(tx, &readers).await? {
            let count = (row.unread, row.muted(now), row.counts(now));
            unread.entry(user).or_default().insert(row.channel_id, count);
        }
        let mut commands = Vec::new();
        for (user, channels) in users {
            let unread = unread.remove(user.as_str()).unwrap_or_default();
            let total: i64 = unread.values().filter(|(_, _, counts)| *counts).map(|(count, ..)| count).sum();
            for (channel, (seq, message)) in channels {
                let (count, muted, _) = unread.get(&channel.0).copied().unwrap_or_default();
                let data = json!({
                    "channel_id": channel, "message_id": message, "seq": seq, "unread": count, "muted": muted,
                    "total_unread": total,
                });
                let envelope = hint(EventType::NotificationMessageNew, *channel, now, data);
                commands.push(Command::publish(event::user_topic(tx.app_id(), user), &envelope)?);
            }
        }
        Ok(commands)
    }
}
