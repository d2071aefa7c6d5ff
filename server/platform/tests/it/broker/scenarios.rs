//! What both brokers promise.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use parlor_platform::Error;
use parlor_test_support::until;
use tokio::sync::Semaphore;

use super::probe::{Choir, Probe};
use super::site::{Kind, Site};
use crate::outbox;

/// A step that no test waits for.
const HOUR: u64 = 3_600_000;

fn broken() -> Error {
    Error::internal("this fails")
}

pub async fn each_bound_consumer_has_each_job_once(kind: Kind) {
    let site = Site::new(kind, &[HOUR]).await;
    let one = Probe::content("one", &["test.a"]);
    let both = Probe::content("both", &["test.a", "test.b"]);
    let process = site.process(&[one.clone(), both.clone()]);
    site.jobs("test.a", 0..20).await;
    site.jobs("test.nobody", 100..105).await;
    site.jobs("test.b", 20..40).await;
    until("all were heard", async || one.heard().len() >= 20 && both.heard().len() >= 40).await;
    outbox::is_empty(&site.test_db).await;
    process.end().await;
    assert_eq!(one.counts(), (0..20).map(|number| (number, 1)).collect());
    assert_eq!(both.counts(), (0..40).map(|number| (number, 1)).collect());
}

pub async fn a_failing_job_climbs_the_ladder_dies_and_can_be_replayed(kind: Kind) {
    let site = Site::new(kind, &[100, 300]).await;
    let mended = Arc::new(AtomicBool::new(false));
    let works = mended.clone();
    let probe = Probe::new("probe", &["test.a"], move |_| {
        let works = works.load(Ordering::SeqCst);
        async move { if works { Ok(()) } else { Err(broken()) } }
    });
    let process = site.process(std::slice::from_ref(&probe));
    site.jobs("test.a", [7]).await;
    until("it is dead", async || process.broker.dead_letters(10).await.unwrap().len() == 1).await;

    let heard = probe.heard();
    assert_eq!(heard.len(), 3, "once, and once for each rung");
    assert!(heard[1].at - heard[0].at >= Duration::from_millis(100));
    assert!(heard[2].at - heard[1].at >= Duration::from_millis(300));
    assert!(heard.iter().all(|attempt| attempt.event == heard[0].event), "always under the same id");

    // Looking changes nothing.
    for _ in 0..3 {
        let letters = process.broker.dead_letters(10).await.unwrap();
        let [letter] = letters.as_slice() else { panic!("one dead letter, not {letters:?}") };
        assert_eq!((letter.event_id, letter.app), (heard[0].event, site.app));
        assert_eq!((letter.topic.as_str(), letter.attempts), ("test.a", 3));
        assert!(letter.error.contains("this fails") && letter.error.contains("probe"), "{}", letter.error);
        assert!(letter.died_at.is_some());
    }

    assert_eq!(process.broker.replay(None).await.unwrap(), 1);
    until("it died again", async || {
        probe.heard().len() == 6 && process.broker.dead_letters(10).await.unwrap().len() == 1
    })
    .await;
    mended.store(true, Ordering::SeqCst);
    assert_eq!(process.broker.replay(None).await.unwrap(), 1);
    until("it succeeded", async || probe.heard().len() == 7).await;
    process.end().await;
    assert!(process.broker.dead_letters(10).await.unwrap().is_empty());
    assert_eq!(process.broker.replay(None).await.unwrap(), 0);
    assert_eq!(outbox::rows(&site.test_db).await, 0);
}

pub async fn one_dead_letter_can_be_replayed_alone(kind: Kind) {
    let site = Site::new(kind, &[20]).await;
    let probe = Probe::new(
        "probe",
        &["test.a"],
        async |heard| {
            if heard.attempt > 2 { Ok(()) } else { Err(broken()) }
        },
    );
    let process = site.process(std::slice::from_ref(&probe));
    site.jobs("test.a", 0..5).await;
    until("all are dead", async || process.broker.dead_letters(10).await.unwrap().len() == 5).await;
    assert_eq!(process.broker.dead_letters(3).await.unwrap().len(), 3);
    let chosen = probe.heard().into_iter().find(|heard| heard.number == 3).unwrap().event;

    assert_eq!(process.broker.replay(Some(chosen)).await.unwrap(), 1);
    until("it succeeded", async || probe.counts()[&3] == 3).await;
    until("four are left", async || process.broker.dead_letters(10).await.unwrap().len() == 4).await;
    assert_eq!(process.broker.replay(Some(chosen)).await.unwrap(), 0);
    let left = process.broker.dead_letters(10).await.unwrap();
    assert!(left.iter().all(|letter| letter.event_id != chosen));
    assert!(left.windows(2).all(|pair| pair[0].died_at <= pair[1].died_at), "oldest first");
    process.end().await;
}

pub async fn a_panic_is_a_failed_attempt(kind: Kind) {
    let site = Site::new(kind, &[20]).await;
    let probe = Probe::new("probe", &["test.a"], async |heard| {
        assert!(heard.attempt > 1 || heard.number != 0, "a panic that this test is about");
        Ok(())
    });
    let process = site.process(std::slice::from_ref(&probe));
    site.jobs("test.a", 0..4).await;
    until("all succeeded", async || probe.heard().len() == 5).await;
    outbox::is_empty(&site.test_db).await;
    process.end().await;
    assert_eq!(probe.counts(), [(0, 2), (1, 1), (2, 1), (3, 1)].into());
    assert!(process.broker.dead_letters(10).await.unwrap().is_empty());
}

pub async fn a_poisonous_job_does_not_hold_up_those_behind_it(kind: Kind) {
    let mut site = Site::new(kind, &[HOUR]).await;
    site.config.concurrency = 1;
    let probe = Probe::new(
        "probe",
        &["test.a"],
        async |heard| {
            if heard.number % 10 == 0 { Err(broken()) } else { Ok(()) }
        },
    );
    let process = site.process(std::slice::from_ref(&probe));
    site.jobs("test.a", 0..50).await;
    until("all were heard", async || probe.counts().len() == 50).await;
    process.end().await;
    assert!(probe.counts().values().all(|count| *count == 1), "the poisonous ones wait on their rung");
    assert!(process.broker.dead_letters(10).await.unwrap().is_empty());
}

pub async fn a_slow_job_does_not_hold_up_those_behind_it(kind: Kind) {
    let mut site = Site::new(kind, &[HOUR]).await;
    site.config.concurrency = 2;
    let gate = Arc::new(Semaphore::new(0));
    let (waits, done) = (gate.clone(), Arc::new(AtomicUsize::new(0)));
    let counted = done.clone();
    let probe = Probe::new("probe", &["test.a"], move |heard| {
        let (waits, counted) = (waits.clone(), counted.clone());
        async move {
            if heard.number == 0 {
                let _ = waits.acquire().await;
            }
            counted.fetch_add(1, Ordering::SeqCst);
            Ok(())
        }
    });
    let process = site.process(std::slice::from_ref(&probe));
    site.jobs("test.a", 0..40).await;
    until("all but the slow one are done", async || done.load(Ordering::SeqCst) == 39).await;
    assert_eq!(probe.counts()[&0], 1);
    gate.add_permits(1);
    outbox::is_empty(&site.test_db).await;
    until("the slow one is done", async || done.load(Ordering::SeqCst) == 40).await;
    process.end().await;
    assert!(probe.counts().values().all(|count| *count == 1));
}

pub async fn two_processes_never_have_the_same_job_at_once(kind: Kind) {
    let site = Site::new(kind, &[20]).await;
    let (running, begun) = (Arc::new(Mutex::new(BTreeSet::new())), Arc::new(Mutex::new(BTreeSet::new())));
    let twice = Arc::new(AtomicBool::new(false));
    let make = || {
        let (running, begun, twice) = (running.clone(), begun.clone(), twice.clone());
        Probe::new("probe", &["test.a"], move |heard| {
            let (running, begun, twice) = (running.clone(), begun.clone(), twice.clone());
            async move {
                if !running.lock().unwrap().insert(heard.number) {
                    twice.store(true, Ordering::SeqCst);
                }
                tokio::time::sleep(Duration::from_millis(2)).await;
                running.lock().unwrap().remove(&heard.number);
                // Some are retried, perhaps by the other process.
                let first = begun.lock().unwrap().insert(heard.number);
                if first && heard.number % 5 == 0 { Err(broken()) } else { Ok(()) }
            }
        })
    };
    let (first, second) = (make(), make());
    let processes = [site.process(std::slice::from_ref(&first)), site.process(std::slice::from_ref(&second))];
    site.jobs("test.a", 0..200).await;
    let heard = || first.heard().into_iter().chain(second.heard()).map(|heard| heard.number);
    until("all were heard", async || heard().collect::<BTreeSet<_>>().len() == 200 && heard().count() >= 240)
        .await;
    outbox::is_empty(&site.test_db).await;
    for process in &processes {
        process.end().await;
    }
    assert!(!twice.load(Ordering::SeqCst));
    for number in (0..200).filter(|number| number % 5 != 0) {
        assert_eq!(heard().filter(|heard| *heard == number).count(), 1, "{number}");
    }
    assert!(!first.heard().is_empty() && !second.heard().is_empty(), "both took part");
}

pub async fn a_stopping_process_finishes_what_it_has_begun(kind: Kind) {
    let mut site = Site::new(kind, &[HOUR]).await;
    site.config.concurrency = 1;
    let gate = Arc::new(Semaphore::new(0));
    let waits = gate.clone();
    let probe = Probe::new("probe", &["test.a"], move |_| {
        let waits = waits.clone();
        async move {
            waits.acquire().await.unwrap().forget();
            Ok(())
        }
    });
    let process = site.process(std::slice::from_ref(&probe));
    site.jobs("test.a", 0..10).await;
    until("the first was begun", async || probe.heard().len() == 1).await;
    process.ask_to_stop();
    gate.add_permits(1);
    process.has_stopped().await;
    assert_eq!(probe.heard().len(), 1, "none was begun after the stop");

    // The next process has the others, at once, and the finished one no more.
    let next = Probe::content("probe", &["test.a"]);
    let process = site.process(std::slice::from_ref(&next));
    until("the others are done", async || next.heard().len() == 9).await;
    outbox::is_empty(&site.test_db).await;
    process.end().await;
    let finished = probe.heard()[0].number;
    assert_eq!(
        next.counts(),
        (0..10).filter(|number| *number != finished).map(|number| (number, 1)).collect()
    );
}

pub async fn jobs_are_handled_together_and_alone_after_a_failure(kind: Kind) {
    let mut site = Site::new(kind, &[20]).await;
    site.config.concurrency = 1;
    let choir = Choir::new(17);
    // There before anybody listens, so that many are at hand. RabbitMQ gets them from the relay of a process.
    site.jobs("test.a", 0..40).await;
    site.jobs("test.b", 40..60).await;
    let process = site.process(std::slice::from_ref(&choir));
    until("all but one are done", async || choir.done.lock().unwrap().len() == 59).await;
    until("that one is dead", async || process.broker.dead_letters(10).await.unwrap().len() == 1).await;
    process.end().await;
    let mut done = choir.done.lock().unwrap().clone();
    done.sort_unstable();
    assert_eq!(done, (0..60).filter(|number| *number != 17).collect::<Vec<_>>(), "each once");
    let heard = choir.heard.lock().unwrap().clone();
    assert!(heard.iter().all(|group| group.len() <= 8));
    assert!(heard.iter().any(|group| group.len() > 1), "some came together");
    let alone = heard.iter().filter(|group| **group == [17]).count();
    assert_eq!(alone, 2, "the poisonous one has its whole ladder, alone");
}
