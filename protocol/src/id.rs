//! Ids as newtypes, so that a channel's id can't be passed where a message's is wanted.

use serde::{Deserialize, Deserializer, Serialize};
use uuid::Uuid;

macro_rules! uuid_id {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl $name {
            /// A new time-ordered id (UUID version 7).
            pub fn new() -> Self {
                Self(Uuid::now_v7())
            }
        }

        impl Default for $name {
            fn default() -> Self {
                Self::new()
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = uuid::Error;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }

        impl From<Uuid> for $name {
            fn from(id: Uuid) -> Self {
                Self(id)
            }
        }
    )+};
}

uuid_id! {
    /// A tenant: one customer application.
    AppId,
    /// A channel, unique across all apps.
    ChannelId,
    /// A message. The client makes it (UUID version 7) and sends it again on every retry.
    MessageId,
    /// A task.
    TaskId,
    /// One event: the key by which consumers and clients drop a repetition.
    EventId,
    /// Work in the background.
    JobId,
    /// A group of users.
    UserGroupId,
    /// What moves in.
    ImportId,
    /// What moves out.
    ExportId,
    /// The end of a user.
    DeletionId,
}

/// The customer's own id of a user: 1 to 64 bytes of UTF-8 without control characters.
///
/// 64, because the id stands percent-encoded in a realtime channel name of at most 255 ASCII bytes.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
#[serde(transparent)]
pub struct UserId(String);

/// The text is no user id: empty, longer than 64 bytes, or with a control character.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidUserId;

impl std::fmt::Display for InvalidUserId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a user id has 1 to 64 bytes and no control characters")
    }
}

impl std::error::Error for InvalidUserId {}

impl UserId {
    /// The longest id, in bytes.
    pub const MAX_BYTES: usize = 64;

    /// Ids that nobody may have, because `/users/me` and `/users/search` are addresses of their own.
    pub const RESERVED: [&'static str; 2] = ["me", "search"];

    /// Checks the text's length and characters.
    pub fn new(text: impl Into<String>) -> Result<Self, InvalidUserId> {
        let text = text.into();
        if text.is_empty() || text.len() > Self::MAX_BYTES || text.chars().any(char::is_control) {
            return Err(InvalidUserId);
        }
        Ok(Self(text))
    }

    /// The id as the customer wrote it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The id as it stands in a realtime channel name: every byte outside `[A-Za-z0-9_.~-]` as `%XX`.
    pub fn percent_encoded(&self) -> String {
        let mut out = String::with_capacity(self.0.len());
        for byte in self.0.bytes() {
            if byte.is_ascii_alphanumeric() || b"_.~-".contains(&byte) {
                out.push(char::from(byte));
            } else {
                out.push_str(&format!("%{byte:02X}"));
            }
        }
        out
    }
}

impl std::fmt::Display for UserId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::str::FromStr for UserId {
    type Err = InvalidUserId;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::new(text)
    }
}

impl<'de> Deserialize<'de> for UserId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_id_is_limited_in_length_and_characters() {
        assert!(UserId::new("a".repeat(64)).is_ok());
        for bad in [String::new(), "a".repeat(65), "a\0b".to_owned(), "a\nb".to_owned()] {
            assert_eq!(UserId::new(bad), Err(InvalidUserId));
        }
    }

    #[test]
    fn a_percent_encoded_id_is_ascii_without_separators() {
        let id = UserId::new("ann:#1 é").unwrap();
        assert_eq!(id.percent_encoded(), "ann%3A%231%20%C3%A9");
    }
}
