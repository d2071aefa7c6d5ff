//! Around every request: its id, its time, security headers, the budget's headers.

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::{HttpResponse, ResponseError};
use parlor_chat::web::caller_budget;
use parlor_platform::clock::monotonic;
use parlor_platform::config::Config;
use parlor_platform::error::REQUEST_ID;
use parlor_platform::telemetry::REQUEST_SPANS;
use parlor_platform::{Error, db};
use parlor_protocol::ErrorCode;
use tracing::field::Empty;
use uuid::Uuid;

use super::compress;

static REQUEST_ID_HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// Headers that every answer carries.
#[derive(Clone)]
pub struct Headers {
    pairs: Vec<(HeaderName, HeaderValue)>,
}

impl Headers {
    /// Computed once: the page may connect to the API and to realtime, and loads nothing from elsewhere.
    pub fn new(config: &Config) -> Self {
        let realtime = config.realtime.public_url.trim_end_matches('/');
        let http = realtime.replacen("ws", "http", 1);
        let csp = format!(
            "default-src 'self'; connect-src 'self' {realtime} {http}; img-src 'self' https: data:; \
             style-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
        );
        let mut pairs = vec![
            (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
            (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
            (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
            (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
        ];
        if let Ok(csp) = HeaderValue::from_str(&csp) {
            pairs.push((header::CONTENT_SECURITY_POLICY, csp));
        }
        if config.server.public_url.starts_with("https://") {
            let year = HeaderValue::from_static("max-age=31536000; includeSubDomains");
            pairs.push((header::STRICT_TRANSPORT_SECURITY, year));
        }
        Self { pairs }
    }
}

/// Runs the request inside its id and completes the answer.
pub async fn around(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let started = monotonic();
    let id = request_id(&request);
    let method = known(request.method());
    let answer = async { Ok::<_, actix_web::Error>(tabled(next.call(request).await?.map_into_boxed_body())) };
    // Never entered: a span that was keeps the name that it began with, and the route is known only afterwards.
    let span = tracing::trace_span!(
        target: REQUEST_SPANS, "request", otel.kind = "server", otel.name = Empty, otel.status_code = Empty,
        http.request.method = method, http.route = Empty, http.response.status_code = Empty, request_id = id
    );
    let (answer, statements) = db::counted(REQUEST_ID.scope(id.clone(), answer)).await;
    let mut response = answer?;
    // Taken from the answer: routing needs the request for itself.
    let http = response.request().clone();
    let route = http.match_pattern().unwrap_or_else(|| "(none)".to_owned());
    let (status, seconds) = (response.status().as_u16().to_string(), started.elapsed().as_secs_f64());
    let class = if response.status().is_server_error() { "error" } else { "ok" };
    metrics::counter!("parlor_http_requests_total", "route" => route.clone(), "method" => method, "status" => status.clone())
        .increment(1);
    metrics::histogram!("parlor_http_request_seconds", "route" => route.clone(), "class" => class)
        .record(seconds);
    metrics::counter!("parlor_http_request_statements_total", "route" => route.clone()).increment(statements);
    tracing::debug!(request_id = id, method, route, status, seconds, statements, "request");
    if !span.is_disabled() {
        span.record("otel.name", format!("{method} {route}"));
        span.record("http.route", &route);
        span.record("http.response.status_code", i64::from(response.status().as_u16()));
        if response.status().is_server_error() {
            span.record("otel.status_code", "ERROR");
        }
    }
    let budget = caller_budget(&http);
    let headers = response.headers_mut();
    if let Some(common) = http.app_data::<Headers>() {
        for (name, value) in &common.pairs {
            if !headers.contains_key(name) {
                headers.insert(name.clone(), value.clone());
            }
        }
    }
    if let Ok(value) = HeaderValue::from_str(&id) {
        headers.insert(REQUEST_ID_HEADER.clone(), value);
    }
    if let Some(budget) = budget {
        headers.insert(HeaderName::from_static("x-ratelimit-limit"), HeaderValue::from(budget.limit));
        headers.insert(HeaderName::from_static("x-ratelimit-remaining"), HeaderValue::from(budget.remaining));
        headers.insert(HeaderName::from_static("x-ratelimit-reset"), HeaderValue::from(budget.reset_s));
    }
    compress::compressed(response).await
}

/// Methods that we know by name; callers may invent others, and each would be a metric of its own for ever.
fn known(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        "HEAD" => "HEAD",
        "OPTIONS" => "OPTIONS",
        _ => "OTHER",
    }
}

/// The caller's id for the request if it is a sane one, else our own.
fn request_id(request: &ServiceRequest) -> String {
    let given = request.headers().get(&REQUEST_ID_HEADER).and_then(|value| value.to_str().ok());
    let sane = |id: &&str| {
        (8..=64).contains(&id.len())
            && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    };
    given.filter(sane).map_or_else(|| Uuid::now_v7().to_string(), str::to_owned)
}

/// Errors that actix answers by itself get the form of all others.
fn tabled(response: ServiceResponse<BoxBody>) -> ServiceResponse<BoxBody> {
    let is_json = |response: &ServiceResponse<BoxBody>| {
        let kind = response.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        kind.is_some_and(|kind| kind.starts_with("application/json"))
    };
    let code = match response.status() {
        StatusCode::METHOD_NOT_ALLOWED if !is_json(&response) => ErrorCode::MethodNotAllowed,
        StatusCode::NOT_FOUND if !is_json(&response) => ErrorCode::NotFound,
        StatusCode::PAYLOAD_TOO_LARGE if !is_json(&response) => ErrorCode::BodyTooLarge,
        StatusCode::BAD_REQUEST if !is_json(&response) => ErrorCode::InvalidRequest,
        status if status.is_server_error() && !is_json(&response) => ErrorCode::Internal,
        _ => return response,
    };
    let (request, old) = response.into_parts();
    let mut answer: HttpResponse = Error::new(code).error_response();
    // What says which methods and which pages may call stays true of the new body.
    for (name, value) in old.headers() {
        if name == header::ALLOW || name == header::VARY || name.as_str().starts_with("access-control-") {
            answer.headers_mut().append(name.clone(), value.clone());
        }
    }
    ServiceResponse::new(request, answer)
}
