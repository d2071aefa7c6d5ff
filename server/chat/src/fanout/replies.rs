//! Word on the users' own channels: "there are new replies in that thread, so many are unread".
//!
//! For those who follow the thread, can read it, and are connected, in threads that at most as many follow as a channel
//! may have members to be told of. [Coalesced](super::coalesce), with the counts as they are at that moment.

use std::collections::HashMap;

use async_trait::async_trait;
use parlor_platform::broker::{Binding, Delivery};
use parlor_platform::db::TenantTx;
use parlor_platform::outbox::Command;
use parlor_platform::{Error, Result};
use parlor_protocol::{ChannelId, EventType, MessageId, UserId, event};
use serde_json::json;
use uuid::Uuid;

use super::coalesce::{Ground, News, Piece, Told};
use super::{AT_ONCE, REPLIED_TOPIC, ReplyEvent, ReplyEvents};
use crate::channels::change::hint;
use crate::threads::store as threads;
use crate::users::store::user_id;

pub const BINDING: Binding = Binding { name: "replies", topics: &[REPLIED_TOPIC], at_once: AT_ONCE };

/// A thread: its channel, and its root.
type Thread = (ChannelId, Uuid);

/// New replies in threads.
pub struct Replies;

#[async_trait]
impl Told for Replies {
    type Subject = Thread;
    type Newest = (i64, MessageId);
    const BINDING: Binding = BINDING;

    fn read(&self, job: &Delivery) -> Result<Vec<Piece<Thread, (i64, MessageId)>>> {
        let replies: ReplyEvents = serde_json::from_str(&job.payload).map_err(Error::internal)?;
        let piece = |event: ReplyEvent| Piece {
            subject: (event.channel_id, event.parent_id.0),
            by: event.user_id,
            newest: (event.seq, event.message_id),
        };
        Ok(replies.events.into_iter().map(piece).collect())
    }

    async fn audience(
        &self,
        ground: &Ground,
        tx: &TenantTx,
        subjects: &[Thread],
    ) -> Result<Vec<(Thread, UserId)>> {
        let by_root: HashMap<Uuid, Thread> = subjects.iter().map(|thread| (thread.1, *thread)).collect();
        let roots: Vec<Uuid> = by_root.keys().copied().collect();
        let followers = threads::followers(tx, &roots, ground.config.chat.fanout_members).await?;
        let of = |(root, user): (Uuid, String)| {
            by_root.get(&root).map(|thread| user_id(user).map(|user| (*thread, user)))
        };
        followers.into_iter().filter_map(of).collect()
    }

    async fn commands(
        &self,
        ground: &Ground,
        tx: &TenantTx,
        users: &[(UserId, News<Thread, (i64, MessageId)>)],
    ) -> Result<Vec<Command>> {
        let pairs: Vec<(Uuid, &str)> = users
            .iter()
            .flat_map(|(user, threads)| threads.keys().map(move |(_, root)| (*root, user.as_str())))
            .collect();
        let rows = threads::unread_of(tx, &pairs).await?;
        let unread: HashMap<(Uuid, String), i64> =
            rows.into_iter().map(|(root, user, unread)| ((root, user), unread)).collect();
        let mut commands = Vec::new();
        for (user, threads) in users {
            for ((channel, root), (seq, message)) in threads {
                let unread = unread.get(&(*root, user.as_str().to_owned())).copied().unwrap_or(0);
                let data = json!({
                    "channel_id": channel, "parent_id": root, "message_id": message, "seq": seq, "unread": unread,
                });
                let envelope = hint(EventType::NotificationThreadReply, *channel, ground.clock.now(), data);
                commands.push(Command::publish(event::user_topic(tx.app_id(), user), &envelope)?);
            }
        }
        Ok(commands)
    }
}
