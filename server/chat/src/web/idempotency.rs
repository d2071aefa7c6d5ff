//! `Idempotency-Key`: the same answer for the same request, where the request has no id of its own.
//!
//! The key's row is written in the transaction of the work. A second request with the key waits for the
//! first to commit and then gets its answer; if the first failed, nothing is stored and the second works.

use actix_web::http::StatusCode;
use actix_web::{FromRequest, HttpRequest, HttpResponse, dev::Payload};
use chrono::{DateTime, Utc};
use parlor_platform::crypto::sha256;
use parlor_platform::db::TenantTx;
use parlor_platform::{Error, Result};
use parlor_protocol::ErrorCode;
use uuid::Uuid;

use super::{Caller, store};

/// The header, if the request has it.
pub struct IdempotencyKey {
    key: Option<String>,
    place: String,
}

/// Says that an answer was given before.
pub const REPLAYED: (&str, &str) = ("Idempotency-Replayed", "true");

/// What was answered before.
pub struct Replay {
    status: u16,
    body: String,
}

impl From<Replay> for HttpResponse {
    fn from(replay: Replay) -> Self {
        Self::build(StatusCode::from_u16(replay.status).unwrap_or(StatusCode::OK))
            .insert_header(REPLAYED)
            .content_type("application/json")
            .body(replay.body)
    }
}

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
    /// Claims the key, or gives what was answered under it.
    pub async fn claim(
        &self,
        tx: &TenantTx,
        caller: &Caller,
        body: &[u8],
        now: DateTime<Utc>,
    ) -> Result<Option<Replay>> {
        let Some(key) = self.hash(caller) else { return Ok(None) };
        let request = sha256(&[self.place.as_bytes(), body]).to_vec();
        if store::claim(tx, &key, &request, now).await? {
            return Ok(None);
        }
        let (earlier, status, body) = store::claimed(tx, &key).await?;
        if earlier != request {
            return Err(ErrorCode::IdempotencyConflict.into());
        }
        let status = status.and_then(|status| u16::try_from(status).ok()).unwrap_or(200);
        Ok(Some(Replay { status, body: body.unwrap_or_default() }))
    }

    /// Keeps the answer with the work.
    pub async fn keep(&self, tx: &TenantTx, caller: &Caller, status: StatusCode, body: &str) -> Result<()> {
        let Some(key) = self.hash(caller) else { return Ok(()) };
        store::keep(tx, &key, i16::try_from(status.as_u16()).unwrap_or(200), body).await
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
