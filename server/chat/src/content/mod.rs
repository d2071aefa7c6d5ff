//! What a message says, whatever its form: words, a document, a machine's object, attachments.
//!
//! `text` is what search, push, quotations and lists read, so it is there in every form. Whoever takes a message in, to
//! send it now or later, to keep it as a draft, or in the place of another, has its parts [settled](settle): the kind
//! follows from what is there, a document is checked and its text and mentions are made of it. What was settled and is
//! settled again stays as it is.

pub mod attachments;
mod nameless;
mod tiptap;

use parlor_platform::{Error, Result};
use parlor_protocol::limits::{CONTENT_BYTES, JSON_DEPTH, MENTIONED_GROUPS};
use parlor_protocol::message::{SendMessage, UpdateMessage};
use parlor_protocol::{Content, ContentType, Custom, ErrorCode, GroupMentions, Patch, UserId};
use serde_json::Value;

pub use nameless::{labels, uncalled, without};

use crate::channels::update::custom_after;
use crate::users::store::custom;
use crate::validate::depth;

/// The parts that belong together.
pub struct Parts<'a> {
    pub text: &'a mut String,
    /// `None` for somebody's words, and for polls.
    pub kind: &'a mut Option<ContentType>,
    pub content: &'a mut Option<Content>,
    pub mentions: &'a mut Vec<UserId>,
    pub group_mentions: &'a mut GroupMentions,
    pub attachments: &'a [Custom],
    pub is_poll: bool,
}

impl<'a> Parts<'a> {
    /// Those of a message to send.
    pub fn of(message: &'a mut SendMessage) -> Self {
        Self {
            text: &mut message.text,
            kind: &mut message.content_type,
            content: &mut message.content,
            mentions: &mut message.mentions,
            group_mentions: &mut message.group_mentions,
            attachments: &message.attachments,
            is_poll: message.poll.is_some(),
        }
    }
}

/// Puts what an edit names in the place of what a message said, to be settled. Words replace a document; another document
/// says whom it mentions, unless the request does.
pub fn replace(said: &mut SendMessage, new: UpdateMessage) -> Result<()> {
    let UpdateMessage {
        text,
        content_type,
        content,
        mentions,
        group_mentions,
        attachments,
        custom: whole,
        custom_set,
        custom_unset,
    } = new;
    let holds = |kind: Option<ContentType>| {
        use ContentType as T;
        !matches!(kind, None | Some(T::Text | T::Markdown | T::FileAttachment | T::Poll))
    };
    if text.is_some()
        && content.is_none()
        && content_type.is_none()
        && said.content_type == Some(ContentType::Tiptap)
    {
        (said.content, said.content_type) = (None, None);
    }
    if let Some(kind) = content_type {
        said.content = said.content.take().filter(|_| holds(Some(kind)));
        said.content_type = Some(kind);
    }
    if let Some(content) = content {
        if content_type.is_none() && !holds(said.content_type) {
            said.content_type = None;
        }
        if content.fields().get("type").is_some_and(|kind| kind == "doc") {
            said.mentions.clear();
            said.group_mentions = GroupMentions::default();
        }
        said.content = Some(content);
    }
    said.text = text.unwrap_or_else(|| std::mem::take(&mut said.text));
    said.mentions = mentions.unwrap_or_else(|| std::mem::take(&mut said.mentions));
    said.group_mentions = group_mentions.unwrap_or_else(|| std::mem::take(&mut said.group_mentions));
    said.attachments = attachments.unwrap_or_else(|| std::mem::take(&mut said.attachments));
    let whole = whole.map_or(Patch::Absent, Patch::Set);
    let old = Value::Object(said.custom.0.clone());
    if let Some(fields) = custom_after(&old, whole, custom_set, custom_unset)? {
        said.custom = custom(fields);
    }
    Ok(())
}

/// Settles a message that is complete.
pub fn settle(parts: Parts<'_>) -> Result<()> {
    let Parts { text, kind, content, attachments, is_poll, .. } = settle_begun(parts)?;
    let refuse = |why: &str| Err(Error::with(ErrorCode::InvalidContent, why));
    match kind {
        Some(ContentType::Tiptap) if content.is_none() => {
            refuse("A `tiptap` message has its document as `content`.")
        }
        Some(ContentType::JsonProposal | ContentType::AgentCommandResponse) if content.is_none() => {
            refuse("`content` has the object that `content_type` names.")
        }
        Some(ContentType::JsonProposal | ContentType::AgentCommandResponse) if text.trim().is_empty() => {
            refuse("A message whose `content` is an object needs a `text` that says it in words.")
        }
        Some(ContentType::FileAttachment) if attachments.is_empty() => {
            refuse("A `file_attachment` has an attachment.")
        }
        Some(ContentType::Poll) if !is_poll => refuse("A `poll` has a `poll`."),
        _ => {
            // What follows from the rest is not noted.
            *kind = kind.filter(|kind| *kind != ContentType::Poll);
            Ok(())
        }
    }
}

/// Settles what may still lack something. Gives the parts back.
pub fn settle_begun(parts: Parts<'_>) -> Result<Parts<'_>> {
    let refuse = |why: &str| Err(Error::with(ErrorCode::InvalidContent, why));
    count_groups(parts.group_mentions)?;
    let kind = match (*parts.kind, parts.content.as_ref()) {
        (Some(ContentType::Deleted), _) => {
            return refuse("`deleted` is what a message becomes when it is deleted.");
        }
        (None, Some(content)) if content.fields().get("type").is_some_and(|kind| kind == "doc") => {
            Some(ContentType::Tiptap)
        }
        (None, Some(_)) => return refuse("`content_type` says what the object in `content` is."),
        (
            Some(ContentType::Text | ContentType::Markdown | ContentType::FileAttachment | ContentType::Poll),
            Some(_),
        ) => return refuse("A message of this `content_type` has no `content`."),
        (Some(ContentType::Text), None) => None,
        (kind, _) => kind,
    };
    *parts.kind = kind;
    if let Some(content) = parts.content.as_ref() {
        let bytes = serde_json::to_vec(content).map_or(usize::MAX, |bytes| bytes.len());
        if bytes > CONTENT_BYTES {
            return refuse("`content` has more than 64 KiB.");
        }
        if kind == Some(ContentType::Tiptap) {
            let document = tiptap::read(content.fields())?;
            *parts.text = document.text;
            merge(parts.mentions, document.mentions);
            let groups = parts.group_mentions;
            groups.channel |= document.groups.channel;
            groups.here |= document.groups.here;
            merge(&mut groups.roles, document.groups.roles);
            merge(&mut groups.groups, document.groups.groups);
            return check_groups(Parts { group_mentions: groups, ..parts });
        }
        if content.fields().values().any(|value| depth(value) >= JSON_DEPTH) {
            return refuse("`content` is nested more than 16 deep.");
        }
    }
    check_groups(parts)
}

fn check_groups(parts: Parts<'_>) -> Result<Parts<'_>> {
    let GroupMentions { roles, groups, .. } = &mut *parts.group_mentions;
    roles.sort_unstable();
    roles.dedup();
    groups.sort_unstable();
    groups.dedup();
    count_groups(parts.group_mentions)?;
    Ok(parts)
}

fn count_groups(mentioned: &GroupMentions) -> Result<()> {
    if mentioned.groups.len() > MENTIONED_GROUPS { Err(ErrorCode::TooManyMentions.into()) } else { Ok(()) }
}

/// Adds what is not there yet.
fn merge<T: PartialEq>(all: &mut Vec<T>, more: Vec<T>) {
    for one in more {
        if !all.contains(&one) {
            all.push(one);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn settled(body: Value) -> Result<SendMessage, ErrorCode> {
        let mut message: SendMessage = serde_json::from_value(body).unwrap();
        settle(Parts::of(&mut message)).map_err(|error| error.code())?;
        let mut again = message.clone();
        settle(Parts::of(&mut again)).unwrap();
        assert_eq!(again, message, "what is settled stays so");
        Ok(message)
    }

    #[test]
    fn the_kind_follows_from_what_is_there() {
        let doc = json!({ "type": "doc", "content": [
            { "type": "paragraph", "content": [
                { "type": "text", "text": "Hi " }, { "type": "mention", "attrs": { "id": "ann", "label": "Ann" } },
            ] },
        ] });
        let read = settled(json!({ "text": "ignored", "content": doc, "mentions": ["ben", "ann"] })).unwrap();
        assert_eq!((read.text.as_str(), read.content_type), ("Hi @Ann", Some(ContentType::Tiptap)));
        assert_eq!(json!(read.mentions), json!(["ben", "ann"]), "each once");
        let kind = |body: Value| settled(body).map(|message| message.content_type);
        assert_eq!(kind(json!({ "text": "x", "content_type": "text" })), Ok(None));
        assert_eq!(kind(json!({ "text": "x", "content_type": "markdown" })), Ok(Some(ContentType::Markdown)));
        let poll = json!({ "text": "x", "content_type": "poll", "poll": { "options": ["a", "b"] } });
        assert_eq!(kind(poll), Ok(None));
        let proposal = json!({ "text": "x", "content_type": "json_proposal", "content": { "type": "doc" } });
        assert_eq!(kind(proposal), Ok(Some(ContentType::JsonProposal)), "what it says it is, it is");
    }

    #[test]
    fn what_does_not_fit_together_is_refused() {
        for wrong in [
            json!({ "text": "x", "content": {} }),
            json!({ "text": "x", "content_type": "text", "content": {} }),
            json!({ "text": "x", "content_type": "markdown", "content": { "type": "doc" } }),
            json!({ "text": "x", "content_type": "tiptap" }),
            json!({ "text": "x", "content_type": "tiptap", "content": { "type": "paragraph" } }),
            json!({ "text": "x", "content_type": "json_proposal" }),
            json!({ "text": " ", "content_type": "agent_command_response", "content": {} }),
            json!({ "text": "x", "content_type": "file_attachment" }),
            json!({ "text": "x", "content_type": "poll" }),
            json!({ "text": "x", "content_type": "deleted" }),
        ] {
            assert_eq!(settled(wrong.clone()), Err(ErrorCode::InvalidContent), "{wrong}");
        }
    }

    #[test]
    fn objects_are_limited_in_bytes_and_depth() {
        let object = |content: Value| {
            settled(json!({ "text": "x", "content_type": "json_proposal", "content": content })).map(drop)
        };
        // {"a":"…"} has eight bytes around the text.
        assert_eq!(object(json!({ "a": "x".repeat(CONTENT_BYTES - 8) })), Ok(()));
        assert_eq!(object(json!({ "a": "x".repeat(CONTENT_BYTES - 7) })), Err(ErrorCode::InvalidContent));
        let nested = |levels: usize| (1..levels).fold(json!({}), |inner, _| json!({ "a": inner }));
        assert_eq!(object(nested(JSON_DEPTH)), Ok(()));
        assert_eq!(object(nested(JSON_DEPTH + 1)), Err(ErrorCode::InvalidContent));
    }

    #[test]
    fn groups_are_named_once_and_at_most_ten() {
        let ids = |count: u128| (0..count).map(|n| json!(uuid::Uuid::from_u128(n))).collect::<Vec<_>>();
        let named = |groups: Vec<Value>| {
            settled(json!({ "text": "x", "group_mentions": { "groups": groups } }))
                .map(|message| message.group_mentions.groups.len())
        };
        assert_eq!(named(ids(10)), Ok(10));
        assert_eq!(named([ids(5), ids(5)].concat()), Ok(5));
        assert_eq!(named([ids(10), ids(1)].concat()), Err(ErrorCode::TooManyMentions));
        assert_eq!(named(ids(11)), Err(ErrorCode::TooManyMentions));
    }
}
