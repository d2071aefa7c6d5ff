//! Word of a user's new name or picture, on the channels that they share with others.
//!
//! For channels up to the configured size; on larger ones somebody changes all the time, and nobody looks for one of
//! thousands. The event carries the user as they are when it is told, so of several changes the last one counts. It is
//! a hint that may be lost: members and messages show the new profile to who reads them again.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use async_trait::async_trait;
use parlor_platform::broker::{Binding, Consumer, Delivery};
use parlor_platform::clock::Clock;
use parlor_platform::config::Config;
use parlor_platform::db::Db;
use parlor_platform::outbox::Command;
use parlor_platform::realtime::Realtime;
use parlor_platform::{Error, Result};
use parlor_protocol::{AppId, EventId, EventType, User, event};
use serde_json::json;

use super::{AT_ONCE, PROFILE_TOPIC, ProfileChanged};
use crate::channels::change::hint;
use crate::channels::store as channels;
use crate::users::store as users;

pub const BINDING: Binding = Binding { name: "profiles", topics: &[PROFILE_TOPIC], at_once: AT_ONCE };

/// Channels that one command names.
const TOPICS_AT_ONCE: usize = 500;

/// Tells the channels.
pub struct Profiles {
    pub db: Db,
    pub clock: Clock,
    pub config: Arc<Config>,
    pub realtime: Arc<dyn Realtime>,
}

#[async_trait]
impl Consumer for Profiles {
    fn binding(&self) -> Binding {
        BINDING
    }

    async fn handle(&self, app: AppId, jobs: &[Delivery]) -> Result<()> {
        let mut changed: BTreeMap<String, EventId> = BTreeMap::new();
        for job in jobs {
            let of: ProfileChanged = serde_json::from_str(&job.payload).map_err(Error::internal)?;
            changed.insert(of.user_id.as_str().to_owned(), job.event_id);
        }
        let ids: Vec<&str> = changed.keys().map(String::as_str).collect();
        let tx = self.db.tenant_for_job(app).await?;
        let rows = users::of(&tx, &ids).await?;
        let shared = channels::shared_by(&tx, &ids, self.config.chat.fanout_members).await?;
        tx.commit().await?;
        let mut topics_of: HashMap<String, Vec<String>> = HashMap::new();
        for (user, channel) in shared {
            topics_of.entry(user).or_default().push(event::channel_topic(channel));
        }
        let mut commands = Vec::new();
        for row in rows {
            let topics = topics_of.remove(&row.id).unwrap_or_default();
            let job = changed.get(&row.id).copied();
            let data = json!({ "user": User::try_from(row)? });
            let mut envelope = hint(EventType::UserUpdated, None, self.clock.now(), data);
            // The job's id: what an attempt that failed half-way has told is not told again.
            envelope.id = job.unwrap_or(envelope.id);
            for topics in topics.chunks(TOPICS_AT_ONCE) {
                commands.push(Command::broadcast(topics.to_vec(), &envelope)?);
            }
        }
        if commands.is_empty() {
            return Ok(());
        }
        self.realtime.carry_out(commands).await
    }
}
