//! Logs, metrics and traces.
//!
//! Logs are one JSON object a line (or text for people); configuration secrets are of a type that prints as
//! `(redacted)`, tokens are never logged. Metrics are Prometheus', served by `/metrics`. Traces are the spans of
//! requests, sent to a collector where one is configured and the feature `otlp` is on.

#[cfg(feature = "otlp")]
mod traces;

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, Registry, fmt};

use crate::config::{LogFormat, Telemetry};
use crate::error::{Error, Result};

/// Target of the spans of requests. They are of the level TRACE, so that without a collector they cost nothing.
pub const REQUEST_SPANS: &str = "parlor::request";

/// What was not sent yet is sent when this is dropped.
#[must_use]
#[derive(Default)]
pub struct Traces {
    #[cfg(feature = "otlp")]
    provider: Option<opentelemetry_sdk::trace::SdkTracerProvider>,
}

#[cfg(feature = "otlp")]
impl Drop for Traces {
    fn drop(&mut self) {
        if let Some(Err(error)) = self.provider.take().map(|provider| provider.shutdown()) {
            tracing::warn!(%error, "the last spans were not sent");
        }
    }
}

/// Starts logging to standard error, and tracing if a collector is configured. A second call does nothing.
pub fn start_logs(config: &Telemetry) -> Result<Traces> {
    let filter = EnvFilter::try_new(&config.log).unwrap_or_else(|_| EnvFilter::new("info"));
    let lines = fmt::layer().with_writer(std::io::stderr);
    let lines: Box<dyn Layer<Registry> + Send + Sync> = match config.log_format {
        LogFormat::Json => lines.json().flatten_event(true).with_current_span(true).boxed(),
        LogFormat::Text => lines.with_target(false).compact().boxed(),
    };
    #[cfg_attr(not(feature = "otlp"), expect(unused_mut, reason = "there is one layer alone"))]
    let mut layers = vec![lines.with_filter(filter).boxed()];
    #[cfg_attr(not(feature = "otlp"), expect(unused_mut, reason = "there is nothing to send"))]
    let mut traces = Traces::default();
    #[cfg(feature = "otlp")]
    if !config.otlp_endpoint.is_empty() {
        let (provider, layer) = traces::start(&config.otlp_endpoint)?;
        traces.provider = Some(provider);
        layers.push(layer);
    }
    let _ = tracing_subscriber::registry().with(layers).try_init();
    Ok(traces)
}

/// Starts recording metrics for the whole process.
pub fn start_metrics() -> Result<PrometheusHandle> {
    const SECONDS: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];
    PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)
        .and_then(PrometheusBuilder::install_recorder)
        .map_err(Error::internal)
}
