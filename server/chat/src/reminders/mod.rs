//! Reminders: messages that a user saved for later, with a time or without.
//!
//! States: saved (no time), waiting → due, done; a done one is taken up again by saving the message again. They belong to
//! the user alone and take the user's `seq`. Each shows its message as long as the user may read it: when the message is
//! deleted or the channel left, the reminder stays without it. A deleted one leaves a tombstone without its note, for
//! devices that were away.

mod change;
pub mod give;
pub mod routes;
pub mod store;
