//! The one table of errors: code, HTTP status, whether a retry can help, and what it means.

use serde::{Deserialize, Serialize};

macro_rules! error_codes {
    ($($variant:ident = $code:tt, $status:literal, retry: $retry:literal, $meaning:literal;)+) => {
        /// A code of the error table. Codes are never renamed or used for something else.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
        pub enum ErrorCode {
            $(#[doc = $meaning] #[serde(rename = $code)] $variant,)+
        }

        impl ErrorCode {
            /// The whole table.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The code on the wire.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $code,)+ }
            }

            /// The HTTP status that carries it.
            pub fn status(self) -> u16 {
                match self { $(Self::$variant => $status,)+ }
            }

            /// Whether the same request may succeed later.
            pub fn retryable(self) -> bool {
                match self { $(Self::$variant => $retry,)+ }
            }

            /// What it means and what to do.
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$variant => $meaning,)+ }
            }
        }
    };
}

error_codes! {
    InvalidJson = "invalid_json", 400, retry: false, "The body is not JSON, not UTF-8, or nested too deeply.";
    InvalidRequest = "invalid_request", 400, retry: false, "A field is missing, unknown or of the wrong type.";
    InvalidParameter = "invalid_parameter", 400, retry: false, "A part of the path or query has the wrong form.";
    InvalidCursor = "invalid_cursor", 400, retry: false, "The cursor was not made by this list. Start from the first page.";
    InvalidId = "invalid_id", 400, retry: false, "An id has the wrong form: UUIDs for channels and messages, 1 to 64 bytes for users.";
    NulByte = "nul_byte", 400, retry: false, "A text contains the character U+0000, which cannot be stored.";
    TextTooLong = "text_too_long", 422, retry: false, "The text has more than 20,000 characters.";
    EmptyMessage = "empty_message", 422, retry: false, "A message needs text or an attachment.";
    TooManyAttachments = "too_many_attachments", 422, retry: false, "A message has at most 10 attachments.";
    InvalidAttachment = "invalid_attachment", 422, retry: false, "An attachment is a JSON object of at most 5 KiB with a text `type` of at most 64 characters, and with the fields of its type in their form.";
    InvalidContent = "invalid_content", 422, retry: false, "The content is no TipTap document as documented, is larger than 64 KiB, or does not fit its type; the message says where.";
    TooManyMentions = "too_many_mentions", 422, retry: false, "A message mentions at most 50 users and 10 groups.";
    GroupUnknown = "group_unknown", 422, retry: false, "The request names a group of users that the app does not have.";
    InvalidVisibility = "invalid_visibility", 422, retry: false, "`visible_to` names 1 to 100 different users, whom a user finds in the channel, and such a message calls no groups.";
    TooManyPending = "too_many_pending", 422, retry: false, "At most 100 messages of a user wait for approval in a channel.";
    CustomTooLarge = "custom_too_large", 422, retry: false, "Custom data is at most 5 KiB of JSON, nested at most 16 deep.";
    NameTooLong = "name_too_long", 422, retry: false, "A name or title has at most 100 characters.";
    InvalidUrl = "invalid_url", 422, retry: false, "An image is an http or https URL of at most 2,048 characters.";
    InvalidTag = "invalid_tag", 422, retry: false, "A channel has at most 10 different tags of 1 to 30 characters each.";
    BatchTooLarge = "batch_too_large", 422, retry: false, "A batch has 1 to 100 items, one for the background 1 to 1,000; an import 400 parts of 1 line or more.";
    TooManyMembers = "too_many_members", 422, retry: false, "A distinct channel has 2 to 20 members, a group of users at most 1,000.";
    InvalidPoll = "invalid_poll", 422, retry: false, "A poll begins with 2 to 20 different options of 1 to 100 characters, has 50 at most, and allows a user 1 to 50 votes.";
    InvalidVote = "invalid_vote", 422, retry: false, "The vote names an option that the poll does not have, or more options than it allows.";
    InvalidSearch = "invalid_search", 422, retry: false, "A search has 1 to 200 characters and 1 to 10 words or phrases, of which one is not excluded.";
    InvalidFilter = "invalid_filter", 422, retry: false, "The filter or order names an unknown field or operator, a value of the wrong type, or is too large.";
    QueryNotServable = "query_not_servable", 422, retry: false, "No index serves this filter or order. The message names the field and what would make it servable.";
    InvalidThread = "invalid_thread", 422, retry: false, "The parent or quoted message is not in this channel, or is itself a reply; replies can't be pinned.";
    InvalidReaction = "invalid_reaction", 422, retry: false, "A reaction's type has 1 to 50 characters, no spaces among them; its score is 1 to 1,000.";
    TooManyReactions = "too_many_reactions", 422, retry: false, "A message has at most 100 types of reactions.";
    TooManyPins = "too_many_pins", 422, retry: false, "A channel has at most 50 pinned messages. Unpin one first.";
    InvalidTime = "invalid_time", 422, retry: false, "The time is too soon or too far: messages are sent 5 seconds to 365 days from now, reminders are given within 365 days.";
    InvalidStatus = "invalid_status", 422, retry: false, "A status is online, idle, away, dnd or invisible, with at most 100 characters of text and a colour as #rrggbb.";
    NoteTooLong = "note_too_long", 422, retry: false, "The note of a reminder has at most 200 characters.";
    TooManyScheduled = "too_many_scheduled", 422, retry: false, "At most 100 messages of a user wait to be sent.";
    TooManyReminders = "too_many_reminders", 422, retry: false, "A user has at most 250 reminders that are not done.";
    UserUnknown = "user_unknown", 422, retry: false, "The request names a user that was never registered, or is deactivated.";
    ReservedId = "reserved_id", 422, retry: false, "No user may have this id: `me` and `search` are addresses of their own.";
    MissingToken = "missing_token", 401, retry: false, "Send `Authorization: Bearer` with a user token or a server secret.";
    InvalidToken = "invalid_token", 401, retry: false, "The token or secret is not valid for any key of any app.";
    TokenExpired = "token_expired", 401, retry: false, "The token has expired. Get a new one and repeat the request.";
    TokenRevoked = "token_revoked", 401, retry: false, "The token was revoked. Get a new one.";
    UserNotRegistered = "user_not_registered", 401, retry: false, "The token's user was never registered with this app.";
    UserDeactivated = "user_deactivated", 403, retry: false, "The user is deactivated.";
    AppSuspended = "app_suspended", 403, retry: false, "The app is suspended.";
    Forbidden = "forbidden", 403, retry: false, "The caller's role does not allow this.";
    NotAMember = "not_a_member", 403, retry: false, "The caller is not, or no longer, a member of the channel.";
    ServerOnly = "server_only", 403, retry: false, "Only the customer's server may do this, with the secret.";
    UserOnly = "user_only", 403, retry: false, "Only a user may do this, with a user token.";
    ChannelFrozen = "channel_frozen", 403, retry: false, "The channel is frozen; only admins and owners send.";
    ApprovalNeeded = "approval_needed", 403, retry: false, "Messages of this channel need approval, so what was sent is not edited, and gets no options or titles of other words. Delete it and send another one.";
    GuestsDisabled = "guests_disabled", 403, retry: false, "The app does not let guests in.";
    GuestForbidden = "guest_forbidden", 403, retry: false, "Guests may not do this: they neither list users nor create channels.";
    MessageRestricted = "message_restricted", 403, retry: false, "Not everybody may read this message, so it is not forwarded, pinned or made a task.";
    PollAnonymous = "poll_anonymous", 403, retry: false, "Nobody learns who voted in an anonymous poll.";
    LastOwner = "last_owner", 409, retry: false, "The channel's only owner must make somebody else owner first.";
    NotFound = "not_found", 404, retry: false, "There is nothing at this address.";
    UserNotFound = "user_not_found", 404, retry: false, "The app has no such user.";
    ChannelNotFound = "channel_not_found", 404, retry: false, "The app has no such channel, or it was deleted.";
    MessageNotFound = "message_not_found", 404, retry: false, "There is no such message.";
    PollNotFound = "poll_not_found", 404, retry: false, "The message is no poll.";
    DraftNotFound = "draft_not_found", 404, retry: false, "The user has no draft here.";
    ScheduledNotFound = "scheduled_not_found", 404, retry: false, "There is no such scheduled message.";
    PendingNotFound = "pending_not_found", 404, retry: false, "There is no such message that waits for approval.";
    GroupNotFound = "group_not_found", 404, retry: false, "The app has no such group of users.";
    LocationNotFound = "location_not_found", 404, retry: false, "The message shares no live location.";
    ReminderNotFound = "reminder_not_found", 404, retry: false, "The user has no reminder of this message.";
    TaskNotFound = "task_not_found", 404, retry: false, "There is no such task.";
    MemberNotFound = "member_not_found", 404, retry: false, "The user is not a member of the channel.";
    InviteNotFound = "invite_not_found", 404, retry: false, "There is no such invitation: it was answered, taken back, or its time has run out.";
    AccessCodeUnknown = "access_code_unknown", 404, retry: false, "No channel has this code, or no longer.";
    JobNotFound = "job_not_found", 404, retry: false, "The app has no such job.";
    ImportNotFound = "import_not_found", 404, retry: false, "The app has no such import, or it was forgotten.";
    ExportNotFound = "export_not_found", 404, retry: false, "The app has no such export, or it was forgotten, or it has no such part yet.";
    DeletionNotFound = "deletion_not_found", 404, retry: false, "The app has no such deletion of a user.";
    MethodNotAllowed = "method_not_allowed", 405, retry: false, "The address exists, but not with this method; see `Allow`.";
    MessageIdReused = "message_id_reused", 409, retry: false, "A message with this id exists and is not this one. Make a new id.";
    MessageDeleted = "message_deleted", 409, retry: false, "The message was deleted.";
    UndeleteExpired = "undelete_expired", 409, retry: false, "The message was deleted for good, or too long ago to take it back.";
    NoReceipts = "no_receipts", 409, retry: false, "The channel has no such receipts: they are switched off, it is a livestream, or it has too many members.";
    CounterMismatch = "counter_mismatch", 409, retry: false, "A field is not what it was compared with, is no integer, or would leave the range; nothing was changed.";
    PollClosed = "poll_closed", 409, retry: false, "The poll is closed.";
    LocationEnded = "location_ended", 409, retry: false, "The live location is no longer shared.";
    NotWaiting = "not_waiting", 409, retry: false, "The scheduled or pending message is being sent, or is over: it can't be changed any more.";
    ImportStarted = "import_started", 409, retry: false, "The import was started: it takes no more parts.";
    UserBeingDeleted = "user_being_deleted", 409, retry: true, "The user with this id is being deleted; the id is free again when that is done.";
    IdempotencyConflict = "idempotency_conflict", 409, retry: false, "This `Idempotency-Key` was used for another request.";
    BodyTooLarge = "body_too_large", 413, retry: false, "The body has more than 256 KiB, of a batch for the background 2 MiB, of a part of an import 5 MiB.";
    UnsupportedMediaType = "unsupported_media_type", 415, retry: false, "Send `Content-Type: application/json`, for a part of an import `application/x-ndjson`, without `Content-Encoding`.";
    RateLimited = "rate_limited", 429, retry: true, "Too many requests. Wait for `Retry-After` seconds.";
    Internal = "internal", 500, retry: true, "Something went wrong on our side. Report the request id.";
    Unavailable = "unavailable", 503, retry: true, "The service cannot take this now. Wait for `Retry-After` seconds.";
}

/// The body of every error.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(example = crate::examples::error_body))]
pub struct ErrorBody {
    /// The error.
    pub error: ErrorDetail,
}

/// What went wrong.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
pub struct ErrorDetail {
    /// Code of the error table.
    pub code: ErrorCode,
    /// For the developer, in English.
    pub message: String,
    /// Whether the same request may succeed later.
    pub retryable: bool,
    /// Path of the page that explains it.
    pub doc: String,
    /// Quote this when you report a problem; also in the header `X-Request-Id`.
    pub request_id: String,
}
