//! Making lines of what other systems export. Pure: what is read comes as JSON, what comes out is [`Line`]s.

pub mod matrix;
pub mod slack;

use parlor_protocol::limits::NAME_CHARS;
use parlor_protocol::transfer::{ChannelLine, UserLine};
use parlor_protocol::{ChannelConfig, Custom, UserId};
use serde_json::{Map, Value};

use crate::content::attachments::FILE_NAME_CHARS;

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
        hides_reads: false,
        hides_deliveries: false,
        hides_typing: false,
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

/// A file as an attachment that leads to where it is: as `url`, or, where that is no address of the web, as `uri`.
fn file(kind: &str, url: &str, name: Option<&str>, mime: Option<&str>, size: Option<i64>) -> Custom {
    let place = if image(Some(url)).is_some() { "url" } else { "uri" };
    let mut fields = Map::new();
    fields.insert("type".to_owned(), kind.into());
    fields.insert(place.to_owned(), url.into());
    fields.extend(name.map(|name| ("name".to_owned(), title(name))));
    fields.extend(mime.map(|mime| ("mime_type".to_owned(), title(mime))));
    fields.extend(size.filter(|size| *size >= 0).map(|size| ("file_size".to_owned(), size.into())));
    Custom(fields)
}

/// A text that fits as a name or title of an attachment.
fn title(text: &str) -> Value {
    text.chars().take(FILE_NAME_CHARS).collect::<String>().into()
}
