//! What a message is made of beside its text: a document, or a machine's object.
//!
//! # TipTap documents
//!
//! A `content` whose `type` is `doc` is a document of TipTap. It is read strictly: a node, mark or attribute that is not
//! listed here refuses the message, and the error says where it stands. Attributes may be left out or `null`, except where
//! it says that they are needed.
//!
//! | node | inside of it | attributes |
//! |---|---|---|
//! | `doc` | blocks, at least one | |
//! | `paragraph` | inline | `textAlign` |
//! | `heading` | inline | `level` 1 to 6 (needed), `textAlign` |
//! | `blockquote` | blocks, at least one | |
//! | `bulletList` | `listItem`, at least one | |
//! | `orderedList` | `listItem`, at least one | `start` 0 to 1,000,000, `type` only `null` |
//! | `listItem` | blocks, at least one | |
//! | `taskList` | `taskItem`, at least one | |
//! | `taskItem` | blocks, at least one | `checked` |
//! | `codeBlock` | `text` without marks | `language`, at most 40 characters |
//! | `horizontalRule` | nothing | |
//! | `hardBreak` (inline) | nothing | |
//! | `mention` (inline) | nothing | `id` (needed), `label` at most 100 characters, `kind`, `mentionSuggestionChar` one character |
//! | `text` (inline) | nothing; `text` is not empty | |
//!
//! Blocks are `paragraph`, `heading`, `blockquote`, the lists, `codeBlock` and `horizontalRule`. `textAlign` is `left`,
//! `center`, `right` or `justify`. A mention's `kind` is `user` (the default; `id` is the user's), `channel` or `here` (`id`
//! is the same word), `role` (`id` is the role) or `group` (`id` is the group's): the message mentions them as if the
//! request had named them.
//!
//! Marks of a text are `bold`, `italic`, `underline`, `strike`, `code` and `link`, each at most once. A link has `href`
//! (needed): `http:`, `https:` or `mailto:`, at most 2,048 characters without spaces; and may have `target` (only `_blank`),
//! `rel` and `title` (at most 100 characters), `class` (only `null`).
//!
//! A document has at most 64 KiB, 2,000 nodes, and 12 nodes inside of each other. The text that search, push, quotations and
//! lists show is made of it: blocks and hard breaks are lines, items have a bullet, number or box, a mention is `@` with its
//! label, marks leave no trace.

use std::sync::LazyLock;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use crate::{Custom, Role, UserGroupId};

/// What kind of message it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ContentType {
    /// Somebody's words, Markdown or plain.
    #[default]
    Text,
    /// Words that are meant to be read as Markdown.
    Markdown,
    /// `content` is a TipTap document, of which `text` was made.
    Tiptap,
    /// `content` is what somebody proposes, in the customer's own form; `text` says it in words.
    JsonProposal,
    /// `content` is what an agent made of a command; `text` says it in words.
    AgentCommandResponse,
    /// It is about its attachments.
    FileAttachment,
    /// It asks something: see `poll`.
    Poll,
    /// The server tells what happened. It is `silent`.
    System,
    /// It was deleted.
    Deleted,
}

impl ContentType {
    /// All kinds.
    pub const ALL: [Self; 9] = [
        Self::Text,
        Self::Markdown,
        Self::Tiptap,
        Self::JsonProposal,
        Self::AgentCommandResponse,
        Self::FileAttachment,
        Self::Poll,
        Self::System,
        Self::Deleted,
    ];

    /// The kind's name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Markdown => "markdown",
            Self::Tiptap => "tiptap",
            Self::JsonProposal => "json_proposal",
            Self::AgentCommandResponse => "agent_command_response",
            Self::FileAttachment => "file_attachment",
            Self::Poll => "poll",
            Self::System => "system",
            Self::Deleted => "deleted",
        }
    }

    /// The kind of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

/// A JSON object of at most 64 KiB: a TipTap document, or what `content_type` says.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "utoipa", schema(value_type = Object))]
#[serde(transparent)]
pub struct Content(Value);

impl Content {
    /// Its fields.
    pub fn fields(&self) -> &Map<String, Value> {
        static NONE: LazyLock<Map<String, Value>> = LazyLock::new(Map::new);
        self.0.as_object().unwrap_or(&NONE)
    }

    /// The object as a value.
    pub fn value(&self) -> &Value {
        &self.0
    }
}

impl From<Custom> for Content {
    fn from(fields: Custom) -> Self {
        Self(Value::Object(fields.0))
    }
}

impl<'de> Deserialize<'de> for Content {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match crate::custom::value(deserializer)? {
            // A text is told from an object by whoever has both; see [`reads_content_as_text`].
            value @ (Value::Object(_) | Value::String(_)) => Ok(Self(value)),
            _ => Err(serde::de::Error::custom("an object was expected")),
        }
    }
}

/// Where a text is put that came as `content`.
pub(crate) trait TextField {
    /// `false`: there is one already.
    fn put(&mut self, text: String) -> bool;
}

impl TextField for String {
    fn put(&mut self, text: String) -> bool {
        let is_free = self.is_empty();
        if is_free {
            *self = text;
        }
        is_free
    }
}

impl TextField for Option<String> {
    fn put(&mut self, text: String) -> bool {
        let is_free = self.is_none();
        if is_free {
            *self = Some(text);
        }
        is_free
    }
}

/// Moves a `content` that is a text to where texts are.
pub(crate) fn settle<E: serde::de::Error>(
    text: &mut impl TextField,
    content: &mut Option<Content>,
) -> Result<(), E> {
    if let Some(Content(Value::String(_))) = content
        && let Some(Content(Value::String(words))) = content.take()
        && !text.put(words)
    {
        return Err(E::custom("`text` and `content` are both a text"));
    }
    Ok(())
}

/// Reads and writes a type that has `text` and `content`, derived with `#[serde(remote = "Self")]`. A `content` that is a
/// text and no object is the `text`, as clients of older forms call it.
macro_rules! reads_content_as_text {
    ($($kind:ty),+ $(,)?) => {$(
        impl<'de> serde::Deserialize<'de> for $kind {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let mut read = Self::deserialize(deserializer)?;
                $crate::content::settle(&mut read.text, &mut read.content)?;
                Ok(read)
            }
        }

        impl serde::Serialize for $kind {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                Self::serialize(self, serializer)
            }
        }
    )+};
}
pub(crate) use reads_content_as_text;

/// Whom a message calls beside the users that it names. Who that is, is found out by the server.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct GroupMentions {
    /// All members of the channel: `@channel`.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub channel: bool,
    /// The members who are online: `@here`.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub here: bool,
    /// The members who have one of these roles in the channel: `@moderator`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<Role>,
    /// Those of these groups who are members of the channel, at most 10 groups.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<UserGroupId>,
}

impl GroupMentions {
    /// Whether nobody is called.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether it calls by what somebody is in the channel, which not everybody may do.
    pub fn calls_channel(&self) -> bool {
        self.channel || self.here || !self.roles.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{SendMessage, UpdateMessage};
    use serde_json::json;

    fn send(body: &str) -> Result<SendMessage, serde_json::Error> {
        serde_json::from_str(body)
    }

    #[test]
    fn content_that_is_a_text_is_the_text() {
        let read = send(r#"{"content":"x"}"#).unwrap();
        assert_eq!((read.text.as_str(), &read.content), ("x", &None));
        let read = send(r#"{"content":{"type":"doc"},"text":"y"}"#).unwrap();
        assert_eq!((read.text.as_str(), read.content.unwrap().fields()["type"].as_str()), ("y", Some("doc")));
        for wrong in [
            r#"{"text":"x","content":"y"}"#,
            r#"{"content":1}"#,
            r#"{"content":[]}"#,
            r#"{"content":{"$serde_json::private::Number":"1"}}"#,
        ] {
            assert!(send(wrong).is_err(), "{wrong}");
        }
        let edit: UpdateMessage = serde_json::from_str(r#"{"content":""}"#).unwrap();
        assert_eq!(edit.text.as_deref(), Some(""));
    }

    #[test]
    fn kinds_have_the_names_that_serde_gives_them() {
        for kind in ContentType::ALL {
            assert_eq!(json!(kind), json!(kind.as_str()));
            assert_eq!(ContentType::parse(kind.as_str()), Some(kind));
        }
    }
}
