//! RabbitMQ away, killed, cut off and frozen: the process runs on, says the truth, and loses nothing.

use std::time::Duration;

use parlor_platform::clock::monotonic;
use parlor_platform::{Error, Result};
use parlor_protocol::ErrorCode;
use parlor_test_support::{How, Proxy, Services, setting, until};

use super::probe::{Heard, Probe};
use super::site::{Kind, Site};
use crate::outbox;

/// Half of the jobs fail at first, so that some are on a rung at any moment.
async fn fails_at_first(heard: Heard) -> Result<()> {
    if heard.attempt == 1 && heard.number.is_multiple_of(2) {
        Err(Error::internal("at first"))
    } else {
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_is_absent_killed_and_restarted_under_load_loses_nothing() {
    let services = Services::start("rabbitmq").await;
    services.stop("rabbitmq", How::Graceful).await;
    let site = Site::at(Kind::RabbitMq, services.setting("PARLOR_TEST_AMQP_URL"), &[1500, 1500, 1500]).await;
    let probe = Probe::new("probe", &["test.a"], fails_at_first);

    // Absent from the start: the process runs, and says the truth.
    let process = site.process(std::slice::from_ref(&probe));
    site.jobs("test.a", 0..100).await;
    let began = monotonic();
    assert_eq!(process.broker.ping().await.unwrap_err().code(), ErrorCode::Unavailable);
    assert!(began.elapsed() < Duration::from_secs(3), "a ping is quick: {:?}", began.elapsed());
    assert_eq!(outbox::rows(&site.test_db).await, 100, "the rows are kept");

    services.resume("rabbitmq").await;
    until("it is there", async || process.broker.ping().await.is_ok()).await;
    until("work has begun", async || !probe.heard().is_empty()).await;

    for (round, how) in [How::Kill, How::Graceful].into_iter().enumerate() {
        let first = 100 + 200 * round;
        site.jobs("test.a", first..first + 100).await;
        until("some are done", async || probe.counts().len() > first + 20).await;
        services.stop("rabbitmq", how).await;
        site.jobs("test.a", first + 100..first + 200).await;
        assert!(process.broker.ping().await.is_err());
        services.resume("rabbitmq").await;
        until("it is there again", async || process.broker.ping().await.is_ok()).await;
    }

    let wanted = |number: usize| if number.is_multiple_of(2) { 2 } else { 1 };
    until("all were done", async || {
        let counts = probe.counts();
        (0..500).all(|number| counts.get(&number).is_some_and(|count| *count >= wanted(number)))
    })
    .await;
    outbox::is_empty(&site.test_db).await;
    process.end().await;
    assert!(process.broker.dead_letters(10).await.unwrap().is_empty());
}

/// The library passes over some who wait when a connection ends; with enough cuts each such place is met.
#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_is_cut_again_and_again_under_load_is_soon_back_each_time() {
    let (proxy, url) = proxy().await;
    let site = Site::at(Kind::RabbitMq, &url, &[50, 50, 50]).await;
    let probe = Probe::new("probe", &["test.a"], fails_at_first);
    let process = site.process(std::slice::from_ref(&probe));
    for round in 0..25 {
        site.jobs("test.a", 20 * round..20 * (round + 1)).await;
        // Not always in the same phase of the work.
        let begun = probe.heard().len() + round;
        until("work goes on", async || probe.heard().len() > begun || probe.counts().len() >= 20 * round)
            .await;
        let cut = monotonic();
        proxy.cut();
        let heard = probe.heard().len();
        site.jobs("test.a", [1000 + round]).await;
        until("it is back", async || probe.heard().len() > heard).await;
        assert!(cut.elapsed() < Duration::from_secs(20), "{:?} after cut {round}", cut.elapsed());
    }
    until("all were done", async || probe.counts().len() == 525).await;
    outbox::is_empty(&site.test_db).await;
    process.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_connection_is_noticed() {
    let (proxy, url) = proxy().await;
    let site = Site::at(Kind::RabbitMq, &format!("{url}?heartbeat=2"), &[3_600_000]).await;
    let probe = Probe::content("probe", &["test.a"]);
    let process = site.process(std::slice::from_ref(&probe));
    site.jobs("test.a", [0]).await;
    until("it works", async || probe.heard().len() == 1).await;
    until("all is well", async || process.broker.ping().await.is_ok()).await;

    proxy.freeze();
    let began = monotonic();
    assert_eq!(process.broker.ping().await.unwrap_err().code(), ErrorCode::Unavailable);
    assert!(began.elapsed() < Duration::from_secs(3), "a ping is quick: {:?}", began.elapsed());
    site.jobs("test.a", [1]).await;
    until("it works again", async || probe.heard().len() == 2).await;
    outbox::is_empty(&site.test_db).await;
    process.end().await;
}

/// A way to RabbitMQ that can be cut, and its address.
async fn proxy() -> (Proxy, String) {
    let url = setting("PARLOR_TEST_AMQP_URL");
    let (login, rest) = url.split_once('@').unwrap();
    let (server, vhost) = rest.split_once('/').unwrap();
    let proxy = Proxy::to(server).await;
    let url = format!("{login}@{}/{vhost}", proxy.address());
    (proxy, url)
}
