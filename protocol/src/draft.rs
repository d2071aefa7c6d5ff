//! Drafts: what a user has begun to write, on all of their devices.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::content::{Content, ContentType, GroupMentions, reads_content_as_text};
use crate::{ChannelId, Custom, MessageId, UserId};

/// What may become a message: the same limits, but any part may still be missing.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
#[serde(remote = "Self")]
pub struct DraftContent {
    /// Markdown, at most 20,000 characters.
    #[serde(default)]
    pub text: String,
    /// What kind of message it is to be: as on a send.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_type: Option<ContentType>,
    /// A TipTap document, of which the text is made, or another JSON object: as on a send. A string is read as `text`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<Content>,
    /// Up to ten JSON objects, each with a `type`.
    #[serde(default)]
    pub attachments: Vec<Custom>,
    /// Users that it mentions, at most 50. Whether they exist is asked when it is sent.
    #[serde(default)]
    pub mentions: Vec<UserId>,
    /// Whom it calls beside those.
    #[serde(default, skip_serializing_if = "GroupMentions::is_empty")]
    pub group_mentions: GroupMentions,
    /// The writer's own fields, at most 5 KiB.
    #[serde(default)]
    pub custom: Custom,
    /// The message that it quotes.
    #[serde(default)]
    pub reply_to_id: Option<MessageId>,
}

impl DraftContent {
    /// Whether nothing is in it but blanks.
    pub fn is_empty(&self) -> bool {
        let Self {
            text,
            content_type: _,
            content,
            attachments,
            mentions,
            group_mentions,
            custom,
            reply_to_id,
        } = self;
        text.trim().is_empty()
            && content.is_none()
            && group_mentions.is_empty()
            && attachments.is_empty()
            && mentions.is_empty()
            && custom.0.is_empty()
            && reply_to_id.is_none()
    }
}

reads_content_as_text!(DraftContent);

/// The draft of the calling user in a channel or thread; there is one of each.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(example = crate::examples::draft))]
pub struct Draft {
    /// Where it would be sent to.
    pub channel_id: ChannelId,
    /// Root of the thread, `null` for the main timeline.
    pub parent_id: Option<MessageId>,
    /// What was written.
    #[serde(flatten)]
    pub content: DraftContent,
    /// The user's own `seq` of its last change.
    pub user_seq: i64,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
}

/// Writes the draft of a channel or thread, whatever was there before. One that is empty is deleted.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(example = crate::examples::put_draft))]
#[serde(deny_unknown_fields)]
pub struct PutDraft {
    /// Root of the thread, left out for the main timeline.
    #[serde(default)]
    pub parent_id: Option<MessageId>,
    /// What was written.
    #[serde(flatten)]
    pub content: DraftContent,
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn read(body: Value) -> Result<PutDraft, serde_json::Error> {
        serde_json::from_value(body)
    }

    #[test]
    fn a_draft_is_empty_without_anything_to_send() {
        for empty in [json!({}), json!({ "text": " \n" }), json!({ "parent_id": MessageId::new() })] {
            assert!(read(empty.clone()).unwrap().content.is_empty(), "{empty}");
        }
        for begun in [
            json!({ "text": "x" }),
            json!({ "mentions": ["ann"] }),
            json!({ "group_mentions": { "here": true } }),
            json!({ "content": { "type": "doc" } }),
            json!({ "custom": { "a": 1 } }),
            json!({ "attachments": [{}] }),
            json!({ "reply_to_id": MessageId::new() }),
        ] {
            assert!(!read(begun.clone()).unwrap().content.is_empty(), "{begun}");
        }
    }

    #[test]
    fn unknown_and_repeated_fields_are_refused() {
        assert!(read(json!({ "tekst": "x" })).is_err());
        assert!(serde_json::from_str::<PutDraft>(r#"{"text":"x","content":"y"}"#).is_err());
        assert_eq!(read(json!({ "content": "x" })).unwrap().content.text, "x");
    }
}
