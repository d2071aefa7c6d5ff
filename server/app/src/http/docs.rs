//! Pages about the API: the OpenAPI document, an interactive page, the table of errors.

use actix_web::HttpResponse;
use actix_web::http::header;
use actix_web::web::{self, ServiceConfig};
use parlor_protocol::ErrorCode;
use utoipa::openapi::OpenApi;
use utoipa_swagger_ui::SwaggerUi;

/// The interactive page styles its elements inline; its scripts are served by us.
const PAGE_CSP: &str =
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'";

/// Adds the pages.
pub fn routes(config: &mut ServiceConfig, document: &OpenApi) {
    let errors = error_page();
    config
        .route("/docs", web::get().to(async || redirect("/docs/")))
        .route(
            "/docs/errors",
            web::get().to(move || {
                let page = errors.clone();
                async move { HttpResponse::Ok().content_type("text/html; charset=utf-8").body(page) }
            }),
        )
        .service(
            web::scope("")
                .guard(actix_web::guard::fn_guard(|context| {
                    let path = context.head().uri.path();
                    path.starts_with("/docs/") || path == "/openapi.json"
                }))
                .wrap(
                    actix_web::middleware::DefaultHeaders::new()
                        .add((header::CONTENT_SECURITY_POLICY, PAGE_CSP)),
                )
                .service(SwaggerUi::new("/docs/{_:.*}").url("/openapi.json", document.clone())),
        );
}

fn redirect(to: &'static str) -> HttpResponse {
    HttpResponse::PermanentRedirect().insert_header((header::LOCATION, to)).finish()
}

fn error_page() -> String {
    let rows: String = ErrorCode::ALL
        .iter()
        .map(|code| {
            let name = code.as_str();
            let retry = if code.retryable() { "yes" } else { "no" };
            format!(
                "<tr id=\"{name}\"><td><code>{name}</code></td><td>{}</td><td>{retry}</td><td>{}</td></tr>\n",
                code.status(),
                code.meaning()
            )
        })
        .collect();
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Parlor: errors</title>\
         <meta name=\"viewport\" content=\"width=device-width\"></head><body>\n<h1>Errors</h1>\n\
         <p>Every error answers <code>{{\"error\": {{\"code\", \"message\", \"retryable\", \"doc\", \"request_id\"}}}}</code>. \
         Retry only what is retryable, with the same message id; wait as long as <code>Retry-After</code> says.</p>\n\
         <table><thead><tr><th>Code</th><th>Status</th><th>Retry</th><th>Meaning</th></tr></thead><tbody>\n{rows}</tbody></table>\n\
         </body></html>\n"
    )
}
