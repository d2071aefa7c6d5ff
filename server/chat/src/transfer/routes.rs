//! `/imports` and `/exports`.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpRequest, HttpResponse, dev::Payload, get, post, put};
use chrono::Duration;
use parlor_platform::Result;
use parlor_protocol::limits::{EXPORT_DAYS, IMPORT_DAYS, IMPORT_PARTS};
use parlor_protocol::transfer::{Export, Import, ImportPart, ImportState, Line, StartImport, UserExportLine};
use parlor_protocol::{ErrorCode, ExportId, ImportId, UserId};

use super::import::store as imports;
use super::{Step, TOPIC, store};
use crate::Chat;
use crate::users::store as users;
use crate::web::{Caller, Id, IdempotencyKey, LinesBody, NoBody, ServerCaller, ValidJson, segment};

/// Adds the routes of this file.
pub fn configure(config: &mut utoipa_actix_web::service_config::ServiceConfig<'_>) {
    config
        .service(open_import)
        .service(put_part)
        .service(start_import)
        .service(get_import)
        .service(export_user)
        .service(get_export)
        .service(get_part);
}

/// Open an import: parts are put into it, and then it is started. Only for the server.
#[utoipa::path(
    tag = "transfer",
    params(("Idempotency-Key" = Option<String>, Header, description = "The same key, the same import")),
    responses((status = 201, body = Import))
)]
#[post("/imports")]
async fn open_import(
    chat: Data<Chat>,
    caller: ServerCaller,
    idempotency: IdempotencyKey,
    _body: NoBody,
) -> Result<HttpResponse> {
    let caller = Caller::Server(caller);
    chat.change(caller.app(), async |tx, _, now| {
        let open = async || {
            let id = ImportId::new();
            imports::insert(tx, id, now, now + Duration::days(IMPORT_DAYS)).await?;
            let row = imports::find(tx, id).await?.ok_or(ErrorCode::ImportNotFound)?;
            Ok((StatusCode::CREATED, row.into_import()?))
        };
        idempotency.once(tx, &caller, b"", now, open).await
    })
    .await
}

/// The number of a part.
struct Number(i32);

impl FromRequest for Number {
    type Error = actix_web::Error;
    type Future = std::future::Ready<Result<Self, actix_web::Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let number = segment::<i32>(request, "number").and_then(|number| {
            if (1..=IMPORT_PARTS).contains(&number) {
                Ok(Self(number))
            } else {
                Err(ErrorCode::InvalidParameter.into())
            }
        });
        std::future::ready(number.map_err(Into::into))
    }
}

/// Put a part of the lines into an open import: JSON lines, at most 5 MiB. Parts are numbered from 1 without gaps, at most
/// 400; the same number again replaces the part. Only for the server.
#[utoipa::path(
    tag = "transfer", params(("id" = String, Path,), ("number" = i32, Path,)),
    request_body(content = Line, content_type = "application/x-ndjson", description = "One in each line"),
    responses((status = 200, body = ImportPart))
)]
#[put("/imports/{id}/parts/{number}")]
async fn put_part(
    chat: Data<Chat>,
    caller: ServerCaller,
    id: Id<ImportId>,
    number: Number,
    body: LinesBody,
) -> Result<HttpResponse> {
    let body = body.into_lines()?;
    let lines = body.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty()).count();
    if lines == 0 {
        return Err(ErrorCode::BatchTooLarge.into());
    }
    let lines = i32::try_from(lines).map_err(parlor_platform::Error::internal)?;
    chat.change(caller.app, async |tx, _, _| {
        let row = imports::lock(tx, id.0).await?.ok_or(ErrorCode::ImportNotFound)?;
        if !matches!(row.state()?, ImportState::Open | ImportState::Failed) {
            return Err(ErrorCode::ImportStarted.into());
        }
        imports::put_part(tx, id.0, number.0, &body, lines).await
    })
    .await?;
    let bytes = i64::try_from(body.len()).map_err(parlor_platform::Error::internal)?;
    Ok(HttpResponse::Ok().json(ImportPart { number: number.0, lines, bytes }))
}

/// Start an import, or only look for errors. All lines are looked at first, and nothing is written while one is wrong. A
/// repetition changes nothing. Only for the server.
#[utoipa::path(
    tag = "transfer", params(("id" = String, Path,)), request_body = StartImport,
    responses((status = 202, body = Import))
)]
#[post("/imports/{id}/start")]
async fn start_import(
    chat: Data<Chat>,
    caller: ServerCaller,
    id: Id<ImportId>,
    body: ValidJson<StartImport>,
) -> Result<HttpResponse> {
    let row = chat
        .change(caller.app, async |tx, entries, now| {
            let row = imports::lock(tx, id.0).await?.ok_or(ErrorCode::ImportNotFound)?;
            if matches!(row.state()?, ImportState::Open | ImportState::Failed) {
                let (count, last) = imports::parts(tx, id.0).await?;
                if count == 0 || count != i64::from(last) {
                    return Err(ErrorCode::BatchTooLarge.into());
                }
                let until = now + Duration::days(IMPORT_DAYS);
                imports::begin(tx, id.0, ImportState::Checking, body.value.dry_run, until).await?;
                entries.job(&id.0.0, TOPIC, &Step::Import(id.0))?;
            }
            Ok(imports::find(tx, id.0).await?.ok_or(ErrorCode::ImportNotFound)?)
        })
        .await?;
    Ok(HttpResponse::Accepted().json(row.into_import()?))
}

/// How far an import is. Only for the server.
#[utoipa::path(tag = "transfer", params(("id" = String, Path,)), responses((status = 200, body = Import)))]
#[get("/imports/{id}")]
async fn get_import(chat: Data<Chat>, caller: ServerCaller, id: Id<ImportId>) -> Result<HttpResponse> {
    let tx = chat.db.tenant(caller.app).await?;
    let row = imports::find(&tx, id.0).await?.ok_or(ErrorCode::ImportNotFound)?;
    tx.commit().await?;
    Ok(HttpResponse::Ok().json(row.into_import()?))
}

/// Export all of a user, in the background: as JSON lines, kept for 7 days. Profile, channels, memberships, read pointers,
/// messages and reactions are in the form of an import; what an import passes over follows: presence, what the user has set
/// for channels, invitations, drafts, scheduled and pending messages, reminders, stars, tasks, votes, and former versions of
/// messages. Only for the server.
#[utoipa::path(
    tag = "transfer",
    params(("id" = String, Path,), ("Idempotency-Key" = Option<String>, Header, description = "The same key, the same export")),
    responses((status = 202, body = Export))
)]
#[post("/users/{id}/export")]
async fn export_user(
    chat: Data<Chat>,
    caller: ServerCaller,
    id: Id<UserId>,
    idempotency: IdempotencyKey,
    _body: NoBody,
) -> Result<HttpResponse> {
    let caller = Caller::Server(caller);
    chat.change(caller.app(), async |tx, entries, now| {
        let accept = async || {
            users::find(tx, &id.0).await?.ok_or(ErrorCode::UserNotFound)?;
            let export = ExportId::new();
            store::insert(tx, export, &id.0, now, now + Duration::days(EXPORT_DAYS)).await?;
            entries.job(&export.0, TOPIC, &Step::Export(export))?;
            let row = store::find(tx, export).await?.ok_or(ErrorCode::ExportNotFound)?;
            Ok((StatusCode::ACCEPTED, row.into_export()?))
        };
        idempotency.once(tx, &caller, b"", now, accept).await
    })
    .await
}

/// How far an export is. Only for the server.
#[utoipa::path(tag = "transfer", params(("id" = String, Path,)), responses((status = 200, body = Export)))]
#[get("/exports/{id}")]
async fn get_export(chat: Data<Chat>, caller: ServerCaller, id: Id<ExportId>) -> Result<HttpResponse> {
    let tx = chat.db.tenant(caller.app).await?;
    let row = store::find(&tx, id.0).await?.ok_or(ErrorCode::ExportNotFound)?;
    tx.commit().await?;
    Ok(HttpResponse::Ok().json(row.into_export()?))
}

/// A part of an export: JSON lines. All parts together are the file. Only for the server.
#[utoipa::path(
    tag = "transfer", params(("id" = String, Path,), ("number" = i32, Path,)),
    responses((status = 200, body = UserExportLine, content_type = "application/x-ndjson", description = "One in each line."))
)]
#[get("/exports/{id}/parts/{number}")]
async fn get_part(
    chat: Data<Chat>,
    caller: ServerCaller,
    id: Id<ExportId>,
    request: HttpRequest,
) -> Result<HttpResponse> {
    let number = segment::<i32>(&request, "number")?;
    let tx = chat.db.tenant(caller.app).await?;
    let row = store::find(&tx, id.0).await?.filter(|row| number <= row.parts);
    row.ok_or(ErrorCode::ExportNotFound)?;
    let part = store::part(&tx, id.0, number).await?.ok_or(ErrorCode::ExportNotFound)?;
    tx.commit().await?;
    Ok(HttpResponse::Ok().content_type("application/x-ndjson").body(part))
}
