//! Outbound HTTP. The only place that builds a client.

use std::time::Duration;

use crate::error::{Error, Result};

/// A client for systems of our own that the operator configured, such as Centrifugo's API. It follows no
/// redirects and obeys no proxy variables. Addresses that come from tenants must never be given to it.
#[expect(clippy::disallowed_methods, reason = "this is the place that the lint points to")]
pub fn internal_client(timeout: Duration) -> Result<reqwest::Client> {
    reqwest::Client::builder()
        .timeout(timeout)
        .connect_timeout(timeout.min(Duration::from_secs(2)))
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .tcp_nodelay(true)
        .user_agent(concat!("parlor/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(Error::internal)
}
