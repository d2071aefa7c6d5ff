//! What tests of the server share: a [database each](TestDb), [services](Services) that a test may stop and
//! start, and a [network](Proxy) that it may cut. `script/test` runs them all with PostgreSQL, RabbitMQ and
//! Centrifugo of its own.
//!
//! Tests wait [for a condition](until), never for a time.

mod database;
mod port;
mod proxy;
mod services;

use std::time::Duration;

pub use database::{TENANT_TABLES, TestDb};
pub use port::free_port;
pub use proxy::Proxy;
pub use services::{How, Services};

/// A setting that `script/test` gives to tests, such as `PARLOR_TEST_AMQP_URL`.
pub fn setting(name: &str) -> String {
    match std::env::var(name) {
        Ok(value) => value,
        Err(_) => panic!(
            "{name} is not set: run script/test, or `script/services start all DIR` and export what it prints"
        ),
    }
}

/// Waits until the condition holds. After a minute the test has failed: that is longer than anything here
/// takes on a busy machine, and a test that passes never waits so long.
pub async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    if tokio::time::timeout(Duration::from_secs(60), waiting).await.is_err() {
        panic!("waited a minute until {what}");
    }
}
