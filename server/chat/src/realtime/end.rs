//! The end of all connections of an app: its tokens were revoked, or it was suspended.
//!
//! It goes through the outbox with the change that it follows from, so that it reaches the process that holds the
//! connections, and happens if and only if the change does. The embedded hub knows its users and ends them in one go.
//! Centrifugo can't look users up by a prefix, so each who may be connected is named: a connection lives no longer than
//! its token, and who got one was seen by the API.

use chrono::{DateTime, Duration, Utc};
use parlor_platform::Result;
use parlor_platform::config::{Config, RealtimeKind};
use parlor_platform::db::TenantTx;
use parlor_platform::outbox::{Command, DisconnectAll, Entries};
use parlor_protocol::event::{realtime_user, realtime_users};

use super::{code, disconnect};
use crate::users;

/// Users whose disconnects make up one batch.
const PAGE: i64 = 1_000;
/// What a connection may outlive its last visible activity by, beyond its token's time: activity is noted once a
/// minute, a token is used within a minute, and an expired connection has a grace.
const SLACK_S: i64 = 300;

/// Ends all realtime connections of the transaction's app once it is committed. The embedded hub lets nobody
/// back with a token that was made before. Centrifugo checks a token without asking: with one from the minute before, a
/// client that ignores the end can come back for as long as what it opens lasts.
pub async fn disconnect_app(
    tx: &TenantTx,
    entries: &mut Entries,
    config: &Config,
    why: (u32, &str),
    now: DateTime<Utc>,
) -> Result<()> {
    let app = tx.app_id();
    if config.realtime.kind == RealtimeKind::Embedded {
        let all = DisconnectAll { prefix: realtime_users(app), disconnect: code(why) };
        entries.command(&app, Command::DisconnectAll(all));
        return Ok(());
    }
    let since = now - Duration::seconds(i64::from(config.realtime.token_ttl_s) + SLACK_S);
    let mut after = None;
    loop {
        let page = users::store::seen_since(tx, since, after.as_ref(), PAGE).await?;
        // Stored page by page: of a large app the caller's entries would be one huge row.
        let mut entries = Entries::new(config.lanes());
        for user in &page {
            entries.command(user, disconnect(realtime_user(app, user), why));
        }
        entries.store(tx, now).await?;
        after = match page.into_iter().last() {
            Some(last) => Some(last),
            None => return Ok(()),
        };
    }
}
