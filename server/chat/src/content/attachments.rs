//! The form of attachments whose type is known; of others only that they have one. Pure. See
//! [`parlor_protocol::attachment`].

use chrono::{DateTime, Duration, Utc};
use parlor_platform::{Error, Result};
use parlor_protocol::limits::{
    ATTACHMENT_BYTES, ATTACHMENT_TYPE_CHARS, ATTACHMENTS, JSON_DEPTH, LIVE_LOCATION_HOURS, URL_CHARS,
    WAVEFORM_SAMPLES,
};
use parlor_protocol::{Custom, ErrorCode};
use serde_json::{Map, Value};

use crate::validate::{depth, serialized_bytes, stored};

/// Characters of names, titles and types of files.
pub const FILE_NAME_CHARS: usize = 255;

/// A field: its name, whether it must be there, and whether a value fits.
type Rule = (&'static str, bool, fn(&Value) -> bool);

const FILE: &[Rule] = &[
    ("url", false, is_url),
    ("thumb_url", false, is_url),
    ("name", false, is_name),
    ("mime_type", false, is_name),
    ("file_size", false, Value::is_u64),
    ("width", false, Value::is_u64),
    ("height", false, Value::is_u64),
    ("duration", false, is_length),
    ("file_id", false, is_name),
    ("waveform", false, is_waveform),
];
const LOCATION: &[Rule] = &[
    ("lat", true, |value| is_between(value, 90.0)),
    ("lon", true, |value| is_between(value, 180.0)),
    ("name", false, is_name),
    ("expires_at", false, is_time),
    ("updated_at", false, is_time),
];
const LINK: &[Rule] = &[
    ("url", true, is_url),
    ("title", false, is_name),
    ("description", false, |value| is_text(value, 1_000)),
    ("image", false, is_url),
];

/// Refuses what is no list of attachments.
pub fn check(attachments: &[Custom]) -> Result<()> {
    if attachments.len() > ATTACHMENTS {
        return Err(ErrorCode::TooManyAttachments.into());
    }
    let mut live = 0;
    for (at, attachment) in attachments.iter().enumerate() {
        let fields = &attachment.0;
        let kind = fields.get("type").and_then(Value::as_str);
        let Some(kind) = kind.filter(|kind| {
            kind.chars().count() <= ATTACHMENT_TYPE_CHARS
                && serialized_bytes(attachment) <= ATTACHMENT_BYTES
                && !fields.values().any(|value| depth(value) >= JSON_DEPTH)
        }) else {
            return Err(ErrorCode::InvalidAttachment.into());
        };
        if let Some(field) = misfit(fields, rules(kind)) {
            let why = format!("`attachments/{at}/{field}` has not the form that a {kind:?} gives it.");
            return Err(Error::with(ErrorCode::InvalidAttachment, why));
        }
        live += usize::from(ends(fields).is_some());
    }
    if live > 1 {
        return Err(Error::with(ErrorCode::InvalidAttachment, "A message shares at most one live location."));
    }
    Ok(())
}

fn rules(kind: &str) -> &'static [Rule] {
    match kind {
        "image" | "video" | "audio" | "file" | "voice" => FILE,
        "location" => LOCATION,
        "link" => LINK,
        _ => &[],
    }
}

fn misfit(fields: &Map<String, Value>, rules: &[Rule]) -> Option<&'static str> {
    let wrong = rules.iter().find(|(name, needed, fits)| match fields.get(*name) {
        None | Some(Value::Null) => *needed,
        Some(value) => !fits(value),
    });
    wrong.map(|(name, _, _)| *name)
}

/// The live location of a message: where it stands, and until when it is shared, which may be over.
pub fn live_location(attachments: &[Custom]) -> Option<(usize, DateTime<Utc>)> {
    attachments.iter().enumerate().find_map(|(at, attachment)| Some((at, ends(&attachment.0)?)))
}

fn ends(fields: &Map<String, Value>) -> Option<DateTime<Utc>> {
    let is_location = fields.get("type").is_some_and(|kind| kind == "location");
    is_location.then(|| time(fields.get("expires_at")?)).flatten()
}

/// A stored time of an attachment.
pub fn time(value: &Value) -> Option<DateTime<Utc>> {
    value.as_str()?.parse().ok().map(stored)
}

/// Until when what is new among these attachments is shared live. Refuses an end that is past, or too far.
pub fn live_until(attachments: &[Custom], now: DateTime<Utc>) -> Result<Option<DateTime<Utc>>> {
    let Some((at, end)) = live_location(attachments) else { return Ok(None) };
    if end <= now || end > now + Duration::hours(LIVE_LOCATION_HOURS) {
        let why = format!("`attachments/{at}/expires_at` is within the next 24 hours.");
        return Err(Error::with(ErrorCode::InvalidAttachment, why));
    }
    Ok(Some(end))
}

/// Whether these are degrees.
pub fn is_place(lat: f64, lon: f64) -> bool {
    lat.abs() <= 90.0 && lon.abs() <= 180.0
}

fn is_between(value: &Value, most: f64) -> bool {
    value.as_f64().is_some_and(|degrees| degrees.abs() <= most)
}

fn is_length(value: &Value) -> bool {
    value.as_f64().is_some_and(|seconds| seconds >= 0.0)
}

fn is_waveform(value: &Value) -> bool {
    value.as_array().is_some_and(|samples| {
        samples.len() <= WAVEFORM_SAMPLES
            && samples.iter().all(|sample| sample.as_f64().is_some_and(|level| (0.0..=1.0).contains(&level)))
    })
}

fn is_time(value: &Value) -> bool {
    time(value).is_some()
}

fn is_name(value: &Value) -> bool {
    is_text(value, FILE_NAME_CHARS)
}

fn is_text(value: &Value, most: usize) -> bool {
    value.as_str().is_some_and(|text| text.chars().count() <= most)
}

fn is_url(value: &Value) -> bool {
    value.as_str().is_some_and(|url| {
        (url.starts_with("https://") || url.starts_with("http://"))
            && url.chars().count() <= URL_CHARS
            && !url.chars().any(|char| char.is_whitespace() || char.is_control())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn refused(attachment: Value) -> Option<String> {
        let attachment: Custom = serde_json::from_value(attachment).unwrap();
        check(&[attachment]).err().map(|error| {
            assert_eq!(error.code(), ErrorCode::InvalidAttachment);
            error.message().to_owned()
        })
    }

    #[test]
    fn known_types_have_a_form_and_others_are_free() {
        for good in [
            json!({ "type": "image" }),
            json!({ "type": "image", "url": "https://a.example/x.png", "width": 1, "height": 0, "alt": "ours" }),
            json!({ "type": "file", "name": "é".repeat(255), "file_size": 5, "size": [1.5], "bytes": 1.5, "url": null }),
            json!({ "type": "voice", "duration": 2.5, "waveform": vec![0.5; WAVEFORM_SAMPLES] }),
            json!({ "type": "voice", "waveform": [0, 1] }),
            json!({ "type": "location", "lat": -90, "lon": 180.0, "name": "here" }),
            json!({ "type": "link", "url": "http://a.example", "description": "x".repeat(1000) }),
            json!({ "type": "ours", "lat": "anything", "url": 7 }),
            json!({ "type": "é".repeat(ATTACHMENT_TYPE_CHARS) }),
        ] {
            assert_eq!(refused(good.clone()), None, "{good}");
        }
        for (wrong, field) in [
            (json!({ "type": "image", "url": "javascript:x" }), "url"),
            (json!({ "type": "image", "width": -1 }), "width"),
            (json!({ "type": "file", "file_size": 1.5 }), "file_size"),
            (json!({ "type": "file", "name": "é".repeat(256) }), "name"),
            (json!({ "type": "video", "duration": -0.1 }), "duration"),
            (json!({ "type": "voice", "waveform": vec![0.5; WAVEFORM_SAMPLES + 1] }), "waveform"),
            (json!({ "type": "voice", "waveform": [1.01] }), "waveform"),
            (json!({ "type": "voice", "waveform": ["1"] }), "waveform"),
            (json!({ "type": "location", "lat": 1 }), "lon"),
            (json!({ "type": "location", "lat": 90.1, "lon": 0 }), "lat"),
            (json!({ "type": "location", "lat": 1, "lon": -180.1 }), "lon"),
            (json!({ "type": "location", "lat": 1, "lon": 1, "expires_at": "soon" }), "expires_at"),
            (json!({ "type": "link" }), "url"),
            (
                json!({ "type": "link", "url": "http://a.example", "description": "x".repeat(1001) }),
                "description",
            ),
        ] {
            assert!(
                refused(wrong.clone()).is_some_and(|why| why.contains(&format!("/0/{field}`"))),
                "{wrong}"
            );
        }
        for wrong in
            [json!({}), json!({ "type": 1 }), json!({ "type": "é".repeat(ATTACHMENT_TYPE_CHARS + 1) })]
        {
            assert!(refused(wrong).is_some());
        }
    }

    #[test]
    fn a_live_location_ends_within_a_day() {
        let now: DateTime<Utc> = "2026-03-02T09:30:00Z".parse().unwrap();
        let until = |end: DateTime<Utc>| {
            let shared = json!({ "type": "location", "lat": 1, "lon": 1, "expires_at": end });
            live_until(&[serde_json::from_value(shared).unwrap()], now).ok().flatten()
        };
        let day = now + Duration::hours(24);
        assert_eq!(until(day), Some(day));
        assert_eq!(until(day + Duration::microseconds(1)), None);
        assert_eq!(until(now), None);
        let twice: Vec<Custom> = serde_json::from_value(json!([
            { "type": "location", "lat": 1, "lon": 1, "expires_at": day },
            { "type": "location", "lat": 1, "lon": 1, "expires_at": day },
        ]))
        .unwrap();
        assert!(check(&twice).is_err() && check(&twice[..1]).is_ok());
    }
}
