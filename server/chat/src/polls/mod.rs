//! Polls: a message that asks. Whoever may react may vote.
//!
//! The poll stands in its message's row, with the count of each option; a vote is a row of its own, written in the same
//! transaction under the channel's lock, so a timeline is read without looking at votes.

mod change;
pub mod routes;
pub mod store;
mod tally;

pub use tally::{check, created};
