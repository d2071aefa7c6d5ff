//! The HTTP server: the API, the pages about it, health, metrics, and static files.

mod compress;
mod docs;
mod health;
mod middleware;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use actix_cors::Cors;
use actix_web::dev::{ResourceDef, Server};
use actix_web::http::header::{self, HeaderValue};
use actix_web::middleware::{Condition, from_fn};
use actix_web::web::{self, Data, PayloadConfig};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, ResponseError};
use metrics_exporter_prometheus::PrometheusHandle;
use parlor_chat::Chat;
use parlor_platform::Error;
use parlor_platform::config::{self, Mode};
use parlor_protocol::ErrorCode;
use parlor_protocol::limits::BODY_BYTES;
use utoipa::openapi::{OpenApi, PathItem};
use utoipa_actix_web::AppExt;
use utoipa_actix_web::scope::scope;

use crate::dev::{self, DemoApp};
use crate::openapi;
use crate::wiring::Parts;

/// What the server serves.
pub struct Served {
    pub parts: Arc<Parts>,
    pub chat: Chat,
    pub metrics: PrometheusHandle,
    pub demo: Option<DemoApp>,
}

/// Starts listening; the server runs when it is awaited.
pub fn start(listener: std::net::TcpListener, served: Served) -> std::io::Result<Server> {
    let config = served.parts.config.server.clone();
    let document = openapi::document();
    let addresses = Data::new(Addresses::new(&document));
    let (chat, health) =
        (Data::new(served.chat), Data::new(health::Health::new(served.parts.clone(), served.metrics)));
    let headers = middleware::Headers::new(&served.parts.config);
    let demo = served.demo;
    let settings = config.clone();
    let mut server = HttpServer::new(move || {
        let api = scope("/api/v1").configure(parlor_chat::routes);
        let mut app = App::new()
            .app_data(chat.clone())
            .app_data(health.clone())
            .app_data(headers.clone())
            .app_data(addresses.clone())
            .app_data(PayloadConfig::new(BODY_BYTES))
            .wrap(Condition::new(!settings.allowed_origins.is_empty(), cors(&settings)))
            .wrap(from_fn(middleware::around));
        if let Some(demo) = &demo {
            app = app.app_data(Data::new(demo.clone()));
        }
        let (app, _) = app.into_utoipa_app().service(api).split_for_parts();
        let app = app
            .configure(|routes| {
                if demo.is_some() {
                    dev::routes(routes)
                }
            })
            .configure(health::routes)
            .configure(|routes| docs::routes(routes, &document))
            .default_service(web::to(not_found));
        if settings.static_dir.is_empty() {
            app
        } else {
            app.service(actix_files::Files::new("/", &settings.static_dir).index_file("index.html"))
        }
    })
    .listen(listener)?
    .disable_signals()
    .keep_alive(Duration::from_secs(75))
    .client_request_timeout(Duration::from_secs(10))
    .shutdown_timeout(config.shutdown_timeout_s);
    if config.workers > 0 {
        server = server.workers(config.workers);
    }
    Ok(server.run())
}

/// The addresses of the API with their methods, for telling a wrong method from a wrong address: each handler
/// is a resource of its own, so routing itself does not know of the others.
struct Addresses(Vec<(ResourceDef, Vec<&'static str>)>);

impl Addresses {
    fn new(document: &OpenApi) -> Self {
        let methods = |item: &PathItem| {
            let all = [
                ("DELETE", item.delete.is_some()),
                ("GET", item.get.is_some()),
                ("PATCH", item.patch.is_some()),
                ("POST", item.post.is_some()),
                ("PUT", item.put.is_some()),
            ];
            all.into_iter().filter(|(_, has)| *has).map(|(method, _)| method).collect()
        };
        let all = document.paths.paths.iter();
        Self(all.map(|(path, item)| (ResourceDef::new(path.as_str()), methods(item))).collect())
    }

    /// The methods that this path has.
    fn allowed(&self, path: &str) -> BTreeSet<&'static str> {
        self.0
            .iter()
            .filter(|(known, _)| known.is_match(path))
            .flat_map(|(_, methods)| methods)
            .copied()
            .collect()
    }
}

async fn not_found(request: HttpRequest, addresses: Data<Addresses>) -> HttpResponse {
    let (method, path) = (request.method(), request.path());
    let allowed: Vec<&str> = addresses.allowed(path).into_iter().collect();
    if allowed.is_empty() {
        return Error::with(ErrorCode::NotFound, format!("There is no {method} {path}.")).error_response();
    }
    let mut response = Error::new(ErrorCode::MethodNotAllowed).error_response();
    if let Ok(allow) = HeaderValue::from_str(&allowed.join(", ")) {
        response.headers_mut().insert(header::ALLOW, allow);
    }
    response
}

fn cors(config: &config::Server) -> Cors {
    let cors = Cors::default()
        .allowed_methods(["GET", "POST", "PUT", "PATCH", "DELETE"])
        .allowed_headers([header::AUTHORIZATION, header::CONTENT_TYPE])
        .allowed_header("X-Api-Key")
        .allowed_header("Idempotency-Key")
        .allowed_header("X-Request-Id")
        .expose_headers([
            "X-Request-Id",
            "X-RateLimit-Limit",
            "X-RateLimit-Remaining",
            "X-RateLimit-Reset",
            "Retry-After",
            "Idempotency-Replayed",
        ])
        .max_age(3600);
    config.allowed_origins.iter().fold(cors, |cors, origin| {
        if origin == "*" && config.mode == Mode::Development {
            cors.allow_any_origin()
        } else {
            cors.allowed_origin(origin)
        }
    })
}
