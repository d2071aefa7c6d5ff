//! What is to be told to users, gathered so that none hears more often than [`PER_SECOND`] times a second.
//!
//! One shape for all that is told so: jobs say what happened to which subject ([`Told::read`]); of several in a row the
//! newest counts, and who made it may still have to hear of the one before it. The [audience](Told::audience) of a
//! subject is asked for, those who are not connected are left out, and the rest waits in [`Pending`] until their turn,
//! when [`Told::commands`] says it with the facts of that moment. These are hints that may be lost; a client that
//! reconnects asks for what it needs.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use parlor_platform::Result;
use parlor_platform::broker::{Binding, Consumer, Delivery};
use parlor_platform::clock::Clock;
use parlor_platform::config::Config;
use parlor_platform::db::{Db, TenantTx};
use parlor_platform::outbox::Command;
use parlor_platform::realtime::Realtime;
use parlor_platform::task::{CancellationToken, TaskTracker, supervise};
use parlor_protocol::{AppId, UserId, event};
use tokio::sync::Notify as Wake;

/// How often a user hears at the most.
const PER_SECOND: u32 = 4;
/// Users for whom facts are asked, and who are told, at once.
const USERS_AT_ONCE: usize = 200;

/// What those who tell stand on.
#[derive(Clone)]
pub struct Ground {
    pub db: Db,
    pub clock: Clock,
    pub config: Arc<Config>,
    pub realtime: Arc<dyn Realtime>,
}

/// Something that happened to a subject.
pub struct Piece<S, N> {
    pub subject: S,
    /// Who did it, and need not be told.
    pub by: UserId,
    /// Of several the greatest is told.
    pub newest: N,
}

/// Subjects with something new, and the newest of each.
pub type News<S, N> = HashMap<S, N>;

/// A user with the news of a kind.
type Hearer<T> = (UserId, News<<T as Told>::Subject, <T as Told>::Newest>);

/// A kind of news.
#[async_trait]
pub trait Told: Send + Sync + 'static {
    /// What it is about: a channel, a thread, a user.
    type Subject: Clone + Eq + Hash + Send + Sync;
    /// What is told of the newest.
    type Newest: Clone + Ord + Send + Sync;
    /// What is heard, and the name of the queue.
    const BINDING: Binding;

    /// What a job says.
    fn read(&self, job: &Delivery) -> Result<Vec<Piece<Self::Subject, Self::Newest>>>;

    /// Who is to hear of these subjects.
    async fn audience(
        &self,
        ground: &Ground,
        tx: &TenantTx,
        subjects: &[Self::Subject],
    ) -> Result<Vec<(Self::Subject, UserId)>>;

    /// What some users are told.
    async fn commands(
        &self,
        ground: &Ground,
        tx: &TenantTx,
        users: &[(UserId, News<Self::Subject, Self::Newest>)],
    ) -> Result<Vec<Command>>;
}

/// Collects what is new and tells it.
pub struct Coalesced<T: Told> {
    ground: Ground,
    told: T,
    pending: Pending<T::Subject, T::Newest>,
}

impl<T: Told> Coalesced<T> {
    /// Starts telling, until `stop`.
    pub fn start(ground: &Ground, told: T, tracker: &TaskTracker, stop: &CancellationToken) -> Arc<Self> {
        let this = Arc::new(Self { ground: ground.clone(), told, pending: Pending::default() });
        let (teller, token) = (this.clone(), stop.clone());
        supervise(tracker, T::BINDING.name, stop.clone(), move || teller.clone().tell(token.clone()));
        this
    }

    async fn tell(self: Arc<Self>, stop: CancellationToken) {
        while let Some(rounds) = self.pending.next(&stop).await {
            for (app, users) in rounds {
                if let Err(error) = self.tell_users(app, &users).await {
                    tracing::debug!(?error, kind = T::BINDING.name, "users were not told");
                }
            }
            self.pending.rest(&stop).await;
        }
    }

    async fn tell_users(&self, app: AppId, users: &[Hearer<T>]) -> Result<()> {
        let tx = self.ground.db.tenant_for_job(app).await?;
        let commands = self.told.commands(&self.ground, &tx, users).await?;
        tx.commit().await?;
        if commands.is_empty() {
            return Ok(());
        }
        self.ground.realtime.carry_out(commands).await
    }
}

#[async_trait]
impl<T: Told> Consumer for Coalesced<T> {
    fn binding(&self) -> Binding {
        T::BINDING
    }

    async fn handle(&self, app: AppId, jobs: &[Delivery]) -> Result<()> {
        let mut pieces: HashMap<T::Subject, Vec<(T::Newest, UserId)>> = HashMap::new();
        for job in jobs {
            for piece in self.told.read(job)? {
                pieces.entry(piece.subject).or_default().push((piece.newest, piece.by));
            }
        }
        for of_subject in pieces.values_mut() {
            of_subject.sort_unstable_by(|one, other| other.0.cmp(&one.0));
        }
        let subjects: Vec<_> = pieces.keys().cloned().collect();
        let tx = self.ground.db.tenant_for_job(app).await?;
        let audience = self.told.audience(&self.ground, &tx, &subjects).await?;
        tx.commit().await?;
        for (subject, user) in audience {
            let by_others = |of: &'_ Vec<(T::Newest, UserId)>| {
                of.iter().find(|(_, by)| *by != user).map(|(newest, _)| newest.clone())
            };
            let Some(newest) = pieces.get(&subject).and_then(by_others) else { continue };
            if self.ground.realtime.is_connected(&event::realtime_user(app, &user)) != Some(false) {
                self.pending.add(app, user, subject, newest);
            }
        }
        Ok(())
    }
}

type Dirty<S, N> = BTreeMap<AppId, BTreeMap<UserId, News<S, N>>>;
/// Users of one app with their news.
type Round<S, N> = (AppId, Vec<(UserId, News<S, N>)>);

/// News that nobody was told yet.
struct Pending<S, N> {
    dirty: Mutex<Dirty<S, N>>,
    wake: Wake,
}

impl<S, N> Default for Pending<S, N> {
    fn default() -> Self {
        Self { dirty: Mutex::default(), wake: Wake::default() }
    }
}

impl<S: Eq + Hash, N: Ord> Pending<S, N> {
    /// There is something new for a user; of several the newest is told.
    fn add(&self, app: AppId, user: UserId, subject: S, newest: N) {
        let mut dirty = self.dirty.lock().unwrap_or_else(PoisonError::into_inner);
        let news = dirty.entry(app).or_default().entry(user).or_default();
        if news.get(&subject).is_none_or(|known| *known < newest) {
            news.insert(subject, newest);
        }
        drop(dirty);
        self.wake.notify_one();
    }

    /// Waits for news and takes them, for some users of one app at a time; `None` at the end.
    async fn next(&self, stop: &CancellationToken) -> Option<Vec<Round<S, N>>> {
        tokio::select! { () = stop.cancelled() => return None, () = self.wake.notified() => {} }
        let dirty = std::mem::take(&mut *self.dirty.lock().unwrap_or_else(PoisonError::into_inner));
        let mut rounds = Vec::new();
        for (app, users) in dirty {
            let mut users = users.into_iter();
            loop {
                let some: Vec<_> = users.by_ref().take(USERS_AT_ONCE).collect();
                if some.is_empty() {
                    break;
                }
                rounds.push((app, some));
            }
        }
        Some(rounds)
    }

    /// The wait comes after the telling: a first message is told at once.
    async fn rest(&self, stop: &CancellationToken) {
        let wait = Duration::from_secs(1) / PER_SECOND;
        tokio::select! { () = stop.cancelled() => {}, () = tokio::time::sleep(wait) => {} }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn of_several_the_newest_is_told_and_each_user_once() {
        let (pending, stop, app) = (Pending::default(), CancellationToken::new(), AppId::new());
        let user = |id: &str| UserId::new(id).unwrap();
        for (who, subject, newest) in [("ann", 'a', 2), ("ben", 'a', 1), ("ann", 'a', 1), ("ann", 'b', 7)] {
            pending.add(app, user(who), subject, newest);
        }
        let rounds = pending.next(&stop).await.unwrap();
        let of_ann = HashMap::from([('a', 2), ('b', 7)]);
        assert_eq!(rounds, [(app, vec![(user("ann"), of_ann), (user("ben"), HashMap::from([('a', 1)]))])]);
        stop.cancel();
        assert!(pending.next(&stop).await.is_none());
    }

    #[tokio::test]
    async fn many_users_are_told_in_turns() {
        let (pending, stop, app) = (Pending::default(), CancellationToken::new(), AppId::new());
        for user in 0..=USERS_AT_ONCE {
            pending.add(app, UserId::new(user.to_string()).unwrap(), (), ());
        }
        let sizes: Vec<_> =
            pending.next(&stop).await.unwrap().into_iter().map(|(_, users)| users.len()).collect();
        assert_eq!(sizes, [USERS_AT_ONCE, 1]);
    }
}
