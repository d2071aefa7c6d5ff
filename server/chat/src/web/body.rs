//! The body of a request: JSON of the right type, within its limits.

use std::future::Future;
use std::pin::Pin;

use actix_web::error::PayloadError;
use actix_web::http::header;
use actix_web::{FromRequest, HttpRequest, dev::Payload, web};
use futures_util::StreamExt;
use parlor_platform::{Error, Result};
use parlor_protocol::ErrorCode;
use parlor_protocol::limits::{IMPORT_PART_BYTES, JOB_BODY_BYTES};
use serde::de::DeserializeOwned;
use serde_json::error::Category;

use super::named;

/// How long a body of a few hundred KiB may take.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(15);

/// A body that was read as `T`, with the bytes it was read from.
pub struct ValidJson<T> {
    /// What the body says.
    pub value: T,
    /// The body itself, to tell one request from another.
    pub bytes: web::Bytes,
}

impl<T: DeserializeOwned> FromRequest for ValidJson<T> {
    type Error = actix_web::Error;
    type Future = Reading<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let body = web::Bytes::from_request(request, payload);
        read(request, body)
    }
}

/// The same for a batch, whose body may be larger.
pub struct LargeJson<T>(pub ValidJson<T>);

impl<T: DeserializeOwned + 'static> FromRequest for LargeJson<T> {
    type Error = actix_web::Error;
    type Future = Reading<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let body = up_to(JOB_BODY_BYTES, payload);
        let json = read(request, body);
        Box::pin(async { Ok(Self(json.await?)) })
    }
}

/// JSON lines, which are kept as they came and read later.
pub struct LinesBody(Result<web::Bytes>);

impl LinesBody {
    /// The lines, once it is known that the caller may send them.
    pub fn into_lines(self) -> Result<web::Bytes> {
        self.0
    }
}

impl FromRequest for LinesBody {
    type Error = actix_web::Error;
    type Future = Reading<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let fits = !is_encoded(request)
            && content_type(request).is_some_and(|kind| kind.eq_ignore_ascii_case("application/x-ndjson"));
        let body = up_to(IMPORT_PART_BYTES, payload);
        Box::pin(async move {
            let body = in_time(body).await;
            let body = if fits { body } else { Err(ErrorCode::UnsupportedMediaType.into()) };
            Ok(Self(body))
        })
    }
}

/// A body of at most so many bytes.
fn up_to(
    most: usize,
    payload: &mut Payload,
) -> impl Future<Output = Result<web::Bytes, actix_web::Error>> + 'static {
    let mut payload = payload.take();
    async move {
        let mut body = web::BytesMut::new();
        while let Some(chunk) = payload.next().await {
            let chunk = chunk?;
            if body.len() + chunk.len() > most {
                return Err(PayloadError::Overflow.into());
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body.freeze())
    }
}

fn content_type(request: &HttpRequest) -> Option<String> {
    let header = request.headers().get(header::CONTENT_TYPE)?.to_str().ok()?;
    header.split(';').next().map(|kind| kind.trim().to_owned())
}

/// Bodies are read as they come: nobody unpacks one.
fn is_encoded(request: &HttpRequest) -> bool {
    request.headers().get_all(header::CONTENT_ENCODING).any(|coding| coding != "identity")
}

async fn in_time(body: impl Future<Output = Result<web::Bytes, actix_web::Error>>) -> Result<web::Bytes> {
    let body = tokio::time::timeout(PATIENCE, body).await;
    let body = body.map_err(|_| Error::with(ErrorCode::InvalidJson, "The body did not arrive in time."))?;
    body.map_err(|error| match error.as_error::<PayloadError>() {
        Some(PayloadError::Overflow) => Error::new(ErrorCode::BodyTooLarge),
        _ => Error::with(ErrorCode::InvalidJson, "The body was cut off."),
    })
}

type Reading<T> = Pin<Box<dyn Future<Output = Result<T, actix_web::Error>>>>;

/// Reads a body that arrives in time as JSON.
fn read<T: DeserializeOwned>(
    request: &HttpRequest,
    body: impl Future<Output = Result<web::Bytes, actix_web::Error>> + 'static,
) -> Reading<ValidJson<T>> {
    let is_json = content_type(request).is_some_and(|kind| kind.eq_ignore_ascii_case("application/json"));
    let has_type = request.headers().contains_key(header::CONTENT_TYPE);
    let is_encoded = is_encoded(request);
    Box::pin(async move {
        let bytes = in_time(body).await?;
        if is_encoded || (!is_json && (has_type || !bytes.is_empty())) {
            return Err(Error::new(ErrorCode::UnsupportedMediaType).into());
        }
        let value = parse(&bytes)?;
        Ok(ValidJson { value, bytes })
    })
}

/// For requests that need no body: one that is sent all the same is read, because a connection with an unread
/// body can't be used again.
pub struct NoBody;

impl FromRequest for NoBody {
    type Error = actix_web::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self, actix_web::Error>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let body = web::Bytes::from_request(request, payload);
        Box::pin(async move {
            let too_large = |_| Error::new(ErrorCode::BodyTooLarge);
            let body = tokio::time::timeout(PATIENCE, body).await;
            let body =
                body.map_err(|_| Error::with(ErrorCode::InvalidJson, "The body did not arrive in time."))?;
            body.map_err(too_large)?;
            Ok(Self)
        })
    }
}

/// An empty body is an empty object, so that requests without obligatory fields need none.
fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T> {
    if has_nul(bytes) {
        return Err(ErrorCode::NulByte.into());
    }
    let bytes = if bytes.is_empty() { b"{}" } else { bytes };
    named::from_slice(bytes).map_err(|error| match error.classify() {
        _ if error.to_string().starts_with("nested too deeply") => {
            Error::with(ErrorCode::InvalidJson, "The body is nested too deeply.")
        }
        Category::Data => Error::with(ErrorCode::InvalidRequest, format!("The body does not fit: {error}.")),
        _ => Error::with(ErrorCode::InvalidJson, format!("The body is not JSON: {error}.")),
    })
}

/// Whether any text in the JSON contains U+0000, raw or escaped; PostgreSQL can't store it.
pub fn has_nul(json: &[u8]) -> bool {
    const ESCAPE: &[u8] = b"u0000";
    let mut backslashes = 0_usize;
    for (at, byte) in json.iter().enumerate() {
        match byte {
            0 => return true,
            b'\\' => backslashes += 1,
            _ => {
                if backslashes % 2 == 1 && json[at..].starts_with(ESCAPE) {
                    return true;
                }
                backslashes = 0;
            }
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nul_is_found_however_it_is_written() {
        assert!(has_nul(br#"{"a":"\u0000"}"#));
        assert!(has_nul(br#"{"a":"x\\\u0000"}"#));
        assert!(has_nul(b"{\"a\":\"\0\"}"));
        assert!(!has_nul(br#"{"a":"\\u0000"}"#), "an escaped backslash and the text u0000");
        assert!(!has_nul(br#"{"a":"\u00001"}"#.get(..6).unwrap()));
    }

    #[test]
    fn bad_bodies_are_told_apart() {
        let code = |bytes: &[u8]| parse::<parlor_protocol::message::SendMessage>(bytes).unwrap_err().code();
        assert_eq!(code(b"{"), ErrorCode::InvalidJson);
        assert_eq!(code(b"{\"text\":\"\xff\"}"), ErrorCode::InvalidJson);
        assert_eq!(code("[".repeat(5000).as_bytes()), ErrorCode::InvalidRequest);
        assert_eq!(code(br#" ["text"]"#), ErrorCode::InvalidRequest, "fields have names");
        assert_eq!(
            code(format!("{{\"custom\":{{\"a\":{}", "[".repeat(5000)).as_bytes()),
            ErrorCode::InvalidJson
        );
        assert_eq!(code(br#"{"tekst":"x"}"#), ErrorCode::InvalidRequest);
        assert_eq!(code(br#"{"text":1}"#), ErrorCode::InvalidRequest);
    }
}
