//! Leave to connect and to hear, typing, and how both end.

mod end;
pub mod routes;
pub mod typing;

use parlor_platform::outbox::{Command, Disconnect, DisconnectCode, Unsubscribe};
use parlor_protocol::{AppId, ChannelId, UserId, event};

/// Codes of 4500 to 4999 are ours and terminal: the client must not reconnect by itself.
pub const DEACTIVATED: (u32, &str) = (4500, "user deactivated");
/// The token was revoked: with a new one the client may connect again.
pub const REVOKED: (u32, &str) = (4501, "token revoked");

/// The app is not served: with the same token the client may connect again when it is.
pub const SUSPENDED: (u32, &str) = (4502, "app suspended");

pub use end::disconnect_app;

/// Ends all connections of a user.
pub fn disconnect(user: String, why: (u32, &str)) -> Command {
    Command::Disconnect(Disconnect { user, disconnect: code(why) })
}

fn code((code, reason): (u32, &str)) -> DisconnectCode {
    DisconnectCode { code, reason: reason.to_owned() }
}

/// Takes a channel away from a user whose membership ended.
pub fn unsubscribe(app: AppId, user: &UserId, channel: ChannelId) -> Command {
    Command::Unsubscribe(Unsubscribe {
        user: event::realtime_user(app, user),
        channel: event::channel_topic(channel),
    })
}
