//! What each caller gets from each operation: `ok`, or the code of the error.
//!
//! The channel is of the type `team`, not open, and has an owner and a guest beside the caller. Messages are the
//! caller's own where it is a member, the owner's otherwise.

/// The columns.
pub const CALLERS: [&str; 11] = [
    "no token",
    "garbage",
    "other user",
    "other server",
    "non-member",
    "guest",
    "member",
    "moderator",
    "admin",
    "owner",
    "server",
];

type Line = [&'static str; 11];

const T: &str = "missing_token";
const G: &str = "invalid_token";
const C: &str = "channel_not_found";
const M: &str = "message_not_found";
const N: &str = "not_a_member";
const K: &str = "task_not_found";
const F: &str = "forbidden";
const S: &str = "server_only";
const U: &str = "user_only";
const I: &str = "invite_not_found";
const A: &str = "access_code_unknown";
const J: &str = "job_not_found";
const L: &str = "scheduled_not_found";
const P: &str = "pending_not_found";
const R: &str = "group_not_found";
const X: &str = "export_not_found";
const Y: &str = "import_not_found";
const OK: &str = "ok";

/// Users of the app alike, whatever their role in a channel.
const fn users(
    other_user: &'static str,
    other_server: &'static str,
    user: &'static str,
    server: &'static str,
) -> Line {
    [T, G, other_user, other_server, user, user, user, user, user, user, server]
}

/// In a channel, by role.
const fn roles(
    guest: &'static str,
    member: &'static str,
    moderator: &'static str,
    admin: &'static str,
    owner: &'static str,
) -> Line {
    [T, G, C, C, N, guest, member, moderator, admin, owner, OK]
}

/// In a channel, by role, for users only.
const fn own(guest: &'static str, others: &'static str) -> Line {
    [T, G, C, U, N, guest, others, others, others, others, U]
}

/// Of a message, which who is not in the channel does not find.
const fn message(guest: &'static str) -> Line {
    [T, G, M, M, M, guest, OK, OK, OK, OK, OK]
}

/// Of a message, for moderators.
const MODERATE: Line = [T, G, M, M, M, F, F, OK, OK, OK, OK];
/// Of a message, for members, each for themselves.
const KEEP: Line = [T, G, M, U, M, OK, OK, OK, OK, OK, U];
/// The same, for users only.
const OWN_MESSAGE: Line = [T, G, M, U, M, OK, OK, OK, OK, OK, U];

/// Of a task that the server made, which who is not in the channel does not find.
const fn task(member: &'static str) -> Line {
    [T, G, K, K, K, F, member, OK, OK, OK, OK]
}

const ANYBODY: Line = users(OK, OK, OK, OK);
const USER: Line = users(OK, U, OK, U);
const SERVER: Line = users(S, OK, S, OK);
const READ: Line = roles(OK, OK, OK, OK, OK);
const SEND: Line = roles(F, OK, OK, OK, OK);
const ADMINISTER: Line = roles(F, F, F, OK, OK);
const OWN: Line = own(OK, OK);

/// Of a scheduled message, the caller's own where it is a member, of which nobody else learns.
const fn scheduled(guest: &'static str) -> Line {
    [T, G, L, L, L, guest, OK, OK, OK, OK, OK]
}

/// Of another member's message that waits for approval, of which only moderators learn.
const fn pending(moderator: &'static str) -> Line {
    [T, G, P, P, P, P, P, moderator, moderator, moderator, OK]
}

/// Of a user's own thing that is not there.
const fn none_of_ones_own(code: &'static str) -> Line {
    users(code, U, code, U)
}

/// The lines. Another tenant's secret acts in its own app, where this app's ids are unknown.
pub const TABLE: &[(&str, Line)] = &[
    ("GET /app", SERVER),
    ("PATCH /app", SERVER),
    ("POST /tokens", SERVER),
    ("POST /tokens/revoke", users(S, "user_not_found", S, OK)),
    // Asks for the public key in a header, whoever calls.
    ("POST /guests", [T; 11]),
    ("PUT /users", SERVER),
    ("GET /users", ANYBODY),
    ("GET /users/search", ANYBODY),
    ("GET /search/messages", ANYBODY),
    ("GET /users/me", USER),
    ("GET /users/me/messages", USER),
    ("GET /users/me/settings", USER),
    ("PATCH /users/me/settings", USER),
    ("GET /users/{id}", ANYBODY),
    ("PUT /users/{id}", SERVER),
    ("PATCH /users/{id}", ANYBODY),
    ("POST /users/{id}/deactivate", SERVER),
    ("POST /users/{id}/reactivate", SERVER),
    ("GET /unread", USER),
    ("POST /channels/query", ANYBODY),
    ("POST /users/query", ANYBODY),
    ("POST /channels/{id}/members/query", READ),
    ("POST /messages/query", READ),
    ("GET /sync", USER),
    ("POST /sync", USER),
    ("GET /channels", ANYBODY),
    ("POST /channels", ANYBODY),
    ("GET /channels/{id}", READ),
    ("PATCH /channels/{id}", ADMINISTER),
    ("PUT /channels/{id}", ADMINISTER),
    ("POST /channels/{id}/counters", ADMINISTER),
    ("POST /channels/{id}/truncate", ADMINISTER),
    ("DELETE /channels/{id}", roles(F, F, F, F, OK)),
    ("GET /channels/{id}/changes", READ),
    ("GET /channels/{id}/members", READ),
    ("POST /channels/{id}/members", ADMINISTER),
    ("PATCH /channels/{id}/members/{user_id}", ADMINISTER),
    ("DELETE /channels/{id}/members/{user_id}", roles(F, F, OK, OK, OK)),
    ("PATCH /channels/{id}/membership", OWN),
    ("POST /channels/{id}/transfer", [T, G, C, U, N, F, F, F, F, OK, U]),
    ("GET /channels/{id}/invites", ADMINISTER),
    // To who is not invited, a channel that is there is no other than one that they are in.
    ("POST /channels/{id}/invite/accept", [T, G, C, U, I, I, I, I, I, I, U]),
    ("POST /channels/{id}/invite/reject", [T, G, C, U, I, I, I, I, I, I, U]),
    ("GET /invites", USER),
    ("GET /channels/{id}/access_code", ADMINISTER),
    ("POST /channels/{id}/access_code", ADMINISTER),
    ("DELETE /channels/{id}/access_code", ADMINISTER),
    ("POST /channels/join", users(A, U, A, U)),
    ("POST /channels/batch", SERVER),
    ("POST /channels/{id}/members/batch", users(S, C, S, OK)),
    ("GET /jobs/{id}", users(S, J, S, J)),
    // Users delete nobody but themselves.
    ("DELETE /users/{id}", users(F, OK, F, OK)),
    ("GET /user_deletions/{id}", users(S, "deletion_not_found", S, "deletion_not_found")),
    ("POST /users/{id}/export", SERVER),
    ("GET /exports/{id}", users(S, X, S, X)),
    ("GET /exports/{id}/parts/{number}", users(S, X, S, X)),
    ("POST /imports", SERVER),
    ("GET /imports/{id}", users(S, Y, S, Y)),
    // What is sent to it here is no lines.
    ("PUT /imports/{id}/parts/{number}", users(S, "unsupported_media_type", S, "unsupported_media_type")),
    ("POST /imports/{id}/start", users(S, Y, S, Y)),
    ("POST /channels/{id}/join", OWN),
    ("POST /channels/{id}/leave", OWN),
    ("GET /channels/{id}/messages", READ),
    ("POST /channels/{id}/messages", SEND),
    ("GET /rooms/{id}/messages", READ),
    ("POST /rooms/{id}/messages", SEND),
    ("GET /messages/room/{id}", READ),
    ("POST /channels/{id}/ephemeral_messages", roles(F, F, OK, OK, OK)),
    ("GET /channels/{id}/pending_messages", READ),
    ("PATCH /pending_messages/{id}", pending(F)),
    ("DELETE /pending_messages/{id}", pending(F)),
    ("POST /pending_messages/{id}/approve", pending(OK)),
    ("POST /pending_messages/{id}/reject", pending(OK)),
    ("GET /channels/{id}/live_locations", READ),
    ("PATCH /messages/{id}/location", message(OK)),
    ("DELETE /messages/{id}/location", message(OK)),
    ("POST /user_groups", SERVER),
    ("GET /user_groups", ANYBODY),
    ("GET /user_groups/{id}", users(R, R, OK, OK)),
    ("PATCH /user_groups/{id}", users(S, R, S, OK)),
    ("DELETE /user_groups/{id}", users(S, R, S, OK)),
    ("GET /user_groups/{id}/members", users(R, R, OK, OK)),
    ("POST /user_groups/{id}/members", users(S, R, S, OK)),
    ("DELETE /user_groups/{id}/members/{user_id}", users(S, R, S, OK)),
    ("GET /messages/{id}", message(OK)),
    ("PATCH /messages/{id}", message(F)),
    ("DELETE /messages/{id}", message(OK)),
    // Of a message that is not deleted, for who could have deleted it.
    ("POST /messages/{id}/undelete", message(OK)),
    ("GET /messages/{id}/history", MODERATE),
    ("GET /messages/{id}/reads", message(OK)),
    ("GET /messages/{id}/deliveries", message(OK)),
    ("GET /messages/{id}/reactions", message(OK)),
    ("POST /messages/{id}/reactions", message(F)),
    ("POST /messages/{id}/react", message(F)),
    ("DELETE /messages/{id}/reactions/{type}", message(F)),
    ("GET /messages/{id}/poll/votes", message(OK)),
    ("PUT /messages/{id}/poll/votes", message(F)),
    ("POST /messages/{id}/poll/options", message(F)),
    ("POST /messages/{id}/poll/close", message(OK)),
    ("POST /messages/{id}/pin", MODERATE),
    ("DELETE /messages/{id}/pin", MODERATE),
    ("GET /channels/{id}/pins", READ),
    ("PUT /messages/{id}/star", KEEP),
    ("DELETE /messages/{id}/star", KEEP),
    // What each channel says to it is in the answer.
    ("POST /messages/{id}/forward", message(OK)),
    ("GET /messages/{id}/thread", OWN_MESSAGE),
    ("POST /messages/{id}/thread/read", OWN_MESSAGE),
    ("PUT /messages/{id}/thread/follow", OWN_MESSAGE),
    ("DELETE /messages/{id}/thread/follow", OWN_MESSAGE),
    ("GET /threads", USER),
    ("POST /messages/{id}/task", message(F)),
    ("GET /channels/{id}/tasks", READ),
    ("GET /tasks", USER),
    ("PATCH /tasks/{id}", task(OK)),
    ("DELETE /tasks/{id}", task(F)),
    ("POST /channels/{id}/read", OWN),
    ("POST /channels/read", USER),
    ("POST /channels/{id}/delivered", OWN),
    ("POST /channels/delivered", USER),
    ("POST /channels/{id}/unread", OWN),
    ("POST /channels/{id}/typing", own(F, OK)),
    ("PUT /channels/{id}/draft", OWN),
    ("GET /channels/{id}/draft", own("draft_not_found", "draft_not_found")),
    ("DELETE /channels/{id}/draft", OWN),
    ("GET /drafts", USER),
    ("POST /channels/{id}/scheduled_messages", SEND),
    ("GET /scheduled_messages", ANYBODY),
    ("GET /scheduled_messages/{id}", scheduled(OK)),
    ("PATCH /scheduled_messages/{id}", scheduled(F)),
    ("DELETE /scheduled_messages/{id}", scheduled(OK)),
    ("PUT /messages/{id}/reminder", [T, G, M, U, M, OK, OK, OK, OK, OK, U]),
    ("DELETE /messages/{id}/reminder", none_of_ones_own("reminder_not_found")),
    ("POST /messages/{id}/reminder/done", none_of_ones_own("reminder_not_found")),
    ("GET /reminders", USER),
    ("POST /users/presence", ANYBODY),
    ("PATCH /users/me/presence", USER),
    ("POST /users/me/activity", USER),
    ("POST /realtime/goodbye", USER),
    ("GET /channels/{id}/watchers", READ),
    ("POST /realtime/connection", USER),
    ("POST /realtime/subscription", OWN),
];
