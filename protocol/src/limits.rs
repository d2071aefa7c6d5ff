//! Every limit that a client can run into, in one place.

/// Characters (Unicode scalar values) of a message's text.
pub const TEXT_CHARS: usize = 20_000;
/// Bytes of custom data, serialised as JSON, on a user, channel or message.
pub const CUSTOM_BYTES: usize = 5 * 1024;
/// Attachments of one message.
pub const ATTACHMENTS: usize = 10;
/// Bytes of one attachment, serialised as JSON.
pub const ATTACHMENT_BYTES: usize = 5 * 1024;
/// Users mentioned by one message.
pub const MENTIONS: usize = 50;
/// Characters of a quoted message that are kept with the quotation.
pub const QUOTED_CHARS: usize = 300;
/// Users that a message names of those who replied to it.
pub const THREAD_PARTICIPANTS: usize = 10;
/// Channels that a message is forwarded to at once.
pub const FORWARD_CHANNELS: usize = 10;
/// Users or members in one batch request.
pub const BATCH: usize = 100;
/// Characters of a name of a user or channel, or of a task's title.
pub const NAME_CHARS: usize = 100;
/// Characters of an image's URL.
pub const URL_CHARS: usize = 2_048;
/// Characters of the second half of a `cid`.
pub const CHANNEL_SLUG_CHARS: usize = 64;
/// Members of a distinct (direct) channel, its creator included.
pub const DISTINCT_MEMBERS: usize = 20;
/// Items of a page, unless the request says otherwise.
pub const PAGE_DEFAULT: u32 = 50;
/// Items of a page at the most.
pub const PAGE_MAX: u32 = 100;
/// Items of a page of a user search, unless the request says otherwise.
pub const SEARCH_DEFAULT: u32 = 10;
/// Bytes of a request's body.
pub const BODY_BYTES: usize = 256 * 1024;
/// Depth of nested JSON arrays and objects in custom data and attachments.
pub const JSON_DEPTH: usize = 16;
