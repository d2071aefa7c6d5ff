//! Who is told that a user came, went, rests or chose another status.
//!
//! The user's other devices hear at once what the user chose. Those who share a small channel with them, and are online,
//! hear what has become of it: of several changes in a moment the last, and of several people at once in one event.

use std::collections::{BTreeMap, HashMap};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use parlor_platform::broker::{Binding, Delivery};
use parlor_platform::db::TenantTx;
use parlor_platform::outbox::{Command, Entries};
use parlor_platform::{Error, Result};
use parlor_protocol::presence::UserPresence;
use parlor_protocol::{AppId, Device, EventType, Presence, UserId, event};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::state::{PresenceRow, differs};
use super::store;
use crate::channels::change::hint;
use crate::fanout::{Ground, News, Piece, Told};
use crate::users::store::user_id;

/// What others see of users has changed.
pub const PRESENCE_TOPIC: &str = "chat.user.presence";
pub const BINDING: Binding = Binding { name: "presence", topics: &[PRESENCE_TOPIC], at_once: 16 };

/// Users that one event is about.
const USERS_AT_ONCE: usize = 100;
/// Channels that one command names.
const TOPICS_AT_ONCE: usize = 500;

/// Users of one transaction.
#[derive(Debug, Serialize, Deserialize)]
struct PresenceChanged {
    user_ids: Vec<UserId>,
}

/// Writes what differs between two states of users, both by id, and has it told.
pub async fn write(
    tx: &TenantTx,
    before: &[(String, PresenceRow)],
    after: &[(String, PresenceRow)],
    entries: &mut Entries,
    now: DateTime<Utc>,
) -> Result<()> {
    let before: HashMap<&str, &PresenceRow> = before.iter().map(|(id, row)| (id.as_str(), row)).collect();
    let changes = || {
        let with_old = |(id, row): &'_ (String, PresenceRow)| before.get(id.as_str()).map(|old| *old != row);
        after.iter().filter(move |pair| with_old(pair).unwrap_or(false))
    };
    let rows: Vec<_> = changes().map(|(id, row)| (id.as_str(), row)).collect();
    store::write(tx, &rows).await?;
    let mut user_ids = Vec::new();
    for (id, row) in rows {
        let Some(old) = before.get(id) else { continue };
        let user = user_id(id.to_owned())?;
        let (own, owned) = (row.own(), old.own());
        // That they are online, their own devices know best.
        if differs(&Presence { online: owned.online, ..own.clone() }, &owned) {
            let presence = json!({ "users": [UserPresence { user_id: user.clone(), presence: own, devices: Vec::new() }] });
            let envelope = hint(EventType::UserPresenceChanged, None, now, presence);
            entries.command(&user, Command::publish(event::user_topic(tx.app_id(), &user), &envelope)?);
        }
        if differs(&row.shown(), &old.shown()) {
            user_ids.push(user);
        }
    }
    if !user_ids.is_empty() {
        entries.job(&tx.app(), PRESENCE_TOPIC, &PresenceChanged { user_ids })?;
    }
    Ok(())
}

/// Presences as others see them, by user id. On what somebody is online is shown of who is.
pub async fn presences(tx: &TenantTx, ids: &[&str]) -> Result<Vec<UserPresence>> {
    let rows = store::of(tx, ids).await?;
    let visible: Vec<&str> =
        rows.iter().filter(|(_, row)| row.shown().online).map(|(id, _)| id.as_str()).collect();
    let mut devices: HashMap<String, Vec<Device>> = HashMap::new();
    if !visible.is_empty() {
        for (user, device) in store::live(tx, &visible).await? {
            devices.entry(user).or_default().extend(Device::parse(&device));
        }
    }
    rows.into_iter()
        .map(|(id, row)| {
            let mut devices = devices.remove(&id).unwrap_or_default();
            devices.sort_unstable();
            devices.dedup();
            Ok(UserPresence { user_id: user_id(id)?, presence: row.shown(), devices })
        })
        .collect()
}

/// Tells those who share a channel.
pub struct Presences;

#[async_trait]
impl Told for Presences {
    /// Who it is about.
    type Subject = UserId;
    type Newest = ();
    const BINDING: Binding = BINDING;

    fn read(&self, job: &Delivery) -> Result<Vec<Piece<UserId, ()>>> {
        let changed: PresenceChanged = serde_json::from_str(&job.payload).map_err(Error::internal)?;
        let piece = |user: UserId| Piece { subject: user.clone(), by: user, newest: () };
        Ok(changed.user_ids.into_iter().map(piece).collect())
    }

    async fn audience(
        &self,
        ground: &Ground,
        tx: &TenantTx,
        subjects: &[UserId],
    ) -> Result<Vec<(UserId, UserId)>> {
        let ids: Vec<&str> = subjects.iter().map(UserId::as_str).collect();
        let pairs = store::company(tx, &ids, ground.config.chat.fanout_members).await?;
        pairs.into_iter().map(|(subject, hears)| Ok((user_id(subject)?, user_id(hears)?))).collect()
    }

    async fn commands(
        &self,
        ground: &Ground,
        tx: &TenantTx,
        users: &[(UserId, News<UserId, ()>)],
    ) -> Result<Vec<Command>> {
        let app: AppId = tx.app_id();
        // Mostly many hear of the same: they are told in one command.
        let mut by_news: BTreeMap<Vec<&UserId>, Vec<String>> = BTreeMap::new();
        for (user, news) in users {
            let mut subjects: Vec<_> = news.keys().collect();
            subjects.sort_unstable();
            by_news.entry(subjects).or_default().push(event::user_topic(app, user));
        }
        let mut ids: Vec<&str> = by_news.keys().flatten().map(|id| id.as_str()).collect();
        ids.sort_unstable();
        ids.dedup();
        let known: HashMap<UserId, UserPresence> = presences(tx, &ids)
            .await?
            .into_iter()
            .map(|presence| (presence.user_id.clone(), presence))
            .collect();
        let mut commands = Vec::new();
        for (subjects, topics) in by_news {
            let users: Vec<_> = subjects.into_iter().filter_map(|id| known.get(id)).collect();
            for users in users.chunks(USERS_AT_ONCE) {
                let data = json!({ "users": users });
                let envelope = hint(EventType::UserPresenceChanged, None, ground.clock.now(), data);
                for topics in topics.chunks(TOPICS_AT_ONCE) {
                    commands.push(Command::broadcast(topics.to_vec(), &envelope)?);
                }
            }
        }
        Ok(commands)
    }
}
