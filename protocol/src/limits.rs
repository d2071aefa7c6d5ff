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
/// Groups mentioned by one message.
pub const MENTIONED_GROUPS: usize = 10;
/// Members of a channel beyond which only moderators mention all of them, or all who are here.
pub const MENTION_ALL_MEMBERS: i32 = 250;
/// Users of a group.
pub const GROUP_MEMBERS: i32 = 1_000;
/// Users to whom a message is visible that not all may read, its author and moderators left out.
pub const VISIBLE_TO: usize = 100;
/// Bytes of a message's `content`, serialised as JSON.
pub const CONTENT_BYTES: usize = 64 * 1024;
/// Nodes of a document.
pub const CONTENT_NODES: usize = 2_000;
/// Nodes of a document inside of each other.
pub const CONTENT_DEPTH: usize = 12;
/// Samples of the waveform of a voice message.
pub const WAVEFORM_SAMPLES: usize = 256;
/// Hours that a live location is shared at the most.
pub const LIVE_LOCATION_HOURS: i64 = 24;
/// Seconds between two positions of a live location, at the least.
pub const LIVE_LOCATION_INTERVAL_S: i64 = 3;
/// Messages of one user that wait for approval in a channel.
pub const PENDING_MESSAGES: usize = 100;
/// Characters of a reaction's type.
pub const REACTION_CHARS: usize = 50;
/// The highest score of a reaction.
pub const REACTION_SCORE: i32 = 1_000;
/// Types of reactions on one message.
pub const REACTION_TYPES: usize = 100;
/// Pinned messages of one channel.
pub const PINS: usize = 50;
/// Characters of a quoted message that are kept with the quotation.
pub const QUOTED_CHARS: usize = 300;
/// Users that a message names of those who replied to it.
pub const THREAD_PARTICIPANTS: usize = 10;
/// Channels that a message is forwarded to at once.
pub const FORWARD_CHANNELS: usize = 10;
/// Users or members in one batch request.
pub const BATCH: usize = 100;
/// Items of one batch that is worked off in the background.
pub const JOB_ITEMS: usize = 1_000;
/// Errors that a job keeps.
pub const JOB_ERRORS: usize = 100;
/// Bytes of the body of such a batch.
pub const JOB_BODY_BYTES: usize = 2 * 1024 * 1024;
/// Operations on counters in one request.
pub const COUNTER_OPERATIONS: usize = 20;
/// What a counter is at the most, and, negated, at the least: the integers that JSON readers keep exactly.
pub const COUNTER_MOST: i64 = (1 << 53) - 1;
/// Tags of a channel.
pub const TAGS: usize = 10;
/// Characters of a tag.
pub const TAG_CHARS: usize = 30;
/// Days that an invitation can be answered, unless the request says otherwise.
pub const INVITE_DAYS: i64 = 7;
/// Days that an invitation can be answered at the most.
pub const INVITE_DAYS_MOST: i64 = 365;
/// Characters of an access code.
pub const ACCESS_CODE_CHARS: usize = 8;
/// Wrong access codes that a user may name in an hour.
pub const ACCESS_CODE_TRIES: usize = 10;
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
/// Options that a poll begins with.
pub const POLL_OPTIONS_ASKED: usize = 20;
/// Options of a poll, suggested ones included; nobody votes for more.
pub const POLL_OPTIONS: usize = 50;
/// Characters of an option of a poll.
pub const POLL_OPTION_CHARS: usize = 100;
/// Characters of what is searched for.
pub const SEARCH_CHARS: usize = 200;
/// Words and phrases of one search.
pub const SEARCH_TERMS: usize = 10;
/// Channels, authors, mentioned users or types of attachments that one search names.
pub const SEARCH_FILTERS: usize = 20;
/// Bytes of a request's body.
pub const BODY_BYTES: usize = 256 * 1024;
/// Depth of nested JSON arrays and objects in custom data and attachments.
pub const JSON_DEPTH: usize = 16;
/// Seconds from now, at the least, for a message to be sent at a time.
pub const SCHEDULE_AHEAD_S: i64 = 5;
/// Days from now, at the most, for a message to be sent or a reminder to be given.
pub const AHEAD_DAYS: i64 = 365;
/// Messages of one user that wait to be sent.
pub const SCHEDULED_MESSAGES: usize = 100;
/// Reminders of one user that are not done.
pub const REMINDERS: usize = 250;
/// Characters of the note of a reminder.
pub const NOTE_CHARS: usize = 200;
