//! Health, readiness and metrics.
//!
//! `/healthz`: the process lives. `/readyz`: whether it can do its work; 503 only if PostgreSQL is away, because
//! sends are taken without realtime and broker, whose state it also tells.

use std::sync::Arc;
use std::time::Duration;

use actix_web::web::{Data, ServiceConfig};
use actix_web::{HttpResponse, get};
use metrics_exporter_prometheus::PrometheusHandle;
use parlor_platform::{Result, outbox};
use serde_json::json;

use crate::wiring::Parts;

/// What the checks look at.
pub struct Health {
    parts: Arc<Parts>,
    metrics: PrometheusHandle,
}

impl Health {
    /// Looks at these parts.
    pub fn new(parts: Arc<Parts>, metrics: PrometheusHandle) -> Self {
        Self { parts, metrics }
    }
}

/// Adds the routes of this file.
pub fn routes(config: &mut ServiceConfig) {
    config.service(live).service(ready).service(scrape);
}

#[get("/healthz")]
async fn live() -> HttpResponse {
    HttpResponse::Ok().json(json!({ "status": "ok" }))
}

#[get("/readyz")]
async fn ready(health: Data<Health>) -> HttpResponse {
    let parts = &health.parts;
    let (database, realtime, broker) =
        tokio::join!(check(parts.db.ping()), check(parts.realtime.ping()), check(parts.broker.ping()));
    let status = match (database, realtime && broker) {
        (false, _) => "unavailable",
        (true, false) => "degraded",
        (true, true) => "ok",
    };
    let word = |up: bool| if up { "up" } else { "down" };
    let mut response = if database { HttpResponse::Ok() } else { HttpResponse::ServiceUnavailable() };
    response.json(json!({
        "status": status, "database": word(database), "realtime": word(realtime), "broker": word(broker),
    }))
}

async fn check(ping: impl Future<Output = Result<()>>) -> bool {
    matches!(tokio::time::timeout(Duration::from_secs(2), ping).await, Ok(Ok(())))
}

#[get("/metrics")]
async fn scrape(health: Data<Health>) -> HttpResponse {
    let parts = &health.parts;
    if let Ok((rows, age)) = outbox::relay::backlog(&parts.db, &parts.clock).await {
        metrics::gauge!("parlor_outbox_rows").set(rows as f64);
        metrics::gauge!("parlor_outbox_age_seconds").set(age.as_secs_f64());
    }
    let (used, size) = parts.db.usage();
    metrics::gauge!("parlor_database_connections_used").set(used as f64);
    metrics::gauge!("parlor_database_connections_max").set(size as f64);
    if let Some(embedded) = &parts.hub {
        let (hub, stats) = (embedded.hub(), embedded.hub().stats());
        metrics::gauge!("parlor_hub_connections").set(hub.info().num_clients as f64);
        metrics::counter!("parlor_hub_deliveries_total").absolute(stats.deliveries);
        metrics::counter!("parlor_hub_slow_consumers_total").absolute(stats.slow_consumers);
    }
    HttpResponse::Ok().content_type("text/plain; version=0.0.4").body(health.metrics.render())
}
