//! The maps of the hub, in shards, so that two cores rarely want the same lock.
//!
//! No lock of a client or channel is taken while a shard of users or connections is held. A shard of
//! channels is held while a channel is checked for removal, which is what makes removal safe: a channel
//! is marked gone and leaves the map in one step.

use std::borrow::Borrow;
use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, Hash, Hasher, RandomState};
use std::sync::{Arc, Mutex};

use crate::channel::Channel;
use crate::client::Client;
use crate::config::Namespace;
use crate::task::lock;

/// Also the number of ticks in which the sweep visits every channel once.
pub(crate) const SHARDS: usize = 64;

fn shards<T: Default>() -> Vec<Mutex<T>> {
    (0..SHARDS).map(|_| Mutex::default()).collect()
}

/// A channel that is found by its name, which is stored once.
struct Named(Arc<Channel>);

impl Borrow<str> for Named {
    fn borrow(&self) -> &str {
        &self.0.name
    }
}

impl Hash for Named {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        self.0.name.hash(hasher);
    }
}

impl PartialEq for Named {
    fn eq(&self, other: &Self) -> bool {
        self.0.name == other.0.name
    }
}

impl Eq for Named {}

pub(crate) struct Channels {
    hasher: RandomState,
    shards: Vec<Mutex<HashSet<Named>>>,
}

impl Channels {
    pub fn new() -> Self {
        Self { hasher: RandomState::new(), shards: shards() }
    }

    fn shard(&self, name: &str) -> &Mutex<HashSet<Named>> {
        &self.shards[self.hasher.hash_one(name) as usize % SHARDS]
    }

    pub fn get(&self, name: &str) -> Option<Arc<Channel>> {
        lock(self.shard(name)).get(name).map(|named| Arc::clone(&named.0))
    }

    pub fn get_or_insert(&self, name: &str, namespace: &Arc<Namespace>) -> Arc<Channel> {
        let mut shard = lock(self.shard(name));
        if let Some(named) = shard.get(name) {
            return Arc::clone(&named.0);
        }
        let channel = Arc::new(Channel::new(name, Arc::clone(namespace)));
        shard.insert(Named(Arc::clone(&channel)));
        channel
    }

    /// Removes the channel if nobody needs it any more.
    pub fn release(&self, channel: &Arc<Channel>, now: u64) {
        let mut shard = lock(self.shard(&channel.name));
        let mut state = lock(&channel.state);
        if !state.gone && state.expire(now) {
            state.gone = true;
            shard.remove(&*channel.name);
        }
    }

    /// Expires the channels of one shard. A channel that is busy right now is visited next time.
    pub fn sweep(&self, shard: usize, now: u64) {
        let mut shard = lock(&self.shards[shard % SHARDS]);
        shard.retain(|named| match named.0.state.try_lock() {
            Ok(mut state) => {
                state.gone = state.expire(now);
                !state.gone
            }
            Err(_) => true,
        });
        if shard.capacity() > 64 && shard.len() < shard.capacity() / 4 {
            shard.shrink_to_fit();
        }
    }

    pub fn all(&self) -> Vec<Arc<Channel>> {
        let mut all = Vec::new();
        for shard in &self.shards {
            all.extend(lock(shard).iter().map(|named| Arc::clone(&named.0)));
        }
        all
    }
}

type ByUser = HashMap<Arc<str>, Vec<Arc<Client>>>;

/// Connections by user.
pub(crate) struct Users {
    hasher: RandomState,
    shards: Vec<Mutex<ByUser>>,
}

impl Users {
    pub fn new() -> Self {
        Self { hasher: RandomState::new(), shards: shards() }
    }

    fn shard(&self, user: &str) -> &Mutex<ByUser> {
        &self.shards[self.hasher.hash_one(user) as usize % SHARDS]
    }

    /// Adds a connection unless the user has `limit` already (0: no limit); returns how many there are now.
    pub fn add(&self, user: &Arc<str>, client: &Arc<Client>, limit: usize) -> Option<usize> {
        let mut shard = lock(self.shard(user));
        let connections = shard.entry(Arc::clone(user)).or_insert_with(|| Vec::with_capacity(1));
        if limit > 0 && !user.is_empty() && connections.len() >= limit {
            return None;
        }
        connections.push(Arc::clone(client));
        Some(connections.len())
    }

    /// Removes a connection; returns how many are left.
    pub fn remove(&self, client: &Arc<Client>) -> usize {
        let user = client.user();
        let mut shard = lock(self.shard(user));
        let Some(connections) = shard.get_mut(user) else { return 0 };
        connections.retain(|other| other.number != client.number);
        let left = connections.len();
        if left == 0 {
            shard.remove(user);
        }
        left
    }

    pub fn connections(&self, user: &str) -> Vec<Arc<Client>> {
        lock(self.shard(user)).get(user).cloned().unwrap_or_default()
    }

    /// Connections of all users whose id begins with `prefix`. Walks all users, a shard at a time.
    pub fn with_prefix(&self, prefix: &str) -> Vec<Arc<Client>> {
        let mut found = Vec::new();
        for shard in &self.shards {
            let shard = lock(shard);
            let theirs = shard.iter().filter(|(user, _)| user.starts_with(prefix));
            found.extend(theirs.flat_map(|(_, connections)| connections.iter().cloned()));
        }
        found
    }

    pub fn contains(&self, user: &str) -> bool {
        lock(self.shard(user)).contains_key(user)
    }

    pub fn len(&self) -> usize {
        self.shards.iter().map(|shard| lock(shard).len()).sum()
    }
}

/// All connections, also those that have not sent a connect command.
pub(crate) struct Connections {
    shards: Vec<Mutex<HashMap<u64, Arc<Client>>>>,
    /// HTTP streams by their session.
    sessions: Mutex<HashMap<uuid::Uuid, Arc<Client>>>,
}

impl Connections {
    pub fn new() -> Self {
        Self { shards: shards(), sessions: Mutex::default() }
    }

    fn shard(&self, number: u64) -> &Mutex<HashMap<u64, Arc<Client>>> {
        &self.shards[number as usize % SHARDS]
    }

    pub fn insert(&self, client: &Arc<Client>) {
        lock(self.shard(client.number)).insert(client.number, Arc::clone(client));
        if !client.session.is_nil() {
            lock(&self.sessions).insert(client.session, Arc::clone(client));
        }
    }

    pub fn remove(&self, client: &Client) {
        lock(self.shard(client.number)).remove(&client.number);
        if !client.session.is_nil() {
            lock(&self.sessions).remove(&client.session);
        }
    }

    pub fn get(&self, number: u64) -> Option<Arc<Client>> {
        lock(self.shard(number)).get(&number).cloned()
    }

    pub fn by_session(&self, session: uuid::Uuid) -> Option<Arc<Client>> {
        lock(&self.sessions).get(&session).cloned()
    }

    pub fn all(&self) -> Vec<Arc<Client>> {
        self.shards.iter().flat_map(|shard| lock(shard).values().cloned().collect::<Vec<_>>()).collect()
    }
}
