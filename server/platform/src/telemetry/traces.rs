//! Spans of requests, sent to a collector as OTLP over HTTP.
//!
//! They are collected in memory and sent by a thread of their own every few seconds. A collector that is away costs
//! spans and nothing else.

use std::time::Duration;

use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::{Layer, Registry};

use super::REQUEST_SPANS;
use crate::error::{Error, Result};

/// How long a collector may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// What sends, and the layer that feeds it.
pub(super) fn start(endpoint: &str) -> Result<(SdkTracerProvider, Box<dyn Layer<Registry> + Send + Sync>)> {
    let exporter = SpanExporter::builder()
        .with_http()
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(format!("{}/v1/traces", endpoint.trim_end_matches('/')))
        .with_timeout(PATIENCE)
        .build()
        .map_err(|error| Error::internal(format!("telemetry.otlp_endpoint: {error}")))?;
    let provider = SdkTracerProvider::builder()
        .with_batch_exporter(exporter)
        .with_resource(Resource::builder().with_service_name("parlor").build())
        .build();
    let layer = tracing_opentelemetry::layer()
        .with_tracer(provider.tracer("parlor"))
        .with_location(false)
        .with_threads(false)
        .with_target(false)
        .with_filter(Targets::new().with_target(REQUEST_SPANS, LevelFilter::TRACE));
    Ok((provider, layer.boxed()))
}
