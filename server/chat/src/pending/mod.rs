//! Messages of channels where they need a moderator's approval.
//!
//! A message of an ordinary member is checked like any other, and then kept here instead of in the channel: it has no
//! `seq`, counts for nobody, and is known to its author and the moderators. Once it is approved it goes through the writers
//! of messages like any other, under its own id, and takes its numbers then.
//!
//! States of a row: waiting → approved → gone, in that order each in a transaction of its own with the sending between the
//! last two; or waiting → gone, rejected or taken back. Whoever approves again, after a crash or beside another moderator,
//! sends the same message and gets the same answer. What its author may no longer send waits again, with the error as the
//! answer.

mod approve;
mod change;
mod hold;
mod moderators;
pub mod routes;
pub mod store;

pub use hold::hold;
