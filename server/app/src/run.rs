//! `serve` and `work`: start, serve, stop.
//!
//! A stop (SIGTERM, SIGINT) goes in order: no new connections; requests that were taken are finished; the
//! message writers finish their batch; relay and workers finish the row in hand; realtime clients are told
//! to come back. What did not get done is in the outbox.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use parlor_chat::due::Alarm;
use parlor_chat::{Chat, pins, removal, tombstones};
use parlor_platform::config::{BrokerKind, Config, RealtimeKind};
use parlor_platform::{db, outbox, task, telemetry};

use crate::http::{self, Served};
use crate::wiring::Parts;
use crate::{cause, dev};

/// How long background tasks have to finish.
const DRAIN: Duration = Duration::from_secs(15);
/// Between two looks at what is nearly empty: an index, and the tables that have grown.
const OFTEN: Duration = Duration::from_secs(2);

/// What `dev` adds to `serve`.
#[derive(Default)]
pub struct Extra {
    /// The data directory whose demo app is served and, the first time, filled.
    pub demo: Option<dev::Directory>,
}

/// Serves until a signal comes.
pub async fn serve(config: Config, extra: Extra) -> anyhow::Result<()> {
    let metrics = telemetry::start_metrics().map_err(cause)?;
    let parts = Arc::new(Parts::new(config).map_err(cause)?);
    let config = parts.config.clone();
    let listener = std::net::TcpListener::bind(config.server.listen)
        .with_context(|| format!("cannot listen on {} (server.listen)", config.server.listen))?;
    let chat = parts.chat();
    let hub_stop = task::CancellationToken::new();
    if let Some(embedded) = &parts.hub {
        let listener = parlor_hub::bind(config.realtime.listen)
            .with_context(|| format!("cannot listen on {} (realtime.listen)", config.realtime.listen))?;
        let (hub, stop, token) = (embedded.hub().clone(), hub_stop.clone(), parts.tracker.token());
        task::spawn("hub", async move {
            let _counted = token;
            if let Err(error) = hub.serve(listener, stop.cancelled_owned()).await {
                tracing::error!(%error, "the realtime hub ended");
            }
        });
    }
    parts.start_relay();
    parts.start_watch(&chat);
    if config.broker.kind == BrokerKind::Embedded {
        parts.start_consumers();
        parts.start_due(chat.sender.clone(), chat.alarm.clone());
    }
    start_housekeeping(&parts, &chat);
    let settings_file = extra.demo.as_ref().map(dev::Directory::settings_file);
    let demo = match extra.demo {
        Some(directory) => Some(dev::demo(&parts, &chat, directory).await?),
        None => None,
    };
    let server = http::start(listener, Served { parts: parts.clone(), chat, metrics, demo })?;
    let handle = server.handle();
    tracing::info!(address = %config.server.listen, "parlor serves");
    if let Some(settings) = settings_file {
        let program = std::env::args().next().unwrap_or_else(|| "parlor".to_owned());
        let (url, settings) = (&config.server.public_url, settings.display());
        crate::print(&format!(
            "\n  Parlor is ready: {url}\n  Keys for an app of your own: {program} --config {settings} app create my-app\n"
        ));
    }
    let server = tokio::task::spawn_blocking(move || actix_web::rt::System::new().block_on(server));
    stop_signal().await;
    tracing::info!("stopping: finishing what was taken");
    handle.stop(true).await;
    let served = server.await;
    parts.stop.cancel();
    hub_stop.cancel();
    parts.tracker.close();
    if tokio::time::timeout(DRAIN, parts.tracker.wait()).await.is_err() {
        tracing::warn!("some tasks did not finish in time; what they left is in the outbox");
    }
    served??;
    Ok(())
}

/// Works off jobs until a signal comes.
pub async fn work(config: Config) -> anyhow::Result<()> {
    if config.realtime.kind == RealtimeKind::Embedded {
        anyhow::bail!("with realtime.kind = \"embedded\" jobs are worked off by `parlor serve`");
    }
    let parts = Parts::new(config).map_err(cause)?;
    parts.start_consumers();
    parts.start_due(parts.sender(), Alarm::default());
    tracing::info!("parlor works");
    stop_signal().await;
    parts.stop.cancel();
    parts.tracker.close();
    let _ = tokio::time::timeout(DRAIN, parts.tracker.wait()).await;
    Ok(())
}

/// Caches hear announcements; old inbox entries, idempotency keys, tombstones and expired pins go; a young database gets
/// statistics.
fn start_housekeeping(parts: &Arc<Parts>, chat: &Chat) {
    let (keys, stop) = (parts.keys.clone(), parts.stop.clone());
    task::supervise(&parts.tracker, "announcements", parts.stop.clone(), move || {
        keys.clone().listen(stop.clone())
    });
    let (db, clock) = (parts.db.clone(), parts.clock.clone());
    every(parts, "purge", Duration::from_secs(3600), move || {
        let (db, now) = (db.clone(), clock.now());
        async move {
            if let Err(error) = outbox::inbox::purge(&db, now - chrono::Duration::days(2)).await {
                tracing::warn!(?error, "old inbox entries were not purged");
            }
            if let Err(error) = tombstones::purge(&db, now).await {
                tracing::warn!(?error, "old tombstones were not purged");
            }
        }
    });
    let (keeper, chat) = (chat.clone(), chat.clone());
    every(parts, "pins", OFTEN, move || {
        let chat = chat.clone();
        async move {
            if let Err(error) = pins::expire(&chat).await {
                tracing::debug!(?error, "expired pins were not cleared");
            }
        }
    });
    let seldom = Duration::from_secs(parts.config.chat.upkeep_s);
    every(parts, "retention", seldom, move || {
        let chat = keeper.clone();
        async move {
            if let Err(error) = removal::keep(&chat).await {
                tracing::warn!(?error, "old messages were not removed");
            }
        }
    });
    keep_statistics(parts);
}

/// A young database gets statistics: plans that were made while its tables were empty read all of an app.
pub fn keep_statistics(parts: &Parts) {
    let db = parts.db.clone();
    every(parts, "statistics", OFTEN, move || {
        let db = db.clone();
        async move {
            if let Err(error) = db::analyze_small_tables(&db).await {
                tracing::debug!(?error, "small tables were not analysed");
            }
        }
    });
}

/// Does something at the start and every so often, until the process stops.
fn every<W, R>(parts: &Parts, name: &'static str, period: Duration, work: W)
where
    W: Fn() -> R + Clone + Send + Sync + 'static,
    R: Future<Output = ()> + Send,
{
    let stop = parts.stop.clone();
    task::supervise(&parts.tracker, name, parts.stop.clone(), move || {
        let (work, stop) = (work.clone(), stop.clone());
        async move {
            while !stop.is_cancelled() {
                work().await;
                let _ = tokio::time::timeout(period, stop.cancelled()).await;
            }
        }
    });
}

async fn stop_signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let terminate = async {
        match signal(SignalKind::terminate()) {
            Ok(mut signal) => {
                signal.recv().await;
            }
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        () = terminate => {}
        _ = tokio::signal::ctrl_c() => {}
    }
}
