//! Limits of what clients send, as pure functions.

use chrono::{DateTime, Datelike, Duration, Utc};
use parlor_platform::{Error, Result};
use parlor_protocol::limits::{
    self, CUSTOM_BYTES, JSON_DEPTH, MENTIONS, REACTION_CHARS, REACTION_SCORE, TEXT_CHARS,
};
use parlor_protocol::{Custom, ErrorCode, Patch, UserId};
use serde_json::Value;

use crate::content::attachments;

/// A display name of a user or channel.
pub fn name(name: Option<&String>) -> Result<()> {
    refuse(name.is_some_and(|name| name.chars().count() > limits::NAME_CHARS), ErrorCode::NameTooLong)
}

/// A URL of a picture.
pub fn image(url: Option<&String>) -> Result<()> {
    let wrong = |url: &String| {
        let known = url.starts_with("https://") || url.starts_with("http://");
        !known
            || url.chars().count() > limits::URL_CHARS
            || url.chars().any(|c| c.is_whitespace() || c.is_control())
    };
    refuse(url.is_some_and(wrong), ErrorCode::InvalidUrl)
}

/// A customer's own fields.
pub fn custom(custom: &Custom) -> Result<()> {
    let deep = custom.0.values().any(|value| depth(value) >= JSON_DEPTH);
    refuse(deep || serialized_bytes(custom) > CUSTOM_BYTES, ErrorCode::CustomTooLarge)
}

/// The fields that users and channels share.
pub fn profile(name_: &Patch<String>, image_: &Patch<String>, custom_: &Patch<Custom>) -> Result<()> {
    name(name_.value())?;
    image(image_.value())?;
    custom_.value().map_or(Ok(()), custom)
}

/// A message's text, attachments, mentions and custom data.
pub fn message(text: &str, attachments: &[Custom], mentions: &[UserId], custom: &Custom) -> Result<()> {
    content(text, attachments, mentions, custom)?;
    refuse(text.trim().is_empty() && attachments.is_empty(), ErrorCode::EmptyMessage)
}

/// The same of what is not complete yet.
pub fn content(text: &str, attached: &[Custom], mentions: &[UserId], custom_: &Custom) -> Result<()> {
    // Counting characters costs a pass, so short texts are let through by their bytes.
    refuse(text.len() > TEXT_CHARS && text.chars().count() > TEXT_CHARS, ErrorCode::TextTooLong)?;
    refuse(mentions.len() > MENTIONS, ErrorCode::TooManyMentions)?;
    attachments::check(attached)?;
    custom(custom_)
}

/// Users who may read what not all may, each named once.
pub fn visible_to(named: &[UserId]) -> Result<()> {
    let mut once: Vec<&UserId> = named.iter().collect();
    once.sort_unstable();
    once.dedup();
    let fits = (1..=limits::VISIBLE_TO).contains(&named.len()) && once.len() == named.len();
    refuse(!fits, ErrorCode::InvalidVisibility)
}

/// A channel's tags: each once, in one order.
pub fn tags(mut tags: Vec<String>) -> Result<Vec<String>> {
    tags.sort_unstable();
    let twice = tags.windows(2).any(|pair| pair[0] == pair[1]);
    let wrong = |tag: &String| {
        tag.trim() != tag
            || tag.is_empty()
            || tag.chars().count() > limits::TAG_CHARS
            || tag.chars().any(char::is_control)
    };
    refuse(twice || tags.len() > limits::TAGS || tags.iter().any(wrong), ErrorCode::InvalidTag)?;
    Ok(tags)
}

/// The type of a reaction: any emoji or shortcode.
pub fn reaction_type(kind: &str) -> Result<()> {
    let fits = (1..=REACTION_CHARS).contains(&kind.chars().count());
    let shows = !kind.chars().any(|char| char.is_control() || char.is_whitespace());
    // As parts of an address these two mean something else, so such a reaction could not be taken back.
    let addressable = kind != "." && kind != "..";
    refuse(!(fits && shows && addressable), ErrorCode::InvalidReaction)
}

/// A reaction.
pub fn reaction(kind: &str, score: i32) -> Result<()> {
    reaction_type(kind)?;
    refuse(!(1..=REACTION_SCORE).contains(&score), ErrorCode::InvalidReaction)
}

/// The note of a reminder.
pub fn note(note: Option<&String>) -> Result<()> {
    refuse(note.is_some_and(|note| note.chars().count() > limits::NOTE_CHARS), ErrorCode::NoteTooLong)
}

/// A time at which something shall happen, at least so many seconds from now. As the database keeps it.
pub fn future(time: DateTime<Utc>, now: DateTime<Utc>, ahead_s: i64) -> Result<DateTime<Utc>> {
    let ahead = time.signed_duration_since(now);
    let fits = ahead >= Duration::seconds(ahead_s) && ahead <= Duration::days(limits::AHEAD_DAYS);
    refuse(!fits, ErrorCode::InvalidTime)?;
    Ok(stored(time))
}

/// A time that everybody can read: chrono also knows years of six digits, and those before the first.
pub fn readable_time(time: Option<&DateTime<Utc>>, code: ErrorCode) -> Result<()> {
    if time.is_none_or(|time| (1..=9999).contains(&time.year())) {
        return Ok(());
    }
    Err(Error::with(code, "A time is between the years 1 and 9999."))
}

/// A time cut to microseconds, which is what the database keeps.
pub fn stored(time: DateTime<Utc>) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(time.timestamp_micros()).unwrap_or(time)
}

/// Days for which messages are kept.
pub fn retention(days: Option<u32>) -> Result<()> {
    if days.is_none_or(|days| (1..=limits::RETENTION_DAYS_MOST).contains(&days)) {
        return Ok(());
    }
    Err(Error::with(ErrorCode::InvalidRequest, "Messages are kept for 1 to 3,650 days, or for good."))
}

/// A batch of 1 to 100 things.
pub fn batch(len: usize) -> Result<()> {
    refuse(len == 0 || len > limits::BATCH, ErrorCode::BatchTooLarge)
}

/// The second half of a `cid`.
pub fn is_slug(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    !text.is_empty() && text.len() <= limits::CHANNEL_SLUG_CHARS && text.bytes().all(allowed)
}

fn refuse(wrong: bool, code: ErrorCode) -> Result<()> {
    if wrong { Err(code.into()) } else { Ok(()) }
}

/// Bytes of an object as JSON.
pub fn serialized_bytes(custom: &Custom) -> usize {
    if custom.0.is_empty() { 2 } else { serde_json::to_vec(custom).map_or(usize::MAX, |bytes| bytes.len()) }
}

/// How deep arrays and objects are nested.
pub fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Object(fields) => 1 + fields.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn object(value: Value) -> Custom {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn limits_hold_at_the_limit_and_one_past_it() {
        let code = |text: &str, attachments: usize, mentions: usize| {
            let attachments = vec![object(json!({"type": "image"})); attachments];
            let mentions = vec![UserId::new("a").unwrap(); mentions];
            message(text, &attachments, &mentions, &Custom::default()).err().map(|error| error.code())
        };
        assert_eq!(code(&"é".repeat(20_000), 0, 0), None);
        assert_eq!(code(&"é".repeat(20_001), 0, 0), Some(ErrorCode::TextTooLong));
        assert_eq!(code("", 10, 50), None);
        assert_eq!(code("", 11, 0), Some(ErrorCode::TooManyAttachments));
        assert_eq!(code("x", 0, 51), Some(ErrorCode::TooManyMentions));
        assert_eq!(code(" \n", 0, 0), Some(ErrorCode::EmptyMessage));
    }

    #[test]
    fn a_reaction_is_an_emoji_or_shortcode() {
        let long = "é".repeat(50);
        for kind in ["👍", "👩‍👩‍👧", "❤️", "+1", ":party_parrot:", "100%", "a/b", "...", &long]
        {
            assert!(reaction(kind, 1).is_ok(), "{kind}");
        }
        let longer = "é".repeat(51);
        for kind in ["", " ", "a b", "a\n", "a\u{1}", ".", "..", "\u{2003}", &longer] {
            assert!(reaction(kind, 1).is_err(), "{kind:?}");
        }
        for (score, good) in [(-1, false), (0, false), (1, true), (1000, true), (1001, false)] {
            assert_eq!(reaction("clap", score).is_ok(), good, "{score}");
        }
    }

    #[test]
    fn custom_data_is_limited_in_bytes_and_depth() {
        // {"a":"…"} has eight bytes around the text.
        assert!(custom(&object(json!({"a": "x".repeat(CUSTOM_BYTES - 8)}))).is_ok());
        assert!(custom(&object(json!({"a": "x".repeat(CUSTOM_BYTES - 7)}))).is_err());
        let nested = |levels: usize| (0..levels).fold(json!(1), |inner, _| json!([inner]));
        assert!(custom(&object(json!({"a": nested(JSON_DEPTH - 1)}))).is_ok());
        assert!(custom(&object(json!({"a": nested(JSON_DEPTH)}))).is_err());
    }

    #[test]
    fn tags_are_few_short_and_different() {
        let check = |list: &[&str]| tags(list.iter().map(|tag| (*tag).to_owned()).collect());
        assert_eq!(check(&["b", "a", "ä b"]).unwrap(), ["a", "b", "ä b"]);
        let ten: Vec<String> = (0..10).map(|n| n.to_string()).collect();
        assert!(tags(ten.clone()).is_ok());
        assert!(tags([ten, vec!["x".to_owned()]].concat()).is_err());
        assert!(check(&[&"é".repeat(30)]).is_ok());
        for bad in [&["a", "a"][..], &[""], &[" a"], &["a\nb"], &[&"é".repeat(31)]] {
            assert!(check(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn an_attachment_is_an_object_with_a_type() {
        for bad in
            [json!({}), json!({"type": 1}), json!({"type": "x", "a": "y".repeat(limits::ATTACHMENT_BYTES)})]
        {
            assert!(message("", &[object(bad)], &[], &Custom::default()).is_err());
        }
    }

    #[test]
    fn a_time_ahead_is_neither_too_soon_nor_too_far() {
        let now = DateTime::UNIX_EPOCH;
        let fits = |milliseconds: i64| future(now + Duration::milliseconds(milliseconds), now, 5).is_ok();
        let year = 365 * 24 * 3_600_000;
        assert_eq!([4_999, 5_000, year, year + 1].map(fits), [false, true, true, false]);
        for never in [DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC] {
            assert!(future(never, now, 5).is_err());
        }
        let odd = now + Duration::nanoseconds(5_000_000_999);
        assert_eq!(future(odd, now, 5).unwrap(), now + Duration::seconds(5));
    }

    #[test]
    fn an_image_is_a_web_address() {
        for (url, good) in
            [("https://a.example/x.png", true), ("javascript:alert(1)", false), ("https://a b", false)]
        {
            assert_eq!(image(Some(&url.to_owned())).is_ok(), good, "{url}");
        }
    }
}
