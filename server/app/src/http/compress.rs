//! JSON answers of more than a kilobyte are compressed for clients that can read it.
//!
//! With the fastest level: the second half of what better ones would save costs several times as much. Smaller answers, such
//! as those to sends, fit into a packet or two anyway.

use std::io::Write;

use actix_web::Error;
use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::ServiceResponse;
use actix_web::http::header::{self, HeaderMap, HeaderValue};
use flate2::Compression;
use flate2::write::GzEncoder;

/// Bytes below which it is not worth it.
const LEAST: u64 = 1024;

/// The answer, compressed if that is worth it and understood.
pub async fn compressed(response: ServiceResponse<BoxBody>) -> Result<ServiceResponse<BoxBody>, Error> {
    let is_json = response.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind == "application/json");
    let is_large = matches!(response.response().body().size(), BodySize::Sized(bytes) if bytes > LEAST);
    if !is_json || !is_large || response.headers().contains_key(header::CONTENT_ENCODING) {
        return Ok(response);
    }
    let accepted = accepts_gzip(response.request().headers());
    let mut response = response;
    // Whoever keeps it must not give it to others who can't read it, nor the other way round.
    response.headers_mut().append(header::VARY, HeaderValue::from_static("Accept-Encoding"));
    if !accepted {
        return Ok(response);
    }
    response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    Ok(response.map_body(|_, body| match body.try_into_bytes() {
        Ok(bytes) => BoxBody::new(gzip(&bytes)),
        Err(body) => body,
    }))
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(bytes.len() / 4), Compression::fast());
    // Writing to memory cannot fail.
    let _ = encoder.write_all(bytes);
    encoder.finish().unwrap_or_default()
}

/// Whether `gzip` is among what the client names, and not with a weight of nothing.
fn accepts_gzip(headers: &HeaderMap) -> bool {
    let named = headers.get_all(header::ACCEPT_ENCODING).filter_map(|value| value.to_str().ok());
    named.flat_map(|value| value.split(',')).any(|coding| {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
        let refused = weight.trim().strip_prefix("q=").is_some_and(|q| q.trim().parse() == Ok(0.0_f32));
        name.trim().eq_ignore_ascii_case("gzip") && !refused
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    #[test]
    fn only_who_names_gzip_gets_it() {
        for (value, accepted) in [
            ("gzip", true),
            ("br, GZIP;q=0.5", true),
            ("gzip;q=0", false),
            ("gzip; q=0.0", false),
            ("br, deflate", false),
            ("", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_str(value).unwrap());
            assert_eq!(accepts_gzip(&headers), accepted, "{value}");
        }
    }

    #[test]
    fn what_is_compressed_is_the_same_again() {
        let text = "many words, many words, ".repeat(1_000);
        let small = gzip(text.as_bytes());
        let mut back = String::new();
        flate2::read::GzDecoder::new(small.as_slice()).read_to_string(&mut back).unwrap();
        assert!(small.len() * 10 < text.len() && back == text);
    }
}
