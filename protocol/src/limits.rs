//! Every limit that a client can run into, in one place.

/// Characters (Unicode scalar values) of a message's text.
pub const TEXT_CHARS: usize = 20_000;
/// Bytes of custom data, serialised as JSON, on a user, channel or message.
pub const CUSTOM_BYTES: usize = 5 * 1024;
/// Attachments of one message.
pub const ATTACHMENTS: usize = 10;
/// Bytes of one attachment, serialised as JSON.
pub const ATTACHMENT_BYTES: usize = 5 * 1024;
/// Characters of an attachment's `type`.
pub const ATTACHMENT_TYPE_CHARS: usize = 64;
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
/// Minutes for which a deletion can be taken back, unless the app says otherwise.
pub const UNDELETE_MINUTES: u32 = 10;
/// Minutes for which a deletion can be taken back at the most: a day.
pub const UNDELETE_MINUTES_MOST: u32 = 1_440;
/// Days that messages are kept at the most, where they are not kept for good.
pub const RETENTION_DAYS_MOST: u32 = 3_650;
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
/// Characters of what a user says of their status.
pub const STATUS_TEXT_CHARS: usize = 100;
/// Connections to a channel above which those who watch it are only counted.
pub const WATCHERS: usize = 1_000;
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
/// Levels of `$and`, `$or` and `$nor` in a filter.
pub const FILTER_DEPTH: usize = 5;
/// Conditions of a filter.
pub const FILTER_CONDITIONS: usize = 50;
/// Values of one `$in` or `$nin`.
pub const FILTER_VALUES: usize = 100;
/// Bytes of a text in a filter.
pub const FILTER_TEXT_BYTES: usize = 1_024;
/// Keys of the order of a query.
pub const SORT_KEYS: usize = 3;
/// Channels of a page of a query.
pub const QUERY_CHANNELS: u32 = 30;
/// Newest messages of each channel of a query.
pub const QUERY_MESSAGES: u32 = 25;
/// First members of each channel of a query.
pub const QUERY_MEMBERS: u32 = 30;
/// Members of a channel up to which they are queried by any field; those of larger ones by their user ids.
pub const QUERY_MEMBERS_ANY: i32 = 10_000;
/// Messages that a page of a query looks at, however few of them it finds.
pub const QUERY_WINDOW: i64 = 5_000;
/// Users whose names are likest to what was typed, among which a query looks.
pub const QUERY_LIKEST: i64 = 1_000;
/// Changed rows of an answer of a sync, unless the request says otherwise.
pub const SYNC_ROWS: u32 = 500;
/// Changed rows of an answer of a sync at the most.
pub const SYNC_ROWS_MOST: u32 = 1_000;
/// Channels in an answer of a sync that begin anew, or of which only what is the user's own changed.
pub const SYNC_CHANNELS: usize = 30;
/// Channels with changed rows in an answer of a sync.
pub const SYNC_CHANGED: usize = 100;
/// Channels that a sync's cursor follows.
pub const SYNC_HELD: usize = 1_000;
/// Changes of one channel beyond which it begins anew.
pub const SYNC_BEHIND: i64 = 1_000;
/// Changes of all channels beyond which everything begins anew.
pub const SYNC_BEHIND_ALL: i64 = 20_000;
/// Days after which a cursor of a sync begins anew: less than what is over is told of.
pub const SYNC_DAYS: i64 = 28;
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
/// Bytes of one part of an import, and so of a line.
pub const IMPORT_PART_BYTES: usize = 5 * 1024 * 1024;
/// Parts of an import.
pub const IMPORT_PARTS: i32 = 400;
/// Refused lines that an import names.
pub const IMPORT_ERRORS: usize = 100;
/// Days that parts wait for their import to be started.
pub const IMPORT_DAYS: i64 = 7;
/// Days that the report of an import is kept.
pub const IMPORT_REPORT_DAYS: i64 = 30;
/// Days that an export is kept for download.
pub const EXPORT_DAYS: i64 = 7;
/// Bytes of an imported id that is no UUID.
pub const IMPORT_ID_BYTES: usize = 200;
