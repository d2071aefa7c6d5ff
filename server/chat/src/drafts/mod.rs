//! Drafts: what a user has begun to write, one in each channel and thread, on all of their devices.
//!
//! They belong to the user alone and take the user's `seq`. Sending leaves them as they are, because it must not pay for
//! them: the client that sends deletes. A draft of a channel that its user has left is refused and not listed; it is
//! there again when the user is. A deleted one leaves a tombstone without content, for devices that were away.

pub mod routes;
mod save;
pub mod store;
