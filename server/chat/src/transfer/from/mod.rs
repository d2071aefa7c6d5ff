//! Making lines of what other systems export. Pure: what is read comes as JSON, what comes out is [`Line`]s.

pub mod matrix;
pub mod slack;

use parlor_protocol::limits::NAME_CHARS;
use parlor_protocol::transfer::{ChannelLine, UserLine};
use parlor_protocol::{ChannelConfig, Custom, UserId};
use serde_json::{Map, Value};

/// A text of JSON, or nothing.
fn text<'a>(value: &'a Value, path: &str) -> Option<&'a str> {
    value.pointer(path).and_then(Value::as_str).filter(|text| !text.is_empty())
}

/// A name that fits.
fn name(text: &str) -> String {
    text.chars().take(NAME_CHARS).collect()
}

/// A picture's address, where it is one.
fn image(url: Option<&str>) -> Option<String> {
    let url = url.map(str::to_owned)?;
    crate::validate::image(Some(&url)).is_ok().then_some(url)
}

/// A slug of what may be none: other characters become hyphens.
fn slug(text: &str) -> String {
    let fits = |char: char| char.is_ascii_alphanumeric() || char == '-' || char == '_';
    text.chars().map(|char| if fits(char) { char } else { '-' }).take(64).collect()
}

fn user(id: UserId) -> UserLine {
    UserLine {
        id,
        name: None,
        image: None,
        custom: Custom::default(),
        guest: false,
        created_at: None,
        deactivated_at: None,
    }
}

fn channel(cid: String) -> ChannelLine {
    ChannelLine {
        cid,
        distinct: Vec::new(),
        name: None,
        image: None,
        custom: Custom::default(),
        tags: Vec::new(),
        config: ChannelConfig::default(),
        created_by: None,
        created_at: None,
    }
}

/// A file as an attachment that leads to where it is.
fn link(kind: &str, url: &str, title: Option<&str>, mime: Option<&str>, size: Option<i64>) -> Custom {
    let mut fields = Map::new();
    fields.insert("type".to_owned(), kind.into());
    fields.insert("url".to_owned(), url.into());
    if let Some(title) = title {
        fields.insert("title".to_owned(), title.chars().take(300).collect::<String>().into());
    }
    if let Some(mime) = mime {
        fields.insert("mime_type".to_owned(), mime.into());
    }
    if let Some(size) = size {
        fields.insert("size".to_owned(), size.into());
    }
    Custom(fields)
}
