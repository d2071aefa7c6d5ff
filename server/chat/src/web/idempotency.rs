//! `Idempotency-Key`: the same answer for the same request, where the request has no id of its own.
//!
//! The key's row is written in the transaction of the work. A second request with the key waits for the
//! first to commit and then gets its answer; if the first failed, nothing is stored and the second works.

use actix_web::http::StatusCode;
use actix_web::{FromRequest, HttpRequest, HttpResponse, HttpResponseBuilder, dev::Payload};
use chrono::{DateTime, Utc};
use parlor_platform::crypto::sha256;
use parlor_platform::db::TenantTx;
use parlor_platform::{Error, Result};
use parlor_protocol::ErrorCode;
use serde::Serialize;
use uuid::Uuid;

use super::{Caller, store};

/// The header, if the request has it.
pub struct IdempotencyKey {
    key: Option<String>,
    place: String,
}

/// Says that an answer was given before.
pub const REPLAYED: (&str, &str) = ("Idempotency-Replayed", "true");

impl FromRequest for IdempotencyKey {
    type Error = actix_web::Error;
    type Future = std::future::Ready<Result<Self, actix_web::Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let header = request.headers().get("Idempotency-Key");
        let key = header.map(|value| {
            let text = value.to_str().unwrap_or_default();
            let fits = !text.is_empty() && text.len() <= 255;
            fits.then(|| text.to_owned()).ok_or_else(|| {
                Error::with(ErrorCode::InvalidParameter, "`Idempotency-Key` has 1 to 255 ASCII characters.")
            })
        });
        let place = format!("{} {}", request.method(), request.path());
        std::future::ready(key.transpose().map(|key| Self { key, place }).map_err(Into::into))
    }
}

impl IdempotencyKey {
    /// Does the work and answers with what it gives, or as it was answered before.
    pub async fn once<T: Serialize>(
        &self,
        tx: &TenantTx,
        caller: &Caller,
        body: &[u8],
        now: DateTime<Utc>,
        work: impl AsyncFnOnce() -> Result<(StatusCode, T)>,
    ) -> Result<HttpResponse> {
        let claim = self.hash(caller).map(|key| (key, sha256(&[self.place.as_bytes(), body]).to_vec()));
        if let Some((key, request)) = &claim
            && !store::claim(tx, key, request, now).await?
        {
            let (earlier, status, body) = store::claimed(tx, key).await?;
            if earlier != *request {
                return Err(ErrorCode::IdempotencyConflict.into());
            }
            let status = status.and_then(|status| u16::try_from(status).ok());
            let status =
                status.and_then(|status| StatusCode::from_u16(status).ok()).unwrap_or(StatusCode::OK);
            return Ok(json(status).insert_header(REPLAYED).body(body.unwrap_or_default()));
        }
        let (status, answer) = work().await?;
        let answer = serde_json::to_string(&answer).map_err(Error::internal)?;
        if let Some((key, _)) = &claim {
            store::keep(tx, key, i16::try_from(status.as_u16()).map_err(Error::internal)?, &answer).await?;
        }
        Ok(json(status).body(answer))
    }

    /// An id that is the same for the same key and place, for things that clients may name themselves. The place is what
    /// an address means, which has several spellings.
    pub fn derived_id(&self, place: Uuid, caller: &Caller) -> Option<Uuid> {
        let key = self.key.as_ref()?;
        let who = caller.user().map_or("", |user| user.as_str());
        let hash = sha256(&[place.as_bytes(), who.as_bytes(), key.as_bytes()]);
        let bytes: [u8; 16] = hash.first_chunk().copied()?;
        Some(uuid::Builder::from_custom_bytes(bytes).into_uuid())
    }

    fn hash(&self, caller: &Caller) -> Option<Vec<u8>> {
        let key = self.key.as_ref()?;
        let who = caller.user().map_or("", |user| user.as_str());
        Some(sha256(&[self.place.as_bytes(), who.as_bytes(), key.as_bytes()]).to_vec())
    }
}

fn json(status: StatusCode) -> HttpResponseBuilder {
    let mut response = HttpResponse::build(status);
    response.content_type("application/json");
    response
}
