//! Stars: messages that a user keeps for themselves.
//!
//! A star is a flag of the user's row of the message, beside read and mentioned; see [`crate::fanout::Flags`], which keeps
//! those. Both work under the channel's lock of flags, so neither undoes what the other does.

pub mod routes;
mod star;
pub mod store;
