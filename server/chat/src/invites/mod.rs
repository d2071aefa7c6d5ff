//! Invitations: somebody may become a member by saying so.
//!
//! States: pending → accepted, rejected or revoked; pending with its time run out is expired, which is computed. Whoever
//! becomes a member in another way has accepted. A new invitation after the end of one takes its row.
//!
//! An invitation belongs to who is invited: its changes carry the user's own `seq` and are told on the user's channel. The
//! channel hears of it when it is accepted, as of any new member. Who invited hears of a rejection.

mod answer;
mod invite;
pub mod routes;
pub mod store;

pub use invite::{invite, revoke};
