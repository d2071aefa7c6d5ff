//! The OpenAPI document: collected from the handlers, completed with what all of them share.

mod bounds;

use actix_web::App;
use actix_web::http::Method;
use parlor_chat::ALIASES;
use parlor_protocol::ErrorCode;
use parlor_protocol::error::ErrorBody;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{ContentBuilder, OpenApi, Ref, RefOr, ResponseBuilder};
use utoipa_actix_web::AppExt;
use utoipa_actix_web::scope::scope;

/// The whole document.
pub fn document() -> OpenApi {
    let (_, mut document) = App::new()
        .into_utoipa_app()
        .service(scope("/api/v1").configure(parlor_chat::routes))
        .split_for_parts();
    document.info.title = "Parlor".to_owned();
    document.info.version = env!("CARGO_PKG_VERSION").to_owned();
    document.info.description = Some(
        "Chat rooms inside your app. Users call with a JWT signed by the app's secret, the customer's server \
         with the secret itself. Errors carry a code of one table, see /docs/errors."
            .to_owned(),
    );
    document.info.license = None;
    document.info.contact = None;
    add_aliases(&mut document);
    complete(&mut document);
    bounds::add(&mut document);
    document
}

/// Older spellings are served by the handlers of the present ones, and documented like them.
fn add_aliases(document: &mut OpenApi) {
    let paths = &mut document.paths.paths;
    for (alias, address, methods) in ALIASES {
        let Some(mut item) = paths.get(&format!("/api/v1{address}")).cloned() else { continue };
        item.get = item.get.filter(|_| methods.contains(&Method::GET));
        item.post = item.post.filter(|_| methods.contains(&Method::POST));
        // Each operation has a name of its own: that of its handler with the words of its address.
        let words: Vec<&str> =
            alias.split('/').filter(|part| part.starts_with(char::is_alphabetic)).collect();
        for operation in [&mut item.get, &mut item.post].into_iter().flatten() {
            operation.tags = Some(vec!["aliases".to_owned()]);
            operation.summary = Some(format!("Older spelling of `{address}`."));
            operation.operation_id =
                operation.operation_id.take().map(|name| format!("{name}_{}", words.join("_")));
        }
        paths.insert(format!("/api/v1{alias}"), item);
    }
}

/// What a status says where the handler says no more: a response without a description is no OpenAPI.
fn described(status: &str) -> &'static str {
    match status {
        "201" => "It was made.",
        "202" => "It was taken, and will be done.",
        "204" => "It was done; there is nothing to say.",
        _ => "It was done, or is as shown.",
    }
}

/// Every operation may answer with an error, needs a caller unless it says otherwise, and has a stable name.
fn complete(document: &mut OpenApi) {
    let components = document.components.get_or_insert_default();
    let bearer =
        HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT or sk_… secret").build();
    components.add_security_scheme("bearer", SecurityScheme::Http(bearer));
    let mut schemas = Vec::new();
    <ErrorBody as utoipa::ToSchema>::schemas(&mut schemas);
    schemas.push(("ErrorBody".to_owned(), <ErrorBody as utoipa::PartialSchema>::schema()));
    components.schemas.extend(schemas);
    let codes: Vec<_> =
        ErrorCode::ALL.iter().map(|code| format!("{} `{}`", code.status(), code.as_str())).collect();
    let error = ResponseBuilder::new()
        .description(format!("An error of the table: {}.", codes.join(", ")))
        .content(
            "application/json",
            ContentBuilder::new().schema(Some(Ref::from_schema_name("ErrorBody"))).build(),
        )
        .build();
    for item in document.paths.paths.values_mut() {
        let operations = [&mut item.get, &mut item.put, &mut item.post, &mut item.delete, &mut item.patch]
            .into_iter()
            .flatten();
        for operation in operations {
            // Handlers are named within their module; the document wants names of its own.
            let tag = operation.tags.iter().flatten().next().cloned().unwrap_or_default();
            operation.operation_id = operation.operation_id.take().map(|name| format!("{tag}_{name}"));
            for (status, response) in &mut operation.responses.responses {
                if let RefOr::T(response) = response
                    && response.description.is_empty()
                {
                    response.description = described(status).to_owned();
                }
            }
            operation.responses.responses.insert("default".to_owned(), error.clone().into());
            if operation.security.is_none() {
                operation.security =
                    Some(vec![SecurityRequirement::new::<_, [String; 0], String>("bearer", [])]);
            }
        }
    }
}
