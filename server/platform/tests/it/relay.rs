//! The relay: order, repetition, leadership, and independence of its two sinks.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use diesel_async::RunQueryDsl;
use parlor_platform::clock::{Clock, monotonic};
use parlor_platform::config::{self, Secret};
use parlor_platform::db::Db;
use parlor_platform::outbox::Bell;
use parlor_platform::outbox::busy::Rules;
use parlor_platform::outbox::relay::Relay;
use parlor_platform::task::{CancellationToken, TaskTracker};
use parlor_test_support::{TestDb, until};
use uuid::Uuid;

use crate::fakes::{FakeBroker, FakeRealtime, Mood, Told};
use crate::outbox;

/// A process that relays.
struct Process {
    realtime: Arc<FakeRealtime>,
    tracker: TaskTracker,
    stop: CancellationToken,
}

impl Process {
    fn start(db: Db, realtime: Arc<FakeRealtime>, broker: Option<Arc<FakeBroker>>) -> Self {
        let process = Self { realtime, tracker: TaskTracker::new(), stop: CancellationToken::new() };
        let relay = Relay {
            db,
            clock: Clock::default(),
            bell: Bell::default(),
            realtime: process.realtime.clone(),
            broker: broker.map(|broker| broker as _),
            poll: Duration::from_millis(10),
            busy: Rules { above: 20, window: Duration::from_millis(75) },
        };
        relay.start(&process.tracker, &process.stop);
        process
    }

    async fn end(&self) {
        self.stop.cancel();
        self.tracker.close();
        self.tracker.wait().await;
    }
}

fn numbers_by_channel(told: &[Told]) -> BTreeMap<&str, Vec<usize>> {
    let mut channels: BTreeMap<_, Vec<_>> = BTreeMap::new();
    let mut seen = BTreeSet::new();
    // As every client does: a key that was seen is dropped.
    for told in told.iter().filter(|told| seen.insert(&told.key)) {
        channels.entry(told.channel.as_str()).or_default().push(told.number);
    }
    channels
}

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_keeps_its_order_though_realtime_fails_every_second_time() {
    let test_db = TestDb::new().await;
    let (db, app) = (test_db.db(), outbox::app(&test_db).await);
    let process = Process::start(db.clone(), FakeRealtime::new(Mood::Flaky), None);
    let channels: Vec<_> = (0..6).map(|channel| format!("channel {channel}")).collect();
    for number in 0..12 {
        for channel in &channels {
            outbox::event(&db, app, channel, number).await;
        }
        if number == 6 {
            // The wait after a failure grows; this is about order, not about time.
            until("some were repeated", async || process.realtime.calls() > 4).await;
            process.realtime.becomes(Mood::Well);
        }
    }
    outbox::is_empty(&test_db).await;
    let told = process.realtime.told();
    let by_channel = numbers_by_channel(&told);
    assert_eq!(by_channel.len(), channels.len());
    for (channel, numbers) in by_channel {
        assert_eq!(numbers, (0..12).collect::<Vec<_>>(), "{channel}");
    }
    process.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_between_telling_and_forgetting_repeats_under_the_same_key() {
    let test_db = TestDb::new().await;
    let (db, app) = (test_db.db(), outbox::app(&test_db).await);
    outbox::event(&db, app, "channel", 1).await;

    let first = Process::start(db.clone(), FakeRealtime::new(Mood::Silent), None);
    until("it was told", async || first.realtime.told().len() == 1).await;
    first.end().await;
    assert_eq!(outbox::rows(&test_db).await, 1, "nobody confirmed it");

    let second = Process::start(db, FakeRealtime::new(Mood::Well), None);
    outbox::is_empty(&test_db).await;
    second.end().await;
    assert_eq!(second.realtime.told(), first.realtime.told(), "the same, under the same key, and only once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_repeats_nothing() {
    let test_db = TestDb::new().await;
    let (db, app) = (test_db.db(), outbox::app(&test_db).await);
    let (realtime, broker) = (FakeRealtime::new(Mood::Well), FakeBroker::new(Mood::Well));

    let process = Process::start(db.clone(), realtime.clone(), Some(broker.clone()));
    realtime.stops(&process.stop);
    outbox::event(&db, app, "channel", 1).await;
    process.stop.cancelled().await;
    process.end().await;
    assert_eq!((realtime.told().len(), outbox::rows(&test_db).await), (1, 0), "told and forgotten");

    let process = Process::start(db.clone(), realtime.clone(), Some(broker.clone()));
    broker.stops(&process.stop);
    outbox::jobs(&db, app, "test.job", [1]).await;
    process.stop.cancelled().await;
    process.end().await;
    assert_eq!((broker.told().len(), outbox::rows(&test_db).await), (1, 0), "told and forgotten");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_relays_one_leads_and_the_other_takes_over_when_its_connection_is_cut() {
    let test_db = TestDb::new().await;
    let (db, app) = (test_db.db(), outbox::app(&test_db).await);
    let login = Login::new(&test_db).await;

    let first = Process::start(login.db(&test_db), FakeRealtime::new(Mood::Well), None);
    outbox::event(&db, app, "channel", 0).await;
    until("the first leads", async || first.realtime.told().len() == 1).await;
    let second = Process::start(db.clone(), FakeRealtime::new(Mood::Well), None);
    for number in 1..10 {
        outbox::event(&db, app, "channel", number).await;
    }
    outbox::is_empty(&test_db).await;
    assert_eq!(first.realtime.told().len(), 10);
    assert_eq!(second.realtime.calls(), 0, "only one leads");

    login.cut(&test_db).await;
    for number in 10..20 {
        outbox::event(&db, app, "channel", number).await;
    }
    outbox::is_empty(&test_db).await;
    assert!(!second.realtime.told().is_empty(), "the second took over");
    let told = [first.realtime.told(), second.realtime.told()].concat();
    assert_eq!(numbers_by_channel(&told)["channel"], (0..20).collect::<Vec<_>>());

    first.end().await;
    second.end().await;
    login.forget(&test_db).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn realtime_may_fail_without_jobs_and_jobs_without_realtime() {
    let test_db = TestDb::new().await;
    let (db, app) = (test_db.db(), outbox::app(&test_db).await);
    let (realtime, broker) = (FakeRealtime::new(Mood::Away), FakeBroker::new(Mood::Well));
    let process = Process::start(db.clone(), realtime.clone(), Some(broker.clone()));

    outbox::event(&db, app, "channel", 1).await;
    outbox::jobs(&db, app, "test.job", [1]).await;
    until("the job is told", async || broker.told().len() == 1).await;
    until("realtime was tried", async || realtime.calls() > 0).await;
    assert_eq!(realtime.told(), []);

    realtime.becomes(Mood::Well);
    broker.becomes(Mood::Away);
    let tried = broker.calls();
    outbox::jobs(&db, app, "test.job", [2]).await;
    outbox::event(&db, app, "channel", 2).await;
    until("realtime has both", async || realtime.told().len() == 2).await;
    until("the broker was tried", async || broker.calls() > tried).await;
    assert_eq!(broker.told().len(), 1);

    broker.becomes(Mood::Well);
    outbox::is_empty(&test_db).await;
    assert_eq!(broker.told().len(), 2);
    process.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_long_failure_a_short_one_is_short_again() {
    let test_db = TestDb::new().await;
    let (db, app) = (test_db.db(), outbox::app(&test_db).await);
    let realtime = FakeRealtime::new(Mood::Away);
    let process = Process::start(db.clone(), realtime.clone(), None);
    outbox::event(&db, app, "channel", 1).await;
    until("the wait has grown to its longest", async || realtime.calls() == 7).await;
    realtime.becomes(Mood::Well);
    outbox::is_empty(&test_db).await;

    realtime.becomes(Mood::Away);
    outbox::event(&db, app, "channel", 2).await;
    until("it was tried", async || realtime.calls() > 8).await;
    let began = monotonic();
    realtime.becomes(Mood::Well);
    until("it was told", async || realtime.told().len() == 2).await;
    assert!(began.elapsed() < Duration::from_millis(1900), "the longest wait is two seconds");
    process.end().await;
}

/// A role of its own for one process, so that its connections can be cut and kept away.
struct Login(String);

impl Login {
    async fn new(test_db: &TestDb) -> Self {
        let role = format!("relay_{}", Uuid::new_v4().simple());
        test_db.execute(&format!("CREATE ROLE {role} LOGIN PASSWORD '{role}' IN ROLE parlor_app")).await;
        Self(role)
    }

    fn db(&self, test_db: &TestDb) -> Db {
        let url = test_db.url();
        let (scheme, rest) = url.split_once("://").unwrap();
        let (_, server) = rest.split_once('@').unwrap();
        let url = format!("{scheme}://{0}:{0}@{server}", self.0);
        Db::new(&config::Database { url: Secret::new(url), ..test_db.config() }).unwrap()
    }

    async fn cut(&self, test_db: &TestDb) {
        test_db.execute(&format!("ALTER ROLE {} NOLOGIN", self.0)).await;
        let cut = diesel::sql_query(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = $1",
        );
        let count = cut
            .bind::<diesel::sql_types::Text, _>(&self.0)
            .execute(&mut test_db.admin().await)
            .await
            .unwrap();
        assert!(count > 0, "it had a connection");
    }

    async fn forget(&self, test_db: &TestDb) {
        test_db.execute(&format!("DROP ROLE {}", self.0)).await;
    }
}
