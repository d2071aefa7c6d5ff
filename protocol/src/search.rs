//! What a search finds.

use serde::{Deserialize, Serialize};

use crate::Message;

/// A message that was found, and why.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(example = crate::examples::found_message))]
pub struct FoundMessage {
    /// The message as it is now.
    pub message: Message,
    /// About 200 characters of its text around the first find, in parts; put together they are the text to show. Where
    /// the text goes on an ellipsis stands.
    pub snippet: Vec<SnippetPart>,
}

/// A part of a snippet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
pub struct SnippetPart {
    /// The text.
    pub text: String,
    /// Whether this is what was looked for: highlight it.
    pub found: bool,
}
