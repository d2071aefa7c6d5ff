//! Attributes and marks of a node, and whether their values fit.

use std::sync::LazyLock;

use parlor_platform::Result;
use parlor_protocol::limits::{NAME_CHARS, URL_CHARS};
use serde_json::Value;

use super::path::{Path, Step, wrong};
use super::{Node, kind};

/// An attribute: its name, whether it must be there, and whether a value fits.
pub(super) type Rule = (&'static str, bool, fn(&Value) -> bool);

/// The attributes of a node or mark.
pub(super) fn attrs<'a>(node: &'a Node, path: Path<'_>, rules: &[Rule]) -> Result<&'a Node> {
    static NONE: LazyLock<Node> = LazyLock::new(Node::new);
    let path = path.key("attrs");
    let attrs = match node.get("attrs") {
        None | Some(Value::Null) => &*NONE,
        Some(Value::Object(attrs)) => attrs,
        Some(_) => return Err(wrong(path, "an object was expected")),
    };
    for (key, value) in attrs {
        let Some((_, _, fits)) = rules.iter().find(|(name, _, _)| name == key) else {
            return Err(wrong(path.key(key), "there is no such attribute here"));
        };
        if !value.is_null() && !fits(value) {
            return Err(wrong(path.key(key), "the value does not fit"));
        }
    }
    let missing =
        rules.iter().find(|(name, needed, _)| *needed && attrs.get(*name).is_none_or(Value::is_null));
    match missing {
        Some((name, _, _)) => Err(wrong(path.key(name), "this is needed")),
        None => Ok(attrs),
    }
}

/// The marks of a node in a line.
pub(super) fn marks(node: &Node, path: Path<'_>) -> Result<()> {
    let path = path.key("marks");
    let marks = match node.get("marks") {
        None => return Ok(()),
        Some(Value::Array(marks)) => marks,
        Some(_) => return Err(wrong(path, "a list of marks was expected")),
    };
    let mut seen = Vec::new();
    for (at, mark) in marks.iter().enumerate() {
        let path = Path { up: Some(&path), step: Step::Index(at) };
        let mark = mark.as_object().ok_or_else(|| wrong(path, "a mark was expected"))?;
        let kind = kind(mark, path)?;
        if let Some(key) = mark.keys().find(|key| !["type", "attrs"].contains(&key.as_str())) {
            return Err(wrong(path.key(key), "this has no place here"));
        }
        match kind {
            "bold" | "italic" | "underline" | "strike" | "code" => attrs(mark, path, &[])?,
            "link" => attrs(
                mark,
                path,
                &[
                    ("href", true, is_href),
                    ("target", false, |value| value == "_blank"),
                    ("rel", false, is_label),
                    ("title", false, is_label),
                    ("class", false, Value::is_null),
                ],
            )?,
            _ => return Err(wrong(path.key("type"), "there is no such mark")),
        };
        if seen.contains(&kind) {
            return Err(wrong(path, "a mark is there once"));
        }
        seen.push(kind);
    }
    Ok(())
}

pub(super) fn is_align(value: &Value) -> bool {
    value.as_str().is_some_and(|align| ["left", "center", "right", "justify"].contains(&align))
}

pub(super) fn is_level(value: &Value) -> bool {
    value.as_u64().is_some_and(|level| (1..=6).contains(&level))
}

pub(super) fn is_start(value: &Value) -> bool {
    value.as_u64().is_some_and(|start| start <= 1_000_000)
}

pub(super) fn is_language(value: &Value) -> bool {
    is_short(value, 40)
}

pub(super) fn is_label(value: &Value) -> bool {
    is_short(value, NAME_CHARS)
}

pub(super) fn is_char(value: &Value) -> bool {
    is_short(value, 1)
}

fn is_short(value: &Value, most: usize) -> bool {
    value.as_str().is_some_and(|text| text.chars().count() <= most && !text.chars().any(char::is_control))
}

fn is_href(value: &Value) -> bool {
    value.as_str().is_some_and(|href| {
        let scheme = href.split_once(':').map(|(scheme, _)| scheme.to_ascii_lowercase());
        scheme.is_some_and(|scheme| ["http", "https", "mailto"].contains(&scheme.as_str()))
            && href.chars().count() <= URL_CHARS
            && !href.chars().any(|char| char.is_whitespace() || char.is_control())
    })
}
