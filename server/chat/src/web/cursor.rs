//! Cursors: opaque to the client, `list-name` and position inside, so that one list's can't be given to another.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use parlor_platform::{Error, Result};
use parlor_protocol::ErrorCode;
use parlor_protocol::limits::{PAGE_DEFAULT, PAGE_MAX};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Writes a position of a list.
pub fn encode<T: Serialize>(list: &str, position: &T) -> Result<String> {
    let text = serde_json::to_string(&(list, position)).map_err(Error::internal)?;
    Ok(URL_SAFE_NO_PAD.encode(text))
}

/// Reads a position of the list of this name.
pub fn decode<T: DeserializeOwned>(list: &str, cursor: Option<&str>) -> Result<Option<T>> {
    let Some(cursor) = cursor else { return Ok(None) };
    let bytes = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| ErrorCode::InvalidCursor)?;
    if super::body::has_nul(&bytes) {
        return Err(ErrorCode::InvalidCursor.into());
    }
    let (name, position) =
        serde_json::from_slice::<(String, T)>(&bytes).map_err(|_| ErrorCode::InvalidCursor)?;
    if name == list { Ok(Some(position)) } else { Err(ErrorCode::InvalidCursor.into()) }
}

/// The size of a page: what was asked for, within the bounds.
pub fn limit(asked: Option<u32>) -> Result<usize> {
    match asked.unwrap_or(PAGE_DEFAULT) {
        size @ 1..=PAGE_MAX => usize::try_from(size).map_err(Error::internal),
        _ => Err(Error::with(ErrorCode::InvalidParameter, format!("`limit` is 1 to {PAGE_MAX}."))),
    }
}

/// How many rows to ask for, to see whether a page of this size is the last.
pub fn one_more(size: usize) -> i64 {
    i64::try_from(size).unwrap_or(i64::MAX).saturating_add(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_works_only_for_its_list() {
        let cursor = encode("users", &"ann").unwrap();
        assert_eq!(decode::<String>("users", Some(&cursor)).unwrap().as_deref(), Some("ann"));
        for bad in [Some(cursor.as_str()), Some("?"), Some("AAAA"), Some("")] {
            assert_eq!(decode::<String>("channels", bad).unwrap_err().code(), ErrorCode::InvalidCursor);
        }
        assert_eq!(decode::<String>("users", None).unwrap(), None);
    }
}
