//! Which web pages may talk to the hub.
//!
//! A browser sends `Origin`, and a page of another site must not use a visitor's session. Native clients
//! send none and are let through: their token is what counts.

/// Whether a request with this origin is allowed: no origin, the hub's own host, or one of the patterns,
/// in which `*` stands for anything.
pub(crate) fn is_allowed(origin: Option<&str>, host: Option<&str>, patterns: &[String]) -> bool {
    let Some(origin) = origin.filter(|origin| !origin.is_empty()) else { return true };
    let origin = origin.to_ascii_lowercase();
    let own = origin.split_once("://").map(|(_, host)| host);
    if own.is_some_and(|own| host.is_some_and(|host| own.eq_ignore_ascii_case(host))) {
        return true;
    }
    patterns.iter().any(|pattern| matches(&pattern.to_ascii_lowercase(), &origin))
}

fn matches(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| text.strip_prefix(first)) else { return false };
    let Some(last) = parts.next_back() else { return rest.is_empty() };
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins() {
        let patterns = ["https://app.example".to_owned(), "https://*.example.com".to_owned()];
        for (origin, allowed) in [
            (None, true),
            (Some(""), true),
            (Some("https://app.example"), true),
            (Some("https://APP.example"), true),
            (Some("https://a.b.example.com"), true),
            (Some("http://chat.host:8000"), true),
            (Some("https://app.example.evil"), false),
            (Some("http://app.example"), false),
            (Some("https://example.com"), false),
            (Some("null"), false),
        ] {
            assert_eq!(is_allowed(origin, Some("chat.host:8000"), &patterns), allowed, "{origin:?}");
        }
        assert!(is_allowed(Some("https://any"), None, &["*".to_owned()]));
        assert!(matches("a*b*c", "a--b--c") && !matches("a*b*c", "a--c"));
    }
}
