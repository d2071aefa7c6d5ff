//! Error, disconnect and unsubscribe codes: the protocol's vocabulary for "no".
//!
//! Numbers and texts are Centrifugo's (centrifugal.dev, "Error and disconnect codes"), because clients
//! that we did not write decide by them. A client reconnects after 3000–3499 and 4000–4499; codes in
//! 3500–3999 and 4500–4999 are terminal. After an unsubscribe code of 2500 or more it resubscribes.

use std::borrow::Cow;

/// The answer to one command that was refused; the connection lives on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct CommandError {
    /// Centrifugo's number, 100–113.
    pub code: u16,
    /// Centrifugo's text.
    pub message: &'static str,
    /// Whether the same command may succeed later.
    pub temporary: bool,
}

macro_rules! errors {
    ($($(#[$doc:meta])* $name:ident = $code:literal $text:literal $temporary:literal;)*) => {
        impl CommandError {
            $($(#[$doc])* pub const $name: Self = Self { code: $code, message: $text, temporary: $temporary };)*
        }
    };
}

errors! {
    /// The server failed; the client may retry.
    INTERNAL = 100 "internal server error" true;
    /// The request is unauthorised.
    UNAUTHORIZED = 101 "unauthorized" false;
    /// The channel's namespace does not exist.
    UNKNOWN_CHANNEL = 102 "unknown channel" false;
    /// The channel exists, this client may not do that with it.
    PERMISSION_DENIED = 103 "permission denied" false;
    /// The method does not exist.
    METHOD_NOT_FOUND = 104 "method not found" false;
    /// The client holds this subscription already.
    ALREADY_SUBSCRIBED = 105 "already subscribed" false;
    /// More channels than one client may have.
    LIMIT_EXCEEDED = 106 "limit exceeded" false;
    /// The command is malformed; retrying makes no sense.
    BAD_REQUEST = 107 "bad request" false;
    /// The feature is off for this channel.
    NOT_AVAILABLE = 108 "not available" false;
    /// The token's time is over: fetch a new one.
    TOKEN_EXPIRED = 109 "token expired" false;
    /// The connection's or subscription's time is over.
    EXPIRED = 110 "expired" false;
    /// Slow down.
    TOO_MANY_REQUESTS = 111 "too many requests" true;
    /// The stream no longer has what was asked for.
    UNRECOVERABLE_POSITION = 112 "unrecoverable position" false;
    /// The token was revoked: fetch a new one.
    TOKEN_REVOKED = 113 "token revoked" false;
}

/// Why the server ended a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disconnect {
    /// Close code, also the WebSocket close code.
    pub code: u16,
    /// Short text for logs, at most 123 bytes (RFC 6455 section 5.5).
    pub reason: Cow<'static, str>,
}

macro_rules! disconnects {
    ($($(#[$doc:meta])* $name:ident = $code:literal $text:literal;)*) => {
        impl Disconnect {
            $($(#[$doc])* pub const $name: Self = Self { code: $code, reason: Cow::Borrowed($text) };)*
        }
    };
}

disconnects! {
    /// WebSocket protocol error (RFC 6455 section 7.4.1).
    PROTOCOL_ERROR = 1002 "protocol error";
    /// Text that is not UTF-8.
    INVALID_PAYLOAD = 1007 "invalid utf-8";
    /// A message above the frame size limit.
    TOO_BIG = 1009 "message size limit";
    /// The peer left, or the network did. Never sent.
    CONNECTION_CLOSED = 3000 "connection closed";
    /// The server shuts down.
    SHUTDOWN = 3001 "shutdown";
    /// The server failed.
    SERVER_ERROR = 3004 "internal server error";
    /// The connection's token ran out and was not refreshed in time.
    EXPIRED = 3005 "connection expired";
    /// A server-side subscription's time is over.
    SUBSCRIPTION_EXPIRED = 3006 "subscription expired";
    /// The client reads too slowly.
    SLOW = 3008 "slow";
    /// Writing failed.
    WRITE_ERROR = 3009 "write error";
    /// The position of a server-side subscription is lost.
    INSUFFICIENT_STATE = 3010 "insufficient state";
    /// The server asks for a new connection.
    FORCE_RECONNECT = 3011 "force reconnect";
    /// No answer to a ping.
    NO_PONG = 3012 "no pong";
    /// Too many commands.
    TOO_MANY_REQUESTS = 3013 "too many requests";
    /// The token is not ours.
    INVALID_TOKEN = 3500 "invalid token";
    /// A malformed frame or a command out of order.
    BAD_REQUEST = 3501 "bad request";
    /// No connect command in time.
    STALE = 3502 "stale";
    /// The server asks for no new connection.
    FORCE_NO_RECONNECT = 3503 "force disconnect";
    /// Too many connections of this user.
    CONNECTION_LIMIT = 3504 "connection limit";
    /// Too many channels.
    CHANNEL_LIMIT = 3505 "channel limit";
    /// The message type is not available.
    NOT_AVAILABLE = 3508 "not available";
}

impl Disconnect {
    /// A disconnect of our own: codes 4000–4499 reconnect, 4500–4999 do not.
    pub fn new(code: u16, reason: impl Into<Cow<'static, str>>) -> Self {
        Self { code, reason: reason.into() }
    }

    /// Whether a client reconnects after this code.
    pub fn reconnects(&self) -> bool {
        self.code < 3500 || self.code >= 5000 || (4000..4500).contains(&self.code)
    }
}

/// Why the server ended a subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unsubscribe {
    /// Below 2500 the client stays unsubscribed, from 2500 on it resubscribes.
    pub code: u16,
    /// Short text for logs.
    pub reason: &'static str,
}

impl Unsubscribe {
    /// Taken away by the server, for example when membership ended.
    pub const SERVER: Self = Self { code: 2000, reason: "server unsubscribe" };
    /// The stream was replaced: resubscribe and recover.
    pub const INSUFFICIENT_STATE: Self = Self { code: 2500, reason: "insufficient state" };
    /// The subscription token ran out and was not refreshed in time.
    pub const EXPIRED: Self = Self { code: 2501, reason: "subscription expired" };
}

/// How a command may fail: with an error reply, or with the end of the connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    Error(CommandError),
    Disconnect(Disconnect),
}

impl From<CommandError> for Refusal {
    fn from(error: CommandError) -> Self {
        Self::Error(error)
    }
}

impl From<Disconnect> for Refusal {
    fn from(disconnect: Disconnect) -> Self {
        Self::Disconnect(disconnect)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terminal_codes_do_not_reconnect() {
        for (code, reconnects) in
            [(3000, true), (3499, true), (3500, false), (3999, false), (4000, true), (4500, false)]
        {
            assert_eq!(Disconnect::new(code, "x").reconnects(), reconnects, "{code}");
        }
    }
}
